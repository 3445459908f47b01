"""From obstacles to the arrays that the device keeps of them: wires in the order of the bins of segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from physim.generate.obstacles import Wires, center_of, half_of, holes_of
from physim.world import Box, bins_of, grid_bins

if TYPE_CHECKING:
    from physim.sections import Obstacle


def wire_state(found: Wires, box: Box, grid: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays of the state by name."""
    begin, end = box.to_fixed(found.begin), box.to_fixed(found.end)
    bins = bins_of(box.to_fixed(0.5 * (found.begin + found.end)), grid)
    order = np.argsort(bins, kind="stable")
    return {
        "wire_begin": begin[order], "wire_end": end[order],
        "wire_weight": found.weight[order].astype(np.float32),
        "wire_ligand": found.ligand[order].astype(np.float32),
        "wire_obstacle": found.obstacle[order].astype(np.uint32),
        "wire_bin_start": np.searchsorted(bins[order], np.arange(grid_bins(grid) + 1)).astype(np.uint32),
    }  # fmt: skip


def form_state(obstacles: Sequence[Obstacle], box: Box) -> dict[str, np.ndarray]:
    """What `kernels/solid.h` knows of each obstacle; a closed surface of a file is not felt there."""
    forms, middles = np.zeros((len(obstacles), 2, 8), np.float32), np.zeros((len(obstacles), 3))
    for index, one in enumerate(obstacles):
        axis, half = "xyz".index(one.axis), half_of(one)
        middles[index] = center_of(one, box)
        if one.kind == "plate":
            forms[index, 0, :3] = 1, axis, 0.5 * one.thickness
            if half is not None and len(holes_of(one, box)):
                forms[index, 0, 3:7] = *half, one.hole_area is not None, one.pitch or 0
                away = holes_of(one, box) - middles[index][[(axis + 1) % 3, (axis + 2) % 3]]
                places = np.rint(away / (one.pitch or 1))
                forms[index, 1, :4] = np.stack([places.min(0), places.max(0)], axis=1).ravel()
        elif one.kind == "cylinder":
            long = one.length if one.length is not None else 2 * float((box.upper - box.lower)[axis])
            forms[index, 0, :4] = 2, axis, 0.5 * long, one.radius
    return {"obstacle_middle": box.to_fixed(middles), "obstacle_form": forms.reshape(-1, 8)}
