"""Names of session folders, alike on every system, and never one that is there already."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from livesr.config import session_from
from livesr.errors import ConfigError
from livesr.session.naming import named, safe

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.config import Session

NOW = datetime(2026, 1, 31, 9, 5, 7, tzinfo=UTC)


def session(name: str, **sample: object) -> Session:
    return session_from({"calibration": "none", "name": name, "sample": sample})


def test_a_plain_name_gets_date_and_time(tmp_path: Path) -> None:
    asked, folder = named(session("../night: 3/4"), tmp_path, NOW)
    assert (asked.name, folder) == ("../night: 3/4", tmp_path / "night-3-4-20260131-090507")
    assert named(session("…"), tmp_path, NOW)[1].name == "session-20260131-090507"
    folder.mkdir()
    assert named(asked, tmp_path, NOW)[1].name == "night-3-4-20260131-090507-2"


def test_placeholders_and_the_next_free_counter(tmp_path: Path) -> None:
    asked = session("{sample}_{date}_{well}_{counter:03d}", sample="HeLa/ERα {2}", well="B02")
    for number in (1, 2, 3):
        resolved, folder = named(asked, tmp_path, NOW)
        assert folder == tmp_path / f"HeLa-ERα-2-_20260131_B02_{number:03d}"
        assert resolved.name == folder.name
        folder.mkdir()
    (tmp_path / "hela-erα-2-_20260131_b02_004").mkdir()  # the same on Windows
    assert named(asked, tmp_path, NOW)[1].name.endswith("_005")


def test_without_a_counter_a_number_follows_if_it_must(tmp_path: Path) -> None:
    asked = session("{operator}-{time}", operator="Ana")
    assert named(asked, tmp_path, NOW)[1].name == "Ana-090507"
    (tmp_path / "ana-090507").mkdir()
    assert named(asked, tmp_path, NOW)[1].name == "Ana-090507-2"


@pytest.mark.parametrize("form", ["{counter}", "{counter:03d}", "{counter:3d}", "{counter:d}"])
def test_forms_of_the_counter(form: str, tmp_path: Path) -> None:
    assert named(session(f"a{form}"), tmp_path, NOW)[1].name in {"a001", "a-1", "a1"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{smaple}", "smaple"),
        ("{sample}", "asks for the sample"),
        ("{sample!r}", "sample!r"),
        ("{sample.__class__}", "for which nothing stands"),
        ("{date:%Y}", "for which nothing stands"),
        ("{counter:0500d}", "for which nothing stands"),
        ("{", "cannot be read"),
        ("{0}", "for which nothing stands"),
    ],
)
def test_what_stands_for_nothing_is_refused(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        named(session(name), tmp_path, NOW)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["CON", "con.txt", "nul", "LPT1"])
def test_names_that_windows_keeps_for_itself(name: str) -> None:
    assert safe(name) == f"_{name}"


@pytest.mark.parametrize(
    "name", ["a" * 400, "ä" * 400, "界" * 400, "a. ", " .a", 'a<>:"/\\|?*\x00b']
)
def test_names_fit_every_file_system(name: str) -> None:
    plain = safe(name)
    assert 0 < len(plain.encode()) <= 200
    assert not set(plain) & set('<>:"/\\|?*\0')
    assert plain == plain.strip(". ")
