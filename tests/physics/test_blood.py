"""Cells that blood carries, against closed forms: drag in tubes and at walls, plugs, pressure that cells share."""

import numpy as np
import pytest
from reference import scenes
from reference.blood import PLASMA, by_id, haberman, places, table

SPEED = 100.0
"""um/s, mean."""


@pytest.fixture(scope="module")
def tubes(device_label):
    """Simulations of spheres in a tube along x, by radius of the tube, made once for each set of places."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    def make(radius, offset, own, *, count=1, **more):
        size = [180, 2 * radius + 10, 2 * radius + 10]
        middle = 0.5 * np.array(size)
        at = middle + np.array([[20.0 * (k - 0.5 * (count - 1)), offset, 0] for k in range(count)])
        given = table({"plasma": {}, "vessel_wall": {}}, size, network="tube", radius=radius, length=120.0,
                      speed=f"{SPEED} um/s", pressure="0.5 kPa", **more)  # fmt: skip
        return Simulation(Scenario.from_table(given), cells=scenes.cells(at, radius=own, nucleus_radius=0.5),
                          device=device_label)  # fmt: skip

    return make


@pytest.mark.parametrize("ratio", [0.25, 0.5])
def test_sphere_on_the_axis_is_held_and_carried_as_haberman_and_sayre_have_it(tubes, ratio):
    sim = tubes(10.0, 0.0, 10.0 * ratio, voxel="1.25 um")
    resisted, carried = haberman(ratio)
    sim.find_forces()
    held = by_id(sim, "force")[0, :3]
    flow = float(sim.read("branch_flow")[0] / sim.read("branch")[0, 2])  # the cell holds blood back
    free = 6 * np.pi * PLASMA * 10 * ratio * 2 * SPEED * 60
    assert held[0] == pytest.approx(carried * free * flow, rel=0.05)
    assert np.abs(held[1:]).max() < 0.02 * held[0]
    before = places(sim)
    sim.step(20)
    gone = (places(sim) - before)[0] / 0.02  # um/s
    assert gone[0] == pytest.approx(carried / resisted * 2 * SPEED, rel=0.05)


def test_sphere_at_a_wall_is_dragged_by_32_tau_r_squared(tubes):
    """Goldman, Cox & Brenner 1967: 1.7005 x 6 pi mu a x shear rate x a on a sphere at rest that touches a plane."""
    sim = tubes(24.0, 22.0, 2.0, voxel="1.5 um")
    sim.find_forces()
    flow = float(sim.read("branch_flow")[0] / sim.read("branch")[0, 2])
    rate = 4 * SPEED * 60 / 24.0  # at the wall of a tube
    here = 1 - (22 / 24) ** 2  # of the speed on the axis; in pure shear it would be 2/24
    expected = 32.05 * PLASMA * rate * 2.0**2 * here / (2 * 2 / 24)
    assert by_id(sim, "force")[0, 0] == pytest.approx(expected * flow, rel=0.1)


def test_free_cells_cost_no_pressure_and_go_as_if_alone(tubes):
    """w Q each, with the flow of the empty tube: what they hold back they give back as they move."""
    sim = tubes(10.0, 0.0, 4.0, count=3, voxel="2.5 um")
    before = places(sim)
    sim.step(1)
    stream, branch = by_id(sim, "stream").astype(float), sim.read("branch")[0].astype(float)
    velocity = by_id(sim, "displacement")[:, :3] / sim.step_length
    np.testing.assert_allclose(velocity[:, 0], stream[:, 0] * branch[2], rtol=2e-3)
    lost = (stream[:, 3] * (stream[:, :3] * (stream[:, :3] * branch[2] - velocity)).sum(1)).sum()
    assert abs(lost) < 2e-3 * branch[0] and (places(sim) > before)[:, 0].all()
    load = float(sim.read("branch_load")[0])
    assert load == pytest.approx((stream[:, 3] * (stream[:, :3] ** 2).sum(1)).sum(), rel=1e-5)
    assert sim.read("branch_flow")[0] == pytest.approx(branch[0] / (branch[1] + load), rel=1e-6)


def test_a_cell_leaves_by_the_outlet_and_is_counted(tubes):
    sim = tubes(10.0, 0.0, 3.0, voxel="2.5 um")
    while sim.time * 60 < 1.0 and not sim.status["departed"]:
        sim.step(50)
    assert sim.status["departed"] == 1 and by_id(sim, "left_by")[0] == 2
    assert places(sim)[0, 0] == pytest.approx(90 + 60, abs=1.0)
    assert sim.time * 60 == pytest.approx(60 / (2 * SPEED), rel=0.2)


def test_a_sphere_that_starts_in_the_wall_is_pushed_out_by_hertz(tubes):
    """1 um deep: 4/3 E* sqrt(R) d^1.5 inward. It then touches the wall, but for the facets of that, and goes on."""
    sim = tubes(10.0, 5.0, 6.0, voxel="1.25 um")
    middle = 0.5 * (20 + 10)
    sim.find_forces()
    force = by_id(sim, "force")[0, :3].astype(float)
    assert force[1] == pytest.approx(-4 / 3 * 0.5 * np.sqrt(6.0), rel=0.05)
    assert abs(force[2]) < 0.125 * abs(force[1]), "facets of 1.25 um on a radius of 10"
    away = []
    for _ in range(10):
        sim.step(2)
        away.append(np.linalg.norm(places(sim)[0, 1:] - middle))
    assert (np.diff(away) < 0.02).all() and away[-1] == pytest.approx(10 - 6, abs=0.2)
    assert places(sim)[0, 0] > 90 - 0.1


def test_a_fork_carries_on_as_before_while_cells_go_with_its_blood(device_label):
    """The network is solved anew every 10 ms, with what cells hold back, which is nothing."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"plasma": {}, "vessel_wall": {}}, [270.0, 190.0, 40.0], network="bifurcation", radius=10.0,
                  length=100.0, speed="200 um/s", pressure="0.05 kPa", voxel="2.5 um")  # fmt: skip
    sim = Simulation(Scenario.from_table(given), device=device_label,
                     cells=scenes.cells([[60.0, 95, 20], [80.0, 96, 20]], radius=7.0, nucleus_radius=2.0))  # fmt: skip
    flow = sim.vessels.circulation.flow
    sim.step(35)
    branch, load = sim.read("branch").astype(float), sim.read("branch_load").astype(float)
    assert (load[0] > 0.01 * sim.vessels.circulation.resistance[0]) and (by_id(sim, "branch_of") == 0).all()
    np.testing.assert_allclose(branch[:, 0] / branch[:, 1], flow, rtol=0.01)
    assert branch[0, 1] > 1.03 * sim.vessels.circulation.resistance[0], "it sees the daughters, too"
    assert flow[0] == pytest.approx(flow[1] + flow[2], rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 1e-9, 0.0])
