"""Whether there is an NVIDIA card: asked of the driver, so that no library need be imported."""

from __future__ import annotations

import ctypes
import sys

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
INSTALL = "install NVIDIA's driver (nvidia.com/drivers), then nvidia-smi shows the card"


def no_card() -> str | None:
    """Return why no NVIDIA card can be used here; None if there is one."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return f"no NVIDIA driver here: {INSTALL}"
    count = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if failed:
        return f"the NVIDIA driver does not answer (CUDA error {failed}): {INSTALL}"
    return None if count.value else f"no NVIDIA card here: {INSTALL}"
