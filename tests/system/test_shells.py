"""Cells with a shape in the frames: closed surfaces of both layers where the cells are."""

from __future__ import annotations

import numpy as np
import pytest
from reference import scenes

from physim import vtk_files
from physim.generate.icosphere import enclosed
from physim.viz.frames import Run


def test_shells_are_written_as_surfaces(make_simulation, tmp_path):
    table = scenes.table({"cortex": {"vertices": 42}}, 80.0, collagen=True)
    table["run"]["duration"] = 2.0
    sim = make_simulation(table, cells=scenes.cells([[30, 40, 40], [50, 40, 40]], radius=[8.4, 7.0]),
                          network=scenes.network([[1, 1, 1]], [[2, 1, 1]], 80.0))  # fmt: skip
    folder = sim.run(tmp_path / "run")
    assert Run(folder).part("shells", Run(folder).times[-1]).GetNumberOfPolys() == 2 * 2 * 80
    points, faces = vtk_files.read(folder / "frames" / "shells_000002.vtp")
    for cell, radii in enumerate(([4.7, 8.2], [4.7, 6.8])):
        for cortex, radius in enumerate(radii):
            mine = faces["Triangles"][(faces["cell_id"] == cell) & (faces["cortex"] == cortex)]
            there = points["Points"].astype(float)
            assert enclosed(there - sim.positions()[cell], mine) == pytest.approx(4 / 3 * np.pi * radius**3, rel=1e-3)
            assert there[np.unique(mine)].mean(0) == pytest.approx(sim.positions()[cell], abs=0.01)
