"""Figures: invaded radius of a run against time, stress against strain, displacement against distance."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physim.analysis.displacement import Decay
from physim.analysis.migration import Trajectories
from physim.files import replacing, write_text
from physim.record import writing
from physim.viz.frames import Run, array, in_the_box, points

_SHELL = 5.0
"""um, width of the shells in which the displacements of a run are averaged."""


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
    _draw(figure, arms)
    return [table, figure]


def plot_displacement(folder: Path) -> list[Path]:
    """Write `displacement.png` into a run folder whose fibers move: `radial_displacement` half way and at the end.

    Returns it; nothing where fibers are held or at rest, or no cell is left. Raises RecordError.
    """
    run = Run(Path(folder))
    curves = {}
    for time in sorted({run.times[len(run.times) // 2], run.times[-1]}):
        distance, u = radial_displacement(run, time)
        if np.abs(u).max(initial=0.0) > 1e-3:
            curves[f"{time:.2g} h"] = distance, u
    several = int(in_the_box(run.part("cells", run.times[-1])).sum()) > 1
    return [displacement_decay(run.folder / "displacement.png", curves, several=several)] if curves else []


def radial_displacement(run: Run, time: float) -> tuple[np.ndarray, np.ndarray]:
    """(B,) um from the middle of the cells in the box, and the mean displacement of nodes away from it in shells there.

    By where nodes were before they moved, from one shell's width outside the middle to the nearest face of the box.
    """
    fibers, cells, box = run.part("fibers", time), run.part("cells", time), run.box()
    moved, here = None if fibers is None else array(fibers, "displacement"), in_the_box(cells)
    if moved is None or box is None or not here.any():
        return np.zeros(0), np.zeros(0)
    middle, size = points(cells)[here].mean(axis=0), box[1] - box[0]
    offset = points(fibers) - moved - middle
    offset -= np.where(box[2], np.rint(offset / size) * size, 0.0)
    distance = np.linalg.norm(offset, axis=1)
    radial = (moved * offset).sum(axis=1) / np.maximum(distance, 1e-9)
    room = min(float((middle - box[0]).min()), float((box[1] - middle).min()))
    shell = (distance / _SHELL).astype(int)
    count = np.bincount(shell)
    kept = np.flatnonzero((count > 0) & (np.arange(len(count)) > 0) & (_SHELL * np.arange(1, len(count) + 1) <= room))
    mean = [np.bincount(shell, of)[kept] / count[kept] for of in (distance, radial)]
    return mean[0], mean[1]


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
    with _figure(path) as (axes,):
        for arm, name, colour in (("run", "run", _COLORS[0]), ("null", "null arm", "0.55")):
            if arm in arms:
                time, far, mean = arms[arm].T
                marker = "o" if len(time) == 1 else ""
                axes.plot(time, far, color=colour, lw=2.5, marker=marker, label=f"{name}: 90th percentile of cells")
                axes.plot(time, mean, color=colour, lw=1.5, ls="--", marker=marker, label=f"{name}: root mean square")
        axes.set(xlabel="time (h)", ylabel="distance from the first centroid (\u00b5m)", title="Invaded radius")
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)


def stress_strain(path: Path, curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, mode: str = "shear") -> Path:
    """Write a PNG: stress (Pa) against strain, and beside it the slope of each curve against stress, both log.

    A curve has strains (n,) ascending, as numbers (0.1 is 10 %), and stresses (n,), or (k, n) of k networks: then the
    line is their mean and the band runs from the lowest to the highest. The slope is the tangent modulus, by central
    differences; a dashed line of slope 1 shows K proportional to stress. Raises RecordError if it cannot be written.
    """
    with _figure(path, columns=2) as (left, right):
        for colour, (label, (strain, stress)) in zip(_cycle(len(curves)), curves.items(), strict=True):
            x, y = np.asarray(strain, float), np.atleast_2d(np.asarray(stress, float))
            _band(left, 100 * x, y, colour, label)
            mean = y.mean(axis=0)
            modulus = np.gradient(mean, x) if len(x) > 1 else np.full(len(x), np.nan)
            seen = (np.abs(mean) > 0) & (modulus > 0)
            right.plot(np.abs(mean)[seen], modulus[seen], color=colour, lw=2, marker="o", ms=4, label=label)
        left.set(xlabel=f"{mode} strain (%)", ylabel="stress (Pa)", title="Stress and strain")
        right.set(xlabel="stress, size (Pa)", ylabel="tangent modulus (Pa)", title="Stiffening")
        _log_axes(right, 1.0)
    return path


def displacement_decay(path: Path, curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *,
                       fits: Mapping[str, Decay] | None = None, several: bool = False) -> Path:  # fmt: skip
    """Write a PNG: displacement toward the cell (um) against distance from it (um), both log.

    A curve has distances (n,) and radial displacements (n,), or (k, n) of k networks: then the line is their mean and
    the band runs from the lowest to the highest. They are drawn by size, those away from the cell as open points.
    `fits` draws the fit of a curve of that name and puts its exponent, with the 95 % interval, into the legend; a
    dashed line has the -2 of a linear medium. With `several` the labels are those of a group of cells. Raises
    RecordError if it cannot be written.
    """
    fits = fits or {}
    with _figure(path) as (axes,):
        for colour, (label, (distance, u)) in zip(_cycle(len(curves)), curves.items(), strict=True):
            r, toward = np.asarray(distance, float), -np.atleast_2d(np.asarray(u, float))
            mean, fit, said = toward.mean(axis=0), fits.get(label), label
            axes.plot(r, np.abs(mean) if fit is None else np.abs(fit.at(r)), color=colour, lw=1)
            if fit is not None:
                low, high = fit.interval
                said += f": exponent {fit.exponent:.2f} ({low:.2f} to {high:.2f})".replace("-", "\u2212")
            axes.plot(r[mean > 0], mean[mean > 0], "o", color=colour, ms=6, label=said)
            axes.plot(r[mean <= 0], -mean[mean <= 0], "o", color=colour, ms=6, mfc="none")
            if len(toward) > 1:
                size = np.abs(toward)
                axes.fill_between(r, size.min(axis=0), size.max(axis=0), color=colour, alpha=0.2, lw=0)
        middle, title = ("middle of the cells", "the cells") if several else ("cell\u2019s centre", "a cell")
        axes.set(xlabel=f"distance from the {middle} (\u00b5m)", ylabel="displacement toward it (\u00b5m)",
                 title=f"Displacement around {title}")  # fmt: skip
        _log_axes(axes, -2.0)
    return path


_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito: they stay apart with every common colour vision."""


