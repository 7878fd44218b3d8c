"""Runs Chromagnon on one image, as its own command line does: a script, run by itself.

It is a program under the GPL and needs no window. Reads a JSON object from the command line, prints
one: see `livesr.bench.calibration_peer`. What is set right first: its source names a module that a
file system that minds capitals does not find (``cziio``, the file is ``cziIO.py``), and names that
NumPy 2 has no more. Nothing of its method is touched.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import warnings
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

GONE = {"alltrue": np.all, "sometrue": np.any, "product": np.prod, "round_": np.round}
GONE_TYPES = {"int": int, "float": float, "bool": bool}


class Capitals:
    """Finds ``imgio.cziio``, whose file is ``cziIO.py``."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where the module is."""
        if not name.endswith("imgio.cziio"):
            return None
        found = PathFinder.find_spec(f"{name[:-2]}IO", path, target)
        return spec_from_file_location(name, found.origin) if found and found.origin else None


def prepare() -> None:
    """Set right what keeps Chromagnon from being imported."""
    warnings.simplefilter("ignore")
    for name, new in (GONE | GONE_TYPES).items():
        if not hasattr(np, name):
            setattr(np, name, new)
    sys.meta_path.append(Capitals())


def align(image: Path, folder: Path, *, local: bool, iterations: int) -> dict[str, Any]:
    """Align the channels of an image: its global transform, then its local map.

    Parameters
    ----------
    image : Path
        TIFF of two or more channels.
    folder : Path
        Takes ``global.chromagnon.csv`` and, if ``local``, ``local.npy`` (c, 2, y, x).
    local : bool
    iterations : int
        Of the final 3D correlation: 1 is its "fast" and its default, 10 its "best".

    Returns
    -------
    dict
        Version and seconds.
    """
    from Chromagnon import aligner, version

    began = time.perf_counter()
    chromagnon = aligner.Chromagnon(str(image))
    chromagnon.setMaxIter3D(iterations)
    chromagnon.setReferenceWave(0)
    chromagnon.findBestChannel()
    chromagnon.findAlignParamWave()
    seconds = time.perf_counter() - began
    chromagnon.saveParm(str(folder / "global.chromagnon.csv"))
    answer = {"version": version.version, "global_s": seconds, "local_s": None}
    if local:
        chromagnon.findNonLinear2D()
        np.save(folder / "local.npy", chromagnon.mapyx[0])
        answer["local_s"] = time.perf_counter() - began
    chromagnon.close()
    return answer


def main() -> None:
    """Run it and print the answer."""
    task = json.loads(sys.argv[1])
    # its package looks at the arguments to see how it was started
    sys.argv = ["-m"]
    with contextlib.redirect_stdout(io.StringIO()):
        answer = align(
            Path(task["image"]),
            Path(task["folder"]),
            local=task["local"],
            iterations=task["iterations"],
        )
    sys.stdout.write(json.dumps(answer) + "\n")


# where processes are spawned, each of Chromagnon's own imports this file first
prepare()
if __name__ == "__main__":
    main()
