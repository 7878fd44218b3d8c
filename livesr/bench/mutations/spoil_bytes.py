"""Damage to a file of any kind: what disks, cables, editors and attackers do to bytes.

Each function takes a file's content and a random generator, and returns other content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Spoil = Callable[[bytes, np.random.Generator], bytes]

MOST = 4 * 2**20
"""Bytes that a spoilt file has at most, so that 10,000 of them are soon written."""
EDGE = 1024
"""Bytes at either end where formats keep what they say of the rest."""
HUGE = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
"""Numbers that are written over others."""


def _at(data: bytes, rng: np.random.Generator) -> int:
    """Return a place: half of them near the ends."""
    if not data:
        return 0
    near = min(EDGE, len(data))
    match rng.integers(4):
        case 0:
            return int(rng.integers(near))
        case 1:
            return len(data) - 1 - int(rng.integers(near))
        case _:
            return int(rng.integers(len(data)))


def _slice(data: bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = _at(data, rng)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 12)))


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    """Turn over a few bits."""
    out = bytearray(data)
    for _ in range(int(2 ** rng.integers(0, 5))):
        if out:
            out[_at(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(out)


def overwrite(data: bytes, rng: np.random.Generator) -> bytes:
    """Write random bytes over a part."""
    start, end = _slice(data, rng)
    return data[:start] + rng.bytes(end - start) + data[end:]


def zero(data: bytes, rng: np.random.Generator) -> bytes:
    """Write zeros over a part, as file systems do after a power cut."""
    start, end = _slice(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut the end off."""
    return data[: _at(data, rng)]


def behead(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut the beginning off."""
    return data[_at(data, rng) :]


def remove(data: bytes, rng: np.random.Generator) -> bytes:
    """Take a part out."""
    start, end = _slice(data, rng)
    return data[:start] + data[end:]


def insert(data: bytes, rng: np.random.Generator) -> bytes:
    """Put random bytes between."""
    start, end = _slice(data, rng)
    return data[:start] + rng.bytes(end - start) + data[start:]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    """Write a part many times."""
    start, end = _slice(data, rng)
    times = int(2 ** rng.uniform(1, 10))
    return (data[:start] + data[start:end] * times + data[end:])[:MOST]


def move(data: bytes, rng: np.random.Generator) -> bytes:
    """Write one part over another."""
    start, end = _slice(data, rng)
    to = _at(data, rng)
    return data[:to] + data[start:end] + data[to + end - start :]


def number(data: bytes, rng: np.random.Generator) -> bytes:
    """Write a huge or empty number over a few places where one may stand."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.choice([1, 2, 4, 8]))
        at = _at(data, rng) // size * size
        value = int(rng.choice(np.array(HUGE, np.uint64))) % 2 ** (8 * size)
        out[at : at + size] = value.to_bytes(size, "little" if rng.integers(4) else "big")
    return bytes(out)


def nothing(data: bytes, rng: np.random.Generator) -> bytes:
    """Empty the file, or fill it with one byte: a copy that never came."""
    return (b"", bytes(len(data)), b"\xff" * len(data), b" \n" * 8)[int(rng.integers(4))]


def prefix(data: bytes, rng: np.random.Generator) -> bytes:
    """Put before it what editors and web pages do."""
    marks = (
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x00",
        b"<!DOCTYPE html><html>",
        b"\x1f\x8b",
    )
    return marks[int(rng.integers(len(marks)))] + data


def suffix(data: bytes, rng: np.random.Generator) -> bytes:
    """Put behind it something else."""
    tails = (b"\x00", b"\x1a", bytes(4096), data, b"\n...\n---\n", b"\xff" * 9, rng.bytes(64))
    return (data + tails[int(rng.integers(len(tails)))])[:MOST]


def encode(data: bytes, rng: np.random.Generator) -> bytes:
    """Save it in another encoding, or with other ends of lines."""
    text = data.decode("utf-8", "replace")
    match rng.integers(5):
        case 0:
            return text.encode("utf-16")
        case 1:
            return text.encode("utf-16-le")
        case 2:
            return text.encode("utf-32")
        case 3:
            return text.replace("\n", "\r").encode()
        case _:
            return text.replace("e", "é").encode("latin-1", "replace")


EVERY: tuple[Spoil, ...] = (
    flip, overwrite, zero, truncate, behead, remove, insert, repeat, move, number, nothing,
    prefix, suffix,
)  # fmt: skip
"""For files of bytes."""
TEXT: tuple[Spoil, ...] = (*EVERY, encode)
"""For files of text."""
