"""Messages of the protocol whose arrays are not copied more often than they must be.

Protobuf would copy an array of hundreds of megabytes three times on each side. Its encoding is a
plain list of fields, so the arrays are joined to (and cut from) what it writes of everything else:
``raw_input_contents`` and ``raw_output_contents``, whose bytes are little-endian and C-contiguous.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RAW_INPUT, RAW_OUTPUT = 7, 6
"""Numbers of the fields in ModelInferRequest and ModelInferResponse."""
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_LONGEST = 10


def joined(message: Any, arrays: Sequence[Any], field: int) -> bytes:
    """Return a message's bytes with C-contiguous arrays as its raw contents."""
    parts: list[bytes | memoryview] = [message.SerializeToString()]
    for array in arrays:
        parts += [_varint(field << 3 | _LENGTH) + _varint(array.nbytes), memoryview(array)]
    return b"".join(parts)


def cut(data: bytes, message: Any, field: int) -> tuple[Any, list[memoryview]]:
    """Return the message without raw contents, and those as views into ``data``.

    Raises
    ------
    ValueError
        If it is no such message.
    """
    view, rest, raw = memoryview(data), bytearray(), []
    for number, begin, first, end in _fields(view):
        if number == field:
            raw.append(view[first:end])
        else:
            rest += view[begin:end]
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(bytes(rest))
    except DecodeError as problem:
        raise ValueError(str(problem)) from None
    return message, raw


def _fields(view: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, begin, begin of the value, and end of each field."""
    at = 0
    while at < len(view):
        begin = at
        tag, at = _read(view, at)
        kind, first = tag & 7, at
        if kind == _VARINT:
            _, at = _read(view, at)
        elif kind == _LENGTH:
            length, first = _read(view, at)
            at = first + length
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        else:
            raise ValueError("no message of this protocol")
        if at > len(view):
            raise ValueError("the message is cut off")
        yield tag >> 3, begin, first, at


def _read(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(view[at : at + _LONGEST]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise ValueError("no message of this protocol")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
