"""The mesh of all shells, as the device keeps it, and the shells of cells at rest."""

from __future__ import annotations

import numpy as np

from physim.generate.icosphere import icosphere, rings


def mesh_state(vertices: int) -> dict[str, np.ndarray]:
    """Arrays of the state by name; none where no cell has a shell."""
    if not vertices:
        return {}
    unit = np.zeros((vertices, 4), np.float32)
    unit[:, :3] = icosphere(vertices)[0]
    return {"mesh_ring": rings(vertices).ravel(), "mesh_unit": unit}


def spheres(vertices: int, *radii: np.ndarray) -> np.ndarray:
    """(shells x vertices, cells, 4) um: spheres of these radii (cells,) about the centre of each cell."""
    points = np.zeros((vertices, 1, 4))
    points[:, 0, :3] = icosphere(vertices)[0]
    return np.concatenate([points * radius[:, None] for radius in radii]).astype(np.float32)
