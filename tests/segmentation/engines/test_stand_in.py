"""The stand-in for TensorRT has no name that the real bindings lack."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_cuda import FakeCuda

if TYPE_CHECKING:
    import types

fake_tensorrt = pytest.importorskip("fake_tensorrt")

STUBS = Path(__file__).parents[3] / "typings"
LIBRARIES = ("tensorrt", "tensorrt_rtx")


def stubbed(library: str) -> dict[str, set[str]]:
    """Return the names of each class of the real bindings."""
    tree = ast.parse((STUBS / library / "__init__.pyi").read_text(encoding="utf-8"))
    return {node.name: set(_names(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _names(node: ast.ClassDef) -> list[str]:
    names = []
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            names.append(member.target.id)
        elif isinstance(member, ast.FunctionDef | ast.ClassDef):
            names.append(member.name)
    return names


def module(library: str) -> types.ModuleType:
    return fake_tensorrt.make(library, fake_tensorrt.World(FakeCuda()))


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_name_is_a_real_one(library: str) -> None:
    real = stubbed(library)
    classes = {name: cls for name, cls in vars(module(library)).items() if isinstance(cls, type)}
    assert len(classes) > 10
    for name, cls in classes.items():
        public = {attribute for attribute in dir(cls) if not attribute.startswith("_")}
        assert public - {"name", "value"} <= real[name], name


@pytest.mark.parametrize("library", LIBRARIES)
def test_arguments_are_the_real_ones(library: str) -> None:
    tree = ast.parse((STUBS / library / "__init__.pyi").read_text(encoding="utf-8"))
    for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        fake = getattr(module(library), cls.name, None)
        known: dict[str, list[list[str]]] = {}
        for method in (node for node in cls.body if isinstance(node, ast.FunctionDef)):
            names = [argument.arg for argument in method.args.args]
            known.setdefault(method.name, []).append(names)
        for name, function in inspect.getmembers(fake, inspect.isfunction):
            if name in known and not name.startswith("_"):
                code = function.__code__
                given = list(code.co_varnames[: code.co_argcount])
                assert any(given == names[: len(given)] for names in known[name]), (cls.name, name)


def test_what_tensorrt_11_dropped_is_not_in_the_stub() -> None:
    real = stubbed("tensorrt")
    assert "FP16" not in real["BuilderFlag"]
    assert "platform_has_fast_fp16" not in real["Builder"]
    assert "device_memory_size" not in real["ICudaEngine"]
    assert "ComputeCapability" not in real
    assert "num_compute_capabilities" in stubbed("tensorrt_rtx")["IBuilderConfig"]


@pytest.mark.parametrize(
    ("library", "bindings"), [("tensorrt", "tensorrt"), ("tensorrt_rtx", "tensorrt_rtx_bindings")]
)
def test_the_stub_is_of_the_library_that_is_installed(library: str, bindings: str) -> None:
    installed = pytest.importorskip(bindings)
    said = (STUBS / library / "__init__.pyi").read_text(encoding="utf-8").partition(",")[0]
    if not said.endswith(f" {installed.__version__}"):
        pytest.skip(f"{installed.__version__} is installed, the stub is of {said}")
    for name, members in stubbed(library).items():
        assert members - {"__int__", "__buffer__", "__members__", "__init__"} <= set(
            dir(getattr(installed, name))
        ), name
