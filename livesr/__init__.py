"""livesr: live segmentation of fifteen organelles while the microscope records."""

__version__ = "0.1.0"
