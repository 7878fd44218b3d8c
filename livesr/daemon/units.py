"""What starts the daemon with the computer: a systemd user service, a Windows scheduled task."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from pathlib import Path

_SYSTEMD = """\
# ~/.config/systemd/user/livesr.service, then:
#   systemctl --user daemon-reload && systemctl --user enable --now livesr
#   loginctl enable-linger      (to start it before anybody logs in)
[Unit]
Description=livesr daemon
After=network.target

[Service]
ExecStart={call}
Restart=on-failure
# the daemon alone is ended: sessions that run go on, and the next daemon finds them
KillMode=process

[Install]
WantedBy=default.target"""

_WINDOWS = """\
<?xml version="1.0" encoding="UTF-16"?>
<!-- save as livesr.xml, then: schtasks /Create /TN livesr /XML livesr.xml -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions>
    <Exec><Command>{program}</Command><Arguments>{arguments}</Arguments></Exec>
  </Actions>
</Task>"""


def systemd_unit(folder: Path, host: str, port: int) -> str:
    """Return the text of a systemd user service."""
    call = [sys.executable, *_arguments(folder, host, port)]
    return _SYSTEMD.format(call=shlex.join(call).replace("%", "%%"))


def windows_task(folder: Path, host: str, port: int) -> str:
    """Return the text of a Windows scheduled task."""
    arguments = " ".join(
        f'"{part}"' if " " in part else part for part in _arguments(folder, host, port)
    )
    return _WINDOWS.format(program=escape(sys.executable), arguments=escape(arguments))


def _arguments(folder: Path, host: str, port: int) -> list[str]:
    return ["-m", "livesr", "serve", str(folder.absolute()), "--host", host, "--port", str(port)]
