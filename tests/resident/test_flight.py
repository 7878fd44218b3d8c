"""Stacks find their slots, and a session's segmentation takes the way on the card."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.calibration.warp import Warp
from livesr.pipeline import SegmentTools, segment
from livesr.segmentation.networks import Networks
from livesr.segmentation.trust import Range, Seen
from livesr.types import AS_CALIBRATED, Grid, Normalisation, Stack, StackIndex

torch = pytest.importorskip("torch")

from livesr.resident import SLOTS, Flight, Resident  # noqa: E402 - it needs PyTorch

if TYPE_CHECKING:
    from resident_network import Convolution

    from livesr.segmentation.package import Package
    from livesr.types import ChannelOffset

GRID = Grid((4, 40, 50), (0.3, 0.0668, 0.0668))
NORM = Normalisation(150.0, 0.5)
OFFSET = 100.0


def stack(t: int) -> Stack:
    rng = np.random.default_rng(60_450 + t)
    return Stack(rng.poisson(250, (2, *GRID.shape)).astype(np.uint16), StackIndex(0, t), float(t))


@pytest.fixture
def tools(package: Package, network: Convolution) -> SegmentTools:
    return SegmentTools(
        warp=Warp(GRID, package.voxel_um),
        networks=Networks(((package, package.structures),), package.structures),
        engines=(network,),
        offset=OFFSET,
        camera=GRID,
        on_camera_grid=True,
        probabilities=True,
        masked=Warp(GRID, GRID.voxel_um),
    )


@pytest.fixture
def flight(tools: SegmentTools, network: Convolution) -> Flight:
    resident = Resident(
        tools.warp,
        tools.networks.first,
        network,
        channels=2,
        offset=OFFSET,
        grid=GRID,
        structures=tools.networks.structures,
        trust=True,
        probabilities=True,
    )
    return Flight(resident, SLOTS)


def check(
    flight: Flight, tools: SegmentTools, t: int, offset: ChannelOffset = AS_CALIBRATED
) -> None:
    expected = segment(stack(t), NORM, tools, offset)
    found = segment(stack(t), NORM, replace(tools, resident=flight), offset)
    assert found.masks.index == expected.masks.index
    for name, volume in expected.masks.volumes.items():
        assert np.mean(found.masks.volumes[name] != volume) < 1e-3
    for name, probability in expected.probability.items():
        assert np.mean(found.probability[name] != probability) < 1e-3
    np.testing.assert_array_equal(found.intensity, expected.intensity)


def put(flight: Flight, t: int, planes: int = 4) -> None:
    data = stack(t).data
    for z in range(planes):
        for c in range(2):
            flight.arrived(StackIndex(0, t), c, z, data[c, z])


def test_a_stack_of_which_nothing_arrived_goes_up_whole(
    flight: Flight, tools: SegmentTools
) -> None:
    check(flight, tools, 0)
    check(flight, tools, 1)


def test_a_stack_is_segmented_while_the_next_arrives(flight: Flight, tools: SegmentTools) -> None:
    put(flight, 0)
    put(flight, 1, planes=2)
    check(flight, tools, 0)
    put(flight, 2, planes=1)
    check(flight, tools, 1)
    check(flight, tools, 2)


def test_more_stacks_than_slots_and_another_order_do_not_mix(
    flight: Flight, tools: SegmentTools
) -> None:
    for t in range(4):
        put(flight, t, planes=3)
    for t in (3, 0, 2, 1):
        check(flight, tools, t)


def test_planes_that_were_shifted_otherwise_go_up_again(
    flight: Flight, tools: SegmentTools
) -> None:
    there = {1: (60, -40, 35)}
    put(flight, 0)
    put(flight, 1, planes=2)
    check(flight, tools, 0, there)
    put(flight, 1, planes=3)
    check(flight, tools, 1, there)
    put(flight, 2)
    check(flight, tools, 2)


def test_what_is_forgotten_goes_up_again(flight: Flight, tools: SegmentTools) -> None:
    for z in range(4):
        flight.arrived(StackIndex(0, 0), 0, z, np.zeros(GRID.shape[1:], np.uint16))
    flight.forget(StackIndex(0, 0))
    check(flight, tools, 0)


def test_what_fails_gives_its_slot_back(flight: Flight, tools: SegmentTools) -> None:
    for t in range(3):
        with pytest.raises(ValueError, match="positive"):
            flight.segment(stack(t), Normalisation(-1.0, 1.0))
    check(flight, tools, 3)


def test_strangeness_is_told(flight: Flight, tools: SegmentTools) -> None:
    names = ("ratio_spread", "haze", "sharpness", "axial")
    seen = Seen({name: Range(-1.0, 0.0, 0.001, 0.5) for name in names}, 1.0)
    judged = replace(tools, seen=seen)
    expected = segment(stack(0), NORM, judged).strangeness
    found = segment(stack(0), NORM, replace(judged, resident=flight)).strangeness
    assert expected.flags
    assert [flag.quantity for flag in found.flags] == [flag.quantity for flag in expected.flags]
    assert found.score == pytest.approx(expected.score, rel=1e-3)
    assert segment(stack(0), NORM, replace(tools, resident=flight)).strangeness is None
