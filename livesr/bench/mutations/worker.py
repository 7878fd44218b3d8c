"""The process in which spoilt files are read: limited in memory and time, watched for writes.

``python -m livesr.bench.mutations.worker ROOT SEED MEBIBYTES`` takes a line of kind, number and
seconds parted by tabs for each case, and answers with one JSON object. A case that takes longer
ends the process.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import platformdirs

import livesr
from livesr.bench.mutations import readers
from livesr.bench.mutations.case import Case, make_case
from livesr.bench.mutations.good import KINDS
from livesr.errors import LivesrError

LONGEST_TEXT = 3000
"""Characters of an error that people still read."""


def _caches() -> list[Path]:
    return [Path(platformdirs.user_data_dir("pymmcore-plus")), Path(platformdirs.user_cache_dir())]


_KEPT = ("what", "where", "fix")
_PICKLED = ("numba.", "copyreg", "numpy", "builtins")
"""What numba keeps compiled functions with."""
_OWN = ("/dev/", "/proc/", tempfile.gettempdir(), *map(str, _caches()))
"""Where programs write on their own account."""
_PROGRAM = (str(Path(livesr.__file__).parent), sys.prefix)
"""Where Python and numba keep compiled code, in folders named ``__pycache__``."""


def main() -> None:
    """Answer cases until stdin ends."""
    root, seed, mebibytes = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # libraries print
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    readers.leave_alone()
    _limit(int(mebibytes))
    watch = _Watch(Path(root))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        kind, number, seconds = line.rstrip("\n").split("\t")
        case = make_case(kind, int(number), int(seed), watch.root)
        faulthandler.dump_traceback_later(float(seconds), exit=True)
        answer = _judged(case, watch)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(answer), file=answers, flush=True)


def _judged(case: Case, watch: _Watch) -> dict[str, Any]:
    """Write the spoilt file, read it, put everything back, and say what happened."""
    watch.begin(case)
    start, peak = time.perf_counter(), _peak_mib(reset=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what Python prints beside a run is noise to its user
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        outcome, detail = _read(case, watch)
    seconds, grown = time.perf_counter() - start, _peak_mib() - peak
    if strayed := watch.end():
        outcome, detail = "escape", f"{strayed}; {outcome}: {detail}"
    return {
        "outcome": outcome,
        "detail": detail,
        "spoil": case.spoil,
        "file": str(case.file.relative_to(watch.root)),
        "seconds": round(seconds, 3),
        "grown_mib": round(grown),
    }


def _read(case: Case, watch: _Watch) -> tuple[str, str]:
    try:
        done = readers.read(case.kind, watch.root, case.file, case.number)
    except LivesrError as error:
        return _told(error)
    except MemoryError:
        return "memory", traceback.format_exc()[-1500:]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "traceback", traceback.format_exc()[-3000:]
    return "read" if done else "refused", ""


def _told(error: LivesrError) -> tuple[str, str]:
    """Say whether an error tells what, where and how to mend it, in words that can be shown."""
    text = str(error)
    lacks = [name for name in _KEPT if not getattr(error, name)]
    odd = [c for c in text if not c.isprintable() and c != "\n"]
    if lacks or odd or len(text) > LONGEST_TEXT or error.exit_code == 1:
        return "poor", f"lacks {lacks}, {odd[:3]}, {len(text)} characters: {text[:400]!r}"
    return "refused", text[:200]


class _Watch:
    """Puts files back, and sees what was written where nothing may be."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._seen: list[str] = []
        self._watching = False
        self._case: Case | None = None
        self._before: dict[str, tuple[int, int]] = {}
        self._good = {
            path: path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.stat().st_size < 2**23
        }
        sys.addaudithook(self._hear)

    def begin(self, case: Case) -> None:
        """Write the case's files."""
        self._case = case
        for path, content in {case.file: case.content, **case.others}.items():
            path.write_bytes(content)
        self._before = self._state()
        self._seen = []
        self._watching = True

    def end(self) -> str:
        """Put everything back; return what was written outside, or read of the victim."""
        self._watching = False
        after, case = self._state(), self._case
        assert case is not None  # noqa: S101 - begin came before
        changed = {p for p in {*after, *self._before} if after.get(p) != self._before.get(p)}
        allowed = (*KINDS[case.kind].writes, "out")
        strayed = sorted(p for p in changed if not p.startswith(tuple(f"{a}/" for a in allowed)))
        for name in {*changed, *(str(p.relative_to(self.root)) for p in (case.file, *case.others))}:
            self._restore(self.root / name)
        return "; ".join([*strayed[:3], *self._seen[:3]])

    def _restore(self, path: Path) -> None:
        if path in self._good:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._good[path])
        else:
            path.unlink(missing_ok=True)

    def _state(self) -> dict[str, tuple[int, int]]:
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118 - thousands of times
                about = os.stat(path)  # noqa: PTH116
                found[os.path.relpath(path, self.root)] = (about.st_size, about.st_mtime_ns)
        return found

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note writes outside the files' folder, and reads of what names may not lead to."""
        if not self._watching:
            return
        if event in ("os.system", "os.exec", "subprocess.Popen"):
            if not (event == "subprocess.Popen" and arguments[0] == sys.executable):  # Qt's check
                self._seen.append(f"{event} {arguments!r:.120}")
        elif event == "pickle.find_class":
            if not str(arguments[0]).startswith(_PICKLED):
                self._seen.append(f"{event} {arguments!r:.120}")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            path, flags = os.fsdecode(arguments[0]), arguments[2]
            writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            path = os.path.abspath(path)  # noqa: PTH100 - not followed
            own = path.startswith(_PROGRAM) and "__pycache__" in Path(path).parts
            if writes and not own and not path.startswith((str(self.root), *_OWN)):
                self._seen.append(f"wrote {path}")


def _limit(mebibytes: int) -> None:
    """Let the process take so much more memory than it has now, where the system can say so."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most = _data_bytes() + mebibytes * 2**20
    # not the address space, of which every thread's heap sets 64 MiB aside and uses little
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _data_bytes() -> int:
    """Return the bytes of the process that it may write to, where Linux tells it."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(int(s.split()[1]) * 1024 for s in status.splitlines() if s.startswith("VmData"))


def _peak_mib(*, reset: bool = False) -> float:
    """Return the most memory that was resident since the last reset, where Linux tells it."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next(float(s.split()[1]) / 1024 for s in status.splitlines() if s.startswith("VmHWM"))


if __name__ == "__main__":
    main()
