"""Section 7 of the catalogue, cells that circulate: CIR-1, as far as it is what a bed of capillaries keeps by size.

Half-lives and the share of cells that die need arrest and death, which the model does not have yet: they are not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import mean
from physim.experiments.ensemble import Ensemble
from physim.scenario import Scenario

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""What `analysis.retention` gives of one bed."""
PRESSURE, SPEED = 1.33, 500.0
"""kPa: 10 mmHg between the pulmonary artery (mean 15) and the left atrium (5), textbooks, such as West's Respiratory
Physiology, recalled. um/s at the arteriole, which brings 0.8 mm/s to capillaries: they take 0.75 s, as West has it."""
SOFT = {"radius": 7.0, "nucleus_radius": 4.7, "modulus": 0.35, "nucleus_modulus": 1.2}
"""um, kPa: the defaults of `elongation`, of the vascular prototype."""
RIGID = {"radius": 9.0, "nucleus_radius": 6.0, "modulus": 1.3, "nucleus_modulus": 4.5}
"""15 to 20 um wide, as the catalogue has it. Moduli are 3.7 times those of SOFT: benign over metastatic cells of
patients, 1.97 and 0.53 kPa by AFM, Cross and co-workers, Nat Nanotechnol 2:780 (2007), numbers recalled (the abstract
has "more than 70 % softer")."""
THIN = 2.0
"""um: cells with room in every capillary."""
_CATALOGUE = "first pass through the lung, tolerance of the catalogue"


def device_bed(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """Cells one by one in a bed of capillaries, on an OpenCL device."""
    from physim.analysis import retention

    return retention.first_pass(parameters, network, seed, device)


def bed_scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import retention

    return retention.bed_scenario(parameters, network, seed)


def retained(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
             measure: Measure = device_bed) -> Values:  # fmt: skip
    """The share of cells that one bed keeps, and where."""
    return dict(measure(parameters, network, seed, device))


def over(arm: str, other: str) -> Callable[[Ensemble], float]:
    """A statistic: what is retained in one arm less what is in another, on the same beds."""

    def difference(e: Ensemble) -> float:
        one, two = e.pairs(arm, other, "retained")
        return float((one - two).mean())

    return difference


def _of_those(arm: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: the mean over the beds that have such cells."""

    def value(e: Ensemble) -> float:
        found = [float(x) for x in e.take(arm, name) if math.isfinite(x)]
        return sum(found) / len(found) if found else math.nan

    return value


def _rows(size: Size) -> list[Observable]:
    seconds = next(iter(size.arms.values())).parameters["seconds"]
    judged = {"rigid": (0.8, 0.98), "soft": (0.3, 0.8)}
    rows = [
        Observable("retained, spheres thinner than any capillary", "", mean("size-2", "retained"), "V", 0.0,
                   (-1e-9, 1e-9), "a bed holds nothing that has room"),
        *(Observable(f"retained within {seconds:g} s, {arm} cells", "", mean(arm, "retained"), "T1", None, tolerance,
                     _CATALOGUE, trend=True) for arm, tolerance in judged.items() if arm in size.arms),
    ]  # fmt: skip
    if "rigid" in size.arms:
        rows.append(Observable("retained, rigid less soft cells", "", over("rigid", "soft"), "T2", None, (0.0, 0.7),
                               f"{_CATALOGUE}: rigid cells are kept more", trend=True, no_effect=0.0))  # fmt: skip
    for name, arm in size.arms.items():
        words = name if name in judged else f"radius {arm.parameters['radius']:g} \u00b5m, soft"
        rows += [
            *([] if name in judged or name == "size-2" else
              [Observable(f"retained within {seconds:g} s, {words}", "", mean(name, "retained"))]),
            Observable(f"at rest before that, {words}", "", mean(name, "at_rest")),
            Observable(f"time to an outlet, {words}", "s", _of_those(name, "transit")),
            Observable(f"way that cells have gone, {words}", "\u00b5m", mean(name, "way")),
        ]  # fmt: skip
        if name != "size-2":
            rows += [
                Observable(f"radius of the vessel that it is kept in over its own, {words}", "",
                           _of_those(name, "room")),
                Observable(f"share kept at a fork or a corner, {words}", "", _of_those(name, "near")),
                Observable(f"pressure along the branch that it is kept in, {words}", "kPa", _of_those(name, "borne")),
                Observable(f"best way: pressure on a plug over what it takes to enter, {words}", "",
                           mean(name, "bottleneck"), target=1.0, source="below 1 nothing gets through"),
            ]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    arms = sorted((arm.parameters["radius"], name) for name, arm in size.arms.items() if name != "rigid")
    curve = Line("soft", [radius for radius, _ in arms], [float(e.mean(name, "retained")) for _, name in arms])
    lines = [curve]
    if "rigid" in size.arms:
        lines.append(Line("rigid", [size.arms["rigid"].parameters["radius"]], [float(e.mean("rigid", "retained"))]))
    return [Panel("Retained in a bed of capillaries of 2.5 to 4 \u00b5m", "radius of the cell (\u00b5m)", "share",
                  lines, [(8.0, 10.0, 0.8, 0.98), (6.5, 7.5, 0.3, 0.8)])]  # fmt: skip


def _arms(sizes: tuple[float, ...], seconds: float, cells: int, both: bool = True, few: tuple[int, ...] | None = None,
          **more: Any) -> dict[str, Arm]:  # fmt: skip
    given = {"bed": "capillaries", "pressure": PRESSURE, "speed": SPEED, "seconds": seconds, "cells": cells,
             "step": 0.001, **more}  # fmt: skip
    arms = {"rigid": Arm({**given, **RIGID}), "soft": Arm({**given, **SOFT})} if both else {}
    for radius in sizes:
        own = {**SOFT, "radius": radius, "nucleus_radius": round(0.67 * radius, 3)}
        arms[f"size-{radius:g}"] = Arm({**given, **own}, few if radius > THIN else None)
    return arms


_MESHES = ("centerlines", "generate_beds", "networks", "surface", "voxel_faces", "voxels")
CIR_1 = Experiment(
    id="CIR-1",
    title="First pass of cells through a bed of capillaries: what is kept by size and stiffness",
    source="Cameron 2000, Luzzi 1998, Gli05: as the catalogue has them",
    replica=retained,
    observables=_rows,
    panels=_panels,
    code=(*(f"physim.meshes.{name}" for name in _MESHES), "physim.flow", "physim.lumen", "physim.two_level",
          "physim.circulation", "physim.vessels", "physim.vessel_state", "physim.ends", "physim.simulation",
          "physim.loop", "physim.analysis.retention", device_bed),
    kernels=("primitives.cl",),
    scenario=bed_scenario,
    sizes={
        "smoke": Size(_arms((THIN,), 4.0, 1, both=False, bed="constriction"), (1,), hours=0.001),
        "quick": Size(_arms((THIN, 4.0), 20.0, 1), (1, 2), hours=0.06),
        "standard": Size(_arms((THIN, 4.0), 60.0, 1, few=(1, 2, 3)), tuple(range(1, 9)), hours=0.3),
        "full": Size(_arms((THIN, 3.0, 4.0, 5.0, 6.0), 60.0, 5), tuple(range(1, 25)), hours=12.0),
    },
)  # fmt: skip
