"""Section 7 of the catalogue, blood in vessels before any cell: CIR-0, a verification.

Every row has an exact answer, or a published solution of Stokes' equations. What is random is the network: a lattice of
vessels, and a tumour network, by seed; rows of those are of the worst one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from physim.experiments.declaration import Arm, Experiment, Observable, Size, Values
from physim.experiments.ecm import mean
from physim.experiments.ensemble import Ensemble

Measure = Callable[[Mapping[str, Any], int, int, str | None], Mapping[str, Any]]
TABLE = ((8.0, 100.0, 1.2), (8.0, 200.0, 2.4), (8.0, 400.0, 4.8), (6.0, 1000.0, 16.0), (20.0, 300.0, 1.44),
         (20.0, 1000.0, 4.8))  # fmt: skip
"""Diameter (um), mean speed (um/s), wall shear (dyn/cm^2) of plasma of 1.2 mPa s: EXPERIMENTS.md, CIR-0."""
FINE = 0.8
"""um, voxel of the tumour networks that are judged: 6 to a median radius."""
_POISEUILLE = "Poiseuille"
_CATALOGUE = "tolerance of the catalogue"
_HABERMAN = "Haberman & Sayre 1958; 5 % of the catalogue"


def device_blood(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> Mapping[str, Any]:
    """One of the computations of `analysis.blood_flow`, or a sphere in a tube."""
    from physim.analysis import blood_flow, sphere_drag

    if parameters["what"] == "drag":
        return sphere_drag.drag(parameters, network, seed, device)
    compute: Measure = getattr(blood_flow, parameters["what"])
    return compute(parameters, network, seed, device)


def blood(parameters: Mapping[str, Any], network: int, seed: int, device: str | None,
          measure: Measure = device_blood) -> Values:  # fmt: skip
    """What one computation gives beside its exact answer."""
    return dict(measure(parameters, network, seed, device))


def worst(arm: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: the largest of all networks."""
    return lambda e: float(e.take(arm, name).max())


def least(arm: str, name: str) -> Callable[[Ensemble], float]:
    """A statistic: the least of all networks."""
    return lambda e: float(e.take(arm, name).min())


def _one(name: str, arm: str, value: str, within: float, source: str, **more: Any) -> Observable:
    """A ratio that is to be 1."""
    return Observable(name, "", mean(arm, value), "V", 1.0, (1 - within, 1 + within), source, **more)


def _none(name: str, arm: str, value: str, most: float, source: str) -> Observable:
    """What is to vanish, in the worst network."""
    return Observable(name, "", worst(arm, value), "V", 0.0, (-most, most), source)


def _tube(size: Size) -> list[Observable]:
    fine = size.arms["tube"].parameters["radius"] / size.arms["tube"].parameters["voxel"]
    most = {4.0: 0.03, 8.0: 0.012}[fine]
    at = f"{fine:g} voxels to a radius"
    return [
        _one("flow of a tube over Poiseuille's, network", "tube", "flow", 1e-9, _POISEUILLE, trend=True),
        _one(f"the same, lumen between given pressures, {at}", "tube", "lumen_flow", most, f"{_POISEUILLE}; {at}"),
        _none("error of the velocity in the lumen over that on the axis, rms", "tube", "profile", most,
              f"{_POISEUILLE}'s parabola; {at}"),
        _none("largest speed on the wall and beyond, over that on the axis", "tube", "wall", 0.005,
              "no slip; a curved wall between voxels is h^2/8R off"),
        _none("the same where the lumen says wall or tissue", "tube", "beyond", 1e-12, "exact"),
        _none("divergence over the largest flux through a face, tube", "tube", "divergence", 1e-6, _CATALOGUE),
    ]  # fmt: skip


