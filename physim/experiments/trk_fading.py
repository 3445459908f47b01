"""Section 4 of the catalogue, how tunnels fade: TRK-4, as far as it is a verification.

What a follower would gain from, the collagen that is missing along the path of a leader, must be lost with the time
constant of repair that is imposed, and stay where nothing is repaired. The law is verified where no segment waits for
its ends to come near (`repair.stretch`) and crosslinks do not turn over; what both do to it is reported.
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
from physim.experiments.trk import CATALOGUE, CHOSEN, CODE, Measure, counted, crossed, known, scenario
from physim.terms import Repair

NOTHING_WAITS = 1e3
"""Of `repair.stretch`: a gap is filled however far its ends have come apart."""


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
    missing = known(e, arm, name)
    return missing / missing[0] if missing[0] > 0 else np.full(len(missing), np.nan)


def _effective(arm: str, tau: float, name: str) -> Callable[[Ensemble], float]:
    return lambda e: 60 * time_constant(e.mean(arm, "delays"), _gain(e, arm, name)) / tau


def _repaired(size: Size) -> list[tuple[float, str]]:
    """(min, arm) of the arms that repair, by time constant."""
    return sorted((arm.parameters["time"], name) for name, arm in size.arms.items() if arm.parameters["time"])


def _lawful(size: Size, arm: str) -> bool:
    """Whether nothing is in the way of the law of repair."""
    given = size.arms[arm].parameters
    return bool(given["stretch"] == NOTHING_WAITS and given["turnover"] is None)


def _fading_rows(size: Size) -> list[Observable]:
    rows = [Observable(f"collagen unaccounted for, {arm}", "2^-36 um", mean(arm, "unaccounted"), "V", 0.0, (-0.5, 0.5),
                       "whole numbers") for arm in size.arms]  # fmt: skip
    for tau, arm in _repaired(size):
        words, value = f"time constant of the gain over the imposed one, {arm}", _effective(arm, tau, "missing")
        rows += [
            Observable(words, "", value, "V", 1.0, (0.8, 1.2), CATALOGUE, trend=True) if _lawful(size, arm) else
            Observable(words, "", value, target=1.0, source="without what is in the way"),
            Observable(f"the same of what is missing within 4 um, {arm}", "", _effective(arm, tau, "missing_near"),
                       target=1.0, source="if fibers did not grow from the ends of a gap"),
            Observable(f"gain that is left at the last delay, {arm}", "", _last(arm),
                       target=math.exp(-60 * size.arms[arm].parameters["delays"][-1] / tau), source="the imposed law"),
            Observable(f"void over that before the cell came, at once, {arm}", "", _void(arm, 0)),
            Observable(f"void over that before the cell came, last delay, {arm}", "", _void(arm, -1)),
        ]  # fmt: skip
    if "none" in size.arms:
        rows.append(Observable("gain at the last delay over that at first, no repair", "", _last("none"), "V", 1.0,
                               (0.98, 1.02), CHOSEN))  # fmt: skip
    if len(_lawful_ones(size)) > 1:
        rows.append(Observable("slope of ln time constant against ln imposed one", "", _slope(size), target=1.0,
                               source="exact"))
    first = next(iter(size.arms))
    return [*rows, Observable("path that counts", "\u00b5m", mean(first, "usable")),
            Observable("share of networks with such a path", "", counted(first)),
            Observable("collagen missing along it at first", "\u00b5m", lambda e: float(known(e, first, "missing")[0]))]


def _void(arm: str, delay: int) -> Callable[[Ensemble], float]:
    return lambda e: float(known(e, arm, "void")[delay] / known(e, arm, "pristine"))


def _last(arm: str) -> Callable[[Ensemble], float]:
    return lambda e: float(_gain(e, arm, "missing")[-1])


def _slope(size: Size) -> Callable[[Ensemble], float]:
    arms = _lawful_ones(size)
    found = [(tau, _effective(arm, tau, "missing")) for tau, arm in arms]
    return lambda e: log_slope([tau for tau, _ in found], [tau * value(e) for tau, value in found])


def _lawful_ones(size: Size) -> list[tuple[float, str]]:
    return [(tau, arm) for tau, arm in _repaired(size) if _lawful(size, arm)]


def _fading_panels(e: Ensemble, size: Size) -> list[Panel]:
    gains, voids = [], []
    for name, arm in size.arms.items():
        delays, tau = list(e.mean(name, "delays")), arm.parameters["time"]
        gains.append(Line(name, delays, list(_gain(e, name, "missing"))))
        if _lawful(size, name) and tau:
            law = np.exp(-60 * np.array(delays) / tau)
            gains.append(Line(f"exp(-t/{tau / 60:g} h)", delays, list(law), dashed=True))
        voids.append(Line(name, delays, list(known(e, name, "void") / known(e, name, "pristine"))))
    return [Panel("Collagen missing along the path", "delay after the passage (h)", "share of that at first", gains),
            Panel("Void within 4 \u00b5m of the path", "delay after the passage (h)", "over that before", voids)]


def _arms(box: Sequence[float], hours: float, of: Mapping[str, Mapping[str, Any]], **more: Any) -> dict[str, Arm]:
    given: dict[str, Any] = {"repairs": True, "hours": hours, "turnover": None, "stretch": NOTHING_WAITS} | more
    return {name: Arm(crossed(box, **{**given, **arm})) for name, arm in of.items()}


_SIX, _DAY = [0, 2, 4, 6, 9, 12], [0, 6, 12, 18, 24]
_NONE: dict[str, Any] = {"time": None, "delays": [0, 12]}
_QUICK: dict[str, dict[str, Any]] = {"none": _NONE, "6 h": {"time": 360.0, "delays": _SIX},
          "6 h, stretched gaps wait": {"time": 360.0, "delays": _SIX, "stretch": Repair().stretch}}  # fmt: skip
_ALL: dict[str, dict[str, Any]] = {**_QUICK, "24 h": {"time": 1440.0, "delays": _DAY},
        "6 h, crosslinks turn over": {"time": 360.0, "delays": _SIX, "turnover": {}}}  # fmt: skip
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
        "smoke": Size(_arms((70.0, 50.0, 50.0), 1.5, {"6 h": {"time": 360.0, "delays": [0, 2, 4, 6, 9]}}, moving=False),
                      (1,), hours=0.001),
        "quick": Size(_arms((90.0, 70.0, 70.0), 1.75, _QUICK), (1, 2), hours=0.05),
        "standard": Size(_arms((110.0, 70.0, 70.0), 2.0, _ALL), tuple(range(1, 9)), hours=0.5),
        "full": Size(_arms((200.0, 100.0, 100.0), 5.0, {**_ALL, "7 d": {"time": 10080.0, "delays": [0, 84, 168]}}),
                     tuple(range(1, 9)), hours=60.0),
    },
)  # fmt: skip
