from __future__ import annotations

from pathlib import Path

import pytest

from livesr.config import read_session
from livesr.config.commented import commented, template
from livesr.config.reading import dump_session

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def sessions() -> list[Path]:
    found = [file for file in EXAMPLES if "calibration" in file.read_text(encoding="utf-8")]
    return [file for file in found if "sequence:" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("file", sessions(), ids=lambda file: file.name)
def test_a_session_comes_back_from_its_commented_file(file: Path, tmp_path: Path) -> None:
    session = read_session(file)
    written = tmp_path / "again.yaml"
    written.write_text(commented(session), encoding="utf-8")
    assert dump_session(read_session(written)) == dump_session(session)


def test_the_comments_of_the_template_stand_beside_their_keys(tmp_path: Path) -> None:
    file = tmp_path / "first.yaml"
    file.write_text(template(), encoding="utf-8")
    text = commented(read_session(file))
    for words in ("counts without light", "then the stack is skipped"):
        assert words in text
    assert "  camera_offset: 100.0" in text
    line = next(line for line in text.splitlines() if "camera_offset" in line)
    assert line.endswith("# counts without light")
    assert text.count("# Where the channels come from.") == 1
