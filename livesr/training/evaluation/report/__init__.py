"""A report of an evaluation: one page of HTML with its figures, which are PNG files beside it."""

from livesr.html import prepare
from livesr.training.evaluation.report.gallery import Gallery
from livesr.training.evaluation.report.write import write_report

__all__ = ["Gallery", "prepare", "write_report"]
