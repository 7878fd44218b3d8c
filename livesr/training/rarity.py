"""How rare each structure is, and what training does about it."""

from __future__ import annotations

CLASS_WEIGHTS: dict[str, float] = {
    "lipid_droplet": 4.0,
    "golgi": 3.0,
    "mitochondria": 2.0,
    "peroxisome": 5.0,
    "early_endosome": 5.0,
    "late_endosome": 4.0,
    "lysosome": 4.0,
    "er": 2.0,
    "nuclear_membrane": 4.0,
    "nuclear_reticulum": 6.0,
    "plasma_membrane": 3.0,
    "filopodia": 6.0,
    "nucleus": 1.0,
    "cytosol": 1.0,
    "extracellular": 1.0,
}
"""The paper's two (mitochondria, peroxisome) and ours: rarer is heavier."""

POSITIVE: dict[str, float] = {
    "lipid_droplet": 2.0,
    "golgi": 10.0,
    "mitochondria": 2.0,
    "peroxisome": 15.0,
    "early_endosome": 15.0,
    "late_endosome": 10.0,
    "lysosome": 6.0,
    "nuclear_reticulum": 6.0,
    "filopodia": 10.0,
}

SHARES: dict[str, float] = {
    "lipid_droplet": 0.0008,
    "golgi": 0.0012,
    "mitochondria": 0.014,
    "peroxisome": 0.0004,
    "early_endosome": 0.0003,
    "late_endosome": 0.0005,
    "lysosome": 0.0012,
    "er": 0.036,
    "nuclear_membrane": 0.015,
    "nuclear_reticulum": 0.00025,
    "plasma_membrane": 0.075,
    "filopodia": 0.0003,
    "nucleus": 0.06,
    "cytosol": 0.21,
    "extracellular": 0.7,
}
"""Of a simulated field of 24 x 640 x 640 camera voxels, rounded."""

SAMPLING: dict[str, float] = {
    "golgi": 1.0,
    "peroxisome": 1.5,
    "early_endosome": 1.5,
    "late_endosome": 1.5,
    "lysosome": 1.0,
    "lipid_droplet": 1.0,
    "mitochondria": 0.5,
    "nuclear_membrane": 0.5,
    "nuclear_reticulum": 2.0,
    "filopodia": 2.0,
    "plasma_membrane": 0.5,
    "extracellular": 0.5,
}
"""How often a patch is centred on a voxel of a structure, relative to each other."""
