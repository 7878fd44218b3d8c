"""Parts of a session file laid over others: what a preset says goes before the session's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WHOLE = {
    ("layout",),
    ("recording",),
    *(("sequence", plan) for plan in ("time_plan", "z_plan", "grid_plan", "autofocus_plan")),
}
"""Keys whose values are one thing: the upper one replaces the lower."""


def changes(
    below: Mapping[str, Any], above: Mapping[str, Any], way: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys that ``above`` changes in ``below``, each with its value.

    Mappings are joined key by key; lists, layouts, recordings and useq's plans are replaced.
    """
    for key, value in above.items():
        here, old = (*way, key), below.get(key)
        if here not in _WHOLE and isinstance(value, dict) and isinstance(old, dict):
            yield from changes(old, value, here)
        elif key not in below or old != value:
            yield here, value


def laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` with what ``above`` says instead; neither is changed."""
    both = dict(below)
    for way, value in changes(below, above):
        both = _with(both, way, value)
    return both


def _with(mapping: dict[str, Any], way: tuple[str, ...], value: Any) -> dict[str, Any]:
    key, *rest = way
    return {**mapping, key: _with(mapping[key], tuple(rest), value) if rest else value}
