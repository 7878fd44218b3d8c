"""Which engine a session will take, found out before the first photon."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from livesr.errors import ModelError
from livesr.segmentation.engines import REMOTE, Options, load_engine, working_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.config.session import Segmentation
    from livesr.segmentation.networks import Networks


def planned_engine(asked: Segmentation, networks: Networks) -> tuple[str, dict[str, str]]:
    """Return an engine's name, and why better ones do not work here.

    A server is asked whether it has the packages, and must give each one's test output.

    Raises
    ------
    ModelError
        If no engine works that was asked for.
    """
    if asked.engine != REMOTE.name or asked.remote is None:
        entry, passed_over = working_engine(asked.engine)
        return entry.name, passed_over
    alone = asked.remote.model_copy(update={"fallback": False})
    try:
        for part in networks.each():
            options = Options(asked.threads, asked.precision, part.structures, remote=alone)
            with closing(load_engine(REMOTE.name, part.first, options).engine):
                pass
    except ModelError as problem:
        if not asked.remote.fallback:
            raise
        entry, passed_over = working_engine("auto")
        return entry.name, {REMOTE.name: problem.what, **passed_over}
    return REMOTE.name, {}


def engine_warnings(
    asked: Segmentation, engine: str, passed_over: Mapping[str, str]
) -> Iterator[str]:
    """Yield what is to be said of a server that cannot be used."""
    if asked.engine == REMOTE.name != engine:
        yield f"{passed_over[REMOTE.name]}: {engine} on this machine takes over"
