"""Section 4 of the catalogue, tracks and tunnels: TRK-3, fibers at the border of a tunnel. How they fade: `trk_fading`.

A cell that cuts leaves a void, a cell that pulls should leave fibers that are denser at the wall and lie along it. Each
is switched off alone, on the same networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, gel, mean
from physim.experiments.ensemble import Ensemble
from physim.scenario import Scenario

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.passage` gives of one gel."""
WALL = 3
"""Shell of `analysis.passage.EDGES` that begins at the wall: 0 to 3 um from it."""
FROM_WALL = (1.5, 4.5, 7.5, 10.5, 13.5)
"""um from the wall, middles of the shells beyond it."""
FAINT = 0.02
"""Order above background that is no alignment: what single networks show without a cell."""
CONCENTRATION, DENSE, DIAMETER = 2.2, 4.0, 0.2
"""mg/ml, um: of the scenario `invasion`, in which half of a path is void before; with pores of 3 um."""
CATALOGUE = "tolerance of the catalogue"
CHOSEN = "tolerance chosen for this experiment"


def device_trace(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """A gel that a cell crosses, on an OpenCL device."""
    from physim.analysis import passage

    return passage.trace(parameters, network, seed, device)


def scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import passage

    return passage.scenario(parameters, network, seed)


def border(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
           measure: Measure = device_trace) -> Values:  # fmt: skip
    """Void, density and order along one path, before, during and after the passage."""
    found = dict(measure(parameters, network, seed, device))
    for time in ("during", "after"):
        excess = np.asarray(found[f"order_{time}"], float) - np.asarray(found["order_before"], float)
        found |= {f"excess_{time}": excess, f"wall_excess_{time}": float(excess[WALL])}
    for time in ("before", "during", "after"):
        found[f"wall_density_{time}"] = float(found[f"density_{time}"][WALL])
    return found


def decay_length(distance: ArrayLike, excess: ArrayLike) -> float:
    """L (um) in excess ~ exp(-distance/L): least squares in logarithms, from the wall to the first shell below FAINT.

    NaN where fewer than three shells are left, or the excess does not fall.
    """
    x, y = np.asarray(distance, float), np.asarray(excess, float)
    above = y > FAINT
    stop = len(y) if above.all() else int(np.argmin(above))
    if stop < 3:
        return math.nan
    slope = float(np.polyfit(x[:stop], np.log(y[:stop]), 1)[0])
    return -1 / slope if slope < 0 else math.nan


def known(e: Ensemble, arm: str, name: str) -> Any:
    """() or (k,): mean over those of the drawn networks that have a number, since their path was long enough."""
    values = e.take(arm, name)
    there = np.isfinite(values)
    count = there.sum(axis=0)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def along(arm: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: the mean of what is measured along a path, see `known`."""
    return lambda e: float(known(e, arm, name))


def counted(arm: str) -> Callable[[Ensemble], float]:
    """A statistic: the share of networks whose path was long enough."""
    return lambda e: float((e.take(arm, "usable") > 0).mean())


def _change(arm: str, name: str, time: str = "after") -> Callable[[Ensemble], float]:
    """A statistic: mean over networks at a time, over that before."""
    return lambda e: float(known(e, arm, f"{name}_{time}") / known(e, arm, f"{name}_before"))


def _excess(arm: str, time: str = "after") -> Callable[[Ensemble], float]:
    return lambda e: decay_length(FROM_WALL, known(e, arm, f"excess_{time}")[WALL:])


def _border_rows(size: Size) -> list[Observable]:
    arms, rows = set(size.arms), []
    for arm in size.arms:
        rows.append(Observable(f"collagen unaccounted for, {arm}", "2^-36 um", mean(arm, "unaccounted"), "V", 0.0,
                               (-0.5, 0.5), "whole numbers"))  # fmt: skip
    rows.append(Observable("void 30 min after passage over void before", "", _change("full", "void"), "T2", None,
                           (2.0, math.inf), CHOSEN, trend=True, no_effect=1.0))  # fmt: skip
    if "uncut" in arms:
        rows += [
            Observable("collagen taken without cutting", "", mean("uncut", "taken"), "V", 0.0, (-1e-9, 1e-9), "none"),
            Observable("void after over before, without cutting", "", _change("uncut", "void"), "T1", 1.0, (0.0, 1.2),
                       CHOSEN + ": pulled open, the gel closes"),
        ]  # fmt: skip
    if "sideways" in arms:
        rows.append(Observable("void after over before, cutting 15 um beside the cell", "",
                               _change("sideways", "void"), "T1", 1.0, (0.9, 1.1), CHOSEN))  # fmt: skip
    if "uncut-elastic" in arms:
        closes = CHOSEN + ": crosslinks that hold keep nothing open"
        rows += [
            Observable("the same without cutting or turnover", "", _change("uncut-elastic", "void"), "T1", 1.0,
                       (0.0, 1.2), closes),
            Observable("the same, cutting 15 um beside the cell, no turnover", "", _change("sideways-elastic", "void"),
                       "T1", 1.0, (0.9, 1.1), closes),
        ]  # fmt: skip
    rows += [
        Observable("density 0-3 um from the wall, after over before", "", _change("full", "wall_density"), "T2", None,
                   (1.2, 3.0), CATALOGUE, no_effect=1.0),
        Observable("alignment 0-3 um from the wall above background, after", "", along("full", "wall_excess_after"),
                   "T2", None, (0.2, 1.0), CATALOGUE, no_effect=0.0),
        Observable("decay length of the alignment", "\u00b5m", _excess("full"), "T1", None, (3.0, 15.0), CATALOGUE),
        Observable("density 0-3 um from the wall, during over before", "", _change("full", "wall_density", "during")),
        Observable("alignment 0-3 um from the wall above background, during", "", along("full", "wall_excess_during")),
    ]  # fmt: skip
    if "still" in arms:
        rows += [
            Observable("alignment above background, without traction", "", along("still", "wall_excess_after"), "T1",
                       0.0, (-0.05, 0.05), "catalogue: vanishes; tolerance chosen here"),
            Observable("displacement 0-3 um from the wall, without traction", "\u00b5m", along("still", "shift_after"),
                       "T1", 0.0, (-0.05, 0.05), "catalogue: vanishes; tolerance chosen here"),
            Observable("farthest move of an uncut fiber, without traction", "\u00b5m", mean("still", "moved"),
                       target=0.0, source="the body of the cell may press some"),
        ]  # fmt: skip
    for arm in size.arms:
        rows += _reported(arm)
    return rows


def _reported(arm: str) -> list[Observable]:
    """What is said of every arm, without a tolerance."""
    rows = [
        Observable(f"path that counts, {arm}", "\u00b5m", mean(arm, "usable")),
        Observable(f"share of networks with such a path, {arm}", "", counted(arm)),
        Observable(f"void within 4 um before, {arm}", "", along(arm, "void_before")),
        Observable(f"void within 4 um after, {arm}", "", along(arm, "void_after")),
        Observable(f"speed from end to end, {arm}", "\u00b5m/h", mean(arm, "speed"),
                   target=None if arm == "still" else 28.0, source="migration prototype, HT-1080-like, held network"),
    ]  # fmt: skip
    if arm != "full":
        return [*rows, Observable(f"density at the wall, after over before, {arm}", "", _change(arm, "wall_density")),
                Observable(f"alignment at the wall above background, {arm}", "", along(arm, "wall_excess_after"))]
    return [
        *rows,
        Observable("room for a nucleus within 4 um of the path, before", "", along(arm, "room_before")),
        Observable("room for a nucleus within 4 um of the path, after", "", along(arm, "room_after")),
        Observable("width of the tunnel after, median", "\u00b5m", along(arm, "width_after"), target=10.0,
                   source="Wolf 2007: tunnels of 5-15 um"),
        Observable("displacement 0-3 um from the wall, after", "\u00b5m", along(arm, "shift_after")),
        Observable("sum of link forces", "nN", mean(arm, "force")),
    ]  # fmt: skip


def _border_panels(e: Ensemble, size: Size) -> list[Panel]:
    away = (-7.0, -4.2, -1.4, *FROM_WALL)
    times = {"before": True, "during": False, "after": False}
    density = [Line(f"{time} passage", away, list(known(e, "full", f"density_{time}")), dashed=dashed)
               for time, dashed in times.items()]  # fmt: skip
    order = [Line(arm, FROM_WALL, list(known(e, arm, "excess_after")[WALL:])) for arm in size.arms]
    void = [Line(arm, [0.0, float(e.mean(arm, "minutes")), float(e.mean(arm, "minutes")) + 30.0],
                 [float(known(e, arm, f"void_{time}")) for time in times]) for arm in size.arms]  # fmt: skip
    return [Panel("Void within 4 \u00b5m of the path", "before, at the end of, 30 min after the passage (min)", "share",
                  void),
            Panel("Fibers around the path", "distance from the wall (\u00b5m)", "\u00b5m per \u00b5m\u00b3", density),
            Panel("Alignment above background, after", "distance from the wall (\u00b5m)", "order along the path",
                  order, [(0.0, 3.0, 0.2, 0.5)])]  # fmt: skip


def crossed(box: Sequence[float], concentration: float = CONCENTRATION, **more: Any) -> dict[str, Any]:
    """Parameters of a passage."""
    given = {"moving": True, "cut": 0.2, "sideways": 0.0, "pull": 0.8, "turnover": {}, "softer": 1.0, "repairs": False}
    return gel(concentration, DIAMETER, list(box), **(given | more))


def _arms(box: Sequence[float], hours: float, names: Sequence[str], **more: Any) -> dict[str, Arm]:
    changes: dict[str, dict[str, Any]] = {
        "full": {}, "uncut": {"cut": 0.0}, "sideways": {"sideways": 15.0}, "elastic": {"turnover": None},
        "still": {"pull": 0.0, "along": {"pull": 0.8}},
        "uncut-elastic": {"cut": 0.0, "turnover": None}, "sideways-elastic": {"sideways": 15.0, "turnover": None},
    }  # fmt: skip
    return {name: Arm(crossed(box, DENSE, hours=hours, **({"along": None} | more | changes[name]))) for name in names}


CODE = (*NETWORK_CODE, "physim.generate.matrix", "physim.network_state", "physim.loop", "physim.operations",
        "physim.analysis.passage", "physim.analysis.tunnels", "physim.analysis.network", "physim.analysis.alignment",
        "physim.analysis.mechanics", "physim.analysis.matrix_balance")  # fmt: skip
_ALL = ("full", "uncut", "still", "sideways", "elastic", "uncut-elastic", "sideways-elastic")
TRK_3 = Experiment(
    id="TRK-3",
    title="Fibers at the border of a tunnel: void, density and alignment around the path of one cell",
    source="Friedl 1997, Wolf 2007 (recalled)",
    replica=border,
    observables=_border_rows,
    panels=_border_panels,
    code=(*CODE, device_trace),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_arms((70.0, 50.0, 50.0), 1.5, ("full",), moving=False, turnover=None), (1,), hours=0.001),
        "quick": Size(_arms((84.0, 60.0, 60.0), 1.5, _ALL[:3]), (1, 2), hours=0.06),
        "standard": Size(_arms((100.0, 64.0, 64.0), 1.75, _ALL), tuple(range(1, 9)), hours=0.9),
        "full": Size(_arms((200.0, 100.0, 100.0), 5.0, _ALL), tuple(range(1, 9)), seeds=(1, 2, 3), hours=60.0),
    },
)  # fmt: skip
