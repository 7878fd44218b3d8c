"""The camera bench measures what it says; in this short form it reaches what is asked."""

from __future__ import annotations

from livesr.bench.camera import accuracy_rows, cost_rows


def test_a_camera_is_measured_against_its_truth() -> None:
    rows = {row.name: row for row in accuracy_rows(field=128, seed=60_790)}
    offset, gain = rows["a pixel's offset, rms error"], rows["a pixel's gain, rms error"]
    assert offset.value < 0.2
    assert gain.value < 1.0
    assert gain.peer_value is not None
    assert gain.peer_value > 10 * gain.value  # a pixel's own variance knows little
    ratios = [row for name, row in rows.items() if name.startswith("false ratio")]
    assert len(ratios) == 6
    for row in ratios:
        assert row.value < 1.2  # %; least for single pixels in a vesicle's light
        assert row.peer_value is not None
        assert row.value < 0.5 * row.peer_value


def test_the_cost_of_it_is_told() -> None:
    features, plane = cost_rows(side=64, planes=2, repeats=1)
    assert features.peer == "without"
    assert features.ratio is not None
    assert plane.value > 0
