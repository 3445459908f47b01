"""The built-in scenario `contraction` in small: a cell that pulls moves fibers toward it, and the summary says so."""

from __future__ import annotations

import re

import numpy as np
import pytest

from physim import runner
from physim.analysis.traction import laboratory_drag, node_forces
from physim.scenario import load
from physim.simulation import Simulation
from physim.viz.frames import Run, array
from physim.viz.plots import radial_displacement

SMALL = ["box.size=50 um", "terms.links.binding_rate=20", "run.duration=4 min", "record.interval=2 min"]


@pytest.fixture(scope="module")
def folder(device_label, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "contraction"
    return runner.run(load("contraction", SMALL), out=out, device=device_label, preview=False, brief=True)


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"{pattern} in {text}"
    return float(found[1].replace(",", ""))


def test_summary_says_how_far_fibers_moved(folder):
    said = (folder / "summary.txt").read_text()
    run = Run(folder)
    moved = np.linalg.norm(array(run.part("fibers", run.times[-1]), "displacement"), axis=1)
    fibers, null = re.search(r"  fibers  .*", said)[0], re.findall(r"    null  .*", said)[-1]
    assert number(r"at most ([\d.]+) um", fibers) == pytest.approx(moved.max(), rel=0.05)
    assert number(r"root mean square ([\d.e-]+) um", fibers) == pytest.approx(np.sqrt((moved**2).mean()), rel=0.05)
    assert number(r"at most ([\d.]+) um", fibers) > 3 * number(r"at most ([\d.e-]+) um", null), "null at rest"
    assert 0 <= number(r"; (\d+) % of fibers asleep at the end", said) < 100
    assert "fibers and crosslinks do not break" in said and "held still" not in said


def test_fibers_move_toward_the_cell_that_pulls(folder):
    run = Run(folder)
    distance, u = radial_displacement(run, run.times[-1])
    assert (np.diff(distance) > 0).all() and distance[0] >= 5.0 and distance[-1] < 25.0
    outside = distance > 10
    assert (u[outside] < 0).all(), "toward the cell"
    assert np.abs(radial_displacement(run, run.times[0])[1]).max() < 1e-6


def test_what_cell_and_fibers_exert_on_each_other_cancels(device_label):
    """What links and contact put on the nodes is held by the cell, on which only drag acts besides."""
    sim = Simulation(load("contraction", [*SMALL, "null=off"]), device=device_label)
    sim.step(20)
    forces, (drag, _) = node_forces(sim), laboratory_drag(sim)
    pulls = sim.cells["link_force"].sum()
    assert pulls > 1.0 and np.abs(forces).max() > 0.1
    assert np.linalg.norm(forces.sum(axis=0) + drag.sum(axis=0)) < 0.01 * pulls
