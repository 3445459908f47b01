"""Section 4 of the catalogue, how tunnels fade: TRK-4, as far as it is a verification.

What a follower would gain from, the collagen that is missing along the path of a leader, must be lost with the time
constant of repair that is imposed, and stay where nothing is repaired. Shed integrins are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import mean
from physim.experiments.ensemble import Ensemble, log_slope
from physim.experiments.trk import CATALOGUE, CHOSEN, CODE, Measure, crossed, scenario


def device_fade(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """A gel that is repaired after a cell has crossed it, on an OpenCL device."""
    from physim.analysis import passage

    return passage.fade(parameters, network, seed, device)


def fading(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
           measure: Measure = device_fade) -> Values:  # fmt: skip
    """What is missing of the collagen along one path at several delays after the passage."""
    return {**measure(parameters, network, seed, device), "delays": list(parameters["delays"])}


def time_constant(times: ArrayLike, gain: ArrayLike) -> float:
    """tau in gain ~ exp(-t/tau), in the unit of the times: least squares of ln gain, weighted by gain^2.

    The weights are those of errors that are alike in the gain. What is gone, 0, does not count; NaN if all is.
    """
    t, g = np.asarray(times, float), np.asarray(gain, float)
    there = g > 0
    t, g = t[there], g[there]
    slope = (g**2 * t * np.log(g)).sum()
    return float(-(g**2 * t**2).sum() / slope) if slope else math.nan


def _gain(e: Ensemble, arm: str, name: str) -> Any:
    """(k,) what is missing at each delay over what was at first, of the means over networks."""
    missing = e.mean(arm, name)
    return missing / missing[0] if missing[0] > 0 else np.full(len(missing), np.nan)


def _effective(arm: str, tau: float, name: str) -> Callable[[Ensemble], float]:
    return lambda e: 60 * time_constant(e.mean(arm, "delays"), _gain(e, arm, name)) / tau


def _constants(size: Size) -> list[tuple[float, str]]:
    """(min, arm) of the arms that repair, ascending."""
    return sorted((arm.parameters["time"], name) for name, arm in size.arms.items() if arm.parameters["time"])


def _fading_rows(size: Size) -> list[Observable]:
    rows = [Observable(f"collagen unaccounted for, {arm}", "2^-36 um", mean(arm, "unaccounted"), "V", 0.0, (-0.5, 0.5),
                       "whole numbers") for arm in size.arms]  # fmt: skip
    for tau, arm in _constants(size):
        hours = f"{tau / 60:g} h"
        rows += [
            Observable(f"time constant of the gain over the imposed {hours}", "", _effective(arm, tau, "missing"), "V",
                       1.0, (0.8, 1.2), CATALOGUE, trend=True),
            Observable(f"the same of what is missing within 4 um, {hours}", "", _effective(arm, tau, "missing_near"),
                       target=1.0, source="if fibers did not grow from the ends of a gap"),
            Observable(f"void over that before the cell came, at once, {hours}", "", _void(arm, 0)),
            Observable(f"void over that before the cell came, last delay, {hours}", "", _void(arm, -1), target=1.0,
                       source="all is mended"),
        ]  # fmt: skip
    if "none" in size.arms:
        rows.append(Observable("gain at the last delay over that at first, no repair", "",
                               lambda e: float(_gain(e, "none", "missing")[-1]), "V", 1.0, (0.98, 1.02), CHOSEN))
    if len(_constants(size)) > 1:
        rows.append(Observable("slope of ln time constant against ln imposed one", "", _slope(size), target=1.0,
                               source="exact"))
    first = next(iter(size.arms))
    return [*rows, Observable("path that counts", "\u00b5m", mean(first, "usable")),
            Observable("collagen missing along it at first", "\u00b5m", lambda e: float(e.mean(first, "missing")[0]))]


def _void(arm: str, delay: int) -> Callable[[Ensemble], float]:
    return lambda e: float(e.mean(arm, "void")[delay] / e.mean(arm, "pristine"))


def _slope(size: Size) -> Callable[[Ensemble], float]:
    return lambda e: log_slope([tau for tau, _ in _constants(size)],
                               [tau * _effective(arm, tau, "missing")(e) for tau, arm in _constants(size)])  # fmt: skip


def _fading_panels(e: Ensemble, size: Size) -> list[Panel]:
    gains, voids = [], []
    for name, arm in size.arms.items():
        delays, tau = list(e.mean(name, "delays")), arm.parameters["time"]
        gains.append(Line(name, delays, list(_gain(e, name, "missing"))))
        if tau:
            law = np.exp(-60 * np.array(delays) / tau)
            gains.append(Line(f"exp(-t/{tau / 60:g} h)", delays, list(law), dashed=True))
        voids.append(Line(name, delays, list(e.mean(name, "void") / e.mean(name, "pristine"))))
    return [Panel("Collagen missing along the path", "delay after the passage (h)", "share of that at first", gains),
            Panel("Void within 4 \u00b5m of the path", "delay after the passage (h)", "over that before", voids)]


def _repairs(box: Sequence[float], hours: float, of: Mapping[str, tuple[float | None, Sequence[float]]],
             **more: Any) -> dict[str, Arm]:  # fmt: skip
    return {name: Arm(crossed(box, hours=hours, repairs=True, time=tau, delays=list(delays), **more))
            for name, (tau, delays) in of.items()}


_SHORT, _LONG = (0, 2, 4, 6, 9, 12), (0, 6, 12, 18, 24)
TRK_4 = Experiment(
    id="TRK-4",
    title="Lifetime of tunnels: what a follower would gain, against the time constant of repair",
    source="none quantitative: verification of the imposed law",
    replica=fading,
    observables=_fading_rows,
    panels=_fading_panels,
    code=(*CODE, device_fade, time_constant),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_repairs((70.0, 50.0, 50.0), 1.5, {"6 h": (360.0, (0, 2, 4, 6, 9))}, moving=False, turnover=None),
                      (1,), hours=0.001),
        "quick": Size(_repairs((90.0, 70.0, 70.0), 1.75, {"none": (None, (0, 12)), "6 h": (360.0, _SHORT)}), (1, 2),
                      hours=0.06),
        "standard": Size(_repairs((110.0, 70.0, 70.0), 2.0, {"none": (None, (0, 24)), "6 h": (360.0, _SHORT),
                                                             "24 h": (1440.0, _LONG)}), tuple(range(1, 9)), hours=0.5),
        "full": Size(_repairs((200.0, 100.0, 100.0), 5.0, {
            "none": (None, (0, 168)), "6 h": (360.0, _SHORT), "24 h": (1440.0, _LONG), "7 d": (10080.0, (0, 84, 168))}),
            tuple(range(1, 9)), hours=60.0),
    },
)  # fmt: skip
