"""Single fibers on the device against the closed forms of the discrete rod: stretched, bent, buckled, relaxing."""

from __future__ import annotations

import numpy as np
import pytest
from reference import gels
from reference.networks import chains

EA, EI, DRAG = 1e4, 100.0, 1.6667e-4
SIZE = 64.0
"""um: so that a quantum of position is a power of two."""


def rod(segments: int, length: float, first: int = 0) -> np.ndarray:
    """Nodes of a straight fiber along x, of which node `first` is at x = 12 um."""
    h = length / segments
    return np.array([12.0, 32, 32]) + h * (np.arange(segments + 1) - first)[:, None] * [1.0, 0, 0]


def at(n: int, *nodes: int) -> np.ndarray:
    """(n,) true for these nodes; -1 is the last."""
    chosen = np.zeros(n, bool)
    chosen[list(nodes)] = True
    return chosen


def test_stretched_chain_is_longer_by_force_times_length_over_modulus(make_simulation):
    net = chains([rod(16, 40.0)], size=SIZE)
    sim = gels.gel(make_simulation, net, **gels.EXACT)
    gels.hold(sim, at(17, 0))
    gels.pull(sim, 100.0 * at(17, -1)[:, None] * [1.0, 0, 0])
    sim.step(3)
    moved = sim.fiber_nodes() - net.nodes
    assert moved[-1, 0] == pytest.approx(100.0 * 40.0 / EA, rel=1e-6)
    np.testing.assert_allclose(moved[:, 0], np.linspace(0, moved[-1, 0], 17), atol=1e-6)
    assert np.abs(moved[:, 1:]).max() < 1e-7


@pytest.mark.parametrize("segments", [4, 8])
def test_cantilever_bends_as_the_discrete_beam(make_simulation, segments):
    """Moments P (L - i h) at the nodes i = 0, 1, ... turn them by h/EI each: PL^3/3EI (1 + 1.5 h/L + 0.5 h^2/L^2).

    Soft in tension, so that the last bit of positions is no tension that would stiffen it.
    """
    length, load = 20.0, 3.75e-3
    h = length / segments
    net = chains([rod(segments + 1, length + h, first=1)], size=SIZE)
    sim = gels.gel(make_simulation, net, stretch_modulus=100.0, **gels.EXACT)
    gels.hold(sim, at(segments + 2, 0, 1))
    gels.pull(sim, load * at(segments + 2, -1)[:, None] * [0, 0.6, 0.8])
    sim.step(3)
    moved = sim.fiber_nodes()[-1] - net.nodes[-1]
    wanted = load * length**3 / (3 * EI) * (1 + 1.5 * h / length + 0.5 * (h / length) ** 2)
    assert moved[1:] == pytest.approx(wanted * np.array([0.6, 0.8]), rel=1e-4)


@pytest.mark.parametrize("side", [1, -1])
def test_column_buckles_at_the_discrete_load_and_follows_its_branch(make_simulation, side):
    """P = (4 EI/h^2) sin^2(pi h/2L); beyond it, A = (2/pi) sqrt(L (D - P L/EA)) of an end shortening D.

    A push of 5 pN on the middle, to this side or that, tells the column where to go, and is then taken away.
    """
    length, segments = 20.0, 16
    n, h = segments + 1, length / segments
    net = chains([rod(segments, length)], size=SIZE)
    sim = gels.gel(make_simulation, net, step=0.01, tolerance=1e-5, least_force=0.0, wake_force=0.0)
    gels.hold(sim, at(n, 0, -1))
    push = 5e-3 * side * (np.arange(n) == segments // 2)[:, None] * [0, 1.0, 0]
    critical = 4 * EI / h**2 * np.sin(np.pi * h / (2 * length)) ** 2
    shortest, elastic = critical * length / EA, gels.reference(sim)
    for share in (0.5, 0.9, 1.1, 1.5, 2.0, 4.0, 8.0):
        gels.pull(sim, push if share < 1.2 else 0 * push)
        nodes = sim.fiber_nodes()
        nodes[-1, 0] = net.nodes[-1, 0] - share * shortest
        gels.place(sim, nodes)
        sim.step(60)
        nodes = sim.fiber_nodes()
        load, amplitude = elastic.forces(nodes)[-1, 0] / critical, side * (nodes - net.nodes)[segments // 2, 1]
        if share < 1:
            assert 0.9 * share < load < share and amplitude < 0.06
        elif share > 1.2:
            assert load == pytest.approx(1, rel=0.02)
            assert amplitude == pytest.approx(2 / np.pi * np.sqrt(length * (share - 1) * shortest), rel=0.01)


def test_bent_fiber_relaxes_at_the_rate_of_its_mode_with_order_one(make_simulation):
    """A sine between hinges decays with (16 EI/(zeta h^4)) sin^4(pi h/2L), nearly EI (pi/L)^4/zeta."""
    length, segments, amplitude = 20.0, 8, 0.05
    h, across = length / segments, np.array([0, 0.6, 0.8])
    rate = 16 * EI / (DRAG * h**4) * np.sin(np.pi * h / (2 * length)) ** 4
    assert rate == pytest.approx(EI * (np.pi / length) ** 4 / DRAG, rel=0.03)
    net, shape = chains([rod(segments, length)], size=SIZE), np.sin(np.pi * np.arange(segments + 1) / segments)
    errors = []
    for steps in (4, 8, 16):
        sim = gels.gel(make_simulation, net, step=1 / rate / steps, stretch_modulus=100.0, drag=DRAG, **gels.EXACT)
        gels.hold(sim, at(segments + 1, 0, -1))
        gels.place(sim, net.nodes + amplitude * shape[:, None] * across)
        sim.step(steps)
        left = 2 / segments * ((sim.fiber_nodes() - net.nodes) @ across @ shape) / amplitude
        assert left == pytest.approx((1 + 1 / steps) ** -steps, rel=1e-3)
        errors.append(left - np.exp(-1))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.05)
