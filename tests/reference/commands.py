"""Python and physim as a user starts them: processes of their own, with the package that is under test; or in here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from physim.cli import app


def environment() -> dict[str, str]:
    """Variables with which another Python imports what this one does; lines 200 characters wide."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}


def python(*words: str, cwd: Path, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python WORDS` in that folder; what it prints is captured unless `options` say where to."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()} | options
    return subprocess.run([sys.executable, *words], cwd=cwd, text=True, timeout=timeout, **given)


def physim(*words: str, cwd: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """`physim WORDS` in that folder."""
    return python("-m", "physim", *words, cwd=cwd, timeout=timeout)


def inside(*words: str) -> subprocess.CompletedProcess[str]:
    """`physim WORDS` in the present folder by this process, for which nothing has to be imported or built again."""
    result = CliRunner().invoke(app, words)
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)
