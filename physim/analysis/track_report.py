"""Measured tracks as lines to read, as JSON, and as tables (CSV): a row per track, per lag, per position."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from physim.analysis.track_measures import Estimate, Spread, TrackMeasures
from physim.analysis.track_walk import UNKNOWN
from physim.problems import number_of


def quantity(value: Estimate, unit: str) -> str:
    """With its unit, or that it is not known."""
    said = _estimate(value)
    return f"{said} {unit}" if said else "not known"


def report(found: TrackMeasures) -> str:
    """The measures as lines."""
    tracks = found.tracks
    every, several = _time(tracks.interval), len(tracks.labels) > 1
    lasting = found.duration
    lines = [f"{tracks.name}: {number_of(len(tracks.labels), 'track')} in {tracks.dimensions}D, a position every "
             f"{every}, for {_time(lasting.median)}"]  # fmt: skip
    if lasting.lower < lasting.upper:
        lines[0] += f" (median over tracks; quartiles {_time(lasting.lower)} and {_time(lasting.upper)})"
    for k, (lag, speed) in enumerate(found.speeds.items()):
        what = " (median over tracks, and quartiles)" if several and not k else ""
        lines.append(_line("" if k else "speed", f"{_spread(speed, several)} um/h over {lag:.4g} min{what}"))
    lines.append(_line("displacement", f"{_spread(found.displacement, several)} um from first to last"))
    if found.exponent is not None and found.exponent_lags is not None:
        near, far = found.exponent_lags
        lines.append(_line("MSD exponent", f"{_estimate(found.exponent)} from {near:.4g} to {far:.4g} min "
                                           "(1 random, 2 straight)"))  # fmt: skip
    if found.walk is not None:
        walk = found.walk
        noise = quantity(walk.noise, "um") + ("" if walk.noise is UNKNOWN else
                                              ", fitted" if walk.noise_fitted else ", as given")  # fmt: skip
        lines += [
            _line("walk (Furth)", f"speed S {quantity(walk.speed, 'um/h')}, root mean square"),
            _line("", f"persistence P {quantity(walk.persistence, 'min')}"),
            _line("", f"diffusion D {quantity(walk.diffusion, 'um^2/h')}"),
            _line("", f"error of a position {noise}; lags to {walk.longest_lag:.4g} min"),
        ]  # fmt: skip
        lines += [_line("", walk.warning)] if walk.warning else []
    if found.axes is not None:
        axes = found.axes
        topic = "anisotropy"
        for what, ratio, chance in (("D", axes.diffusion, axes.diffusion_by_chance),
                                    ("S^2", axes.speed, axes.speed_by_chance)):  # fmt: skip
            if ratio == ratio:  # known
                times = f"{ratio:.3g}" if ratio < 1000 else "more than 1000"
                lines.append(_line(topic, f"{what} along each track's main axis is {times} times that across it; by "
                                          f"chance {chance.low:.3g} to {chance.high:.3g}"))  # fmt: skip
                topic = ""
        lines.append(_line("", "more than in walks without an axis" if axes.real else "as in walks without an axis"))
    return "\n".join([*lines, *(_line("note", note) for note in found.notes)])


def as_table(found: TrackMeasures) -> dict[str, Any]:
    """The measures as plain numbers with their units in the names; None where there is none. For JSON."""
    tracks, walk, axes = found.tracks, found.walk, found.axes
    return {
        "name": tracks.name, "tracks": len(tracks.labels), "dimensions": tracks.dimensions,
        "positions": int(np.isfinite(tracks.paths.position[:, :, 0]).sum()), "interval_min": tracks.interval,
        "duration_min": _plain(found.duration),
        "speed_um_per_h": [{"over_min": lag, **_plain(speed)} for lag, speed in found.speeds.items()],
        "net_displacement_um": _plain(found.displacement),
        "msd_exponent": found.exponent and {**_plain(found.exponent), "lags_min": found.exponent_lags},
        "furth": walk and {
            "speed_um_per_h": _plain(walk.speed), "persistence_min": _plain(walk.persistence),
            "diffusion_um2_per_h": _plain(walk.diffusion), "noise_um": _plain(walk.noise),
            "noise_fitted": walk.noise_fitted, "longest_lag_min": walk.longest_lag, "warning": walk.warning},
        "anisotropy": axes and {
            "diffusion_ratio": axes.diffusion, "diffusion_ratio_by_chance": _plain(axes.diffusion_by_chance),
            "speed_squared_ratio": axes.speed, "speed_squared_ratio_by_chance": _plain(axes.speed_by_chance),
            "more_than_chance": axes.real},
        "notes": list(found.notes),
    }  # fmt: skip


def cells_csv(sets: Sequence[TrackMeasures]) -> str:
    """A row per track: positions, duration, displacement, path, and speed at the intervals of its set."""
    intervals = sorted({lag for found in sets for lag in found.speeds})
    head = ["set", "track", "positions", "start_min", "duration_min", "net_displacement_um", "path_um",
            *(f"speed_over_{lag:.4g}_min_um_per_h" for lag in intervals)]  # fmt: skip
    return _csv(head, (row for found in sets for row in _cells(found, intervals)))


def msd_csv(sets: Sequence[TrackMeasures]) -> str:
    """A row per lag: MSD, its 95 % interval, pairs, and the fitted walk."""
    head = ["set", "lag_min", "msd_um2", "low_um2", "high_um2", "pairs", "furth_um2"]
    return _csv(head, (
        [found.tracks.name, *values] for found in sets for values in zip(
            found.curve.lag, found.curve.msd, found.curve.low, found.curve.high, found.curve.pairs,
            found.walk.walk.msd(found.curve.lag) if found.walk else np.full(len(found.curve.lag), np.nan), strict=True)
    ))  # fmt: skip


def positions_csv(sets: Sequence[TrackMeasures]) -> str:
    """A row per track and time, as `physim tracks` itself reads it; without z where all sets are of two dimensions."""
    axes = 3 if any(found.tracks.dimensions == 3 for found in sets) else 2
    head = ["set", "track", "time_min", "x_um", "y_um", "z_um"][: 3 + axes]

    def rows() -> Iterable[list[Any]]:
        for found in sets:
            paths = found.tracks.paths
            there = np.isfinite(paths.position[:, :, 0]) & ~(paths.time[:, None] >= paths.departed)
            for who, at in np.argwhere(there.T):
                yield [found.tracks.name, found.tracks.labels[who], paths.time[at], *paths.position[at, who, :axes]]

    return _csv(head, rows())


def _cells(found: TrackMeasures, intervals: Sequence[float]) -> Iterable[list[Any]]:
    tracks, paths = found.tracks, found.tracks.paths
    there = np.isfinite(paths.position[:, :, 0]) & ~(paths.time[:, None] >= paths.departed)
    durations, moved = tracks.durations, paths.cell_displacements()
    speeds = [paths.cell_speeds(lag) if lag in found.speeds else np.full(len(moved), np.nan) for lag in intervals]
    for k, label in enumerate(tracks.labels):
        place = paths.position[there[:, k], k]
        length = np.linalg.norm(np.diff(place, axis=0), axis=1).sum()
        start = paths.time[there[:, k].argmax()]
        yield [tracks.name, label, len(place), start, durations[k], moved[k], length, *(speed[k] for speed in speeds)]


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return ("" if math.isnan(value) else f"{value:.8g}") if isinstance(value, float) else value


def _plain(value: Estimate | Spread) -> dict[str, float]:
    return dict(vars(value))


def _line(topic: str, words: str) -> str:
    return f"  {topic:<13} {words}"


def _time(minutes: float) -> str:
    if minutes < 1:
        return f"{60 * minutes:.3g} s"
    return f"{minutes:.3g} min" if minutes < 120 else f"{minutes / 60:.3g} h"


def _spread(value: Spread, several: bool) -> str:
    return f"{value.median:.3g}" + (f" ({value.lower:.3g} to {value.upper:.3g})" if several else "")


def _estimate(value: Estimate) -> str:
    """Value and interval, or what it is above or below; nothing if that is not known."""
    if math.isnan(value.value):
        between = "" if math.isnan(value.low) else f"above {value.low:.3g}"
        return between if math.isnan(value.high) else f"below {value.high:.3g}"
    if math.isnan(value.low):
        return f"{value.value:.3g}"
    ends = f"above {value.low:.3g}" if math.isinf(value.high) else f"{value.low:.3g} to {value.high:.3g}"
    return f"{value.value:.3g} ({ends})"
