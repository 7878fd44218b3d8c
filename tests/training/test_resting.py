from __future__ import annotations

import numpy as np
import pytest
from oracles import Oracle, package, squares

from livesr.errors import ModelError
from livesr.training.evaluation import resting
from livesr.training.evaluation.prediction import predicted
from livesr.training.evaluation.resting import RestingEngine


def test_it_loads_itself_again_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = squares()
    loaded: list[Oracle] = []

    def load(*_: object, **__: object) -> Oracle:
        loaded.append(Oracle(stack))
        return loaded[-1]

    monkeypatch.setattr(resting, "choose_engine", load)
    engine = RestingEngine(package())
    assert len(loaded) == 1
    first = predicted(stack, package(), engine)
    engine.close()
    engine.close()
    assert loaded[0].closed == 1
    again = predicted(stack, package(), engine)
    assert len(loaded) == 2
    assert all(np.array_equal(first.masks[name], again.masks[name]) for name in first.masks)


def test_what_cannot_be_loaded_is_told_at_once() -> None:
    with pytest.raises(ModelError):
        RestingEngine(package(), "none")
