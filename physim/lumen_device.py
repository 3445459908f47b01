"""The lumen on the device, as `kernels/lumen.h` reads it: blocks of 4 x 4 x 4 voxels of four numbers each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.device import Device, prepare
from physim.lumen import Lumen
from physim.meshes.voxels import BAND
from physim.step import kernel_source

GRID = np.dtype([("origin", "f4", 3), ("h", "f4"), ("blocks", "i4", 3), ("far", "f4")])
"""The struct Lumen of `kernels/lumen.h`."""
_SIDE = 4


@dataclass(frozen=True, eq=False)
class Blocks:
    """What goes to the device. Points there are in um from the origin, so that fp32 is enough."""

    grid: NDArray[np.void]
    """One `GRID`."""
    number: NDArray[np.int32]
    """(X, Y, Z) of each block, -1 where there is none."""
    voxels: NDArray[np.float32]
    """(N, 4): velocity on the low faces (um/s), distance from the wall (um)."""
    port: NDArray[np.int16]
    """(N,) port that is near, or -1."""
    point: NDArray[np.int32]
    """(N,) point of the centerlines that is nearest, or -1."""

    @property
    def nbytes(self) -> int:
        return self.number.nbytes + self.voxels.nbytes + self.port.nbytes


def blocks(lumen: Lumen) -> Blocks:
    """Voxels of a lumen, in the blocks that hold one within it or next to it: 18 bytes each, and 4 for each block of
    the box.
    """
    space = lumen.voxels
    far = BAND * space.h
    index = space.index.astype(np.int64)
    shape = tuple(index.max(axis=0) // _SIDE + 1)
    block = np.ravel_multi_index(tuple((index // _SIDE).T), shape)
    kept, number = np.unique(block, return_inverse=True)
    table = np.full(int(np.prod(shape)), -1, np.int32)
    table[kept] = np.arange(len(kept))
    x, y, z = (index % _SIDE).T
    row = _SIDE**3 * number + _SIDE * (_SIDE * x + y) + z
    voxels = np.zeros((_SIDE**3 * len(kept), 4), np.float32)
    voxels[:, 3] = far
    voxels[row, :3], voxels[row, 3] = lumen.velocity, np.minimum(space.distance, far)
    port = np.full(len(voxels), -1, np.int16)
    port[row] = space.port
    point = np.full(len(voxels), -1, np.int32)
    point[row] = space.point
    grid = np.array([(space.origin, space.h, shape, far)], GRID)
    return Blocks(grid, table.reshape(shape), voxels, port, point)


class DeviceLumen:
    """Buffers of a lumen, and the program that reads them."""

    def __init__(self, device: Device, lumen: Lumen) -> None:
        self.device, self.lumen, self.origin = device, lumen, lumen.voxels.origin
        made, ports = blocks(lumen), lumen.voxels.ports
        planes = np.zeros((max(len(ports.node), 1), 2, 4), np.float32)
        planes[: len(ports.node), 0, :3], planes[: len(ports.node), 1, :3] = ports.place - self.origin, ports.outward
        self.field = [self._put("grid", made.grid), self._put("blocks", made.number), self._put("voxels", made.voxels)]
        self.ports = [self._put("port", made.port), self._put("planes", planes)]
        text = kernel_source("lumen.h") + kernel_source("tracers.cl")
        self.program = device.build("", ("kernels/tracers.cl", text))

    def _put(self, name: str, values: np.ndarray) -> Any:
        buffer = self.device.empty(f"lumen {name}", values.nbytes)
        self.device.upload(buffer, values)
        return buffer

    def run(self, name: str, items: int, *arguments: Any) -> None:
        """Enqueue a kernel of `kernels/tracers.cl` over so many items."""
        launch = prepare(self.device, "lumen", name, self.program, items, arguments)
        self.device.cl.enqueue_nd_range_kernel(self.device.queue, launch.kernel, launch.global_size, launch.local_size)
        self.device.drain()

    def sample(self, points: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Velocity (n, 3) in um/s and distance from the wall (n,) in um, below 0 inside, at points (n, 3) in um."""
        given = np.asarray(points, float).reshape(-1, 3)
        at = self._put("points", rows(given - self.origin))
        out = self.device.empty("lumen sampled", 16 * len(given))
        self.run("sample_lumen", len(given), *self.field, at, out, np.uint32(len(given)))
        found = self.device.download(out, np.float32, 4 * len(given)).reshape(-1, 4)
        return found[:, :3], found[:, 3]


def rows(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, 4) with a 0 behind."""
    return np.concatenate([points, np.zeros((len(points), 1))], axis=1).astype(np.float32)
