"""Micro-Manager's position lists, ``.pos``: of 2.x (a "Property Map") and of 1.4 (plain JSON).

Sources: ``PositionList``, ``MultiStagePosition``, ``PropertyKey`` and
``PropertyMapJSONSerializer`` of micro-manager/micro-manager, which read the same variants.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import useq

from livesr.errors import ConfigError
from livesr.plain import NotPlainError, json_of
from livesr.positions.stage_list import stage_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.positions.stage_list import StageList

_LABELS = ("Label", "LABEL", "label")
_XY_STAGES = ("DefaultXYStage", "DEFAULT_XY_STAGE", "defaultXYStage")
_Z_STAGES = ("DefaultZStage", "DEFAULT_Z_STAGE", "defaultZStage")
_DEVICES = ("DevicePositions", "DEVICES", "subpositions", "DeviceCoordinatesUm")
_DEVICE = ("Device", "DEVICE", "stageName")
_AXES = ("NumberOfAxes", "AXES", "numAxes")
_UNNAMED_XY, _UNNAMED_Z = "XY", "Z"

Axes = tuple[float, ...]


def read_pos(text: str, where: str) -> StageList:
    """Return the positions of a ``.pos`` file.

    Of each position the default stages' places are taken, or where none is named the first stage of
    two axes and the first of one; other devices (a focus lock's offset) are told in ``left_out``.

    Raises
    ------
    ConfigError
        If it is no position list, or a position has no place in x and y.
    """
    try:
        content = json_of(text)
    except NotPlainError as error:
        raise _not_a_list(where, error.what) from None
    content = _unwrapped(content.get("map", content) if isinstance(content, dict) else content)
    entries = _first(content, ("StagePositions", "POSITIONS", "InitialPositionList"), None)
    if not isinstance(entries, list):
        raise _not_a_list(where, "it has neither StagePositions nor POSITIONS")
    positions, left_out, stages = [], [], ("", "")
    for number, entry in enumerate(entries):
        try:
            position, rest, used = _position(entry)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise _not_a_list(f"{where}, position {number}", f"{error}") from None
        positions.append(position)
        left_out += rest
        stages = (stages[0] or used[0], stages[1] or used[1])
    return stage_list(positions, where, xy_stage=stages[0], z_stage=stages[1], left_out=left_out)


def pos_text(listed: StageList) -> str:
    """Return a list as the ``.pos`` of Micro-Manager 2.x."""
    xy_stage, z_stage = listed.xy_stage or _UNNAMED_XY, listed.z_stage or _UNNAMED_Z
    entries = []
    for position in listed.positions:
        has_z = position.z is not None
        devices = [_device(xy_stage, position.x or 0.0, position.y or 0.0)]
        if position.z is not None:
            devices.append(_device(z_stage, position.z))
        entries.append(
            {
                "DefaultXYStage": _string(xy_stage),
                "DefaultZStage": _string(z_stage if has_z else ""),
                "DevicePositions": {"type": "PROPERTY_MAP", "array": devices},
                "GridCol": {"type": "INTEGER", "scalar": 0},
                "GridRow": {"type": "INTEGER", "scalar": 0},
                "Label": _string(position.name or ""),
                "Properties": {"type": "PROPERTY_MAP", "scalar": {}},
            }
        )
    whole = {
        "encoding": "UTF-8",
        "format": "Micro-Manager Property Map",
        "major_version": 2,
        "minor_version": 0,
        "map": {"StagePositions": {"type": "PROPERTY_MAP", "array": entries}},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _position(entry: dict[str, Any]) -> tuple[useq.Position, list[str], tuple[str, str]]:
    """Return a position, what is not taken over, and the stages that it is of."""
    places = dict(_places(_first(entry, _DEVICES, [])))
    xy_stage = _chosen(str(_first(entry, _XY_STAGES, "") or ""), places, axes=2)
    z_stage = _chosen(str(_first(entry, _Z_STAGES, "") or ""), places, axes=1)
    if not xy_stage:
        raise ValueError("it names no stage with two axes")
    x, y = places[xy_stage]
    z = places[z_stage][0] if z_stage else None
    rest = [f"place of {name}" for name in places if name not in (xy_stage, z_stage)]
    if _first(entry, ("Properties", "PROPERTIES", "properties"), {}):
        rest.append("properties of positions")
    label = str(_first(entry, _LABELS, "") or "")
    return useq.Position(x=x, y=y, z=z, name=label or None), rest, (xy_stage, z_stage)


def _places(devices: Any) -> Iterator[tuple[str, Axes]]:
    """Yield each device and its place: a list of devices, or one mapping of them (early 1.x)."""
    if isinstance(devices, dict):
        yield from ((str(name), tuple(map(float, place))) for name, place in devices.items())
        return
    for device in devices:
        name = str(_first(device, _DEVICE, ""))
        place = device.get("Position_um")
        if place is None:  # up to three numbers, of which as many count as there are axes
            three = [_first(device, (axis, axis.lower()), 0.0) for axis in "XYZ"]
            place = three[: int(_first(device, _AXES, 2))]
        yield name, tuple(map(float, place))


def _chosen(wanted: str, places: dict[str, Axes], *, axes: int) -> str:
    if wanted in places and len(places[wanted]) == axes:
        return wanted
    return next((name for name, place in places.items() if len(place) == axes), "")


def _first(mapping: Any, keys: tuple[str, ...], default: Any) -> Any:
    return next((mapping[key] for key in keys if key in mapping), default)


def _unwrapped(value: Any) -> Any:
    """Return a Property Map's value without the types that it wraps around each."""
    if isinstance(value, dict):
        if "type" in value and ("scalar" in value or "array" in value):
            return _unwrapped(value.get("array", value.get("scalar")))
        return {key: _unwrapped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unwrapped(inner) for inner in value]
    return value


def _device(name: str, *place_um: float) -> dict[str, Any]:
    return {
        "Device": _string(name),
        "Position_um": {"type": "DOUBLE", "array": list(place_um)},
    }


def _string(text: str) -> dict[str, str]:
    return {"type": "STRING", "scalar": text}


def _not_a_list(where: str, why: str) -> ConfigError:
    return ConfigError(
        f"not a position list of Micro-Manager: {why}",
        where=where,
        fix="save it again from Micro-Manager's Stage Position List (Save As…)",
    )
