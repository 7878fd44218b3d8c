"""``python -m livesr``: the same as ``livesr``."""

from livesr.cli import main

if __name__ == "__main__":
    main()
