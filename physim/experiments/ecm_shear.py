"""Section 1 of the catalogue, the mechanics of the network in simple shear: ECM-2 (G0), ECM-3 (stiffening).

Fibers are bundles of d = 0.2 um here: EA and EI are coarse-grained, calibrated once, at one concentration of one
preparation, and what Young's modulus they imply is a row of the table. Stress is in kPa, moduli of the table in Pa.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from physim.analysis import stiffening
from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ecm import NETWORK_CODE, concentrations, curve, gel, mean, network_of, ratio
from physim.experiments.ensemble import Ensemble, log_slope
from physim.generate import collagen
from physim.generate.fiber_network import FiberNetwork

Shear = Callable[..., Mapping[str, Any]]
"""shear(network, strains, *, stretch_modulus, bend_modulus, crosslink_stiffness, crosslink_rigidity, device) -> arrays,
one entry per strain: strain, stress (kPa, by work), traction (kPa, by the forces on the plates), normal_stress (kPa,
N1; negative where fibers pull the plates together), iterations."""
MODULI = {"stretch_modulus": 13_000.0, "bend_modulus": 59.0, "crosslink_stiffness": 500.0, "crosslink_rigidity": 5.7}
"""EA (nN), EI (nN um^2), k_x (nN/um), k_c (nN um), calibrated to CALIBRATED (docs/validation.md): EI, with
k_c = EI/(2 lc), by G0; EA by the onset of stiffening."""
UNBUCKLED = 100.0
"""Factor on EI and k_c with which no fiber buckles at the strains of ECM-3: Euler's load goes as EI."""
DIAMETER = 0.2
CALIBRATED = (1.5, 80.0)
"""mg/ml and Pa: the preparation of Ves25."""
PUBLISHED = {1.5: 80.0, 3.5: 350.0}
"""mg/ml: Pa, the same preparation."""
_SMALL = (0.01, 0.02, 0.03, 0.05)
"""Strains of both signs, from which the even part of N1 is taken: a finite network has an odd one, too."""
_RAMP = (0.005, 0.01, *(round(0.02 * k, 2) for k in range(1, 31)))


def device_shear(network: FiberNetwork, strains: Sequence[float], **options: Any) -> Mapping[str, Any]:
    """Quasi-static simple shear on an OpenCL device."""
    from physim.analysis.rheology import shear

    found: Mapping[str, Any] = shear(network, strains, **options)
    return found


def linear(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
           shear: Shear = device_shear) -> Values:  # fmt: skip
    """G0 = sigma / gamma (Pa) of one network at the largest of `strains`, and at each."""
    made = network_of(parameters, network)
    found = shear(made, parameters["strains"], **parameters["moduli"], device=device)
    moduli = 1e3 * np.asarray(found["stress"], float) / np.asarray(found["strain"], float)
    return {"g0_pa": float(moduli[-1]), "moduli_pa": moduli, "segments": len(made.segments),
            "iterations": np.asarray(found["iterations"])}  # fmt: skip


def ramp(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
         shear: Shear = device_shear) -> Values:  # fmt: skip
    """Stress and N1 (kPa) of one network up to 60 % strain, and of small strains of the other sign."""
    made = network_of(parameters, network)
    up = shear(made, parameters["strains"], **parameters["moduli"], device=device)
    down = shear(made, [-x for x in parameters["small"]], **parameters["moduli"], device=device)
    strain, stress = np.asarray(up["strain"], float), np.asarray(up["stress"], float)
    normal = np.asarray(up["normal_stress"], float)
    forward = np.interp(parameters["small"], strain, normal)
    return {
        "strain": strain, "stress_kpa": stress, "n1_kpa": normal,
        "n1_even_kpa": (forward + np.asarray(down["normal_stress"], float)) / 2,
        "g0_pa": 1e3 * stiffening.linear_modulus(strain, stress), "onset": stiffening.onset(strain, stress),
        "critical_strain": stiffening.critical_strain(strain, stress),
        "exponent": stiffening.stiffening_exponent(strain, stress),
        "stiffening_at_30": stiffening.modulus_at_strain(strain, stress, 0.3)
        / stiffening.linear_modulus(strain, stress),
        "n1_over_stress_at_20": float(np.interp(0.2, strain, normal) / np.interp(0.2, strain, stress)),
        "traction_over_stress": float(np.asarray(up["traction"], float)[-1] / stress[-1]),
        "iterations": np.asarray(up["iterations"]),
    }  # fmt: skip


