"""How far cells of measured tracks get in how long: the mean square displacement, with the walk fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from physim.analysis.track_measures import TrackMeasures
from physim.analysis.track_report import quantity
from physim.viz.track_panels import COLORS, new_figure, words

_NARROWEST = 60.0
"""Least ratio of the ends of the vertical axis, so that the two slopes are apart where the curves are flat."""


def msd(path: Path, sets: Sequence[TrackMeasures]) -> Path:
    """Mean square displacement against lag, log-log, with 95 % bands, Furth's walk and lines of slope 1 and 2.

    The fitted curve is solid over the lags that it was fitted to and dashed beyond. Where nothing moves there is no
    logarithm, and the axes are plain.
    """
    several = len(sets) > 2
    moving = any((found.curve.msd > 0).any() for found in sets)
    with new_figure(path, (9.4 if several else 6.6, 5.0)) as (figure, (axes,)):
        dots = [_curve(axes, found, color, moving) for found, color in zip(sets, COLORS, strict=False)]
        axes.set(xlabel="time between two positions (min)", ylabel="mean square displacement (\u00b5m\u00b2)",
                 title="How far in how long")  # fmt: skip
        if moving:
            axes.set(xscale="log", yscale="log")
            _slopes(axes, sets)
            _plain_ticks(axes.xaxis)
            _plain_ticks(axes.yaxis)
        else:
            axes.set(xlim=(0, None), ylim=(-0.05, 1))
            axes.text(0.5, 0.5, "nothing has moved", transform=axes.transAxes, ha="center", color="0.4")
        given = {"frameon": False, "fontsize": "small", "handletextpad": 0.3, "labelspacing": 0.8,
                 "handles": dots, "labels": [_walk_words(found) for found in sets]}  # fmt: skip
        figure.legend(loc="outside right center", **given) if several else axes.legend(loc="upper left", **given)
    return path


def _curve(axes: Any, found: TrackMeasures, color: str, moving: bool) -> Any:
    """Dots with their band, and the walk; returns the dots."""
    curve = found.curve
    some = curve.msd > 0 if moving else np.isfinite(curve.msd)
    (dots,) = axes.plot(curve.lag[some], curve.msd[some], "o", color=color, ms=5, mec="white", mew=0.6, zorder=3)
    band = some & (curve.low > 0)
    axes.fill_between(curve.lag[band], curve.low[band], curve.high[band], color=color, alpha=0.18, lw=0)
    if found.walk is not None:
        for low, high, style in ((curve.lag.min(), found.walk.longest_lag, "-"),
                                 (found.walk.longest_lag, curve.lag.max(), (0, (4, 2)))):  # fmt: skip
            lag = np.geomspace(low, max(low, high), 80)
            axes.plot(lag, found.walk.walk.msd(lag), color=color, lw=1.8, ls=style, zorder=2)
    return dots


def _slopes(axes: Any, sets: Sequence[TrackMeasures]) -> None:
    """Thin lines of slope 1 and 2 from one point below the curves, with their names at the ends, one above the other.

    Also sets the limits of the axes.
    """
    lags = np.concatenate([found.curve.lag for found in sets])
    moved = np.concatenate([found.curve.msd for found in sets])
    first, last, seen = lags.min(), lags.max(), moved[moved > 0]
    if len(seen) < 2 or last <= first:
        return
    low, high = 0.4 * seen.min(), 3.0 * seen.max()
    wider = max(1.0, _NARROWEST * low / high) ** 0.5
    low, high = low / wider, high * wider
    begin, bottom = first**0.45 * last**0.55, 1.3 * low
    for slope, said, top in ((2, "slope 2: straight", 0.2), (1, "slope 1: random", 0.05)):
        end = min(last, begin * max(1.5, top * high / bottom) ** (1 / slope))
        axes.plot([begin, end], [bottom, bottom * (end / begin) ** slope], color="0.55", lw=1, ls=":", zorder=1)
        axes.annotate(said, (end, bottom * (end / begin) ** slope), xytext=(4, 0), textcoords="offset points",
                      color="0.45", fontsize="small", va="center")  # fmt: skip
    axes.set(xlim=(first / 1.15, last * (last / first) ** 0.3), ylim=(low, high))


def _walk_words(found: TrackMeasures) -> str:
    name = words(found.tracks.name, 44)
    if found.walk is None:
        return name
    walk = found.walk
    numbers = (("S", walk.speed, "\u00b5m/h"), ("P", walk.persistence, "min"), ("D", walk.diffusion, "\u00b5m\u00b2/h"))
    said = [f"{letter} {quantity(replace(one, low=nan, high=nan) if one.value == one.value else one, unit)}"
            for letter, one, unit in numbers]  # fmt: skip
    return f"{name}\n{', '.join(said)}"


def _plain_ticks(axis: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 500 * low else (1,)))
    axis.set_major_formatter("{x:,g}")
    axis.set_minor_formatter(NullFormatter())
