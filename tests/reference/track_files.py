"""Tables of tracks as people have them: one set of walks, written in every dialect that is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physim.analysis.migration import Trajectories


@dataclass(frozen=True)
class Dialect:
    """How a program writes tracks."""

    head: tuple[str, ...]
    """Titles of track, time, x, y and, in 3D, z."""
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    minutes: float = 1.0
    """Of the unit of time."""
    micron: float = 1.0
    """Of the unit of x, y and z."""
    track: str = "{}"
    before: str = ""
    """Lines before the header."""
    options: tuple[str, ...] = ()
    """What the command line needs to be told."""
    shuffled: bool = False


DIALECTS = {
    "plain": Dialect(("track", "time_min", "x_um", "y_um", "z_um")),
    "spreadsheet": Dialect(("Cell ID", "Time [h]", "X [\u00b5m]", "Y [\u00b5m]", "Z [\u00b5m]"), ";", ",", "latin-1",
                           60.0),
    "byte order mark": Dialect(("TRACK", "t (s)", "Position X (mm)", "Position Y (mm)", "Position Z (mm)"),
                               encoding="utf-8-sig", minutes=1 / 60, micron=1000.0, shuffled=True),
    "tabs": Dialect(("particle", "frame", "x", "y", "z"), "\t", minutes=5.0, micron=0.5,
                    options=("--interval", "5 min", "--pixel", "0.5 um", "--slice", "0.5 um")),
    "names and remarks": Dialect(("cell", "Elapsed time (minutes)", "x_nm", "y_nm", "z_nm"), micron=1e-3,
                                 track="cell_{}", before="# tracked by hand\n\n", shuffled=True),
}  # fmt: skip


def write(path: Path, paths: Trajectories, dialect: Dialect, dimensions: int) -> Path:
    """A row for each position that is there."""
    rows = []
    for cell in range(len(paths.id)):
        for time, place in zip(paths.time, paths.position[:, cell, :dimensions], strict=True):
            if np.isfinite(place).all():
                numbers = (f"{value:.10g}" for value in (time / dialect.minutes, *(place / dialect.micron)))
                words = [word.replace(".", dialect.decimal) for word in numbers]
                rows.append(dialect.separator.join([dialect.track.format(paths.id[cell]), *words]))
    if dialect.shuffled:
        rows = [rows[k] for k in np.random.default_rng(3).permutation(len(rows))]
    head = dialect.separator.join(dialect.head[: 2 + dimensions])
    path.write_text(dialect.before + "\n".join([head, *rows]) + "\n", encoding=dialect.encoding)
    return path
