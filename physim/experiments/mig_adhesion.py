"""Section 2 of the catalogue, MIG-1: speed against adhesion, by receptors, ligand, contractility and release.

Cells that are all alike among held fibers. Bonds of an adhesion count as integrins times ligand (mass action, as in
the term `links`), so that speed against their product should be one curve: too few bonds hold nothing, too many do not
let go at the rear. Ligand is varied on fibers whose pores stay what they are, as no concentration of collagen could.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from physim.experiments.cell_lines import LINES
from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size
from physim.experiments.ecm import mean
from physim.experiments.ensemble import Ensemble
from physim.experiments.mig_speed import CATALOGUE, CODE, cells_of, device_roam, middle, scenario, tracked

LINE = "MDA-MB-231"
RATIO = 3.0
"""From one level of ligand, or of receptors, to the next: a shift of the optimum is a whole number of steps."""
LIGAND = tuple(round(0.02 * RATIO**k, 3) for k in range(7))
RECEPTORS = {"few": 1 / RATIO, "normal": 1.0, "many": RATIO}
"""Integrins of the cell, relative to the line."""
_PALECEK = "Palecek 1997"
_CHANGES: dict[str, dict[str, float]] = {
    "block": {"stall_force": 0.5, "stiffness": 0.5}, "slow-release": {"release_rate": 1 / RATIO},
}  # fmt: skip
"""Factors on the links: contractility halved, as by a block of myosin; release at the rear slower."""


def levels(size: Size, kind: str) -> list[tuple[float, str]]:
    """(ligand, arm) of the arms KIND-LIGAND of a size, ascending."""
    return sorted((arm.parameters["terms"]["links"]["ligand"], name) for name, arm in size.arms.items()
                  if name.startswith(f"{kind}-"))  # fmt: skip


def speeds(e: Ensemble, size: Size, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Ligand and median speed (um/h)."""
    arms = levels(size, kind)
    return np.array([ligand for ligand, _ in arms]), np.array([middle(arm, "speed")(e) for _, arm in arms])


def peak(ligand: np.ndarray, speed: np.ndarray) -> tuple[float, float]:
    """Ligand and speed at the top of a parabola in ln L through the fastest level and both beside it.

    At an end of the levels, where there is no interior optimum, that level itself.
    """
    k = int(np.nanargmax(speed))
    if not 0 < k < len(speed) - 1:
        return float(ligand[k]), float(speed[k])
    x, y = np.log(ligand[k - 1 : k + 2]), speed[k - 1 : k + 2]
    a, b, c = np.polyfit(x - x[1], y, 2)
    top = float(np.clip(-b / (2 * a), x[0] - x[1], x[2] - x[1])) if a < 0 else 0.0
    return float(np.exp(x[1] + top)), float(np.polyval([a, b, c], top))


def _optimum(size: Size, kind: str, part: int) -> Callable[[Ensemble], float]:
    return lambda e: peak(*speeds(e, size, kind))[part]


def _falls(size: Size, end: int) -> Callable[[Ensemble], float]:
    """A statistic: the speed at the optimum over that at an end of the levels."""

    def ratio(e: Ensemble) -> float:
        ligand, speed = speeds(e, size, "normal")
        return peak(ligand, speed)[1] / max(float(speed[end]), 1e-9)

    return ratio


def shift(size: Size) -> Callable[[Ensemble], float]:
    """A statistic: the slope of ln L* against ln N."""

    def slope(e: Ensemble) -> float:
        best = [peak(*speeds(e, size, kind))[0] for kind in RECEPTORS]
        return float(np.polyfit(np.log(list(RECEPTORS.values())), np.log(best), 1)[0])

    return slope


def _even(size: Size, kind: str) -> Callable[[Ensemble], float]:
    return lambda e: _optimum(size, kind, 1)(e) / _optimum(size, "normal", 1)(e)


def collapse(size: Size) -> Callable[[Ensemble], float]:
    """A statistic: R^2 of the speeds with few and many receptors, as told by the curve of normal ones at N L."""

    def share(e: Ensemble) -> float:
        base, curve = speeds(e, size, "normal")
        told, seen = [], []
        for kind in ("few", "many"):
            ligand, speed = speeds(e, size, kind)
            bonds = ligand * RECEPTORS[kind]
            inside = (bonds >= 0.99 * base[0]) & (bonds <= 1.01 * base[-1])
            told += list(np.interp(np.log(bonds[inside]), np.log(base), curve))
            seen += list(speed[inside])
        rest = np.array(seen) - np.array(told)
        return 1 - float((rest**2).sum() / ((np.array(seen) - np.mean(seen)) ** 2).sum())

    return share


