"""Section 2 of the catalogue, migration of single cells: MIG-7, integrins that cells leave on the fibers behind them.

The stronger cells adhere, the more load their links bear before they let go, and the more of them should stay on the
fiber. What is left must be counted to the last unit, and must not feed back on the cell unless it is made a ligand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, curve, gel, mean, ratio
from physim.experiments.ensemble import Ensemble
from physim.scenario import Scenario

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.ripping.rip` gives of the cells of one gel."""
CONCENTRATION, DIAMETER = 2.2, 0.2
WEAK, STRONG = 0.25, 4.0
"""Relative integrin levels of the weakest and of the strongest adhesion."""
_CATALOGUE = "tolerance of the catalogue"
_EXACT = "what is left is no ligand here, so that no cell can tell"


def device_rip(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """Cells in a gel, on an OpenCL device."""
    from physim.analysis import ripping

    return ripping.rip(parameters, network, seed, device)


def scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import ripping

    return ripping.scenario(parameters, network, seed)


def shed(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
         measure: Measure = device_rip) -> Values:  # fmt: skip
    """What the cells of one gel leave behind, how fast they are, and whether integrins add up."""
    return dict(measure(parameters, network, seed, device))


def levels(size: Size) -> list[tuple[float, str]]:
    """(integrin level, arm) of the arms level-LEVEL of a size, ascending."""
    return sorted((arm.parameters["integrin"], name) for name, arm in size.arms.items() if name.startswith("level-"))


def least_rise(arms: list[tuple[float, str]]) -> Callable[[Ensemble], float]:
    """A statistic: the smallest step of the mean share left from one level to the next."""
    return lambda e: float(np.diff([float(e.mean(arm, "left_share")) for _, arm in arms]).min())


def _rows(size: Size) -> list[Observable]:
    arms, rows = levels(size), []
    for arm in size.arms:
        rows.append(Observable(f"integrins unaccounted for, {arm}", "", mean(arm, "unaccounted"), "V", 0.0, (-0.5, 0.5),
                               "whole numbers"))  # fmt: skip
    rows += [
        Observable("share left where ripping is forbidden", "", mean("forbidden", "left_share"), "V", 0.0, (0.0, 1e-9),
                   "none"),
        Observable("speed with ripping over speed where it is forbidden", "", ratio("level-1", "forbidden", "speed"),
                   "V", 1.0, (0.999, 1.001), _EXACT),
    ]  # fmt: skip
    if len(arms) > 1:
        rows += [
            Observable("smallest rise of the share left from one integrin level to the next", "", least_rise(arms),
                       "T2", None, (0.0, math.inf), _CATALOGUE + ": rises with adhesion", trend=True, no_effect=0.0),
            Observable("share left, weak adhesion and q_0 = 0.02", "", mean("least", "left_share"), "T1", None,
                       (0.0, 0.1), _CATALOGUE + ": 10-90 % can be reached"),
            Observable("share left, strong adhesion and q_0 = 2", "", mean("most", "left_share"), "T1", None,
                       (0.9, 1.0), _CATALOGUE + ": 10-90 % can be reached"),
            Observable("speed with debris as a ligand over without", "", ratio("ligand", "level-1", "speed"), "T1", 1.0,
                       (0.8, 1.2), _CATALOGUE + ": unchanged by debris"),
            Observable("net displacement with debris as a ligand over without", "", ratio("ligand", "level-1", "net"),
                       target=1.0, source="unchanged by debris"),
        ]  # fmt: skip
    for level, arm in arms:
        of = f"integrin level {level:g}"
        rows += [
            Observable(f"share left on fibers, {of}", "", mean(arm, "left_share"),
                       target=0.8 if level == STRONG else None, source="up to 0.8, Palecek 1998, recalled"),
            Observable(f"integrins left per um of path, {of}", "1/\u00b5m", mean(arm, "per_micron")),
            *([Observable(f"integrins left per day, over those of a cell, {of}", "", mean(arm, "per_day"), target=0.11,
                          source="4-11 %, keratinocytes, Kirfel 2003")] if level == 1 else []),
            Observable(f"speed in steps of 10 min, {of}", "\u00b5m/h", mean(arm, "speed"),
                       target=15.0 if level == 1 else None, source="migration prototype, MDA-MB-231-like"),
            Observable(f"sum of link forces, {of}", "nN", mean(arm, "force")),
        ]  # fmt: skip
    if "moving" in size.arms:
        rows += [Observable(f"{words}, moving over held fibers", "", ratio("moving", "level-1", name), target=1.0,
                            source="held fibers are a hundred times cheaper")
                 for name, words in (("left_share", "share left"), ("per_micron", "integrins left per um of path"),
                                     ("speed", "speed"))]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    arms, words = levels(size), "relative integrin level"
    if len(arms) < 2:
        return []
    extremes = [Line(f"q_0 = {size.arms[arm].parameters['ripping']:g}", [size.arms[arm].parameters["integrin"]],
                     [float(e.mean(arm, "left_share"))]) for arm in ("least", "most")]  # fmt: skip
    return [Panel("Left on fibers by links that let go", words, "share", [curve("q_0 = 0.1", e, arms, "left_share"),
                                                                         *extremes]),
            Panel("Left along the path", words, "integrins per \u00b5m", [curve("q_0 = 0.1", e, arms, "per_micron")]),
            Panel("Speed in steps of 10 min", words, "\u00b5m/h", [
                curve("no ligand", e, arms, "speed"), curve("debris is a ligand", e, [(1.0, "ligand")], "speed")])]


def _cells(box: float, cells: int, hours: float, **more: Any) -> Arm:
    given = {"cells": cells, "hours": hours, "integrin": 1.0, "ripping": 0.1, "gain": 0.0, "moving": False}
    return Arm(gel(CONCENTRATION, DIAMETER, box, **(given | more)))


def _arms(box: float, cells: int, hours: float) -> dict[str, Arm]:
    return {
        **{f"level-{level:g}": _cells(box, cells, hours, integrin=level) for level in (WEAK, 0.5, 1.0, 2.0, STRONG)},
        "least": _cells(box, cells, hours, integrin=WEAK, ripping=0.02),
        "most": _cells(box, cells, hours, integrin=STRONG, ripping=2.0),
        "forbidden": _cells(box, cells, hours, ripping=0.0),
        "ligand": _cells(box, cells, hours, gain=3.0),
    }


MIG_7 = Experiment(
    id="MIG-7",
    title="Rear release: how much of their integrins cells leave on the fibers behind them",
    source="Palecek 1998, Kirfel 2003, Maaser 1999 (recalled)",
    replica=shed,
    observables=_rows,
    panels=_panels,
    code=(*NETWORK_CODE, "physim.generate.cells", "physim.generate.matrix", "physim.network_state", "physim.loop",
          "physim.analysis.ripping", "physim.analysis.integrin_balance", "physim.analysis.matrix_balance",
          "physim.analysis.migration", device_rip),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size({"level-1": _cells(50.0, 3, 0.5), "forbidden": _cells(50.0, 3, 0.5, ripping=0.0)}, (1,),
                      hours=0.001),
        "quick": Size(_arms(110.0, 12, 3.0), (1, 2), hours=0.04),
        "standard": Size(
            _arms(150.0, 50, 3.0) | {"moving": Arm(_cells(110.0, 12, 2.0, moving=True).parameters, networks=(1, 2))},
            tuple(range(1, 9)), hours=0.7),
        "full": Size(
            _arms(190.0, 50, 24.0) | {"moving": Arm(_cells(150.0, 25, 6.0, moving=True).parameters)},
            tuple(range(1, 9)), seeds=(1, 2, 3, 4), hours=30.0),
    },
)  # fmt: skip
