"""Blood in vessels against closed forms and other solutions: the computations behind experiment CIR-0.

Everything is computed by the functions that runs use: `physim.flow`, `physim.lumen`, `physim.wall_shear`,
`physim.tracers`. Spheres in blood are in `analysis.sphere_drag`. Units: um, s, Pa.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim import flow
from physim.device import Device, choose
from physim.flow import Flow
from physim.lumen import Lumen, lumen
from physim.lumen_device import DeviceLumen
from physim.meshes.centerlines import Centerlines, joined, straight
from physim.meshes.generate_tubes import bifurcation
from physim.meshes.generate_tumour import tumour
from physim.meshes.patches import centers, patches
from physim.meshes.surface import round_cone, surface
from physim.tracers import INSIDE, release, trace
from physim.wall_shear import wall_shear

Floats = NDArray[np.float64]
_START, _AXIS = np.array([0.3, 0.2, 0.1]), np.array([3.0, 2.0, 1.0]) / np.sqrt(14.0)
"""um; of tubes that are not along the axes of the grid, which would be too easy."""
_OF_FLOW = 0.05
"""Of the flow: outlets that carry more are judged one by one."""
_LOOKS = 4
"""Times at which tracers are looked at on their way."""


def in_tube(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """A straight oblique tube: `radius`, `length`, `voxel` (um). Ratios to Poiseuille's law, u = 2 U (1 - r^2/R^2).

    flow: of the network; lumen_flow: of the lumen between the same pressures; profile: rms of the velocity error at
    points in the middle half, over the speed on the axis; wall: largest speed at points on the wall, and beyond: where
    the lumen says wall or tissue, over the same; divergence: largest, over the largest flux through a face.
    """
    radius, length, h = parameters["radius"], parameters["length"], parameters["voxel"]
    blood = _tube(radius, length, 50.0)
    wanted = np.pi * radius**4 * 50.0 / (8 * flow.PLASMA * length)
    made, open_ends = lumen(blood, h), lumen(blood, h, "pressures")
    fast = 2 * wanted / (np.pi * radius**2)
    rng = np.random.Generator(np.random.Philox(network))
    across = np.cross(rng.standard_normal((4000, 3)), _AXIS)
    across /= np.linalg.norm(across, axis=1)[:, None]
    along = _START + rng.uniform(0.25, 0.75, (4000, 1)) * length * _AXIS
    r = radius * np.sqrt(rng.random((4000, 1)))
    field = DeviceLumen(Device(choose(device)), made)
    missed = field.sample(along + r * across)[0] - fast * (1 - (r / radius) ** 2) * _AXIS
    on_wall = field.sample(along + radius * across)[0]
    outside, distance = field.sample(along + radius * rng.uniform(1.0, 1.3, (4000, 1)) * across)
    return {
        "flow": float(blood.flow[0]) / wanted, "lumen_flow": float(open_ends.port_flow.max()) / wanted,
        "profile": float(np.sqrt((missed**2).sum(axis=1).mean())) / fast,
        "wall": float(np.abs(on_wall).max()) / fast, "beyond": float(np.abs(outside[distance >= 0]).max()) / fast,
        "divergence": divergence(made),
    }  # fmt: skip


def at_fork(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """Murray's bifurcation, r0^3 = r1^3 + r2^3, of one viscosity: `radius`, `length`, `asymmetry` = r2/r1, `voxel`.

    shear: largest over least wall shear of the three where each carries r^3 of the flow; split: Q1/Q2 over (r1/r2)^4
    where the daughters, of one length, end at one pressure; balance: what is lost at the fork over what enters; lumen:
    wall shear in the lumen over 4 mu Q/(pi r^3), of the three, away from fork and ends; divergence as of `in_tube`.
    """
    made = bifurcation(**{name: parameters[name] for name in ("radius", "length", "asymmetry")})
    thick, enters = np.full(len(made.points), flow.PLASMA), 5e4
    own = np.array([made.branch(b)[1].mean() for b in range(3)])
    share = own**3 / own[0] ** 3
    murray = flow.solve(made, {3: 0.0}, {0: enters, 2: -enters * share[1]}, viscosity=thick)
    level = flow.solve(made, {2: 0.0, 3: 0.0}, {0: enters}, viscosity=thick)
    middle = (made.first[:-1] + made.first[1:]) // 2
    shear = np.abs(murray.shear[middle])
    within, found = lumen(murray, parameters["voxel"]), []
    walls = surface(made, parameters["voxel"])
    patch = patches(walls, 2 * own.min() ** 2)
    by_lumen, place = wall_shear(within, walls, patch), centers(walls, patch)
    for b in range(3):
        begin, end = made.branch(b)[0][[0, -1]]
        axis = (end - begin) / np.linalg.norm(end - begin)
        s = (place - begin) @ axis
        off = np.linalg.norm(place - begin - s[:, None] * axis, axis=1)
        there = (off < 1.3 * own[b]) & (np.abs(s - 0.5 * parameters["length"]) < own[0])
        found.append(float(by_lumen[there].mean() / shear[b]))
    return {
        "shear": float(shear.max() / shear.min()), "balance": abs(float(murray.source[1])) / enters,
        "split": float(level.flow[1] / level.flow[2] / (own[1] / own[2]) ** 4), "lumen": found,
        "divergence": divergence(within),
    }  # fmt: skip


def shear_table(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """Wall shear, dyn/cm^2, of plasma in tubes: `tubes` is a list of [diameter um, mean speed um/s].

    by_network: 4 mu Q/(pi R^3) of `Flow.shear`; by_lumen: mean over patches of the wall, of a lumen of `fine` voxels
    to a radius, away from the ends.
    """
    by_network, by_lumen, unit = [], [], dict[float, float]()
    for diameter, speed in parameters["tubes"]:
        radius, length = 0.5 * diameter, 5.0 * diameter
        blood = _tube(radius, length, 8 * flow.PLASMA * length * speed / radius**2)
        by_network.append(float(np.abs(blood.shear).mean()) / flow.DYN)
        if diameter not in unit:  # flow is linear in the speed
            h = radius / parameters["fine"]
            walls = surface(blood.network, h)
            patch = patches(walls, 2 * radius**2)
            along = (centers(walls, patch) - _START) @ _AXIS
            inner = (along > diameter) & (along < length - diameter)
            unit[diameter] = float(wall_shear(lumen(blood, h), walls, patch)[inner].mean()) / flow.DYN / speed
        by_lumen.append(unit[diameter] * speed)
    return {"by_network": by_network, "by_lumen": by_lumen}


def lattice_solve(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """Vessels of random radii between the nodes of a square lattice of `side` nodes, a loop in each of its meshes.

    dense, balance: as of `against_dense`.
    """
    random, side = np.random.Generator(np.random.Philox(network)), parameters["side"]
    lines, ends = [], []
    for i, j in np.ndindex(side, side):
        for k, m in ((i + 1, j), (i, j + 1)):
            if max(k, m) < side:
                wide = random.uniform(3, 12, 2)
                lines.append(straight(np.array([50.0 * i, 50.0 * j, 0]), np.array([50.0 * k, 50.0 * m, 0]),
                                      (float(wide[0]), float(wide[1])), 3.0))  # fmt: skip
                ends.append((side * i + j, side * k + m))
    made = joined(lines, ends)
    return against_dense(flow.solve(made, {0: 100.0, side**2 - 1: 0.0}), np.array([0, side**2 - 1]))


def through_tumour(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """`tracers` points through a generated tumour network in a box of `size` um, its flow as `flow.estimate` has it.

    left: share that leaves by an outlet; wall, cones: um beyond the wall, the farthest of all at some times on the way,
    of the wall of the lumen and of the cones that vessels are made of (below 0: inside); share, share_large: largest
    difference between the share of an outlet and that of its flow, over the latter, of outlets with more than 1 % and
    5 % of the flow; astray: share of tracers that leave by another outlet than the flow would have them; outlets;
    branches; voxel, um (default: that of `lumen`); divergence, dense, balance.
    """
    made = tumour(size=tuple(parameters["size"]), seed=network)
    blood = flow.estimate(made)
    within = lumen(blood, parameters.get("voxel"))
    field, points = DeviceLumen(Device(choose(device)), within), release(within, parameters["tracers"])
    whole = trace(field, points)
    wall, cones, here = -np.inf, -np.inf, points
    for times in np.diff(np.quantile(whole.time, np.linspace(0, 0.95, _LOOKS + 1))):
        found = trace(field, here, seconds=float(times))
        here = found.position[found.port == INSIDE]
        wall = max(wall, float(field.sample(here)[1].max()))
        cones = max(cones, float(_from_wall(made, here).max()))
    out = np.maximum(within.port_flow, 0.0)
    wanted = out / out.sum()
    left = np.bincount(whole.port[whole.port != INSIDE], minlength=len(out)) / len(points)
    off = np.abs(left / np.where(wanted > 0, wanted, 1.0) - 1)
    return {
        "left": float(left[out > 0].sum()), "wall": wall, "cones": cones, "share": float(off[wanted > 0.01].max()),
        "share_large": float(off[wanted > _OF_FLOW].max()), "astray": float(0.5 * np.abs(left - wanted).sum()),
        "outlets": int((out > 0).sum()), "outlets_large": int((wanted > _OF_FLOW).sum()), "branches": made.branches,
        "voxel": within.voxels.h, "divergence": divergence(within),
        **against_dense(blood, np.flatnonzero(made.degree == 1)),
    }  # fmt: skip


def against_dense(blood: Flow, given: NDArray[np.int64]) -> dict[str, float]:
    """A solution beside Kirchhoff's laws with all flows and pressures unknown at once, in a dense matrix.

    Pressures are given at some nodes (`given`), and nothing enters elsewhere. dense: largest difference of a flow,
    over the largest flow; balance: the most that is lost or gained at an inner node, over what enters.
    """
    made = blood.network
    branches, nodes = made.branches, len(made.nodes)
    g = flow.conductances(made, blood.viscosity)
    dense, right = np.zeros((branches + nodes,) * 2), np.zeros(branches + nodes)
    rows, (one, two) = np.arange(branches), made.ends.T
    unit = np.abs(g).max()
    dense[rows, rows] = -unit / g
    dense[rows, branches + one] += 1
    dense[rows, branches + two] -= 1  # p_1 - p_2 - Q/g = 0, in pressures and flows over `unit`
    np.add.at(dense, (branches + one, rows), 1.0)
    np.add.at(dense, (branches + two, rows), -1.0)
    dense[branches + given] = 0
    dense[branches + given, branches + given] = 1
    right[branches + given] = blood.pressure[given]
    found = unit * np.linalg.solve(dense, right)[:branches]
    inner = np.setdiff1d(np.arange(nodes), given)
    lost = float(np.abs(blood.source[inner]).max()) if len(inner) else 0.0
    return {"dense": float(np.abs(found - blood.flow).max() / np.abs(blood.flow).max()),
            "balance": lost / float(blood.source[blood.source > 0].sum())}  # fmt: skip


def divergence(made: Lumen) -> float:
    """The most that a voxel gains or loses, over the largest flux through a face."""
    return float(np.abs(made.divergence).max() / np.abs(made.flux).max())


def _tube(radius: float, length: float, drop: float) -> Flow:
    """Plasma in an oblique tube, `drop` Pa between its ends."""
    made = joined([straight(_START, _START + length * _AXIS, (radius, radius), min(3.0, 0.5 * radius))], [(0, 1)])
    return flow.solve(made, {0: drop, 1: 0.0}, viscosity=np.full(len(made.points), flow.PLASMA))


def _from_wall(made: Centerlines, points: Floats) -> Floats:
    """(n,) um: distance from the union of the round cones of a network, below 0 inside."""
    found = np.full(len(points), np.inf)
    for k in np.setdiff1d(np.arange(len(made.points) - 1), made.first[1:-1] - 1):
        a, b, wide = made.points[k], made.points[k + 1], float(made.radius[[k, k + 1]].max())
        near = np.linalg.norm(points - 0.5 * (a + b), axis=1) < np.linalg.norm(b - a) + wide + 5.0
        if near.any():
            found[near] = np.minimum(found[near], round_cone(points[near], a, b, made.radius[k], made.radius[k + 1]))
    return found
