"""Flow in vessel networks against Poiseuille's law, hand-made networks, a dense solve, and published viscosities."""

from __future__ import annotations

import numpy as np
import pytest

from physim import flow
from physim.errors import InputError
from physim.meshes.centerlines import joined


def straight(a, b, radius=8.0, end_radius=None, count=41):
    points = np.linspace(a, b, count).astype(float)
    return points, np.linspace(radius, radius if end_radius is None else end_radius, count)


def grid(size=5, seed=0):
    """Nodes of a square lattice joined by tubes of random radii: many loops; two corners are the ends."""
    rng, lines, ends = np.random.default_rng(seed), [], []
    for i in range(size):
        for j in range(size):
            for k, m in ((i + 1, j), (i, j + 1)):
                if max(k, m) < size:
                    lines.append(straight([50 * i, 50 * j, 0], [50 * k, 50 * m, 0], *rng.uniform(3, 12, 2)))
                    ends.append((size * i + j, size * k + m))
    return joined(lines, ends)


@pytest.mark.parametrize(("law", "wanted"), [("in vitro", [1.3, 1.16, 1.31]), ("in vivo", [9.0, 4.9, 2.2])])
def test_viscosity_is_that_of_pries(law, wanted):
    """Relative viscosity in tubes of 5, 8 and 20 um at a hematocrit of 0.3, and of large vessels at 0.45."""
    np.testing.assert_allclose(flow.apparent_viscosity([5.0, 8, 20], 0.3, law) / flow.PLASMA, wanted, rtol=0.02)
    assert flow.apparent_viscosity([5000.0], 0.45, law) / flow.PLASMA == pytest.approx(3.2, rel=0.005)


def test_blood_without_cells_is_plasma():
    assert flow.apparent_viscosity([12.0], 0.0) == pytest.approx(flow.PLASMA)


def test_tube_carries_what_poiseuille_says():
    tube = joined([straight([0, 0, 0], [200, 0, 0])], [(0, 1)])
    found = flow.solve(tube, {0: 50.0, 1: 20.0}, viscosity=np.full(41, 2e-3))
    wanted = np.pi * 8**4 * 30 / (8 * 2e-3 * 200)
    assert found.flow[0] == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(found.shear, 8 * 30 / (2 * 200))
    np.testing.assert_allclose(found.speed, wanted / (np.pi * 64))
    np.testing.assert_allclose(found.source, [wanted, -wanted])


def test_cone_converges_to_its_integral_with_order_two():
    """integral ds/R^4 = L/(3 (R_1 - R_0)) (1/R_0^3 - 1/R_1^3)."""
    exact = np.pi / (8e-3 * 100 / (3 * 4) * (1 / 4**3 - 1 / 8**3))
    error = []
    for count in (11, 21):
        cone = joined([straight([0, 0, 0], [100, 0, 0], 4.0, 8.0, count)], [(0, 1)])
        error.append(abs(flow.conductances(cone, np.full(count, 1e-3))[0] / exact - 1))
    assert error[1] < 0.004 and error[0] / error[1] == pytest.approx(4, rel=0.1)


def test_bifurcation_shares_the_flow_as_conductances():
    lines = [straight([0, 0, 0], [100, 0, 0], 9.0), straight([100, 0, 0], [180, 60, 0], 7.0),
             straight([180, -60, 0], [100, 0, 0], 5.0)]  # fmt: skip
    fork = joined(lines, [(0, 1), (1, 2), (3, 1)])
    thick = np.full(123, 1.5e-3)
    g = flow.conductances(fork, thick)
    found = flow.solve(fork, {2: 0.0, 3: 0.0}, {0: 5e4}, viscosity=thick)
    np.testing.assert_allclose(found.flow, [5e4, 5e4 * g[1] / (g[1] + g[2]), -5e4 * g[2] / (g[1] + g[2])], rtol=1e-12)
    assert found.pressure[0] == pytest.approx(5e4 / g[0] + 5e4 / (g[1] + g[2]))


