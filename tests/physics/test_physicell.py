"""PhysiCell's law: rest distance of two cells, a ball against a float64 reference, the integrator's order."""

from __future__ import annotations

import numpy as np
import pytest
from reference.scenes import by_id, cells, table
from scipy.integrate import solve_ivp
from scipy.spatial import cKDTree

from physim.scenario import load

RADIUS = float(np.float32(8.41))
REPULSION, ADHESION, RANGE = 10.0, 0.4, 1.25
STEP = 0.1


def speed(distance, touch):
    """Velocity that a neighbour at `distance` um adds, outwards, um/min."""
    near, far = np.maximum(1 - distance / touch, 0), np.maximum(1 - distance / (RANGE * touch), 0)
    return REPULSION * near**2 - ADHESION * far**2


def drift(x, pairs):
    """Velocities of cells at x (n, 3), pairs (m, 2) given."""
    i, j = pairs.T
    apart = x[i] - x[j]
    distance = np.linalg.norm(apart, axis=1)
    v = np.zeros_like(x)
    for axis, along in enumerate(apart.T):
        push = speed(distance, 2 * RADIUS) / distance * along
        v[:, axis] = np.bincount(i, push, len(x)) - np.bincount(j, push, len(x))
    return v


def adams_bashforth(x, steps, skin=3.0):
    """The reference: x += dt (1.5 v - 0.5 v_previous), v_previous = 0 at the start."""
    previous, listed, pairs = np.zeros_like(x), None, None
    for _ in range(steps):
        if listed is None or np.linalg.norm(x - listed, axis=1).max() > skin / 2:
            listed = x.copy()
            pairs = cKDTree(x).query_pairs(RANGE * 2 * RADIUS + skin, output_type="ndarray")
        v = drift(x, pairs)
        x = x + STEP * (1.5 * v - 0.5 * previous)
        previous = v
    return x


def test_two_cells_rest_at_16_um(make_simulation):
    for start in (12.0, 17.5):
        pair = cells([[90, 100, 100], [90 + start, 100, 100]], RADIUS)
        sim = make_simulation(table({"physicell": {}}), cells=pair)
        sim.advance(2500)
        apart = np.linalg.norm(np.diff(sim.positions(), axis=0))
        assert apart == pytest.approx(16.02, abs=0.005)


def test_ball_of_1000_cells_matches_the_float64_reference(make_simulation):
    sim = make_simulation(load("physicell_ball").to_table())
    start = sim.positions()
    assert start.shape == (1000, 3)
    sim.advance(1000)
    expected = adams_bashforth(start, 1000)
    assert np.linalg.norm(expected - start, axis=1).mean() > 1.0  # the ball has moved
    assert np.linalg.norm(sim.positions() - expected, axis=1).max() < 1e-4


def test_integrator_is_of_second_order_given_its_history(make_simulation):
    """Errors fall by four when the step is halved, the velocity before the start being the exact one."""
    begin, until = 13.0, 4.8

    def apart(t):
        path = solve_ivp(lambda _, d: 2 * speed(d, 2 * RADIUS), (0, t), [begin], rtol=1e-11, atol=1e-12)
        return path.y[0, -1]

    errors = []
    for step in (0.4, 0.2, 0.1):
        law = table({"physicell": {}, "advance": {"largest_move": 5.0}}, size=100.0, step=step)
        sim = make_simulation(law, cells=cells([[40, 50, 50], [40 + begin, 50, 50]], RADIUS))
        before = np.zeros((2, 4), np.float32)
        before[:, 0] = speed(apart(-step), 2 * RADIUS) * np.array([-1, 1])
        sim.write("drift_previous", before)
        sim.advance(round(until / step))
        errors.append(abs(np.diff(by_id(sim, "position")[:, 0])[0] * sim.box.quantum[0] - apart(until)))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] > 1e-5  # above round-off, so that the orders mean something
    assert orders == pytest.approx([2, 2], abs=0.25)


def test_first_step_has_no_history(make_simulation):
    """As in PhysiCell, the first step is 1.5 dt v: half a step too far, once."""
    sim = make_simulation(table({"physicell": {}}), cells=cells([[94, 100, 100], [106, 100, 100]], RADIUS))
    sim.advance(1)
    assert sim.positions()[1, 0] - 106 == pytest.approx(1.5 * STEP * speed(12.0, 2 * RADIUS), rel=1e-4)
