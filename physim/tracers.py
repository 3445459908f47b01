"""Points that blood carries through the lumen, from where it enters to where it leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.errors import InputError
from physim.lumen import Lumen
from physim.lumen_device import DeviceLumen, rows
from physim.meshes.voxels import LUMEN

Floats = NDArray[np.float64]
INSIDE = -1
MARGIN = 0.25
"""Voxels; tracers are kept this far from the wall, over which the velocity goes to 0."""
_PIECES = 256
"""Steps in one launch, after which the host looks who has left."""


@dataclass(frozen=True, eq=False)
class Traced:
    """Where tracers are, and by which port they have left."""

    position: Floats
    """(n, 3) um."""
    time: Floats
    """(n,) s on the way."""
    port: NDArray[np.int32]
    """(n,) in the order of `lumen.voxels.ports`; -1 if still inside."""


def trace(blood: DeviceLumen, points: ArrayLike, *, seconds: float = np.inf, margin: float | None = None,
          pieces: int | None = None) -> Traced:  # fmt: skip
    """Carry points (n, 3) in um along for some time, or until they leave by a port.

    Midpoint rule (order 2) in steps of at most half a voxel. Points nearer to the wall than `margin` (um, by default a
    quarter of a voxel) are pushed off it. A tracer gives up after so many steps (`pieces`), by default those of three
    times the length of the network. Raises InputError for points that are not finite.
    """
    lumen = blood.lumen
    start = np.asarray(points, float).reshape(-1, 3)
    if not np.isfinite(start).all():
        raise InputError(f"tracers: point {int(np.argmin(np.isfinite(start).all(axis=1)))} is not finite")
    h, count, device = lumen.voxels.h, len(start), blood.device
    left_to_do = int(6 * lumen.blood.network.lengths.sum() / h) if pieces is None else pieces
    tracers, left = device.empty("lumen tracers", 16 * count), device.empty("lumen left", 4 * count)
    device.upload(tracers, rows(start - blood.origin))
    device.upload(left, np.full(count, INSIDE, np.int32))
    until = np.float32(min(seconds, 3e38))
    near = np.float32(MARGIN * h if margin is None else margin)
    before = np.full((count, 4), np.nan, np.float32)
    while left_to_do > 0:
        at_once = min(left_to_do, _PIECES)
        left_to_do -= at_once
        blood.run("trace", count, *blood.field, *blood.ports, tracers, left, until, near, np.uint32(at_once),
                  np.uint32(count))  # fmt: skip
        now = device.download(tracers, np.float32, 4 * count).reshape(-1, 4)
        port = device.download(left, np.int32, count)
        if ((port != INSIDE) | (now[:, 3] >= until) | (now == before).all(axis=1)).all():
            break
        before = now
    return Traced(now[:, :3] + blood.origin, now[:, 3].astype(float), port)


def paths(blood: DeviceLumen, points: ArrayLike, *, every: int = 4, pieces: int = 4000
          ) -> tuple[Floats, NDArray[np.int64]]:  # fmt: skip
    """The ways of points through the lumen, a place after so many steps each (`every`), for pictures.

    Returns places (P, 3) in um and, as of `Centerlines.first`, where each way begins. `pieces` is as of `trace`.
    """
    here = np.asarray(points, float).reshape(-1, 3)
    moving = np.arange(len(here))
    seen, whose = [here], [moving]
    for _ in range(pieces // every):
        found = trace(blood, here, pieces=every)
        seen.append(found.position)
        whose.append(moving)
        still = (found.port == INSIDE) & (found.time > 0)
        here, moving = found.position[still], moving[still]
        if not len(moving):
            break
    order = np.argsort(np.concatenate(whose), kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(np.concatenate(whose)))])
    return np.concatenate(seen)[order], first


def release(lumen: Lumen, count: int) -> Floats:
    """(count, 3) um: points on the planes of the ports through which blood enters, as many as it brings.

    The faces across each plane are lined up, and points are taken at even steps of the flux through them; within a
    face they follow a sequence of low discrepancy (Roberts 2018, of the plastic number). Nothing is random.
    """
    space, faces = lumen.voxels, lumen.faces
    ports = space.ports
    one, two = faces.one, faces.two
    over = (space.kind[one] == LUMEN) != (space.kind[two] == LUMEN)
    one, two, axis = one[over], two[over], faces.axis[over]
    inward = np.where(space.kind[two] == LUMEN, 1.0, -1.0) * lumen.flux[over]
    enters = np.isin(space.port[one], np.flatnonzero(lumen.port_flow < 0)) & (inward > 0)
    one, axis, inward = one[enters], axis[enters], inward[enters]
    if not len(one):
        raise InputError("tracers: no blood enters by any port")
    order = np.argsort(space.port[one], kind="stable")
    one, axis, total = one[order], axis[order], np.cumsum(inward[order])
    k = np.arange(count)
    face = np.searchsorted(total, (k + 0.5) / count * total[-1])
    plastic = 1.32471795724474602596
    points = space.middles[one[face]]
    turn = np.stack([(0.5 + (k + 1) / plastic) % 1, (0.5 + (k + 1) / plastic**2) % 1], axis=1) - 0.5
    for a in range(3):
        mine = axis[face] == a
        points[mine, a] += 0.5 * space.h
        points[np.ix_(mine, np.delete(np.arange(3), a))] += space.h * turn[mine]
    of = space.port[one[face]]
    off = points - ports.place[of]
    off -= ((off * ports.outward[of]).sum(axis=1) + 1e-3 * space.h)[:, None] * ports.outward[of]
    within = (ports.radius[of] - MARGIN * space.h) / np.linalg.norm(off, axis=1)
    return np.asarray(ports.place[of] + np.minimum(within, 1.0)[:, None] * off, np.float64)
