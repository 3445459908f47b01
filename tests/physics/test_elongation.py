"""Cells of two ends in a constriction: forces are slopes of the energy, volume stays, they pass where they should."""

import numpy as np
import pytest
from reference import scenes
from reference.blood import PLASMA, SECTION, WEIGHT, by_id, places, strain_energy, table, volumes

REST = 4 / 3 * np.pi * 7.0**3
SIZE = [360.0, 40.0, 40.0]
"""um; the constriction is in the middle, narrow between 160 and 200 um, with tapers of 40 um on both sides."""


@pytest.fixture(scope="module")
def make(device_label):
    """A cell in a constriction, by its least radius."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    def made(narrow=3.5, at=60.0, **elongation):
        given = table({"elongation": elongation, "bond": {}, "plasma": {}}, SIZE, network="constriction", radius=12.0,
                      narrow=narrow, pressure="22 cmH2O", speed="500 um/s")  # fmt: skip
        cell = scenes.cells([[at, 20, 20]], radius=7.0, nucleus_radius=4.7)
        return Simulation(Scenario.from_table(given), cells=cell, device=device_label)

    return made


@pytest.fixture(scope="module")
def narrow(make):
    return make()


@pytest.fixture(scope="module")
def wide(make):
    return make(narrow=5.0, at=110.0)


def put(sim, rear, front, radius=None, axis=None):
    """Ends there (um), and what was known of the cell, at the rows where its ends are now."""
    order = np.argsort(sim.read("end_of"))
    position = np.empty((2, 4), np.int32)
    position[order] = sim.box.to_fixed(np.array([rear, front]))
    sim.write("position", position)
    if radius is not None:
        sim.write("body_radius", np.tile(radius[:, None], (1, 2)).astype(np.float32))
        sim.write("body_axis", np.tile(axis, (2, 1)).astype(np.float32))


def look(sim):
    """Radii (10,), forces on rear and front, pressure."""
    sim.find_forces()
    front = np.argmax(sim.read("end_of"))
    force = sim.read("body_force")[:, front].astype(float)
    return sim.read("body_radius")[:, front].astype(float), force[:, :3], force[1, 3]


@pytest.mark.parametrize("rear, front", [
    ([134.0, 20.0, 20.0], [158.0, 20.0, 20.0]), ([150.0, 20.2, 20.0], [190.0, 19.9, 20.1]),
    ([128.0, 20.0, 20.0], [146.0, 20.0, 20.0]),
])  # fmt: skip
def test_forces_are_the_slopes_of_energy_and_volume(narrow, rear, front):
    """F = -dU/dx + p dV/dx, by differences over 0.04 um: along the vessel, where walls are what holds a cell back."""
    sim, rear, front = narrow, np.array(rear), np.array(front)
    radius, along = np.full(10, 5.0), np.r_[(front - rear) / np.linalg.norm(front - rear), 0]
    for _ in range(8):  # until the radii at which the wall is felt are those of the cell
        put(sim, rear, front, radius, along)
        radius, force, pressure = look(sim)

    def state(moved):
        put(sim, rear + moved[:3], front + moved[3:], radius, along)
        there = look(sim)[0]
        length = np.linalg.norm(front + moved[3:] - rear - moved[:3])
        return np.array([strain_energy(there, length), volumes(there, length).sum()])

    for axis in (0, 3):
        step = 0.04 * np.eye(6)[axis]
        energy, volume = (state(step) - state(-step)) / 0.08
        expected = -energy + pressure * volume
        assert force.ravel()[axis] == pytest.approx(expected, rel=0.06, abs=4.0), axis


@pytest.mark.parametrize("off", [1.0, 3.4])
def test_what_is_off_the_middle_is_pushed_by_what_overlaps_the_wall(make, off):
    """A cell off the axis of the narrow part: k d/(1 - d/a) on the sides of its ends and sections, up to 10 k d, and
    its slope, in float64. What else acts there does not depend on k, and cancels between two of them."""
    from physim.walls import Walls

    ends, along = np.array([[165.0, 20 + off, 20], [195.0, 20 + off, 20]]), np.array([1.0, 0, 0, 0])
    before, across, blocks = np.full(10, 3.3), [], []
    for stiffness in (0.2, 0.4):
        sim = make(wall_stiffness=stiffness)
        put(sim, *ends, before, along)
        radius, force, _ = look(sim)
        across.append(force.sum(axis=0))
        of = sim.read("body_block")[:3, np.argmax(sim.read("end_of"))].astype(float)
        blocks.append(of[0] + of[1] + 2 * of[2])  # what resists a motion of both ends
    wall = Walls(sim.vessels.surface.vertices, sim.vessels.surface.faces)
    at = np.r_[0, SECTION, 1]
    middle = ends[0] + at[:, None] * (ends[1] - ends[0])
    found = wall.nearest(middle)
    gap = -found.distance
    angle = np.pi / 4 * (np.arange(8) + 0.5)
    out = np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    ring = wall.nearest((middle[:, None] + before[0] * out).reshape(-1, 3))
    lean = np.maximum((ring.normal.reshape(10, 8, 3) * out).sum(axis=-1), 0.3)
    away = ring.distance.reshape(10, 8)
    one_sided = np.clip(5 * np.linalg.norm(ring.normal.reshape(10, 8, 3).mean(axis=1)[:, 1:], axis=1) - 3, 0, 1)
    fits = (1 - one_sided) * (before[0] * lean - away).mean(axis=1) + one_sided * (before[0] - away / lean).mean(axis=1)
    fits = np.minimum(radius, fits)
    sides = 2 * np.pi * radius * np.r_[radius[0], WEIGHT * 30, radius[-1]]
    left = np.maximum(gap / fits, 0.1)
    push = -0.2 * (sides * (fits - gap) / left) @ found.normal
    slope = np.where(left > 0.1, 0.2 * sides / left**2, 0.2 * sides / left)
    block = np.einsum("k,ka,kb->ab", slope, found.normal, found.normal) * sim.step_length
    assert (fits - gap > 0.5).all() and (left == 0.1).any() == (off > 3)
    np.testing.assert_allclose(across[1] - across[0], push, atol=1e-3 * np.abs(push).max())
    found_block = (blocks[1] - blocks[0])[[0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(3, 3)
    np.testing.assert_allclose(found_block, block, atol=2e-3 * np.abs(block).max())


def test_a_free_cell_is_round_at_rest_and_a_spring_of_pi_e_r_over_3(make):
    sim = make(modulus=0.35)
    middle = np.array([70.0, 20.0, 20.0])
    along = np.array([1.0, 0, 0, 0])
    for stretch in (0.0, 0.2, 0.4):
        radius = np.full(10, 7.0)
        for _ in range(3):
            put(sim, middle - 0.5 * stretch * along[:3], middle + 0.5 * stretch * along[:3], radius, along)
            radius, force, _ = look(sim)
        assert force[0, 0] == pytest.approx(np.pi * 0.35 * 7 / 3 * stretch, rel=0.06, abs=0.02)
        np.testing.assert_allclose(force[0], -force[1], atol=1e-3)


def test_a_cell_passes_ten_micrometres_in_seconds_and_keeps_its_volume(wide):
    """0.8 cmH2O are what it costs in the oracle; 22 drive it. Inside it is a capsule of the width of the vessel."""
    sim = wide
    worst, longest = 0.0, 0.0
    while sim.time * 60 < 4.0 and places(sim)[:, 0].min() < 215:
        sim.step(20)
        length = np.linalg.norm(np.diff(places(sim), axis=0))
        inside = by_id(sim, "body_radius")[:, 1].astype(float)
        at = np.linalg.norm(places(sim)[:, 1:] - 20, axis=1).max()
        assert at < 12
        longest = max(longest, length)
        if 165 < places(sim)[:, 0].min() and places(sim)[:, 0].max() < 195:
            worst = max(worst, abs(volumes(inside, length).sum() / REST - 1))
            assert inside.max() == pytest.approx(5.0, abs=0.35)
    assert places(sim)[:, 0].min() > 215 and 8 < longest < 22 and worst < 0.025


def rooms(sim, places, radius):
    """(n,) um at places (n, 3) along x: mean distance of the wall across, and all around, by eight points."""
    from physim.walls import Walls

    angle = 2 * np.pi / 8 * (np.arange(8) + 0.5)
    out = np.stack([0 * angle, -np.sin(angle), np.cos(angle)], axis=1)
    surface = sim.vessels.surface
    near = Walls(surface.vertices, surface.faces).nearest((places[:, None] + radius * out).reshape(-1, 3))
    lean = np.maximum((near.normal.reshape(-1, 8, 3) * out).sum(axis=2), 0.3)
    beyond = near.distance.reshape(-1, 8)
    return (radius - beyond / lean).mean(axis=1), (radius * lean - beyond).mean(axis=1)


def test_a_cell_that_is_thinner_than_the_vessel_seals_by_the_length_of_the_gap(wide):
    """As a sphere whose factor of drag is its own and that of the annulus, sum of 2 dL r^4/(a^2 h^3)."""
    for length in (29.0, 33.0):
        radius, along = np.full(10, 4.0), np.array([1.0, 0, 0, 0])
        ends = np.array([[180 - 0.5 * length, 20.0, 20.0], [180 + 0.5 * length, 20.0, 20.0]])
        for _ in range(6):
            put(wide, *ends, radius, along)
            radius, *_ = look(wide)
        seal = float(wide.read("end_seal")[np.argmax(wide.read("end_of"))][0])
        a = radius[5]
        across, around = rooms(wide, ends[0] + np.r_[SECTION, 1][:, None] * (ends[1] - ends[0]), a)
        room, tight = across[:-1], min(across[:-1].min(), around[-1])
        plug = np.clip((a / room - 0.6) / 0.2, 0, 1)
        gap = np.maximum(room - a, 0.015 * room)
        annulus = (2 * plug * WEIGHT * length * tight**4 / (a * a * gap**3)).sum()
        sphere = 49 * (0.2 / (1 - np.clip(a / tight, 0.8, 0.985))) ** 2.5
        expected = 1 - 0.2 * (49 / (sphere + annulus)) ** 0.4
        assert a < 0.85 * tight and expected > a / tight + 0.1
        assert 1 - seal == pytest.approx(1 - expected, rel=0.01)


def test_two_cells_that_hold_each_other_pass_ten_micrometres_in_single_file(device_label):
    """The least of the clusters of CIR-3: who comes second does not jam the first one's way in."""
    from physim.analysis.constrictions import passage
    from physim.experiments.cir_clusters import cluster

    found = passage(cluster(10.0, 2).parameters, 1, 1, device_label)
    assert found["whole"] == 1 and found["file"] == 1 and found["alone"] == 0 and found["time"] < 10.0


