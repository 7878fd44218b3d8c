"""The training loop: plain PyTorch, resumable, one JSON line for each thing worth knowing."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from livesr.analysis.scores import Thresholds
from livesr.training.batches import batches, validation_batches
from livesr.training.loss import PACKED, loss, probabilities
from livesr.training.network import Architecture, AttentionUNet, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from livesr.training.batches import Batch
    from livesr.training.plan import NetworkPlan, Recipe

    Progress = Callable[[dict[str, object]], None]

NORM_BATCHES = 40
"""Batches from which batch normalisation's statistics are estimated anew."""
LOG_EVERY = 20
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.3, 5
FINAL_RATE = 0.01
"""Where the cosine ends, as a share of the highest learning rate."""


def build(plan: NetworkPlan) -> AttentionUNet:
    """Return an untrained network after its plan."""
    return AttentionUNet(Architecture(plan.dims, plan.widths, len(plan.structures), plan.head))


class Trainer:
    """A training run in progress.

    Parameters
    ----------
    recipe : Recipe
    progress : callable
        Given every log line as a mapping.
    """

    def __init__(self, recipe: Recipe, progress: Progress) -> None:
        torch.manual_seed(recipe.seed)
        if recipe.schedule.threads:
            torch.set_num_threads(recipe.schedule.threads)
        self.recipe = recipe
        self.folder = Path(recipe.run)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.network = build(recipe.network).to(memory_format=torch.channels_last_3d)
        self.average = deepcopy(self.network).eval()
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), recipe.schedule.learning_rate, fused=True
        )
        self.step = 0
        self.best = -1.0
        self.stale = 0
        self.rate = recipe.schedule.learning_rate
        self._progress = progress

    @property
    def frozen(self) -> bool:
        """True once batch normalisation uses its running statistics."""
        return self.step >= self.recipe.schedule.freeze_norm * self.recipe.schedule.steps

    def run(self) -> None:
        """Train from the last checkpoint, if there is one, to the end."""
        self._resume()
        schedule = self.recipe.schedule
        self._log(event="started", step=self.step, parameters=parameters(self.network))
        source = batches(self.recipe, self.step)
        validation = validation_batches(self.recipe)
        if self.frozen:
            self.network.eval()
        began, seen, total = time.perf_counter(), 0, 0.0
        while self.step < schedule.steps:
            if self.frozen and self.network.training:
                self._freeze(source)
            total += self._train_step(next(source))
            seen += 1
            if seen == LOG_EVERY or self.step == schedule.steps:
                seconds = (time.perf_counter() - began) / seen
                self._log(step=self.step, loss=total / seen, rate=self.rate, step_s=seconds)
                began, seen, total = time.perf_counter(), 0, 0.0
            if self.step % schedule.validate_every == 0 or self.step == schedule.steps:
                self._validate(source, validation)
                began = time.perf_counter()

    def _train_step(self, batch: Batch) -> float:
        features, target = batch
        schedule = self.recipe.schedule
        self.rate = self._rate_now()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        with torch.autocast("cpu", torch.bfloat16, enabled=schedule.bf16):
            logits = self.network(features.to(memory_format=torch.channels_last_3d))
        value = loss(logits, target, self.recipe.network.heads, self.recipe.loss)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        # The average follows slowly only once there is something to average over.
        follow(self.average, self.network, min(schedule.average, self.step / (self.step + 10)))
        return float(value.detach())

    def _rate_now(self) -> float:
        schedule = self.recipe.schedule
        if schedule.shape == "plateau":
            return self.rate
        rise = max(1, round(schedule.warm_up * schedule.steps))
        if self.step < rise:
            return schedule.learning_rate * (self.step + 1) / rise
        done = (self.step - rise) / max(1, schedule.steps - rise)
        height = FINAL_RATE + (1 - FINAL_RATE) * (1 + cos(pi * done)) / 2
        return schedule.learning_rate * height

    def _freeze(self, source: Iterable[Batch]) -> None:
        estimate_norm(self.network, source, bf16=self.recipe.schedule.bf16)
        self.network.eval()
        self.average.load_state_dict(self.network.state_dict())
        self._log(event="norm frozen", step=self.step)

    def _validate(self, source: Iterable[Batch], validation: list[Batch]) -> None:
        ready = deepcopy(self.average)
        if not self.frozen:
            estimate_norm(ready, source, bf16=self.recipe.schedule.bf16)
        ready.eval()
        f1 = validate(ready, validation, self.recipe)
        mean = sum(f1.values()) / max(len(f1), 1)
        self._log(event="validated", step=self.step, mean_f1=mean, f1=f1)
        if mean > self.best:
            self.best, self.stale = mean, 0
            save(ready.state_dict(), self.folder / "best.pt")
        else:
            self.stale += 1
            if self.recipe.schedule.shape == "plateau" and self.stale > PLATEAU_PATIENCE:
                self.rate, self.stale = self.rate * PLATEAU_FACTOR, 0
        self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        save(
            {
                "step": self.step,
                "best": self.best,
                "stale": self.stale,
                "rate": self.rate,
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
            self.folder / "checkpoint.pt",
        )

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            if self.recipe.initial:
                state = torch.load(self.recipe.initial, weights_only=True)
                self.network.load_state_dict(state)
                self.average.load_state_dict(state)
            return
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best = state["step"], state["best"]
        self.stale, self.rate = state["stale"], state["rate"]

    def _log(self, **line: object) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **line}) + "\n")
        self._progress(line)


