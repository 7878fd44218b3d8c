"""Hands on other machines, or other processes of this one: Dask's workers.

Two tasks a stack. Each worker opens an input and loads its networks once (`_ShopPlugin`), computes
one stack at a time with as many threads as Dask gives it, and writes shards of its own into the
output; the client alone writes the journal.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from livesr.errors import ConfigError, HardwareError, LivesrError
from livesr.offline.hands import Told
from livesr.offline.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.offline.hands import Done
    from livesr.offline.shop import Masked, Taken, Work
    from livesr.offline.sources import Stacks
    from livesr.ordered import Followed
    from livesr.session.plan import Plan
    from livesr.types import StackIndex

log = logging.getLogger(__name__)

INSTALL = 'python -m pip install "livesr[cluster]"'
_PLUGIN = "livesr-shop"
_START_S = 120.0
_COUNT_S = 2.0
"""Between two times that workers are counted."""
_FEW = 6
"""Inputs at once, whatever the number of workers: each worker holds as many open."""


class Cluster:
    """Dask's workers.

    Parameters
    ----------
    workers : int
        Started on this machine, which share its processor; 0 where there is a scheduler.
    scheduler : str
        Address of one that runs: ``tcp://host:8786``.
    threads : int, optional
        Of each worker that is started; default: the processor's share.
    say : callable
        Told what people may want to open, the dashboard's address.

    Raises
    ------
    ConfigError
        If Dask is not installed.
    HardwareError
        If the scheduler does not answer, or has no worker.
    """

    def __init__(
        self,
        *,
        workers: int = 0,
        scheduler: str = "",
        threads: int | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        distributed = _distributed()
        self._told = Told()
        self._futures: dict[str, list[Any]] = {}
        self._own: Any = None
        self._counted, self._counted_at = 1, -_COUNT_S
        try:
            if workers:
                threads = threads or max((os.cpu_count() or 1) // workers, 1)
                self._own = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=threads,
                    dashboard_address=None,
                    memory_limit=0,
                    silence_logs=logging.ERROR,
                )
            self._client = distributed.Client(self._own or scheduler, timeout=_START_S)
            self._client.wait_for_workers(1, timeout=_START_S)
        except (OSError, TimeoutError, ValueError) as error:
            if self._own is not None:
                self._own.close()
            raise HardwareError(
                f"no Dask worker answers: {error}",
                where=scheduler or "--workers",
                fix="start `dask scheduler` and `dask worker tcp://HOST:8786` in the same Python "
                "environment, and check the address and the firewall (docs/scale.md)",
            ) from None
        self._client.register_plugin(shop_plugin())
        say(f"{self.slots} Dask workers at {self._client.scheduler.address}")

    @property
    def slots(self) -> int:
        """Workers at present: a cluster may grow and shrink."""
        if time.monotonic() > self._counted_at + _COUNT_S:
            known = self._client.scheduler_info(n_workers=-1).get("workers", {})
            if not known:
                log.warning("no Dask worker is left; waiting for one, Ctrl-C ends it")
            self._counted, self._counted_at = len(known), time.monotonic()
        return max(self._counted, 1)

    @property
    def inputs(self) -> int:
        """Inputs that should be open at once."""
        return min(self.slots + 1, _FEW)

    def begin(self, work: Work, plan: Plan, stacks: Stacks) -> None:
        """Nothing: workers open inputs as their first stack comes."""
        del plan, stacks
        self._futures[work.folder] = []

    def end(self, work: Work) -> None:
        """Give up what is not done of an input, and let workers close it."""
        futures = self._futures.pop(work.folder, [])
        self._client.cancel([future for future in futures if not future.done()])
        with suppress(OSError, TimeoutError):
            self._client.run(_forget, work.folder, on_error="ignore")

    def take(self, work: Work, index: StackIndex, *, estimate: bool) -> None:
        """Have a stack read, stored and estimated."""
        future = self._client.submit(
            _take, work, index, estimate, key=_key("take", work, index), pure=False, priority=0
        )
        self._follow(work, index, future)

    def masks(
        self, work: Work, index: StackIndex, time_s: float, followed: Followed, where: str
    ) -> None:
        """Have a stack segmented, by the worker that has it in memory if that has time."""
        place = {"workers": [where], "allow_other_workers": True} if where else {}
        future = self._client.submit(
            _masks,
            work,
            index,
            time_s,
            followed,
            key=_key("masks", work, index),
            pure=False,
            priority=1,
            **place,
        )
        self._follow(work, index, future)

    def wait(self, timeout_s: float) -> list[Done]:
        """Return what was done since the last call.

        Raises
        ------
        HardwareError
            If the scheduler is gone.
        """
        done = self._told.wait(timeout_s)
        if not done and self._client.status in ("closed", "closing"):
            raise HardwareError(
                "the Dask scheduler is gone",
                where=str(self._client.scheduler.address),
                fix="start it again and give the same command: only what is missing is done",
            )
        for one in done:
            held = self._futures.get(one.folder, [])
            self._futures[one.folder] = [future for future in held if not future.done()]
        return done

    def run_everywhere(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function once in each worker's process."""
        self._client.run(function, *arguments)

    def close(self) -> None:
        """Leave the scheduler, or end the workers that were started for this."""
        with suppress(OSError, TimeoutError):
            self._client.close()
        if self._own is not None:
            self._own.close()

    def _follow(self, work: Work, index: StackIndex, future: Any) -> None:
        self._futures[work.folder].append(future)
        future.add_done_callback(lambda done: self._told.tell(work.folder, index, done))


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ConfigError(
            "Dask is not installed", where="--workers, --scheduler", fix=INSTALL
        ) from None
    return distributed


def shop_plugin() -> Any:
    """Return the plugin that gives each worker its shop; distributed is asked for only here."""
    from distributed import WorkerPlugin

    class _ShopPlugin(WorkerPlugin):  # type: ignore[misc] # distributed is an optional extra
        name = _PLUGIN
        idempotent = True

        def setup(self, worker: Any) -> None:
            """Open a shop with the worker's threads."""
            threads = int(worker.state.nthreads)
            _use_threads(threads)
            self.shop = Shop(threads, worker.address)

        def teardown(self, worker: Any) -> None:
            """Close it."""
            del worker
            self.shop.close()

    return _ShopPlugin()


def _use_threads(threads: int) -> None:
    """Keep the libraries around the networks to a worker's share of the processor, too."""
    import cv2
    import numba

    cv2.setNumThreads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))


def _shop() -> Shop:
    from distributed import get_worker

    shop: Shop = get_worker().plugins[_PLUGIN].shop
    return shop


def _take(work: Work, index: StackIndex, estimate: bool) -> Taken | LivesrError:
    return _shop().take(work, index, estimate=estimate)


def _masks(
    work: Work, index: StackIndex, time_s: float, followed: Followed
) -> Masked | LivesrError:
    return _shop().masks(work, index, time_s, followed)


def _forget(folder: str, dask_worker: Any = None) -> None:
    plugin = dask_worker.plugins.get(_PLUGIN) if dask_worker is not None else None
    if plugin is not None:
        plugin.shop.forget(folder)


def _key(what: str, work: Work, index: StackIndex) -> str:
    """Return a name that the dashboard shows, another one for each try."""
    return f"{what}-{os.urandom(4).hex()}-{os.path.basename(work.folder)} {index}"  # noqa: PTH119
