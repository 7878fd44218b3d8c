"""The network as engines run it: one ONNX graph, batch normalisation folded, kernels in half.

The graph takes ``features`` (n, C, z, y, x) float32 and gives ``probability``
(n, structures, z, y, x) uint8 = round(255·p); n, z, y and x are free. It computes in float32, but
kernels are stored as float16 and cast when it is loaded: half the file, and every engine still
chooses its own precision.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from livesr.segmentation.network.unet import STRIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.segmentation.network.deployed import Deployed
    from livesr.segmentation.network.unet import AttentionUNet

OPSET = 18
_REGISTRATION = "torch.onnx._internal.exporter._registration"
"""Logger of the exporter's operators."""
MOST_VOXELS = 4096
"""Largest z, y or x that the graph is exported for, in units of its multiple."""


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


def export_onnx(deployed: Deployed, path: Path) -> None:
    """Write what `deploy` returned as ONNX, its kernels in half precision."""
    arch = deployed.network.arch
    mz, my, mx = arch.multiple
    sample = torch.zeros(2, arch.inputs, 2 * mz if mz > 1 else 3, 3 * my, 4 * mx)
    free = {
        "features": {
            0: torch.export.Dim("n", min=1, max=64),
            2: mz * torch.export.Dim("nz", min=1, max=MOST_VOXELS // mz),
            3: my * torch.export.Dim("ny", min=1, max=MOST_VOXELS),
            4: mx * torch.export.Dim("nx", min=1, max=MOST_VOXELS),
        }
    }
    logging.getLogger(_REGISTRATION).setLevel(logging.ERROR)  # torchvision is not needed
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
    path.write_bytes(_halved(program.model_proto).SerializeToString())


def _halved(model: Any) -> Any:
    """Store kernels as float16 with a cast behind each; drop what names the exporting machine."""
    graph = model.graph
    for owner in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del owner.metadata_props[:]
        owner.doc_string = ""
    kernels = list(_kernels(graph))
    casts = []
    for kernel in kernels:
        values = numpy_helper.to_array(kernel).astype(np.float16)
        graph.initializer.remove(kernel)
        stored = f"{kernel.name}.half"
        graph.initializer.append(numpy_helper.from_array(values, stored))
        casts.append(
            onnx.helper.make_node("Cast", [stored], [kernel.name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def _kernels(graph: Any) -> Iterator[Any]:
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1:
            yield tensor
