"""What tests of several folders need."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ["LIVESR_REPORT"] = "off"  # sessions that tests run end without a further process

# no test asserts a time: a machine may be busy
settings.register_profile("livesr", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("livesr")

BIOIMAGE_IO = """
import sys
from bioimageio.core import load_description_and_test
summary = load_description_and_test(sys.argv[1], weight_format="onnx").validation_summary
print(summary.format() if summary.status != "passed" else "")
sys.exit(summary.status != "passed")
"""


LONG = ("faults", "system", "session", "daemon", "bench", "cli", "calibration")
"""Folders whose files take long: they come first, so that none is left over at the end."""


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores, as sessions often wait; four at most, as some take gigabytes."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture
def bioimage_io(tmp_path: Path) -> Callable[[Path], None]:
    """Return what validates and runs a model description with bioimage.io's own tools."""
    if not (find_spec("bioimageio") and find_spec("bioimageio.core")):
        pytest.skip("bioimageio.core is not installed: pip install 'livesr[test]'")

    def accepts(source: Path) -> None:
        # in a process of its own: the library leaves files open, which is an error here
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", BIOIMAGE_IO, str(source)],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
            env={**os.environ, "BIOIMAGEIO_CACHE_PATH": str(tmp_path / "cache")},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return accepts
