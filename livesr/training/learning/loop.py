"""The training loop: plain PyTorch, resumable, one JSON line for each thing worth knowing."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from math import cos, isfinite, pi
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from livesr.errors import LivesrError, StorageError
from livesr.memory import keep_memory
from livesr.segmentation.network.unet import Architecture, AttentionUNet, parameters
from livesr.training.learning.batches import Batch, batches, validation_batches
from livesr.training.learning.loss import loss
from livesr.training.learning.muon import muon
from livesr.training.learning.onednn import avoid_narrow_amx
from livesr.training.learning.runlog import RunLog
from livesr.training.learning.validation import autocast, estimate_norm, follow, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from livesr.training.learning.crew import Crew
    from livesr.training.learning.teachers import Teachers
    from livesr.training.plan import NetworkPlan, Recipe

    Progress = Callable[[dict[str, object]], None]

LOG_EVERY = 20
STEEPEST = 5.0
"""Longer gradients are shortened to this; those that are not finite are left out."""
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.3, 5
"""The paper's."""
FINAL_RATE = 0.01
"""Where the cosine ends, as a share of the highest learning rate."""


def build(plan: NetworkPlan) -> AttentionUNet:
    """Return an untrained network after its plan."""
    return AttentionUNet(
        Architecture(plan.dims, plan.widths, len(plan.structures), plan.head, len(plan.channels))
    )


@dataclass(slots=True)
class State:
    """How far a run is."""

    step: int = 0
    best: float = -1.0
    stale: int = 0
    rate: float = 0.0