def test_a_cell_goes_with_the_blood_around_it_however_little_its_branch_carries(tubes, share):
    """In the mouth of a vessel blood is that of another one: a cell there holds nothing back in its own."""
    sim = tubes(10.0, 3.0, 2.0, voxel="1.25 um")
    sim.find_forces()
    force, branch = by_id(sim, "force")[0, :3], sim.read("branch")
    load = sim.read("branch_load")[0]
    branch.reshape(-1, 4)[:, [0, 2]] *= share  # what drives it, and the flow that makes the blood at the cell
    sim.write("branch", branch)
    sim.find_forces()
    np.testing.assert_allclose(by_id(sim, "force")[0, :3], force, atol=1e-3 * np.abs(force).max())
    most = (4 / (np.pi * 10.0**2)) ** 2 * float(sim.read("stream")[0, 3])
    assert sim.read("branch_load")[0] <= 1.001 * most, "bounded by twice the speed on the axis"
    assert load < sim.read("branch_load")[0] or share == 0.0


@pytest.fixture(scope="module")
def beside(device_label):
    """Three spheres of 5 um side by side in a tube of 12, which they fill to 0.52, and another far behind them."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"plasma": {}, "vessel_wall": {}}, [180.0, 34.0, 34.0], network="tube", radius=12.0, length=120.0,
                  speed=f"{SPEED} um/s", pressure="0.5 kPa", voxel="2.4 um")  # fmt: skip
    angle = 2 * np.pi / 3 * np.arange(3)
    at = np.stack([0 * angle + 90, 17 + 6 * np.cos(angle), 17 + 6 * np.sin(angle)], axis=1)
    cells = scenes.cells([*at, [50.0, 17.0, 17.0]], radius=5.0, nucleus_radius=0.5)
    sim = Simulation(Scenario.from_table(given), cells=cells, device=device_label)
    sim.find_forces()
    return sim


def test_vessels_are_filled_by_the_sections_of_spheres(beside):
    place, point = beside.read("vessel_place").astype(float), beside.read("vessel_point").astype(float)
    way = place[:, :3] @ point[0, :3]
    np.testing.assert_allclose(place[:, 3], way - way[0], atol=1e-3)
    assert (place[:, 4] == 0).all() and (place[:, 5] == len(place) - 1).all()
    from_start = places(beside)[:, 0] - 30  # the tube begins there
    expected = np.pi * np.maximum(25 - (way[:, None] - way[0] - from_start) ** 2, 0).sum(axis=1)
    np.testing.assert_allclose(beside.read("vessel_filled"), expected, atol=0.05)
    assert expected.max() > 2.5 * np.pi * 25


def factors(ratio):
    """K_1 and carried speed over the mean of a sphere on the axis, by the ratio of radii, 0.8 and below."""
    resisted, carried = haberman(ratio)
    return resisted, 2 * carried / resisted


def test_cells_side_by_side_lose_together_what_a_sphere_loses_that_fills_as_much(beside):
    """zeta = 6 pi mu a K_1(l) sqrt(s) each, s = 1/3 its part and l = sqrt(3) a/R, as far as l is from 0.6 to 0.8."""
    stream = by_id(beside, "stream").astype(float)
    radius = beside.read("vessel_point")[len(beside.read("vessel_point")) // 2, 3].astype(float)
    alone, together = 5 / radius, np.sqrt(3) * 5 / radius
    share = (together - 0.6) / 0.2
    ratio = alone + share * (together - alone)
    drag = 6 * np.pi * PLASMA * 5 * factors(ratio)[0] * (1 + share * (np.sqrt(1 / 3) - 1))
    np.testing.assert_allclose(stream[:3, 3], drag, rtol=0.01)
    np.testing.assert_allclose(np.linalg.norm(stream[:3, :3], axis=1), stream[0, 0], rtol=0.02)
    assert stream[0, 3] > 2 * stream[3, 3], "who is behind is alone"
    resisted, _ = factors(alone)
    assert stream[3, 3] == pytest.approx(6 * np.pi * PLASMA * 5 * resisted, rel=0.01)


def test_one_cell_fills_a_vessel_by_itself_to_the_same_bits(beside, device_label):
    """What is not side by side with others is as if there were no others."""
    from physim.simulation import Simulation

    cell = scenes.cells([[50.0, 17.0, 17.0]], radius=5.0, nucleus_radius=0.5)
    sim = Simulation(beside.scenario, cells=cell, device=device_label)
    sim.find_forces()
    np.testing.assert_array_equal(by_id(sim, "stream")[0], by_id(beside, "stream")[3])
