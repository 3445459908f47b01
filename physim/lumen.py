"""The velocity of blood within the lumen, on a grid: exactly Poiseuille in a tube, split at junctions by mass balance.

    lap w = -1,   w = 0 at the wall;      div((w/mu) grad p) = 0,   u = -(w/mu) grad p

In a tube w = (R^2 - r^2)/4, and u is Poiseuille's parabola. Elsewhere this is an approximation of Stokes flow: it
keeps no-slip, mass, and the profile of each section, but not the small swirls where vessels turn or part. Velocities
lie on the faces between voxels (staggered), so that what leaves a voxel enters the next. Units: um, s, Pa.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg, splu

from physim.errors import InputError
from physim.flow import Flow
from physim.meshes import voxels
from physim.meshes.centerlines import Centerlines
from physim.meshes.voxels import BEHIND, END, LUMEN, Voxels

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
NEAREST_WALL = 0.1
"""Voxels; a wall that is nearer to the middle of a voxel counts as this far, so that the equations stay well posed."""
_ACCURACY = 1e-8
"""Of the residual of w, relative to the right-hand side."""
TOLERANCE = 1e-11
"""Of the residual of the pressure, relative to what enters through the ports."""
_BALANCED = 1e-6
"""Of the largest inflow: the most by which what enters a part of the lumen may miss what leaves it."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Where blood goes from one voxel to the next, and out of the last ones; rows are those of `Voxels`."""

    one: Ids
    """(F,) voxel on the low side."""
    two: Ids
    """(F,) voxel on the high side."""
    axis: NDArray[np.int8]
    """(F,) 0, 1 or 2."""
    wall: Ids
    """(W,) voxels, once for each of their faces on a wall."""
    gap: Floats
    """(W,) voxels from the middle to the wall, at least 0.1."""
    end: Ids
    """(E,) voxels in front of the end of what goes on behind a port."""
    after: Ids
    """(E,) the voxel on the other side."""
    end_axis: NDArray[np.int8]
    """(E,)"""


@dataclass(frozen=True, eq=False)
class Lumen:
    """Blood in the lumen. Arrays are in rows of `voxels`, 0 outside the lumen."""

    blood: Flow
    voxels: Voxels
    faces: Faces
    profile: Floats
    """(V,) um^2, w."""
    pressure: Floats
    """(V,) Pa."""
    flux: Floats
    """(F,) um^3/s through each face, towards the high side."""
    end_flux: Floats
    """(E,) um^3/s out of each last voxel behind a port."""
    port_pressure: Floats
    """(K,) Pa, at the planes of the ports."""

    @cached_property
    def velocity(self) -> Floats:
        """(V, 3) um/s on the low face of each voxel along each axis: what comes from the voxel before it."""
        area, faces = self.voxels.h**2, self.faces
        found = np.zeros((len(self.voxels.index), 3))
        found[faces.two, faces.axis] = self.flux / area
        step = (self.voxels.index[faces.after] - self.voxels.index[faces.end]).sum(axis=1)
        upper = np.where(step > 0, faces.after, faces.end)
        found[upper, faces.end_axis] = step * self.end_flux / area
        return found

    @cached_property
    def port_flow(self) -> Floats:
        """(K,) um^3/s that leaves through each port; below 0 where blood enters."""
        ports = self.voxels.port[self.faces.end]
        return np.bincount(ports, self.end_flux, len(self.voxels.ports.node)).astype(np.float64)

    @cached_property
    def divergence(self) -> Floats:
        """(V,) um^3/s that leaves each voxel less what enters it."""
        count = len(self.voxels.index)
        out = np.bincount(self.faces.one, self.flux, count) - np.bincount(self.faces.two, self.flux, count)
        return np.asarray(out + np.bincount(self.faces.end, self.end_flux, count), np.float64)

    def again(self, blood: Flow, given: Literal["flows", "pressures"] = "flows") -> Lumen:
        """The same lumen with another flow of the same network: one solve of the two."""
        return _flowing(blood, self.voxels, self.faces, self.profile, given)


