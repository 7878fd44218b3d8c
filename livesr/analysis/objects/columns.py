"""Columns of the table of objects, with their units."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    name: str
    unit: str
    meaning: str
    regionprops: str = ""


INDEX = (
    Column("image", "", "number of the session's image"),
    Column("t", "", "time point"),
    Column("time_s", "s", "start of the stack's first exposure, since the session began"),
)
"""What every row of every table begins with."""

COLUMNS = (
    *INDEX,
    Column("structure", "", "its name in the catalog"),
    Column("label", "", "number of the object within structure and stack, from 1", "label"),
    Column("cell", "", "number of its cell within the stack, from 1; 0: beside every cell"),
    Column("voxels", "", "voxels of the mask", "num_pixels"),
    Column("volume_um3", "um3", "volume; empty for a single plane", "area"),
    Column("area_um2", "um2", "area; of a single plane alone", "area"),
    Column("surface_um2", "um2", "surface by Crofton's formula; empty for a single plane"),
    Column("perimeter_um", "um", "perimeter; of a single plane alone", "perimeter_crofton"),
    *(
        Column(f"centroid_{axis}_um", "um", f"centroid along {axis}, from the first voxel's centre",
               f"centroid-{k}")
        for k, axis in enumerate("zyx")
    ),
    *(
        Column(f"bbox_{end}_{axis}_um", "um", f"{word} edge of the bounding box along {axis}",
               f"bbox-{k + 3 * (end == 'max')}")
        for end, word in (("min", "lower"), ("max", "upper"))
        for k, axis in enumerate("zyx")
    ),
    Column("equivalent_diameter_um", "um", "of the ball (in one plane the disc) of the same size",
           "equivalent_diameter_area"),
    Column("axis_major_length_um", "um", "longest axis of the ellipsoid with the same moments",
           "axis_major_length"),
    Column("axis_middle_length_um", "um", "its second axis; in one plane the shorter"),
    Column("axis_minor_length_um", "um", "its shortest axis; empty for a single plane",
           "axis_minor_length"),
    Column("intensity_mean", "counts", "mean of the registered channels above the camera's offset",
           "intensity_mean"),
    Column("ratio_mean", "", "red over yellow: sums over the object, plain and not normalised"),
    Column("on_border", "", "touches the field's lateral edge"),
    Column("cut", "", "touches the first or the last plane"),
)  # fmt: skip
"""Of ``objects.parquet``."""