def collapse(e: Ensemble, arms: Sequence[str]) -> float:
    """Largest ratio between the K of two arms at equal stress, where all of them are stiff (K >= 3 G0); from means."""
    curves = [(e.mean(arm, "strain"), e.mean(arm, "stress_kpa")) for arm in arms]
    low, high = 0.0, math.inf
    for strain, stress in curves:
        _, sigma, modulus = stiffening.differential_modulus(strain, stress)
        stiff = sigma[(modulus >= 3 * modulus[0]) & (sigma > 0)]
        if not len(stiff):
            return math.nan
        low, high = max(low, stiff.min()), min(high, sigma.max())
    if not low < high:
        return math.nan
    at = np.geomspace(low, high, 10)[:-1]
    moduli = np.array([[stiffening.modulus_at_stress(*one, x) for x in at] for one in curves])
    return float((moduli.max(axis=0) / moduli.min(axis=0)).max())


def _linear_rows(size: Size) -> list[Observable]:
    gels = concentrations(size, "gel")
    rows = [Observable(f"G0 at half the strain over G0, {c:g} mg/ml", "",
                       lambda e, arm=arm: float(e.mean(arm, "moduli_pa")[0] / e.mean(arm, "g0_pa")),  # type: ignore[misc]
                       "V", 1.0, (0.95, 1.05), "linear") for c, arm in gels]  # fmt: skip
    for c, arm in gels:
        if c == 1.2:
            rows.append(Observable(f"G0 at {c:g} mg/ml", "Pa", mean(arm, "g0_pa"), "T1", None, (10.0, 120.0),
                                   "tolerance of the catalogue"))  # fmt: skip
        else:
            words = "Ves25, calibrated to it" if c == CALIBRATED[0] else "Ves25" if c in PUBLISHED else ""
            rows.append(Observable(f"G0 at {c:g} mg/ml", "Pa", mean(arm, "g0_pa"), target=PUBLISHED.get(c),
                                   source=words))  # fmt: skip
    if len(gels) > 1:
        rows.append(Observable(
            "slope of ln G0 against ln concentration", "",
            lambda e: log_slope([c for c, _ in gels], [float(e.mean(arm, "g0_pa")) for _, arm in gels]),
            "T1", 1.74, (1.5, 2.3), "Ves25; JF-mat 1.77; tolerance of the catalogue", trend=True))  # fmt: skip
    rows += [Observable(f"G0 at {c:g} mg/ml, box of 6 over 3 fibers", "", ratio(arm, f"gel-{c:g}", "g0_pa"),
                        target=1.0, source="no effect of the box")
             for c, arm in concentrations(size, "large")]  # fmt: skip
    return rows + implied_moduli(MODULI, DIAMETER)


def implied_moduli(moduli: Mapping[str, float], diameter: float) -> list[Observable]:
    """Young's moduli (MPa) of a solid round fiber of this diameter (um): EA/(pi d^2/4) and EI/(pi d^4/64)."""
    axial = 1e-3 * moduli["stretch_modulus"] / (math.pi * diameter**2 / 4)
    bending = 1e-3 * moduli["bend_modulus"] / (math.pi * diameter**4 / 64)
    source = "Jan18, by inversion of a network of 0.1 um fibrils; 10-1000 MPa for single fibrils, recalled"
    return [Observable(f"Young's modulus implied by {name}", "MPa", lambda e, value=value: value,  # type: ignore[misc]
                       target=1.1, source=source) for name, value in (("EA", axial), ("EI", bending))]  # fmt: skip


