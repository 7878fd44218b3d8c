"""The fifteen structures and the paper's networks: names, colours, ontology terms.

Names are used everywhere alike: label names, tables, session files, ``--json``.
Gene Ontology terms are cellular components (http://geneontology.org).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from livesr.errors import ConfigError, nearest

Activation = Literal["sigmoid", "softmax"]


@dataclass(frozen=True, slots=True)
class Structure:
    """One of the fifteen compartments.

    Attributes
    ----------
    name : str
        Key used in every file.
    title : str
        For people.
    color : str
        Display colour, six hexadecimal digits.
    go : str
        Gene Ontology identifier.
    network : str
        The paper's network that predicts it.
    from_ratio : bool
        True where intensity alone tells it poorly: without the ratio image its mask is marked as
        unreliable (vesicles of like shape and size differ in membrane polarity alone; the paper's
        early endosome F1 falls from 0.59 to 0.43).
    """

    name: str
    title: str
    color: str
    go: str
    network: str
    from_ratio: bool = False


STRUCTURES: tuple[Structure, ...] = (
    Structure("lipid_droplet", "lipid droplet", "FFD92F", "GO:0005811", "LD"),
    Structure("golgi", "Golgi apparatus", "E78AC3", "GO:0005794", "GOLGI", from_ratio=True),
    Structure("mitochondria", "mitochondria", "E41A1C", "GO:0005739", "MITO"),
    Structure("peroxisome", "peroxisome", "A6D854", "GO:0005777", "PERO", from_ratio=True),
    Structure("early_endosome", "early endosome", "66C2FF", "GO:0005769", "EE", from_ratio=True),
    Structure("late_endosome", "late endosome", "3A5FCD", "GO:0005770", "LE", from_ratio=True),
    Structure("lysosome", "lysosome", "FF7F00", "GO:0005764", "LYSO", from_ratio=True),
    Structure("er", "endoplasmic reticulum", "4DAF4A", "GO:0005783", "ER"),
    Structure("nuclear_membrane", "nuclear membrane", "00CED1", "GO:0005635", "ER"),
    Structure("nuclear_reticulum", "nuclear reticulum", "B39DDB", "GO:0005635", "ER"),
    Structure("plasma_membrane", "plasma membrane", "F5F5F5", "GO:0005886", "PM"),
    Structure("filopodia", "filopodia", "FFB6C1", "GO:0030175", "PM"),
    Structure("nucleus", "nucleus", "6A5ACD", "GO:0005634", "VOLUME"),
    Structure("cytosol", "cytosol", "8D6E63", "GO:0005829", "VOLUME"),
    Structure("extracellular", "extracellular space", "546E7A", "GO:0005615", "VOLUME"),
)

NAMES: tuple[str, ...] = tuple(s.name for s in STRUCTURES)
BY_NAME: dict[str, Structure] = {s.name: s for s in STRUCTURES}


@dataclass(frozen=True, slots=True)
class NetworkKind:
    """One of the paper's networks: the structures it predicts and how its classes compete."""

    name: str
    structures: tuple[str, ...]
    activation: Activation


NETWORKS: dict[str, NetworkKind] = {
    kind.name: kind
    for kind in (
        *(
            NetworkKind(s.network, (s.name,), "sigmoid")
            for s in STRUCTURES
            if s.network not in ("ER", "PM", "VOLUME")
        ),
        NetworkKind("ER", ("er", "nuclear_membrane", "nuclear_reticulum"), "softmax"),
        NetworkKind("PM", ("plasma_membrane", "filopodia"), "softmax"),
        NetworkKind("VOLUME", ("nucleus", "cytosol", "extracellular"), "softmax"),
    )
}


def structure(name: str) -> Structure:
    """Return the structure called ``name``.

    Raises
    ------
    ConfigError
        If there is no such structure; the message offers the nearest names.
    """
    try:
        return BY_NAME[name]
    except KeyError:
        raise ConfigError(f"unknown structure {name!r}", fix=nearest(name, NAMES)) from None
