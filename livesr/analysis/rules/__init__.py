"""What a session's rules make of its cells: decided in order, so that a replay decides the same."""

from livesr.analysis.rules.decider import Decider, Sight

__all__ = ["Decider", "Sight"]