def lumen(blood: Flow, voxel: float | None = None, given: Literal["flows", "pressures"] = "flows") -> Lumen:
    """Velocity within the vessels of a network that carries `blood`. `voxel` in um, by default the least radius.

    The lumen takes from the network what flows through each port (so that all branches that are not in loops carry
    what they do in the network, whatever the voxel), or with `given="pressures"` the pressure there. Viscosity is that
    of the network at the nearest point of its centerlines. Raises InputError for voxels in which a vessel is cut.
    """
    space = voxels.voxels(blood.network, voxel)
    faces = _faces(blood.network, space)
    return _flowing(blood, space, faces, _profile(blood.network, space, faces), given)


def _branch_of(network: Centerlines) -> Ids:
    """(P,) branch of each point."""
    return np.repeat(np.arange(network.branches), np.diff(network.first))


def _faces(network: Centerlines, space: Voxels) -> Faces:
    """Faces between voxels of vessels that meet at a node, or of one vessel; all others are walls."""
    within = (space.kind == LUMEN) | (space.kind == BEHIND)
    branch = _branch_of(network)[space.point]
    ends = network.ends
    open_, walls, gaps, lasts = [], [], [], []
    for axis in range(3):
        beyond = space.rows(space.index + np.eye(3, dtype=np.int32)[axis])
        low = np.flatnonzero(beyond >= 0)
        high = beyond[low]
        both = within[low] & within[high]
        meet = (ends[branch[low]][:, :, None] == ends[branch[high]][:, None, :]).any(axis=(1, 2))
        one_port = (space.port[low] == space.port[high]) & (space.port[low] >= 0)
        foreign = ((space.kind[low] == BEHIND) | (space.kind[high] == BEHIND)) & ~one_port
        passes = both & (meet | (branch[low] == branch[high])) & ~foreign
        open_.append((low[passes], high[passes], np.full(passes.sum(), axis)))
        for inner, outer in ((low, high), (high, low)):
            last = within[inner] & (space.kind[outer] == END) & (space.port[inner] == space.port[outer])
            last &= space.kind[inner] == BEHIND
            lasts.append((inner[last], outer[last], np.full(last.sum(), axis)))
            closed = within[inner] & ~passes & ~last
            d = space.distance[inner[closed]]
            out = space.distance[outer[closed]]
            walls.append(inner[closed])
            gaps.append(np.where(out >= 0, np.maximum(d / np.minimum(d - out, -1e-300), NEAREST_WALL), 0.5))
    one, two, along = (np.concatenate(part) for part in zip(*open_, strict=True))
    end, after, across = (np.concatenate(part) for part in zip(*lasts, strict=True))
    return Faces(one, two, along.astype(np.int8), np.concatenate(walls), np.concatenate(gaps), end, after,
                 across.astype(np.int8))  # fmt: skip


def _profile(network: Centerlines, space: Voxels, faces: Faces) -> Floats:
    """(V,) um^2: w with lap w = -1 by differences, w = 0 on walls and no slope at the ends behind ports."""
    count = len(space.index)
    matrix = _laplacian(count, faces.one, faces.two, np.ones(len(faces.one)))
    matrix += diags_array(np.bincount(faces.wall, 1 / faces.gap, count))
    within = np.flatnonzero((space.kind == LUMEN) | (space.kind == BEHIND))
    depth, radius = -space.distance[within], network.radius[space.point[within]]
    right = np.full(len(within), space.h**2)
    profile = np.zeros(count)
    profile[within] = _solved(csr_array(matrix[within][:, within]), right, _groups(network, space)[within],
                              _ACCURACY * float(np.linalg.norm(right)), 0.25 * depth * (2 * radius - depth))  # fmt: skip
    return profile


