"""The validation record: read back, checked against a session, refused where it does not fit."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from memory_source import MemorySource

from livesr.errors import ConfigError, StorageError
from livesr.segmentation.package import load_package
from livesr.session.summary import summary_of
from livesr.validation.record import (
    Made,
    Scores,
    StructureRecord,
    Unmixed,
    Validation,
    load_validation,
    save_validation,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan

SCORES = Scores(precision=0.8, recall=0.7, f1=0.75, iou=0.6, moc=0.75, m1=0.9, m2=0.8)


def record(**changes: object) -> Validation:
    one = StructureRecord(
        by="probe",
        channel="green",
        share=0.2,
        foreground="FG",
        registered=True,
        package="ALL",
        package_sha256=load_package("ALL").sha256,
        scores=SCORES,
        ci95={"f1": (0.6, 0.8)},
        drawn="stacks",
        passed=True,
    )
    failed = one.model_copy(update={"passed": False})
    known: dict[str, object] = {
        "made": dt.datetime.now(tz=dt.UTC).date(),
        "software": "livesr",
        "simulated": False,
        "microscope": Made(microscope="memory", camera="memory", pixel_um=0.1),
        "session": "s",
        "stacks": 3,
        "cells": 2,
        "unmixing": Unmixed(source="usual"),
        "structures": {"mitochondria": one, "er": failed},
    }
    return Validation.model_validate({**known, **changes})


def test_a_session_that_quotes_a_record_knows_what_is_validated(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    save_validation(record(), tmp_path / "v.yaml")
    assert load_validation(tmp_path / "v.yaml") == record()
    plan = plan_of(MemorySource(), validation=str(tmp_path / "v.yaml"))
    assert plan.is_validated("mitochondria")
    assert not plan.is_validated("er"), "it was looked at, and is not good enough"
    assert not plan.is_validated("golgi")
    assert summary_of(plan)["validated"] == ["mitochondria"]
    assert any("not good enough: er" in warning for warning in plan.warnings)


def test_channels_that_lay_as_recorded_are_told() -> None:
    known = record()
    assert known.unregistered() == ""
    one = known.structures["er"].model_copy(update={"registered": False})
    said = record(structures={**known.structures, "er": one}).unregistered()
    assert "does not know green" in said
    assert "beads in all channels" in said


def test_without_a_record_nothing_is_validated(plan_of: Callable[..., Plan]) -> None:
    assert not plan_of(MemorySource()).is_validated("mitochondria")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"simulated": True}, "made on the simulated microscope"),
        ({"microscope": Made(microscope="other", pixel_um=0.1)}, "for the microscope 'other'"),
        ({"microscope": Made(objective="60x", pixel_um=0.1)}, "does not say which it has"),
        ({"microscope": Made(pixel_um=0.2)}, "pixels of 0.2 µm"),
    ],
)
def test_a_record_of_another_light_path_is_refused(
    plan_of: Callable[..., Plan], tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    save_validation(record(**changes), tmp_path / "v.yaml")
    with pytest.raises(ConfigError, match=message) as error:
        plan_of(MemorySource(), validation=str(tmp_path / "v.yaml"))
    assert "livesr validate" in error.value.fix


def test_a_record_of_other_weights_is_refused(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    other = record().structures["mitochondria"].model_copy(update={"package_sha256": "cd" * 32})
    save_validation(record(structures={"mitochondria": other}), tmp_path / "v.yaml")
    with pytest.raises(ConfigError, match="mitochondria was validated with ALL"):
        plan_of(MemorySource(), validation=str(tmp_path / "v.yaml"))


def test_an_old_record_and_another_calibration_are_warned_of() -> None:
    old = record(made=dt.date(2026, 1, 1))
    told = list(old.remarks("mine", today=dt.date(2026, 11, 1)))
    assert "304 days old" in told[0]
    assert "calibration none, the session has mine" in told[1]


@pytest.mark.parametrize("text", ["", "format: 2", "structures: {mitochondria: 1}", "!!python/x 1"])
def test_damage_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="damaged"):
        load_validation(tmp_path / "v.yaml")


def test_a_missing_record_says_how_to_make_one() -> None:
    with pytest.raises(ConfigError, match="no validation record") as error:
        load_validation("nowhere.yaml")
    assert "livesr validate" in error.value.fix


def test_a_record_is_never_written_over(tmp_path: Path) -> None:
    save_validation(record(), tmp_path / "v.yaml")
    with pytest.raises(StorageError, match="already"):
        save_validation(record(), tmp_path / "v.yaml")