def test_closed_end_carries_nothing():
    lines = [straight([0, 0, 0], [50, 0, 0]), straight([50, 0, 0], [100, 0, 0]), straight([50, 0, 0], [50, 50, 0])]
    found = flow.solve(joined(lines, [(0, 1), (1, 2), (1, 3)]), {0: 10.0, 2: 0.0})
    assert abs(found.flow[2]) < 1e-9 * found.flow[0] and found.pressure[3] == pytest.approx(found.pressure[1])


def test_many_loops_agree_with_a_dense_solve():
    """Kirchhoff's laws in another form: all flows and pressures are unknown at once."""
    net = grid()
    g = flow.conductances(net, flow.apparent_viscosity(2 * net.radius))
    found = flow.solve(net, {0: 100.0, 24: 0.0}, {4: 2e3})
    branches, nodes = net.branches, 25
    dense, right = np.zeros((branches + nodes,) * 2), np.zeros(branches + nodes)
    for b, (one, two) in enumerate(net.ends):
        dense[b, b], dense[b, branches + one], dense[b, branches + two] = -1 / g[b], 1, -1
        dense[branches + one, b] += 1
        dense[branches + two, b] -= 1
    for node, pressure in ((0, 100.0), (24, 0.0)):
        dense[branches + node] = 0
        dense[branches + node, branches + node], right[branches + node] = 1, pressure
    right[branches + 4] = 2e3
    both = np.linalg.solve(dense, right)
    np.testing.assert_allclose(found.flow, both[:branches], rtol=1e-9, atol=1e-9 * abs(both[:branches]).max())
    np.testing.assert_allclose(found.pressure, both[branches:], rtol=1e-9, atol=1e-9)
    inner = np.setdiff1d(np.arange(25), [0, 4, 24])
    assert np.abs(found.source[inner]).max() < 1e-9 * np.abs(found.source).max()


def test_estimate_leaves_no_vessel_without_flow_and_no_shear_extreme():
    lines, ends = [], []
    for k, (a, b, r) in enumerate([((0, 0), (100, 0), 12), ((100, 0), (200, 60), 8), ((100, 0), (200, -60), 9),
                                   ((200, 60), (300, 0), 8), ((200, -60), (300, 0), 7), ((200, 60), (200, -60), 4),
                                   ((300, 0), (400, 0), 11), ((200, 60), (260, 120), 5)]):  # fmt: skip
        lines.append(straight([*a, 0], [*b, 0], float(r)))
        ends.append(((0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (2, 3), (4, 5), (2, 6))[k])
    net = joined(lines, ends)
    found = flow.estimate(net, median_speed=300.0)
    assert np.abs(found.source[net.degree > 1]).max() < 1e-9 * np.abs(found.source).max()
    speed = np.abs(found.speed)
    assert np.median(speed) == pytest.approx(300, rel=0.3) and speed.min() > 1.0 and speed.max() < 3000
    again = flow.estimate(net, median_speed=150.0)
    np.testing.assert_allclose(again.flow, 0.5 * found.flow)


@pytest.mark.parametrize(("pressures", "inflows", "message"), [
    ({}, {}, "has no pressure"), ({7: 1.0}, {}, "there are nodes 0 to 1"), ({0: 1.0}, {0: 1.0}, "give one of them"),
])  # fmt: skip
def test_conditions_that_are_none_are_refused(pressures, inflows, message):
    tube = joined([straight([0, 0, 0], [200, 0, 0])], [(0, 1)])
    with pytest.raises(InputError, match=message):
        flow.solve(tube, pressures, inflows)


@pytest.mark.parametrize("speed", [0.0, -5.0, np.nan])
def test_speeds_that_are_none_are_refused(speed):
    tube = joined([straight([0, 0, 0], [200, 0, 0])], [(0, 1)])
    with pytest.raises(InputError, match="give a speed above 0"):
        flow.estimate(tube, median_speed=speed)


def test_closed_network_has_no_estimate():
    ring = joined([straight([0, 0, 0], [50, 0, 0]), straight([50, 0, 0], [0, 0, 0])], [(0, 1), (1, 0)])
    with pytest.raises(InputError, match="fewer than two free ends"):
        flow.estimate(ring)
