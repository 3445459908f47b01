"""Moving everything by the same vector changes nothing, in periodic boxes of few bins as well."""

from __future__ import annotations

import numpy as np
import pytest
from reference.scenes import by_id, cells, network, table

CELLS = 100
STEP = 2.5
AWAY = 7.5
"""From the centre of the cells to each fiber, um: within their radius, and beyond the nearest bin of fibers."""


def found_at(make_simulation, size: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Forces (n, 3) on cells that all sit at (shift, shift, shift), and the fibers (slots, n) that their probes bind.

    One fiber lies in front of the cells along each axis. The cells differ only in their ids, and so in their probes.
    """
    centre, axes = np.full(3, shift), np.eye(3)
    middle, half = centre + AWAY * axes, 0.5 * np.roll(axes, 1, axis=0)
    fibers = network((middle - half) % size, (middle + half) % size, size, (True,) * 3)
    terms = {"steric": {}, "nucleus": {}, "links": {"slots": 2, "capture": 6.0, "binding_rate": 50.0}}
    scene = table(terms, size=size, boundary="periodic", collagen=True)
    sim = make_simulation(scene, cells=cells(np.tile(centre % size, (CELLS, 1))), network=fibers)
    sim.advance(1)
    held = by_id(sim, "link_segment").astype(int)
    return by_id(sim, "force"), held


@pytest.mark.parametrize("size", [18.0, 21.0, 23.0, 26.0, 33.0])
def test_a_cell_meets_the_same_fibers_anywhere_in_a_small_periodic_box(make_simulation, size) -> None:
    force, held = found_at(make_simulation, size, 0.0)
    largest = np.abs(force).max()
    assert largest > 0.1 and (force < 0).all(), "every fiber pushes, along its own axis"
    shares = [(held == fiber).any(axis=0).mean() for fiber in (1, 2, 3)]
    assert all(0.05 < share < 0.95 for share in shares), shares
    for shift in np.arange(STEP, size, STEP):
        there, found = found_at(make_simulation, size, shift)
        assert np.abs(there - force).max() <= 1e-5 * largest, f"at {shift:g} um"
        np.testing.assert_array_equal(found, held, err_msg=f"at {shift:g} um")
