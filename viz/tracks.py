"""Pictures of measured tracks: where cells went from a common origin, how far in how long, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from physim.analysis.track_measures import TrackMeasures
from physim.analysis.track_pairs import step_speeds
from physim.viz.track_msd import msd
from physim.viz.track_panels import COLORS, new_figure, words

MOST_SETS = 6
"""More cannot be told apart."""
_MOST_PATHS = 150
"""Drawn in a panel; more hide each other."""
_FEW = 8
"""So many cells have colours of their own; more are coloured by time."""
_INK, _PALE = "0.25", "0.75"


def draw(sets: Sequence[TrackMeasures], folder: Path) -> list[Path]:
    """Write trajectories.png, msd.png and speeds.png into a folder; returns them.

    Up to MOST_SETS sets. Raises RecordError if a file cannot be written.
    """
    return [trajectories(folder / "trajectories.png", sets), msd(folder / "msd.png", sets),
            speeds(folder / "speeds.png", sets)]  # fmt: skip


def trajectories(path: Path, sets: Sequence[TrackMeasures]) -> Path:
    """Each set's paths from a common origin, seen along z, all panels at one scale; up to 150 paths a panel."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    wide = min(len(sets), 3)
    high = -(-len(sets) // wide)
    kept = [_from_origin(found) for found in sets]
    reach = _round_up(1.06 * max(float(np.nanmax(np.abs(place[:, :, :2]), initial=1e-3)) for _, place in kept))
    longest = max(float(time[np.isfinite(place).any(axis=(1, 2))].max()) for time, place in kept)
    unit, per = ("h", 60.0) if longest >= 120 else ("min", 1.0)
    norm = Normalize(0, longest / per)
    by_time = any(place.shape[1] > _FEW for _, place in kept)
    lines = max(1 + words(found.tracks.name, 34).count("\n") for found in sets)
    size = (4.6 * wide + 0.9 * by_time, (4.4 + 0.25 * lines) * high + 0.2)
    with new_figure(path, size, high, wide) as (figure, panels):
        for axes in panels[len(sets) :]:
            axes.set_visible(False)
        for axes, found, (time, place) in zip(panels, sets, kept, strict=False):
            _paths(axes, time / per, place, norm if by_time else None)
            _frame(axes, reach, found, place.shape[1])
        if by_time:
            bar = figure.colorbar(ScalarMappable(norm, _colormap()), ax=list(panels[: len(sets)]), shrink=0.7,
                                  aspect=28, pad=0.02, label=f"time since the first position ({unit})")  # fmt: skip
            bar.outline.set_visible(False)
    return path


def speeds(path: Path, sets: Sequence[TrackMeasures]) -> Path:
    """How often which speed occurs, over all displacements, and the median speed of each cell with quartiles."""
    interval = _common_interval(sets)
    over = [interval if interval in found.speeds else next(iter(found.speeds)) for found in sets]
    fast = [step_speeds(found.tracks.paths, lag) for found, lag in zip(sets, over, strict=True)]
    edges = np.linspace(0, max(float(np.quantile(speed, 0.999)) for speed in fast) or 1.0, 29)
    labels = [f"{words(found.tracks.name, 34)}, over {lag:.4g} min" for found, lag in zip(sets, over, strict=True)]
    named: list[Any] = []
    with new_figure(path, (10.4, 4.4), 1, 2, ratios=(1.25, 1)) as (_, (left, right)):
        for k, (found, color) in enumerate(zip(sets, COLORS, strict=False)):
            share = 100 * np.histogram(np.minimum(fast[k], edges[-1]), edges)[0] / len(fast[k])
            left.stairs(share, edges, color=color, alpha=0.15 if len(sets) < 4 else 0.0, fill=True)
            named.append(left.stairs(share, edges, color=color, lw=1.8))
            left.plot([np.median(fast[k])] * 2, [0, share.max()], color=color, lw=1.2, ls=(0, (4, 2)))
            _strip(right, k, found.tracks.paths.cell_speeds(over[k]), color)
        left.set(xlabel="speed of one displacement (\u00b5m/h)", ylabel="displacements (%)", xlim=(0, None),
                 ylim=(0, None), title="All displacements (dashed: median)")  # fmt: skip
        room = 0.04 + 0.06 * sum(1 + label.count("\n") for label in labels)  # for the legend
        left.set_ylim(0, (1 + room) * left.get_ylim()[1])
        left.legend(named, labels, frameon=False, fontsize="small", loc="upper right")
        right.set(ylabel="median speed of a cell (\u00b5m/h)", title="Each cell (line: median; band: quartiles)",
                  xlim=(-0.6 - 0.6 * (len(sets) == 1), len(sets) - 0.4 + 0.6 * (len(sets) == 1)))  # fmt: skip
        right.set_ylim(0, 1.06 * right.get_ylim()[1])
        slanted = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(sets) > 3 else {}
        right.set_xticks(range(len(sets)), [words(found.tracks.name, 18 if len(sets) != 3 else 14) for found in sets],
                         **slanted)  # fmt: skip
    return path


def _from_origin(found: TrackMeasures) -> tuple[np.ndarray, np.ndarray]:
    """(T,) min and (T, k, 3) um of up to _MOST_PATHS tracks, from where and when each was first seen."""
    tracks, paths = found.tracks, found.tracks.paths
    there = np.isfinite(paths.position[:, :, 0]) & ~(paths.time[:, None] >= paths.departed)
    picked = np.flatnonzero(there.sum(axis=0) > 1)
    if len(picked) > _MOST_PATHS:
        picked = picked[np.linspace(0, len(picked) - 1, _MOST_PATHS).astype(int)]
    frame = np.rint((paths.time - paths.time[0]) / tracks.interval).astype(int)
    time = np.arange(frame.max() + 1) * tracks.interval
    place = np.full((len(time), len(picked), 3), np.nan)
    for k, cell in enumerate(picked):
        seen = np.flatnonzero(there[:, cell])
        place[frame[seen] - frame[seen[0]], k] = paths.position[seen, cell] - paths.position[seen[0], cell]
    return time, place


def _paths(axes: Any, time: np.ndarray, place: np.ndarray, norm: Any) -> None:
    """The paths, through gaps, with a dot at the end; coloured by time, or each in a colour of its own."""
    from matplotlib.collections import LineCollection

    width = float(np.interp(place.shape[1], [5, 100], [1.6, 0.7]))
    dot = float(np.interp(place.shape[1], [5, 20, 60, _MOST_PATHS], [4.8, 3.4, 2.0, 1.4]))
    for k in range(place.shape[1]):
        seen = np.isfinite(place[:, k, 0])
        line = place[seen, k, :2]
        color: Any = COLORS[k % len(COLORS)]
        if norm is None:
            axes.plot(*line.T, color=color, lw=width, solid_capstyle="round", zorder=2)
        else:
            middle = 0.5 * (time[seen][1:] + time[seen][:-1])
            steps = list(np.stack([line[:-1], line[1:]], axis=1))
            pieces = LineCollection(steps, cmap=_colormap(), norm=norm, lw=width, capstyle="round", zorder=2)
            pieces.set_array(middle)
            axes.add_collection(pieces)
            color = _colormap()(norm(time[seen][-1]))
        axes.plot(*line[-1], "o", color=color, ms=dot, mec="white", mew=min(0.5, 0.12 * dot), zorder=3)


def _frame(axes: Any, reach: float, found: TrackMeasures, drawn: int) -> None:
    """Equal axes about the origin, with a scale bar, the name and how many paths are shown."""
    all_of = len(found.tracks.labels)
    shown = f"{drawn} cells" if drawn == all_of else f"{drawn} of {all_of} cells"
    shown = "1 cell" if drawn == all_of == 1 else shown
    from_above = ", seen along z" if found.tracks.dimensions == 3 else ""
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="x (\u00b5m)", ylabel="y (\u00b5m)")
    axes.set_title(words(found.tracks.name, 34), pad=18)
    axes.text(0.5, 1.02, shown + from_above, transform=axes.transAxes, ha="center", color="0.4", fontsize="small")
    axes.axhline(0, color=_PALE, lw=0.6, zorder=1)
    axes.axvline(0, color=_PALE, lw=0.6, zorder=1)
    bar = _round_down(0.5 * reach)
    x, y = 0.94 * reach, -0.93 * reach
    axes.plot([x - bar, x], [y, y], color=_INK, lw=3, solid_capstyle="butt", zorder=4)
    axes.text(x - bar / 2, y + 0.03 * reach, f"{bar:g} \u00b5m", ha="center", va="bottom", color=_INK, fontsize="small")


