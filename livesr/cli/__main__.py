"""``python -m livesr.cli``: the same as ``livesr``."""

from livesr.cli.app import main

if __name__ == "__main__":
    main()
