"""A model package: weights and everything that has to be known to use them, in one folder.

``rdf.yaml`` describes (`livesr.segmentation.description`), ``model.onnx`` computes: input
``features`` float32 (n, C, z, y, x), output ``probability`` uint8 (n, K, z, y, x) = round(255 p).
``weights.safetensors`` is what further training starts from, ``test_input.npy`` and
``test_output.npy`` tell whether a machine computes what it should.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from livesr.data import data_folder
from livesr.errors import ModelError, nearest
from livesr.plain import there
from livesr.segmentation.description import CELLS, FILE, MEND, Description, read_description

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from livesr.segmentation.description import File

OLD_FILE = "package.yaml"
"""What described packages before they followed bioimage.io."""


@dataclass(frozen=True, slots=True)
class Package:
    """A loaded description; the weights are checked when an engine takes them.

    Attributes
    ----------
    folder : Path
    about : Description
    """

    folder: Path
    about: Description

    @property
    def name(self) -> str:
        """Name, as in ``models/NAME``."""
        return self.about.name

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return self.about.structures

    @property
    def dims(self) -> Literal["2d", "3d"]:
        """Whether planes are seen alone or in stacks."""
        return self.about.dims

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the inputs: intensity and ratio, or one colocalisation channel."""
        return self.about.input.channels

    @property
    def voxel_um(self) -> tuple[float, float, float]:
        """The networks' voxel (z, y, x), µm."""
        return self.about.input.voxel_um

    @property
    def multiple(self) -> tuple[int, int, int]:
        """What (z, y, x) of an input must be multiples of."""
        xy = self.about.input.xy_multiple
        return self.about.input.z_multiple, xy, xy

    @property
    def halo(self) -> tuple[int, int, int]:
        """Voxels (z, y, x) that windows overlap on each side."""
        return self.about.input.halo

    @property
    def trust(self) -> dict[str, Any]:
        """What calibrates the probabilities, and what the training stacks look like."""
        return self.about.trust

    @property
    def weights(self) -> Path:
        """The graph that engines run."""
        return self.folder / self.about.weights.file

    @property
    def safetensors(self) -> Path:
        """The weights that further training starts from.

        Raises
        ------
        ModelError
            If the package has none.
        """
        return self.folder / self._said(self.about.safetensors, "weights to train on").file

    @property
    def sha256(self) -> str:
        """Checksum of the graph, as the description states it."""
        return self.about.weights.sha256

    def threshold(self, structure: str) -> int:
        """Return the smallest probability (0 to 255) that makes a voxel part of the mask."""
        return max(1, round(255 * self.about.thresholds[structure]))

    def test_files(self) -> tuple[Path, Path]:
        """Return the paths of the test input and of what the network must give for it.

        Raises
        ------
        ModelError
            If the package has none.
        """
        pair = (self.about.test_input, self.about.test_output)
        into, out = (self.folder / self._said(file, "test input").file for file in pair)
        return into, out

    def check_channels(self, channels: tuple[str, ...] = CELLS) -> None:
        """Refuse a package that sees other images.

        Raises
        ------
        ModelError
            If the package sees anything else than ``channels``.
        """
        if self.channels != channels:
            raise ModelError(
                f"package {self.name} sees {len(self.channels)} channel(s), "
                f"{', '.join(self.channels)}; here there are {len(channels)}: "
                f"{', '.join(channels)}",
                where="segmentation.package",
                fix="it makes training labels (livesr label); take ALL or ALL2D to segment cells"
                if channels == CELLS
                else "take FG, or train a network of this kind",
            )

    def verify(self) -> None:
        """Compare every file with its size and checksum.

        Raises
        ------
        ModelError
            If one is missing, truncated or damaged.
        """
        about = self.about
        for file in (about.weights, about.safetensors, about.test_input, about.test_output):
            if file is not None:
                self._verify(file)

    def _verify(self, said: File) -> None:
        path = self.folder / said.file
        try:
            size = path.stat().st_size
            found = checksum(path)
        except OSError as problem:
            raise ModelError(
                f"{said.file} of package {self.name} cannot be read: {problem}",
                where=str(path),
                fix=MEND,
            ) from None
        if said.bytes is not None and size != said.bytes:
            raise ModelError(
                f"{said.file} of package {self.name} is damaged: it has {size:,} bytes, {FILE} "
                f"says {said.bytes:,}",
                where=str(path),
                fix=MEND,
            )
        if found != said.sha256:
            raise ModelError(
                f"{said.file} of package {self.name} is damaged: sha256 is {found[:12]}…, "
                f"{FILE} says {said.sha256[:12]}…",
                where=str(path),
                fix=MEND,
            )

    def _said(self, file: File | None, what: str) -> File:
        if file is None:
            raise ModelError(f"package {self.name} has no {what}", where=str(self.folder), fix=MEND)
        return file


def checksum(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_package(name_or_path: str | Path) -> Package:
    """Return a model package.

    Parameters
    ----------
    name_or_path : str or Path
        A package's folder, or a name in ``models/``.

    Raises
    ------
    ModelError
        If there is none, or its description is damaged or not of this program's kind.
    """
    given, shipped = Path(name_or_path), data_folder("models") / name_or_path
    for folder in (given, shipped):
        if there(folder / FILE) == "file":
            return Package(folder, read_description(folder / FILE))
        if there(folder / OLD_FILE) == "file":
            raise ModelError(
                f"{folder.name} is a package of an earlier livesr: it has {OLD_FILE} and no {FILE}",
                where=str(folder),
                fix="train it again (livesr train, with its recipe), which writes the new form",
            )
    raise ModelError(
        f"there is no model package {str(name_or_path)!r}, neither as a folder nor by name",
        where="segmentation.package",
        fix=nearest(str(name_or_path), package_names()) or "train one: livesr train",
    )


def package_names() -> list[str]:
    """Return the names of the packages that travel with livesr."""
    names = (path.parent.name for path in data_folder("models").glob(f"*/{FILE}"))
    # what begins with a dot is being written
    return sorted(name for name in names if not name.startswith("."))


def list_packages() -> list[Package]:
    """Return the packages that travel with livesr."""
    return [load_package(name) for name in package_names()]


def positions(
    package: Package, structures: Iterable[str], outputs: Sequence[str] | None = None
) -> dict[str, int]:
    """Return where in the output each of the asked-for structures stands.

    Parameters
    ----------
    package : Package
    structures : iterable of str
    outputs : sequence of str, optional
        What the output holds; all of the package if not given.

    Raises
    ------
    ModelError
        If one of them is not there.
    """
    known = package.structures if outputs is None else tuple(outputs)
    wanted = list(structures)
    for name in wanted:
        if name not in known:
            raise ModelError(
                f"package {package.name} does not give {name!r}",
                where="segmentation.structures",
                fix=nearest(name, known),
            )
    return {name: known.index(name) for name in wanted}
