"""The wall of vessels, asked from Python: signed distance, nearest point and triangle of any points, on the device.

    near = Walls(surface.vertices, surface.faces)
    distance, nearest, triangle = near.distance(points)    # um; below 0 in the lumen
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from physim import wall_lists
from physim.device import Device, choose, prepare
from physim.errors import InputError
from physim.wall_state import ARRAYS, BAND, LEAF, along_curve, wall_state
from physim.world import Box

Points = NDArray[np.float64]
Ids = NDArray[np.int64]


class Triangles(Protocol):
    """Anything with vertices (V, 3) um and faces (T, 3): `physim.meshes.surface.Surface`, `trimesh.Trimesh`."""

    @property
    def vertices(self) -> Any: ...

    @property
    def faces(self) -> Any: ...


@dataclass(frozen=True, eq=False)
class Nearest:
    """What `Walls.nearest` finds, for each of n points."""

    distance: Points
    """(n,) um, below 0 in the lumen."""
    point: Points
    """(n, 3) um, nearest point of the wall; nan where that is beyond the band."""
    normal: Points
    """(n, 3) unit vector out of the lumen, the gradient of the distance; nan where the wall is beyond the band."""
    triangle: Ids
    """(n,) the triangle that it is on, -1 where the wall is beyond the band."""


class Walls:
    """A closed surface, counterclockwise from outside, in a box just larger than it; lists are made once.

    Within `band` um of the wall in the lumen, and `outside` um (by default as many) beyond it, all is exact to about
    1e-6 of the distance and to the quantum of the box (2^-31 of its edge). Farther away the sign is exact and the
    distance is no larger in size than the true one, and no smaller than the band. Raises InputError as `wall_state`
    does, DeviceError where there is no device.
    """

    def __init__(self, vertices: Any, faces: Any, *, band: float = BAND, outside: float | None = None,
                 leaf: float = LEAF, device: str | Device | None = None) -> None:  # fmt: skip
        vertices = np.asarray(vertices, float)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices) or not np.isfinite(vertices).all():
            raise InputError(f"walls: vertices of shape {vertices.shape} are not points in um; give (n, 3) finite ones")
        around = max((x for x in (band, outside) if x is not None and 0 < x < np.inf), default=0.0) + 1.0
        self.box = Box(vertices.min(axis=0) - around, vertices.max(axis=0) + around, ("open", "open", "open"))
        self.device = device if isinstance(device, Device) else Device(choose(device))
        self.state = wall_state(vertices, faces, self.box, self.device, band=band, outside=outside,
                                leaf=leaf)  # fmt: skip
        self.keep()

    @classmethod
    def of(cls, state: dict[str, np.ndarray], box: Box, device: Device) -> Walls:
        """Of arrays that `wall_state` has made in this box; distances are exact within the bands given there."""
        made = cls.__new__(cls)
        made.box, made.device, made.state = box, device, state
        made.keep()
        return made

    def keep(self) -> None:
        """Put `state`, arrays in the frame of `box`, on the device."""
        self._program = wall_lists.program(self.device)
        quantum = np.append(self.box.quantum, 0).astype(np.float32)
        self._given = [self._put("quantum", quantum), *(self._put(a.name, self.state[a.name]) for a in ARRAYS)]

    def nearest(self, points: Any) -> Nearest:
        """What of the wall is nearest to points (n, 3) um. Raises InputError where one is not finite."""
        points = np.asarray(points, float)
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise InputError(f"points: an array of shape {points.shape}; give (n, 3) finite places in um")
        here = np.clip(points, self.box.lower, self.box.upper)  # from there the wall is no farther
        order = along_curve(here)  # neighbours read the same lists
        launch, buffers = self.launch(self.box.to_fixed(here[order]))
        if len(points):
            self.run(launch)
        near = np.empty((len(points), 9))
        kinds = (np.float32, 4), (np.float32, 4), (np.int32, 1)
        found = [self.device.download(buffer, kind, width * len(points)).reshape(-1, width)
                 for buffer, (kind, width) in zip(buffers, kinds, strict=True)]  # fmt: skip
        near[order] = np.concatenate(found, axis=1, dtype=float)
        triangle = np.where((here == points).all(axis=1), near[:, 8], -1).astype(np.int64)
        place, normal = points + near[:, :3], near[:, 4:7]
        place[triangle < 0] = normal[triangle < 0] = np.nan
        return Nearest(near[:, 3], place, normal, triangle)

    def distance(self, points: Any) -> tuple[Points, Points, Ids]:
        """Signed distance (n,) um, nearest point (n, 3) um and triangle (n,) of points (n, 3) um."""
        found = self.nearest(points)
        return found.distance, found.point, found.triangle

    def launch(self, fixed: NDArray[np.int32]) -> tuple[Any, list[Any]]:
        """A prepared launch over fixed-point positions (n, 4), and where it writes: offset and distance (um) as four
        floats, normal as four, triangle."""
        count = len(fixed)
        results = [self.device.empty(f"walls scratch {name}", size * max(count, 1))
                   for name, size in (("offset", 16), ("normal", 16), ("found", 4))]  # fmt: skip
        arguments = [*self._given, self._put("points", fixed), *results, np.uint32(count)]
        return prepare(self.device, "walls", "measure_walls", self._program, count, arguments), results

    def run(self, launch: Any) -> None:
        """Enqueue it and wait."""
        sizes = launch.global_size, launch.local_size
        self.device.wait(self.device.cl.enqueue_nd_range_kernel(self.device.queue, launch.kernel, *sizes))

    def _put(self, name: str, values: np.ndarray) -> Any:
        buffer = self.device.empty(f"walls {name}", values.nbytes)
        self.device.upload(buffer, values)
        return buffer


def distance(surface: Triangles, points: Any, *, band: float = BAND, outside: float | None = None,
             device: str | None = None) -> tuple[Points, Points, Ids]:  # fmt: skip
    """Signed distance (n,) um, below 0 inside, nearest point (n, 3) um and triangle (n,) of points (n, 3) um.

    Farther than `band` um inside or `outside` um outside of the surface the distance is a lower bound with the right
    sign, the point nan, the triangle -1. Makes the lists first: keep a `Walls` to ask more than once. Raises InputError
    as that does.
    """
    found = Walls(surface.vertices, surface.faces, band=band, outside=outside, device=device)
    return found.distance(points)
