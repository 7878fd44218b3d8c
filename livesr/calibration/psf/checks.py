"""What speaks against a measured point-spread function: scales, sampling, light, beads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.calibration.psf.measure import ChannelPsf, Psf
    from livesr.calibration.psf.theory import Expected

ENOUGH = 30
"""Fewer beads than these make poor maps of the field."""
LOST = 0.25
"""A larger share of beads lost for one mendable reason is warned of."""
LENGTHS = (1.7, 10.0)
"""Axial over lateral width of any objective that resolves beads."""
WIDTHS_UM = (0.06, 1.5)
"""Lateral widths that a light microscope can have at all."""
NARROWER, WIDER = 0.75, 1.8
"""Measured over the narrowest and the widest that theory expects."""
COARSE = 0.6
"""A larger share of a width between two samples leaves a Gaussian fit to guess."""
ASYMMETRIC = 1.1
MENDABLE = {
    "saturated": "less light or a shorter exposure",
    "end of the stack": "a stack that reaches farther on both sides of the beads' focus",
    "crowded": "a more dilute slide",
}


def warnings_of(psf: Psf, expected: Mapping[str, Sequence[Expected]]) -> list[str]:
    """Return what speaks against a measurement, with the numbers behind it.

    Parameters
    ----------
    psf : Psf
    expected : mapping of str to sequence of Expected
        By channel; empty where the objective is not named.
    """
    return [
        f"{name}: {text}"
        for name, channel in psf.channels.items()
        for check in (_count, _scale, _sampling, _shape)
        for text in check(psf, channel, expected.get(name, ()))
    ]


def _count(psf: Psf, channel: ChannelPsf, _: Sequence[Expected]) -> Iterator[str]:
    if len(channel) < ENOUGH:
        yield f"{len(channel)} beads; {ENOUGH} or more make maps of the field"
    refused = psf.refused[channel.name]
    for reason, fix in MENDABLE.items():
        lost = refused[reason]
        if lost > LOST * (len(channel) + lost):
            yield f"{lost} of {len(channel) + lost} beads are lost ({reason}): {fix}"


def _scale(_: Psf, channel: ChannelPsf, expected: Sequence[Expected]) -> Iterator[str]:
    lateral, axial = channel.lateral.value, channel.axial.value
    ask = "are pixel size and z step right (--pixel, --z-step)?"
    if not LENGTHS[0] < axial / lateral < LENGTHS[1]:
        yield (
            f"images of points are {axial / lateral:.1f} times as long as wide, {LENGTHS[0]:g} to "
            f"{LENGTHS[1]:g} are usual: {ask}"
        )
    if not expected:
        if not WIDTHS_UM[0] < lateral < WIDTHS_UM[1]:
            yield f"images of points are {1e3 * lateral:.0f} nm wide: {ask}"
        return
    for what, value, ways in (
        ("lateral", lateral, [one.lateral_um for one in expected]),
        ("axial", axial, [one.axial_um for one in expected]),
    ):
        if not NARROWER * min(ways) < value < WIDER * max(ways):
            yield (
                f"{what} width {1e3 * value:.0f} nm, theory expects {1e3 * min(ways):.0f} to "
                f"{1e3 * max(ways):.0f} nm: {ask} Else it is the objective, its immersion or "
                "collar; or oil against water, which makes images longer in µm of the stage"
            )


def _sampling(psf: Psf, channel: ChannelPsf, _: Sequence[Expected]) -> Iterator[str]:
    step, pixel, _x = psf.grid.voxel_um
    for what, size, width in (
        ("pixels of", pixel, channel.lateral.value),
        ("planes every", step, channel.axial.value),
    ):
        if size > COARSE * width:
            yield (
                f"{what} {1e3 * size:.0f} nm sample an image of {1e3 * width:.0f} nm too coarsely: "
                f"{width / size:.1f} in its width at half maximum"
            )


def _shape(_: Psf, channel: ChannelPsf, __: Sequence[Expected]) -> Iterator[str]:
    if channel.asymmetry > ASYMMETRIC:
        yield (
            f"images of points are {channel.asymmetry:.2f} times as wide along "
            f"{channel.angle:.0f}° as across: astigmatism, tilt or drift"
        )
    if not channel.flat:
        yield (
            f"beads lie at heights that scatter by {channel.fields['focus'].scatter:.1f} µm: the "
            "map of best focus says nothing of the field"
        )
