"""Sessions that run several networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import zarr
from memory_source import MemorySource

from livesr.session import run_session
from livesr.session.summary import summary_of
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan


def test_each_mask_is_of_its_own_network(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    """A mixture gives what the networks give alone."""

    def masks(name: str, package: object, structures: list[str]) -> dict[str, np.ndarray]:
        asked = {"package": package, "structures": structures, "probabilities": True}
        folder = tmp_path / name
        result = run_session(plan_of(MemorySource(timepoints=1), segmentation=asked), folder)
        assert result.exit_code == 0
        stored = zarr.open_array(folder / "probability.ome.zarr" / "0", mode="r")
        image = open_session(folder).images[0]
        assert image.structures == tuple(structures)
        found = {s: image.mask(s, 0) for s in structures}
        return found | {f"p {s}": stored[0, k] for k, s in enumerate(structures)}

    both = masks("both", ["MITO", "ALL"], ["er", "mitochondria"])
    alone = masks("er", "ALL", ["er"]) | masks("mito", ["MITO"], ["mitochondria"])
    assert both.keys() == alone.keys()
    for name, found in both.items():
        np.testing.assert_array_equal(found, alone[name])
    assert any(found.any() for found in both.values())


def test_a_list_and_a_name_are_both_understood(plan_of: Callable[..., Plan]) -> None:
    for package, name in (("auto", "ALL"), (["LD", "LYSO"], "LD+LYSO"), (["auto"], "ALL")):
        plan = plan_of(MemorySource(), segmentation={"package": package})
        assert summary_of(plan)["package"] == name
