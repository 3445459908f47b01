"""The velocities of cells in blood against a dense solve, and what makes that of the device short."""

import numpy as np
import pytest
from reference import scenes
from reference.blood import table


def symmetric(six):
    """(..., 3, 3) of xx yy zz xy xz yz in the first axis."""
    xx, yy, zz, xy, xz, yz = np.asarray(six, float)
    return np.moveaxis(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]), (0, 1), (-2, -1))


def blocks(sim):
    """(3 n, 3 n) of what resists cells by themselves: of spheres, or of both ends of a cell."""
    of = symmetric(sim.read("resistance"))
    count = len(of)
    dense = np.zeros((count, 3, count, 3))
    dense[np.arange(count), :, np.arange(count)] = of
    end_of = sim.read("end_of")
    for front in np.flatnonzero((end_of > 0) & (end_of % 2 == 0)):
        rear = np.flatnonzero(end_of == end_of[front] - 1)[0]
        swell = sim.read("body_swell")[:, front].astype(float)
        between = symmetric(sim.read("body_block")[2, front, :6]) + swell[0, 3] * np.outer(swell[0, :3], swell[1, :3])
        dense[rear, :, front], dense[front, :, rear] = between, between.T
    return dense.reshape(3 * count, 3 * count)


def pulls(sim):
    """(B, 3 n): zeta w of the cells of each branch, and (B,) R + sum zeta w.w."""
    stream, of = sim.read("stream").astype(float), sim.read("branch_of")
    branch = sim.read("branch").astype(float).reshape(-1, 4)
    a = np.zeros((len(branch), len(of), 3))
    a[of, np.arange(len(of))] = stream[:, 3:] * stream[:, :3]
    resisted = [branch[b, 1] + (stream[:, 3] * (stream[:, :3] ** 2).sum(1))[of == b].sum() for b in range(len(branch))]
    return a.reshape(len(branch), -1), np.array(resisted)


def spheres(device_label):
    """Eight in a fork: twice three that fill a vessel together, one that lies in its wall, one in a daughter."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"plasma": {}, "vessel_wall": {}}, [270.0, 190.0, 40.0], network="bifurcation", radius=10.0,
                  length=100.0, speed="200 um/s", pressure="0.05 kPa", voxel="3 um")  # fmt: skip
    angle = 2 * np.pi / 3 * np.arange(3)
    at = np.stack([0 * angle + 60, 95 + 5.1 * np.cos(angle), 20 + 5.1 * np.sin(angle)], axis=1)
    alone = [[90.0, 101, 20], [160.0, 123, 20]]
    cells = scenes.cells([*at, *(at + np.array([12, 0, 0])), *alone], radius=4.8, nucleus_radius=2.0)
    return Simulation(Scenario.from_table(given), cells=cells, device=device_label)


def two_ended(device_label):
    """Two that fill a tube."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"elongation": {}, "plasma": {}}, [180.0, 34.0, 34.0], network="tube", radius=7.2, length=120.0,
                  pressure="0.5 kPa", speed="100 um/s", voxel="1.5 um")  # fmt: skip
    cells = scenes.cells([[70.0, 17, 17], [100.0, 17, 17]], radius=7.0, nucleus_radius=4.7)
    return Simulation(Scenario.from_table(given), cells=cells, device=device_label)