def test_a_small_cell_at_a_wall_does_not_close_a_wide_vessel(device_label):
    """On the axis, half way, and at the wall of 12 um: no cell is carried faster than blood is anywhere."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    given = table({"elongation": {}, "bond": {}, "plasma": {}}, [130.0, 32.0, 32.0], network="tube", radius=12.0,
                  length=100.0, speed="200 um/s", pressure="0.5 kPa", voxel="2 um")  # fmt: skip
    at = [[30.0, 16, 16], [60, 22, 16], [90, 24.9, 16]]
    sim = Simulation(Scenario.from_table(given), cells=scenes.cells(at, radius=3.0, nucleus_radius=1.5),
                     device=device_label)  # fmt: skip
    sim.step(2)
    seal, stream = by_id(sim, "end_seal")[::2, 0], by_id(sim, "stream")[::2, :3]
    assert (seal[:2] == 0).all() and np.isfinite(sim.read("end_seal")).all(), "no wall is near"
    assert seal[2] < 0.45
    fast = np.linalg.norm(stream, axis=1) * np.pi * 12.0**2
    assert fast[0] < 2.1 and fast[0] > fast[1] > fast[2] > 0, "slower toward the wall"


def test_what_a_cell_costs_in_a_tube_is_the_sum_of_cell_and_nucleus():
    """Pressure x volume against the energy of a capsule in a tube, and where cell and nucleus are added, in cmH2O."""
    for radius, expected in ((2.0, 29.1), (2.5, 17.3), (3.5, 5.6), (5.0, 0.81)):
        length = (REST - 4 / 3 * np.pi * radius**3) / (np.pi * radius**2)
        outer, inner = 2 * np.log(7 / radius), max(2 * np.log(4.7 / radius), 0)
        most = (0.5 * 0.35 * outer**2 + 0.5 * 1.2 * inner**2) / 0.0980665
        mean = strain_energy(np.full(10, radius), length) / REST / 0.0980665
        assert most == pytest.approx(expected, rel=0.02)
        share = (4.7 / 7) ** 3
        lower = (0.5 * 0.35 * outer**2 + share * 0.5 * 1.2 * inner**2) / 0.0980665
        assert mean == pytest.approx(lower, rel=0.12)


def test_the_same_bits_after_a_resume(narrow):
    from physim.simulation import Simulation

    sim = narrow
    put(sim, [120.0, 20, 20], [124.0, 20, 20])
    sim.step(30)
    other = Simulation(sim.scenario, saved=sim.save(), device=sim._device_name)
    for each in (sim, other):
        each.step(30)
    assert sim.state_hash() == other.state_hash()


def test_a_long_plug_bears_all_of_the_pressure_and_is_no_more_resisted_across(wide):
    """The gap along it leaks less than a hundredth of the flow; across it resists as a sphere with a gap of 1.5 %."""
    radius, along = np.full(10, 5.0), np.array([1.0, 0, 0, 0])
    for _ in range(4):
        put(wide, [174.5, 20.0, 20.0], [185.5, 20.0, 20.0], radius, along)
        radius, *_ = look(wide)
    pressure, resistance, *_ = wide.read("branch")[0].astype(float)
    front = np.argmax(wide.read("end_of"))
    stream, across = wide.read("stream").astype(float), float(wide.read("stream_rest")[front, 3])
    flow = float(wide.read("branch_flow")[0])
    assert flow < 0.01 * pressure / resistance and stream[front, 3] > 5 * across
    pushes = stream[:, 3] * np.linalg.norm(stream[:, :3], axis=1) * flow
    section = np.pi * float(wide.read("end_seal")[front, 1]) ** 2
    assert pushes.sum() == pytest.approx(pressure * section, rel=0.03)
    free = 6 * np.pi * 2e-8 * float(wide.read("end_radius")[front]) / 2
    assert across == pytest.approx(free * 49 * (0.2 / 0.015) ** 2.5, rel=0.03)


def test_a_cell_of_two_ends_fills_a_vessel_by_half_spheres_and_a_cone(wide):
    put(wide, [150.0, 20.0, 20.0], [186.0, 20.0, 20.0], np.full(10, 5.0), np.array([1.0, 0, 0, 0]))
    look(wide)
    ends = by_id(wide, "end_radius").astype(float)
    x = wide.read("vessel_place")[:, 0].astype(float) + wide.vessels.lumen.voxels.origin[0]
    share = np.clip((x - 150) / 36, 0, 1)
    past = np.maximum(np.maximum(150 - x, x - 186), 0)
    expected = np.pi * np.maximum((1 - share) * ends[0] ** 2 + share * ends[1] ** 2 - past**2, 0)
    np.testing.assert_allclose(wide.read("vessel_filled"), expected, atol=0.2)


@pytest.mark.parametrize("step", ["1 ms", "10 ms", "0.1 s"])
def test_no_end_passes_the_wall_however_hard_another_cell_pushes_it(device_label, step):
    """A small cell between a large one, which it overlaps by 1.3 um, and the wall, 1.8 um away."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation
    from physim.walls import Walls

    laws = {"elongation": {"viscosity": 0.0}, "bond": {"friction": 0.0, "contact_stiffness": 40.0}, "plasma": {}}
    given = table(laws, [46.0, 16.0, 16.0], step=step, network="tube", radius=4.0, length=30.0, speed="100 um/s",
                  pressure="1 kPa", voxel="1 um")  # fmt: skip
    cells = scenes.cells([[16.0, 8, 8], [16.0, 10.2, 8]], radius=[2.5, 1.0], nucleus_radius=[1.0, 0.5])
    sim = Simulation(Scenario.from_table(given), cells=cells, device=device_label)
    wall = Walls(sim.vessels.surface.vertices, sim.vessels.surface.faces)
    away = -wall.nearest(places(sim)).distance
    for _ in range(15):
        sim.step(1)
        before, away = away, -wall.nearest(places(sim)).distance
        assert (away > (1 - np.hypot(0.5, 0.8)) * before - 1e-5).all(), "half of the way, 0.8 of it along the wall"
    assert sim.status["limited"] > 15