def _fork() -> list[Observable]:
    return [
        _one("Murray's bifurcation: largest over least wall shear, network", "fork", "shear", 1e-6, "Murray 1926"),
        _one("flow into the daughters at one pressure over (r1/r2)^4", "fork", "split", 1e-6, _POISEUILLE),
        _none("flow lost at the fork over what enters", "fork", "balance", 1e-6, _CATALOGUE),
        *(Observable(f"wall shear in the lumen over Murray's, {name}", "", mean("fork", "lumen", k), "V", 1.0,
                     (0.9, 1.1), "Murray 1926; tolerance chosen for 4 to 5 voxels to a radius")
          for k, name in enumerate(("parent", "larger daughter", "smaller daughter"))),
        _none("divergence over the largest flux through a face, bifurcation", "fork", "divergence", 1e-6, _CATALOGUE),
    ]  # fmt: skip


def _shear(size: Size) -> list[Observable]:
    rows = []
    for k, (diameter, speed) in enumerate(size.arms["shear"].parameters["tubes"]):
        target = next(shear for d, u, shear in TABLE if (d, u) == (diameter, speed))
        for words, name, within in (("network", "by_network", 1e-6), ("lumen", "by_lumen", 0.05)):
            rows.append(Observable(f"wall shear, d {diameter:g} \u00b5m, {speed:g} \u00b5m/s, {words}", "dyn/cm\u00b2",
                                   mean("shear", name, k), "V", target, (target * (1 - within), target * (1 + within)),
                                   "8 mu U/d; tolerance chosen here"))  # fmt: skip
    return rows


def _spheres(size: Size) -> list[Observable]:
    rows = []
    for arm in (name for name in size.arms if name.startswith("sphere")):
        given = size.arms[arm].parameters
        if given["offset"]:
            rows.append(_one("drag of a sphere that touches the wall over 32 tau R^2", arm, "attached", 0.1,
                             "Goldman, Cox & Brenner 1967; 10 % of the catalogue"))  # fmt: skip
            continue
        words = f"sphere on the axis, {given['ratio']:g} of the tube"
        rows += [_one(f"drag of a {words}, held", arm, "held", 0.05, _HABERMAN),
                 _one(f"speed of a {words}, free", arm, "speed", 0.05, _HABERMAN)]  # fmt: skip
    return rows


def _tumour(size: Size) -> list[Observable]:
    """Judged where voxels are fine; what the default voxel leaves is reported."""
    rows = []
    for arm in (name for name in size.arms if name.startswith("tumour")):
        given = size.arms[arm].parameters
        fine = given["voxel"] is not None
        voxel = f"voxels of {given['voxel']:g} \u00b5m" if fine else "the default voxel"
        words = f"{given['tracers']:,} tracers, worst tumour network, {voxel}"
        rows += [
            Observable(f"share that leaves by an outlet, {words}", "", least(arm, "left"), "V", 1.0, (0.99, 1 + 1e-9),
                       _CATALOGUE),
            Observable(f"the farthest beyond the wall of the lumen, {words}", "\u00b5m", worst(arm, "wall"), "V", None,
                       (-100.0, 0.0), "none through a wall"),
            Observable(f"the same, of the cones that vessels are made of, {words}", "\u00b5m", worst(arm, "cones"),
                       target=0.0, source="at forks voxels round off"),
            Observable(f"difference from the share of the flow, outlets of more than 5 %, {words}", "",
                       worst(arm, "share_large"), "V" if fine else "T3", 0.0, (-0.1, 0.1), _CATALOGUE),
            Observable(f"the same, outlets of more than 1 %, {words}", "", worst(arm, "share"), target=0.0,
                       source=_CATALOGUE),
            Observable(f"share that leaves by another outlet than the flow, {words}", "", worst(arm, "astray"),
                       target=0.0, source="exact"),
            _none(f"divergence over the largest flux through a face, tumour network, {voxel}", arm, "divergence", 1e-6,
                  _CATALOGUE),
            Observable(f"voxel, {arm}", "\u00b5m", mean(arm, "voxel")),
        ]  # fmt: skip
    return [
        *rows,
        _none("flow of a tumour network, difference from a dense solve", "tumour", "dense", 1e-9, "Kirchhoff's laws"),
        _none("flow lost at a node of a tumour network over what enters", "tumour", "balance", 1e-6, _CATALOGUE),
        *(Observable(f"{words} of a tumour network, mean", "", mean("tumour", name)) for words, name in
          (("outlets", "outlets"), ("outlets of more than 5 %", "outlets_large"), ("branches", "branches"))),
    ]  # fmt: skip


