"""The window's typeface, and what to do where a machine has none."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtGui import QFont, QFontDatabase

log = logging.getLogger(__name__)

PREFERRED = ("Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "Roboto", "Ubuntu", "DejaVu Sans")
ALIASES = {"Monospace", "Sans Serif", "Serif"}
"""Names that fontconfig offers even where there is no font at all."""
FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "C:/Windows/Fonts",
)
MEND = {"linux": "sudo apt install fonts-dejavu-core"}.get(sys.platform, "install a TrueType font")


def choose_font(pixels: int) -> QFont:
    """Return the best sans serif font there is, ``pixels`` high.

    Qt brings no fonts. Where the system offers none either, files are looked for in the usual
    folders and in Matplotlib, which ships DejaVu Sans; failing that, letters become boxes and a
    warning says what to install.
    """
    families = set(QFontDatabase.families()) - ALIASES or _load_any()
    if not families:
        log.warning("no font was found, letters will be boxes: %s", MEND)
    family = next((name for name in PREFERRED if name in families), None)
    font = QFont(family) if family else QFont()
    font.setPixelSize(pixels)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _load_any() -> set[str]:
    """Register the first readable font file and return its families."""
    for file in _files():
        number = QFontDatabase.addApplicationFont(str(file))
        if number >= 0:
            return set(QFontDatabase.applicationFontFamilies(number))
    return set()


def _files() -> list[Path]:
    folders = [Path(folder).expanduser() for folder in FOLDERS]
    found = find_spec("matplotlib")
    if found is not None and found.origin:
        folders.append(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf")
    files = [f for folder in folders if folder.is_dir() for f in folder.rglob("*.ttf")]
    return sorted(files, key=lambda f: (f.stem not in ("DejaVuSans", "segoeui"), f.stem))
