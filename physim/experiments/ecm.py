"""Section 1 of the catalogue, the collagen network before any cell is added: ECM-1. Its mechanics: `ecm_shear`.

Pores are measured to the axes of the fibers, in periodic cubes of more than three fiber lengths. What the generator is
given (concentration, bundle diameter, mean valence) it is given; pores, their slope, how valences spread and how far
crosslinks are apart come out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from physim.analysis import network as measure
from physim.experiments.declaration import Arm, Experiment, Line, Observable, Panel, Size, Values
from physim.experiments.ensemble import Ensemble, log_slope
from physim.generate import chain, collagen
from physim.generate.fiber_network import Box, FiberNetwork, assemble

NETWORK_CODE = tuple(
    f"physim.generate.{name}" for name in ("chain", "collagen", "crosslink", "fiber_network", "settle")
)
"""Modules that make a network."""
_ASKED = ("concentration", "bundle_diameter", "segment_length", "alignment", "valence", "fiber_length")
"""Parameters of an arm that the generator gets as they are."""
_VES25 = "Ves25: 2.5-3.1 um at 1.5 mg/ml, 2.0-2.4 um at 3.5 mg/ml"
_SEM = "Jan18: 3-4 by SEM, 3.0-3.5 by rheology; what the generator is asked for is 3.3"
_PUBLISHED = {(1.2, 1.5): (3.0, 0.6), (3.0, 3.5): (2.1, 0.4)}
"""Concentrations from ... to, mg/ml: pore diameter (a) and its tolerance, um."""


def gel(concentration: float, bundle_diameter: float, box: float | list[float], **more: Any) -> dict[str, Any]:
    """Parameters of a network in a periodic cube: mg/ml, um, um; segments as short as its mechanics asks for."""
    density = collagen.length_density(concentration, bundle_diameter)
    segment = min(2.5, round(0.5 * collagen.crosslink_spacing(density, more.get("alignment", 0.0)), 3))
    return {"concentration": concentration, "bundle_diameter": bundle_diameter, "box": box, "segment_length": segment,
            **more}  # fmt: skip


def network_of(parameters: Mapping[str, Any], seed: int) -> FiberNetwork:
    """The collagen of `gel` parameters; with `plates`, cut at the two faces across z, where plates hold it."""
    named = {key: parameters[key] for key in _ASKED if key in parameters}
    periodic = (True, True, not parameters.get("plates", False))
    return collagen.generate_collagen([0.0] * 3, [parameters["box"]] * 3, periodic, seed=seed, **named)


def straight_rods(density: float, length: float, box: float, seed: int) -> FiberNetwork:
    """Isotropic straight rods of one length (um) at random in a periodic cube, `density` um/um^3, not crosslinked."""
    cube = Box(np.zeros(3), np.full(3, box), (True, True, True))
    random = np.random.Generator(np.random.Philox(seed))
    begin, end, fiber = chain.fill(cube, density, length, 0.0, 2.5, 1e12, 0.0, np.array([1.0, 0.0, 0.0]), random)
    return assemble(begin, end, fiber, np.empty((0, 2), np.int64), np.empty((0, 2)), cube, 0.1)


def pore_of_rods(density: float, length: float) -> float:
    """Mean diameter (um) of the sphere about a random point that touches the nearest of random rods, exactly:

        2 int_0^inf exp(-rho (pi r^2 + 4/3 pi r^3 / L)) dr,  1/sqrt(rho) for L -> inf

    The exponent is the number of rods that reach into a sphere of radius r: of centres in a spherocylinder.
    """
    r = np.linspace(0.0, 6.0 / math.sqrt(density), 20001)
    return float(2 * np.trapezoid(np.exp(-density * (math.pi * r**2 + 4 / 3 * math.pi * r**3 / length)), r))


def architecture(parameters: Mapping[str, Any], network: int, seed: int, device: str | None = None) -> Values:
    """Pores (um), valences, contour lengths between crosslinks (um) and order of one network, or the pore of rods."""
    if "rod_length" in parameters:
        density, length = parameters["density"], parameters["rod_length"]
        rods = straight_rods(density, length, parameters["box"], network)
        pore = measure.nearest_obstacle_pore(rods, samples=20_000, seed=network)
        return {"pore_um": pore, "pore_over_exact": pore / pore_of_rods(density, length)}
    made = network_of(parameters, network)
    histogram, valence = measure.valence_histogram(made)
    spacing = measure.crosslink_spacings(made)
    asked = collagen.length_density(parameters["concentration"], parameters["bundle_diameter"])
    share = [100.0 * histogram.get(kind, 0) / sum(histogram.values()) for kind in (2, 3, 4)]
    return {
        "pore_um": measure.nearest_obstacle_pore(made, seed=network),
        "bubble_um": measure.bubble_pore(made, samples=parameters.get("bubbles", 300), seed=network),
        "valence": valence, "valence_2_3_4_percent": share, "valence_over_4_percent": 100.0 - sum(share),
        "contour_um": float(spacing.mean()), "contour_deciles_um": np.quantile(spacing, [0.1, 0.5, 0.9]),
        "order": measure.nematic_order(made)[0], "density_over_asked": measure.length_density(made) / asked,
        "fibers": made.fibers, "segments": len(made.segments), "pruned": made.pruned,
    }  # fmt: skip


def concentrations(size: Size, kind: str) -> list[tuple[float, str]]:
    """(mg/ml, arm) of the arms KIND-CONCENTRATION of a size, ascending."""
    return sorted((arm.parameters["concentration"], name) for name, arm in size.arms.items()
                  if name.rsplit("-", 1)[0] == kind and "concentration" in arm.parameters)  # fmt: skip


def mean(arm: str, name: str, index: int | None = None) -> Any:
    """A statistic: the mean of a value over the networks of an arm."""
    return lambda e: float(e.mean(arm, name) if index is None else e.mean(arm, name)[index])


def ratio(arm: str, other: str, name: str) -> Any:
    """A statistic: the mean of an arm over that of another, on the networks that both have."""

    def statistic(e: Ensemble) -> float:
        one, two = e.pairs(arm, other, name)
        return float(one.mean() / two.mean()) if len(one) else math.nan

    return statistic


def _architecture_rows(size: Size) -> list[Observable]:
    gels = [name for name, arm in size.arms.items() if "concentration" in arm.parameters]
    resolved = concentrations(size, "resolved")
    rows = [Observable("length density over 4 c v/(pi d^2), arm farthest from 1", "", lambda e: max(
        (float(e.mean(arm, "density_over_asked")) for arm in gels), key=lambda x: abs(x - 1)),
        "V", 1.0, (0.99, 1.01), "definition")]  # fmt: skip
    rows += [Observable(f"pore (a) of {name.replace('-', ', ')} um^-2, over the exact one", "",
                        mean(name, "pore_over_exact"), "V", 1.0, (0.97, 1.03), "spherocylinders, exact")
             for name in size.arms if name not in gels]  # fmt: skip
    for c, arm in resolved:
        rows.append(_pore_row(c, arm))
    rows.append(Observable(
        "slope of ln pore (a) against ln concentration", "",
        lambda e: log_slope([c for c, _ in resolved], [float(e.mean(arm, "pore_um")) for _, arm in resolved]),
        "T1", -0.5, (-0.65, -0.35), "1/sqrt(rho); tolerance of the catalogue", trend=True))  # fmt: skip
    rows += _valence_rows([arm for _, arm in resolved])
    for c, arm in resolved:
        rows += [Observable(f"bubble pore (b) at {c:g} mg/ml", "um", mean(arm, "bubble_um")),
                 Observable(f"contour length between crosslinks at {c:g} mg/ml", "um", mean(arm, "contour_um"),
                            target=2.5 if 1.5 <= c <= 2.5 else None,
                            source="Lindstrom 2010, recalled: 2-3 um" if 1.5 <= c <= 2.5 else ""),
                 Observable(f"nematic order S at {c:g} mg/ml", "", mean(arm, "order"), target=0.0,
                            source="isotropic; chance gives 1/sqrt(fibers)")]  # fmt: skip
    return rows + _other_arms(size)


def _pore_row(c: float, arm: str) -> Observable:
    name, statistic = f"pore (a) at {c:g} mg/ml", mean(arm, "pore_um")
    for (low, high), (target, margin) in _PUBLISHED.items():
        if low <= c <= high:
            return Observable(name, "um", statistic, "T1", target, (target - margin, target + margin), _VES25)
    target = collagen.length_density(c, 0.1) ** -0.5
    return Observable(name, "um", statistic, target=target, source="1/sqrt(rho)")


def _valence_rows(arms: list[str]) -> list[Observable]:
    def of(e: Ensemble, name: str) -> list[float]:
        return [float(e.mean(arm, name)) for arm in arms]

    share = (f"crosslinks of valence {kind}, mean of concentrations" for kind in (2, 3, 4))
    return [
        Observable("mean valence, lowest of concentrations", "", lambda e: min(of(e, "valence")),
                   "T1", 3.3, (3.0, 3.6), _SEM),
        Observable("mean valence, highest of concentrations", "", lambda e: max(of(e, "valence")),
                   "T1", 3.3, (3.0, 3.6), _SEM),
        Observable("crosslinks of valence > 4, most of concentrations", "%",
                   lambda e: max(of(e, "valence_over_4_percent")), "T1", None, (0.0, 5.0), _SEM),
        *(Observable(name, "%", lambda e, k=k: float(np.mean(  # type: ignore[misc]
            [e.mean(arm, "valence_2_3_4_percent")[k] for arm in arms]))) for k, name in enumerate(share)),
    ]  # fmt: skip


def _other_arms(size: Size) -> list[Observable]:
    """Coarse against resolved at equal concentration, aligned against isotropic, a box twice as large."""
    rows = []
    for c, coarse in concentrations(size, "coarse"):
        rows.append(Observable(
            f"pore (a) at {c:g} mg/ml, d = 0.2 um over d = 0.1 um", "", ratio(coarse, f"resolved-{c:g}", "pore_um"),
            "T2", 2.0, (1.6, 2.4), "1/sqrt(rho) goes as d; tolerance chosen here", no_effect=1.0))  # fmt: skip
    for name, arm in size.arms.items():
        c, order = arm.parameters.get("concentration", 0.0), arm.parameters.get("alignment")
        if order is not None:
            rows += [Observable(f"nematic order S of {name}", "", mean(name, "order"), target=order, source="asked"),
                     Observable(f"pore (a) of {name} over isotropic", "", ratio(name, f"resolved-{c:g}", "pore_um")),
                     ]  # fmt: skip
        if name.startswith("large-"):
            rows.append(Observable(
                f"pore (a) at {c:g} mg/ml, box of 6 over 3.5 fibers", "", ratio(name, f"resolved-{c:g}", "pore_um"),
                target=1.0, source="no effect of the box"))  # fmt: skip
    return rows


def curve(label: str, e: Ensemble, arms: list[tuple[float, str]], name: str, index: int | None = None,
          dashed: bool = False) -> Line:  # fmt: skip
    """Mean of a value over networks against the number beside each arm, and its range over networks."""
    found = [e.take(arm, name) if index is None else e.take(arm, name)[:, index] for _, arm in arms]
    return Line(label, [x for x, _ in arms], [float(v.mean()) for v in found], [float(v.min()) for v in found],
                [float(v.max()) for v in found], dashed)  # fmt: skip


def _architecture_panels(e: Ensemble, size: Size) -> list[Panel]:
    resolved, coarse = concentrations(size, "resolved"), concentrations(size, "coarse")
    boxes = [(a, b, target - margin, target + margin) for (a, b), (target, margin) in _PUBLISHED.items()]
    words = "concentration (mg/ml)"
    return [
        Panel("Pore diameter", words, "\u00b5m", [
            curve("(a) nearest obstacle, d = 0.1 \u00b5m", e, resolved, "pore_um"),
            curve("(b) bubble, d = 0.1 \u00b5m", e, resolved, "bubble_um"),
            curve("(a), d = 0.2 \u00b5m", e, coarse, "pore_um", dashed=True)], boxes, log=True),
        Panel("Valence of crosslinks, mean 3.3 asked for", words, "%", [
            curve(f"{valence} arms", e, resolved, "valence_2_3_4_percent", k) for k, valence in enumerate((2, 3, 4))]),
        Panel("Contour length between crosslinks", words, "\u00b5m", [
            curve("mean", e, resolved, "contour_um"),
            *(curve(f"{share} %", e, resolved, "contour_deciles_um", k, dashed=True)
              for k, share in enumerate((10, 50, 90)))]),
    ]  # fmt: skip


def _gels(kind: str, diameter: float, of: tuple[float, ...], box: float, **more: Any) -> dict[str, Arm]:
    return {f"{kind}-{c:g}": Arm(gel(c, diameter, box, **more)) for c in of}


def _rods(density: float, box: float = 60.0) -> dict[str, Arm]:
    return {f"rods-{density:g}": Arm({"density": density, "rod_length": 20.0, "box": box})}


_TABLE = (1.2, 1.5, 1.7, 2.0, 2.4, 3.0, 3.5)
_FULL = (0.5, 1.0, 1.2, 1.5, 1.7, 2.0, 2.4, 3.0, 3.5, 4.0)
ECM_1 = Experiment(
    id="ECM-1",
    title="Architecture of the collagen network against concentration",
    source="Ves25, Mor15, Jan18; Lindstrom et al. 2010 (recalled)",
    replica=architecture,
    observables=_architecture_rows,
    panels=_architecture_panels,
    code=(*NETWORK_CODE, "physim.analysis.network", "physim.analysis.alignment", network_of, straight_rods,
          pore_of_rods),
    uses_device=False,
    sizes={
        "smoke": Size(_gels("resolved", 0.1, (1.2, 3.5), 30.0, bubbles=20) | _rods(0.2, 40.0), (1,), hours=0.001),
        "quick": Size(_gels("resolved", 0.1, (1.2, 1.5, 2.4, 3.5), 60.0) | _gels("coarse", 0.2, (1.2, 3.5), 110.0)
                      | _rods(0.2), (1, 2, 3), hours=0.015),
        "standard": Size(
            _gels("resolved", 0.1, _TABLE, 60.0) | _gels("coarse", 0.2, _TABLE, 110.0)
            | _gels("aligned-0.3", 0.1, (2.0,), 60.0, alignment=0.3)
            | _gels("aligned-0.6", 0.1, (2.0,), 60.0, alignment=0.6)
            | _gels("large", 0.1, (1.2,), 110.0) | _rods(0.1) | _rods(0.3), tuple(range(1, 9)), hours=0.12),
        "full": Size(
            _gels("resolved", 0.1, _FULL, 100.0) | _gels("coarse", 0.2, _FULL, 180.0)
            | _gels("aligned-0.3", 0.1, _FULL, 100.0, alignment=0.3)
            | _gels("aligned-0.6", 0.1, _FULL, 100.0, alignment=0.6)
            | _gels("large", 0.1, (1.2,), 180.0) | _rods(0.1) | _rods(0.3), tuple(range(1, 17)), hours=2.0),
    },
)  # fmt: skip
