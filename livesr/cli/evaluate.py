"""``livesr evaluate``: score a package on simulated cells that it never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging, table
from livesr.errors import ConfigError
from livesr.simulator.parameters import PRESETS
from livesr.training.evaluation import FIRST_TEST_SEED
from livesr.training.evaluation import evaluate as score

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMNS = (
    "structure",
    "f1",
    "threshold_f1",
    "precision",
    "recall",
    "iou",
    "moc",
    "balanced_accuracy",
    "pixel_accuracy",
)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("evaluate", help="Score a package on simulated cells that it never saw.")(evaluate)


def evaluate(
    package: Annotated[
        str, typer.Argument(metavar="PACKAGE", help="A folder, or a name in models/.")
    ],
    simulate: Annotated[
        str,
        typer.Option(
            metavar="PRESET", help=f"Preset of the simulated microscope: {', '.join(PRESETS)}."
        ),
    ] = "standard",
    seeds: Annotated[str, typer.Option(help="First and last seed: A-B.")] = "70000-70007",
    engine: Annotated[str, typer.Option(help="Engine.")] = "auto",
    field: Annotated[int, typer.Option(min=64, help="Pixels along each side.")] = 512,
    planes: Annotated[int, typer.Option(min=1, help="Planes, 0.3 µm apart.")] = 24,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Score a package; ``threshold_f1`` is the best that one threshold does on the same cells."""
    start_logging(verbose)
    chosen = seed_range(seeds)
    if chosen[0] < FIRST_TEST_SEED:
        say(f"warning: seeds below {FIRST_TEST_SEED} were used for training, tests or tuning")
    scores = score(
        package,
        chosen,
        simulate,
        engine=engine,
        shape=(planes, field, field),
        progress=lambda line: say(f"cell {line['done']} of {line['of']}"),
    )
    say(score_table(scores["structures"]))
    say(f"mean F1 {scores['mean_f1']:.3f}")
    if as_json:
        emit(scores)
    return 0


def seed_range(text: str) -> range:
    """Return the seeds of ``A-B`` (both included) or ``A``."""
    first, _, last = text.partition("-")
    if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
        raise ConfigError(
            f"{text!r} is no range of seeds", where="--seeds", fix="--seeds 70000-70007"
        )
    return range(int(first), int(last or first) + 1)


def score_table(structures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the scores as a text table."""
    rows = [{"structure": name, **scores} for name, scores in structures.items()]
    return table(rows, [c for c in _COLUMNS if c == "structure" or c in rows[0]])
