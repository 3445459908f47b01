"""Section 2 of the catalogue, the physical limit of migration in networks: MIG-3 (b), fibers that are held.

With the nucleus that was calibrated before plates (`mig_pores`), nothing is fitted here. The pore is what a confocal
section shows (`analysis.section_pore`), as it was published.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import gel, mean
from physim.experiments.ensemble import Ensemble
from physim.experiments.mig_pores import CODE, DIAMETER, REACHED, TUMOR, cell_of
from physim.generate.collagen import concentration
from physim.scenario import Scenario

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.pores` gives of one gel."""
DENSITIES = (0.05, 0.1, 0.2, 0.3, 0.45)
"""um/um^3; open pores of 60 um^2 to less than 7 by sections."""
RIGID = 30.0
"""Factor on the modulus of a nucleus that passes nothing: what such cells still show is the floor."""
SMALL = 5.0
"""um^2, at which cells that cut are to go on."""
_WOLF = "Wolf 2013, J Cell Biol 201:1069"
_CHOSEN = "tolerance of the catalogue"


def device_net(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """Cells among held fibers, on an OpenCL device."""
    from physim.analysis import pores

    return pores.among_fibers(parameters, network, seed, device)


def net_scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import pores

    return pores.net_scenario(parameters, network, seed)


def nets(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
         measure: Measure = device_net) -> Values:  # fmt: skip
    """How fast cells get on among held fibers, and how wide the pores are."""
    return dict(measure(parameters, network, seed, device))


def curve(e: Ensemble, size: Size, kind: str) -> tuple[list[float], list[float]]:
    """Pore (um^2), ascending, and late speed above the floor over that in the widest, of the arms KIND-DENSITY."""
    floor = float(e.mean("floor", "late"))
    found = sorted((float(e.mean(name, "pore")), float(e.mean(name, "late")) - floor) for name in size.arms
                   if name.startswith(f"{kind}-"))  # fmt: skip
    open_speed = float(e.mean(f"whole-{DENSITIES[0]:g}", "late")) - floor
    return [pore for pore, _ in found], [speed / open_speed for _, speed in found]


def arrest_pore(size: Size) -> Callable[[Ensemble], float]:
    """A statistic: the pore (um^2) at which cells that do not cut exceed REACHED for good, linear between densities;
    NaN where they do even in the densest."""

    def area(e: Ensemble) -> float:
        x, y = curve(e, size, "whole")
        below = np.flatnonzero(np.array(y) < REACHED)
        if not len(below) or below[-1] + 1 == len(x):
            return math.nan
        k = int(below[-1])
        return x[k] + (REACHED - y[k]) / (y[k + 1] - y[k]) * (x[k + 1] - x[k])

    return area


def at_pore(size: Size, kind: str, pore: float) -> Callable[[Ensemble], float]:
    """A statistic: `curve` at one pore, linear between densities, at the ends what it is there."""
    return lambda e: float(np.interp(pore, *curve(e, size, kind)))


def _rows(size: Size) -> list[Observable]:
    wide, dense = (f"whole-{DENSITIES[k]:g}" for k in (0, 3))
    rows = [
        Observable("pore at 0.05 over that at 0.3 um/um^3", "",
                   lambda e: float(e.mean(wide, "pore") / e.mean(dense, "pore")), "V", 7.3, (5.0, 10.0),
                   "7.3 in large gels: about as 1/density"),
        Observable("late speed at 0.05 over at 0.3 um/um^3, nobody cuts", "",
                   lambda e: float(e.mean(wide, "late") / e.mean(dense, "late")), "T2", None, (2.0, math.inf),
                   f"{_WOLF}: speed falls with the pore; least chosen here", trend=True, no_effect=1.0),
    ]  # fmt: skip
    if f"cut-{DENSITIES[-1]:g}" in size.arms:
        rows += [
            Observable("arrest pore by sections, nobody cuts", "\u00b5m\u00b2", arrest_pore(size), "T1", 7.0,
                       (5.0, 9.0), f"{_WOLF}; {_CHOSEN}"),
            Observable(f"late speed of cells that cut at {SMALL:g} um^2 over that in open pores", "",
                       at_pore(size, "cut", SMALL), "T1", None, (0.3, 3.0), f"{_CHOSEN}: above 0.3"),
        ]  # fmt: skip
    for arm in size.arms:
        rows += [Observable(f"late speed, {arm}", "\u00b5m/h", mean(arm, "late")),
                 Observable(f"speed in steps of 10 min, {arm}", "\u00b5m/h", mean(arm, "speed")),
                 Observable(f"pore by sections, {arm}", "\u00b5m\u00b2", mean(arm, "pore")),
                 Observable(f"sum of link forces, {arm}", "nN", mean(arm, "force"))]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    lines = [Line(words, *curve(e, size, kind)) for kind, words in (("whole", "nobody cuts"), ("cut", "cells cut"))
             if any(name.startswith(f"{kind}-") for name in size.arms)]  # fmt: skip
    return [Panel("Late speed over that in the widest pores", "pore by sections (\u00b5m\u00b2)", "", lines,
                  [(5.0, 9.0, -0.05, 0.1)])]  # fmt: skip


def _arms(box: float, cells: int, hours: float, densities: tuple[float, ...], cut: bool) -> dict[str, Arm]:
    def arm(density: float, cuts: bool, stiff: float = 1.0) -> Arm:
        given = gel(round(concentration(density, DIAMETER), 4), DIAMETER, box)
        return Arm({**given, "cells": cells, "hours": hours, "cut": cuts,
                    **cell_of(TUMOR, nucleus={"modulus": stiff})})  # fmt: skip

    arms = {f"whole-{density:g}": arm(density, False) for density in densities}
    arms["floor"] = arm(densities[-1], False, RIGID)
    return arms | ({f"cut-{density:g}": arm(density, True) for density in densities} if cut else {})


MIG_3B = Experiment(
    id="MIG-3b",
    title="The physical limit of migration: networks of held fibers",
    source="Wolf 2013",
    replica=nets,
    observables=_rows,
    panels=_panels,
    code=(*CODE, device_net),
    kernels=("primitives.cl",),
    scenario=net_scenario,
    sizes={
        "smoke": Size(_arms(50.0, 2, 0.5, (0.05, 0.3), False), (1,), hours=0.001),
        "quick": Size(_arms(60.0, 4, 4.0, (0.05, 0.3), False), (1, 2), hours=0.05),
        "standard": Size(_arms(80.0, 8, 12.0, DENSITIES, True), tuple(range(1, 9)), hours=1.0),
        "full": Size(_arms(110.0, 25, 24.0, (*DENSITIES, 0.4), True), tuple(range(1, 9)), hours=12.0),
    },
)  # fmt: skip
