"""Columns of the table of objects, with their units."""

from __future__ import annotations

from livesr.storage.columns import INDEX, Column

COLUMNS = (
    *INDEX,
    Column("structure", "", "its name in the catalog", kind="text"),
    Column("label", "", "number of the object within structure and stack, from 1", "label", "int"),
    Column("cell", "", "number of its cell within the stack; 0: beside every cell", kind="int"),
    Column("voxels", "", "voxels of the mask", "num_pixels", "int"),
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
    Column("on_border", "", "touches the field's lateral edge", kind="bool"),
    Column("cut", "", "touches the first or the last plane", kind="bool"),
)  # fmt: skip
"""Of ``objects.parquet``."""

CELL_COLUMNS = (
    *INDEX,
    Column("label", "", "number of the cell within the stack, from 1", "label", "int"),
    *(column for column in COLUMNS if column.name.startswith(("centroid", "bbox"))),
    Column("volume_um3", "um3", "volume of the cell", "area"),
    Column("footprint_um2", "um2", "area that it covers"),
    Column("height_um", "um", "its height"),
    Column("on_border", "", "touches the field's lateral edge", kind="bool"),
    Column("cut", "", "goes on beyond the first or the last plane", kind="bool"),
)
"""Of ``cells.parquet``."""
