"""Parts of the page from the tables: structures, contacts, light, drift, gaps, notes, odd ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr import html
from livesr.report import happened
from livesr.report.contacts import contacts_of, draw_matrices, draw_pairs
from livesr.report.curves import (
    draw_drifts,
    draw_each,
    draw_light,
    drifts_of,
    numbers_of,
    volumes_of,
)
from livesr.report.happened import otherwise
from livesr.report.pieces import none, worded
from livesr.report.timeline import TimeScale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.report.told import Told


def structures(told: Told) -> Iterator[str]:
    """Yield volumes and numbers of structures over time."""
    scale, ruled = TimeScale.of(told.end_s), otherwise(told)
    volumes = volumes_of(told)
    if not volumes:
        yield none("No masks were measured.")
        return
    several = len(told.reader.images) > 1
    style = ("-", "--", ":", "-.")
    each = " Solid, dashed, dotted: the session's images one after the other." if several else ""
    fields = " A jump where stacks change their height is of the stacks." if ruled else ""
    for name, curves, words in (
        ("volumes", volumes, "Volume in the field, µm³ (of single planes the area, µm²)."),
        ("numbers", numbers_of(told), "Objects in the field."),
    ):
        if curves:
            figure = draw_each(curves, scale, ruled, lambda image: style[image % len(style)])
            yield html.picture(html.embedded(name, words + each + fields, figure))
        else:
            yield none("Objects were not measured (livesr measure can do it now).")


def contacts(told: Told) -> Iterator[str]:
    """Yield what touches what."""
    found = contacts_of(told)
    if found is None:
        yield none("Not measured: analysis: {contacts: true}, or now: livesr measure --contacts.")
        return
    caption = (
        f"Contacts within {found.distance_um:g} µm, means over all stacks. Below the resolution "
        "a contact is apposition. Structures that the ratio alone tells apart (Golgi, peroxisomes, "
        "endosomes, lysosomes) seem to touch where a mask calls part of one the other."
    )
    if not np.isfinite(found.enrichment).any():
        caption += " Without shuffles (livesr measure --shuffles 100) chance is unknown."
    yield html.picture(html.embedded("contacts", caption, draw_matrices(found)))
    if len({stack.time_s for stack in told.stacks}) > 1 and found.over_time:
        figure = draw_pairs(found, TimeScale.of(told.end_s), otherwise(told))
        words = "Contact sites of the busiest pairs in the whole field."
        yield html.picture(html.embedded("contacts over time", words, figure))


def light(told: Told) -> Iterator[str]:
    """Yield light, brightness and delay."""
    if not told.stacks:
        yield none("No stack was stored.")
        return
    budget = (told.settings.get("dose") or {}).get("budget_ms")
    budget_s = float(budget) / 1000 if budget else float("nan")
    figure = draw_light(told, TimeScale.of(told.end_s), otherwise(told), budget_s)
    words = (
        "Exposure of each position, brightness of its membranes (below 1: bleached, or out of "
        "focus), and how long after a stack's last plane its masks stood. Light dose is "
        "illumination, not phototoxicity."
    )
    yield html.picture(html.embedded("light", words, figure))


def drifts(told: Told) -> Iterator[str]:
    """Yield what was followed beside the cells."""
    drifts = drifts_of(told)
    if not drifts:
        yield none("Neither the channels' offset nor the focus was followed.")
        return
    figure = draw_drifts(drifts, TimeScale.of(told.end_s))
    yield html.picture(html.embedded("drift", "As journalled with each stack.", figure))


def gaps(told: Told) -> Iterator[str]:
    """Yield gaps, faults and pauses."""
    found = happened.gaps(told)
    if found:
        yield worded(("when (computer's clock)", "what", "why"), found, words=(2,))
    else:
        yield none("None.")


def notes(told: Told) -> Iterator[str]:
    """Yield what people noted."""
    found = happened.notes(told)
    if found:
        yield worded(("session time", "by", "note"), found, words=(2,))
    else:
        yield none("None.")


def odd(told: Told) -> Iterator[str]:
    """Yield what of stacks was unlike the package's training."""
    found = happened.odd(told)
    if found:
        yield worded(("what", "in", "the farthest"), found, words=(2,))
    elif any("flags" in entry for entry in told.of("stack_segmented")):
        yield none("None.")
    else:
        yield none("Not known: nothing is segmented, or the package does not say what it saw.")
