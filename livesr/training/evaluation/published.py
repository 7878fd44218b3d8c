"""The paper's own figures, for orientation: of real cells, against labels made another way.

Pixel accuracy and most overlap coefficients are printed in the paper as bounds, not as values.
"""

from __future__ import annotations

from livesr.catalog import NAMES

PIXEL_ACCURACY = 0.917
"""All fifteen are above it."""
STRONG = ("er", "lipid_droplet", "cytosol", "nucleus", "extracellular")
"""Structures whose Manders' coefficient is above 0.7; of all others it is above 0.5."""
GOLGI_MOC = 0.61
F1 = {"early_endosome": (0.59, 0.43), "mitochondria": (0.63, 0.62)}
"""With the ratio image and without."""


def published(name: str, *, without_ratio: bool = False) -> dict[str, float]:
    """Return what the paper says of a structure, by the names of scores.

    Parameters
    ----------
    name : str
    without_ratio : bool
        The paper's ablation: it has F1 of two structures alone.

    Returns
    -------
    dict
        ``pixel_accuracy`` and ``moc`` are lower bounds, but for Golgi's ``moc``; ``f1`` where the
        paper has it.
    """
    values: dict[str, float] = {}
    if name not in NAMES:
        return values
    if not without_ratio:
        values["pixel_accuracy"] = PIXEL_ACCURACY
        values["moc"] = GOLGI_MOC if name == "golgi" else 0.7 if name in STRONG else 0.5
    if name in F1:
        values["f1"] = F1[name][without_ratio]
    return values