def unlike(device_label):
    """One in the taper of a constriction, of which one end is in a narrower part than the other."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"elongation": {}, "plasma": {}}, [360.0, 40.0, 40.0], network="constriction", radius=12.0,
                  narrow=5.0, pressure="22 cmH2O", speed="500 um/s")  # fmt: skip
    cells = scenes.cells([[140.0, 20, 20]], radius=7.0, nucleus_radius=4.7)
    sim = Simulation(Scenario.from_table(given), cells=cells, device=device_label)
    sim.step(200)
    return sim


@pytest.fixture(scope="module", params=[spheres, two_ended, unlike])
def sim(request, device_label):
    made = request.param(device_label)
    made.step(3)
    return made


def test_velocities_solve_the_balance_with_the_flow_of_the_branches(sim):
    """(D - sum_b a_b a_b'/s_b) v = F, with what cells of a branch do to each other through its flow."""
    a, resisted = pulls(sim)
    matrix = blocks(sim) - np.einsum("bi,bj,b->ij", a, a, 1 / resisted)
    expected = np.linalg.solve(matrix, sim.read("force")[:, :3].astype(float).ravel()).reshape(-1, 3)
    found = sim.read("solution")[:, :3].astype(float)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_what_cells_of_a_branch_yield_to_its_flow(sim):
    """y = D^-1 zeta w, with both ends of a cell at once, and t = R + sum zeta w.w - zeta w.y; 0.5 % are fp32."""
    a, resisted = pulls(sim)
    yields = np.linalg.solve(blocks(sim), a.sum(axis=0))
    np.testing.assert_allclose(sim.read("stream_yield")[:, :3].ravel(), yields, atol=5e-3 * np.abs(yields).max())
    share = sim.read("branch_yield") / resisted
    np.testing.assert_allclose(share, 1 - a @ yields / resisted, atol=5e-3)
    assert (share > 0).all()


def test_where_cells_do_not_touch_the_preconditioner_is_the_inverse(sim):
    """What is left, which is rounding, goes over into what solves it. The guess and two more directions are enough."""
    a, resisted = pulls(sim)
    matrix = blocks(sim) - np.einsum("bi,bj,b->ij", a, a, 1 / resisted)
    expected = np.linalg.solve(matrix, sim.read("residual")[:, :3].astype(float).ravel())
    found = sim.read("preconditioned")[:, :3].ravel()
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
    assert sim.status["most_iterations"] <= 4


def test_a_cell_whose_ends_are_in_two_branches_yields_to_neither(device_label):
    """And its velocity is that of the dense solve all the same."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"elongation": {}, "plasma": {}}, [270.0, 190.0, 40.0], network="bifurcation", radius=10.0,
                  length=100.0, speed="200 um/s", pressure="0.05 kPa", voxel="3 um")  # fmt: skip
    cells = scenes.cells([[120.0, 95.0, 20], [60.0, 95, 20]], radius=7.0, nucleus_radius=4.0)
    sim = Simulation(Scenario.from_table(given), cells=cells, device=device_label)
    order = np.argsort(sim.read("id"))
    position = sim.read("position")
    position[order[:2]] = sim.box.to_fixed(np.array([[124.0, 95.0, 20], [150.0, 104.0, 20]]))
    sim.write("position", position)
    sim.step(1)
    order = np.argsort(sim.read("id"))
    of, yields = sim.read("branch_of")[order], sim.read("stream_yield")[order, :3]
    assert of[0] != of[1] and of[2] == of[3], "the scene"
    assert (yields[:2] == 0).all() and (np.abs(yields[2:]).max(axis=1) > 0).all()
    a, resisted = pulls(sim)
    matrix = blocks(sim) - np.einsum("bi,bj,b->ij", a, a, 1 / resisted)
    expected = np.linalg.solve(matrix, sim.read("force")[:, :3].astype(float).ravel()).reshape(-1, 3)
    np.testing.assert_allclose(sim.read("solution")[:, :3], expected, atol=2e-3 * np.abs(expected).max())
    assert sim.status["iterations"] < 20


def test_factor_of_both_ends_is_that_of_cholesky(device_label):
    sim = two_ended(device_label)
    sim.step(3)
    end_of, dense = sim.read("end_of"), blocks(sim)
    for front in np.flatnonzero(end_of % 2 == 0):
        rear = np.flatnonzero(end_of == end_of[front] - 1)[0]
        rows = np.r_[3 * rear : 3 * rear + 3, 3 * front : 3 * front + 3]
        expected = np.linalg.cholesky(dense[np.ix_(rows, rows)])
        found = np.zeros((6, 6))
        found[np.tril_indices(6)] = sim.read("body_factor")[:, front].ravel()[:21]
        np.fill_diagonal(found, 1 / found.diagonal())
        np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5 * dense[np.ix_(rows, rows)].max())


def test_the_motion_of_the_last_step_is_where_the_solve_begins(device_label):
    """Cells that hold each other in a row take many iterations from rest, and two where their motion is known."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"plasma": {}, "vessel_wall": {}, "bond": {}}, [180.0, 34.0, 34.0], network="tube", radius=12.0,
                  length=120.0, speed="100 um/s", pressure="0.5 kPa", voxel="2.4 um")  # fmt: skip
    at = [[50.0 + 8 * k, 17 + 2.2 * (-1) ** k, 17] for k in range(8)]
    cells = scenes.cells(at, radius=4.5, nucleus_radius=2.0)
    first = Simulation(Scenario.from_table(given), cells=cells, device=device_label)
    given["terms"]["solve"] = {"tolerance": 1e-3}
    second = Simulation(Scenario.from_table(given), cells=cells, device=device_label)
    first.step(1)
    velocity = first.read("cell_velocity")
    assert first.status["iterations"] > 4 and np.abs(velocity[:, :3]).max() > 1000
    np.testing.assert_array_equal(velocity, first.read("solution"))
    second.find_forces()  # which sorts the cells
    order = np.empty(8, int)
    order[np.argsort(second.read("id"))] = np.argsort(first.read("id"))
    second.write("cell_velocity", velocity[order])
    second.step(1)
    assert second.status["iterations"] == 2
    again = second.read("solution")[:, :3]
    np.testing.assert_allclose(again, velocity[order][:, :3], atol=2e-3 * np.abs(velocity).max())