def _rows(size: Size) -> list[Observable]:
    kinds = {name.rpartition("-")[0] for name in size.arms}
    weak, strong = (levels(size, "normal")[end][1] for end in (0, -1))
    rows = [
        Observable("sum of link forces with most over that with least ligand", "",
                   lambda e: float(e.mean(strong, "force")) / max(float(e.mean(weak, "force")), 1e-9), "V", None,
                   (2.0, math.inf), "what holds more pulls more"),
    ]  # fmt: skip
    rows += [
        Observable(f"speed at the optimum over that at the {words} ligand", "", _falls(size, end), "T2", None,
                   (2.0, math.inf), f"{_PALECEK}; {CATALOGUE}", trend=True, no_effect=1.0)
        for end, words in ((0, "least"), (-1, "most"))
    ]  # fmt: skip
    if {"few", "many"} <= kinds:
        rows += [
            Observable("slope of ln L* against ln N", "", shift(size), "T1", -1.0, (-1.3, -0.7),
                       f"{_PALECEK}; {CATALOGUE}", trend=True),
            *(Observable(f"greatest speed with {kind} receptors over that with normal ones", "", _even(size, kind),
                         "T1", 1.0, (0.8, 1.2), f"{_PALECEK}; {CATALOGUE}", trend=True) for kind in ("few", "many")),
            Observable("R^2 of all speeds against N L", "", collapse(size), "T1", None, (0.8, 1.01),
                       f"{_PALECEK}; {CATALOGUE}"),
        ]  # fmt: skip
    for kind in sorted(kinds - {"still"}):
        rows += [Observable(f"optimum L*, {kind}", "", _optimum(size, kind, 0)),
                 Observable(f"greatest speed, {kind}", "\u00b5m/h", _optimum(size, kind, 1), target=27.0,
                            source="25-30 um/h, CHO cells, recalled")]  # fmt: skip
        rows += [Observable(f"median speed at 10 min, {arm}", "\u00b5m/h", middle(arm, "speed"))
                 for _, arm in levels(size, kind)]  # fmt: skip
    rows += [Observable(f"sum of link forces, {arm}", "nN", mean(arm, "force")) for _, arm in levels(size, "normal")]
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    kinds = dict.fromkeys(name.rpartition("-")[0] for name in size.arms)
    raw, bonds = [], []
    for kind in kinds:
        ligand, speed = speeds(e, size, kind)
        raw.append(Line(kind, list(np.log10(ligand)), list(speed)))
        if kind in RECEPTORS:
            bonds.append(Line(kind, list(np.log10(ligand * RECEPTORS[kind])), list(speed)))
    return [Panel("Speed at 10 min", "log10 of ligand", "\u00b5m/h", raw),
            Panel("Speed at 10 min", "log10 of ligand times receptors", "\u00b5m/h", bonds)]  # fmt: skip


def _arms(box: float, count: int, hours: float, kinds: tuple[str, ...], ligand: tuple[float, ...]) -> dict[str, Arm]:
    line, arms = LINES[LINE], {}
    for kind in kinds:
        links = line.part("terms.links")
        links |= {name: links[name] * factor for name, factor in _CHANGES.get(kind, {}).items()}
        for level in ligand:
            given: dict[str, Any] = cells_of(line, box, count, hours, moving=False,
                                             terms={"links": {**links, "ligand": level}})  # fmt: skip
            given["cell"] = {**given["cell"], "integrin": RECEPTORS.get(kind, 1.0)}
            arms[f"{kind}-{level:g}"] = Arm(given | {"spread": {}})
    return arms


_ALL = (*RECEPTORS, *_CHANGES)
MIG_1 = Experiment(
    id="MIG-1",
    title="Speed against adhesion: the optimum, and how it moves with the number of receptors",
    source="Palecek 1997, DiMilla 1993",
    replica=tracked,
    observables=_rows,
    panels=_panels,
    code=(*CODE, device_roam),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_arms(50.0, 2, 1.0, ("normal",), LIGAND[::3]), (1,), hours=0.001),
        "quick": Size(_arms(90.0, 8, 4.0, tuple(RECEPTORS), LIGAND), (1, 2), hours=0.06),
        "standard": Size(_arms(110.0, 16, 6.0, _ALL, LIGAND), tuple(range(1, 9)), hours=1.0),
        "full": Size(_arms(150.0, 25, 24.0, _ALL, LIGAND), tuple(range(1, 9)), hours=12.0),
    },
)  # fmt: skip
