"""What a package says of itself: ``rdf.yaml`` after bioimage.io, and a README for people."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from livesr.catalog import BY_NAME
from livesr.contrast import BEND
from livesr.features import MAX_RATIO, SOFTENING
from livesr.segmentation.description import FILE, README, Livesr
from livesr.segmentation.package import checksum
from livesr.storage.disk import replace_text
from livesr.training.packaging.graph import OPSET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.training.plan import Recipe

FORMAT = "0.5.12"
"""Of bioimage.io's model description."""
LICENSE = "BSD-3-Clause"
MODEL, STATE = "model.onnx", "weights.safetensors"
TEST_INPUT, TEST_OUTPUT = "test_input.npy", "test_output.npy"
FILES = (FILE, MODEL, STATE, TEST_INPUT, TEST_OUTPUT, README)
"""All of a package."""

WARNING = (
    "Trained on simulated cells only: fine-tune it on your own microscope, and validate it there, "
    "before you believe a mask."
)
"""First line of every description of such a network."""
HONEST_WORDS = (
    "Trained only on simulated cells: its accuracy on your microscope is unknown until you have "
    "measured it there (livesr evaluate --data). Scores are of simulated cells and not comparable "
    "with the paper's. A network after the paper, not the paper's network."
)
HONEST_WORDS_OF_DATA = (
    "Its accuracy on recordings unlike those that it was trained on is unknown until you have "
    "measured it there (livesr evaluate --data). A network after the paper, not the paper's "
    "network."
)
PAPER = (
    "K. Zhanghao, M. Li, X. Chen, W. Liu, Y. Wang, Z. Wu, C. Shan, J. Wu, Y. Zhang, P. Xi, D. Jin: "
    "Fast, live-cell imaging of 15 intracellular compartments by deep learning segmentation of "
    "super-resolution data"
)
OKTAY = {
    "text": "O. Oktay et al. (2018): Attention U-Net: learning where to look for the pancreas",
    "doi": "10.48550/arXiv.1804.03999",
}
NORMALISATION = {
    "intensity": "Intensity: mean of the registered yellow (Y) and red (R) channels above the "
    "camera's offset, divided by its median m over membrane foreground; of this i the network sees "
    f"(√(i + a) − √a) / (√(1 + a) − √a), a = {BEND:g}.",
    "ratio": f"Ratio: (R / r + ε) / (Y + ε), cut off at {MAX_RATIO:g}, where r is the median of "
    f"R / Y over membrane foreground and ε is {SOFTENING:g}·m; all zeros where there is one "
    "channel alone.",
    "colocalisation": "Colocalisation: light of the probe alone (green less a share of yellow, "
    "lipid droplets set to zero), divided by the brightness of its foreground; of this i the "
    f"network sees (√(i + a) − √a) / (√(1 + a) − √a), a = {BEND:g}.",
}
"""livesr does this before the network: the graph has none of it."""
MOST_LETTERS = 1024
"""Of a description, by bioimage.io's rules."""
LEAST_TOLERANCE, PPM = 0.01, 1000
"""Of bioimage.io's test: share of the largest output, voxels of a million that may differ."""


def first_line(recipe: Recipe) -> str:
    """Return the first line of a description: what the network was trained on."""
    if not recipe.data.folders:
        return WARNING
    sources = ["simulated cells"] if recipe.fields.count else []
    names = ", ".join(Path(folder).name for folder in recipe.data.folders)
    trained = " and ".join([*sources, f"recordings ({names})"])
    begun = f", begun with package {Path(recipe.initial).name}" if recipe.initial else ""
    return (
        f"Trained on {trained}{begun}: validate it on your own microscope before you believe a "
        "mask."
    )


def describe(livesr: Mapping[str, Any], description: str, folder: Path) -> dict[str, Any]:
    """Return the content of ``rdf.yaml`` for the files in a folder.

    Parameters
    ----------
    livesr : mapping
        What is to stand under ``config.livesr``; sizes of files are added.
    description : str
        For people, its first line saying what the network was trained on.
    folder : Path
        Holds all of `FILES` but ``rdf.yaml``.
    """
    sizes = {name: (folder / name).stat().st_size for name in (MODEL, STATE)}
    return {
        "format_version": FORMAT,
        "type": "model",
        "name": f"livesr {livesr['name']}",
        "description": _within(description, MOST_LETTERS),
        "documentation": {"source": README},
        "authors": [{"name": "livesr developers"}],
        "license": LICENSE,
        "cite": [OKTAY],
        "tags": _tags(livesr),
        "timestamp": livesr["training"].get("date", "2026-01-01") + "T00:00:00+00:00",
        "inputs": [_input(livesr, folder)],
        "outputs": [_output(livesr, folder)],
        "weights": {"onnx": {**_file(folder, MODEL), "opset_version": OPSET}},
        "attachments": [_file(folder, STATE)],
        "config": {
            "bioimageio": {"reproducibility_tolerance": [_tolerance(folder)]},
            "livesr": {**livesr, "bytes": sizes},
        },
    }


