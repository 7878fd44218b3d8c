"""What a training run is told: plain frozen values, so that the numerical core needs no pydantic.

`livesr.training.recipe` reads them from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from re import fullmatch
from typing import ClassVar, Literal

from livesr.catalog import NAMES, STRUCTURES, Activation
from livesr.training.rarity import CLASS_WEIGHTS, POSITIVE, SAMPLING, SHARES

NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""What a package may be called."""
STRICT = {"extra": "forbid"}
"""Read by the YAML reader: unknown keys are refused."""


CELLS = ("intensity", "ratio")
"""What the networks of organelles see."""
COLOCALISATION = ("colocalisation",)
"""What FG-net sees: the image of a probe, unmixed."""
FOREGROUND = "foreground"
"""What FG-net gives."""


@dataclass(frozen=True, slots=True)
class Head:
    """One of the paper's networks within the trained one: its outputs and how they compete.

    Attributes
    ----------
    network : str
        The paper's name.
    structures : tuple of str
    activation : {"sigmoid", "softmax"}
        Softmax outputs exclude each other; with ``background`` they also compete with a class
        "none of these", whose logit is 0.
    background : bool
    """

    network: str
    structures: tuple[str, ...]
    activation: Activation = "sigmoid"
    background: bool = True
    __pydantic_config__: ClassVar = STRICT


def _all_sigmoid() -> tuple[Head, ...]:
    names = dict.fromkeys(s.network for s in STRUCTURES)
    return tuple(Head(n, tuple(s.name for s in STRUCTURES if s.network == n)) for n in names)


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """The network: widths of its levels (finest first) and of its last layer, and its heads.

    Attributes
    ----------
    channels : tuple of str
        What it sees: `CELLS`, or `COLOCALISATION`, whose one structure is `FOREGROUND` (FG-net).
    """

    dims: Literal["2d", "3d"] = "3d"
    widths: tuple[int, ...] = (16, 32, 64, 128)
    head: int = 64
    voxel_um: tuple[float, float, float] = (0.3, 0.1, 0.1)
    channels: tuple[str, ...] = CELLS
    heads: tuple[Head, ...] = field(default_factory=_all_sigmoid)
    __pydantic_config__: ClassVar = STRICT

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return tuple(name for head in self.heads for name in head.structures)


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """The simulated fields of view that patches are cut from.

    Attributes
    ----------
    folder : str
        Where they are kept; made once, used by every run with the same plan.
    seeds, validation_seeds : tuple of int
        First seeds of the cells; training uses seeds below 60,000, validation 65,000 to 69,999.
    count, validation_count : int
        Number of fields.
    shape : tuple of int
        Camera pixels (y, x).
    z_step_um : tuple of float
        Smallest and largest z step. `usual_z_step` of the fields have 0.3 µm.
    usual_z_step : float
        Share.
    start_um : tuple of float
        Lowest and highest first plane above the cover slip.
    varied, dividing : float
        Share of fields of other microscopes and cells (`livesr.training.sampling.variety`), and of
        cells that divide, whose first plane may lie up to `rounded_um` higher: they are tall.
    """

    folder: str = "runs/fields"
    seeds: int = 0
    validation_seeds: int = 65_000
    count: int = 200
    validation_count: int = 6
    shape: tuple[int, int] = (640, 640)
    z_step_um: tuple[float, float] = (0.2, 0.6)
    usual_z_step: float = 0.7
    start_um: tuple[float, float] = (-0.6, 0.6)
    varied: float = 0.45
    dividing: float = 0.2
    rounded_um: float = 8.0
    __pydantic_config__: ClassVar = STRICT


