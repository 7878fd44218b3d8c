"""One training in several processes, as ``torchrun`` starts them: PyTorch's own data parallel.

    torchrun --nproc-per-node 4 -m livesr train CONFIG

Each process draws batches of its own; gradients are averaged after each step, so that all have the
same weights. The first process validates, writes and reports.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of a training.

    Attributes
    ----------
    rank, size : int
        Number of this process, and of all.
    device : str
        ``cpu``, or ``cuda:N``.
    """

    rank: int
    size: int
    device: str

    @property
    def leads(self) -> bool:
        """True for the process that validates, writes and reports."""
        return self.rank == 0

    def shared(self, network: nn.Module) -> nn.Module:
        """Return the network such that its gradients are averaged over all processes."""
        if self.size == 1:
            return network
        where = [torch.device(self.device)] if self.device.startswith("cuda") else None
        return DistributedDataParallel(network, device_ids=where)

    def same(self, network: nn.Module) -> None:
        """Give all processes the first one's weights and statistics."""
        if self.size > 1:
            for tensor in network.state_dict().values():
                distributed.broadcast(tensor, 0)

    def told(self, value: float) -> float:
        """Return the first process's value in all of them."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(tensor, 0)
        return float(tensor)


@contextmanager
def joined(wanted: str) -> Iterator[Crew]:
    """Join the other processes of ``torchrun``, if it started this one; leave them afterwards.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda"}
        Auto is CUDA where PyTorch finds it.
    """
    cuda = torch.cuda.is_available() if wanted == "auto" else wanted == "cuda"
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = f"cuda:{local}" if cuda else "cpu"
    if size == 1:
        yield Crew(0, 1, device)
        return
    if cuda:
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Crew(rank, size, device)
    finally:
        distributed.destroy_process_group()
