"""Spoilt files of every kind: a clear error or a reading, and nothing else."""

from __future__ import annotations

import pytest

from livesr.bench.mutations import GOOD, run_mutations
from livesr.bench.mutations.good import KINDS

pytestmark = pytest.mark.faults

SHORT = 200
"""Mutations in CI; `livesr bench durability` makes 10,000."""


def test_good_files_of_every_kind_are_read() -> None:
    tally = run_mutations(len(KINDS), first=-20)
    assert not tally.failures
    assert {outcome for _, outcome in tally.counts} == {"read"}
    assert {kind for kind, _ in tally.counts} == set(KINDS)


@pytest.mark.timeout(300)
def test_spoilt_files_are_read_or_refused_with_a_clear_error() -> None:
    tally = run_mutations(SHORT, seed=60_001)
    failures = tally.failures[:5]
    told = [f"{f['kind']} {f['number']} ({f.get('spoil')}): {f['detail']}" for f in failures]
    assert not tally.failures, "\n\n".join(told)
    assert sum(tally.total(outcome) for outcome in GOOD) >= SHORT - len(KINDS)
    assert tally.total("refused") > tally.total("read") / 4  # the damage is damage
