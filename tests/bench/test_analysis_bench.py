"""The rows of the analysis, in a small form."""

from __future__ import annotations

import pytest

from livesr.bench import analysis
from livesr.bench.analysis_tracks import tracking


def test_rows_of_masks_against_truth() -> None:
    pytest.importorskip("openvino")
    seen = analysis.segmented(1, 192)
    errors = {row.name: row for row in analysis.counts_and_volumes(seen, "")}
    assert errors["volume_error_cytosol"].value < 0.1
    assert all(row.value >= 0 for row in errors.values())
    rows = list(analysis.contact_correlation(seen, 5, ""))
    assert [row.name for row in rows] == [
        "contact_rank_correlation",
        "contact_rank_correlation_vesicles",
        "contact_rank_correlation_listed",
    ]
    assert analysis.time_of_stack(seen[0], 192).value > 0
    assert 0 <= analysis.random_share(1, 5).value <= 1


def test_rows_of_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("laptrack")
    monkeypatch.setattr("livesr.bench.analysis_tracks.INTERVALS_S", (0.5,))
    monkeypatch.setattr("livesr.bench.analysis_tracks.STRUCTURES", ("lipid_droplet",))
    rows = {row.name: row for row in tracking(5)}
    assert rows["hota_lipid_droplet_0.5s"].value > 0.7
    assert rows["tra_cell_300s"].peer_value is not None