def _ramp_rows(size: Size) -> list[Observable]:
    gels = concentrations(size, "gel")
    rows = [Observable(f"traction of the plates over stress by work at {c:g} mg/ml", "",
                       mean(arm, "traction_over_stress"), "V", 1.0, (0.99, 1.01), "balance of forces")
            for c, arm in gels]  # fmt: skip
    for c, arm in gels:
        at = f"at {c:g} mg/ml"
        rows += [
            Observable(f"strain where K = 1.5 G0 {at}", "", mean(arm, "onset"), "T1", 0.075, (0.05, 0.15),
                       "5-10 %, recalled; tolerance of the catalogue"),
            Observable(f"d ln K/d ln stress over a decade {at}", "", mean(arm, "exponent"), "T1", 1.0, (0.8, 1.2),
                       "Lic15; tolerance of the catalogue", trend=True),
            Observable(f"strain where d ln K/d ln strain is largest {at}", "", mean(arm, "critical_strain"),
                       target=0.25, source="15-35 %, recalled"),
            Observable(f"N1/stress at 20 % strain {at}", "", mean(arm, "n1_over_stress_at_20"), "T2", None,
                       (-math.inf, 0.0), "Jan18: negative", trend=True, no_effect=0.0),
            Observable(f"d ln |N1|/d ln strain up to 5 % {at}", "", _n1_slope(arm), "T1", 2.0, (1.7, 2.3),
                       "even in strain; tolerance chosen here"),
            Observable(f"G0 {at}", "Pa", mean(arm, "g0_pa"), target=PUBLISHED.get(c)),
        ]  # fmt: skip
    if len(gels) > 1:
        rows.append(Observable("K at equal stress, highest over lowest of concentrations", "",
                               lambda e: collapse(e, [arm for _, arm in gels]), "T1", 1.0, (0.99, 2.0),
                               "Lic15: set by stress alone; tolerance of the catalogue"))  # fmt: skip
    rows += [Observable(f"{words} at {c:g} mg/ml, box of 6 over 3 fibers", "", ratio(arm, f"gel-{c:g}", name),
                        target=1.0, source="no effect of the box")
             for c, arm in concentrations(size, "large")
             for words, name in (("onset", "onset"), ("exponent", "exponent"), ("K/G0 at 30 %", "stiffening_at_30"))
             ]  # fmt: skip
    for c, arm in concentrations(size, "unbuckled"):
        rows += [
            Observable(f"K/G0 at 30 % strain, buckling off over on, {c:g} mg/ml", "",
                       ratio(arm, f"gel-{c:g}", "stiffening_at_30"), "T2", None, (0.0, 0.5),
                       "control; tolerance chosen here", no_effect=1.0),
            Observable(f"N1/stress at 20 %, buckling off over on, {c:g} mg/ml", "",
                       ratio(arm, f"gel-{c:g}", "n1_over_stress_at_20"), source="control"),
        ]  # fmt: skip
    return rows


def _n1_slope(arm: str) -> Callable[[Ensemble], float]:
    return lambda e: log_slope(_SMALL, -e.mean(arm, "n1_even_kpa"))


def _linear_panels(e: Ensemble, size: Size) -> list[Panel]:
    points = [(c, c, 0.9 * pa, 1.1 * pa) for c, pa in PUBLISHED.items()]
    return [Panel("Linear shear modulus", "concentration (mg/ml)", "G0 (Pa)",
                  [curve("d = 0.2 \u00b5m", e, concentrations(size, "gel"), "g0_pa")],
                  [(0.97 * a, 1.03 * b, c, d) for a, b, c, d in points], log=True)]  # fmt: skip


def _ramp_panels(e: Ensemble, size: Size) -> list[Panel]:
    stress, modulus, normal = [], [], []
    for kind, words in (("gel", ""), ("unbuckled", ", buckling off")):
        for c, arm in concentrations(size, kind):
            label, strain, sigma = f"{c:g} mg/ml{words}", e.mean(arm, "strain"), 1e3 * e.mean(arm, "stress_kpa")
            _, middle, k = stiffening.differential_modulus(strain, sigma)
            stress.append(Line(label, list(strain), list(sigma), dashed=bool(words)))
            modulus.append(Line(label, list(middle), list(k), dashed=bool(words)))
            normal.append(Line(label, list(strain), list(1e3 * e.mean(arm, "n1_kpa")), dashed=bool(words)))
    return [Panel("Stress against strain", "strain", "stress (Pa)", stress),
            Panel("Stiffening", "stress (Pa)", "K (Pa)", modulus, log=True),
            Panel("Normal stress difference", "strain", "N1 (Pa)", normal)]  # fmt: skip


