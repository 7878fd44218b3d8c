"""The command line: one program, few verbs. A file a verb: parse, call one function, print."""

from __future__ import annotations

from livesr.cli.app import main

__all__ = ["main"]
