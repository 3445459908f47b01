"""Displacement around a cell and how forces pull together, against fields and dipoles that are known."""

from __future__ import annotations

import numpy as np
import pytest
from reference.networks import chains, directions, gel

from physim.analysis import displacement
from physim.errors import InputError

CENTER = np.full(3, 50.0)


def cloud(power, noise=0.0, pull=-4.0, seed=2):
    """Short fibers everywhere in 100 um, and their nodes moved by pull (r/10 um)^power toward the center."""
    random = np.random.default_rng(seed)
    middle = random.uniform(0, 100, (6000, 3))
    net = chains(np.stack([middle - 0.3, middle + 0.3], axis=1), size=100)
    out = net.nodes - CENTER
    distance = np.linalg.norm(out, axis=1)[:, None]
    moved = pull * (np.maximum(distance, 1) / 10) ** power * out / distance
    return net, net.nodes + moved + random.normal(scale=noise, size=moved.shape)


@pytest.mark.parametrize("power", [-2.0, -1.0, -0.5])
def test_field_of_a_point_contraction_has_its_exponent(power):
    net, nodes = cloud(power)
    edges = np.geomspace(10, 45, 13)
    found = displacement.decay(net, nodes, CENTER, edges)
    assert found.exponent == pytest.approx(power, abs=0.02) and found.shells == 12
    assert found.interval[0] <= found.exponent <= found.interval[1]
    assert found.at(20.0) == pytest.approx(-4 * 2.0**power, rel=0.02)
    field = displacement.radial_field(net, nodes, CENTER, edges)
    np.testing.assert_allclose(field.radial, -4 * (field.radius / 10) ** power, rtol=0.01)
    np.testing.assert_allclose(field.size, -field.radial, rtol=1e-9)
    inside = np.linalg.norm(net.nodes - CENTER, axis=1)
    assert field.nodes.sum() == ((inside >= 10) & (inside < 45)).sum()


def test_interval_holds_the_exponent_and_widens_with_noise():
    """95 % of intervals should; of 20 here at least 16 do (99.7 % of draws)."""
    edges, held, widths = np.geomspace(10, 45, 9), 0, {0.05: [], 0.4: []}
    for seed in range(10):
        for noise in widths:
            low, high = displacement.decay(*cloud(-2.0, noise, seed=seed), CENTER, edges, samples=200).interval
            held += low <= -2 <= high
            widths[noise].append(high - low)
    assert held >= 16
    assert np.mean(widths[0.4]) > 3 * np.mean(widths[0.05]) > 0


def test_pushing_has_the_other_sign_and_a_shell_that_went_astray_is_left_out():
    net, nodes = cloud(-2.0, pull=2.0)
    assert displacement.decay(net, nodes, CENTER, np.geomspace(10, 45, 9)).coefficient > 0
    far = np.linalg.norm(net.nodes - CENTER, axis=1)
    nodes = np.where((far > 25)[:, None] & (far < 30)[:, None], 2 * net.nodes - nodes, nodes)
    found = displacement.decay(net, nodes, CENTER, [10, 15, 20, 25, 30, 35, 40])
    assert found.shells == 5 and found.exponent == pytest.approx(-2, abs=0.05)


def test_displacement_through_a_periodic_face_is_radial():
    net = gel(periodic=True)
    center = np.array([1.0, 59.0, 30.0])
    out = net.box.image(net.nodes - center)
    nodes = net.box.wrap(net.nodes - 0.05 * out)
    field = displacement.radial_field(net, nodes, center, [2, 10, 20, 30])
    np.testing.assert_allclose(field.radial, -0.05 * field.radius, rtol=1e-9)