def test_the_end_in_the_narrow_part_bears_the_pressure_whichever_it_is(narrow):
    """A cell on its way in, and the same with its ends named the other way round."""
    ends, along = np.array([[141.0, 20.0, 20.0], [169.0, 20.0, 20.0]]), np.array([1.0, 0, 0, 0])
    found = []
    for turn in (1, -1):
        radius = np.full(10, 5.0)
        for _ in range(6):
            put(narrow, *ends[::turn], radius, turn * along)
            radius, *_ = look(narrow)
        stream = by_id(narrow, "stream").astype(float)[::turn]
        found.append(stream[:, 3] * (stream[:, :3] ** 2).sum(axis=1))
    assert found[0][1] > 2 * found[0][0], "most of the pressure falls where the cell is tight"
    np.testing.assert_allclose(found[0] / found[0].sum(), found[1] / found[1].sum(), atol=0.03)


def test_a_cell_at_the_mouth_of_a_narrow_vessel_does_not_close_the_wide_one(device_label, tmp_path):
    """R = 2 um on the rim of a side branch of 3.4 um, its middle in the vessel of 8 um: it is resisted there as at a
    wall, 3.08 x 6 pi mu a when it touches (Faxen), and not as what fills 3.4 um."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    rows = [[0, x, 0, 0, 8.0] for x in np.linspace(0, 60, 21)] + [[1, x, 0, 0, 8.0] for x in np.linspace(60, 120, 21)]
    rows += [[2, 60, y, 0, 3.4] for y in np.linspace(0, 60, 21)]
    file = tmp_path / "mouth.csv"
    np.savetxt(file, rows, "%.9g", ",", header="branch,x,y,z,radius", comments="")
    given = table({"elongation": {}, "plasma": {}}, [150.0, 90.0, 30.0], file=str(file), speed="300 um/s", voxel="1 um")
    sim = Simulation(Scenario.from_table(given), device=device_label,
                     cells=scenes.cells([[60.0, 20, 15]], radius=2.0, nucleus_radius=1.0))  # fmt: skip
    place, point = sim.read("vessel_place").astype(float), sim.read("vessel_point").astype(float)
    low = sim.read("lumen_grid").ravel()[:3].astype(float) + 0.5 * (sim.box.upper + sim.box.lower)
    fork = place[point[:, 4] == 2][0, :3] + low
    sealed = 0
    for out, aside in [(6.5, 2.6), (6.75, 3.0), (7.0, 3.0), (7.25, 3.0)]:
        middle = fork + np.array([aside, out, 0])
        put(sim, middle, middle + np.array([0, 0, 0.01]), np.full(10, 2.0), [0, 0, 1, 0])
        sim.find_forces()
        assert (sim.read("branch_of") == 1).all()
        assert sim.read("stream")[:, 3].max() < 1.01 * 3.08 * 0.5 * 6 * np.pi * PLASMA * 2.0, "half of it on each end"
        sealed += sim.read("end_seal")[:, 0].max() > 0.65
    assert sealed >= 2, "by the walls around it the cell fills the mouth"
