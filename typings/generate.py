"""Write the stubs of TensorRT's Python bindings that mypy and the tests' stand-in are checked with.

The bindings' wheels carry no types. Their compiled module can be imported without TensorRT's own
libraries over three empty ones, since nothing is called::

    pip install --no-deps --target bindings tensorrt-cu13-bindings==11.4.0.106
    cd bindings/tensorrt_bindings
    echo 'int a; void *createInferBuilder_INTERNAL, *createInferRuntime_INTERNAL,
      *createInferRefitter_INTERNAL, *getPluginRegistry, *getBuilderPluginRegistry,
      *createNvOnnxParser_INTERNAL, *createNvOnnxParserRefitter_INTERNAL, *getNvOnnxParserVersion,
      *initLibNvInferPlugins;' > empty.c
    for lib in nvinfer nvonnxparser nvinfer_plugin; do
      gcc -shared -Wl,-soname,lib$lib.so.11 -o lib$lib.so.11 empty.c; done
    cd ../.. && PYTHONPATH=bindings python typings/generate.py tensorrt_bindings tensorrt

TensorRT-RTX's wheels import as they are: ``generate.py tensorrt_rtx_bindings tensorrt_rtx``.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

CLASSES = (
    "ILogger",
    "Logger",
    "IProgressMonitor",
    "IHostMemory",
    "NetworkDefinitionCreationFlag",
    "BuilderFlag",
    "MemoryPoolType",
    "ComputeCapability",
    "IOptimizationProfile",
    "ITimingCache",
    "IBuilderConfig",
    "INetworkDefinition",
    "Builder",
    "ParserError",
    "OnnxParser",
    "ExecutionContextAllocationStrategy",
    "CudaGraphStrategy",
    "EngineValidity",
    "IRuntimeCache",
    "IRuntimeConfig",
    "IExecutionContext",
    "ICudaEngine",
    "Runtime",
)
"""What livesr uses; every member of each is written, any other class is Any."""
MAY_BE_NONE = (
    "build_serialized_network",
    "deserialize_cuda_engine",
    "create_execution_context",
    "create_network",
    "create_builder_config",
    "create_runtime_config",
    "create_timing_cache",
)
"""Documented to return None on failure; the bindings' signatures do not say so."""

_SIGNATURE = re.compile(r"^(?:\d+\. )?(\w*)\((self[^\n]*)\) -> ([^\n]+)$", re.MULTILINE)


def stub(bindings: Any) -> str:
    """Return a stub of the classes above, as these bindings have them."""
    known = [name for name in CLASSES if hasattr(bindings, name)]
    lines = [
        f'"""{bindings.__name__.partition("_bind")[0]} {bindings.__version__}, by generate.py."""',
        "from collections.abc import Sequence",
        "from typing import Any, ClassVar, Self, SupportsFloat, SupportsIndex, SupportsInt",
        "from typing import overload",
        "from typing_extensions import Buffer",
        "",
        "__version__: str",
    ]
    for name in known:
        lines += ["", *_class(getattr(bindings, name), known)]
    return "\n".join(lines) + "\n"


def _class(cls: Any, known: list[str]) -> list[str]:
    if hasattr(cls, "__members__"):
        return _enum(cls)
    base = next((b.__name__ for b in cls.__mro__[1:] if b.__name__ in known), "")
    lines = [f"class {cls.__name__}({base}):" if base else f"class {cls.__name__}:"]
    for name, member in sorted(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        lines += [f"    {line}" for line in _member(name, member, known)]
    if cls.__name__ == "IHostMemory":
        lines.append("    def __buffer__(self, flags: int, /) -> memoryview: ...")
    return lines if len(lines) > 1 else [f"{lines[0]} ..."]


def _member(name: str, member: Any, known: list[str]) -> list[str]:
    if isinstance(member, property):
        found = _SIGNATURE.search(member.fget.__doc__ or "")
        kind = _type(found[3], known) if found else "Any"
        lines = ["@property", f"def {name}(self) -> {kind}: ..."]
        if member.fset is not None:
            lines += [f"@{name}.setter", f"def {name}(self, value: {kind}) -> None: ..."]
        return lines
    if hasattr(member, "__members__"):
        return _enum(member) if isinstance(member, type) else [f"{name}: Any"]
    if not callable(member):
        return [f"{name}: Any"]
    found = _SIGNATURE.findall(member.__doc__ or "")
    if not found and name == "__init__":
        return []
    if not found:
        return [f"def {name}(self, *args: Any, **kwargs: Any) -> Any: ..."]
    lines = []
    for _, arguments, result in found:
        given = _type(result, known)
        given += " | None" if name in MAY_BE_NONE else ""
        lines += ["@overload"] if len(found) > 1 else []
        lines.append(f"def {name}({_arguments(arguments, known)}) -> {given}: ...")
    return lines


def _enum(cls: Any) -> list[str]:
    """Return a stub of an enumeration as pybind11 makes them: no int, but int() reads it."""
    return [
        f"class {cls.__name__}:",
        "    __members__: ClassVar[dict[str, Self]]",
        "    name: str",
        "    value: int",
        "    def __int__(self) -> int: ...",
        *(f"    {name}: ClassVar[Self]" for name in cls.__members__),
    ]


def _arguments(text: str, known: list[str]) -> str:
    parts = re.split(r", (?=\w+: )", text)
    written, optional = ["self"], False
    for part in parts[1:]:
        name, _, rest = part.partition(": ")
        kind, equals, default = rest.partition(" = ")
        kind = _type(kind, known) + (" | None" if default == "None" else "")
        optional |= bool(equals)  # none without a default may follow
        written.append(f"{name}: {kind}" + (" = ..." if optional else ""))
    return ", ".join(written)


def _type(text: str, known: list[str]) -> str:
    text = re.sub(r"typing(_extensions)?\.|collections\.abc\.|nvinfer1::", "", text.strip())
    text = re.sub(r"\b\w+_bindings\.\w+\.", "", text)
    plain = "int float bool str bytes None tuple list Sequence Buffer SupportsInt SupportsIndex "
    allowed = {*(plain + "SupportsFloat").split(), *known}
    text = re.sub(r"[A-Za-z_][\w.:]*", lambda m: m[0] if m[0] in allowed else "Any", text)
    text = re.sub(r"\blist\b(?!\[)", "list[Any]", text)
    return re.sub(r"\btuple\b(?!\[)", "tuple[Any, ...]", text)


if __name__ == "__main__":
    module, target = sys.argv[1:3]
    path = Path(__file__).with_name(target) / "__init__.pyi"
    path.write_text(stub(importlib.import_module(module)), encoding="utf-8")
