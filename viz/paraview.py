"""The ParaView script in the folder of each run: a copy of `open_in_paraview.py` that lies beside this file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from physim.files import write_text
from physim.record import writing

NAME = "open_in_paraview.py"


def write_script(folder: Path) -> Path:
    """Write the script into a run folder, which it remembers. Raises RecordError."""
    text = (files("physim.viz") / NAME).read_text("utf-8")
    path = folder / NAME
    with writing(path, "no frame is complete yet"):
        write_text(path, text.replace('WRITTEN_IN = ""', f"WRITTEN_IN = {str(folder.resolve())!r}", 1))
    return path
