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
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components

from physim.errors import InputError
from physim.flow import Flow
from physim.meshes.centerlines import Centerlines
from physim.meshes.voxel_faces import NEAREST_WALL, Faces, branch_of, faces
from physim.meshes.voxels import BEHIND, LUMEN, Voxels, voxels
from physim.two_level import laplacian, solved

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
_ACCURACY, _BALANCE = 1e-8, 1e-11
"""Residuals: of w, over the right-hand side; of the pressure, over the largest flow through a port."""
_LOST = 1e-6
"""Of the largest inflow: the most by which what enters a part of the lumen may miss what leaves it."""


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
        """The same lumen with another flow of the same network: one solve of the two. InputError for another one."""
        if blood.network is not self.blood.network:
            raise InputError("lumen: this flow is that of another network; make a lumen from it")
        return _flowing(blood, self.voxels, self.faces, self.profile, given)


def lumen(blood: Flow, voxel: float | None = None, given: Literal["flows", "pressures"] = "flows") -> Lumen:
    """Velocity within the vessels of a network that carries `blood`. `voxel` in um, by default `default_voxel`.

    The lumen takes from the network what flows through each port (so that all branches that are not in loops carry
    what they do in the network, whatever the voxel), or with `given="pressures"` the pressure there. Viscosity is that
    of the network at the nearest point of its centerlines. Raises InputError for voxels in which a vessel is cut.
    """
    space = voxels(blood.network, voxel)
    between = faces(blood.network, space)
    return _flowing(blood, space, between, _profile(blood.network, space, between), given)


def _profile(network: Centerlines, space: Voxels, between: Faces) -> Floats:
    """(V,) um^2: w with lap w = -1 by differences, w = 0 on walls and no slope at the ends behind ports."""
    count = len(space.index)
    matrix = laplacian(count, between.one, between.two, np.ones(len(between.one)))
    matrix += diags_array(np.bincount(between.wall, 1 / between.gap, count))
    within = np.flatnonzero((space.kind == LUMEN) | (space.kind == BEHIND))
    depth, radius = -space.distance[within], network.radius[space.point[within]]
    right = np.full(len(within), space.h**2)
    enough, start = _ACCURACY * float(np.linalg.norm(right)), 0.25 * depth * (2 * radius - depth)
    profile = np.zeros(count)
    group = _groups(network, space)[within]
    profile[within] = solved(csr_array(matrix[within][:, within]), right, group, enough, start)
    return profile


def _groups(network: Centerlines, space: Voxels) -> Ids:
    """(V,) number of the block of 3 x 3 x 3 voxels of one branch in which each is."""
    block = np.concatenate([space.index // 3, branch_of(network)[space.point, None]], axis=1).astype(np.int64)
    found: Ids = np.ravel_multi_index(tuple(block.T), tuple(block.max(axis=0) + 1))
    return found


def _flowing(blood: Flow, space: Voxels, between: Faces, profile: Floats, given: str) -> Lumen:
    """The pressure in voxels and at ports, which are unknowns behind the voxels, and the fluxes that it drives."""
    ports, count = space.ports, len(space.index)
    mobility = profile / blood.viscosity[space.point]
    passing = 0.5 * (mobility[between.one] + mobility[between.two]) * space.h
    port, leaving = _to_ports(space, between, mobility)
    matrix = laplacian(count + len(ports.node), np.concatenate([between.one, between.end]),
                       np.concatenate([between.two, count + port]), np.concatenate([passing, leaving]))  # fmt: skip
    source = blood.source[ports.node]
    behind = source * 8 * blood.viscosity[ports.point] * ports.length / (np.pi * ports.radius**4)
    at_ports = blood.pressure[ports.node] + behind
    part = connected_components(matrix, directed=False)[1]
    of_port = part[count:]
    parts, first = np.unique(of_port, return_index=True)
    fixed = np.zeros(len(part), bool)
    if given == "pressures":
        fixed[count:] = True
    else:
        _check_parts(space, source, of_port)
        fixed[count + first] = True
    rest = np.zeros(int(part.max()) + 1)
    rest[parts] = at_ports[first]  # pressures are solved for from that of a port of each part
    above = np.concatenate([np.zeros(count), np.where(fixed[count:], at_ports - rest[of_port], 0.0)])
    unknown = np.flatnonzero(~fixed & np.isin(part, parts))
    right = np.concatenate([np.zeros(count), source]) - matrix @ above
    group = _groups(blood.network, space)
    group = np.concatenate([group, group.max() + 1 + np.arange(len(ports.node))])
    above[unknown] = solved(csr_array(matrix[unknown][:, unknown]), right[unknown], group[unknown],
                            _BALANCE * np.abs(source).max())  # fmt: skip
    pressure = rest[part] + above
    flux = passing * (pressure[between.one] - pressure[between.two])
    end_flux = leaving * (pressure[between.end] - pressure[count + port])
    return Lumen(blood, space, between, profile, pressure[:count], flux, end_flux, pressure[count:] - behind)


def _to_ports(space: Voxels, between: Faces, mobility: Floats) -> tuple[Ids, Floats]:
    """(E,) port of each last face, and conductance from its voxel to the plane in which the end is."""
    ports = space.ports
    port = space.port[between.end].astype(np.int64)
    along = ((space.middles[between.end] - ports.place[port]) * ports.outward[port]).sum(axis=1)
    rise = np.abs(ports.outward[port, between.end_axis]) * space.h
    gap = np.clip((ports.length[port] - along) / rise, NEAREST_WALL, 1.0)
    return port, mobility[between.end] * space.h / gap


def _check_parts(space: Voxels, source: Floats, part: Ids) -> None:
    """Raise InputError where what enters a connected part of the lumen does not leave it: a vessel is cut."""
    net = np.bincount(part, source)
    off = int(np.argmax(np.abs(net)))
    if np.abs(net[off]) > _LOST * np.abs(source).max():
        x, y, z = space.ports.place[np.flatnonzero(part == off)[0]]
        raise InputError(f"lumen: the vessels behind the port at ({x:.1f}, {y:.1f}, {z:.1f}) um are cut in voxels of "
                         f"{space.h:.3g} um; give a smaller voxel")  # fmt: skip
