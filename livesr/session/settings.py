"""The settings of a preview: what they begin with, and the session that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from livesr.config import plain_session, read_session, session_from
from livesr.config.commented import commented
from livesr.config.layouts import PRESETS, side_by_side
from livesr.config.reading import apply_setting
from livesr.config.writing import write_new
from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.config import Session
    from livesr.config.layouts import Layout

_BUILT_IN = ("simulated", "simulated-two-cameras", "demo")
_LAYOUTS = {"simulated": "simulated", "simulated-two-cameras": "two-prime95b"}
DEPTH_UM, STEP_UM = 6.9, 0.3
INTERVAL_S, TIMEPOINTS = 30.0, 120


def session_for(target: str, settings: Iterable[str] = (), layout: str | None = None) -> Session:
    """Return the settings to begin with.

    Parameters
    ----------
    target : str
        A session file, whose settings are taken; or a Micro-Manager ``.cfg``, ``simulated`` or
        ``demo``, with settings for a first look.
    settings : iterable of str
        ``key.key=value`` on top.
    layout : str, optional
        A preset of `livesr.config.layouts`.

    Raises
    ------
    ConfigError
        If the file cannot be read, there is no such preset, or it plays a recording.
    """
    if target in _BUILT_IN or target.lower().endswith(".cfg"):
        session = _first_look(target, settings)
    else:
        session = read_session(Path(target), settings)
    if session.recording is not None:
        raise ConfigError(
            "this session plays a recording: there is no camera to look through",
            where=target,
            fix="give a Micro-Manager .cfg, or a session with a microscope",
        )
    if layout is None:
        return session
    if layout not in PRESETS:
        raise ConfigError(
            f"no such layout preset {layout!r}", where="--layout", fix=nearest(layout, PRESETS)
        )
    return session.model_copy(update={"layout": PRESETS[layout]})


def _first_look(config: str, settings: Iterable[str]) -> Session:
    simulated = config.startswith("simulated")
    microscope: dict[str, Any] = {"config": config}
    if simulated:
        microscope |= {
            "name": "simulated microscope",
            "camera": "simulated camera",
            "objective": "simulated 100x/1.49 oil",
        }
    data: dict[str, Any] = {
        "name": "session",
        "microscope": microscope,
        "layout": _LAYOUTS.get(config, "single"),
        "sequence": {
            "axis_order": "tpcz",
            "setup": {"exposure": 50.0},
            "time_plan": {"interval": INTERVAL_S, "loops": TIMEPOINTS},
            "z_plan": {"bottom": 0.0, "top": DEPTH_UM, "step": STEP_UM},
        },
        "calibration": "simulated" if simulated else "none",
    }
    for setting in settings:
        apply_setting(data, setting)
    if config == "simulated" and data["layout"] == "simulated":
        camera = (microscope.get("properties") or {}).get("Camera") or {}
        height, width = (int(camera.get(f"Field{side}", 512)) for side in ("Height", "Width"))
        count = min(max(int(camera.get("Channels", 2)), 2), 3)
        data["layout"] = side_by_side(height, width, count).model_dump(mode="json")
    if config not in _BUILT_IN:
        microscope["config"] = str(Path(config).absolute())
    return session_from(data, where="--set" if settings else config)


def with_settings(
    session: Session,
    *,
    layout: Layout | None = None,
    exposure_ms: float | None = None,
    z_um: tuple[float, float] | None = None,
    power: tuple[str, str, float] | None = None,
) -> Session:
    """Return a session with what was set while looking.

    Parameters
    ----------
    session : Session
    layout : Layout, optional
    exposure_ms : float, optional
    z_um : tuple of float, optional
        Lowest and highest plane; the step stays.
    power : tuple of (str, str, float), optional
        Device, property and value.
    """
    data = plain_session(session)
    sequence = data["sequence"]
    if layout is not None:
        data["layout"] = layout.model_dump(mode="json")
    if exposure_ms is not None:
        sequence["setup"] = {**(sequence.get("setup") or {}), "exposure": round(exposure_ms, 3)}
    if z_um is not None:
        step = abs((sequence.get("z_plan") or {}).get("step") or STEP_UM)
        planes = max(round((z_um[1] - z_um[0]) / step), 0)
        bottom = round(z_um[0], 3)
        sequence["z_plan"] = {
            "bottom": bottom,
            "top": round(bottom + planes * step, 3),
            "step": step,
        }
    if power is not None:
        device, name, value = power
        properties = data["microscope"]["properties"]
        properties[device] = {**properties.get(device, {}), name: float(f"{value:.4g}")}
    return session_from(data, where="preview")


def z_range(session: Session) -> tuple[float, float] | None:
    """Return the lowest and highest plane of a session, µm, as its z plan counts them."""
    heights = [float(z) for z in session.sequence.z_plan or ()]
    return (min(heights), max(heights)) if heights else None


def write_session(session: Session, file: Path) -> None:
    """Write a commented session file; an existing one is never overwritten.

    Raises
    ------
    StorageError
        If the file exists, or cannot be written.
    """
    write_new(file, commented(session), rename="name another one with --out")
