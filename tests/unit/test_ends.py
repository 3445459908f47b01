"""Cells with two ends: their rows, and the surfaces that are drawn of them."""

import numpy as np
import pytest
import trimesh
from reference import scenes

from physim.bodies import body_surfaces
from physim.ends import doubled, joined


def test_each_cell_becomes_a_rear_and_a_front_end():
    cells = scenes.cells([[0, 0, 0], [30, 0, 0], [0, 40, 0]], radius=[7, 8, 9])
    made = doubled(cells, seed=3)
    assert made["id"].tolist() == [0, 1, 2, 3, 4, 5] and made["radius"].tolist() == [7, 7, 8, 8, 9, 9]
    np.testing.assert_allclose(0.5 * (made["position"][0::2] + made["position"][1::2]), cells["position"], atol=1e-12)
    apart = np.linalg.norm(made["position"][1::2] - made["position"][0::2], axis=1)
    np.testing.assert_allclose(apart, 0.01, rtol=1e-9)
    known = {"velocity": made["position"], "force": np.ones((6, 3)), "departed": np.arange(6.0)}
    back = joined(made | known)
    assert back["id"].tolist() == [0, 1, 2] and back["departed"].tolist() == [1, 3, 5]
    np.testing.assert_allclose(back["position"], cells["position"], atol=1e-12)
    assert (back["force"] == 2).all()


@pytest.mark.parametrize("length, radius", [(0.01, 7.0), (30.0, 3.6)])
def test_surface_of_a_cell_is_closed_and_has_its_volume(length, radius):
    axis = np.array([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]])
    rear = np.array([[1.0, 2, 3], [40, 0, 0]])
    vertices, faces = body_surfaces(rear, rear + length * axis, axis, np.full((2, 10), radius))
    volume = np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3
    for each in vertices:
        mesh = trimesh.Trimesh(each, faces, process=False)
        assert mesh.is_volume and mesh.volume == pytest.approx(volume, rel=0.07)  # but for corners
    wide = vertices[0] @ axis[0]
    assert wide.max() - wide.min() == pytest.approx(length + 2 * radius, rel=1e-6)
