"""Links and scores of tracks on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.analysis.tracks.link import Reach, link, nearest_neighbour
from livesr.analysis.tracks.over_time import event_rows, track_rows
from livesr.analysis.tracks.scores import Tracked, score_tracks

pytest.importorskip("laptrack")


def walkers(count: int = 20, frames: int = 12, step: float = 0.08, seed: int = 60_020) -> Tracked:
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 12, (count, 3))
    moves = rng.normal(0, step, (frames, count, 3)).cumsum(axis=0)
    points = (start + moves).reshape(-1, 3)
    frame, track = np.repeat(np.arange(frames), count), np.tile(np.arange(1, count + 1), frames)
    return Tracked(frame, points, track, {})


def test_perfect_tracks_score_one_and_a_switch_costs() -> None:
    true = walkers()
    perfect = score_tracks(true, true, 0.2, 1.0)
    assert perfect == pytest.approx(dict.fromkeys(perfect, 1.0))
    switched = true.track.copy()
    late = true.frame >= 6
    switched[late & (true.track == 1)], switched[late & (true.track == 2)] = 2, 1
    scores = score_tracks(Tracked(true.frame, true.points, switched, {}), true, 0.2, 1.0)
    assert scores["mota"] == pytest.approx(1 - 2 / len(true.frame))
    assert scores["deta"] == pytest.approx(1.0)
    # of two tracks in twenty each half is joined with half of the other: (6 / 18) of 1
    assert scores["assa"] == pytest.approx((18 + 2 / 3) / 20, abs=0.01)
    n = len(true.frame)
    assert scores["tra"] == pytest.approx(1 - (2 * 1 + 2 * 1.5) / (10 * n + 1.5 * (n - 20)))


def test_misses_and_spurious_points_are_counted() -> None:
    true = walkers()
    kept = true.track != 3
    points = np.vstack([true.points[kept], [[50.0, 50, 50]]])
    found = Tracked(np.append(true.frame[kept], 4), points, np.append(true.track[kept], 99), {})
    scores = score_tracks(found, true, 0.2, 1.0)
    assert scores["mota"] == pytest.approx(1 - (12 + 1) / 240)
    assert scores["idf1"] == pytest.approx(2 * 228 / (240 + 229))


def test_gaps_are_closed_where_the_baseline_begins_anew() -> None:
    true = walkers()
    seen = np.random.default_rng(60_021).random(len(true.frame)) > 0.1
    frame, points = true.frame[seen], true.points[seen]
    reach = Reach(0.4, axial=1.0)
    scores = {
        how.__name__: score_tracks(
            Tracked(frame, points, how(frame, points, reach).track, {}), true, 0.2, 1.0
        )
        for how in (link, nearest_neighbour)
    }
    assert scores["link"]["hota"] > scores["nearest_neighbour"]["hota"] + 0.05
    assert scores["link"]["idf1"] > 0.9


def test_divisions_are_linked() -> None:
    rows = []
    for t in range(8):
        rows += [(t, 5.0, 50.0)] + ([(t, 0.0, 10.0)] if t < 4 else [(t, 0.0, 6.0), (t, 0.0, 14.0)])
    frame, z, x = np.array(rows).T
    links = link(frame.astype(int), np.stack([z, np.zeros_like(z), x], axis=1), Reach.of_cells())
    assert len(links.parent) == 2
    mother = links.track[(frame == 0) & (x == 10)][0]
    assert set(links.parent.values()) == {mother}
    table = track_rows(
        {
            "image": np.zeros(len(frame), int), "t": frame.astype(int), "time_s": frame * 60,
            "label": np.ones(len(frame), int), "centroid_z_um": z,
            "centroid_y_um": np.zeros_like(z), "centroid_x_um": x,
        },
        "cell",
    )  # fmt: skip
    assert set(table["parent"][(frame >= 4) & (x < 20)]) == {mother}
    assert set(table["parent"][x == 50]) == {0}


def test_how_often_contacts_begin_and_how_long_they_last() -> None:
    # one lasts all along, one from stack 2 to 4, one begins at 6
    places = [(t, 1.0) for t in range(8)] + [(t, 9.0) for t in (2, 3, 4)] + [(6, 20.0), (7, 20.0)]
    t, x = np.array(sorted(places)).T
    many = len(t)
    sites = {
        "image": np.zeros(many, int), "t": t.astype(int), "time_s": t * 10.0,
        "structure_a": np.full(many, "lysosome"), "structure_b": np.full(many, "er"),
        "centroid_z_um": np.zeros(many), "centroid_y_um": np.zeros(many), "centroid_x_um": x,
    }  # fmt: skip
    rows = event_rows(sites, {0: [10.0 * k for k in range(8)]})
    assert rows["sites"].tolist() == [3]
    assert rows["begun"].tolist() == [2]
    assert rows["events_per_min"].tolist() == pytest.approx([2 / (70 / 60)])
    assert rows["complete"].tolist() == [1]
    assert rows["duration_mean_s"].tolist() == [30.0]
