"""The segmenter's side of the analysis: measure a stack, write its rows; masks never suffer."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from livesr.errors import DiskFullError, LivesrError
from livesr.session.measuring import Measuring
from livesr.session.tables import TableWriter

if TYPE_CHECKING:
    from livesr.session.job import Job
    from livesr.stacks import Task
    from livesr.types import CellMeasures, Masks, UInt16

log = logging.getLogger(__name__)


class Analyser:
    """Measures stacks whose masks are stored, and writes their rows."""

    def __init__(self, job: Job) -> None:
        self._camera = job.info.grid
        self._cells = job.cells
        self._measuring = None
        if job.analysis is not None:
            threads = job.threads or os.cpu_count() or 1
            self._measuring = Measuring(
                job.analysis, job.models, job.offset, threads, job.correction
            )
            self._measuring.warm_up(job.structures)
        self._tables = TableWriter(job.folder)

    def analyse(self, task: Task, masks: Masks, data: UInt16) -> tuple[list[CellMeasures], str]:
        """Return the cells of a stack, and what went wrong with measuring it, if anything did.

        Raises
        ------
        DiskFullError
            The stack is tried again once there is room.
        """
        if self._measuring is None or not self._measuring.wanted:
            return self._alone(masks), ""
        camera = replace(self._camera, shape=data.shape[1:])
        try:
            measured = self._measuring.measure(
                masks, data, camera, task.followed.channel_offset, task.time_s
            )
            self._tables.write(task.index, measured)
        except DiskFullError:
            raise
        except LivesrError as error:
            return self._alone(masks), error.what
        except Exception as error:
            log.exception("%s could not be measured", task.index)
            return self._alone(masks), f"{type(error).__name__}: {error}"
        return measured.cells, ""

    def _alone(self, masks: Masks) -> list[CellMeasures]:
        """Return the cells of a stack of which nothing else is measured, if rules go by them."""
        if not self._cells:
            return []
        from livesr.analysis.mitosis.measures import cell_measures

        return cell_measures(masks)
