"""Write a session as a file that explains itself, with the comments that `livesr init` writes."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from livesr.config.reading import plain_session

if TYPE_CHECKING:
    from livesr.config.session import Session

_KEY = re.compile(r"^(?P<indent> *)(?:# )?(?P<key>[a-z_]+):(?P<value>.*?)(?:\s+#\s(?P<said>.*))?$")
_COLUMN = 32


def template() -> str:
    """Return the commented session file that `livesr init` writes."""
    return resources.files("livesr.config").joinpath("template.yaml").read_text(encoding="utf-8")


def commented(session: Session) -> str:
    """Return a session as YAML, every default written out, each key with what it means.

    Parameters
    ----------
    session : Session

    Returns
    -------
    str
        `livesr.config.read_session` reads the same session from it.
    """
    data = plain_session(session)
    remarks, above = _remarks(template())
    lines = [line for line in template().splitlines()[:3] if line.startswith("#")]
    for key, value in data.items():
        lines += ["", *above.get(key, ())]
        if isinstance(value, dict) and value and key not in ("layout", "metadata"):
            lines.append(_with(f"{key}:", remarks.get((key,), "")))
            for name, one in value.items():
                lines += _entry(name, one, remarks.get((key, name), ""), "  ")
        else:
            lines += _entry(key, value, remarks.get((key,), ""), "")
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, remark: str, indent: str) -> list[str]:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True)
    text = " ".join(text.replace("\n...", "").split())
    line = f"{indent}{key}: {text}"
    if len(line) <= 100 or not isinstance(value, dict | list):
        return [_with(line, remark)]
    block = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return [
        _with(f"{indent}{key}:", remark),
        *(f"{indent}  {one}" for one in block.rstrip().splitlines()),
    ]


def _with(line: str, remark: str) -> str:
    return f"{line:<{_COLUMN - 1}} # {remark}" if remark else line


def _remarks(text: str) -> tuple[dict[tuple[str, ...], str], dict[str, list[str]]]:
    """Return what the template says beside each key, and in the lines above each section."""
    beside: dict[tuple[str, ...], str] = {}
    above: dict[str, list[str]] = {}
    waiting: list[str] = []
    section = ""
    for line in text.splitlines():
        found = _KEY.match(line)
        if (line.startswith("# ") and not found) or line.startswith("#   "):
            waiting.append(line)
        elif found and not found["indent"] and not line.startswith("#"):
            section = found["key"]
            above[section], waiting = waiting, []
            beside[section,] = found["said"] or ""
        elif found and found["said"]:
            beside[section, found["key"]] = found["said"]
        elif not line.strip():
            waiting = []
    return {key: said for key, said in beside.items() if said}, above
