"""From a plan to a data set: everything is looked at first, and only then anything is written."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from livesr.errors import ConfigError, LivesrError, ModelError
from livesr.segmentation.description import FILE as PACKAGE_FILE
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities, to_masks
from livesr.training.labelled import features_of
from livesr.training.labels import dataset
from livesr.training.labels.dataset import write_sample
from livesr.training.labels.foreground import AUTOMATIC, foreground_mask, threshold_mask
from livesr.training.labels.plan import EXAMPLE
from livesr.training.labels.probe import ProbedStack, grown
from livesr.training.labels.records import Colocalisation, Label
from livesr.training.labels.sample import fitting_mask, green_channel, read_sample
from livesr.training.plan import COLOCALISATION
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.labels.dataset import DataSet
    from livesr.training.labels.plan import LabelPlan, MaskPlan, ProbePlan, SamplePlan
    from livesr.training.labels.sample import SampleStack
    from livesr.types import Bool

DROPLETS = "lipid_droplet"
GREEN_BYTES = 2


@dataclass(slots=True)
class Networks:
    """Packages with their engines, each loaded once."""

    engine: str = "auto"
    _loaded: dict[str, tuple[Package, Engine]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def get(self, name: str) -> tuple[Package, Engine]:
        """Return a package and an engine that has it."""
        if name not in self._loaded:
            package = load_package(name)
            engine = self._open.enter_context(closing(choose_engine(self.engine, package)))
            self._loaded[name] = package, engine
        return self._loaded[name]

    def sha256(self, name: str) -> str:
        """Return the checksum of a package that was used; nothing of one that was not."""
        return self._loaded[name][0].sha256 if name in self._loaded else ""

    def close(self) -> None:
        """Give the engines back."""
        self._open.close()
        self._loaded.clear()


def make_dataset(
    plan: LabelPlan,
    folder: Path,
    *,
    engine: str = "auto",
    say: Callable[[str], None] = lambda _: None,
) -> tuple[DataSet, list[str]]:
    """Write the data set of a plan, or add to the one that stands in ``folder``.

    Parameters
    ----------
    plan : LabelPlan
    folder : Path
    engine : str
        For the packages that the plan names.
    say : callable
        Given a line of progress.

    Returns
    -------
    dataset : DataSet
        All of it.
    warnings : list of str
        What was left out, and why.

    Raises
    ------
    LivesrError
        With everything that is wrong with any sample; nothing was written then.
    """
    say("looking at the files")
    _check_all(plan, folder)
    warnings: list[str] = []
    with closing(Networks(engine)) as networks:
        for number, sample in enumerate(plan.samples, start=1):
            say(f"sample {number} of {len(plan.samples)}: {sample.name}")
            warnings += _write(sample, folder, networks)
    return dataset.listed(folder), warnings


def _check_all(plan: LabelPlan, folder: Path) -> None:
    """Refuse the plan with every reason there is."""
    there = (folder / dataset.FILE).is_file()
    taken = {sample.name for sample in dataset.listed(folder).samples} if there else set()
    errors: list[LivesrError] = []
    needed = 0
    for sample in plan.samples:
        try:
            if sample.name in taken:
                raise ConfigError(
                    "the data set has a sample of this name already",
                    where=str(folder / sample.name),
                    fix="give the sample another name, or the data set another folder with --out",
                )
            needed += _check(sample)
        except LivesrError as error:
            errors.append(_of_sample(sample, error))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        told = "\n".join(f"- {error}".replace("\n", "\n  ") for error in errors)
        raise ConfigError(f"{len(errors)} samples cannot be used:\n{told}", fix=EXAMPLE)
    dataset.check_room(folder, needed)


def _of_sample(sample: SamplePlan, error: LivesrError) -> LivesrError:
    """Return the error in the plan's words."""
    where = f"sample {sample.name}: {error.where}" if error.where else f"sample {sample.name}"
    fix = error.fix.replace("in the session", "in the plan").replace("`recording.", "`")
    fix = fix.replace("`pixel_um`", "`voxel_um`").replace("`z_step_um`", "`voxel_um`")
    return type(error)(error.what, where=where, fix=fix.replace("`paths`", "`image`"))


def _check(sample: SamplePlan) -> int:
    """Read all of a sample, and return the bytes that it will take."""
    stack = read_sample(sample)
    for probe in sample.colocalisation.values():
        green_channel(sample, probe, stack)
        if isinstance(probe.foreground, str) and probe.foreground not in AUTOMATIC:
            load_package(probe.foreground).check_channels(COLOCALISATION)
        kind = _kind(probe)
        if kind == "file":
            fitting_mask(Path(probe.lipid_droplet), stack.seen.grid, "any", sample.t)
        elif kind == "package":
            _check_droplets(load_package(probe.lipid_droplet))
    labels = len(sample.masks) + len(sample.colocalisation)
    a_voxel = GREEN_BYTES * (len(stack.channels) + 1) + labels
    return int(stack.seen.data[0].size * a_voxel) + dataset.MOST_FOLDER_BYTES