@dataclass(frozen=True, slots=True)
class DataPlan:
    """Recordings with masks (``livesr label`` makes such folders), to train on beside simulation.

    Attributes
    ----------
    folders : tuple of str
        Data sets to train on.
    validation : tuple of str
        Data sets that choose the best checkpoint. Without them simulated fields do, unless the
        training has recordings: then the last weights are kept, because simulated cells cannot
        say how well another microscope is learnt.
    share : float
        Of patches that come from recordings; all of them if ``fields.count`` is 0.
    """

    folders: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    share: float = 0.5
    __pydantic_config__: ClassVar = STRICT

    @property
    def unjudged(self) -> bool:
        """Whether there are recordings to train on and none to choose a checkpoint by."""
        return bool(self.folders) and not self.validation


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much one patch differs from the next: half widths or ranges of uniform draws.

    Attributes
    ----------
    exposure : tuple of float
        Range of the overall gain (drawn on a logarithmic scale).
    background_photons : float
        Most photons a pixel added to both channels.
    ratio_gain : float
        Relative change of red against yellow, which differs from day to day.
    offset_counts : float
        Error of the camera offset.
    registration_um : float
        Residual of the registration in y and x (three times less than a pixel), and in z.
    blur_px : float
        Largest extra blur (Gaussian σ, camera pixels).
    pixel_size : float
        Relative change of the pixel size.
    normalisation : float
        Relative error of the intensity's and ratio's normalisation.
    no_ratio : float
        Share of patches without a ratio image.
    short_stacks : float
        Share of patches of fewer planes.
    """

    exposure: tuple[float, float] = (0.3, 3.0)
    background_photons: float = 6.0
    ratio_gain: float = 0.3
    offset_counts: float = 2.0
    registration_um: float = 0.04
    blur_px: float = 0.7
    pixel_size: float = 0.08
    normalisation: float = 0.2
    no_ratio: float = 0.1
    short_stacks: float = 0.1
    __pydantic_config__: ClassVar = STRICT

    @classmethod
    def none(cls) -> Augmentation:
        """Return the plan that changes nothing: validation."""
        return cls((1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class LossPlan:
    """Class-weighted cross entropy plus a share of soft Dice.

    Attributes
    ----------
    weights : mapping
        Class weight of each structure.
    positive : mapping
        Weight of a structure's own voxels against all others, as the paper's class weights: lifts
        the probability of what is rarely certain above what a byte resolves. It moves borders
        outwards, which the threshold takes back, so it is small where borders are sharp.
    shares : mapping
        Share of the volume that each structure fills; its weight is divided by the root of that.
        Cross entropy falls with the share, and what fills a thousandth would be learnt last.
    dice : float
        Weight of the Dice term; F1 is what is judged, and cross entropy alone says little of
        structures that fill a thousandth of the volume.
    """

    weights: dict[str, float] = field(default_factory=lambda: dict(CLASS_WEIGHTS))
    positive: dict[str, float] = field(default_factory=lambda: dict(POSITIVE))
    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))
    dice: float = 0.0
    __pydantic_config__: ClassVar = STRICT

    def own(self, name: str) -> float:
        """Return the weight of a structure's own voxels."""
        return self.positive.get(name, 1.0)

    def factor(self, name: str) -> float:
        """Return what a structure's cross entropy is multiplied by."""
        return self.weights.get(name, 1.0) / sqrt(self.shares.get(name, 1.0))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast; the defaults are the paper's where it says something.

    Attributes
    ----------
    steps, batch : int
        Steps, and patches a step.
    patch : tuple of int
        (z, y, x) voxels of a patch on the networks' grid.
    optimizer : {"adam", "muon"}
        Adam (the paper's), or Muon for the convolutions (`livesr.training.learning.muon`).
    learning_rate : float
        Highest (cosine) or first (plateau).
    shape : {"cosine", "plateau"}
        Cosine: one cycle with a short rise. Plateau: the paper's, times 0.3 when validation F1 has
        not risen for 5 validations.
    warm_up : float
        Share of the steps that the rise takes.
    freeze_norm : float
        Share of the steps after which batch normalisation uses its running statistics, estimated
        anew at that moment: what is trained then is what is exported.
    average : float
        Decay a step of the exponential average of the weights, which is what is exported.
    reuse : int
        How often a drawn batch is used on average, in new orientations.
    validate_every : int
        Steps between validations, each with a checkpoint.
    bf16 : bool
        Compute in bfloat16 (fast on processors with AMX or AVX-512 bf16, and on GPUs).
    device : {"auto", "cpu", "cuda"}
        Auto is CUDA where PyTorch finds it.
    threads : int
        Of PyTorch; 0 leaves its own choice.
    workers : int
        Processes that make patches; 0 makes them in the training process.
    """

    steps: int = 20_000
    batch: int = 1
    patch: tuple[int, int, int] = (24, 256, 256)
    optimizer: Literal["adam", "muon"] = "adam"
    learning_rate: float = 1e-4
    shape: Literal["cosine", "plateau"] = "plateau"
    warm_up: float = 0.05
    freeze_norm: float = 0.5
    average: float = 0.998
    reuse: int = 2
    validate_every: int = 250
    bf16: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    workers: int = 1
    __pydantic_config__: ClassVar = STRICT


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run, whole: the same recipe and code give the same network on one machine.

    Attributes
    ----------
    name : str
        Of the model package.
    initial : str
        Model package (a folder, or a name in ``models/``) whose weights to begin with; outputs that
        it does not have begin untrained. None if empty.
    teachers : tuple of str
        Model packages that say, beside the truth, what to learn
        (`livesr.training.learning.teachers`).
    teaching : float
        Share of the target that is the teachers' probability.
    run : str
        Folder of checkpoints and log.
    package : str
        Folder to write the package to.
    trust : int
        Simulated cells, each in two lights, that calibrate the package's probabilities and say what
        it has seen (`livesr.training.trust`); 32 are enough, 0 leaves it undone.
    evaluate : tuple of int
        Simulated cells to score the finished package on; none if empty.
    """

    name: str
    description: str = ""
    seed: int = 1
    initial: str = ""
    teachers: tuple[str, ...] = ()
    teaching: float = 0.5
    run: str = "runs/train"
    package: str = ""
    trust: int = 0
    evaluate: tuple[int, ...] = ()
    network: NetworkPlan = field(default_factory=NetworkPlan)
    fields: FieldPlan = field(default_factory=FieldPlan)
    data: DataPlan = field(default_factory=DataPlan)
    sampling: dict[str, float] = field(default_factory=lambda: dict(SAMPLING))
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: LossPlan = field(default_factory=LossPlan)
    schedule: Schedule = field(default_factory=Schedule)
    __pydantic_config__: ClassVar = STRICT

    def __post_init__(self) -> None:
        if not fullmatch(NAME, self.name):
            raise ValueError(
                f"a package cannot be called {self.name!r}: letters, digits, - and _ only"
            )
        known = {FOREGROUND} if self.network.channels == COLOCALISATION else set(NAMES)
        unknown = set(self.network.structures) - known
        unknown |= {*self.sampling, *self.loss.weights} - {*NAMES, FOREGROUND}
        if unknown:
            raise ValueError(f"unknown structures: {', '.join(sorted(unknown))}")
        if self.network.channels not in (CELLS, COLOCALISATION):
            raise ValueError(f"networks see {CELLS} or {COLOCALISATION}")
