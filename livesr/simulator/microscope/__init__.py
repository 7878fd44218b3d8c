"""The microscope below its devices: what is seen and when, and what goes wrong."""
