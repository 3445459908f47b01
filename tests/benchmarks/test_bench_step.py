"""Whole steps and their kernels at small size; large sizes: `physim bench`."""

from __future__ import annotations

import pytest
from reference.scenes import HELD

from physim.bench import FULL_LAW, dense_cells
from physim.codegen import own_kernels
from physim.scenario import load
from physim.simulation import Simulation


def _steps(benchmark, sim: Simulation, steps: int) -> None:
    sim.advance(2)
    benchmark.pedantic(lambda: sim.advance(sim.step_count + steps), rounds=3, warmup_rounds=1)
    assert sim.status["halt"] == 0 and sim.step_count == 2 + 4 * steps


@pytest.mark.parametrize(("name", "terms"), [("contact", {"physicell": {}}), ("contact_full", FULL_LAW)])
def test_dense_cells_step(benchmark, name, terms) -> None:
    benchmark.group = name
    _steps(benchmark, dense_cells(2_000, terms), 20)


def test_invasion_step(benchmark) -> None:
    _steps(benchmark, Simulation(load("invasion", ["cells.0.count=20", "box.size=100 um", *HELD])), 20)


@pytest.mark.parametrize("scenario", ["aggregate", "invasion", "physicell_ball"])
def test_every_kernel_alone(benchmark, scenario) -> None:
    """Each kernel of a scenario's step, enqueued by itself; the table is printed by `physim run --profile`."""
    small = ["cells.0.count=20", "box.size=100 um", *HELD] if scenario == "invasion" else ["cells.0.count=200"]
    sim = Simulation(load(scenario, small), profile=True)
    sim.advance(2)
    benchmark.pedantic(lambda: sim.advance(sim.step_count + 5), rounds=2)
    table = sim.profile_table()
    for term in sim.terms:
        for kernel in own_kernels(term):
            if kernel.moving:
                continue  # fibers are held
            assert kernel.name in table, f"{kernel.name} is missing from the profile"
