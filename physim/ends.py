"""Cells with two ends (term `elongation`): a row of the state for each end, rear and front."""

from __future__ import annotations

import numpy as np

SECTIONS = 0.5 * (1 + np.polynomial.legendre.leggauss(8)[0])
"""Where between the ends a cell has its sections: Gauss-Legendre."""
APART = 0.01
"""um between the ends of a cell that is round."""


def doubled(cells: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """The arrays of `generate.cells.initial_cells`, each cell as two ends that lie together: ids 2 i and 2 i + 1."""
    made = {name: np.repeat(values, 2, axis=0) for name, values in cells.items()}
    random = np.random.Generator(np.random.Philox(key=seed)).normal(size=(len(cells["id"]), 3))
    axis = random / np.linalg.norm(random, axis=1, keepdims=True)
    made["position"] = made["position"].astype(float)
    made["position"][0::2] -= 0.5 * APART * axis
    made["position"][1::2] += 0.5 * APART * axis
    made["id"] = (2 * made["id"].astype(np.int64) + np.arange(len(made["id"])) % 2).astype(np.uint32)
    return made


def end_state(radius: np.ndarray, position: np.ndarray) -> dict[str, np.ndarray]:
    """What the state knows of ends at time zero: cells (2 n,) in the order of `doubled`, round and at rest."""
    count = len(radius)
    axis = np.zeros((count, 4), np.float32)
    along = position[1::2] - position[0::2]
    axis[:, :3] = np.repeat(along / np.linalg.norm(along, axis=1, keepdims=True), 2, axis=0)
    return {
        "end_of": np.arange(1, count + 1, dtype=np.uint32), "end_radius": radius.astype(np.float32),
        "body_radius": np.tile(radius.astype(np.float32), (10, 1)), "body_axis": axis,
    }  # fmt: skip


def joined(cells: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is known of ends, sorted by id, as cells: the middle of the ends, the sum of their forces."""
    made = {name: values[1::2] for name, values in cells.items()}
    for name in ("position", "velocity"):
        made[name] = 0.5 * (cells[name][0::2] + cells[name][1::2])
    made["force"] = cells["force"][0::2] + cells["force"][1::2]
    made["id"] = cells["id"][1::2] // 2
    return made