def follow(average: AttentionUNet, network: AttentionUNet, decay: float) -> None:
    """Move ``average``'s weights towards the network's; take its buffers as they are."""
    with torch.no_grad():
        ours, theirs = list(average.parameters()), list(network.parameters())
        torch._foreach_lerp_(ours, theirs, 1.0 - decay)
        for mine, other in zip(average.buffers(), network.buffers(), strict=True):
            mine.copy_(other)


def estimate_norm(network: AttentionUNet, source: Iterable[Batch], *, bf16: bool) -> None:
    """Estimate batch normalisation's statistics anew, as plain means over batches.

    Running statistics lag behind the weights, by enough to ruin a network that trains well.
    """
    layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    usual = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    batches_left = iter(source)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for _ in range(NORM_BATCHES):
            network(next(batches_left)[0].to(memory_format=torch.channels_last_3d))
    for layer, momentum in zip(layers, usual, strict=True):
        layer.momentum = momentum


def validate(network: AttentionUNet, data: list[Batch], recipe: Recipe) -> dict[str, float]:
    """Return F1 of each structure at its best threshold, pooled, on the networks' grid.

    At the best, because thresholds are chosen after training and rare structures stay far below
    one half for long.
    """
    names = recipe.network.structures
    pooled = {name: Thresholds([name], 0.0, 1.0, bins=100) for name in names}
    for features, target in data:
        p = predict(network, features, recipe)
        for k, name in enumerate(names):
            own = slice(k * PACKED, (k + 1) * PACKED)
            pooled[name].update(p[:, own].numpy(), {name: (target[:, own] >= 128).numpy()})
    return {name: pooled[name].best(name)[0] for name in names}


def predict(network: AttentionUNet, features: Tensor, recipe: Recipe) -> Tensor:
    """Return packed probabilities, float32."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=recipe.schedule.bf16):
        logits = network(features.to(memory_format=torch.channels_last_3d))
        return probabilities(logits.float(), recipe.network.heads)


def save(state: object, path: Path) -> None:
    """Write a state dict so that a kill leaves the old one or the new one."""
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    fresh.replace(path)


def load_best(recipe: Recipe) -> AttentionUNet:
    """Return the best network of a run, ready for export."""
    network = build(recipe.network)
    network.load_state_dict(torch.load(Path(recipe.run) / "best.pt", weights_only=True))
    network.eval()
    return network
