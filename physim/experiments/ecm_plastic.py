"""Section 1 of the catalogue, what the network keeps of a load by turnover of its crosslinks: ECM-4.

A gel whose crosslinks never let go recoils fully, and a track in it could only be cut; how much of a contraction stays
is what the turnover is judged by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, gel, mean, ratio
from physim.experiments.ensemble import Ensemble
from physim.scenario import Scenario

Load = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""load(parameters, network, seed, device) -> what `analysis.plasticity` gives for the load of the parameters."""
DIAMETER, CONCENTRATION = 0.2, 1.5
"""um; mg/ml: the gel that EI was calibrated in (docs/validation.md)."""
SMALL, LARGE = 0.01, 0.1
"""Shear strains at which stress relaxes."""
_CATALOGUE = "tolerance of the catalogue"
_NAM = "Nam 2016, recalled"


def device_load(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """A gel that is contracted, sheared or left alone, on an OpenCL device."""
    from physim.analysis import plasticity

    measure = plasticity.relax if parameters["load"] == "shear" else plasticity.contract
    if parameters.get("unloaded"):
        measure = plasticity.unloaded
    return measure(parameters, network, seed, device)


def scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import plasticity

    return plasticity.scenario(parameters, network, seed)


def plasticity(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
               load: Load = device_load) -> Values:  # fmt: skip
    """What one gel keeps of one load: shares of the displacement, of the order and of the stress at its beginning."""
    found = dict(load(parameters, network, seed, device))
    if parameters.get("unloaded"):
        return {**found, "free_over_expected": found["free"] / found["expected"]}
    if parameters["load"] == "shear":
        stress = np.asarray(found["stress_kpa"], float)
        return {**found, "left": float(stress[-1] / stress[0]), "relative": stress / stress[0],
                "half_s": 60 * half_time(found["minutes"], stress)}  # fmt: skip
    return found


def half_time(times: ArrayLike, stress: ArrayLike) -> float:
    """When the stress first is half of what it was at the first time, linear in between; NaN if it never is."""
    t, share = np.asarray(times, float), np.asarray(stress, float) / np.asarray(stress, float)[0]
    below = np.flatnonzero(share <= 0.5)
    if not len(below):
        return math.nan
    k = below[0]
    return float(t[k - 1] + (share[k - 1] - 0.5) / (share[k - 1] - share[k]) * (t[k] - t[k - 1]))


def holds(size: Size) -> list[tuple[float, str]]:
    """(hours, arm) of the arms hold-HOURS of a size, ascending."""
    return sorted((arm.parameters["hours"], name) for name, arm in size.arms.items() if name.startswith("hold-"))


def least_rise(arms: list[tuple[float, str]]) -> Callable[[Ensemble], float]:
    """A statistic: the smallest step of the mean residual from one hold to the next longer one."""
    return lambda e: float(np.diff([float(e.mean(arm, "residual")) for _, arm in arms]).min())


def _rows(size: Size) -> list[Observable]:
    held, rows = holds(size), []
    if "unloaded" in size.arms:
        rows += [
            Observable("crosslinks free without load over 1 - exp(-k_0 t)", "", mean("unloaded", "free_over_expected"),
                       "V", 1.0, (0.85, 1.15), "exact; three standard deviations of 400 crosslinks"),
            Observable("farthest move of a node without load", "um", mean("unloaded", "moved"), "V", 0.0, (-1e-6, 1e-6),
                       "a gel at rest bears no force, whatever lets go"),
        ]  # fmt: skip
    rows += [
        Observable("residual over displacement, turnover off", "", mean("off", "residual"), "V", 0.0, (-0.05, 0.05),
                   _CATALOGUE + ": elastic recoil"),
        Observable("displacement at the end of the hold over that at its start, turnover off", "", mean("off", "held"),
                   "V", 1.0, (0.95, 1.05), "an elastic gel holds; tolerance chosen here"),
    ]  # fmt: skip
    for hours, arm in held:
        words = f"{hours:g} h hold"
        if hours >= 1:
            rows.append(Observable(f"residual over displacement, {words}", "", mean(arm, "residual"), "T2", None,
                                   (0.2, 0.7), _CATALOGUE, no_effect=0.0))  # fmt: skip
        else:
            rows.append(Observable(f"residual over displacement, {words}", "", mean(arm, "residual")))
    if len(held) > 1:
        rows.append(Observable("smallest rise of the residual from one hold to the next", "", least_rise(held), "T2",
                               None, (0.0, math.inf), _CATALOGUE + ": monotone in hold time", trend=True,
                               no_effect=0.0))  # fmt: skip
    for hours, arm in held:
        words = f"{hours:g} h hold"
        rows += [
            Observable(f"radial order left over that at the start, {words}", "", _order(arm)),
            Observable(f"displacement at the end over that at the start, {words}", "", mean(arm, "held")),
            Observable(f"breaks per crosslink, {words}", "", mean(arm, "broken")),
            Observable(f"share of crosslinks free at the end, {words}", "", mean(arm, "free")),
            Observable(f"change of the residual in the last minute, {words}", "", mean(arm, "unrest"), target=0.0,
                       source="at rest"),
        ]  # fmt: skip
    for strain, seconds in ((SMALL, 1e3), (LARGE, 1e2)):
        arm = f"shear-{strain:g}"
        if arm in size.arms:
            rows += [
                Observable(f"stress left after 1 h at {strain:.0%} shear", "", mean(arm, "left")),
                Observable(f"time to half the stress at {strain:.0%} shear", "s", mean(arm, "half_s"), target=seconds,
                           source=_NAM),
            ]  # fmt: skip
    if f"shear-{SMALL:g}" in size.arms:
        rows.append(Observable("time to half the stress, large over small strain", "",
                               ratio(f"shear-{LARGE:g}", f"shear-{SMALL:g}", "half_s"), target=0.1, source=_NAM))
    return rows


def _order(arm: str) -> Callable[[Ensemble], float]:
    return lambda e: float(e.mean(arm, "order_left") / e.mean(arm, "order"))


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    held = holds(size)
    if not held:
        return []
    hours = [h for h, _ in held]
    values = [e.take(arm, "residual") for _, arm in held]
    kept = Line("residual", hours, [float(v.mean()) for v in values], [float(v.min()) for v in values],
                [float(v.max()) for v in values])  # fmt: skip
    off = Line("turnover off", hours, [float(e.mean("off", "residual"))] * len(hours), dashed=True)
    last = held[-1][1]
    around = [Line(label, list(e.mean(last, "distance")), list(e.mean(last, name)), dashed=name == "at_rest")
              for label, name in (("at the start of the hold", "at_start"), ("after release", "at_rest"))]  # fmt: skip
    panels = [Panel("Residual displacement", "hold (h)", "share of that at the start", [kept, off],
                    [(1.0, 6.0, 0.2, 0.7)]),
              Panel(f"Displacement, {hours[-1]:g} h hold", "distance (\u00b5m)", "\u00b5m", around)]  # fmt: skip
    shears = [arm for arm in size.arms if arm.startswith("shear-")]
    if shears:
        panels.append(Panel("Relaxation of stress", "time (min)", "share of that at the start",
                            [Line(f"{size.arms[arm].parameters['strain']:.0%}", list(e.mean(arm, "minutes")),
                                  list(e.mean(arm, "relative"))) for arm in shears]))  # fmt: skip
    return panels


def _sphere(box: float, hours: tuple[float, ...], off: float) -> dict[str, Arm]:
    def arm(h: float, turnover: dict[str, float] | None) -> Arm:
        return Arm(gel(CONCENTRATION, DIAMETER, box, load="sphere", hours=h, turnover=turnover))

    return {f"hold-{h:g}": arm(h, {}) for h in hours} | {"off": arm(off, None)}


def _unloaded(box: float) -> dict[str, Arm]:
    rates = {"release_rate": 0.02, "binding_rate": 0.0}
    return {"unloaded": Arm(gel(CONCENTRATION, DIAMETER, box, load="sphere", unloaded=True, hours=0.5, turnover=rates))}


def _shears(box: float) -> dict[str, Arm]:
    return {f"shear-{strain:g}": Arm(gel(CONCENTRATION, DIAMETER, box, load="shear", strain=strain, hours=1.0,
                                         turnover={})) for strain in (SMALL, LARGE)}  # fmt: skip


_HOURS = (0.5, 1.0, 3.0, 6.0)
ECM_4 = Experiment(
    id="ECM-4",
    title="Plasticity of the collagen network: what stays of a contraction, how stress relaxes",
    source="Nam 2016, Ban 2018, Kim 2017, Bri-plast",
    replica=plasticity,
    observables=_rows,
    panels=_panels,
    code=(*NETWORK_CODE, "physim.generate.matrix", "physim.network_state", "physim.loop", "physim.analysis.plasticity",
          "physim.analysis.displacement", "physim.analysis.alignment", "physim.analysis.mechanics", device_load,
          half_time),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_sphere(45.0, (), 0.05) | _unloaded(50.0), (1,), hours=0.001),
        "quick": Size(_sphere(50.0, (0.5, 3.0), 3.0) | _unloaded(50.0) | _shears(45.0), (1, 2), hours=0.06),
        "standard": Size(_sphere(60.0, _HOURS, 6.0) | _unloaded(60.0) | _shears(95.0), tuple(range(1, 9)), hours=0.5),
        "full": Size(_sphere(100.0, _HOURS, 6.0) | _unloaded(60.0) | _shears(150.0), tuple(range(1, 9)),
                     seeds=tuple(range(1, 4)), hours=24.0),
    },
)  # fmt: skip
