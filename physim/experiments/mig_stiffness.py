"""Section 2 of the catalogue, MIG-2: how far cells get in soft and stiff gels whose pores are the same.

Stiffness is changed as glutaraldehyde does, with the geometry frozen: every modulus of the network by one factor, so
that the gel is stiffer by that and nothing else. In wide pores stiff fibers give more hold, in narrow ones they do not
give way to the nucleus.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from physim.experiments.cell_lines import LINES
from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import gel, mean, ratio
from physim.experiments.ensemble import Ensemble
from physim.experiments.mig_speed import CATALOGUE, CODE, DIAMETER, cells_of, middle, scenario, tracked
from physim.generate.collagen import concentration

LINE = "MDA-MB-231"
PORES = {"wide": 0.05, "narrow": 0.2}
"""um/um^3, with pores of 61 and 13 um^2 by sections: 8 and 4 um across; the published threshold is 5 um."""
STIFF = 5.0
"""Factor on all moduli of the stiff gel."""
_LANG = "Lan15: deeper in stiff gels with wide pores, less deep with narrow ones"


def device_stiff(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """Cells in a gel, on an OpenCL device, and its pore (um^2) by sections."""
    from physim.analysis import roaming
    from physim.analysis.section_pore import section_pore
    from physim.generate.matrix import grown

    gel_alone = grown(roaming.scenario(parameters, network, seed))
    return {**roaming.roam(parameters, network, seed, device), "pore": section_pore(gel_alone, seed=network)}


def stiffened(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
              measure: Callable[..., Mapping[str, Any]] = device_stiff) -> Values:  # fmt: skip
    """What the tracks of the cells of one gel tell."""
    return tracked(parameters, network, seed, device, measure)


def gain(pores: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: ln of a median in the stiff gel over that in the soft one."""

    def logarithm(e: Ensemble) -> float:
        stiff, soft = (middle(f"{pores}-{kind}", name)(e) for kind in ("stiff", "soft"))
        return math.log(stiff / soft) if stiff > 0 and soft > 0 else math.nan

    return logarithm


def _rows(size: Size) -> list[Observable]:
    rows = [
        *(Observable(f"pore of the stiff gel over that of the soft one, {pores}", "",
                     ratio(f"{pores}-stiff", f"{pores}-soft", "pore"), "V", 1.0, (1 - 1e-9, 1 + 1e-9),
                     "the same fibers") for pores in PORES if f"{pores}-stiff" in size.arms),
        Observable("ln of net displacement, stiff over soft, wide pores", "", gain("wide", "net"), "T2", None,
                   (0.0, math.inf), f"{_LANG}; {CATALOGUE}", trend=True, no_effect=0.0),
    ]  # fmt: skip
    if "narrow-stiff" in size.arms:
        rows.append(Observable("ln of net displacement, stiff over soft, narrow pores", "", gain("narrow", "net"), "T2",
                               None, (-math.inf, 0.0), f"{_LANG}; {CATALOGUE}", trend=True, no_effect=0.0))  # fmt: skip
    for arm in size.arms:
        rows += [Observable(f"net displacement, {arm}", "\u00b5m", middle(arm, "net")),
                 Observable(f"median speed at 10 min, {arm}", "\u00b5m/h", middle(arm, "speed")),
                 Observable(f"sum of link forces, {arm}", "nN", mean(arm, "force")),
                 Observable(f"pore by sections, {arm}", "\u00b5m\u00b2", mean(arm, "pore"))]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    lines = [Line(pores, [1.0, STIFF], [middle(f"{pores}-{kind}", "net")(e) for kind in ("soft", "stiff")])
             for pores in PORES if f"{pores}-stiff" in size.arms]  # fmt: skip
    return [Panel("Net displacement", "stiffness over that of collagen", "\u00b5m", lines)]


def _arms(box: Mapping[str, float], count: int, hours: float, moving: bool = True) -> dict[str, Arm]:
    from physim.terms import Network

    plain, arms = Network(), {}
    for pores, size in box.items():
        for kind, factor in (("soft", 1.0), ("stiff", STIFF)):
            stiff = {name: factor * getattr(plain, name) for name in
                     ("stretch_modulus", "bend_modulus", "crosslink_rigidity")}  # fmt: skip
            stiff["crosslink_stiffness"] = factor * 50.0
            given = cells_of(LINES[LINE], size, count, hours, moving=moving)
            given |= gel(round(concentration(PORES[pores], DIAMETER), 4), DIAMETER, size)
            arms[f"{pores}-{kind}"] = Arm(given | {"network": stiff, "spread": {}})
    return arms


MIG_2 = Experiment(
    id="MIG-2",
    title="Stiffness with the pores held fixed: soft and stiff gels, wide and narrow pores",
    source="Lan15",
    replica=stiffened,
    observables=_rows,
    panels=_panels,
    code=(*CODE, "physim.analysis.section_pore", device_stiff),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_arms({"wide": 50.0}, 2, 0.5, moving=False), (1,), hours=0.001),
        "quick": Size(_arms({"wide": 60.0}, 2, 2.0), (1, 2), hours=0.06),
        "standard": Size(_arms({"wide": 90.0, "narrow": 60.0}, 3, 6.0), tuple(range(1, 9)), hours=1.0),
        "full": Size(_arms({"wide": 150.0, "narrow": 100.0}, 12, 72.0), tuple(range(1, 9)), hours=200.0),
    },
)  # fmt: skip
