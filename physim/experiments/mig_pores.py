"""Section 2 of the catalogue, the physical limit of migration: MIG-3, rigid plates (a) and held fibers (b).

The nucleus alone is to stop a cell: E of its law is calibrated on the tumor cells before plates, once, and everything
else (other cells, weaker ones, fibers) is predicted with it. A pore is nothing that the model knows of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from physim.experiments.cell_lines import LINES, CellLine
from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, gel, mean
from physim.experiments.ensemble import Ensemble
from physim.scenario import Scenario

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.pores` gives of one gel."""
CONCENTRATION, DIAMETER = 2.2, 0.2
"""mg/ml, um: fibers on both sides of a plate, of the scenario `invasion`."""
CLOSED = 0.2
"""um^2 of a hole that nothing passes: what cells before it still show is the floor."""
REACHED = 0.05
"""Of the speed without a plate, above the floor: less is arrest."""
_WOLF = "Wolf 2013, J Cell Biol 201:1069"
_CHOSEN = "tolerance of the catalogue"


def device_plate(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """Cells before a plate, on an OpenCL device."""
    from physim.analysis import pores

    return pores.before_plate(parameters, network, seed, device)


def plate_scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import pores

    return pores.plate_scenario(parameters, network, seed)


def plates(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
           measure: Measure = device_plate) -> Values:  # fmt: skip
    """How fast cells get on before a plate, late and in the mean."""
    return dict(measure(parameters, network, seed, device))


def holes(size: Size, kind: str) -> list[tuple[float, str]]:
    """(area, arm) of the arms KIND-AREA of a size, ascending, without the closed plate."""
    found = [(arm.parameters["area"], name) for name, arm in size.arms.items()
             if name.startswith(f"{kind}-") and arm.parameters["area"] is not None]  # fmt: skip
    return sorted(one for one in found if one[0] > CLOSED)


def late(e: Ensemble, kind: str, arm: str) -> float:
    """um/h above the floor of the kind, over the speed without a plate above that floor."""
    floor = float(e.mean(f"{kind}-closed", "late"))
    return (float(e.mean(arm, "late")) - floor) / (float(e.mean(f"{kind}-open", "late")) - floor)


def arrest_area(size: Size, kind: str) -> Callable[[Ensemble], float]:
    """A statistic: the area (um^2) at which `late` exceeds REACHED for good, linear between the areas; CLOSED if it
    does already at the least, the largest that was tried if it never does."""

    def area(e: Ensemble) -> float:
        arms = holes(size, kind)
        x = np.array([CLOSED, *(area for area, _ in arms)])
        y = np.array([0.0, *(late(e, kind, arm) for _, arm in arms)])
        below = np.flatnonzero(y < REACHED)
        k = int(below[-1])
        if k + 1 == len(x):
            return float(x[-1])
        return float(x[k] + (REACHED - y[k]) / (y[k + 1] - y[k]) * (x[k + 1] - x[k]))

    return area


def _fit(e: Ensemble, size: Size, kind: str) -> tuple[float, float]:
    """Intercept (um^2) and R^2 of a line through `late` from the arrest area to 30 um^2."""
    least = arrest_area(size, kind)(e)
    points = [(area, late(e, kind, arm)) for area, arm in holes(size, kind) if least <= area <= 30]
    if len(points) < 3:
        return math.nan, math.nan
    x, y = np.array(points).T
    slope, offset = np.polyfit(x, y, 1)
    return float(-offset / slope), float(np.corrcoef(x, y)[0, 1] ** 2)


def _plate_rows(size: Size) -> list[Observable]:
    kinds = {name.removesuffix("-closed") for name in size.arms if name.endswith("-closed")}
    tumor = arrest_area(size, "tumor")
    rows = [
        *(Observable(f"share that passed a closed plate, {kind}", "", mean(f"{kind}-closed", "passed"), "V", 0.0,
                     (-1e-9, 1e-9), "nobody is where it cannot go") for kind in sorted(kinds)),
        Observable("arrest area, tumor cells (calibrated)", "\u00b5m\u00b2", tumor, "T1", 7.0, (5.0, 9.0),
                   f"{_WOLF}; {_CHOSEN}"),
        Observable("late speed through 25 over through 7 um^2, tumor cells", "",
                   lambda e: float(e.mean("tumor-25", "late") / e.mean("tumor-7", "late")), "T2", None, (1.5, math.inf),
                   f"{_WOLF}: speed falls with the pore; least chosen here", trend=True, no_effect=1.0),
        Observable("intercept of the line through late speeds, tumor cells", "\u00b5m\u00b2",
                   lambda e: _fit(e, size, "tumor")[0], target=7.0, source=_WOLF),
        Observable("R^2 of that line", "", lambda e: _fit(e, size, "tumor")[1], target=0.85, source=_CHOSEN),
    ]  # fmt: skip
    for kind, target in (("tcell", 4.0), ("neutrophil", 2.0)):
        if kind in kinds:
            ratio = _over(arrest_area(size, kind), tumor)
            rows += [
                Observable(f"arrest area, {kind} (predicted)", "\u00b5m\u00b2", arrest_area(size, kind), "T1", target,
                           (target - 0.15 * 7, target + 0.15 * 7), f"{_WOLF}; {_CHOSEN} for the ratio"),
                Observable(f"arrest area, {kind} over tumor cells", "", ratio, "T1", target / 7,
                           (target / 7 - 0.15, target / 7 + 0.15), f"{_WOLF}; {_CHOSEN}"),
            ]  # fmt: skip
    for kind, words in (("block", "half contractility"), ("stiff", "nucleus three times as stiff")):
        if kind in kinds:
            rows.append(Observable(f"arrest area, {words} over tumor cells", "", _over(arrest_area(size, kind), tumor),
                                   "T2", None, (1.0, math.inf), f"{_WOLF}: rises", no_effect=1.0))  # fmt: skip
    for kind in sorted(kinds):
        rows += [Observable(f"{words}, {kind}", "\u00b5m/h", mean(f"{kind}-{arm}", "late"))
                 for arm, words in (("closed", "late speed before a closed plate, the floor"),
                                    ("open", "late speed without a plate"))]  # fmt: skip
        rows += [Observable(f"share that passed {area:g} um^2, {kind}", "", mean(arm, "passed"))
                 for area, arm in holes(size, kind)]  # fmt: skip
        rows.append(Observable(f"sum of link forces before a closed plate, {kind}", "nN",
                               mean(f"{kind}-closed", "force")))  # fmt: skip
    return rows


def _over(one: Callable[[Ensemble], float], other: Callable[[Ensemble], float]) -> Callable[[Ensemble], float]:
    return lambda e: one(e) / other(e)


def _plate_panels(e: Ensemble, size: Size) -> list[Panel]:
    kinds = [name.removesuffix("-closed") for name in size.arms if name.endswith("-closed")]
    lines, shares = [], []
    for kind in kinds:
        arms = holes(size, kind)
        x = [area for area, _ in arms]
        lines.append(Line(kind, x, [late(e, kind, arm) for _, arm in arms]))
        shares.append(Line(kind, x, [float(e.mean(arm, "passed")) for _, arm in arms]))
    return [Panel("Late speed over that without a plate", "area of the hole (\u00b5m\u00b2)", "", lines,
                  [(5.0, 9.0, -0.02, REACHED)]),
            Panel("Passed in the end", "area of the hole (\u00b5m\u00b2)", "share", shares)]  # fmt: skip


def cell_of(line: CellLine, **more: Mapping[str, float]) -> dict[str, Any]:
    """Parameters of a kind of cell: the line, with factors on numbers of its terms, as links = {"stall_force": 0.5}."""
    terms = {name: dict(values) for name, values in line.terms.items()}
    for name, factors in more.items():
        terms[name] |= {key: terms[name][key] * factor for key, factor in factors.items()}
    return {"radius": line["cells.radius"], "nucleus_radius": line["cells.nucleus_radius"], "terms": terms,
            "step": line.step}  # fmt: skip


TUMOR = LINES["HT-1080"]
HALF = {"stall_force": 0.5, "stiffness": 0.5}
"""Factors on the links of cells whose myosin is blocked: at equal shortening they pull half as much."""
KINDS = {
    "tumor": cell_of(TUMOR), "block": cell_of(TUMOR, links=HALF), "stiff": cell_of(TUMOR, nucleus={"modulus": 3.0}),
    "tcell": cell_of(LINES["T-cell"]), "neutrophil": cell_of(LINES["neutrophil"]),
}  # fmt: skip


def _before(kind: str, box: Sequence[float], hours: float, areas: Sequence[float]) -> dict[str, Arm]:
    """Arms of one kind of cell: a closed plate, none, and holes of these areas."""
    named = {"closed": CLOSED, "open": None} | {f"{area:g}": area for area in areas}
    return {f"{kind}-{name}": Arm(gel(CONCENTRATION, DIAMETER, list(box), area=area, hours=hours, **KINDS[kind]))
            for name, area in named.items()}  # fmt: skip


CODE = (*NETWORK_CODE, "physim.generate.cells", "physim.generate.matrix", "physim.generate.obstacles",
        "physim.network_state", "physim.obstacle_state", "physim.loop", "physim.analysis.pores",
        "physim.analysis.section_pore", "physim.analysis.migration")  # fmt: skip
_BOX, _TRY = (150.0, 60.0, 60.0), (90.0, 60.0, 60.0)
_AREAS = (3.0, 5.0, 7.0, 9.0, 12.0, 17.0, 25.0)
_SMALL = (1.0, 2.0, 3.0, 4.0, 5.5, 7.0, 10.0)
_SOON = 1.2
"""h for cells of blood, which go 100 um/h: later they come to the plate again, through the periodic face."""
MIG_3A = Experiment(
    id="MIG-3a",
    title="The physical limit of migration: rigid plates with round holes",
    source="Wolf 2013",
    replica=plates,
    observables=_plate_rows,
    panels=_plate_panels,
    code=(*CODE, device_plate),
    kernels=("primitives.cl",),
    scenario=plate_scenario,
    sizes={
        "smoke": Size(_before("tumor", (50.0, 40.0, 40.0), 0.5, (7.0, 25.0)), (1,), hours=0.001),
        "quick": Size(_before("tumor", _TRY, 4.0, (7.0, 25.0)), (1, 2), hours=0.03),
        "standard": Size(_before("tumor", _BOX, 6.0, _AREAS) | _before("block", _BOX, 6.0, _AREAS)
                         | _before("tcell", _BOX, _SOON, _SMALL) | _before("neutrophil", _BOX, _SOON, _SMALL),
                         tuple(range(1, 9)), hours=1.0),
        "full": Size(_before("tumor", _BOX, 24.0, (*_AREAS, 40.0)) | _before("block", _BOX, 24.0, _AREAS)
                     | _before("stiff", _BOX, 24.0, _AREAS) | _before("tcell", _BOX, _SOON, _SMALL)
                     | _before("neutrophil", _BOX, _SOON, _SMALL), tuple(range(1, 9)), seeds=(1, 2, 3), hours=14.0),
    },
)  # fmt: skip