def _check_droplets(package: Package) -> None:
    package.check_channels()
    if DROPLETS not in package.structures:
        raise ModelError(
            f"package {package.name} does not give {DROPLETS}",
            where="lipid_droplet",
            fix="take LD or ALL, a mask's file, or none",
        )


def _kind(probe: ProbePlan) -> Literal["none", "mask", "file", "package"]:
    """Return what is meant by a probe's ``lipid_droplet``."""
    if probe.lipid_droplet in ("none", "mask"):
        return "none" if probe.lipid_droplet == "none" else "mask"
    path = Path(probe.lipid_droplet)
    named = not path.is_absolute() or (path / PACKAGE_FILE).is_file()
    return "package" if named else "file"


def _write(sample: SamplePlan, folder: Path, networks: Networks) -> list[str]:
    """Label a sample and write it; return warnings."""
    stack = read_sample(sample)
    masks = dict(stack.seen.truth)
    labels = {
        name: Label(made=mask.made, source=str(mask.file)) for name, mask in sample.masks.items()
    }
    for name, probe in sample.colocalisation.items():
        mask, how = _from_probe(sample, probe, stack, networks)
        for other in probe.without:
            mask &= ~stack.seen.truth[other]
        masks[name] = mask
        source = probe.channel if isinstance(probe.channel, Path) else sample.image[0]
        labels[name] = Label(made="colocalisation", source=str(source), colocalisation=how)
    warnings = list(_empty(sample, masks))
    green = next((green_channel(sample, p, stack) for p in sample.colocalisation.values()), None)
    write_sample(
        folder,
        replace(stack.seen, truth=masks),
        labels,
        green=stack.channels.get("green", green),
        chromatic_green=stack.models["green"],
        sources=[str(path) for path in sample.image],
    )
    return warnings


def _empty(sample: SamplePlan, masks: dict[str, Bool]) -> Iterator[str]:
    """Drop the masks that are empty and were not said to be; yield a warning for each."""
    plans: dict[str, MaskPlan | ProbePlan] = {**sample.masks, **sample.colocalisation}
    for name in [name for name, mask in masks.items() if not mask.any()]:
        if not plans[name].empty:
            del masks[name]
            yield (
                f"sample {sample.name}: the mask of {name} is empty, so that {name} counts as not "
                f"known; if there is none, write empty: true"
            )


def _from_probe(
    sample: SamplePlan, probe: ProbePlan, stack: SampleStack, networks: Networks
) -> tuple[Bool, Colocalisation]:
    """Return a structure's mask from its probe's image, and how it was made."""
    droplets, sha256 = _droplets(sample, probe, stack, networks)
    probed = ProbedStack(
        np.stack([stack.channels["yellow"], green_channel(sample, probe, stack)]),
        stack.seen.grid,
        sample.offset,
        stack.models["green"],
        None if droplets is None else grown(droplets, stack.seen.grid, probe.grow_um),
        probe.r,
    )
    how = Colocalisation(
        share=probe.r,
        foreground=str(probe.foreground),
        lipid_droplet=probe.lipid_droplet,
        lipid_droplet_sha256=sha256,
        grow_um=probe.grow_um,
        without=probe.without,
    )
    if isinstance(probe.foreground, float) or probe.foreground in AUTOMATIC:
        return threshold_mask(probed, probe.foreground), how
    package, engine = networks.get(probe.foreground)
    mask = foreground_mask(probed, package, engine)
    return mask, how.model_copy(update={"foreground_sha256": package.sha256})


def _droplets(
    sample: SamplePlan, probe: ProbePlan, stack: SampleStack, networks: Networks
) -> tuple[Bool | None, str]:
    """Return the lipid droplets, and the checksum of the package that found them."""
    kind = _kind(probe)
    if kind == "none":
        return None, ""
    if kind == "mask":
        return stack.seen.truth[DROPLETS], ""
    if kind == "file":
        file = Path(probe.lipid_droplet)
        return fitting_mask(file, stack.seen.grid, "any", sample.t), ""
    package, engine = networks.get(probe.lipid_droplet)
    probability = probabilities(features_of(stack.seen, package), package, engine)
    masks = to_masks(probability, package, stack.seen.grid, StackIndex(0, 0), structures=[DROPLETS])
    return masks.volumes[DROPLETS].astype(bool), package.sha256
