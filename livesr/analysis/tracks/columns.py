"""Columns of the tables over time, with their units."""

from __future__ import annotations

from livesr.storage.columns import INDEX, Column

TRACK_COLUMNS = (
    *INDEX,
    Column("structure", "", "its name in the catalog, or cell", kind="text"),
    Column("label", "", "number within the stack, as in objects and cells", "label", "int"),
    Column("track", "", "number of the track within image and structure, from 1", kind="int"),
    Column("parent", "", "track that divided into it; 0 if none", kind="int"),
    *(
        Column(f"centroid_{axis}_um", "um", f"centroid along {axis}, from the first voxel's centre")
        for axis in "zyx"
    ),
)
"""Of ``tracks.parquet``: a row an object and time point."""

EVENT_COLUMNS = (
    Column("image", "", "number of the session's image", kind="int"),
    Column("structure_a", "", "the one that comes first in the catalog", kind="text"),
    Column("structure_b", "", "the other", kind="text"),
    Column("sites", "", "contact sites followed over time", kind="int"),
    Column("begun", "", "of these, begun after the first stack", kind="int"),
    Column("events_per_min", "min-1", "sites begun a minute, in the whole field"),
    Column("complete", "", "sites that began and ended while recorded", kind="int"),
    Column("duration_mean_s", "s", "of the complete ones; no shorter than the interval shows"),
    Column("duration_median_s", "s", "likewise"),
    Column("per_stack", "", "mean number of sites in a stack"),
)
"""Of ``contact_events.parquet``: a row an image and pair of structures."""
