"""Where a splitter's channels lie on the sensor, found from pictures of cells or beads."""

from __future__ import annotations

from livesr.acquisition.finding.layout import Found, find_layout

__all__ = ["Found", "find_layout"]