def test_empty_shells_are_nan_and_too_few_are_refused():
    net, nodes = cloud(-2.0)
    field = displacement.radial_field(net, nodes, CENTER, [0, 1e-3, 20])
    assert np.isnan(field.radial[0]) and field.nodes[0] == 0 and np.isfinite(field.radial[1])
    with pytest.raises(InputError, match="only 2 shells have nodes"):
        displacement.decay(net, nodes, CENTER, [10, 20, 30])
    with pytest.raises(InputError, match="only 0 shells"):
        displacement.decay(net, net.nodes, CENTER, np.geomspace(10, 45, 9))


def test_dipole_pulls_together_along_its_axis():
    """Two forces of 7 nN, 12 um apart, toward each other: 14 nN at the middle, all of it on the axis."""
    axis = np.array([2.0, -1, 2]) / 3
    found = displacement.contraction([CENTER - 6 * axis, CENTER + 6 * axis], [7 * axis, -7 * axis])
    assert found.contractility == pytest.approx(14) and found.polarity == pytest.approx(1)
    np.testing.assert_allclose(found.epicenter, CENTER, atol=1e-9)
    assert abs(found.axis @ axis) == pytest.approx(1)
    pushed = displacement.contraction([CENTER - 6 * axis, CENTER + 6 * axis], [-7 * axis, 7 * axis])
    assert pushed.contractility == pytest.approx(-14) and np.isnan(pushed.polarity)


def test_forces_from_all_sides_have_no_axis_and_meet_at_the_cell():
    out = directions(4000)
    points = CENTER + out * np.random.default_rng(0).uniform(8, 30, (4000, 1))
    found = displacement.contraction(points, -0.02 * out)
    assert found.contractility == pytest.approx(80) and found.polarity == pytest.approx(1 / 3, abs=0.01)
    np.testing.assert_allclose(found.epicenter, CENTER, atol=1e-9)
    oblate = displacement.contraction(points, -0.02 * out * (1 + (np.abs(out[:, 2:]) > 0.8) * 4))
    assert oblate.polarity > 0.5 and abs(oblate.axis[2]) > 0.99


def test_epicenter_is_the_point_nearest_to_all_lines():
    random = np.random.default_rng(3)
    points, forces = random.normal(size=(9, 3)) * 10, random.normal(size=(9, 3))
    center = displacement.contraction(points, forces).epicenter
    misfit = lambda c: (np.cross(c - points, forces) ** 2).sum()  # noqa: E731
    assert all(misfit(center) < misfit(center + step) for step in 1e-3 * directions(50))
    inward = (center - points) / np.linalg.norm(center - points, axis=1)[:, None]
    assert displacement.contraction(points, forces).contractility == pytest.approx((inward * forces).sum())


def test_sideways_forces_and_no_forces_do_not_contract():
    """A couple turns and does not contract: its lines are parallel, the epicenter lies between them."""
    couple = displacement.contraction([[0, 1, 0], [0, -1, 0]], [[3, 0, 0], [-3, 0, 0]])
    assert couple.contractility == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(couple.epicenter, 0, atol=1e-12)
    none = displacement.contraction(np.zeros((0, 3)), np.zeros((0, 3)))
    assert none.contractility == 0 and np.isnan(none.epicenter).all()
    with pytest.raises(InputError, match="2 forces at 1 points"):
        displacement.contraction([[0, 0, 0]], np.ones((2, 3)))


def test_links_pull_the_fibers_toward_their_cell():
    links = {"cell_id": np.array([4, 4, 9]), "cell_position": np.array([[50.0, 50, 50]] * 2 + [[0, 0, 0]]),
             "point": np.array([[60.0, 50, 50], [50, 44, 50], [0, 0, 3]]), "tension": np.array([5.0, 2.0, 1.0])}
    points, forces = displacement.link_forces(links)
    np.testing.assert_allclose(forces, [[-5, 0, 0], [0, 2, 0], [0, 0, -1]])
    points, forces = displacement.link_forces(links, cell=4)
    assert len(points) == 2 and displacement.contraction(points, forces).contractility == pytest.approx(7)
