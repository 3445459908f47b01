"""From obstacles to the arrays that the device keeps of them: wires in the order of the bins of segments."""

from __future__ import annotations

import numpy as np

from physim.generate.obstacles import Wires
from physim.world import Box, bins_of, grid_bins


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
