"""Faces between the voxels of a lumen: where blood goes from one to the next, where it leaves, and where walls are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physim.meshes.centerlines import Centerlines, Ids, Points
from physim.meshes.voxels import BEHIND, END, LUMEN, Voxels

NEAREST_WALL = 0.1
"""Voxels; a wall that is nearer to the middle of a voxel counts as this far, so that the equations stay well posed."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Rows are those of `Voxels`; blood goes from `one` to `two`, and out at `end`."""

    one: Ids
    """(F,) voxel on the low side."""
    two: Ids
    """(F,) voxel on the high side."""
    axis: NDArray[np.int8]
    """(F,) 0, 1 or 2."""
    wall: Ids
    """(W,) voxels, once for each of their faces on a wall."""
    gap: Points
    """(W,) voxels from the middle to the wall, at least 0.1."""
    end: Ids
    """(E,) voxels in front of the end of what goes on behind a port."""
    after: Ids
    """(E,) the voxel on the other side."""
    end_axis: NDArray[np.int8]
    """(E,)"""


def branch_of(network: Centerlines) -> Ids:
    """(P,) branch of each point."""
    return np.repeat(np.arange(network.branches), np.diff(network.first))


def faces(network: Centerlines, space: Voxels) -> Faces:
    """Blood passes between voxels of one vessel, or of two that meet at a node: all other faces are walls.

    So vessels that come near each other do not exchange blood, whatever the voxel. Where such a wall lies is not known;
    it counts as half way.
    """
    within = (space.kind == LUMEN) | (space.kind == BEHIND)
    branch, ends = branch_of(network)[space.point], network.ends
    passing, walls, lasts = [], [], []
    for axis in range(3):
        beyond = space.rows(space.index + np.eye(3, dtype=np.int32)[axis])
        low = np.flatnonzero(beyond >= 0)
        high = beyond[low]
        meet = (ends[branch[low]][:, :, None] == ends[branch[high]][:, None, :]).any(axis=(1, 2))
        one_port = (space.port[low] == space.port[high]) & (space.port[low] >= 0)
        behind = (space.kind[low] == BEHIND) | (space.kind[high] == BEHIND)
        passes = within[low] & within[high] & (meet | (branch[low] == branch[high])) & (one_port | ~behind)
        passing.append((low[passes], high[passes], np.full(passes.sum(), axis, np.int8)))
        for inner, outer in ((low, high), (high, low)):
            last = (space.kind[inner] == BEHIND) & (space.kind[outer] == END) & one_port
            lasts.append((inner[last], outer[last], np.full(last.sum(), axis, np.int8)))
            closed = within[inner] & ~passes & ~last
            depth, height = -space.distance[inner[closed]], space.distance[outer[closed]]
            share = depth / np.where(height >= 0, depth + height, 2 * depth)
            walls.append((inner[closed], np.maximum(share, NEAREST_WALL)))
    one, two, along = (np.concatenate(part) for part in zip(*passing, strict=True))
    end, after, across = (np.concatenate(part) for part in zip(*lasts, strict=True))
    wall, gap = (np.concatenate(part) for part in zip(*walls, strict=True))
    return Faces(one, two, along, wall, gap, end, after, across)
