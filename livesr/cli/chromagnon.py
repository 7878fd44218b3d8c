"""Chromagnon's files in and out of ``livesr calibrate``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from livesr import __version__
from livesr.acquisition.recorded_stacks import LightPath, read_stacks, valid_for
from livesr.calibration.chromagnon.models import read_chromagnon, write_chromagnon
from livesr.calibration.profile import (
    ChannelTransform,
    Profile,
    Provenance,
    RegistrationError,
    save_profile,
)
from livesr.cli.output import emit, say
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from livesr.calibration.found import BeadStack

SUFFIX = ".chromagnon.csv"


def import_chromagnon(
    table: Path, image: Path | None, path: LightPath, reference: str, target: Path, as_json: bool
) -> int:
    """Write the calibration that a ``.chromagnon.csv`` holds."""
    if image is None:
        raise ConfigError(
            f"{table.name} does not say of which field it is",
            where="--image",
            fix="--image IMAGE: one that it was made from, or is for",
        )
    (stack, *_), path = read_stacks([image], path)
    models = read_chromagnon(table, stack.grid, stack.channels, reference)
    first = next(name for name in stack.channels if name not in models)
    profile = Profile(
        name=target.stem,
        reference=first,
        channels={name: ChannelTransform.of(model) for name, model in models.items()},
        valid_for=valid_for(path, stack),
        simulated=path.simulated,
        provenance=Provenance(
            made=datetime.now(UTC).date().isoformat(),
            by=f"livesr calibrate {table.name} --image {image.name}",
            source=f"Chromagnon: {table.name}",
            software=f"livesr {__version__}",
        ),
        error=RegistrationError(
            fre_nm=None, tre_nm=None, reason="imported from Chromagnon, which states none"
        ),
    )
    save_profile(profile, target)
    say(f"calibration: {target}; its error is not known: score it with beads, or calibrate anew")
    if as_json:
        emit({"profile": str(target), "beads": 0, "fre_nm": None, "tre_nm": None})
    return 0


def export_chromagnon(table: Path, profile: Profile, stack: BeadStack) -> None:
    """Write a calibration for Chromagnon and say what its seven numbers lose."""
    if not table.name.endswith(SUFFIX):
        table = table.with_name(f"{table.name}{SUFFIX}")
    lost = write_chromagnon(table, profile.models(), stack.grid, stack.channels)
    for name, one in lost.items():
        say(
            f"{table}: {name} without the field's shape, off by {one.xy_rms_nm:.1f} nm xy,"
            f" {one.z_rms_nm:.1f} nm z (at worst {one.xy_max_nm:.0f} nm)"
        )