def _within(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def about_files(folder: Path) -> dict[str, Any]:
    """Return what `livesr.segmentation.description.Description` says of the weights."""
    model, state = ({"file": name, "sha256": checksum(folder / name)} for name in (MODEL, STATE))
    return {"description": "", "license": LICENSE, "weights": model, "safetensors": state}


def _file(folder: Path, name: str) -> dict[str, Any]:
    return {"source": name, "sha256": checksum(folder / name)}


def _tags(livesr: Mapping[str, Any]) -> list[str]:
    common = ["fluorescence-light-microscopy", "nile-red", "organelles", "live-cell"]
    method = ["semantic-segmentation", "attention-unet", "pytorch", livesr["dims"], "simulation"]
    return [*common, *method, *livesr["structures"]]


def _input(livesr: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    seen = livesr["input"]
    multiples = (seen["z_multiple"], seen["xy_multiple"], seen["xy_multiple"])
    space = [
        {**_axis(axis, scale), "size": {"min": multiple, "step": multiple}}
        for axis, scale, multiple in zip("zyx", seen["voxel_um"], multiples, strict=True)
    ]
    return {
        "id": "features",
        "description": f"{' and '.join(seen['channels'])}, normalised by livesr (see README.md)",
        "axes": [{"type": "batch"}, _channels(seen["channels"]), *space],
        "data": {"type": "float32"},
        "test_tensor": _file(folder, TEST_INPUT),
    }


def _output(livesr: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    space = [
        {**_axis(axis, scale), "size": {"tensor_id": "features", "axis_id": axis}}
        for axis, scale in zip("zyx", livesr["input"]["voxel_um"], strict=True)
    ]
    return {
        "id": "probability",
        "description": "probability of each structure, times 255",
        "axes": [{"type": "batch"}, _channels(livesr["structures"]), *space],
        "data": {"type": "uint8", "range": [0, 255]},
        "test_tensor": _file(folder, TEST_OUTPUT),
    }


def _channels(names: list[str]) -> dict[str, Any]:
    return {"type": "channel", "channel_names": list(names)}


def _axis(name: str, scale: float) -> dict[str, Any]:
    return {"type": "space", "id": name, "unit": "micrometer", "scale": scale}


def _tolerance(folder: Path) -> dict[str, Any]:
    """Return how far other software may be off: one step of a byte, or less if that is much."""
    largest = float(np.load(folder / TEST_OUTPUT, allow_pickle=False).max())
    return {
        "absolute_tolerance": min(1.0, LEAST_TOLERANCE * largest),
        "mismatched_elements_per_million": PPM,
    }


def plain(value: Any) -> Any:
    """Return a value as YAML takes it: no numpy, nothing shared, and what is no number as none."""
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_description(rdf: Mapping[str, Any], folder: Path) -> None:
    """Check ``config.livesr`` and write the README and ``rdf.yaml``, each whole or not at all.

    Raises
    ------
    ValueError
        If ``config.livesr`` is not as `livesr.segmentation.description` reads it.
    """
    content = plain(rdf)
    about = Livesr.model_validate(content["config"]["livesr"])
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    replace_text(folder / README, readme(about, content["description"]))
    replace_text(folder / FILE, text)


def readme(about: Livesr, description: str) -> str:
    """Return the README: first of all what the network was trained on."""
    first, _, rest = description.partition("\n")
    lines = [first, "", f"# livesr {about.name}", "", *_sections(about, rest.strip())]
    return "\n".join(lines) + "\n"


def _sections(about: Livesr, description: str) -> Iterator[str]:
    voxel = " × ".join(f"{size:g}" for size in about.input.voxel_um)
    if description:
        yield f"{description}\n"
    yield f"A {about.dims[0]}-D attention U-Net. {about.honest_words}"
    yield "\n## What it sees\n"
    yield f"Voxels (z, y, x) of {voxel} µm. livesr normalises before the network; other software"
    yield "must do the same, the graph does not:\n"
    yield from (f"- {NORMALISATION[channel]}" for channel in about.input.channels)
    yield "\n## What it gives\n"
    yield "Probability times 255, one channel a structure. A voxel belongs to a structure from the"
    yield "threshold on, which was chosen on validation cells.\n"
    yield from _structures(about)
    yield "\n## Validation\n"
    yield "Scores are of cells that the network never saw. On your microscope: label a few"
    yield "stacks (`livesr label`), score them (`livesr evaluate PACKAGE --data FOLDER`), and if"
    yield "that is too little train on them (`livesr train CONFIG --from PACKAGE`)."
    yield "`livesr models check PACKAGE` runs the test input on this machine."
    yield "\n## How it was made\n"
    yield from (f"- {key}: {_short(value)}" for key, value in about.training.items())
    yield f"\n## Licence and citation\n\n{LICENSE}. After:\n"
    yield f"- {PAPER}\n- {OKTAY['text']}, doi:{OKTAY['doi']}"


def _structures(about: Livesr) -> Iterator[str]:
    yield "| structure | network | threshold | F1 |"
    yield "|---|---|---|---|"
    for head in about.heads:
        for name in head.structures:
            title = BY_NAME[name].title if name in BY_NAME else name
            f1 = about.f1(name)
            score = "–" if f1 is None else f"{f1:.2f}"
            yield f"| {title} | {head.network} | {about.thresholds[name]:g} | {score} |"


def _short(value: Any) -> str:
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)
