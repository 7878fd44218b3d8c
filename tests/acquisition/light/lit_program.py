"""A program that lights a lamp under a supervisor, and then does nothing."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from livesr.acquisition.core import open_core
from livesr.acquisition.light.find import light_path
from livesr.acquisition.light.rule import Light
from livesr.acquisition.light.supervisor import Supervisor

CONFIG = """
Property,Core,Initialize,0
#py pyDevice,Lamp,livesr.bench.lamp.shutter,LampShutter
#py Property,Lamp,Port,{port}
#py Property,Core,Initialize,1
#py Property,Core,Shutter,Lamp
Property,Core,AutoShutter,0
"""


def main(config: str, folder: str, doing: str) -> None:
    core = open_core(config)
    light = Light(core, "gated", {})
    light.learn()
    light.supervisor = Supervisor(
        light_path(core, config, {}), folder=Path(folder), hang_after_s=1.0
    )
    light.on()
    if doing == "waiting":
        light.off()
    sys.stdout.write(f"{doing} {light.supervisor.pid}\n")
    sys.stdout.flush()
    time.sleep(120)


if __name__ == "__main__":
    main(*sys.argv[1:])
