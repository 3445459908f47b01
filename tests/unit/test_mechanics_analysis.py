"""Tensions, energies and forces of a deformed network, against closed forms, finite differences and rotations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reference.network import Network
from reference.networks import chains, gel

from physim.analysis import mechanics, network
from physim.errors import InputError

MODULI = {"stretch_modulus": 900.0, "bend_modulus": 7.0, "crosslink_stiffness": 50.0, "crosslink_rigidity": 3.0}
FRAMED = {name: MODULI[name] for name in ("bend_modulus", "crosslink_rigidity")}


def bundles(axis=0, count=4, size=60.0):
    """Straight parallel fibers of 10 segments of 3 um, through the middle of a closed box."""
    along, across = np.eye(3)[axis], np.eye(3)[(axis + 1) % 3]
    return chains([15 * (1 - along) + 10 * along + 5 * k * across + np.outer(3.0 * np.arange(11), along)
                   for k in range(count)], size=size)  # fmt: skip


def rotated(nodes, angle, axis):
    axis = np.array(axis, float) / np.linalg.norm(axis)
    cross = np.cross(np.eye(3), -axis)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return (nodes - 30) @ turn.T + 30


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("strain", [0.02, -0.01])
def test_uniform_strain_of_straight_bundles(axis, strain):
    """T = EA e, U = EA e^2 L/2, and only the ends are pulled."""
    net = bundles(axis)
    nodes = net.nodes * (1 + strain * np.eye(3)[axis])
    np.testing.assert_allclose(mechanics.tension(net, nodes, stretch_modulus=900.0), 900 * strain, rtol=1e-12)
    energy = mechanics.strain_energy(net, nodes, **MODULI)
    assert energy.stretch == pytest.approx(0.5 * 900 * strain**2 * 4 * 30, rel=1e-12)
    assert energy.bend == pytest.approx(0, abs=1e-20) and energy.crosslink == 0 and energy.total == energy.stretch
    force = mechanics.node_forces(net, nodes, **MODULI).reshape(4, 11, 3)
    np.testing.assert_allclose(force[:, 0], 900 * strain * np.eye(3)[axis] * np.ones((4, 1)), atol=1e-9)
    np.testing.assert_allclose(force[:, -1], -force[:, 0], atol=1e-9)
    np.testing.assert_allclose(force[:, 1:-1], 0, atol=1e-9)


def test_straight_fiber_bent_into_an_arc_has_the_energy_of_a_beam():
    """EI kappa^2 L/2: each inner node bends by 2 sin(l kappa/2), so that the discrete value is known exactly."""
    net, kappa = bundles(0, count=1), 0.01
    angle = kappa * 3.0 * (np.arange(11) - 5)
    middle = np.array([25.0, 15, 15])
    chord = 3.0 / (2 / kappa * np.sin(3.0 * kappa / 2))  # keeps each segment at its length
    nodes = middle + chord / kappa * np.stack([np.sin(angle), 1 - np.cos(angle), 0 * angle], 1)
    np.testing.assert_allclose(mechanics.tension(net, nodes, stretch_modulus=900.0), 0, atol=1e-9)
    bend = mechanics.bend_energy(net, nodes, **FRAMED)
    np.testing.assert_allclose(bend, 7.0 / 6.0 * (2 * np.sin(3.0 * kappa / 2)) ** 2, rtol=1e-9)
    assert bend.sum() == pytest.approx(0.5 * 7.0 * kappa**2 * 27, rel=1e-3)
    assert mechanics.inner_nodes(net).tolist() == list(range(1, 10))


def test_curved_crosslinked_network_bears_nothing_when_it_is_turned():
    net = gel(periodic=False)
    assert len(net.crosslinks) > 50 and mechanics.bend_energy(net, net.nodes * 1.3, **FRAMED).sum() > 1e-3
    for angle in (0.3, np.pi / 2):
        nodes = rotated(net.nodes, angle, (1, 2, -1))
        energy = mechanics.strain_energy(net, nodes, **MODULI)
        assert max(energy.stretch, energy.bend, energy.crosslink, energy.turning) < 1e-18
        assert np.abs(mechanics.node_forces(net, nodes, **MODULI)).max() < 1e-9


def test_crosslink_is_a_spring_on_its_gap():
    """Two crossed fibers, 1 um apart at rest; one is lifted by 0.5 um.

    The gap at rest goes with e1 x e2: fibers that were longer would make more of it, and are pulled by 25/20 nN.
    """
    net = chains([[[10, 20, 20], [20, 20, 20], [30, 20, 20]], [[20, 10, 21], [20, 30, 21]]],
                 links=[(0, 2)], at=[(1.0, 0.5)])  # fmt: skip
    nodes = net.nodes + np.array([[0, 0, 0]] * 3 + [[0, 0, 0.5]] * 2)
    assert mechanics.crosslink_energy(net, nodes, crosslink_stiffness=50.0) == pytest.approx(0.5 * 50 * 0.25)
    force = mechanics.node_forces(net, nodes, **MODULI)
    np.testing.assert_allclose(force[3:], [[0, -1.25, -12.5], [0, 1.25, -12.5]], atol=1e-9)
    np.testing.assert_allclose(force[:, 2].sum(), 0, atol=1e-9)
    assert mechanics.crosslink_energy(net, net.nodes, crosslink_stiffness=50.0) == 0


def test_crosslink_opposes_that_its_segments_turn():
    """A cross of two fibers closed like scissors by 2 a: each turns by a in the frames of both, R = 1 by symmetry."""
    net = chains([[[20, 30, 30], [40, 30, 30]], [[30, 20, 30], [30, 40, 30]]], links=[(0, 1)], at=[(0.5, 0.5)])
    a = 0.3
    c, s = np.cos(a), np.sin(a)
    nodes = 30 + 10 * np.array([[-c, -s, 0], [c, s, 0], [-s, -c, 0], [s, c, 0]])
    energy = mechanics.strain_energy(net, nodes, **MODULI)
    assert energy.turning == pytest.approx(4 * 0.5 * 3.0 * (2 * np.sin(a / 2)) ** 2)
    assert max(energy.stretch, energy.bend, energy.crosslink) < 1e-20


@pytest.mark.parametrize("periodic", [True, False])
def test_forces_are_minus_the_gradient_and_sum_to_nothing(periodic):
    net = gel(periodic=periodic)
    random = np.random.default_rng(1)
    nodes = net.nodes + random.normal(scale=0.1, size=net.nodes.shape)
    force = mechanics.node_forces(net, net.box.wrap(nodes), **MODULI)
    assert np.abs(force.sum(0)).max() < 1e-9 * np.abs(force).sum()
    if not periodic:
        assert np.abs(np.cross(nodes, force).sum(0)).max() < 1e-9 * np.abs(force).sum() * 30
    for _ in range(4):
        step = random.normal(size=nodes.shape)
        up, down = (mechanics.strain_energy(net, nodes + s * 1e-5 * step, **MODULI) for s in (1, -1))
        slope = (up.total - down.total) / 2e-5
        assert slope == pytest.approx(-(mechanics.node_forces(net, nodes, **MODULI) * step).sum(), rel=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("size", [0.05, 1.0])
def test_energies_and_forces_are_those_of_the_reference(periodic, size):
    """Which is written another way; in a random state, with crosslinks moved off their places so that gaps are skew."""
    net = gel(periodic=periodic)
    net = replace(net, crosslink_at=np.random.default_rng(4).random(net.crosslink_at.shape))
    nodes = net.nodes + np.random.default_rng(1).normal(scale=size, size=net.nodes.shape)
    wanted = Network.of(net, **MODULI)
    energy = mechanics.strain_energy(net, net.box.wrap(nodes), **MODULI)
    found = [energy.stretch, energy.bend, energy.crosslink, energy.turning]
    assert found == pytest.approx(wanted.energies(nodes), rel=1e-9)
    force = wanted.forces(nodes)
    np.testing.assert_allclose(mechanics.node_forces(net, net.box.wrap(nodes), **MODULI), force, rtol=0,
                               atol=1e-9 * np.abs(force).max())  # fmt: skip
    each = mechanics.bend_energy(net, nodes, **FRAMED), mechanics.turning_energy(net, nodes, **FRAMED)
    assert [e.sum() for e in each] == pytest.approx([energy.bend, energy.turning]) and each[1].shape[1:] == (2, 2)


def test_nodes_that_have_passed_a_periodic_face_are_where_they_went():
    net = gel(periodic=True)
    shift = np.array([0.4, -3.0, 7.0])
    moved = mechanics.displacement(net, net.box.wrap(net.nodes + shift))
    np.testing.assert_allclose(moved, np.broadcast_to(shift, moved.shape), atol=1e-9)
    assert mechanics.strain_energy(net, net.box.wrap(net.nodes + shift), **MODULI).total < 1e-18


def test_measures_of_a_network_apply_to_the_deformed_one():
    net = gel(periodic=False)
    wide = mechanics.deformed(net, 30 + 1.1 * (net.nodes - 30))
    np.testing.assert_allclose(wide.lengths, 1.1 * net.lengths, rtol=1e-12)
    now, before = (network.describe(of) for of in (wide, net))
    for name, factor in (("crosslink spacing (um)", 1.1), ("mean crosslink gap (um)", 1.1), ("nematic order S", 1.0),
                         ("length density (um/um^3)", 1.1)):  # fmt: skip
        assert now[name] == pytest.approx(factor * before[name], rel=1e-9), name
    periodic = gel(periodic=True)
    shifted = mechanics.deformed(periodic, periodic.nodes + np.array([11.0, 0, -17.0]))
    assert ((shifted.nodes >= shifted.lower) & (shifted.nodes < shifted.upper)).all()
    np.testing.assert_allclose(shifted.vectors, periodic.vectors, atol=1e-9)
    assert network.describe(shifted)["mean crosslink gap (um)"] == pytest.approx(
        network.describe(periodic)["mean crosslink gap (um)"], rel=1e-9
    )
    assert network.valence_histogram(shifted) == network.valence_histogram(periodic)


def test_nodes_of_another_network_are_refused():
    net = bundles()
    with pytest.raises(InputError, match=r"shape \(43, 3\) is not that of the network, \(44, 3\)"):
        mechanics.displacement(net, net.nodes[1:])
    nodes = net.nodes.copy()
    nodes[3, 1] = np.nan
    with pytest.raises(InputError, match="1 positions are not finite"):
        mechanics.tension(net, nodes, stretch_modulus=1.0)
