"""Section 2 of the catalogue, MIG-4: how fast cells of a line are, how long they keep their direction, how they differ.

Of each line a few cells in each of several gels whose fibers move. Beside them what the same numbers show by chance or
without a cause: links that do not shorten, probes without a direction, walks without a main axis, cells that are alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata

from physim.experiments.cell_lines import LINES, CellLine
from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, gel, mean
from physim.experiments.ensemble import Ensemble
from physim.scenario import Scenario

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.roaming.roam` gives of the cells of one gel."""
CONCENTRATION, DIAMETER = 2.0, 0.2
PUBLISHED = {"MDA-MB-231": (12.0, (7.0, 17.0)), "HT-1080": (25.0, (15.0, 35.0))}
"""um/h at 10 min, and its tolerance."""
CATALOGUE = "tolerance of the catalogue"
_WU = "Wu 2014; " + CATALOGUE
CODE = (*NETWORK_CODE, "physim.generate.cells", "physim.generate.matrix", "physim.network_state", "physim.loop",
        "physim.generate.halve", "physim.analysis.roaming", "physim.analysis.persistence", "physim.analysis.migration",
        "physim.analysis.alignment")  # fmt: skip


def device_roam(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """Cells in a gel, on an OpenCL device."""
    from physim.analysis import roaming

    return roaming.roam(parameters, network, seed, device)


def scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import roaming

    return roaming.scenario(parameters, network, seed)


def tracked(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
            measure: Measure = device_roam) -> Values:  # fmt: skip
    """What the tracks of the cells of one gel tell."""
    return dict(measure(parameters, network, seed, device))


def cells_of(line: CellLine, box: float, count: int, hours: float, **more: Any) -> dict[str, Any]:
    """Parameters of cells of a line in a gel; `more` may have terms that take the place of the line's."""
    given = {"alignment": 0.0, "moving": True, "step": line.step, "count": count, "hours": hours, **more}
    given["terms"] = line.terms | more.get("terms", {})
    return gel(CONCENTRATION, DIAMETER, box, cell=line.part("cells"), spread=line.part("spread"), **given)


def middle(arm: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: the median over the cells of all networks, or over networks; NaN where there is no number."""

    def statistic(e: Ensemble) -> float:
        values = e.take(arm, name)
        some = values[np.isfinite(values)]
        return float(np.median(some)) if len(some) else math.nan

    return statistic


def exponent(arm: str, near: float, far: float, name: str = "msd") -> Callable[[Ensemble], float]:
    """A statistic: d ln MSD/d ln t between two lags (min), of the mean MSD of all networks; NaN without such lags."""

    def statistic(e: Ensemble) -> float:
        lags, msd = list(e.mean(arm, "lags")), e.mean(arm, name)
        at = [k for k, lag in enumerate(lags) if lag in (near, far)]
        if len(at) < 2 or not (msd[at] > 0).all():
            return math.nan
        return float(np.log(msd[at[1]] / msd[at[0]]) / np.log(far / near))

    return statistic


def together(arm: str, name: str, other: str) -> Callable[[Ensemble], float]:
    """A statistic: Spearman's rank correlation of two numbers over the cells of all networks."""

    def statistic(e: Ensemble) -> float:
        one, two = e.take(arm, name).ravel(), e.take(arm, other).ravel()
        some = np.isfinite(one) & np.isfinite(two)
        if some.sum() < 3:
            return math.nan
        return float(np.corrcoef(rankdata(one[some]), rankdata(two[some]))[0, 1])

    return statistic


def _beyond_chance(arm: str) -> Callable[[Ensemble], float]:
    return lambda e: middle(arm, "axes")(e) / middle(arm, "axes_by_chance")(e)


def _beyond_alike(arm: str) -> Callable[[Ensemble], float]:
    seen, chance = together(arm, "speed", "persistence_of_each"), together(arm, "speed_alike", "persistence_alike")
    return lambda e: seen(e) - chance(e)


def _times(arm: str) -> Callable[[Ensemble], float]:
    """A statistic: the shorter of the two lags at which the late exponent is taken, over P."""
    return lambda e: 180.0 / middle(arm, "persistence")(e)


def _of_line(name: str, size: Size) -> list[Observable]:
    speed, (low, high) = PUBLISHED[name]
    hours = size.arms[name].parameters["hours"]
    rows = [
        Observable(f"median speed at 10 min, {name}", "\u00b5m/h", middle(name, "speed"), "T1", speed, (low, high),
                   CATALOGUE + "; " + LINES[name].published, trend=True),
        Observable(f"persistence P of Furth's walk, {name}", "min", middle(name, "persistence"), "T1", None,
                   (15.0, 60.0), CATALOGUE),
        Observable(f"MSD exponent, 15 to 60 min, {name}", "", exponent(name, 15.0, 60.0), "T1", None, (1.2, 1.6),
                   CATALOGUE + ": at 30 min"),
    ]  # fmt: skip
    if hours >= 12:
        rows += [Observable(f"MSD exponent, 180 to 360 min, {name}", "", exponent(name, 180.0, 360.0), "T1", None,
                            (0.9, 1.2), CATALOGUE + ": at more than 6 P"),
                 Observable(f"180 min over P, {name}", "", _times(name), target=6.0, source="where that is judged")]
    rows += [
        Observable(f"D along over D across each track's main axis, {name}", "", middle(name, "axes"), "T2", None,
                   (2.0, math.inf), _WU + "; see what chance gives", no_effect=1.0),
        Observable(f"the same of walks without one, {name}", "", middle(name, "axes_by_chance")),
        Observable(f"the former over the latter, {name}", "", _beyond_chance(name), target=1.0, source="1 by chance"),
        Observable(f"Spearman correlation of S and P over cells, {name}", "",
                   together(name, "speed", "persistence_of_each"), "T2", None, (0.3, 1.0), _WU, no_effect=0.0),
        Observable(f"the same of cells that are all alike, {name}", "",
                   together(name, "speed_alike", "persistence_alike")),
        Observable(f"the former less the latter, {name}", "", _beyond_alike(name), target=0.0, source="0 by chance"),
    ]  # fmt: skip
    seen = {"5 min": "speed_5", "20 min": "speed_20", "10 min with errors of 0.5 \u00b5m": "speed_seen"}
    return [
        *rows,
        *(Observable(f"median speed at {words}, {name}", "\u00b5m/h", middle(name, value))
          for words, value in seen.items()),
        Observable(f"speed that a tenth exceeds over that a tenth does not reach, {name}", "", _spread(name)),
        Observable(f"S of Furth's walk, {name}", "\u00b5m/h", middle(name, "root_speed")),
        Observable(f"jitter, {name}", "\u00b5m", middle(name, "jitter")),
        Observable(f"net displacement, {name}", "\u00b5m", middle(name, "net")),
        Observable(f"sum of link forces, {name}", "nN", mean(name, "force"), target=75.0,
                   source="contractility 30-116 nN, Ste16, Koc12: about half of this sum, REM-1"),
        Observable(f"links that hold, {name}", "", mean(name, "links")),
        Observable(f"drift of the gel, {name}", "\u00b5m", mean(name, "drift"), source="taken off all places"),
    ]  # fmt: skip


def _same(half: str) -> Callable[[Ensemble], float]:
    """A statistic: the mean over cells of the speed at 10 min, over that with the whole step and segment."""

    def ratio(e: Ensemble) -> float:
        fine, whole = e.pairs(half, "whole", "speed")
        return float(fine.mean() / whole.mean())

    return ratio


def _spread(arm: str) -> Callable[[Ensemble], float]:
    def statistic(e: Ensemble) -> float:
        low, high = np.nanquantile(e.take(arm, "speed"), [0.1, 0.9])
        return float(high / low)

    return statistic


def _rows(size: Size) -> list[Observable]:
    rows = [Observable("farthest that a cell goes whose links do not shorten, held fibers", "\u00b5m",
                       mean("still", "farthest"), "V", 0.0, (0.0, 0.01), "nothing pulls")]  # fmt: skip
    if "still-moving" in size.arms:
        rows.append(Observable("the same where fibers move", "\u00b5m", mean("still-moving", "farthest"), target=0.0,
                               source="the null of all speeds"))  # fmt: skip
    for half, words in (("half-step", "half the step"), ("half-segment", "segments half as long")):
        if half in size.arms:
            rows.append(Observable(f"mean speed of cells that are alike, {words}, held fibers", "", _same(half), "T1",
                                   1.0, (0.95, 1.05), "no effect; tolerance chosen here"))  # fmt: skip
    for name in size.arms:
        if name in PUBLISHED:
            rows += _of_line(name, size)
        elif name.endswith("-aimless"):
            of = name.removesuffix("-aimless")
            rows += [Observable(f"median speed at 10 min, {of}, probes without direction", "\u00b5m/h",
                                middle(name, "speed"), source="the floor of jitter: the same links, the same forces"),
                     Observable(f"net displacement, {of}, probes without direction", "\u00b5m", middle(name, "net"))]
    return rows  # fmt: skip


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    lines = [name for name in size.arms if name in PUBLISHED]
    msd = [Line(name, list(e.mean(name, "lags")), list(e.mean(name, "msd"))) for name in lines]
    each = [Line(name, *(list(np.sort(e.take(name, "speed").ravel())),
                         list(np.linspace(0.0, 1.0, e.take(name, "speed").size)))) for name in lines]  # fmt: skip
    return [Panel("Mean square displacement", "lag (min)", "\u00b5m\u00b2", msd, log=True),
            Panel("Speed of cells at 10 min", "\u00b5m/h", "share of cells that are slower", each,
                  [(*PUBLISHED[name][1], 0.0, 1.0) for name in lines])]  # fmt: skip


def _arms(box: float, count: int, hours: float, *, moving: bool, nulls: tuple[int, ...] = (1,)) -> dict[str, Arm]:
    arms = {}
    for name in PUBLISHED if hours > 2 else ("MDA-MB-231",):
        line = LINES[name]
        links = line.part("terms.links")
        arms[name] = Arm(cells_of(line, box, count, hours, moving=moving))
        if hours > 2:
            aimless = {"links": links | {"focus": 0.0}}
            arms[f"{name}-aimless"] = Arm(cells_of(line, box, count, hours, moving=moving, terms=aimless), nulls)
    still = {"links": LINES["MDA-MB-231"].part("terms.links") | {"contraction_speed": 0.0}}
    arms["still"] = Arm(cells_of(LINES["MDA-MB-231"], 50.0, 2, 0.5, moving=False, terms=still), nulls[:1])
    if moving:
        arms["still-moving"] = Arm(cells_of(LINES["MDA-MB-231"], 60.0, 2, 1.0, terms=still), nulls[:1])
    return arms


def _finer(box: float, count: int, hours: float) -> dict[str, Arm]:
    """Cells that are all alike, with half the step and with segments half as long: what must not matter."""
    line = LINES["HT-1080"]
    whole = cells_of(line, box, count, hours, moving=False) | {"spread": {}}
    return {"whole": Arm(whole), "half-step": Arm(whole | {"step": 0.5 * line.step}),
            "half-segment": Arm(whole | {"halved": True})}  # fmt: skip


MIG_4 = Experiment(
    id="MIG-4",
    title="Speed, persistence, mean square displacement and heterogeneity of two cell lines",
    source="Wu 2014; recalled: speeds and persistences of HT-1080 and MDA-MB-231 in collagen",
    replica=tracked,
    observables=_rows,
    panels=_panels,
    code=(*CODE, device_roam),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_arms(50.0, 2, 1.0, moving=False), (1,), hours=0.001),
        "quick": Size(_arms(120.0, 16, 8.0, moving=False, nulls=(1, 2)), (1, 2), hours=0.06),
        "standard": Size(_arms(100.0, 4, 12.0, moving=True, nulls=(7, 8)) | _finer(110.0, 16, 12.0),
                         tuple(range(1, 9)), hours=1.0),
        "full": Size(_arms(150.0, 25, 24.0, moving=True, nulls=(1, 2)), tuple(range(1, 17)), hours=60.0),
    },
)  # fmt: skip
