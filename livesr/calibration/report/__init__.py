"""Reports of a calibration and of point-spread functions: HTML pages with their figures."""

from livesr.calibration.report.write import write_report

__all__ = ["write_report"]
