"""Cells in vessels that are pushed about at random stay in them, at any step."""

from pathlib import Path

import pytest
from reference.blood import table

from physim.walls import Walls

KICK = str(Path(__file__).parents[1] / "reference" / "own_terms" / "kick.py")
RADIUS, MODULUS = 3.0, 0.5
HOLDS = 4 / 3 * MODULUS * RADIUS**2
"""nN, Hertz's force of a sphere whose middle is on the wall."""
STEPS = (1e-6, 1e-4, 0.01, 0.03)
"""min: from the least that a scenario takes to one in which cells would move by thousands of vessel diameters. At
three times the last the solve does not always converge, and the run stops and says so."""


def pushed(device_label, step, count, force, law=None, tube=8.0):
    """Cells in blood that hardly flows, pushed by up to `force`, nN, that turns every ten steps."""
    from physim.scenario import Scenario
    from physim.simulation import Simulation

    law = law or {"vessel_wall": {"modulus": MODULUS}}
    given = table({"plasma": {}, "kick": {"most": force}} | law, [530.0, 40.0, 40.0],
                  network="tube", radius=tube, length=500.0, speed=1e-3, voxel=min(2.5, 0.4 * tube))  # fmt: skip
    given["run"] = {"duration": 1e4 * step, "step": step}
    given["record"]["interval"] = step
    given["own_terms"] = [KICK]
    given["cells"] = [{"count": count, "radius": RADIUS, "nucleus_radius": 1.0, "place": "random", "spacing": RADIUS}]
    sim = Simulation(Scenario.from_table(given), device=device_label)
    return sim, Walls(sim.vessels.surface.vertices, sim.vessels.surface.faces, device=sim.device)


def deepest(sim, wall):
    """um from the wall of the cell that is least far inside, of those that have not left by a port."""
    here = (sim.read("departed") == 0) & (sim.read("left_by") == 0)
    assert ((sim.read("departed") > 0) == (sim.read("left_by") > 0)).all(), "a cell leaves by ports alone"
    assert here.sum() > 0.5 * len(here), "few leave"
    return float(-wall.distance(sim.box.to_micron(sim.read("position"))[here])[0].max())


@pytest.mark.parametrize("step", [STEPS[0], STEPS[-1]])
def test_no_cell_passes_a_wall_whatever_the_step(device_label, step):
    """30 cells, pushed by up to half of what would take their middles to the wall: at rest 0.37 R stay free."""
    sim, wall = pushed(device_label, step, 30, 0.5 * HOLDS)
    least = RADIUS
    for _ in range(20):
        sim.step(10)
        least = min(least, deepest(sim, wall))
    assert least > (1 - 0.5 ** (2 / 3) - 0.25) * RADIUS, "no farther than the force takes them, and one move"
    assert least < 0.8 * RADIUS and sim.status["limited"], "they were pushed into it, by moves that are cut"


def test_no_push_takes_a_cell_through_a_wall(device_label):
    """Three times what takes a middle to the wall: there it stays, but for rounding."""
    sim, wall = pushed(device_label, STEPS[-1], 30, 3 * HOLDS)
    least = RADIUS
    for _ in range(20):
        sim.step(10)
        least = min(least, deepest(sim, wall))
    assert -1e-4 < least < 0.05


@pytest.mark.parametrize("tube", [8.0, 2.4])
@pytest.mark.parametrize("step", [1e-4, STEPS[-1]])
def test_no_push_takes_an_end_of_a_long_cell_through_a_wall(device_label, step, tube):
    """Cells of two ends in a wide tube and in one that makes them long: each end is pushed by itself, by up to three
    times what the wall presses it with where the middle of a round cell is on it (333 nN)."""
    sim, wall = pushed(device_label, step, 15, 1000.0, {"elongation": {}}, tube)
    least = RADIUS
    for _ in range(20):
        sim.step(10)
        least = min(least, deepest(sim, wall))
    assert -1e-4 < least < 0.05


@pytest.mark.faults
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("strength", [0.9, 3.0])
def test_no_cell_passes_a_wall_in_a_million_steps_of_cells(device_label, step, strength):
    """What pushes with more than `HOLDS` takes a cell to the wall but for rounding, and not through it."""
    sim, wall = pushed(device_label, step, 250, strength * HOLDS)
    for _ in range(100):
        sim.step(10)
        assert deepest(sim, wall) > (0 if strength < 1 else -1e-4)


@pytest.mark.faults
@pytest.mark.parametrize("tube", [8.0, 2.4])
@pytest.mark.parametrize("step", STEPS)
def test_no_end_of_a_long_cell_passes_a_wall_in_40000_steps_of_cells(device_label, step, tube):
    sim, wall = pushed(device_label, step, 40, 1000.0, {"elongation": {}}, tube)
    for _ in range(100):
        sim.step(10)
        assert deepest(sim, wall) > -1e-4
