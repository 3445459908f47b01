"""What `kernels/lumen.h` computes, in float64: velocity and distance from the wall between voxels."""

from __future__ import annotations

import numpy as np

from physim.meshes.voxels import BAND


def lattice(lumen, values, points, shift):
    """Trilinear between values on a lattice that is shifted by so many voxels; where there is no voxel, `rest`."""
    values, rest = values
    space = lumen.voxels
    place = (points - space.origin) / space.h - shift
    low = np.floor(place).astype(int)
    share = place - low
    total = np.zeros(len(points))
    for corner in np.ndindex(2, 2, 2):
        row = space.rows(low + corner)
        weight = np.where(corner, share, 1 - share).prod(axis=1)
        total += weight * np.where(row >= 0, values[row], rest)
    return total


def velocity(lumen, points):
    """(n, 3) um/s: each component between the faces on which it lies, and 0 at the wall."""
    points = np.asarray(points, float)
    found = np.stack([lattice(lumen, (lumen.velocity[:, a], 0.0), points, np.where(np.arange(3) == a, 0.0, 0.5))
                      for a in range(3)], axis=1)  # fmt: skip
    return found * np.clip(-4 * distance(lumen, points) / lumen.voxels.h, 0, 1)[:, None]


def distance(lumen, points):
    """(n,) um from the wall, below 0 inside."""
    rest = BAND * lumen.voxels.h
    return lattice(lumen, (np.minimum(lumen.voxels.distance, rest), rest), np.asarray(points, float), np.full(3, 0.5))


def through(lumen, place, normal, radius, count=150):
    """um^3/s through the disk of this radius: the interpolated velocity summed over a spiral of equal areas."""
    normal = np.asarray(normal, float) / np.linalg.norm(normal)
    across = np.linalg.svd(normal[None])[2][1:]
    k = np.arange(count * count) + 0.5
    r, angle = radius * np.sqrt(k / len(k)), np.pi * (1 + 5**0.5) * k
    points = place + r[:, None] * (np.cos(angle)[:, None] * across[0] + np.sin(angle)[:, None] * across[1])
    return float((velocity(lumen, points) @ normal).mean() * np.pi * radius**2)


def across(lumen, place, normal, reach):
    """um^3/s through all faces between voxels on both sides of a plane, no farther than `reach` from a point on it."""
    one, two = (lumen.voxels.middles[rows] - place for rows in (lumen.faces.one, lumen.faces.two))
    near = np.linalg.norm(one, axis=1) < reach
    ahead = (two @ normal > 0).astype(int) - (one @ normal > 0)
    return float((ahead * lumen.flux)[near].sum())


def carried(lumen, points, pieces, margin):
    """Points (n, 3) and times (n,) after so many steps of `trace`, where none of them reaches a port."""
    def off_the_wall(at):
        gap = distance(lumen, at)
        step = 1e-4 * np.eye(3)
        slope = np.stack([(distance(lumen, at + e) - distance(lumen, at - e)) / 2e-4 for e in step], axis=1)
        back = ((gap + margin) / (slope**2).sum(axis=1))[:, None] * slope
        return np.where((gap > -margin)[:, None], at - back, at)

    here, time = off_the_wall(np.asarray(points, float)), np.zeros(len(points))
    for _ in range(pieces):
        first = velocity(lumen, here)
        step = 0.5 * lumen.voxels.h / np.linalg.norm(first, axis=1)
        second = velocity(lumen, here + 0.5 * step[:, None] * first)
        step = np.minimum(step, 0.5 * lumen.voxels.h / np.linalg.norm(second, axis=1))
        here, time = off_the_wall(here + step[:, None] * second), time + step
    return here, time
