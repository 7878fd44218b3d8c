"""From trained weights to a model package: one ONNX graph, and a description that says the truth.

The graph takes ``features`` (n, 2, z, y, x) float32 and gives ``probability``
(n, structures, z, y, x) uint8 = round(255·p); n, z, y and x are free.
"""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

import hashlib
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import torch
import yaml
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import livesr
from livesr.training.loss import probabilities
from livesr.training.network import STRIDE, AttentionUNet, depth_to_space, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.training.network import Architecture
    from livesr.training.plan import Head, Recipe

OPSET = 18
MOST_VOXELS = 4096
"""Largest z, y or x that the graph is exported for, in units of its multiple."""
HONEST_WORDS = (
    "Trained only on simulated cells: accuracy on your microscope is unknown until "
    "`livesr validate`. Scores are on simulated cells and not comparable with the paper's. "
    "A network after the paper, not the paper's network."
)


class Deployed(nn.Module):
    """Network, activation and rounding; unpacks only after probabilities are bytes."""

    def __init__(self, network: AttentionUNet, heads: tuple[Head, ...]) -> None:
        super().__init__()
        self.network = network
        self.heads = heads

    def forward(self, features: Tensor) -> Tensor:
        """Return probabilities as uint8, one output a structure."""
        p = probabilities(self.network(features), self.heads)
        return depth_to_space(torch.round(p * 255.0).to(torch.uint8))


def fold_norm(network: AttentionUNet) -> AttentionUNet:
    """Fold every batch normalisation into the convolution before it, in place."""
    for block in network.modules():
        if not isinstance(block, nn.Sequential):
            continue
        for i, layer in enumerate(list(block)[:-1]):
            if isinstance(layer, nn.Conv3d) and isinstance(block[i + 1], nn.BatchNorm3d):
                block[i] = fuse_conv_bn_eval(layer, block[i + 1])
                block[i + 1] = nn.Identity()
    return network


def receptive_halo(network: AttentionUNet) -> tuple[int, int, int]:
    """Return how far (z, y, x) an output looks, in the networks' voxels, rounded up to multiples.

    Two convolutions of 3 down and two up at every level but the coarsest, which has two; each
    level's voxels are as many times larger as it was pooled. Gates look as far as the level below.
    """
    arch = network.arch
    reach = []
    for axis in range(3):
        first = 1 if axis == 0 else STRIDE
        kernel = 0 if arch.dims == "2d" and axis == 0 else 1
        levels = len(arch.widths)
        sizes = [first * arch.pool[axis] ** level for level in range(levels)]
        convolutions = sum(4 * s for s in sizes[:-1]) + 2 * sizes[-1]
        pooling = sum(s - sizes[0] for s in sizes[1:])
        total = kernel * (convolutions + pooling)
        multiple = arch.multiple[axis]
        reach.append(-(-total // multiple) * multiple)
    return (reach[0], reach[1], reach[2])


def export_onnx(network: AttentionUNet, heads: tuple[Head, ...], path: Path) -> None:
    """Write the deployed network as ONNX; ``network`` is folded in place."""
    deployed = Deployed(fold_norm(network.eval()), heads).eval()
    mz, my, mx = network.arch.multiple
    sample = torch.zeros(2, 2, 2 * mz if mz > 1 else 3, 3 * my, 4 * mx)
    free = {
        "features": {
            0: torch.export.Dim("n", min=1, max=64),
            2: mz * torch.export.Dim("nz", min=1, max=MOST_VOXELS // mz),
            3: my * torch.export.Dim("ny", min=1, max=MOST_VOXELS),
            4: mx * torch.export.Dim("nx", min=1, max=MOST_VOXELS),
        }
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own use of deprecated names
        program = torch.onnx.export(
            deployed,
            (sample,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["features"],
            output_names=["probability"],
            dynamic_shapes=free,
            verbose=False,
        )
    program.save(path, external_data=False)


def write_package(network: AttentionUNet, recipe: Recipe, folder: Path) -> Path:
    """Write ``package.yaml`` and ``model.onnx``; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    count = parameters(network)
    halo = receptive_halo(network)
    model = folder / "model.onnx"
    export_onnx(network, recipe.network.heads, model)
    description = describe(recipe, network.arch, model)
    description["input"]["halo"] = list(halo)
    description["training"]["parameters"] = count
    write_description(description, folder)
    return folder


def describe(recipe: Recipe, arch: Architecture, model: Path) -> dict[str, Any]:
    """Return what ``package.yaml`` says of a freshly exported network."""
    plan = recipe.network
    return {
        "format": 1,
        "name": recipe.name,
        "description": recipe.description,
        "dims": plan.dims,
        "structures": list(plan.structures),
        "heads": [
            {
                "network": head.network,
                "structures": list(head.structures),
                "activation": head.activation,
                "background": head.background,
            }
            for head in plan.heads
        ],
        "input": {
            "channels": ["intensity", "ratio"],
            "voxel_um": list(plan.voxel_um),
            "z_multiple": arch.multiple[0],
            "xy_multiple": arch.multiple[1],
        },
        "thresholds": dict.fromkeys(plan.structures, 0.5),
        "weights": {
            "file": model.name,
            "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        },
        "training": {
            "widths": list(plan.widths),
            "command": f"livesr train examples/train-{recipe.name.lower()}.yaml",
            "seed": recipe.seed,
            "seeds": [recipe.fields.seeds, recipe.fields.seeds + recipe.fields.count - 1],
            "steps": recipe.schedule.steps,
            "code_version": livesr.__version__,
            "date": datetime.now(UTC).date().isoformat(),
        },
        "scores": {},
        "license": "BSD-3-Clause",
        "honest_words": HONEST_WORDS,
    }


def write_description(description: dict[str, Any], folder: Path) -> None:
    """Write ``package.yaml``."""
    text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True, width=100)
    (folder / "package.yaml").write_text(text, encoding="utf-8")


def update_description(folder: Path, **parts: object) -> None:
    """Replace top-level keys of a package's description: thresholds, scores."""
    path = folder / "package.yaml"
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    write_description({**description, **parts}, folder)
