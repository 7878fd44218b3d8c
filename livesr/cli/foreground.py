"""``livesr evaluate FG``: FG-net beside thresholds, on simulated images of probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livesr.cli.output import say, table
from livesr.errors import ConfigError
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.training.evaluation.samples import Samples

CHANNELS = ("colocalisation",)
_COLUMNS = {
    "probe": "probe of",
    "f1": "FG-net F1",
    "otsu_f1": "Otsu",
    "triangle_f1": "triangle",
    "tuned_f1": "tuned threshold",
}


def is_foreground(packages: Sequence[str]) -> bool:
    """Return whether a package that sees colocalisation images alone is to be scored.

    Raises
    ------
    ConfigError
        If it stands among others.
    """
    if not any(load_package(package).channels == CHANNELS for package in packages):
        return False
    if len(packages) > 1:
        raise ConfigError(
            "a package that sees colocalisation images cannot be scored with others",
            where="livesr evaluate",
            fix=f"evaluate it alone: not {' '.join(packages)}",
        )
    return True


def refuse(options: Mapping[str, object]) -> None:
    """Refuse options that say nothing of colocalisation images.

    Raises
    ------
    ConfigError
        It names the first one that was given.
    """
    for option, value in options.items():
        if value:
            raise ConfigError(
                f"{option} is not for a package that sees colocalisation images",
                where="livesr evaluate",
                fix="it is scored on simulated probes: --simulate PRESET --seeds A-B",
            )


def score_foreground(package: str, cells: Samples, engine: str) -> dict[str, Any]:
    """Score it, print the table, and return what ``--json`` prints."""
    from livesr.training.evaluation.foreground_scores import score_foreground as score

    about = cells.about()
    scores = score(
        load_package(package),
        about["seeds"],
        preset=about["preset"],
        shape=tuple(about["shape"]),
        engine=engine,
        progress=say,
    )
    rows = [{"probe": name, **row} for name, row in scores["structures"].items()]
    named = [{title: row[key] for key, title in _COLUMNS.items()} for row in rows]
    say(table(named, list(_COLUMNS.values())))
    say(f"mean F1 {scores['mean_f1']:.3f}")
    return {**scores, **about}
