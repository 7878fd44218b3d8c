"""Segment what was recorded before: one file or a thousand, here or on a cluster."""

from __future__ import annotations

from livesr.offline.inputs import Input, find_inputs
from livesr.offline.process import Report, process
from livesr.offline.settings import Wishes

__all__ = ["Input", "Report", "Wishes", "find_inputs", "process"]
