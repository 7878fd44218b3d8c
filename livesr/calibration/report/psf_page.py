"""The page of a point-spread function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr import __version__, html
from livesr.calibration.beads.find import REASONS
from livesr.calibration.psf.theory import without_pixel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.calibration.psf.measure import ChannelPsf, Middle, Psf
    from livesr.calibration.psf.theory import Expected

WORDS = (
    ("Width", "Full width at half maximum of a three-dimensional Gaussian fitted to each bead by "
     "maximum likelihood; median of the beads, and its standard error from their scatter."),
    ("Bead", "A ball of diameter d adds the variance d²/20 along each axis: taken off."),
    ("Pixel", "Lateral widths are of images as the camera records them. Its pixel adds pixel²/12 "
     "to the variance; 'without pixel' is the optics' own."),
    ("Lateral", "Geometric mean of the wider and the narrower lateral axis."),
    ("Asymmetry", "Wider over narrower axis. Noise makes every single bead look asymmetric; the "
     "table's is of the beads' mean image, where noise has averaged out."),
    ("Angle", "Of the wider axis against x, from x towards y (down in the image)."),
    ("Best focus", "Height at which a bead is sharpest. On a flat cover slip it shows tilt of the "
     "sample or stage, and curvature of the field."),
    ("Along z", "µm of stage travel: between oil and water the sample's µm are shorter."),
    ("Expected", "Widefield 0.51 λ/NA and 0.88 λ/(n − √(n² − NA²)); confocal with a small pinhole "
     "0.37 λ/NA and 0.64 λ/(n − √(n² − NA²)) (Amos, McConnell, Wilson, Comprehensive Biophysics "
     "2, 2012, 3–23; Wilhelm et al., Carl Zeiss, 2003). Live-SR: half of widefield laterally, as "
     "its maker says, axially as confocal. Laterally with the camera's pixel, to be compared with "
     "the measured widths. Theory of a perfect objective and of light of one wavelength."),
)  # fmt: skip

ROUND = 1.01
"""A mean image of less asymmetry has no axis worth naming."""


def page(
    psf: Psf,
    expected: Mapping[str, Sequence[Expected]],
    warnings: Sequence[str],
    figures: Mapping[str, Sequence[html.Illustration]],
) -> str:
    """Return the page.

    Parameters
    ----------
    psf : Psf
    expected : mapping of str to sequence of Expected
        By channel; empty where the objective is not named.
    warnings : sequence of str
    figures : mapping of str to sequence of Illustration
        By channel.
    """
    return html.document(
        "Point-spread function",
        [
            *(html.paragraph(f"Warning: {text}", "fair") for text in warnings),
            *(html.paragraph(_said(channel)) for channel in psf.channels.values()),
            html.heading("Widths"),
            _widths(psf),
            *_expected(psf, expected),
            html.heading("Over the field"),
            _field(psf),
            *_channels(figures),
            html.heading("Beads"),
            _beads(psf),
            html.heading("Recordings"),
            _origin(psf),
            html.heading("Words"),
            html.terms(WORDS),
        ],
    )


def _said(channel: ChannelPsf) -> str:
    return (
        f"{channel.name}: the image of a point is {1e3 * channel.lateral.value:.0f} nm wide and "
        f"{1e3 * channel.axial.value:.0f} nm long ({len(channel)} beads); two points nearer to "
        "each other than that are one."
    )


def _widths(psf: Psf) -> str:
    pixel = psf.grid.voxel_um[1]
    rows = [
        [
            name, str(len(one)), _text(one.lateral),
            f"{1e3 * without_pixel(one.lateral.value, pixel):.1f}", _text(one.axial),
            f"{one.asymmetry:.3f}", f"{one.angle:.0f}°" if one.asymmetry > ROUND else "–",
        ]
        for name, one in psf.channels.items()
    ]  # fmt: skip
    return html.table(
        ["channel", "beads", "lateral, nm", "without pixel, nm", "axial, nm", "asymmetry", "angle"],
        rows,
    )


def _text(one: Middle) -> str:
    return f"{1e3 * one.value:.1f} ± {1e3 * one.error:.1f}"


def _expected(psf: Psf, expected: Mapping[str, Sequence[Expected]]) -> Iterator[str]:
    yield html.heading("Beside theory")
    if not expected:
        yield html.paragraph(
            "Name objective and emission for expected widths: --na 1.49 --immersion 1.515 "
            "--emission yellow=617,red=685 (nm).",
            "small",
        )
        return
    rows = [
        [
            f"{name}, {way.way}",
            f"{1e3 * way.lateral_um:.0f}",
            _over(psf.channels[name].lateral.value, way.lateral_um),
            f"{1e3 * way.axial_um:.0f}",
            _over(psf.channels[name].axial.value, way.axial_um),
        ]
        for name, ways in expected.items()
        for way in ways
    ]
    yield html.table(
        ["channel, way", "lateral expected, nm", "measured over it", "axial expected, nm",
         "measured over it"], rows,
    )  # fmt: skip


def _over(measured: float, theory: float) -> str:
    return f"{100 * (measured / theory - 1):+.0f} %"


def _field(psf: Psf) -> str:
    rows = []
    for name, one in psf.channels.items():
        focus = one.fields["focus"]
        y, x = focus.tilt
        told = one.flat
        rows.append([
            name, f"{1e3 * one.fields['lateral'].bowl:+.1f}",
            f"{1e3 * one.fields['axial'].bowl:+.1f}",
            *([f"{1e3 * y:+.2f}", f"{1e3 * x:+.2f}", f"{1e3 * focus.bowl:+.0f}"] if told else
              ["–"] * 3), f"{1e3 * focus.scatter:.1f}",
        ])  # fmt: skip
    return html.table(
        ["channel", "lateral, corners over centre, nm", "axial, corners over centre, nm",
         "tilt y, nm a µm", "tilt x, nm a µm", "curvature of focus to the corners, nm",
         "scatter of focus, nm"], rows,
    )  # fmt: skip


def _channels(figures: Mapping[str, Sequence[html.Illustration]]) -> Iterator[str]:
    for name, pictures in figures.items():
        yield html.heading(name)
        yield from map(html.picture, pictures)


def _beads(psf: Psf) -> str:
    reasons = [r for r in REASONS if any(refused[r] for refused in psf.refused.values())]
    rows = [
        [name, str(len(one)), *(str(psf.refused[name][reason]) for reason in reasons)]
        for name, one in psf.channels.items()
    ]
    legend = "; ".join(f"{reason}: {REASONS[reason]}" for reason in reasons)
    note = html.paragraph(f"Refused: {legend}.", "small") if legend else ""
    return html.table(["channel", "taken", *reasons], rows) + note


def _origin(psf: Psf) -> str:
    voxel = " × ".join(f"{side:g}" for side in psf.grid.voxel_um)
    return html.terms(
        (
            ("recordings", "; ".join(stack.source for stack in psf.stacks)),
            ("voxel (z, y, x)", f"{voxel} µm"),
            ("bead diameter", f"{psf.diameter_um:g} µm"),
            ("camera offset", f"{psf.stacks[0].offset:g} counts"),
            ("every bead", "beads.csv"),
            ("software", f"livesr {__version__}"),
        )
    )
