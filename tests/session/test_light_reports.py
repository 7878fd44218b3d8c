"""What the light's supervisor wrote after a session was cut off gets into its journal, once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from livesr.session.restore import take_light_reports
from livesr.storage.folder import LIGHT_FILE

if TYPE_CHECKING:
    from pathlib import Path


def test_whole_lines_are_taken_and_the_file_goes(tmp_path: Path) -> None:
    said = {
        "time": "2026-03-01T02:14:07+01:00",
        "why": "the acquisition died",
        "off": ["Lamp closed"],
        "event": "not its to say",
    }
    file = tmp_path / LIGHT_FILE
    file.write_text(json.dumps(said) + '\n{"why": "the acq', encoding="utf-8")
    assert list(take_light_reports(tmp_path)) == [
        {
            "at": said["time"],
            "why": said["why"],
            "took_s": None,
            "off": ["Lamp closed"],
            "failed": None,
        }
    ]
    assert not file.exists()
    assert list(take_light_reports(tmp_path)) == []