class Trainer:
    """A training run in progress.

    Parameters
    ----------
    recipe : Recipe
    progress : callable
        Given every log line as a mapping.
    crew : Crew, optional
        Processes that share the work; alone if not given.
    """

    def __init__(self, recipe: Recipe, progress: Progress, crew: Crew) -> None:
        keep_memory()
        avoid_narrow_amx(recipe.network)
        torch.manual_seed(recipe.seed)
        if recipe.schedule.threads:
            torch.set_num_threads(recipe.schedule.threads)
        self.recipe = recipe
        self.crew = crew
        self.folder = Path(recipe.run)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = State(rate=recipe.schedule.learning_rate)
        self.skipped = 0
        self.network = build(recipe.network).to(crew.device, memory_format=torch.channels_last_3d)
        self._log = RunLog(self.folder, progress, writes=crew.leads)
        self._begin()
        self.average = deepcopy(self.network).eval()
        self.optimizer = _optimizer(self.network, recipe)
        self._resume()
        self._shared = crew.shared(self.network)
        self._teachers = _teachers(recipe, crew.device)

    @property
    def frozen(self) -> bool:
        """True once batch normalisation uses its running statistics."""
        return self.state.step >= self.recipe.schedule.freeze_norm * self.recipe.schedule.steps

    def run(self) -> None:
        """Train from the last checkpoint, if there is one, to the end.

        Raises
        ------
        LivesrError
            If the loss is not finite.
        StorageError
            If a checkpoint cannot be written.
        """
        schedule, state = self.recipe.schedule, self.state
        self._log.line(event="started", step=state.step, parameters=parameters(self.network))
        source = batches(self.recipe, state.step, self.crew.rank, self.crew.size)
        validation = validation_batches(self.recipe) if self.crew.leads else []
        if self.frozen:
            self._to_eval()
        if self.recipe.initial and state.step == 0:
            self._validate(source, validation)  # nothing worse than the beginning is kept
        began, seen, total = time.perf_counter(), 0, 0.0
        while state.step < schedule.steps:
            if self.frozen and self.network.training:
                self._freeze(source)
            total += self._train_step(next(source))
            seen += 1
            if seen == LOG_EVERY or state.step == schedule.steps:
                seconds = (time.perf_counter() - began) / seen
                self._log.line(step=state.step, loss=total / seen, rate=state.rate, step_s=seconds)
                self._check(total, seen)
                began, seen, total = time.perf_counter(), 0, 0.0
            if state.step % schedule.validate_every == 0 or state.step == schedule.steps:
                self._validate(source, validation)
                began = time.perf_counter()
        self._log.close()

    def _train_step(self, batch: Batch) -> float:
        features = batch.features.to(self.crew.device, memory_format=torch.channels_last_3d)
        target = batch.target.to(self.crew.device)
        if self._teachers is not None:
            target = self._teachers.mixed(features, target)
        schedule = self.recipe.schedule
        self.state.rate = self._rate_now()
        for group in self.optimizer.param_groups:
            group["lr"] = self.state.rate
        with autocast(self.crew.device, on=schedule.bf16):
            logits = self._shared(features)
        value = loss(logits, target, self.recipe.network.heads, self.recipe.loss, batch.known)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), STEEPEST)
        if isfinite(float(norm)):
            self.optimizer.step()
        else:
            self.skipped += 1
        self.state.step += 1
        # The average follows slowly only once there is something to average over.
        decay = min(schedule.average, self.state.step / (self.state.step + 10))
        follow(self.average, self.network, decay)
        return float(value.detach())

    def _rate_now(self) -> float:
        schedule, step = self.recipe.schedule, self.state.step
        if schedule.shape == "plateau":
            return self.state.rate
        rise = max(1, round(schedule.warm_up * schedule.steps))
        if step < rise:
            return schedule.learning_rate * (step + 1) / rise
        done = (step - rise) / max(1, schedule.steps - rise)
        height = FINAL_RATE + (1 - FINAL_RATE) * (1 + cos(pi * done)) / 2
        return schedule.learning_rate * height

    def _freeze(self, source: Iterable[Batch]) -> None:
        estimate_norm(self.network, source, self.recipe)
        self.crew.same(self.network)
        self._to_eval()
        self.average.load_state_dict(self.network.state_dict())
        self._log.line(event="norm frozen", step=self.state.step)

    def _to_eval(self) -> None:
        self.network.eval()
        self._shared.eval()

    def _validate(self, source: Iterable[Batch], validation: list[Batch]) -> None:
        """Score the average; all processes of a crew learn of it, the first one writes."""
        mean = -1.0
        if self.crew.leads:
            ready = deepcopy(self.average)
            if not self.frozen:
                estimate_norm(ready, source, self.recipe)
            ready.eval()
            f1 = validate(ready, validation, self.recipe)
            mean = sum(f1.values()) / max(len(f1), 1)
            self._log.line(event="validated", step=self.state.step, mean_f1=mean, f1=f1)
            if mean > self.state.best or self.recipe.data.unjudged:
                save(ready.state_dict(), self.folder / "best.pt")
        mean = self.crew.told(mean)
        state = self.state
        if mean > state.best:
            state.best, state.stale = mean, 0
        else:
            state.stale += 1
            if self.recipe.schedule.shape == "plateau" and state.stale > PLATEAU_PATIENCE:
                state.rate, state.stale = state.rate * PLATEAU_FACTOR, 0
        if self.crew.leads:
            self._save_checkpoint()
            self._log.draw()

    def _check(self, total: float, steps: int) -> None:
        """Say that steps were left out; give up where most of them were.

        Raises
        ------
        LivesrError
            If the loss or most gradients are not finite.
        """
        skipped, self.skipped = self.skipped, 0
        if skipped:
            self._log.line(event="gradients not finite", step=self.state.step, left_out=skipped)
        if not isfinite(total) or skipped > steps // 2:
            raise LivesrError(
                f"after {self.state.step} steps the loss is {total / steps:.3g}, and of the last "
                f"{steps} gradients {skipped} were not finite",
                where=self.recipe.run,
                fix="lower schedule.learning_rate, or switch schedule.bf16 off; the checkpoint "
                "before is kept",
            )

    def _save_checkpoint(self) -> None:
        state = self.state
        save(
            {
                "step": state.step,
                "best": state.best,
                "stale": state.stale,
                "rate": state.rate,
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
            self.folder / "checkpoint.pt",
        )

    def _begin(self) -> None:
        """Take the weights of the package that the recipe begins with."""
        if self.recipe.initial and not (self.folder / "checkpoint.pt").exists():
            from livesr.training.learning.adopt import adopt

            new = adopt(self.network, self.recipe.network, self.recipe.initial)
            self._log.line(event="adopted", package=self.recipe.initial, untrained=new)

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        try:
            kept = torch.load(path, weights_only=True, map_location=self.crew.device)
            self.network.load_state_dict(kept["network"])
            self.average.load_state_dict(kept["average"])
            self.optimizer.load_state_dict(kept["optimizer"])
        except (RuntimeError, ValueError, KeyError, EOFError, OSError) as problem:
            raise StorageError(
                f"this checkpoint does not fit the recipe: {' '.join(str(problem).split())[:200]}",
                where=str(path),
                fix="another run folder (key run), or delete this one to begin anew",
            ) from None
        self.state = State(kept["step"], kept["best"], kept["stale"], kept["rate"])


def _optimizer(network: AttentionUNet, recipe: Recipe) -> torch.optim.Optimizer:
    rate = recipe.schedule.learning_rate
    if recipe.schedule.optimizer == "muon":
        return muon(network, rate)
    return torch.optim.Adam(network.parameters(), rate, fused=True)


def _teachers(recipe: Recipe, device: str) -> Teachers | None:
    if not recipe.teachers:
        return None
    from livesr.training.learning.teachers import Teachers

    return Teachers(recipe, device)


def save(state: object, path: Path) -> None:
    """Write a state dict so that a kill leaves the old one or the new one.

    Raises
    ------
    StorageError
        If there is no room.
    """
    fresh = path.with_suffix(".new")
    try:
        torch.save(state, fresh)
        fresh.replace(path)
    except (OSError, RuntimeError) as problem:
        fresh.unlink(missing_ok=True)
        raise StorageError(
            f"the checkpoint cannot be written: {problem}",
            where=str(path),
            fix="make room on the disk and start again: it goes on from the checkpoint before",
        ) from None


def load_best(recipe: Recipe) -> AttentionUNet:
    """Return the best network of a run, ready for export."""
    network = build(recipe.network)
    kept = torch.load(Path(recipe.run) / "best.pt", weights_only=True, map_location="cpu")
    network.load_state_dict(kept)
    network.eval()
    return network
