"""Tissue around vessels: cells are pressed off the wall from outside, and no fiber begins in a lumen."""

from __future__ import annotations

import numpy as np
from reference import walls as exact
from reference.blood import beside_tissue, by_id
from reference.networks import gel
from reference.scenes import cells as cells_at

from physim.generate.around_vessels import clear_lumen


def test_a_cell_outside_is_pressed_off_as_hertz_has_it(make_simulation):
    """The tube of radius 8.5 ends round, at x = 4.5 and 71.5: cells beside it, at its ends, and far away."""
    table, _ = beside_tissue(terms={"plasma": {}, "abluminal_wall": {"modulus": 0.7}})
    places = np.array([[20.0, 41, 31], [40, 30, 17.5], [52, 21, 22], [1.5, 30, 31], [74.0, 28, 30], [30, 47, 47]])
    sim = make_simulation(table, cells=cells_at(places, radius=5.0))
    sim.find_forces()
    made = sim.vessels.surface
    corners = made.vertices[made.faces]
    near = exact.nearest(corners, places)
    step, gradient = 1e-4, np.zeros((6, 3))
    for axis in range(3):
        moved = places + step * np.eye(3)[axis]
        gradient[:, axis] = (exact.nearest(corners, moved).distance - near.distance) / step
    depth = np.maximum(5.0 - near.distance, 0)
    wanted = (4 / 3 * 0.7 * np.sqrt(5.0) * depth**1.5)[:, None] * gradient
    assert (depth[:5] > 0.3).all() and depth[5] == 0
    np.testing.assert_allclose(by_id(sim, "force")[:, :3], wanted, atol=2e-3 * np.abs(wanted).max())


def by_place(network):
    """A number for each segment, by where its middle is."""
    return np.round(network.midpoints, 7) @ [1.0, 1e3, 1e6]


def test_no_fiber_is_in_a_lumen_and_those_outside_stay():
    """A vessel of radius 9 along x; the distance of a straight piece from its axis is known exactly."""
    network = gel(periodic=False)
    middle, radius = 0.5 * (network.box.lower + network.box.upper), 9.0

    def distance(points):
        return np.linalg.norm(points[:, 1:] - middle[1:], axis=1) - radius

    def nearest(made):
        begin, along = made.nodes[made.segments[:, 0], 1:] - middle[1:], made.vectors[:, 1:]
        at = np.clip(-(begin * along).sum(1) / np.maximum((along**2).sum(1), 1e-30), 0, 1)
        return np.linalg.norm(begin + at[:, None] * along, axis=1) - radius

    left = clear_lumen(network, distance)
    thick = 0.5 * network.bundle_diameter
    assert (nearest(network) < thick).sum() > 50
    assert nearest(left).min() > thick - 0.25**2 / radius, "points are looked at every 0.5 um at most"
    kept = np.isin(by_place(network), by_place(left))
    assert kept.sum() == len(left.segments), "what stays is as it was"
    fiber = network.segment_fiber
    cut = np.unique(fiber[nearest(network) < thick])
    loose = np.unique(fiber[network.crosslinks[np.isin(fiber[network.crosslinks], cut).any(axis=1)]])
    gone = fiber[~kept & (nearest(network) > thick)]
    assert 0 < len(gone) and np.isin(gone, np.union1d(cut, loose)).all(), "only pieces that came loose"
    same = clear_lumen(network, lambda points: np.ones(len(points)))
    assert same is network
