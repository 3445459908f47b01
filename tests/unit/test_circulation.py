"""The network answers to what cells hold back: Thevenin's theorem against dense solves."""

import numpy as np
import pytest

from physim import flow
from physim.circulation import SECONDS, Circulation


@pytest.fixture(scope="module")
def made():
    """A bed with loops, its ports at 2 kPa where x is least and 0 elsewhere."""
    from physim.meshes.generate_beds import capillaries

    network = capillaries(columns=2, rows=2)
    free = np.flatnonzero(network.degree == 1)
    inlet = free[np.argmin(network.nodes[free, 0])]
    blood = flow.solve(network, {int(k): 2000.0 * (k == inlet) for k in free})
    return Circulation(blood, 1e-3 * blood.pressure, np.zeros(network.branches))


def dense(made: Circulation, added: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flows and pressures by one dense matrix of Kirchhoff's laws."""
    network, resistance = made.blood.network, made.resistance + added
    nodes, branches = len(network.nodes), network.branches
    matrix, right = np.zeros((nodes + branches, nodes + branches)), np.zeros(nodes + branches)
    for b, (one, two) in enumerate(network.ends):
        matrix[b, one], matrix[b, two], matrix[b, nodes + b] = 1, -1, -resistance[b]
        matrix[branches + one, nodes + b] += 1
        matrix[branches + two, nodes + b] -= 1
    for node in np.flatnonzero(network.degree == 1):
        matrix[branches + node] = 0
        matrix[branches + node, node], right[branches + node] = 1, made.pressure[node]
    scale = np.abs(matrix).max(axis=1)
    found = np.linalg.solve(matrix / scale[:, None], right / scale)
    return found[nodes:], found[:nodes]


def test_flows_are_those_of_kirchhoffs_laws(made):
    added = np.random.default_rng(1).uniform(0, 3, len(made.flow)) * made.resistance
    flows, pressures = made.solve(added)
    expected, at_nodes = dense(made, added)
    np.testing.assert_allclose(flows, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(pressures, at_nodes, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.solve(0 * added)[0], made.flow, rtol=1e-9, atol=1e-9 * np.abs(made.flow).max())
    np.testing.assert_allclose(made.flow, SECONDS * made.blood.flow)


def test_a_branch_sees_the_network_as_a_source_and_a_resistance(made):
    """Whatever a branch itself adds, its flow is dP/(R + own): the source and the resistance do not depend on it."""
    added = np.random.default_rng(2).uniform(0, 2, len(made.flow)) * made.resistance
    branches = np.argsort(-np.abs(made.flow))[:5]
    source, seen = made.seen(added, branches)
    for k, branch in enumerate(branches):
        for more in (0.0, 5.0, 1e4):
            changed = added.copy()
            changed[branch] = more * made.resistance[branch]
            own = made.resistance[branch] + changed[branch]
            assert source[k] / (seen[k] + own) == pytest.approx(dense(made, changed)[0][branch], rel=1e-6)


def test_cells_that_go_with_the_blood_change_nothing_and_a_plug_turns_blood_aside(made):
    none = np.zeros(len(made.flow))
    at_first = made.answer(np.stack([none, none + 1, none, none], axis=1), none, none)
    np.testing.assert_allclose(at_first[:, 0] / at_first[:, 1], made.flow, rtol=1e-9)
    load = 100 * made.resistance
    branch = int(np.argmax(np.abs(made.flow) * (made.blood.network.degree[made.blood.network.ends] > 1).all(axis=1)))
    load[np.arange(len(load)) != branch] = 0.0
    free = made.answer(at_first, load, load * made.flow)  # w.v = Q: they hold back nothing
    np.testing.assert_allclose((free[:, 0] + load * made.flow) / (free[:, 1] + load), made.flow, rtol=1e-6)
    held = at_first
    for _ in range(50):
        held = made.answer(held, load, none)
    expected, _ = dense(made, load)
    flows = held[:, 0] / (held[:, 1] + load)
    np.testing.assert_allclose(flows, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    assert abs(expected[branch]) < 0.05 * abs(made.flow[branch])


def test_what_many_branches_see_is_found_at_once(made):
    """The inverse where it is needed, against a dense one; and again, for another matrix of the same pattern."""
    from physim.circulation import _FEW
    from physim.meshes.generate_beds import capillaries
    from physim.selected_inverse import SelectedInverse

    network = capillaries(columns=6, rows=6)
    fixed = network.degree == 1
    blood = flow.solve(network, {int(k): 100.0 * i for i, k in enumerate(np.flatnonzero(fixed))})
    bed, inverse, random = Circulation(blood, 1e-3 * blood.pressure, np.zeros(network.branches)), SelectedInverse(), \
        np.random.default_rng(3)
    assert network.branches > _FEW
    place = np.where(fixed, -1, np.cumsum(~fixed) - 1)
    one, two = place[network.ends].T
    for _ in range(2):
        added = random.uniform(0, 3, network.branches) * bed.resistance
        matrix = bed._free_part(1 / (bed.resistance + added))
        dense_inverse = np.linalg.inv(matrix.toarray())
        unit = np.zeros((len(dense_inverse), network.branches))
        for sign, row in ((1, one), (-1, two)):
            unit[row[row >= 0], np.flatnonzero(row >= 0)] += sign
        expected = (unit * (dense_inverse @ unit)).sum(axis=0)
        np.testing.assert_allclose(inverse.resistances(matrix, one, two), expected, rtol=1e-9)
        all_at_once = bed.seen(added, np.arange(network.branches))
        few = bed.seen(added, np.arange(10))
        for found, other in zip(all_at_once, few, strict=True):
            np.testing.assert_allclose(found[:10], other, rtol=1e-6)
