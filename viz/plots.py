"""The invaded radius of a run against time, beside its null arm: a figure and the numbers behind it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from physim.analysis.migration import Trajectories
from physim.files import replacing, write_text
from physim.record import writing
from physim.viz.frames import Run


def plot_invasion(folder: Path) -> list[Path]:
    """Write `invasion.csv` and `invasion.png` into a run folder, of a run in progress too; returns them.

    Invaded radius as in the summary: 90th percentile, and root mean square, of the cells' distances from their
    first centroid, um; a cell that left the box counts at the place where it left.
    Raises InputError if there is no table of cells, RecordError if the files cannot be written.
    """
    folder = Path(folder)
    box = Run(folder).box()
    size, periodic = (box[1] - box[0], box[2]) if box else (1.0, False)
    arms = {"run": radii(Trajectories.read(folder, size=size, periodic=periodic))}
    if (folder / "null.parquet").is_file():
        arms["null"] = radii(Trajectories.read(folder / "null.parquet", size=size, periodic=periodic))
    table, figure = folder / "invasion.csv", folder / "invasion.png"
    with writing(table, "the run itself is untouched"):
        write_text(table, _csv(arms))
        with replacing(figure) as temporary:
            _draw(temporary, arms)
    return [table, figure]


def radii(path: Trajectories) -> np.ndarray:
    """(T, 3): time h, 90th percentile um, root mean square um."""
    return np.array([(t / 60, path.invaded_radius(t), path.rms_radius(t)) for t in path.time])


def _csv(arms: dict[str, np.ndarray]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "time_h", "invaded_radius_90_um", "invaded_radius_rms_um"])
    for arm, rows in arms.items():
        writer.writerows([arm, *(f"{value:.6g}" for value in row)] for row in rows)
    return text.getvalue()


def _draw(path: Path, arms: dict[str, np.ndarray]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for arm, name, colour in (("run", "run", "#0072B2"), ("null", "null arm", "0.55")):
        if arm in arms:
            time, far, mean = arms[arm].T
            marker = "o" if len(time) == 1 else ""
            axes.plot(time, far, color=colour, lw=2.5, marker=marker, label=f"{name}: 90th percentile of cells")
            axes.plot(time, mean, color=colour, lw=1.5, ls="--", marker=marker, label=f"{name}: root mean square")
    axes.set(xlabel="time (h)", ylabel="distance from the first centroid (\u00b5m)", title="Invaded radius")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best")
    figure.savefig(path, format="png")
