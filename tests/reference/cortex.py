"""The energy of a cell with a shape in float64, written from the equations of `terms.cortex`, not from the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.generate.icosphere import enclosed, icosphere

Points = NDArray[np.float64]


def layers(term: Any, shell: Points) -> tuple[Points, Points]:
    """Nucleus and cortex (vertices, 3) of one cell, seen from its centre."""
    return shell[: term.vertices], shell[term.vertices :]


def volumes(term: Any, shell: Points, radius: float = 8.4, nucleus_radius: float = 4.7) -> Points:
    """What both layers enclose, over what they shall."""
    faces = icosphere(term.vertices)[1]
    sizes = np.array([nucleus_radius, radius - term.thickness])
    return np.array([enclosed(layer, faces) for layer in layers(term, shell)]) / (4 / 3 * np.pi * sizes**3)


def energy(term: Any, shell: Points, centre: Points, gap: Any, radius: float = 8.4,
           nucleus_radius: float = 4.7) -> float:  # fmt: skip
    """fJ, of one cell; `gap` gives the distances (n,) um of points (n, 3) um from the obstacles."""
    unit, faces = icosphere(term.vertices)
    sizes = (nucleus_radius, radius - term.thickness)
    nucleus, cortex = layers(term, shell)
    laws = ((term.nucleus_tension, term.nucleus_shear, term.nucleus_dilation),
            (term.tension, term.shear, term.dilation))  # fmt: skip
    sum_of = 0.0
    reaches = (2 * term.thickness, term.thickness)
    for layer, size, law, reach in zip((nucleus, cortex), sizes, laws, reaches, strict=True):
        sum_of += sum(_membrane(layer[faces], size * unit[faces], *law))
        rest = 4 / 3 * np.pi * size**3
        sum_of += 0.5 * term.volume_modulus * (enclosed(layer, faces) - rest) ** 2 / rest
        area = 4 * np.pi * radius**2 / term.vertices
        edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
        for points, part in ((layer, area / 3), (layer[edges].mean(1), area / 9), (layer[faces].mean(1), area / 6)):
            into = np.maximum(reach - gap(points + centre), 0)
            sum_of += 0.5 * term.wall_modulus * part * (into**2).sum()
    sum_of += 0.5 * term.nucleus_holding * (nucleus.mean(0) ** 2).sum()
    sum_of += term.contraction * sizes[1] ** 2 * (np.sqrt(1 + (cortex**2).sum(1) / sizes[1] ** 2) - 1).mean()
    firm = term.wall_modulus * 4 * np.pi * nucleus_radius**2 / term.vertices
    return sum_of + 0.5 * firm * (np.maximum(term.thickness - inside(nucleus, cortex), 0) ** 2).sum()


def _membrane(corner: Points, rest: Points, tension: float, shear: float, dilation: float) -> Points:
    """gamma A + mu A_0 (I_1/J - 2)/2 + k A_0 (J - 1 - ln J) of each triangle; I_1 from the metric in its plane."""
    now, then = (np.stack([t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]], axis=1) for t in (corner, rest))
    metric, metric_0 = (t @ t.transpose(0, 2, 1) for t in (now, then))
    area, area_0 = (0.5 * np.sqrt(np.linalg.det(m)) for m in (metric, metric_0))
    trace = np.trace(np.linalg.solve(metric_0, metric), axis1=1, axis2=2)
    j = area / area_0
    return tension * area + area_0 * (0.5 * shear * (trace / j - 2) + dilation * (j - 1 - np.log(j)))


def inside(nucleus: Points, cortex: Points) -> Points:
    """um, how far inside the cortex each vertex of the nucleus is: to the triangles around the nearest vertex."""
    faces = icosphere(len(cortex))[1]
    depth = np.zeros(len(nucleus))
    for k, point in enumerate(nucleus):
        near = np.linalg.norm(cortex - point, axis=1).argmin()
        found = [_to_triangle(point, *cortex[face]) for face in faces if near in face]
        distance, side = min(found, key=lambda pair: pair[0])
        depth[k] = distance if side >= 0 else -distance
    return depth


def _to_triangle(point: Points, a: Points, b: Points, c: Points) -> tuple[float, float]:
    """Distance from a point, and the side: above 0 behind the triangle."""
    best, nearest = np.inf, a
    normal = np.cross(b - a, c - a)
    shares = np.linalg.lstsq(np.stack([b - a, c - a], axis=1), point - a, rcond=None)[0]
    if (shares >= 0).all() and shares.sum() <= 1:
        nearest = a + shares[0] * (b - a) + shares[1] * (c - a)
        best = float(np.linalg.norm(point - nearest))
    for p, q in ((a, b), (b, c), (c, a)):
        t = np.clip((point - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
        if (d := float(np.linalg.norm(point - p - t * (q - p)))) < best:
            best, nearest = d, p + t * (q - p)
    return best, float((nearest - point) @ normal)


def slope(of: Any, at: Points, step: float = 1e-5) -> Points:
    """Gradient of a function of an array, by central differences."""
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[index] += sign * step
            ends.append(of(moved))
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found


def overlapping(layer: Points, samples: int = 1000) -> float:
    """Share of what a shell encloses that it encloses more than once, from winding numbers of random points."""
    corner = layer[icosphere(len(layer))[1]]
    points = np.random.default_rng(1).uniform(layer.min(0), layer.max(0), (samples, 1, 1, 3))
    a, b, c = np.moveaxis(corner - points, 2, 0)
    x, y, z = (np.linalg.norm(side, axis=2) for side in (a, b, c))
    dots = [(p * q).sum(2) for p, q in ((a, b), (b, c), (c, a))]
    solid = np.arctan2((a * np.cross(b, c)).sum(2), x * y * z + dots[0] * z + dots[1] * x + dots[2] * y)
    winding = np.rint(solid.sum(1) / (2 * np.pi))
    return float((winding > 1).sum() / max((winding > 0).sum(), 1))


def squeezed(tension: float, radius: float, height: float) -> tuple[float, float]:
    """Force (nN) and pressure (nN/um^2) of a drop of this radius, at rest, between plates that do not stick to it.

    With p = tension x c, r sin(psi) - c r^2/2 is the same all along the meridian from the plate (psi = 0 at r = a) to
    the equator (psi = 90 degrees at r = b): so r sin(psi) = c (r^2 - a^2)/2. Height and volume are integrals over r.
    """
    from scipy.integrate import quad
    from scipy.optimize import brentq

    def shape(a: float, b: float) -> tuple[float, float]:
        def slope_at(u: float, power: int) -> float:
            r = b - (b - a) * u**2  # dr = -2 (b - a) u du lifts the pole at the equator
            sine = b * (r**2 - a**2) / (b**2 - a**2) / r
            return r**power * sine / np.sqrt(max(1 - sine**2, 1e-15)) * 2 * (b - a) * u

        high, volume = quad(slope_at, 1e-7, 1, args=(0,))[0], quad(slope_at, 1e-7, 1, args=(2,))[0]
        return 2 * high, 2 * np.pi * volume

    def widest(a: float) -> float:
        return brentq(lambda b: shape(a, b)[0] - height, a + 1e-4, a + height)

    a = brentq(lambda a: shape(a, widest(a))[1] - 4 / 3 * np.pi * radius**3, 0.05 * radius, 2.5 * radius)
    b = widest(a)
    pressure = tension * 2 * b / (b**2 - a**2)
    return pressure * np.pi * a**2, pressure