def _cycle(count: int) -> list[str]:
    return [_COLORS[k % len(_COLORS)] for k in range(count)]


def _band(axes: Any, x: np.ndarray, y: np.ndarray, colour: str, label: str) -> None:
    """Mean of the rows of y (k, n), and from their lowest to their highest."""
    axes.plot(x, y.mean(axis=0), color=colour, lw=2, marker="o", ms=4, label=label)
    if len(y) > 1:
        axes.fill_between(x, y.min(axis=0), y.max(axis=0), color=colour, alpha=0.2, lw=0)


def _log_axes(axes: Any, slope: float) -> None:
    """Make the axes logarithmic, with a dashed line of a slope through the middle of what is drawn."""
    from matplotlib.ticker import LogLocator, NullLocator

    for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        scale("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    drawn = np.concatenate([line.get_xydata() for line in axes.get_lines()] or [np.zeros((0, 2))])
    drawn = drawn[(drawn > 0).all(axis=1)]
    if len(drawn) > 1:
        x = np.array([drawn[:, 0].min(), drawn[:, 0].max()])
        middle = np.exp(np.log(drawn).mean(axis=0))
        label = f"slope {slope:g}".replace("-", "\u2212")
        axes.plot(x, middle[1] * (x / middle[0]) ** slope, color="0.6", lw=1, ls="--", label=label)


@contextmanager
def _figure(path: Path, columns: int = 1) -> Iterator[tuple[Any, ...]]:
    """Axes of a figure that is written as PNG when all is drawn. Raises RecordError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4 if columns == 1 else 4.8 * columns, 4.4), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    panels = tuple(figure.subplots(1, columns, squeeze=False)[0])
    yield panels
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, loc="best", fontsize="small")
    with writing(path, "nothing else is touched"), replacing(path) as temporary:
        figure.savefig(temporary, format="png")
