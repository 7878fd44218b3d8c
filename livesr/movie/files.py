"""Frames become a file: MP4 by PyAV, GIF by Pillow; whole, or not at all."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from livesr.errors import ConfigError
from livesr.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from livesr.types import UInt8

KINDS = (".mp4", ".gif")
INSTALL = 'python -m pip install "livesr[movie]"'
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""The first that is there: H.264 plays everywhere."""
_BT709 = 1
_PALETTE_FRAMES = 6
_COLOURS = 255


def check(out: Path) -> None:
    """Refuse a file that cannot be written, before anything is drawn.

    Raises
    ------
    ConfigError
        If the kind is unknown, or what writes it is missing: with the command that installs it.
    """
    if out.suffix.lower() not in KINDS:
        raise ConfigError(
            f"{out.name!r} is neither MP4 nor GIF", where="-o", fix="name it movie.mp4 or movie.gif"
        )
    if out.suffix.lower() == ".mp4":
        _av()


def seconds(out: Path, frames: int, fps: float) -> float:
    """Return how long a movie of so many frames plays, s."""
    return frames * _milliseconds(fps) / 1000 if out.suffix.lower() == ".gif" else frames / fps


def write(
    out: Path,
    frames: Sequence[Callable[[], UInt8]],
    fps: float,
    title: str,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> None:
    """Write a movie.

    Parameters
    ----------
    out : Path
        Ends in one of `KINDS`.
    frames : sequence of callable
        Each draws one frame (y, x, 3), all of one even size; a GIF asks for some twice.
    fps : float
    title : str
    progress : callable
        Told after each frame how many are done, of how many.

    Raises
    ------
    ConfigError
        If what writes MP4 is missing.
    StorageError
        If the file cannot be written.
    """
    draft = out.with_name(out.name + ".draft")
    kind = _write_mp4 if out.suffix.lower() == ".mp4" else _write_gif
    try:
        with disk_errors("the movie cannot be written", out):
            out.parent.mkdir(parents=True, exist_ok=True)
            kind(draft, [_told(draw, k, len(frames), progress) for k, draw in enumerate(frames)],
                 fps, title)  # fmt: skip
            draft.replace(out)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _told(
    draw: Callable[[], UInt8], k: int, of: int, progress: Callable[[int, int], None]
) -> Callable[[], UInt8]:
    def drawn() -> UInt8:
        frame = draw()
        progress(k + 1, of)
        return frame

    return drawn


def _write_mp4(path: Path, frames: Sequence[Callable[[], UInt8]], fps: float, title: str) -> None:
    av = _av()
    encoder = next(name for name in _ENCODERS if name in av.codecs_available)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as movie:
        movie.metadata["title"] = title
        stream = movie.add_stream(encoder, rate=Fraction(fps).limit_denominator(1000))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "medium"} if encoder == "libx264" else {}
        stream.codec_context.colorspace = _BT709
        for k, draw in enumerate(frames):
            frame = draw()
            if not k:
                stream.height, stream.width = frame.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
            picture.pts = k
            picture.time_base = 1 / stream.codec_context.framerate
            movie.mux(stream.encode(picture))
        movie.mux(stream.encode())


def _write_gif(path: Path, frames: Sequence[Callable[[], UInt8]], fps: float, title: str) -> None:
    """Write with one palette for all frames: colours that change from frame to frame flicker."""
    some = sorted({round(k) for k in np.linspace(0, len(frames) - 1, _PALETTE_FRAMES)})
    sample = Image.fromarray(np.concatenate([frames[k]() for k in some]))
    palette = sample.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)

    def drawn() -> Iterator[Image.Image]:
        for draw in frames:
            image = Image.fromarray(draw())
            yield image.quantize(palette=palette, dither=Image.Dither.NONE)

    images = iter(drawn())
    first = next(images)
    first.save(
        path,
        format="GIF",
        save_all=True,
        append_images=images,
        duration=_milliseconds(fps),
        loop=0,
        optimize=False,
        comment=title.encode("utf-8", "replace")[:255],
    )


def _milliseconds(fps: float) -> int:
    """Return how long a GIF's frame stands, ms: it counts in hundredths, browsers from two on."""
    return max(20, 10 * round(100 / fps))


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ConfigError(
            f"MP4 needs PyAV ({error})", where="-o", fix=f"{INSTALL}, or write a .gif"
        ) from None
    return av
