"""Columns of the tables of contacts, with their units."""

from __future__ import annotations

from livesr.storage.columns import INDEX, Column

_PAIR = (
    Column("structure_a", "", "the structure whose voxels and objects are counted", kind="text"),
    Column("structure_b", "", "the structure that they are near to", kind="text"),
)

MATRIX_COLUMNS = (
    *INDEX,
    *_PAIR,
    Column("distance_um", "um", "largest distance of voxel centres that is a contact; 0: overlap"),
    Column("objects", "", "objects of A", kind="int"),
    Column("objects_in_contact", "", "of these in contact with B", kind="int"),
    Column("sites", "", "connected pieces of A within the distance of B", kind="int"),
    Column("contact_volume_um3", "um3", "volume of A within the distance of B"),
    Column("contact_fraction", "", "share of A's volume within the distance of B"),
    Column("placed", "", "objects of A that were tried at random places; 0: none can be moved",
           kind="int"),
    Column("expected_objects", "", "of the placed, how many would be in contact by chance"),
    Column("expected_fraction", "", "share of the placed objects' volume in contact by chance; "
           "if none can be moved, of a point anywhere in a cell"),
    Column("enrichment", "", "share of that volume in contact over the expected"),
    Column("z_score", "", "of the number of placed objects in contact, against chance"),
)  # fmt: skip
"""Of ``contacts.parquet``: a row an ordered pair of structures, distance and stack."""

SITE_COLUMNS = (
    *INDEX,
    *_PAIR,
    Column("label_a", "", "number of A's object, as in the table of objects", kind="int"),
    Column("cell", "", "number of its cell within the stack", kind="int"),
    *(
        Column(f"centroid_{axis}_um", "um", f"centroid along {axis}, from the first voxel's centre")
        for axis in "zyx"
    ),
    Column("volume_um3", "um3", "volume of A within reach of B, here"),
)
"""Of ``contact_sites.parquet``: a row a site, of pairs in the catalog's order."""
