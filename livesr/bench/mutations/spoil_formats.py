"""Damage that knows the format: TIFF tags and descriptions, arrays in zip files, ONNX graphs."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from livesr.bench.mutations.spoil_bytes import HUGE, MOST

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS = (
    "0",
    "-1",
    "1",
    "7",
    "1000000000",
    "99999999999999999999",
    "1e300",
    "nan",
    "inf",
    "",
    "x",
)
_ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
for _a, _b in pairwise("abcdefghi"):
    _ENTITIES += f'<!ENTITY {_b} "{f"&{_a};" * 10}">'
_ENTITIES += "]>"


def tiff_tag(data: bytes, rng: np.random.Generator) -> bytes:
    """Change fields of the tags of a classic TIFF file: code, type, count or value."""
    out = bytearray(data)
    tags = list(_tags(data))
    for _ in range(int(rng.integers(1, 3))):
        if tags:
            at = tags[int(rng.integers(len(tags)))]
            field, size = ((0, 2), (2, 2), (4, 4), (8, 4))[int(rng.integers(4))]
            value = int(rng.choice(np.array(HUGE, np.uint64))) % 2 ** (8 * size)
            out[at + field : at + field + size] = value.to_bytes(size, "little")
    return bytes(out)


def _tags(data: bytes) -> Any:
    """Yield where the tags of every page stand."""
    at, seen = struct.unpack_from("<I", data, 4)[0], set()
    while at and at not in seen and at + 2 <= len(data):
        seen.add(at)
        count = struct.unpack_from("<H", data, at)[0]
        end = at + 2 + 12 * count
        if end + 4 > len(data):
            return
        yield from range(at + 2, end, 12)
        at = struct.unpack_from("<I", data, end)[0]


def tiff_description(data: bytes, rng: np.random.Generator) -> bytes:
    """Write the file anew with other numbers in its OME-XML or in ImageJ's description."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        text = str(file.pages[0].description)
        pixels = np.stack([page.asarray() for page in file.pages])
    numbers = list(re.finditer(r'(?<=[="])[\d.]+(?=["\n])', text))
    for _ in range(int(rng.integers(1, 4))):
        if numbers:
            at = numbers[int(rng.integers(len(numbers)))]
            new = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
            text = text[: at.start()] + new + text[at.end() :]
            numbers = list(re.finditer(r'(?<=[="])[\d.]+(?=["\n])', text))
    if rng.integers(8) == 0:
        text = text.replace("<OME", f"{_ENTITIES}<OME").replace('Name="yellow"', 'Name="&i;"')
    if rng.integers(8) == 0:
        text = re.sub("TCZYX|XYZCT|XYCZT", "XYZTT", text)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(
            pixels, photometric="minisblack", description=text.encode("utf-8", "replace"),
            metadata=None,
        )  # fmt: skip
    return out.getvalue()


def arrays(data: bytes, rng: np.random.Generator) -> bytes:
    """Write an ``.npz`` anew with an array of another kind in it."""
    with np.load(io.BytesIO(data)) as file:
        content = {name: file[name] for name in file.files}
    name = list(content)[int(rng.integers(len(content)))]
    odd: tuple[Any, ...] = (
        np.zeros(0), np.float64(1), np.full((41, 41), np.nan), np.array(["a", None], object),
        np.zeros((2, 3, 4)), np.array("text"), np.zeros((3, 3), "c16"), np.zeros(3, "M8[s]"),
        np.zeros((2000, 2000, 8)), np.full((41, 41), -np.inf), np.zeros(2, [("a", "i4")]),
    )  # fmt: skip
    match rng.integers(4):
        case 0:
            del content[name]
        case 1:
            return _bomb(data)
        case _:
            content[name] = odd[int(rng.integers(len(odd)))]
    out = io.BytesIO()
    np.savez_compressed(out, **content)
    return out.getvalue()