def _box(concentration: float, fibers: float) -> float:
    """A cube of so many fiber lengths, um, and at least 40."""
    density = collagen.length_density(concentration, DIAMETER)
    return max(40.0, math.ceil(fibers * collagen.default_fiber_length(density, 3.3)))


def _gels(kind: str, of: Sequence[float], strains: Sequence[float], fibers: float = 3.0, bend: float = 1.0,
          networks: tuple[int, ...] | None = None, **more: Any) -> dict[str, Arm]:  # fmt: skip
    moduli = MODULI | {name: bend * MODULI[name] for name in ("bend_modulus", "crosslink_rigidity")}
    return {f"{kind}-{c:g}": Arm(gel(c, DIAMETER, _box(c, fibers), plates=True, strains=list(strains), moduli=moduli,
                                     **more), networks) for c in of}  # fmt: skip


_G0 = (0.0025, 0.005)
_EIGHT = tuple(range(1, 9))
_CODE: tuple[str | Callable[..., Any], ...] = (
    *NETWORK_CODE, "physim.analysis.rheology", "physim.network_state", "physim.loop", network_of, device_shear,
)  # fmt: skip
"""What makes a network, strains it, and decides when forces balance."""
ECM_2 = Experiment(
    id="ECM-2",
    title="Linear shear modulus of the collagen network against concentration",
    source="Ves25, JF-mat, Jan18, Mor15",
    replica=linear,
    observables=_linear_rows,
    panels=_linear_panels,
    code=_CODE,
    terms=("network", "solve"),
    kernels=("primitives.cl",),
    sizes={
        "smoke": Size(_gels("gel", (3.5,), _G0, 1.2), (1,), hours=0.001),
        "quick": Size(_gels("gel", (0.6, 1.2, 2.4), _G0), (1, 2), hours=0.05),
        "standard": Size(_gels("gel", (0.6, 0.9, 1.2, 1.5, 2.4, 3.5), _G0)
                         | _gels("large", (2.4,), _G0, 6.0, networks=(1, 2)), _EIGHT, hours=0.5),
        "full": Size(_gels("gel", (0.6, 0.9, 1.2, 1.5, 2.4, 3.5), _G0, 10.0), _EIGHT, hours=20.0),
    },
)  # fmt: skip
ECM_3 = Experiment(
    id="ECM-3",
    title="Strain stiffening of the collagen network: onset, exponent, normal stress",
    source="Lic15, Are15, Sha16, Jan18, JF-mat",
    replica=ramp,
    observables=_ramp_rows,
    panels=_ramp_panels,
    code=(*_CODE, "physim.analysis.stiffening"),
    terms=("network", "solve"),
    kernels=("primitives.cl",),
    sizes={
        "smoke": Size(_gels("gel", (3.5,), (0.005, 0.1, 0.2, 0.3), 1.2, small=list(_SMALL)), (1,), hours=0.001),
        "quick": Size(_gels("gel", (1.2,), _RAMP, small=list(_SMALL)), (1, 2), hours=0.05),
        "standard": Size(_gels("gel", (1.2, 2.4, 3.5), _RAMP, small=list(_SMALL))
                         | _gels("unbuckled", (1.2,), _RAMP, bend=UNBUCKLED, small=list(_SMALL))
                         | _gels("large", (2.4,), _RAMP, 6.0, networks=(1,), small=list(_SMALL)), _EIGHT, hours=1.0),
        "full": Size(_gels("gel", (0.6, 1.2, 2.4, 3.5, 4.0), _RAMP, 10.0, small=list(_SMALL))
                     | _gels("unbuckled", (1.2, 2.4), _RAMP, 10.0, UNBUCKLED, small=list(_SMALL)), _EIGHT, hours=60.0),
    },
)  # fmt: skip
