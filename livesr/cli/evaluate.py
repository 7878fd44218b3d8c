"""``livesr evaluate``: score packages on simulated cells that they never saw, or on a data set."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livesr.cli.foreground import is_foreground, refuse, score_foreground
from livesr.cli.output import Json, Verbose, emit, say, start_logging, table
from livesr.errors import ConfigError, StorageError
from livesr.simulator.parameters import PRESETS
from livesr.storage.disk import replace_text
from livesr.training.evaluation.evaluate import evaluate as score
from livesr.training.evaluation.samples import FIRST_TEST_SEED, LabelledFolder, SimulatedCells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.training.evaluation.forest import PixelForest
    from livesr.training.evaluation.report import Gallery
    from livesr.training.evaluation.samples import Samples

_COLUMNS = {
    "structure": "structure",
    "f1": "F1",
    "paper_f1": "paper",
    "threshold_f1": "threshold",
    "forest_f1": "forest",
    "ceiling_f1": "ceiling",
    "moc": "MOC",
    "paper_moc": "paper >",
    "iou": "IoU",
    "pixel_accuracy": "accuracy",
    "background_accuracy": "empty",
    "object_f1": "objects",
    "surface_dice": "surface",
    "cldice": "clDice",
}
"""Keys of scores and their headings; ``empty`` is the accuracy of a mask of nothing."""
_SEEDS = "70000-70007"


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("evaluate", help="Score packages on cells that they never saw.")(evaluate)


def evaluate(
    packages: Annotated[
        list[str],
        typer.Argument(
            metavar="PACKAGE...",
            help="Folders, or names in models/; several are scored on the same stacks: "
            "LD GOLGI MITO PERO EE LE LYSO ER PM VOLUME.",
        ),
    ],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A data set (livesr label), not simulation.")
    ] = None,
    simulate: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET",
            help=f"Preset of the simulated microscope: {', '.join(PRESETS)}.",
            show_default="standard",
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="First and last seed: A-B.", show_default=_SEEDS)
    ] = None,
    forest: Annotated[
        bool, typer.Option("--forest", help="Beside a pixel random forest (minutes).")
    ] = False,
    without_ratio: Annotated[
        bool, typer.Option("--without-ratio", help="Leave the ratio image out.")
    ] = False,
    ceiling: Annotated[
        str | None, typer.Option(metavar="PACKAGE", help="Beside an oversized network.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.html with figures.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores as JSON.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Engine.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all.")] = None,
    field: Annotated[int, typer.Option(min=64, help="Pixels along each side.")] = 512,
    planes: Annotated[int, typer.Option(min=1, help="Planes, 0.3 µm apart.")] = 24,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Score; ``threshold_f1`` is the best that one threshold does on the same stacks."""
    start_logging(verbose)
    samples = _samples(data, simulate, seeds, (planes, field, field))
    _make_room(save)
    if is_foreground(packages):
        unfit = {"--data": data, "--forest": forest, "--ceiling": ceiling, "--report": report}
        refuse({**unfit, "--without-ratio": without_ratio})
        return _finish(score_foreground(packages[0], samples, engine), save, as_json)
    gallery = _gallery(report)
    scores = score(
        packages,
        samples,
        engine=engine,
        threads=threads,
        forest=partial(_forest, images=1 if without_ratio else 2) if forest else None,
        ceiling=ceiling,
        without_ratio=without_ratio,
        progress=lambda line: say(f"{line['done']}: {line['sample']}"),
        look=gallery.look if gallery else None,
    )
    _tell(scores)
    if report and gallery:
        from livesr.training.evaluation.report import write_report

        say(f"report: {write_report(report, scores, gallery)}")
    return _finish(scores, save, as_json)


def _gallery(report: Path | None) -> Gallery | None:
    """Return what keeps pictures, if a report is asked for and can be written."""
    if report is None:
        return None
    from livesr.training.evaluation.report import Gallery, prepare

    prepare(report)
    return Gallery()


def _finish(scores: Mapping[str, Any], save: Path | None, as_json: bool) -> int:
    """Write and print the scores as JSON, as far as asked for; return the exit code."""
    if as_json:
        emit(scores)
    if save:
        try:
            replace_text(save, json.dumps(scores, indent=2))
        except OSError as problem:
            raise _unsaved(save, problem) from None
    return 0


def _make_room(save: Path | None) -> None:
    """Make the folder of the file, so that nothing is scored in vain."""
    if save is None:
        return
    try:
        save.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _unsaved(save, problem) from None


def _unsaved(path: Path, problem: OSError) -> StorageError:
    return StorageError(
        f"the scores cannot be written: {problem}", where=str(path), fix="--save another file"
    )


def _samples(
    data: Path | None, preset: str | None, seeds: str | None, shape: tuple[int, int, int]
) -> Samples:
    """Return what is to be scored on.

    Raises
    ------
    ConfigError
        If both a data set and simulated cells are asked for, or the seeds are none.
    """
    if data:
        if preset or seeds:
            raise ConfigError(
                "a data set and simulated cells are both asked for",
                where="livesr evaluate",
                fix="either --data DIR, or --simulate PRESET --seeds A-B",
            )
        return LabelledFolder(data)
    chosen = seed_range(seeds or _SEEDS)
    if chosen[0] < FIRST_TEST_SEED:
        say(f"warning: seeds below {FIRST_TEST_SEED} were used for training, tests or tuning")
    return SimulatedCells(chosen, preset or PRESETS[0], shape)


def _forest(names: Sequence[str], images: int) -> PixelForest:
    """Return a forest for some structures that looks at so many images."""
    from livesr.training.evaluation.baselines import trained_forest

    say("growing the pixel forest …")
    return trained_forest(names, images=images)


def seed_range(text: str) -> range:
    """Return the seeds of ``A-B`` (both included) or ``A``."""
    first, _, last = text.partition("-")
    if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
        raise ConfigError(
            f"{text!r} is no range of seeds", where="--seeds", fix=f"--seeds {_SEEDS}"
        )
    return range(int(first), int(last or first) + 1)


def _tell(scores: Mapping[str, Any]) -> None:
    """Print the table and the means for people."""
    say(score_table(scores["structures"]))
    low, high = scores["mean_f1_ci95"]
    spread = "" if low is None else f" (95 % of draws of cells: {low:.3f} to {high:.3f})"
    say(f"mean F1 {scores['mean_f1']:.3f}{spread}")
    if "ceiling" in scores:
        top = scores["ceiling"]
        say(f"oversized {top['package']}: mean F1 {top['mean_f1']:.3f}, gap {top['gap']:.3f}")
    if scores["unknown"]:
        say(f"no sample has masks of: {', '.join(scores['unknown'])}")
    if scores["absent"]:
        say(f"nowhere in these samples, not in the mean: {', '.join(scores['absent'])}")


def score_table(structures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the scores as a text table, the paper's figures where it has them."""
    rows = [
        {
            "structure": name,
            "paper_f1": scores["published"].get("f1"),
            "paper_moc": scores["published"].get("moc"),
            **scores,
        }
        for name, scores in structures.items()
    ]
    shown = [key for key in _COLUMNS if any(row.get(key) is not None for row in rows)]
    named = [{_COLUMNS[key]: row.get(key) for key in shown} for row in rows]
    return table(named, [_COLUMNS[key] for key in shown])
