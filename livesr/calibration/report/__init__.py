"""Reports of a calibration and of point-spread functions: HTML pages with their figures."""

from livesr.calibration.report.psf_write import write_psf_report
from livesr.calibration.report.write import write_report

__all__ = ["write_psf_report", "write_report"]
