"""The octree around a wall and the lists of its leaves, made on the device (kernels/wall_lists.cl), part by part.

A cell whose every point is farther from the wall than the band is a leaf without a list; the others are parted down to
leaves that have one. What a part of the cells of one level needs while it is made is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.device import Device, prepare
from physim.errors import InputError
from physim.step import kernel_source
from physim.world import Box

PART = 1 << 22
"""Entries that are made at once."""
FEW = 64
"""Triangles near a cell that is not parted any further."""
ROOT = 4
"""Cells along the longest edge of the root, at most."""
_HEADERS = "".join(f'#line 1 "kernels/{name}"\n{kernel_source(name)}\n' for name in ("triangle.h", "wall.h"))
_CHILDREN = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3)[:, ::-1]  # x runs first


def program(device: Device) -> Any:
    """The kernels of lists and queries."""
    return device.build(_HEADERS, ("kernels/wall_lists.cl", kernel_source("wall_lists.cl")))


def build(device: Device, box: Box, triangles: NDArray[np.int32], pseudo: NDArray[np.float32],
          band: tuple[float, float], leaf: float) -> dict[str, np.ndarray]:  # fmt: skip
    """`wall_grid`, `wall_node` and `wall_entry` of physim.wall_state, from `wall_triangle` and `wall_pseudo`.

    Raises InputError where lists outgrow 32 bits.
    """
    return _Builder(device, box, triangles, pseudo, band, leaf).build()


class _Builder:
    """What the parts share: the frame of the octree, the triangles on the device, and nodes and entries so far."""

    def __init__(self, device: Device, box: Box, triangles: NDArray[np.int32], pseudo: NDArray[np.float32],
                 band: tuple[float, float], leaf: float) -> None:  # fmt: skip
        self.device, self.box, self.program = device, box, program(device)
        corners = box.to_micron(triangles.reshape(-1, 4, 4)[:, :3].reshape(-1, 4)).reshape(-1, 3, 3)
        center = 0.5 * (box.lower + box.upper)
        around = band[1] + 0.1
        low, high = (corners - center).min(axis=(0, 1)) - around, (corners - center).max(axis=(0, 1)) + around
        extent = float((high - low).max())
        self.levels = max(int(np.ceil(np.log2(extent / leaf / ROOT))), 0)
        self.side = float(np.float32(leaf * 2**self.levels))
        self.low = low.astype(np.float32).astype(float)
        self.number = np.maximum(np.ceil((high - self.low) / self.side), 1).astype(int)
        slack = 1e-5 + 1e-6 * float(np.abs([low, high]).max())
        """um, more than rounding of places in fp32 can do."""
        self.grid = np.zeros((2, 8), np.float32)
        self.grid[0, :7] = *self.low, self.side, *self.number
        self.grid[1, :3] = *band, slack
        middle = corners.mean(axis=1)
        ball = np.empty((len(corners), 4), np.float32)
        ball[:, :3] = middle - center
        ball[:, 3] = np.linalg.norm(corners - middle[:, None], axis=2).max(axis=1) + slack
        self.quantum = self._put("quantum", np.append(box.quantum, 0).astype(np.float32))
        self.fixed = [self.quantum, self._put("grid", self.grid), self._put("triangle", triangles),
                      self._put("pseudo", pseudo)]  # fmt: skip
        self.ball = self._put("ball", ball)
        self.all = self._put("0 list", np.arange(len(corners), dtype=np.uint32))
        self.nodes = [np.zeros((int(self.number.prod()), 4), np.int32)]
        self.node_count = len(self.nodes[0])
        self.entries: list[np.ndarray] = []
        self.entry_count = 0

    def build(self) -> dict[str, np.ndarray]:
        z, y, x = np.unravel_index(np.arange(self.node_count), self.number[::-1])
        low = self.low + self.side * np.stack([x, y, z], axis=1)
        span = np.tile(np.array([0, self.all.size // 4], np.uint32), (self.node_count, 1))
        self._part(0, low, span, self.all, self.nodes[0])
        for name in [name for name in self.device.allocated if name.startswith("walls scratch")]:
            del self.device.allocated[name]
        return {"wall_grid": self.grid, "wall_node": np.concatenate(self.nodes),
                "wall_entry": np.concatenate([*self.entries, np.zeros((1, 2), np.uint32)])}  # fmt: skip

    def _part(self, level: int, low: np.ndarray, span: np.ndarray, above: Any, nodes: np.ndarray) -> None:
        """Cells (n, 3) um of a level, and all below them; `span` is where their triangles are in the list `above`.

        Fills the cells' rows of the table of nodes in.
        """
        side, count = self.side / 2**level, len(low)
        middle = np.zeros((count, 4), np.int64)  # in quanta; a cell may reach out of what 32 bits hold
        middle[:, :3] = np.rint((low + 0.5 * side) / self.box.quantum)
        cells = [self._put(f"{level} middle", middle), self._put(f"{level} span", span.astype(np.uint32))]
        nearest, listed, distance = (self._empty(f"{level} {name}", 4 * count)
                                     for name in ("nearest", "listed", "distance"))  # fmt: skip
        half = np.float32(0.5 * side)
        self._run("survey_cells", count, *self.fixed, self.ball, *cells, above, nearest, listed, distance, half)
        number = self.device.download(listed, np.uint32, count).astype(np.int64)
        closest = self.device.download(nearest, np.uint32, count)
        nodes[:, 3] = self.device.download(distance, np.int32, count)
        for part, last in self._parts(number, level == self.levels):
            start = np.concatenate([[0], np.cumsum(number[part])]).astype(np.uint32)
            here = [self._put(f"{level} part middle", middle[part]), self._put(f"{level} start", start)]
            given = [self._put(f"{level} part span", span[part].astype(np.uint32)), above,
                     self._put(f"{level} part nearest", closest[part])]  # fmt: skip
            triangles = self._empty(f"{level + 1} list", 4 * int(start[-1]))
            self._run("list_triangles", len(part), *self.fixed[:2], self.ball, here[0], *given, here[1], triangles,
                      half)  # fmt: skip
            if last:
                self._leaves(part, here, triangles, start, nodes, half)
                continue
            children = np.zeros((8 * len(part), 4), np.int32)
            nodes[part, 0] = self.node_count + 8 * np.arange(len(part))
            self.nodes.append(children)
            self.node_count += len(children)
            span_below = np.stack([start[:-1], np.diff(start)], axis=1)
            low_below = (low[part][:, None] + 0.5 * side * _CHILDREN).reshape(-1, 3)
            self._part(level + 1, low_below, np.repeat(span_below, 8, axis=0), triangles, children)

    def _parts(self, number: np.ndarray, last: bool) -> Iterator[tuple[np.ndarray, bool]]:
        """Cells to be dealt with at once, and whether they become leaves: all that are left, or those with few."""
        few = (number > 0) & ((number <= FEW) | last)
        for wanted, ends in ((np.flatnonzero(few), True), (np.flatnonzero((number > 0) & ~few), False)):
            if len(wanted):
                cuts = np.flatnonzero(np.diff(np.cumsum(number[wanted]) // PART)) + 1
                yield from ((part, ends) for part in np.split(wanted, cuts))

    def _leaves(self, part: np.ndarray, here: list[Any], triangles: Any, start: np.ndarray, nodes: np.ndarray,
                half: np.float32) -> None:  # fmt: skip
        """Entries of leaves, and where they begin."""
        count = len(part)
        entry = self._empty("entry", 8 * int(start[-1]))
        listed, distance = (self._empty(f"leaf {name}", 4 * count) for name in ("listed", "distance"))
        self._run("prune_leaves", count, *self.fixed, *here, triangles, entry, listed, distance, half)
        number = self.device.download(listed, np.uint32, count)
        packed_start = np.concatenate([[0], np.cumsum(number)]).astype(np.uint32)
        total = int(packed_start[-1])
        if self.entry_count + total >= 2**31:
            raise InputError(f"walls: lists of more than {2**31:,} triangles; give a smaller band or a coarser surface")
        packed = self._empty("packed", 8 * total)
        self._run("pack_entries", count, here[1], listed, entry, self._put("packed start", packed_start), packed)
        nodes[part, 1], nodes[part, 2] = self.entry_count + packed_start[:-1].astype(np.int64), number
        nodes[part, 3] = self.device.download(distance, np.int32, count)
        self.entries.append(self.device.download(packed, np.uint32, 2 * total).reshape(-1, 2))
        self.entry_count += total

    def _empty(self, name: str, nbytes: int) -> Any:
        return self.device.empty(f"walls scratch {name}", nbytes)

    def _put(self, name: str, values: np.ndarray) -> Any:
        buffer = self._empty(name, values.nbytes)
        self.device.upload(buffer, values)
        return buffer

    def _run(self, name: str, count: int, *arguments: Any) -> None:
        launch = prepare(self.device, "walls", name, self.program, count, [*arguments, np.uint32(count)])
        queue = self.device.queue
        event = self.device.cl.enqueue_nd_range_kernel(queue, launch.kernel, launch.global_size, launch.local_size)
        self.device.wait(event)
