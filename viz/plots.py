"""The invaded radius of a run against time, beside its null arm: a figure and the numbers behind it."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from physim.errors import InputError


def plot_invasion(folder: Path) -> list[Path]:
    """Write `invasion.csv` and `invasion.png` into a run folder; returns them.

    Invaded radius: 90th percentile, and root mean square, of the cells' distances from their first centroid, um.
    """
    folder = Path(folder)
    arms = {"run": radii(folder / "cells.parquet")}
    if (folder / "null.parquet").is_file():
        arms["null"] = radii(folder / "null.parquet")
    return [_write_csv(folder / "invasion.csv", arms), _draw(folder / "invasion.png", arms)]


def radii(path: Path) -> np.ndarray:
    """Rows of (time h, 90th percentile um, root mean square um) from a table of cells; departed cells do not count."""
    import pyarrow.parquet

    names = ["time_h", "id", "x_um", "y_um", "z_um", "departed_h"]
    try:
        table = pyarrow.parquet.read_table(path, columns=names).to_pydict()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: not a readable table of cells ({type(error).__name__}); finish the run first"
        ) from None
    time, where = np.array(table["time_h"]), np.stack([np.array(table[c], float) for c in names[2:5]], 1)
    gone = np.array([np.nan if value is None else value for value in table["departed_h"]], float)
    moments = np.unique(time)
    centroid = where[time == moments[0]].mean(0)
    rows = []
    for moment in moments:
        distance = np.linalg.norm(where[(time == moment) & ~(gone <= moment)] - centroid, axis=1)
        if len(distance):
            rows.append((moment, np.percentile(distance, 90), np.sqrt(np.mean(distance**2))))
    return np.array(rows)


def _write_csv(path: Path, arms: dict[str, np.ndarray]) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["arm", "time_h", "invaded_radius_90_um", "invaded_radius_rms_um"])
        for arm, rows in arms.items():
            writer.writerows([arm, *(f"{value:.6g}" for value in row)] for row in rows)
    os.replace(temporary, path)
    return path


def _draw(path: Path, arms: dict[str, np.ndarray]) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for arm, colour in (("null", "0.6"), ("run", "#0072B2")):
        if arm in arms:
            rows = arms[arm]
            axes.plot(rows[:, 0], rows[:, 1], color=colour, lw=2, label=f"{arm}: 90th percentile")
            axes.plot(rows[:, 0], rows[:, 2], color=colour, lw=1.5, ls="--", label=f"{arm}: root mean square")
    axes.set(xlabel="time (h)", ylabel="distance from the first centroid (\u00b5m)", title="Invaded radius")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.png")
    figure.savefig(temporary)
    os.replace(temporary, path)
    return path
