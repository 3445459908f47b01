"""Steps of the network: fibers that sleep, steps that are taken in parts, steps that do not converge."""

from __future__ import annotations

import numpy as np
import pytest
from reference import gels
from reference.networks import chains
from test_network_reference import gel

from physim.errors import PhysicsError


def pulled(make_simulation, **law):
    """Displacements (N, 3) um after 2.5 minutes in which ten crosslinks of a gel are pulled; share of fibers awake."""
    net = gel()
    sim = gels.gel(make_simulation, net, step=0.1, **law)
    held = sim.read("node_held").astype(bool)
    nodes = net.segments[np.random.default_rng(2).choice(net.crosslinks[:, 0], 10, replace=False), 0]
    force = np.zeros(net.nodes.shape)
    force[nodes[~held[nodes]]] = [1.2, 0, 1.6]
    for step in range(25):
        gels.pull(sim, force * min(1.0, (step + 1) / 10))
        sim.step()
    return sim.fiber_nodes() - net.nodes, sim.status["awake"] / net.fibers


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).sum(1).mean()))


def test_fibers_that_sleep_would_hardly_have_moved(make_simulation):
    """Within 1 % and 0.02 um of the full solve, in the middle between two steps in which all move. Where those that
    carry load sleep on, they glide astray, and this fails.
    """
    full, all_awake = pulled(make_simulation, wake_force=0.0, tolerance=1e-4)
    some, awake = pulled(make_simulation, tolerance=1e-4, wake_force=0.02)
    asleep, none = pulled(make_simulation, tolerance=1e-4, wake_force=1e6, still_distance=1e6, sweep=1000)
    assert all_awake == 1 and awake < 0.95 and none == 0
    assert rms(full) > 0.05
    assert rms(some - full) < 0.01 * rms(full) and np.abs(some - full).max() < 0.02
    assert rms(asleep - full) > 0.1 * rms(full)


def test_step_in_parts_ends_where_it_should(make_simulation):
    """A cantilever that needs more rounds than a step has: PL^3/3EI (1 + 1.5 h/L + 0.5 h^2/L^2) all the same."""
    nodes = np.array([12.0, 32, 32]) + 1.25 * (np.arange(18) - 1)[:, None] * [1.0, 0, 0]
    net = chains([nodes], size=64.0)
    sim = gels.gel(make_simulation, net, stretch_modulus=100.0, **gels.EXACT)
    gels.hold(sim, np.arange(18) < 2)
    gels.pull(sim, 3.75e-3 * (np.arange(18) == 17)[:, None] * [0, 0.6, 0.8])
    sim.loop.most_rounds = 12
    sim.step(3)
    moved = (sim.fiber_nodes() - net.nodes)[-1]
    wanted = 3.75e-3 * 20**3 / 300 * (1 + 1.5 / 16 + 0.5 / 16**2)
    assert sim.status["parts"] > 0
    assert moved[1:] == pytest.approx(wanted * np.array([0.6, 0.8]), rel=1e-4)


@pytest.mark.parametrize("load", [0.3, 1.0])
def test_free_end_that_swings_far_comes_to_rest_in_few_rounds(make_simulation, load):
    """12 um of a bent fiber beyond its holds, 0.3 nN/um at the end: loads of nN swing it round in one step."""
    random, step = np.random.default_rng(0), 0.1
    nodes = np.array([12.0, 32, 32]) + 2.4 * (np.arange(8) - 1)[:, None] * [1.0, 0, 0] + random.normal(0, 0.3, (8, 3))
    net, held, ends = chains([nodes], size=64.0), np.arange(8) < 2, []
    force = load * (np.arange(8) == 7)[:, None] * [0, 0.6, 0.8]
    for law in ({}, gels.EXACT):
        sim = gels.gel(make_simulation, net, stretch_modulus=13_000.0, bend_modulus=59.0, step=step, **law)
        gels.hold(sim, held)
        before = sim.fiber_nodes()
        gels.pull(sim, force)
        sim.step()
        assert sim.status["parts"] == 0 and sim.status["total_rounds"] <= 20
        ends.append(sim.fiber_nodes())
    elastic = gels.reference(sim)
    left = force + elastic.forces(ends[1]) - elastic.drags(1.6667e-4)[:, None] * (ends[1] - before) / step
    assert np.abs(left[~held]).max() < 2e-3  # nN: rounding of positions, 3e-8 um, times EA/l is 2e-4
    assert np.abs(ends[1] - before).max() > 1.0 + load
    assert np.abs(ends[0] - ends[1]).max() < 0.02


def test_step_that_does_not_converge_stops_and_says_so(make_simulation):
    """Never a wrong answer: a load of 1 N on a node."""
    net = chains([np.array([12.0, 32, 32]) + 2.5 * np.arange(9)[:, None] * [1.0, 0, 0]], size=64.0)
    sim = gels.gel(make_simulation, net)
    gels.hold(sim, np.arange(9) == 0)
    sim.step(2)
    gels.pull(sim, 1e9 * (np.arange(9) == 8)[:, None] * [0, 1.0, 0])
    with pytest.raises(PhysicsError, match=r"2000 min: the balance of forces does not converge in parts of .* min"):
        sim.step()
    assert sim.step_count == 2
