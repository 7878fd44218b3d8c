"""From raw counts to masks on disk: livesr's way against what a user would put together today."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.bench import peer
from livesr.bench.engines import classical
from livesr.bench.engines.live import live_factors
from livesr.bench.engines.way import apart, open_way, timed
from livesr.bench.rows import Row
from livesr.catalog import NAMES
from livesr.segmentation.networks import TEN, choose_networks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from livesr.bench.engines.way import Raw
    from livesr.types import Float32

ASKED: Mapping[int, float] = {32: 500.0, 8: 100.0}
"""So many times faster than ten MONAI networks of these widths."""
ASKED_TEN = 10.0


@dataclass(frozen=True, slots=True)
class Ours:
    """Seconds of livesr's way, and by what engine."""

    seconds: float
    words: str


@dataclass(frozen=True, slots=True)
class Around:
    """What the peer takes beside its networks, s.

    Attributes
    ----------
    before : float
        Registration, resampling, mean and ratio.
    after : float
        All structures to the camera's grid and to disk; one is timed and multiplied.
    """

    before: float
    after: float

    def total(self, networks: float) -> float:
        """Return the seconds of the peer's whole way."""
        return self.before + networks + self.after

    @property
    def words(self) -> str:
        """For a row's detail."""
        return (
            f"SciPy/scikit-image before the networks {self.before:.2f} s, after them "
            f"{self.after:.2f} s (one structure timed)"
        )


def rows(
    raw: Raw,
    *,
    repeats: int = 5,
    windows: int = 2,
    widths: Sequence[int] = (32, 8),
    window: tuple[int, int, int] = peer.WINDOW,
) -> Iterator[Row]:
    """Time fifteen masks, their live factors, and the shipped ten.

    Parameters
    ----------
    raw : Raw
    repeats : int
        Times that livesr does it; the median counts.
    windows : int
        Windows that each of the peer's networks is timed on.
    widths : sequence of int
        Channels of the finest level of MONAI's networks.
    window : tuple of int
        Voxels (z, y, x) of the peer's windows.
    """
    seconds, words = apart(timed, raw, repeats, ["ALL"])
    ours = median(seconds)
    with open_way(raw.shape) as way:
        data = way.features(raw).data
    around = _around(raw, data)

    def slide(network: Callable[[Any], Any]) -> peer.Sliding:
        return peer.sliding(network, data, windows, window)

    for width in widths:
        absent = peer.missing()
        found = None if absent else slide(peer.attention_unet(width))
        yield _against_monai(raw, Ours(ours, words), around, width, found or str(absent))
    yield from live_factors(ours, raw.shape)
    yield _shipped_ten(raw, max(repeats // 2, 1), around, slide)


def _shipped_ten(
    raw: Raw, repeats: int, around: Around, slide: Callable[[Callable[[Any], Any]], peer.Sliding]
) -> Row:
    """Time the paper's ten networks as they are shipped, here and in eager PyTorch."""
    seconds, words = apart(timed, raw, repeats, [TEN], keep=False)
    ours = Ours(median(seconds), words)
    absent = peer.missing("torch", "monai", "safetensors")
    found = [] if absent else [slide(network) for network in _ten()]
    return _row(
        f"ten networks, {_named(raw.shape)}, raw to masks on disk",
        ours,
        "the same networks in eager PyTorch float32, MONAI sliding_window_inference, "
        "SciPy/scikit-image",
        around.total(sum(f.seconds for f in found)) if found else None,
        ASKED_TEN,
        absent or f"{found[0].words}; {around.words}",
    )


def _ten() -> Iterator[Callable[[Any], Any]]:
    for package in choose_networks([TEN]).packages:
        yield peer.shipped(package)


def _against_monai(
    raw: Raw, ours: Ours, around: Around, width: int, found: peer.Sliding | str
) -> Row:
    return _row(
        f"fifteen masks, {_named(raw.shape)}, raw to masks on disk, width {width}",
        ours,
        f"ten width-{width} MONAI AttentionUnets, eager PyTorch float32, MONAI "
        "sliding_window_inference, SciPy/scikit-image",
        None if isinstance(found, str) else around.total(peer.NETWORKS * found.seconds),
        ASKED.get(width, 1.0),
        found
        if isinstance(found, str)
        else f"{found.words}, times {peer.NETWORKS}; {around.words}",
    )


def _row(
    name: str, ours: Ours, theirs_name: str, theirs: float | None, asked: float, detail: str
) -> Row:
    ratio = theirs / ours.seconds if theirs else None
    return Row(
        name,
        ours.seconds,
        "s",
        peer=theirs_name,
        peer_value=theirs,
        ratio=ratio,
        bound=f"{asked:g} times faster, asked",
        attained=min(ratio / asked, 1.0) if ratio else None,
        detail=f"{ours.words}; {detail}",
    )


def _around(raw: Raw, data: Float32) -> Around:
    _, z, y, x = data.shape
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        file = Path(folder) / "mask.tif"
        classical.warm_up(file)
        before = classical.features_s(raw.data, (z, y, x))
        after = classical.mask_s((data[0] > 1).astype(np.float32), raw.shape, file)
    return Around(before, len(NAMES) * after)


def _named(shape: tuple[int, int, int]) -> str:
    return "2×" + "×".join(map(str, shape))