def _groups(network: Centerlines, space: Voxels) -> Ids:
    """(V,) number of the block of 3 x 3 x 3 voxels of one branch in which each is."""
    block = np.concatenate([space.index // 3, _branch_of(network)[space.point, None]], axis=1).astype(np.int64)
    found: Ids = np.ravel_multi_index(tuple(block.T), tuple(block.max(axis=0) + 1))
    return found


def _laplacian(count: int, one: Ids, two: Ids, weight: Floats) -> csr_array:
    """(count, count): sums of weights on the diagonal, their negatives between the two ends of each face."""
    rows, columns = np.concatenate([one, two]), np.concatenate([two, one])
    off = csr_array(coo_array((np.tile(-weight, 2), (rows, columns)), shape=(count, count)))
    return csr_array(off + diags_array(-np.asarray(off.sum(axis=1)).ravel()))


def _flowing(blood: Flow, space: Voxels, faces: Faces, profile: Floats, given: str) -> Lumen:
    """The pressure in voxels and at ports, which are unknowns behind the voxels, and the fluxes that it drives."""
    ports, count = space.ports, len(space.index)
    mobility = profile / blood.viscosity[space.point]
    weight = 0.5 * (mobility[faces.one] + mobility[faces.two]) * space.h
    port = space.port[faces.end].astype(np.int64)
    along = ((space.middles[faces.end] - ports.place[port]) * ports.outward[port]).sum(axis=1)
    rise = np.abs(ports.outward[port, faces.end_axis]) * space.h
    gap = np.clip((ports.length[port] - along) / rise, NEAREST_WALL, 1.0)
    outlet = mobility[faces.end] * space.h / gap
    matrix = _laplacian(count + len(ports.node), np.concatenate([faces.one, faces.end]),
                        np.concatenate([faces.two, count + port]), np.concatenate([weight, outlet]))  # fmt: skip
    source = blood.source[ports.node]
    behind = source * 8 * blood.viscosity[ports.point] * ports.length / (np.pi * ports.radius**4)
    pressure = np.zeros(matrix.shape[0])
    pressure[count:] = blood.pressure[ports.node] + behind
    part = connected_components(matrix, directed=False)[1]
    of_port = part[count:]
    fixed = np.zeros(matrix.shape[0], bool)
    if given == "pressures":
        fixed[count:] = True
    else:
        _check_parts(space, source, of_port)
        fixed[count + np.unique(of_port, return_index=True)[1]] = True
    unknown = np.flatnonzero(~fixed & np.isin(part, of_port) & (matrix.diagonal() > 0))
    right = np.zeros(matrix.shape[0])
    right[count:] = source
    group = _groups(blood.network, space)
    group = np.concatenate([group, group.max() + 1 + np.arange(len(ports.node))])[unknown]
    right -= matrix @ np.where(fixed, pressure, 0.0)
    scale = np.abs(source).max(initial=0.0)
    pressure[unknown] = _solved(csr_array(matrix[unknown][:, unknown]), right[unknown], group, TOLERANCE * scale)
    flux = weight * (pressure[faces.one] - pressure[faces.two])
    end_flux = outlet * (pressure[faces.end] - pressure[count + port])
    return Lumen(blood, space, faces, profile, pressure[:count], flux, end_flux, pressure[count:] - behind)


def _check_parts(space: Voxels, source: Floats, part: Ids) -> None:
    """Raise InputError where what enters a connected part of the lumen does not leave it: a vessel is cut."""
    net = np.bincount(part, source)
    off = int(np.argmax(np.abs(net)))
    if np.abs(net[off]) > _BALANCED * np.abs(source).max():
        x, y, z = space.ports.place[np.flatnonzero(part == off)[0]]
        raise InputError(f"lumen: the vessels behind the port at ({x:.1f}, {y:.1f}, {z:.1f}) um are cut in voxels of "
                         f"{space.h:.3g} um; give a smaller voxel")  # fmt: skip


def _solved(matrix: csr_array, right: Floats, group: Ids, tolerance: float, start: Floats | None = None) -> Floats:
    """x with |matrix x - right| <= tolerance, by conjugate gradients that are preconditioned on two levels.

    Jacobi for each voxel, and an exact solve with one unknown for each group: else what happens at one end of a vessel
    spreads by a voxel in an iteration. Vessels are long and thin, so that the exact solve has little fill.
    """
    diagonal, group = matrix.diagonal(), np.unique(group, return_inverse=True)[1]
    count = len(diagonal)
    spread = csr_array(coo_array((np.ones(count), (np.arange(count), group)), shape=(count, group.max(initial=-1) + 1)))
    gather = csr_array(spread.T)
    coarse = splu(csc_array(gather @ matrix @ spread), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                  options={"SymmetricMode": True})  # fmt: skip

    def nearly(v: Floats) -> Floats:
        return v / diagonal + spread @ coarse.solve(gather @ v)

    found, failed = cg(matrix, right, start, rtol=0.0, atol=tolerance, maxiter=2000,
                       M=LinearOperator(matrix.shape, nearly))  # fmt: skip
    if failed:
        raise InputError("lumen: the flow in it does not converge; give another voxel")
    return np.asarray(found, np.float64)
