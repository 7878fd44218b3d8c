"""What a session keeps beside its masks if asked to, and how it flags stacks unlike training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from memory_source import MemorySource
from trusting import package_with, seen

from livesr.errors import ModelError
from livesr.session import run_session
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.session import Plan
    from livesr.types import StackIndex

STRUCTURES = ["er", "mitochondria"]


def segmented(folder: Path) -> list[dict]:
    journal = open_session(folder).journal()
    return [line for line in journal if line["event"] == "stack_segmented"]


@pytest.mark.parametrize("grid", ["camera", "network"])
def test_probabilities_and_masked_images_are_stored_if_asked_for(
    plan_of: Callable[..., Plan], tmp_path: Path, grid: str
) -> None:
    def stop_at_2(index: StackIndex, stop: StopToken) -> None:
        if index.t == 2:
            stop.stop("enough")

    trust = {"probability": {"er": [0.5, -1.0]}}
    package = package_with(tmp_path / "package", trust)
    segmentation = {
        "package": package, "structures": STRUCTURES, "probabilities": True,
        "masked_images": True, "grid": grid,
    }  # fmt: skip
    source = MemorySource(timepoints=4, before=stop_at_2)
    plan, folder = plan_of(source, segmentation=segmentation), tmp_path / "s"
    assert plan.disk_bytes() > plan_of(source, segmentation={"package": package}).disk_bytes()
    run_session(plan, folder)

    image = open_session(folder).images[0]
    probability = zarr.open_array(folder / "probability.ome.zarr" / "0", mode="r")
    network = image.mask_grid("er").shape if grid == "network" else probability.shape[2:]
    assert probability.shape == (2, 2, *network), "arrays end where the recording ended"
    assert probability[0].any()

    masked = zarr.open_array(folder / "masked.ome.zarr" / "0", mode="r")
    assert masked.shape == (2, 2, *image.mask_grid("er").shape)
    for k, name in enumerate(STRUCTURES):
        for t in range(2):
            mask = image.mask(name, t) != 0
            assert not masked[t, k][~mask].any()
            if grid == "camera" and mask.any():
                yellow, red = (image.raw(t, c).astype(int) - 100 for c in range(2))
                mean = np.rint((yellow + red) / 2)[mask]
                assert np.abs(masked[t, k][mask] - mean).max() <= 1


def test_probabilities_are_calibrated(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    found = {}
    for name, trust in {"raw": {}, "half": {"probability": {"er": [0.5, -1.0]}}}.items():
        package = package_with(tmp_path / f"package-{name}", trust)
        asked = {"package": package, "structures": ["er"], "probabilities": True}
        run_session(plan_of(MemorySource(timepoints=1), segmentation=asked), tmp_path / name)
        found[name] = zarr.open_array(tmp_path / name / "probability.ome.zarr" / "0", mode="r")[0]
        mask = open_session(tmp_path / name).images[0].mask("er", 0)
        found[f"{name} mask"] = mask
    p = np.clip(found["raw"] / 255, 0.5 / 255, 254.5 / 255)
    expected = 255 / (1 + np.exp(-(0.5 * np.log(p / (1 - p)) - 1)))
    uncertain = found["raw"] > 0
    assert np.abs(found["half"] - expected)[uncertain].max() <= 0.51
    np.testing.assert_array_equal(found["raw mask"], found["half mask"])


def test_nothing_is_stored_beside_the_masks_if_not_asked_for(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    run_session(plan_of(MemorySource(timepoints=1)), tmp_path / "s")
    assert [path.name for path in (tmp_path / "s").glob("*.ome.zarr")] == ["image.ome.zarr"]


def test_a_stack_unlike_the_training_is_flagged_and_told_once(
    plan_of: Callable[..., Plan], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package = package_with(tmp_path / "package", {"seen": seen(5000.0, 6000.0)})
    plan = plan_of(MemorySource(timepoints=3), segmentation={"package": package})
    result = run_session(plan, tmp_path / "s")
    for line in segmented(tmp_path / "s"):
        assert line["strangeness"] > 1
        (flag,) = line["flags"]
        assert (flag["quantity"], flag["low"], flag["high"]) == ("intensity", 5000, 6000)
        assert flag["value"] < 5000
    assert result.as_dict()["flagged"] == 3
    assert open_session(tmp_path / "s").images[0].flags().keys() == {0, 1, 2}
    told = [record.message for record in caplog.records if "is unlike" in record.message]
    assert len(told) == 1
    assert "the package saw 5e+03 to 6e+03" in told[0]


def test_a_stack_like_the_training_is_not_flagged(
    plan_of: Callable[..., Plan], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package = package_with(tmp_path / "package", {"seen": seen(0.1, 60_000.0)})
    plan = plan_of(MemorySource(timepoints=1), segmentation={"package": package})
    result = run_session(plan, tmp_path / "s")
    (line,) = segmented(tmp_path / "s")
    assert line["strangeness"] < 1
    assert line["flags"] == []
    assert result.as_dict()["flagged"] == 0
    assert not any("is unlike" in record.message for record in caplog.records)


def test_a_package_that_does_not_say_what_it_saw_says_so_once(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = plan_of(
        MemorySource(timepoints=1), segmentation={"package": package_with(tmp_path / "package", {})}
    )
    assert sum("does not say what it was trained on" in words for words in plan.warnings) == 1
    result = run_session(plan, tmp_path / "s")
    assert result.as_dict()["flagged"] is None
    (line,) = segmented(tmp_path / "s")
    assert "flags" not in line


@pytest.mark.parametrize(
    "trust", [{"seen": {"quantities": {"noise": {"low": 1}}}}, {"probability": {"er": [-1.0, 0]}}]
)
def test_a_damaged_trust_is_refused_before_the_first_frame(
    plan_of: Callable[..., Plan], tmp_path: Path, trust: dict
) -> None:
    package = package_with(tmp_path / "package", trust)
    source = MemorySource()
    with pytest.raises(ModelError):
        plan_of(source, segmentation={"package": package})
    assert source.closed
