"""What made a run: versions of physim, Python and the libraries, and the git state; for run.json."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from physim import __version__

_LIBRARIES = ("numpy", "scipy", "pyopencl", "vtk", "pyarrow", "pydantic")


def versions() -> dict[str, str | None]:
    """Version of each part; None for a library that is not installed; `git` only inside a checkout."""
    found: dict[str, str | None] = {"physim": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    found["system"] = f"{platform.system()} {platform.machine()}"
    state = git_state(Path(__file__).parent)
    return found | ({"git": state} if state else {})


def git_state(folder: Path) -> str | None:
    """The commit of the checkout that tracks this folder's code, "+changes" if edited; None without one."""
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit and commit + ("+changes" if changed else "")


def _git(folder: Path, *words: str) -> str | None:
    try:
        command = ["git", "--no-optional-locks", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
