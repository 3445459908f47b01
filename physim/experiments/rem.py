"""Section 3 of the catalogue, forces and displacements: REM-1, one contractile cell in gels of several concentrations.

The cell pulls with a force that it controls, so its contractility must not follow the stiffness of the gel; a cell
that controls its displacement instead is the control, and must fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, concentrations, curve, gel, mean, ratio
from physim.experiments.ensemble import Ensemble, log_slope
from physim.scenario import Scenario

Pull = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
"""pull(parameters, network, seed, device) -> contractility (nN, towards the force epicentre), energy (fJ) and
displacement (um, towards the cell, mean over a shell at each distance, um), all above the gel in which the cell has let
go; polarity (share along the principal axis), laboratory_share (%) of the links' force that drag against the laboratory
takes, link_force (nN, sum of tensions), net (nN, contractility without that reference), unbalanced (what the reaction
of the fibers and the cell's drag leave, over link_force) and links (how many)."""
_NUMBERS = ("contractility", "energy", "polarity", "laboratory_share", "link_force", "net", "unbalanced", "links")
DIAMETER = 0.2
_SHELLS = (15.0, 45.0)
"""um from the cell: where the decay of the displacement is fitted; nearer are its own links, farther the held faces."""


def device_pull(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """One cell in an anchored gel, on an OpenCL device."""
    from physim.analysis.traction import pull

    return pull(parameters, network, seed, device)


def scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """What is run, for the hash of a replica."""
    from physim.analysis import traction

    return traction.scenario(parameters, network, seed)


def contractility(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
                  pull: Pull = device_pull) -> Values:  # fmt: skip
    """What one cell does to one gel: force (nN), energy (fJ), polarity, and how its displacements decay."""
    found = pull(parameters, network, seed, device)
    values = {name: float(found[name]) for name in _NUMBERS}
    return {**values, "decay": decay_exponent(found["distance"], found["displacement"]),
            "distance": np.asarray(found["distance"]), "displacement": np.asarray(found["displacement"])}  # fmt: skip


def decay_exponent(distance: ArrayLike, displacement: ArrayLike, shells: tuple[float, float] = _SHELLS) -> float:
    """n in u ~ r^-n (least squares in logarithms, shells between two distances, um); 2 for a linear elastic gel.

    Shells that have moved away from the cell are left out; NaN if fewer than three are left.
    """
    r, u = np.asarray(distance, float), np.asarray(displacement, float)
    inside = (r >= shells[0]) & (r <= shells[1]) & (u > 0)
    return -log_slope(r[inside], u[inside]) if inside.sum() > 2 else math.nan


def _slope(arms: Sequence[tuple[float, str]], name: str) -> Callable[[Ensemble], float]:
    return lambda e: log_slope([c for c, _ in arms], [float(e.mean(arm, name)) for _, arm in arms])


def _rows(size: Size) -> list[Observable]:
    cells, clamped = concentrations(size, "cell"), concentrations(size, "clamped")
    rows = [Observable(f"unbalanced force on the cell over the links' force, {c:g} mg/ml", "",
                       mean(arm, "unbalanced"), "V", 0.0, (0.0, 0.01), "reaction of fibers = drag; the solve")
            for c, arm in cells]  # fmt: skip
    rows += [Observable(f"contractility at {c:g} mg/ml", "nN", mean(arm, "contractility"), "T1", 75.0, (30.0, 120.0),
                       "Fib-LM 30-116 nN; Ste16; tolerance of the catalogue") for c, arm in cells]  # fmt: skip
    if len(cells) > 1:
        rows += [
            Observable("slope of ln contractility against ln concentration", "", _slope(cells, "contractility"), "T1",
                       0.0, (-0.25, 0.25), "Ste16: nearly constant; tolerance of the catalogue", trend=True),
            Observable("slope of ln sum of link forces against ln concentration", "", _slope(cells, "link_force"),
                       target=0.0, source="what the contact of the cell's body takes is not in it"),
            Observable("slope of ln strain energy against ln concentration", "", _slope(cells, "energy"), "T2", None,
                       (-math.inf, 0.0), "falls with stiffness", no_effect=0.0),
        ]  # fmt: skip
    if len(clamped) > 1:
        rows.append(Observable(
            "the same slope of contractility under displacement clamp", "", _slope(clamped, "contractility"), "T2",
            None, (0.25, math.inf), "control: force must follow stiffness", no_effect=0.0))  # fmt: skip
    for c, arm in cells:
        rows += [Observable(f"polarity at {c:g} mg/ml", "", mean(arm, "polarity")),
                 Observable(f"sum of link forces at {c:g} mg/ml", "nN", mean(arm, "link_force")),
                 Observable(f"links minus contact at {c:g} mg/ml", "nN", mean(arm, "net"),
                            source="no relaxed reference: the body's pressure counts against the pull"),
                 Observable(f"links bound at {c:g} mg/ml", "", mean(arm, "links")),
                 Observable(f"share of the laboratory's drag at {c:g} mg/ml", "%", mean(arm, "laboratory_share"),
                            target=0.0, source="a cell cannot pull on the laboratory"),
                 Observable(f"n in displacement ~ distance^-n at {c:g} mg/ml", "", mean(arm, "decay"), target=2.0,
                            source="linear elastic; less is expected of a gel that buckles")]  # fmt: skip
    for c, arm in concentrations(size, "unbuckled"):
        rows += [Observable(f"n without buckling at {c:g} mg/ml", "", mean(arm, "decay"), target=2.0,
                            source="linear elastic"),
                 Observable(f"n without buckling over n with, {c:g} mg/ml", "", ratio(arm, f"cell-{c:g}", "decay"),
                            source="control")]  # fmt: skip
    rows += [Observable(f"contractility at {c:g} mg/ml, box of 300 um over 150 um", "",
                        ratio(arm, f"cell-{c:g}", "contractility"), target=1.0, source="no effect of the box")
             for c, arm in concentrations(size, "large")]  # fmt: skip
    return rows


def _panels(e: Ensemble, size: Size) -> list[Panel]:
    words = {"cell": "force clamp", "clamped": "displacement clamp"}
    forces = [curve(label, e, arms, "contractility") for kind, label in words.items()
              if (arms := concentrations(size, kind))]  # fmt: skip
    decays = [Line(arm, list(e.mean(arm, "distance")), list(e.mean(arm, "displacement")), dashed=kind == "unbuckled")
              for kind in ("cell", "unbuckled") for _, arm in concentrations(size, kind)]  # fmt: skip
    span = [c for c, _ in concentrations(size, "cell")]
    return [Panel("Contractility", "concentration (mg/ml)", "nN", forces, [(min(span), max(span), 30.0, 120.0)]),
            Panel("Displacement around the cell", "distance (\u00b5m)", "\u00b5m", decays, log=True)]  # fmt: skip


def _cells(kind: str, of: Sequence[float], box: float = 150.0, networks: tuple[int, ...] | None = None,
           **more: Any) -> dict[str, Arm]:  # fmt: skip
    given = {"hours": 1.0, "clamp": "force", "buckling": True} | more
    return {f"{kind}-{c:g}": Arm(gel(c, DIAMETER, box, **given), networks) for c in of}


_OF = (0.6, 1.2, 2.4)
REM_1 = Experiment(
    id="REM-1",
    title="Contractility of one cell against the stiffness of the gel",
    source="Ste16, Fib-LM, Koc12",
    replica=contractility,
    observables=_rows,
    panels=_panels,
    code=(*NETWORK_CODE, "physim.generate.matrix", "physim.network_state", "physim.analysis.traction",
          "physim.analysis.displacement", "physim.analysis.mechanics", device_pull, decay_exponent),
    kernels=("primitives.cl",),
    scenario=scenario,
    sizes={
        "smoke": Size(_cells("cell", (1.2,), 60.0, hours=0.1), (1,), hours=0.001),
        "quick": Size(_cells("cell", _OF, 80.0), (1, 2), hours=0.06),
        "standard": Size(
            _cells("cell", _OF) | _cells("clamped", _OF, 100.0, clamp="displacement")
            | _cells("unbuckled", (1.2,), networks=(1, 2, 3, 4), buckling=False)
            | _cells("large", (1.2,), 300.0, networks=(7, 8)),
            tuple(range(1, 9)), hours=1.0),
        "full": Size(
            _cells("cell", _OF, 300.0) | _cells("clamped", _OF, 300.0, clamp="displacement")
            | _cells("unbuckled", _OF, 300.0, buckling=False), tuple(range(1, 9)), seeds=tuple(range(1, 51)),
            hours=300.0),
    },
)  # fmt: skip
