"""From the sample to the camera: spectra, optics, rendering, light, beads, sensor noise."""
