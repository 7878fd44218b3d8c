"""One sample before one instrument, recorded into a folder with its truth.

Each stack shows one instant. Light is nominal, and bleaches the dye stack by stack.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.catalog import NAMES
from livesr.simulator.imaging.light import Bleaching, LightRecord
from livesr.simulator.recordings import picture
from livesr.simulator.recordings.files import EXCLUSIVE, Contents, begin_recording
from livesr.simulator.recordings.instrument import EXPOSURE_S, Instrument, write_parameters
from livesr.simulator.recordings.preview import Shown
from livesr.simulator.recordings.sidecars import Table, write_calibration, write_session
from livesr.simulator.rows import CellStage, ContactRow, ObjectRow
from livesr.simulator.sample import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from livesr.simulator.coloc import Probe
    from livesr.simulator.recordings.files import RecordingFiles
    from livesr.simulator.recordings.instrument import Setup
    from livesr.simulator.sample import Sample
    from livesr.simulator.view import View
    from livesr.types import Bool, Float32, UInt16

    See = Callable[[int, UInt16, dict[str, Bool]], None]

OBJECTS = (
    "mitochondria", "golgi", "lipid_droplet", "peroxisome", "early_endosome", "late_endosome",
    "lysosome", "filopodia", "nucleus", "cell",
)  # fmt: skip
"""Structures whose single objects have identities."""
TABLES = {"objects": ObjectRow, "contacts": ContactRow, "stages": CellStage}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is recorded of a sample.

    Attributes
    ----------
    what : str
        Sub-command.
    times_s : tuple of float
    interval_s : float
        0 where times are uneven.
    names : tuple of str
        Masks.
    exclusive : bool
    identities : tuple of str
    probe : Probe, optional
    options : mapping
        Of the sub-command, kept in ``parameters.yaml``.
    """

    what: str
    times_s: tuple[float, ...]
    interval_s: float
    names: tuple[str, ...] = NAMES
    exclusive: bool = True
    identities: tuple[str, ...] = ()
    probe: Probe | None = None
    options: dict[str, Any]


class Take:
    """One sample before one instrument."""

    def __init__(
        self,
        setup: Setup,
        sample: Sample,
        center_um: tuple[float, float],
        plan: Plan,
        channels: tuple[int, ...] = (0, 1),
    ) -> None:
        self.setup, self.sample, self.plan = setup, sample, plan
        self.instrument = Instrument(setup, channels)
        self.view: View = setup.view(center_um)
        self.info = self.instrument.info(len(plan.times_s), plan.interval_s)
        self._light = LightRecord(Bleaching.draw(setup.seed, setup.numbers.light))

    def record(
        self, folder: Path, see: See, pictures: dict[str, Any], say: Callable[[str], None]
    ) -> dict[str, Any]:
        """Write everything; ``see`` is shown every time point and leaves ``pictures``."""
        plan, setup = self.plan, self.setup
        contents = Contents(self.info, plan.names, self._numbers, setup.clean)
        files = begin_recording(folder, contents, setup.form, f"{plan.what}-{setup.seed}")
        tables = {name: self._table(folder, name) for name in TABLES}
        for t, time_s in enumerate(plan.times_s):
            say(f"stack {t + 1}/{len(plan.times_s)}")
            counts, masks = self._stack(files, t, time_s)
            see(t, counts, masks)
            self._observe(tables, t, time_s)
        files.close()
        for table in tables.values():
            table.close()
        say("pictures")
        return {
            **self._describe(folder, files),
            "tables": {name: str(table.path) for name, table in tables.items()},
            "pictures": {
                name: str(picture.save(drawn, folder / f"{name}.png"))
                for name, drawn in pictures.items()
            },
        }

    def shown(self, counts: UInt16) -> Shown:
        """Return a stack ready to be shown."""
        instrument = self.instrument
        corrected = instrument.without_pattern(counts)
        return Shown.of(corrected, self.setup.grid, instrument.camera.offset, instrument.models)

    def note(self) -> str:
        """Return seed and sizes as text."""
        s = self.setup
        y, x = s.shape
        size = f"{s.planes} × {y} × {x} voxels of {s.z_step_um:g} × {s.pixel_um:g} µm"
        return f"seed {s.seed}, preset {s.preset}, {size}; camera counts"

    @property
    def _numbers(self) -> tuple[tuple[str, str], ...]:
        """Label images beside the masks, and their dtype."""
        one = ((EXCLUSIVE, "uint8"),) if self.plan.exclusive else ()
        return (*one, *((f"{name}_identity", "int32") for name in self.plan.identities))

    def _stack(
        self, files: RecordingFiles, t: int, time_s: float
    ) -> tuple[UInt16, dict[str, Bool]]:
        """Write one time point; return its channels and masks."""
        plan, instrument = self.plan, self.instrument
        z = instrument.heights(time_s)
        photons = self._faded(
            self.sample.emission(
                time_s,
                z,
                self.view,
                instrument.optics,
                channels=instrument.channels,
                probe=plan.probe,
            ),
            time_s,
        )
        counts = instrument.channels_of(instrument.expose(photons, t))
        files.raw(t, counts)
        files.clean(t, photons)
        masks = self.sample.truth(time_s, z, self.view, names=plan.names)
        files.masks(t, masks)
        if plan.exclusive:
            files.numbers(t, EXCLUSIVE, exclusive(masks))
        for name in plan.identities:
            labels = self.sample.identities(time_s, z, self.view, name)
            files.numbers(t, f"{name}_identity", labels)
        return counts, masks

    def _faded(self, photons: Float32, time_s: float) -> Float32:
        """Return the photons of a sample that earlier stacks have bleached; the medium has not."""
        remaining = self._light.remaining(time_s, self.view)
        self._light.add(time_s, self.setup.planes * EXPOSURE_S, 1.0, self.view)
        if remaining == 1.0:
            return photons
        optics, axes = self.instrument.optics, self.view.field()
        for image, channel in zip(photons, self.instrument.channels, strict=True):
            floor = self.sample.background(channel, self.view) * optics.shading(channel, *axes)
            image -= floor
            image *= np.float32(remaining)
            image += floor
        return photons

    def _observe(self, tables: Mapping[str, Table], t: int, time_s: float) -> None:
        """Add a time point to the tables: the whole sample, also beyond the field."""
        sample = self.sample
        tables["objects"].add(sample.objects(time_s), t=t, time_s=time_s)
        tables["contacts"].add(sample.contacts(time_s), t=t, time_s=time_s)
        tables["stages"].add(sample.stages(time_s), t=t, time_s=time_s)

    @staticmethod
    def _table(folder: Path, name: str) -> Table:
        columns = [field.name for field in fields(TABLES[name])]
        return Table(folder / f"{name}.csv", ("t", "time_s", *columns))

    def _describe(self, folder: Path, files: RecordingFiles) -> dict[str, Any]:
        """Write what made the recording, and what `livesr run` needs; return what there is."""
        plan = self.plan
        made = write_parameters(folder, self.instrument, plan.what, plan.options, self.view)
        models = {self.instrument.names[k]: m for k, m in self.instrument.models.items()}
        calibration = write_calibration(
            folder / "calibration.yaml", models, self.setup.grid, self.setup.optics_seed
        )
        session = write_session(folder / "recording.yaml", files.image, calibration, self.info)
        return {
            **made,
            "image": str(files.image),
            "shape_tczyx": [self.info.timepoints, *self.info.shape],
            "channels": list(self.info.channels),
            "labels": [*plan.names, *(name for name, _ in self._numbers)],
            "times_s": list(plan.times_s),
            "calibration": str(calibration),
            "session": str(session),
        }
