"""What must not depend on where a network is or how it is turned: patch test, rotations, sums of forces, energy."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from reference import gels
from reference.networks import chains
from scipy.spatial.transform import Rotation

from physim.generate.collagen import generate_collagen
from physim.generate.fiber_network import FiberNetwork

SIZE, EI = 64.0, 100.0
QUARTER = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
"""Of a turn about z: the integers of positions stay integers."""


def crossing(size: float) -> FiberNetwork:
    """Straight fibers through a box, crosslinked where they meet: along x and y in two planes, along z between."""
    ticks, across, heights = size * np.arange(9) / 8, size * np.array([0.3, 0.45, 0.7]), size * np.array([0.28, 0.65])
    fibers = [np.stack([ticks, 0 * ticks + y, 0 * ticks + z], 1) for z in heights for y in across]
    fibers += [np.stack([0 * ticks + x, ticks, 0 * ticks + z], 1) for z in heights for x in across]
    fibers += [np.stack([0 * ticks + x, 0 * ticks + across[0], ticks], 1) for x in across]
    links, at = [], []

    def cross(one: int, two: int, *where: float) -> None:
        links.append(tuple(8 * fiber + int(8 * w / size) for fiber, w in zip((one, two), where, strict=True)))
        at.append(tuple(8 * w / size % 1 for w in where))

    for level, z in enumerate(heights):
        for j, x in enumerate(across):
            for i, y in enumerate(across):
                cross(3 * level + i, 6 + 3 * level + j, x, y)
            cross(12 + j, 3 * level, z, x)
    return chains(fibers, links=links, at=at, size=size)


def test_straight_network_follows_a_uniform_strain(make_simulation):
    """Faces are moved affinely, with shear: then so do the inner nodes of hinged fibers, to 1e-6 um."""
    net = crossing(16.0)
    strain = np.array([[1.06, 0.01, 0.004], [0, 1.05, -0.006], [0.005, 0, 1.04]])
    sim = gels.gel(make_simulation, net, crosslink_rigidity=0.0, **gels.EXACT)
    held, wanted = sim.read("node_held").astype(bool), 8 + (net.nodes - 8) @ strain.T
    np.testing.assert_array_equal(held, net.box.on_face(net.nodes).any(1))
    gels.place(sim, np.where(held[:, None], wanted, net.nodes))
    sim.step(4)
    assert np.abs((sim.fiber_nodes() - wanted)[~held]).max() < 1e-6
    assert np.abs(wanted - net.nodes)[~held].max() > 0.3


def test_crosslinks_that_resist_turning_leave_a_pure_stretch_alone(make_simulation):
    """With as many crosslinks on each segment, what k_c adds is the same along each fiber."""
    ticks, across = np.arange(0, SIZE + 1, 8), np.arange(4.0, SIZE, 8)
    lines = [np.stack([ticks, 0 * ticks + y, 0 * ticks + 32], 1) for y in across]
    lines += [np.stack([0 * ticks + x, ticks, 0 * ticks + 32], 1) for x in across]
    links = [(8 * i + j, 64 + 8 * j + i) for i in range(8) for j in range(8)]
    net = chains(lines, links=links, at=[(0.5, 0.5)] * 64, size=SIZE)
    sim = gels.gel(make_simulation, net, crosslink_rigidity=100.0, **gels.EXACT)
    held, wanted = sim.read("node_held").astype(bool), 32 + (net.nodes - 32) * [1.02, 1.01, 1]
    gels.place(sim, np.where(held[:, None], wanted, net.nodes))
    sim.step(4)
    assert np.abs((sim.fiber_nodes() - wanted)[~held]).max() < 1e-6


def helix() -> FiberNetwork:
    turn = np.linspace(0, 4, 17)
    return chains([32 + np.stack([8 * np.cos(turn), 8 * np.sin(turn), 3 * turn - 6], 1)], size=SIZE)


@cache
def patch() -> FiberNetwork:
    """A gel with crosslinks and curved fibers."""
    return generate_collagen([0] * 3, [SIZE] * 3, (False,) * 3, concentration=0.5, bundle_diameter=0.2, seed=3)


def turned(net: FiberNetwork, rotation: np.ndarray) -> np.ndarray:
    return SIZE / 2 + (net.nodes - SIZE / 2) @ rotation.T


def fixed_rest_force(net: FiberNetwork, nodes: np.ndarray) -> float:
    """nN, the largest force on a node of bends that rest at a fixed vector: what would be wrong."""
    k = np.flatnonzero(np.diff(net.segment_fiber) == 0)
    change = (nodes - net.nodes)[net.segments[:, 1]] - (nodes - net.nodes)[net.segments[:, 0]]
    slope = change / net.lengths[:, None]
    pull = 2 * EI / (net.lengths[k] + net.lengths[k + 1])[:, None] * (slope[k + 1] - slope[k])
    return float((np.linalg.norm(pull, axis=1) / net.lengths[k]).max())


@pytest.mark.parametrize("make", [helix, patch], ids=["curved fiber", "patch"])
@pytest.mark.parametrize("quarters", [1, 2])
def test_curved_fiber_and_crosslinked_patch_bear_no_force_when_turned(make_simulation, make, quarters):
    """By exactly 90 and 180 degrees, at one blow."""
    net = make()
    sim = gels.gel(make_simulation, net, **gels.EXACT)
    gels.hold(sim, np.zeros(len(net.nodes)))
    assert np.abs(gels.forces(sim)).max() < 1e-9
    rotation = np.linalg.matrix_power(QUARTER, quarters)
    gels.place(sim, turned(net, rotation))
    assert np.abs(sim.fiber_nodes() - turned(net, rotation)).max() < 1e-7
    assert fixed_rest_force(net, turned(net, rotation)) > 1
    assert np.abs(gels.forces(sim)).max() < 1e-9
    np.testing.assert_allclose(sim.read("fiber_frame").reshape(-1, 3, 4)[:, :, :3], [rotation] * net.fibers, atol=1e-9)


@pytest.mark.parametrize("angle", [0.3, 1.6, 2.5, np.pi])
def test_patch_turned_about_any_axis_bears_no_more_than_rounding(make_simulation, angle):
    """EA/l0 times the last bit of positions, of a few segments that end on a node."""
    net = patch()
    sim = gels.gel(make_simulation, net, **gels.EXACT)
    gels.hold(sim, np.zeros(len(net.nodes)))
    gels.place(sim, turned(net, Rotation.from_rotvec(angle * np.array([1, 2, 2]) / 3).as_matrix()))
    assert np.abs(gels.forces(sim)).max() < 3 * 1e4 / net.lengths.min() * SIZE / 2**31


@pytest.mark.parametrize("size", [0.1, 1.0])
def test_forces_and_torques_of_a_free_network_sum_to_nothing(make_simulation, size):
    net = patch()
    sim = gels.gel(make_simulation, net)
    gels.hold(sim, np.zeros(len(net.nodes)))
    gels.place(sim, net.nodes + np.random.default_rng(2).normal(0, size, net.nodes.shape))
    force, arm = gels.forces(sim), sim.fiber_nodes() - SIZE / 2
    scale = np.linalg.norm(force, axis=1)
    assert scale.max() > 100
    assert np.linalg.norm(force.sum(0)) < 1e-6 * scale.sum()
    assert np.linalg.norm(np.cross(arm, force).sum(0)) < 1e-6 * (scale * np.linalg.norm(arm, axis=1)).sum()


def wavy(net: FiberNetwork, size: float) -> np.ndarray:
    """Nodes after random waves of displacement, as long as the box: strains of pi size/SIZE and more."""
    random, moved = np.random.default_rng(1), np.zeros(net.nodes.shape)
    for _ in range(4):
        wave = random.normal(size=3)
        wave *= 2 * np.pi / SIZE / np.linalg.norm(wave)
        moved += np.sin(net.nodes @ wave + random.uniform(0, 6))[:, None] * random.normal(size=3)
    return net.nodes + size * moved / np.abs(moved).max()


@pytest.mark.parametrize("step", [1e-5, 1e-3, 0.1])
def test_energy_never_rises_in_a_closed_relaxation(make_simulation, step):
    """No node is held, nothing pulls: 50 steps from a random state, each to 1e-5 um. At the default accuracy a fiber
    that swings late on is stretched by as much as that allows: 4e-4 of 7,000 nN um, in one step of 50.
    """
    net = patch()
    sim = gels.gel(make_simulation, net, step=step, wake_force=0.0, accuracy=1e-5)
    gels.hold(sim, np.zeros(len(net.nodes)))
    gels.place(sim, wavy(net, 2.0))
    elastic, energies = gels.reference(sim), []
    for _ in range(51):
        energies.append(elastic.energy(sim.fiber_nodes()))
        sim.step()
    assert energies[0] > 1000 and energies[-1] < 0.01 * energies[0]
    assert (np.diff(energies) < 0).all()
