"""Read a session: raw, masks, and what was measured.

    python examples/open_a_session.py [FOLDER]

Without a folder it makes a small one, as `livesr demo` does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import livesr
from livesr.session import make_plan, run_session
from livesr.session.demo import demo_session


def main(folder: Path) -> None:
    """Print what a session holds."""
    session = livesr.open(folder)
    status = session.status()
    print(f"{status.stacks} stacks, {status.segmented_live + status.segmented_later} with masks")
    for image in session.images:
        print(f"{image.path.name}: {image.channels}, {image.shape} (t, c, z, y, x)")
        for t in sorted(image.segmented()):
            yellow = image.raw(t, 0)  # (z, y, x), uint16
            inside = image.mask("mitochondria", t).astype(bool)  # the same grid
            if inside.any():
                print(f"t {t}: mitochondria are {yellow[inside].mean():.0f} counts bright")
    for row in session.measurements()[:3]:
        print(row["t"], row["structure"], row["volume_um3"], "µm³")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            made = Path(temporary) / "session"
            run_session(
                make_plan(demo_session(timepoints=1, field=96, planes=8, seed=60_012)), made
            )
            main(made)
