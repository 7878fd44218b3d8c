"""A signal reaches the process whatever thread let an OpenVINO engine go."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import faulthandler, gc, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
import numpy as np
from livesr.segmentation.engines import Options
from livesr.segmentation.engines.openvino_cpu import OpenVinoEngine
from livesr.segmentation.package import load_package

faulthandler.enable()  # Python's handlers then run on the stack that the kernel knows of
held = [OpenVinoEngine(load_package("LD"), Options(1))]
held[0].run(np.zeros((1, 2, 8, 16, 16), np.float32))
letting_go = threading.Thread(target=lambda: (held.clear(), gc.collect()))
letting_go.start()
letting_go.join()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted, and alive")
"""


def test_ctrl_c_after_another_thread_dropped_the_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=150, check=False
    )
    assert done.stdout.strip() == "interrupted, and alive", (done.returncode, done.stderr[-2000:])