def _bomb(data: bytes) -> bytes:
    """Return the archive with a member more that is larger than it says."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../victim/evil_xy_nm.npy", bytes(2**27))
    size = struct.pack("<I", 2**27)
    return out.getvalue().replace(size, struct.pack("<I", 100))


def array_header(data: bytes, rng: np.random.Generator) -> bytes:
    """Change what the head of an ``.npy`` says."""
    heads = (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999, 99999), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        b"{'descr': '<U9999999', 'fortran_order': False, 'shape': (9,), }",
        b"{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2, 4, 16, 16), }",
        b"{'descr': '<c16', 'fortran_order': False, 'shape': (1, 1, 1), }",
        b"(" * 3000,
        b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }",
    )
    head = heads[int(rng.integers(len(heads)))]
    body = data[struct.unpack_from("<H", data, 8)[0] + 10 :]
    return data[:8] + struct.pack("<H", len(head) + 1) + head + b"\n" + body


def graph(data: bytes, rng: np.random.Generator) -> bytes:
    """Change an ONNX graph: what attackers and other programs write."""
    import onnx

    model = onnx.load_from_string(data)
    changes: tuple[Callable[[Any, np.random.Generator], None], ...] = (
        _no_node, _other_operation, _other_inputs, _weights_elsewhere, _other_shape, _other_type,
        _no_output, _huge_weights, _cycle, _other_version, _attribute,
    )  # fmt: skip
    changes[int(rng.integers(len(changes)))](model, rng)
    changed: bytes = model.SerializeToString()
    return changed[:MOST]


def _one(items: Any, rng: np.random.Generator) -> Any:
    return items[int(rng.integers(len(items)))]


def _no_node(model: Any, rng: np.random.Generator) -> None:
    del model.graph.node[int(rng.integers(len(model.graph.node)))]


def _other_operation(model: Any, rng: np.random.Generator) -> None:
    kinds = ("Nothing", "Loop", "If", "Conv", "Sigmoid", "Expand", "Tile", "Einsum", "Range", "")
    _one(model.graph.node, rng).op_type = _one(kinds, rng)


def _other_inputs(model: Any, rng: np.random.Generator) -> None:
    node, other = (_one(model.graph.node, rng) for _ in range(2))
    if node.input and other.output:
        node.input[int(rng.integers(len(node.input)))] = other.output[0]


def _weights_elsewhere(model: Any, rng: np.random.Generator) -> None:
    tensor = _one(model.graph.initializer, rng)
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    paths = ("/etc/passwd", "../victim/secret.txt", "/dev/zero", "rdf.yaml", "")
    for key, value in (("location", _one(paths, rng)), ("length", "4"), ("offset", "0")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _other_shape(model: Any, rng: np.random.Generator) -> None:
    dims = _one(model.graph.initializer, rng).dims
    if dims:
        dims[int(rng.integers(len(dims)))] = int(_one((0, -1, 2**31, 2**62, 7), rng))


def _other_type(model: Any, rng: np.random.Generator) -> None:
    _one(model.graph.initializer, rng).data_type = int(_one((0, 1, 7, 8, 10, 16, 99), rng))


def _no_output(model: Any, rng: np.random.Generator) -> None:
    port = model.graph.output if rng.integers(2) else model.graph.input
    if rng.integers(2):
        del port[:]
    else:
        port[0].type.tensor_type.elem_type = int(_one((0, 1, 3, 8, 99), rng))


def _huge_weights(model: Any, rng: np.random.Generator) -> None:
    tensor = _one(model.graph.initializer, rng)
    tensor.raw_data = b"\xff" * len(tensor.raw_data)  # not a number


def _cycle(model: Any, rng: np.random.Generator) -> None:
    node = _one(model.graph.node, rng)
    if node.input and node.output:
        node.input[0] = node.output[0]


def _other_version(model: Any, rng: np.random.Generator) -> None:
    model.ir_version = int(_one((0, -1, 3, 99, 2**62), rng))
    model.opset_import[0].version = int(_one((0, -1, 1, 18, 99, 2**40), rng))


def _attribute(model: Any, rng: np.random.Generator) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    if nodes:
        attribute = _one(_one(nodes, rng).attribute, rng)
        if attribute.ints:
            attribute.ints[0] = int(_one((0, -1, 2**31, 2**62, 1000), rng))
        attribute.i = int(_one((0, -1, 2**62), rng))
