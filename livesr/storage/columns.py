"""What a column of a table is: its name, kind, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["float", "int", "bool", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        With its unit as suffix, where it has one.
    unit : str
        As UCUM writes it (``um``, ``um2``, ``um3``, ``s``); empty for numbers without one.
    meaning : str
    regionprops : str
        Its name in `skimage.measure.regionprops`, where it has one.
    kind : str
        float, int, bool or text.
    """

    name: str
    unit: str
    meaning: str
    regionprops: str = ""
    kind: Kind = "float"


INDEX = (
    Column("image", "", "number of the session's image", kind="int"),
    Column("t", "", "time point", kind="int"),
    Column("time_s", "s", "start of the stack's first exposure, since the session began"),
)
"""What every row of every table of the analysis begins with."""
