"""Section 2 of the catalogue, MIG-5: cells of one line in gels whose fibers are aligned along x, all equally dense.

Alignment should not make cells faster, but make them keep to one axis, and so take them farther. Three things could do
that: pores that are longer along the fibers, links that find hold there, and polarity that turns along the fibers which
links hold (`contact_guidance`). The last is switched off alone, and adhesion is made weak, on the same networks.
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
ORDERS = (0.0, 0.3, 0.6, 0.8)
WEAK = 0.3
"""Relative integrin level of the arms with weak adhesion."""
_RIC = "Ric14, Ray17: alignment does not raise speed; " + CATALOGUE
_KINDS = {"guided": "", "blind": ", polarity does not turn along fibers", "weak": ", weak adhesion and the same"}


def orders(size: Size, kind: str) -> list[tuple[float, str]]:
    """(order S, arm) of the arms KIND-S of a size, ascending."""
    return sorted((arm.parameters["alignment"], name) for name, arm in size.arms.items() if name.startswith(kind + "-"))


def over(arm: str, other: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: the median of an arm, over cells or networks, over that of another."""
    return lambda e: _ratio(middle(arm, name)(e), middle(other, name)(e))


def along_over_across(arm: str) -> Callable[[Ensemble], float]:
    """A statistic: persistence along the fibers over that across, medians over networks."""
    return lambda e: _ratio(middle(arm, "persistence_along")(e), middle(arm, "persistence_across")(e))


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.nan


def least_rise(arms: list[tuple[float, str]]) -> Callable[[Ensemble], float]:
    """A statistic: the smallest step of the mean guidance index from one order to the next."""
    return lambda e: float(np.diff([float(e.mean(arm, "guidance")) for _, arm in arms]).min())


def _rows(size: Size) -> list[Observable]:
    rows = [Observable(f"order of the fibers along x, {order:g} asked for, {arm}", "", mean(arm, "order"), "V", order,
                       (order - 0.05, order + 0.05), "what the generator is asked for")
            for kind in ("guided", "moving") for order, arm in orders(size, kind)]  # fmt: skip
    guided = orders(size, "guided")
    if len(guided) > 1:
        (_, first), (_, last) = guided[0], guided[-1]
        rows += [
            Observable("speed at 10 min, most aligned over isotropic", "", over(last, first, "speed"), "T1", 1.0,
                       (0.85, 1.15), _RIC),
            Observable("persistence along fibers over across, most aligned", "", along_over_across(last), "T2", None,
                       (1.5, math.inf), CATALOGUE, no_effect=1.0),
            Observable("persistence along fibers, most aligned over isotropic", "",
                       over(last, first, "persistence_along")),
            Observable("net displacement, most aligned over isotropic", "", over(last, first, "net"), "T2", None,
                       (1.2, 3.0), CATALOGUE, no_effect=1.0),
            Observable("smallest rise of the guidance index from one order to the next", "", least_rise(guided), "T2",
                       None, (0.0, math.inf), CATALOGUE + ": monotonic", trend=True, no_effect=0.0),
        ]  # fmt: skip
    for order, arm in guided:
        if order == 0.6:
            rows.append(Observable("guidance index at S = 0.6", "", mean(arm, "guidance"), "T2", None, (0.3, 1.0),
                                   CATALOGUE, no_effect=0.0))  # fmt: skip
    for kind, words in _KINDS.items():
        for order, arm in orders(size, kind):
            of = f"S = {order:g}{words}"
            rows += [
                Observable(f"guidance index over 10 min, {of}", "", mean(arm, "guidance")),
                Observable(f"guidance index over 1 h, {of}", "", mean(arm, "guidance_hour")),
                Observable(f"median speed at 10 min, {of}", "\u00b5m/h", middle(arm, "speed")),
                Observable(f"persistence along, {of}", "min", middle(arm, "persistence_along")),
                Observable(f"persistence across, {of}", "min", middle(arm, "persistence_across")),
                Observable(f"net displacement, {of}", "\u00b5m", middle(arm, "net")),
            ]  # fmt: skip
    moving = orders(size, "moving")
    for _, arm in moving:
        held = arm.replace("moving", "guided")
        rows += [Observable(f"{words}, fibers that move over held ones, {arm}", "", over(arm, held, name), target=1.0,
                            source="held fibers are a hundred times cheaper")
                 for name, words in (("speed", "speed"), ("guidance", "guidance index"))]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    def curve(kind: str, name: str) -> Line:
        arms = orders(size, kind)
        return Line(kind, [order for order, _ in arms], [middle(arm, name)(e) for _, arm in arms])

    kinds, x = [kind for kind in _KINDS if len(orders(size, kind)) > 1], "order S of the fibers"
    return [
        Panel("Guidance index over 10 min", x, "<cos 2a>", [curve(k, "guidance") for k in kinds],
              [(0.55, 0.65, 0.3, 1.0)]),
        Panel("Speed at 10 min", x, "\u00b5m/h", [curve(k, "speed") for k in kinds]),
        Panel("Net displacement", x, "\u00b5m", [curve(k, "net") for k in kinds]),
    ]  # fmt: skip


def _arms(of: tuple[float, ...], box: float, count: int, hours: float, kinds: tuple[str, ...] = tuple(_KINDS),
          others: tuple[float, ...] = (0.0, 0.6), **more: Any) -> dict[str, Arm]:  # fmt: skip
    line, arms = LINES[LINE], {}
    blind = {"contact_guidance": {"weight": 0.0}}
    for kind in kinds:
        for order in of if kind == "guided" else others:
            given = cells_of(line, box, count, hours, moving=False, alignment=order,
                             **more, **({} if kind == "guided" else {"terms": blind}))  # fmt: skip
            if kind == "weak":
                given["cell"] = {**given["cell"], "integrin": WEAK}
            arms[f"{kind}-{order:g}"] = Arm(given)
    return arms


def _moving(of: tuple[float, ...], count: int, hours: float, networks: tuple[int, ...] | None) -> dict[str, Arm]:
    return {f"moving-{order:g}": Arm(cells_of(LINES[LINE], 100.0, count, hours, alignment=order), networks)
            for order in of}  # fmt: skip


MIG_5 = Experiment(
    id="MIG-5",
    title="Contact guidance: cells in aligned collagen",
    source="Ric14, Ray17",
    replica=tracked,
    observables=_rows,
    panels=_panels,
    code=(*CODE, device_roam),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_arms((0.0, 0.6), 60.0, 2, 1.0, kinds=("guided",)), (1,), hours=0.001),
        "quick": Size(_arms(ORDERS, 120.0, 16, 8.0, others=(0.6,)), (1, 2), hours=0.06),
        "standard": Size(_arms(ORDERS, 130.0, 16, 12.0, others=(0.0, 0.6, 0.8))
                         | _moving((0.0, 0.6), 4, 6.0, (1, 2)), tuple(range(1, 9)), hours=0.8),
        "full": Size(_arms(ORDERS, 190.0, 50, 24.0, others=ORDERS) | _moving(ORDERS, 16, 12.0, None),
                     tuple(range(1, 17)), hours=60.0),
    },
)  # fmt: skip