def _common_interval(sets: Sequence[TrackMeasures]) -> float:
    """The interval near 10 min that most sets have a speed over."""
    lags = [lag for found in sets for lag in found.speeds]
    return min(set(lags), key=lambda lag: (-lags.count(lag), abs(np.log(lag / 10))))


def _strip(axes: Any, x: float, values: np.ndarray, color: str) -> None:
    """Values as dots beside each other, with median and quartiles."""
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return
    spread = 0.32 * np.sin(2.39996 * np.arange(len(values)) * 2) * min(1.0, len(values) / 15)
    size = float(np.interp(len(values), [10, 300], [6, 2.5]))
    alpha = float(np.interp(len(values), [30, 600], [0.8, 0.35]))
    axes.plot(x + spread, values, "o", color=color, ms=size, mew=0, alpha=alpha, zorder=2)
    if len(values) > 3:
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        axes.fill_between([x - 0.4, x + 0.4], low, high, color=color, alpha=0.15, lw=0, zorder=1)
        axes.plot([x - 0.4, x + 0.4], [middle, middle], color=_INK, lw=2, zorder=3)


def _colormap() -> Any:
    """Dark to bright in time, without the pale end that paper swallows."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["plasma"](np.linspace(0.02, 0.88, 256)))


def _round_down(value: float) -> float:
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)) * power)


def _round_up(value: float) -> float:
    power = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / power) * power)
