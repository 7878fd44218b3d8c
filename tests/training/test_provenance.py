from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.simulator.parameters import parameters
from livesr.training.evaluation.provenance import _sources, simulator_version

if TYPE_CHECKING:
    from pathlib import Path


def test_simulator_is_named_by_its_numbers_and_its_program(tmp_path: Path) -> None:
    about = simulator_version()
    assert about["version"] == parameters().version
    assert about["hash"] == parameters().hash()
    other = simulator_version(parameters("oil"))
    assert other["hash"] == parameters("oil").hash() != about["hash"]
    assert other["sources"] == about["sources"]
    hashes = []
    for name, text in (("a.py", b"x = 1\ny = 2\n"), ("a.py", b"x = 1\r\ny = 2\r\n")):
        folder = tmp_path / str(len(hashes))
        (folder / "inner" / "__pycache__").mkdir(parents=True)
        (folder / "inner" / name).write_bytes(text)
        (folder / "inner" / "__pycache__" / "a.pyc").write_bytes(bytes([len(hashes)]))
        hashes.append(_sources(folder))
    assert hashes[0] == hashes[1]
    (folder / "inner" / "a.py").write_bytes(b"x = 1\ny = 3\n")
    assert _sources(folder) != hashes[0]
    (folder / "inner" / "a.py").rename(folder / "a.py")
    (folder / "a.py").write_bytes(b"x = 1\ny = 2\n")
    assert _sources(folder) != hashes[0]
