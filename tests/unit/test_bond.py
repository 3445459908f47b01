"""Bonds between cells in blood: forces along bodies in float64, equal and opposite; Bell's rate; who is between."""

import itertools

import numpy as np
import pytest
from reference import scenes
from reference.blood import SECTION, by_id, places, table

STIFFNESS, CONTACT = 30.0, 20.0


def crowd(device_label, terms, seed, count=6, box=120.0):
    """Cells near each other in a wide tube, their ends up to 8 um apart."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table(terms | {"plasma": {}}, [box + 80, 80, 80], network="tube", radius=34.0, length=box, speed="1 um/s",
                  voxel="2.5 um")  # fmt: skip
    rng = np.random.default_rng(seed)
    at = np.array([100.0, 40, 40]) + rng.uniform(-14, 14, (count, 3))
    sim = Simulation(Scenario.from_table(given), cells=scenes.cells(at, radius=7.0, nucleus_radius=4.7),
                     device=device_label)  # fmt: skip
    return sim, at, rng


def spread(sim, at, rng, longest=4.0):
    """Ends of each cell moved apart; returns rear and front (n, 3) and their radii."""
    half = rng.normal(size=at.shape)
    half *= rng.uniform(0.5, longest, (len(at), 1)) / np.linalg.norm(half, axis=1, keepdims=True)
    ends = np.stack([at - half, at + half], axis=1).reshape(-1, 3)
    order = np.argsort(sim.read("end_of"))
    position = np.empty((len(ends), 4), np.int32)
    position[order] = sim.box.to_fixed(ends)
    sim.write("position", position)
    return ends


AT = np.r_[0, SECTION, 1]


def nearest(one, other, wide_one, wide_other, overlap):
    """How much farther apart than at rest (um), places on both, way between axes at rest, and normal (to the one) where
    two bodies are nearest to that: from the places of each to what lies opposite. Ends (2, 3), radii (10,)."""
    best = (np.inf,)
    for first, (own, far, own_wide, far_wide) in enumerate([(one, other, wide_one, wide_other),
                                                            (other, one, wide_other, wide_one)]):
        along = far[1] - far[0]
        for s, a in zip(AT, own_wide, strict=True):
            point = own[0] + s * (own[1] - own[0])
            t = np.clip((point - far[0]) @ along / (along @ along), 0, 1)
            r = point - far[0] - t * along
            apart = (1 - overlap) * (a + np.interp(t, AT, far_wide))
            past = np.linalg.norm(r) - apart
            if past < best[0] - 1e-9:
                best = (past, (s, t)[first], (t, s)[first], apart, (-1) ** first * r / np.linalg.norm(r))
    return best


def oracle(ends, radius, bound, flattening):
    """Forces (2 n, 3), nN, of all pairs that touch or are bound, and the slope (2 n, 2 n), nN/um, of that between two
    ends; radii (10, n)."""
    count, force, slopes = len(ends) // 2, np.zeros_like(ends), np.zeros((len(ends), len(ends)))
    for i, j in itertools.combinations(range(count), 2):
        past, *at, apart, normal = nearest(ends[2 * i : 2 * i + 2], ends[2 * j : 2 * j + 2], radius[:, i], radius[:, j],
                                           flattening * bound[i, j])  # fmt: skip
        if past > 0 and not bound[i, j]:
            continue
        left = max(1 + past / apart, 0.1)
        stiffness = STIFFNESS if past > 0 else CONTACT / left
        slope = stiffness / left if 0.1 < left < 1 else stiffness
        f, shares = -stiffness * past * normal, []
        for cell, place, sign in ((i, at[0], 1), (j, at[1], -1)):
            length = np.linalg.norm(ends[2 * cell + 1] - ends[2 * cell])
            share = 0.5 + (place - 0.5) * length / (length + 7.0)
            force[2 * cell + 1] += sign * share * f
            force[2 * cell] += sign * (1 - share) * f
            shares.append((1 - share, share))
        block = slope * np.outer(*shares)
        slopes[2 * i : 2 * i + 2, 2 * j : 2 * j + 2], slopes[2 * j : 2 * j + 2, 2 * i : 2 * i + 2] = block, block.T
    return force, slopes


@pytest.mark.parametrize("seed, longest, flattening", [(1, 4.0, 0.0), (2, 9.0, 0.0), (1, 4.0, 0.3), (2, 9.0, 0.3)])
def test_forces_are_those_where_bodies_are_nearest_and_cancel(device_label, seed, longest, flattening):
    held = {"stiffness": STIFFNESS, "contact_stiffness": CONTACT, "release_rate": 0.0, "friction": 0.0,
            "flattening": flattening}  # fmt: skip
    terms = {"elongation": {}, "bond": held}
    sim, at, rng = crowd(device_label, terms, seed)
    spread(sim, at, rng, longest)
    sim.find_forces()
    ends, radius = places(sim), by_id(sim, "body_radius").astype(float)[:, 1::2]
    total = by_id(sim, "force")[:, :3].astype(float)
    body = np.zeros_like(total)
    front = np.arange(1, len(total), 2)
    stored = by_id(sim, "body_force").astype(float)
    body[front - 1], body[front] = stored[0, front, :3], stored[1, front, :3]
    stream = by_id(sim, "stream").astype(float)
    carried = stream[:, 3:] * stream[:, :3] * float(sim.read("branch_flow")[0])
    ids = by_id(sim, "id")
    partners = by_id(sim, "bond_partner")
    bound = np.array([[(partners[:, ids == 2 * i + 1] == 2 * j + 2).any() for j in range(6)] for i in range(6)])
    assert (bound == bound.T).all() and bound.sum() >= 6
    expected, slopes = oracle(ends, radius, bound, flattening)
    np.testing.assert_allclose(total - body - carried, expected, atol=2e-3 * np.abs(expected).max())
    assert np.abs((total - body - carried).sum(axis=0)).max() < 1e-4 * np.abs(expected).max()
    one, other, resistance = scenes.pair_entries(sim)
    found = np.zeros_like(slopes)
    found[one, other] = resistance[:, 0] / sim.step_length
    np.testing.assert_allclose(found, slopes, atol=2e-3 * slopes.max())



def test_bonds_break_at_bells_rate(device_label):
    """Spheres two by two, held 1.7 um from rest: 30 nN on each bond, which lives 1/(k_0 exp(2)) in the mean."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    pairs, steps, rate = 72, 8, 2000.0  # 1/min
    held = {"stiffness": 30 / 1.7, "flattening": 0.05, "release_rate": rate, "release_force": 15.0, "reach": 1.5,
            "binding_rate": 0.0}  # fmt: skip
    terms = {"bond": held, "plasma": {}}
    given = table(terms, [480, 80, 80], network="tube", radius=36.0, length=390.0, speed="0.001 um/s", voxel="2.5 um",
                  step="0.5 ms")  # fmt: skip
    lattice = np.stack(np.meshgrid(np.arange(8), np.arange(3), np.arange(3), indexing="ij"), -1).reshape(-1, 3)
    first = np.array([65.0, 22, 22]) + lattice * [45.0, 18.0, 18.0]
    at = np.stack([first, first + np.array([15.0, 0, 0])], axis=1).reshape(-1, 3)
    sim = Simulation(Scenario.from_table(given), cells=scenes.cells(at, radius=7.0, nucleus_radius=4.0),
                     device=device_label)  # fmt: skip
    alive = []
    for _ in range(steps):
        position = np.empty((2 * pairs, 4), np.int32)
        position[np.argsort(sim.read("id"))] = sim.box.to_fixed(at)
        sim.write("position", position)
        sim.step(1)
        alive.append(int((sim.read("bond_partner") > 0).sum()) // 2)
    share = np.exp(-rate * np.exp(2.0) * sim.step_length * np.arange(steps))
    spread = np.sqrt(pairs * share * (1 - share))
    assert alive[0] == pairs
    assert (np.abs(alive - pairs * share) <= 3.5 * spread + 1).all() and share[-1] < 0.5


@pytest.mark.parametrize("aside, held", [(0.0, 2), (9.0, 3)])
def test_a_bond_is_lost_where_another_cell_is_between(device_label, aside, held):
    """Three spheres that hold each other; then two are 14 um apart with the third between them, or beside the gap."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    terms = {"bond": {"release_rate": 0.0, "reach": 1.5, "binding_rate": 0.0}, "plasma": {}}
    given = table(terms, [200, 80, 80], network="tube", radius=30.0, length=120.0, speed="0.001 um/s", voxel="2.5 um",
                  step="0.1 ms")  # fmt: skip
    start = np.array([[93.0, 40, 40], [100, 40, 40], [96.5, 46, 40]])
    sim = Simulation(Scenario.from_table(given), cells=scenes.cells(start, radius=4.0, nucleus_radius=2.0),
                     device=device_label)  # fmt: skip
    sim.step(1)
    assert (sim.read("bond_partner") > 0).sum() == 6
    there = np.array([[93.0, 40, 40], [107, 40, 40], [100, 40 + aside, 40]])
    position = np.empty((3, 4), np.int32)
    position[np.argsort(sim.read("id"))] = sim.box.to_fixed(there)
    sim.write("position", position)
    sim.step(1)
    assert (sim.read("bond_partner") > 0).sum() == 2 * held
    partners = by_id(sim, "bond_partner")
    assert ((partners[:, 0] == 2).any() and (partners[:, 1] == 1).any()) == (held == 3)


@pytest.mark.parametrize("flattening", [0.0, 0.25])
def test_nothing_but_bonds_holds_cells_together(device_label, flattening):
    """Two cells are pulled 2 um apart: their bond brings them back, and flattens them as far as it does at rest; cut in
    mid-run, they stay where they are."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    terms = {"elongation": {}, "bond": {"release_rate": 0.0, "flattening": flattening}, "plasma": {}}
    given = table(terms, [200, 60, 60], network="tube", radius=24.0, length=120.0, speed="0.001 um/s", voxel="2.5 um")
    start = np.array([[93.0, 30, 30], [107, 30, 30]])
    sim = Simulation(Scenario.from_table(given), cells=scenes.cells(start, radius=7.0, nucleus_radius=4.7),
                     device=device_label)  # fmt: skip
    sim.step(1)
    there = places(sim) + np.repeat([[-1.0, 0, 0], [1, 0, 0]], 2, axis=0)
    position = np.empty((4, 4), np.int32)
    position[np.argsort(sim.read("id"))] = sim.box.to_fixed(there)
    sim.write("position", position)
    apart = []
    for changes, steps in (["run.seed=1"], 2000), (["terms.bond.release_rate=1e9", "terms.bond.binding_rate=0"], 400):
        arm = sim.copy(changes)
        arm.step(steps)
        middles = places(arm).reshape(2, 2, 3).mean(axis=1)
        apart.append(np.linalg.norm(middles[1] - middles[0]))
        assert len(arm.read("id")) == 4
    assert apart[0] == pytest.approx(14 * (1 - flattening), abs=0.01) and apart[1] > 15.9