def _rows(size: Size) -> list[Observable]:
    return [
        *_tube(size), *_fork(), *_shear(size), *_spheres(size),
        _none("flow of a lattice of vessels, difference from a dense solve", "lattice", "dense", 1e-9,
              "Kirchhoff's laws"),
        _none("flow lost at a node of the lattice over what enters", "lattice", "balance", 1e-6, _CATALOGUE),
        *(_tumour(size) if "tumour" in size.arms else []),
    ]  # fmt: skip


def _arms(fine: float, tubes: int, spheres: tuple[float, ...], tumour: Mapping[str, Any] | None) -> dict[str, Arm]:
    """What is not random is computed once, on the first network."""
    one = (1,)
    arms = {
        "tube": Arm({"what": "in_tube", "radius": 8.0, "length": 8.0 * fine, "voxel": 8.0 / fine}, one),
        "fork": Arm({"what": "at_fork", "radius": 10.0, "length": 80.0, "asymmetry": 0.7, "voxel": 8.0 / fine}, one),
        "shear": Arm({"what": "shear_table", "tubes": [list(row[:2]) for row in TABLE[:tubes]], "fine": fine}, one),
        "lattice": Arm({"what": "lattice_solve", "side": 5 if tumour is None else 10}),
    }  # fmt: skip
    for ratio in spheres:
        arms[f"sphere-{ratio:g}"] = Arm({"what": "drag", "radius": 10.0, "ratio": ratio, "offset": 0.0, "voxel": 1.25},
                                        one)  # fmt: skip
    if tumour is not None:
        arms["sphere-wall"] = Arm({"what": "drag", "radius": 24.0, "ratio": 2 / 24, "offset": 22.0, "voxel": 1.5}, one)
        arms["tumour"] = Arm({"what": "through_tumour", "tracers": 10_000, "voxel": FINE, **tumour})
        arms["tumour-default"] = Arm({**arms["tumour"].parameters, "voxel": None})
    return arms


def _whole(box: list[float]) -> dict[str, Arm]:
    return _arms(8.0, len(TABLE), (0.25, 0.5), {"size": box})


_MESHES = ("centerlines", "generate_tubes", "generate_tumour", "parted", "patches", "surface", "voxel_faces", "voxels")
CIR_0 = Experiment(
    id="CIR-0",
    title="Flow of blood in vessels: Poiseuille, Murray, wall shear, drag of spheres, tracers through a network",
    source="exact solutions; Haberman & Sayre 1958; Goldman, Cox & Brenner 1967",
    replica=blood,
    observables=_rows,
    code=("physim.flow", "physim.lumen", "physim.two_level", "physim.lumen_device", "physim.tracers",
          "physim.wall_shear", "physim.vessels", "physim.circulation", *(f"physim.meshes.{name}" for name in _MESHES),
          "physim.analysis.blood_flow", "physim.analysis.sphere_drag", device_blood),
    terms=("plasma", "vessel_wall"),
    kernels=("tracers.cl",),
    sizes={
        "smoke": Size(_arms(4.0, 1, (), None), (1,), hours=0.001),
        "quick": Size(_whole([250.0, 250.0, 70.0]), (1, 2), hours=0.03),
        "standard": Size(_whole([450.0, 450.0, 70.0]), tuple(range(1, 9)), hours=0.2),
        "full": Size(_whole([800.0, 800.0, 100.0]), tuple(range(1, 9)), hours=0.6),
    },
)  # fmt: skip
