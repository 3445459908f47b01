"""Section 7 of the catalogue, clusters in capillaries: CIR-3, balls of cells that unfold into single file, or do not.

Cells, junctions and pressure are the same at all diameters and sizes. A ball of n cells starts in a wide vessel, is
carried to a constriction, and has to find its way through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import mean
from physim.experiments.ensemble import Ensemble

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.constrictions.passage` gives of one cluster."""
PRESSURE, SPEED = 22 * 0.0980665, 60 * 500.0
"""kPa and um/min: 22 cmH2O, within the 7 to 83 of Au 2016, and 0.5 mm/s of blood alone in the narrow part."""
PATIENCE = 30.0
"""s per cell of a cluster, after its entry: slower ones count as arrested (chosen; those that pass take 1 to 25)."""
WEAK, STRONG, STIFF = 0.1, 10.0, 3.0
"""Factors on the strength of junctions, and on the modulus of the nucleus."""
_AU = "Au 2016, PNAS 113:4947: > 90 % of clusters of up to 20 cells pass 5 to 10 um, in single file, and recover"
_CHOSEN = "tolerance of the catalogue"


def device_cluster(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """A cluster before a constriction, on an OpenCL device."""
    from physim.analysis import constrictions

    return constrictions.passage(parameters, network, seed, device)


def scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Any:
    """What is run, for the hash of a replica."""
    from physim.analysis import constrictions

    return constrictions.scenario(parameters, network, seed)


def clusters(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
             measure: Measure = device_cluster) -> Values:  # fmt: skip
    """Whether a cluster passes, how fast, in which order, and in how many pieces."""
    return dict(measure(parameters, network, seed, device))


def cluster(diameter: float, cells: int, *, strength: float = 1.0, nucleus: float = 1.0, wide: float = 36.0,
            step: float = 0.002 / 60) -> Arm:  # fmt: skip
    """The arm of n cells and one diameter (um); factors on junctions and on the nucleus. Weak junctions flatten cells
    less, in proportion (Young and Dupre); strong ones hold longer. Cells start as far apart as they rest."""
    from physim.terms.blood import Bond, Elongation

    flattening = min(strength, 1.0) * Bond().flattening
    bond = {"release_force": round(strength * Bond().release_force, 6), "flattening": round(flattening, 6)}
    elongation = {"nucleus_modulus": round(nucleus * Elongation().nucleus_modulus, 6)}
    return Arm({
        "diameter": diameter, "length": 40.0, "wide": wide, "pressure": PRESSURE, "speed": SPEED, "cells": cells,
        "radius": 7.0, "nucleus_radius": 4.7, "spacing": round(14 * (1 - flattening), 6), "step": step,
        "seconds": PATIENCE * cells,
        "terms": {"elongation": elongation, "bond": bond, "plasma": {}},
    })  # fmt: skip


def over(names: list[str], value: str) -> Callable[[Ensemble], float]:
    """A statistic: the mean of a value over the clusters of several arms, those without it left out."""

    def statistic(e: Ensemble) -> float:
        values = np.concatenate([e.take(name, value) for name in names])
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else math.nan

    return statistic


def above(arm: str, other: str, value: str) -> Callable[[Ensemble], float]:
    """A statistic: the mean of a value in one arm less that in another."""
    return lambda e: float(e.mean(arm, value) - e.mean(other, value))


def exponent(size: Size, diameter: float) -> Callable[[Ensemble], float]:
    """A statistic: slope of ln T by ln n, over the clusters that have passed; NaN with fewer than two sizes."""

    def statistic(e: Ensemble) -> float:
        n, time = [], []
        for cells, name in plain(size, diameter):
            found = e.take(name, "time")
            found = found[np.isfinite(found)]
            if len(found):
                n.append(cells)
                time.append(float(found.mean()))
        return float(np.polyfit(np.log(n), np.log(time), 1)[0]) if len(n) > 1 else math.nan

    return statistic


def plain(size: Size, diameter: float) -> list[tuple[int, str]]:
    """(cells, arm) of the arms without a change at one diameter, ascending."""
    return sorted((arm.parameters["cells"], name) for name, arm in size.arms.items()
                  if arm.parameters["diameter"] == diameter and name.count("-") == 1)  # fmt: skip


def _rows(size: Size) -> list[Observable]:
    open_arms = [name for d in (5.0, 7.0, 10.0) for _, name in plain(size, d)]
    rows = [
        Observable("farthest end from the axis over the radius of the vessel", "", lambda e: max(
            float(e.mean(name, "wide")) for name in size.arms), "V", None, (0.0, 1.0), "no cell passes a wall"),
    ]  # fmt: skip
    if open_arms:
        rows += [
            Observable("clusters that pass 5, 7 and 10 um", "", over(open_arms, "whole"), "T1", 0.9, (0.85, 1.0),
                       f"{_AU}; {_CHOSEN}", trend=True),
            Observable("samples in single file, 5 to 10 um", "", over(open_arms, "file"), "T1", None, (0.8, 1.0),
                       f"{_AU}; {_CHOSEN}", trend=True),
            Observable("cells that leave their cluster, 5 to 10 um", "", over(open_arms, "alone"), "T1", None,
                       (-0.1, 0.1), f"{_AU}; {_CHOSEN}", trend=True),
        ]  # fmt: skip
    for diameter in (5.0, 7.0, 10.0):
        if len(plain(size, diameter)) > 1:
            rows.append(Observable(f"exponent of the time from the entry by cells, {diameter:g} um", "",
                                   exponent(size, diameter), "T1", 1.0, (0.8, 1.3), _CHOSEN, trend=True))  # fmt: skip
    narrow = [name for _, name in plain(size, 4.0)]
    if narrow:
        rows.append(Observable("clusters that 4 um stops", "", lambda e: 1 - over(narrow, "whole")(e), "T1", None,
                               (0.5, 1.0), f"{_CHOSEN}: blocks more than half", trend=True))  # fmt: skip
    for name in (name for name in size.arms if name.endswith("-weak")):
        strong = name.removesuffix("-weak")
        rows.append(Observable(f"cells that leave, junctions x {WEAK:g}, above the reference, {strong}", "",
                               above(name, strong, "alone"), "T2", None, (0.1, 1.0),
                               f"weaker adhesion breaks clusters (recalled); {_CHOSEN}", trend=True, no_effect=0.0))
    for name in size.arms:
        rows += [Observable(f"clusters that pass, {name}", "", mean(name, "whole")),
                 Observable(f"time from the entry, {name}", "s", over([name], "time")),
                 Observable(f"samples in single file, {name}", "", over([name], "file")),
                 Observable(f"cells that leave their cluster, {name}", "", mean(name, "alone")),
                 Observable(f"extent at most, over that at the start, {name}", "", mean(name, "chain")),
                 Observable(f"extent at the end, over that at the start, {name}", "", mean(name, "end"))]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    times, shares = [], []
    for diameter in (5.0, 7.0, 10.0):
        arms = plain(size, diameter)
        if arms:
            n = [float(cells) for cells, _ in arms]
            times.append(Line(f"{diameter:g} um", n, [over([name], "time")(e) for _, name in arms]))
            shares.append(Line(f"{diameter:g} um", n, [float(e.mean(name, "whole")) for _, name in arms]))
    return [Panel("Time from the entry", "cells", "s", times, log=True),
            Panel("Clusters that pass", "cells", "share", shares)]  # fmt: skip


def _grid(diameters: Mapping[float, tuple[int, ...]], wide: float = 36.0) -> dict[str, Arm]:
    return {f"{d:g}-{n}": cluster(d, n, wide=wide) for d, sizes in diameters.items() for n in sizes}


def _variants(diameter: float, cells: int, wide: float = 36.0) -> dict[str, Arm]:
    name = f"{diameter:g}-{cells}"
    return {f"{name}-weak": cluster(diameter, cells, strength=WEAK, wide=wide),
            f"{name}-strong": cluster(diameter, cells, strength=STRONG, wide=wide),
            f"{name}-stiff": cluster(diameter, cells, nucleus=STIFF, wide=wide)}  # fmt: skip


_QUICK = {**_grid({7.0: (2, 4), 10.0: (2, 4), 5.0: (2,)}), "7-4-weak": cluster(7.0, 4, strength=WEAK),
          **_grid({4.0: (2,)})}  # fmt: skip
CODE = ("physim.analysis.constrictions", "physim.vessels", "physim.vessel_state", "physim.circulation", "physim.lumen",
        "physim.flow", "physim.ends", "physim.generate.cells", "physim.meshes.generate_tubes", "physim.meshes.surface",
        "physim.loop", device_cluster)  # fmt: skip
CIR_3 = Experiment(
    id="CIR-3",
    title="Clusters of tumor cells through capillary constrictions",
    source="Au 2016",
    replica=clusters,
    observables=_rows,
    panels=_panels,
    code=CODE,
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size({"10-2-try": Arm({**cluster(10.0, 2).parameters, "seconds": 0.2})}, (1,), hours=0.001),
        "quick": Size(_QUICK, (1, 2), hours=0.065),
        "standard": Size({**_QUICK, **_variants(7.0, 2), **_grid({7.0: (8,), 10.0: (8,)})}, tuple(range(1, 9)),
                         hours=0.7),
        "full": Size(_grid({d: (2, 3, 5, 8, 12, 20) for d in (4.0, 5.0, 7.0, 10.0)}, 60.0) | _variants(7.0, 8, 60.0),
                     tuple(range(1, 21)), hours=100.0),
    },
)  # fmt: skip
