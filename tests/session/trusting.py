"""The shipped package with a trust of the test's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from livesr.segmentation.description import FILE
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path


def package_with(folder: Path, trust: dict[str, Any]) -> str:
    """Copy ALL into ``folder`` with another ``trust``; returns the folder as sessions name it."""
    shutil.copytree(load_package("ALL").folder, folder)
    rdf = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    rdf["config"]["livesr"]["trust"] = trust
    (folder / FILE).write_text(yaml.safe_dump(rdf, allow_unicode=True), encoding="utf-8")
    return str(folder)


def seen(low: float, high: float) -> dict[str, Any]:
    """Training stacks whose membranes had an intensity from ``low`` to ``high``."""
    middle = (low + high) / 2
    limits = {"low": low, "middle": middle, "high": high, "spread": 10.0}
    return {"farthest": 5.0, "quantities": {"intensity": limits}}
