"""`physim bench`, replicas: one cell in a small gel that moves, some of it asleep; alone, and many in one batch.

Beside the time per replica stands the share of launches in it: of the same launches with every replica frozen.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from physim.batch import Batch
from physim.loop import Loop
from physim.scenario import Scenario, load
from physim.simulation import Simulation

REPLICAS = 32
SMALL = ["box.size=80 um", "cells.0.count=1", "collagen.concentration=4.3 mg/ml", "collagen.seed=1",
         "run.duration=100 h", "null=off"]  # fmt: skip
"""The scenario `invasion`, with 0.1 um of fiber per um^3: 25,000 nodes."""


def scenario(seed: int) -> Scenario:
    return load("invasion", [*SMALL, f"run.seed={seed}"])


def launch_ms(loop: Loop, repeats: int = 5) -> float:
    """Median ms of the launches of one step that all return at once."""
    times = []
    with loop.waiting():
        for _ in range(repeats):
            begin = time.perf_counter()
            loop.enqueue_step(np.ones(len(loop), bool))
            loop.device.drain()
            times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def measure(device: str | None = None, replicas: int = REPLICAS, steps: int = 10, repeats: int = 3) -> dict[str, Any]:
    """ms per replica and step of a batch and of the same replicas alone, in turn; shares of launches; iterations."""
    first = Simulation(scenario(1), device=device)
    scenarios = [scenario(seed) for seed in range(1, replicas + 1)]
    batch = Batch(scenarios, networks=[first.network] * replicas, device=device)
    batch.step(steps)
    alone = [Simulation(sim.scenario, saved=sim.save(), device=device) for sim in batch]
    batch.step(2)
    for sim in alone:
        sim.step(2)
    together: list[float] = []
    single: list[float] = []
    begun = sum(sim.status["total_iterations"] for sim in batch)
    for _ in range(repeats):
        begin = time.perf_counter()
        batch.step(steps)
        middle = time.perf_counter()
        for sim in alone:
            sim.step(steps)
        together.append(middle - begin)
        single.append(time.perf_counter() - middle)
    ms, ms_alone = (1e3 * statistics.median(times) / steps / replicas for times in (together, single))
    taken = sum(sim.status["total_iterations"] for sim in batch) - begun
    return {"at_once": batch.loop.at_once, "ms": ms, "ms_alone": ms_alone, "ratio": ms / ms_alone,
            "launches": launch_ms(batch.loop) / replicas / ms, "launches_alone": launch_ms(alone[0].loop) / ms_alone,
            "iterations": taken / replicas / steps / repeats}  # fmt: skip


def row(quick: bool, device: str | None) -> dict[str, Any]:
    """The case `replicas`, printed."""
    replicas = 4 if quick else REPLICAS
    found = measure(device, replicas, *((2, 1) if quick else ()))
    print(f"{'replicas':14} {replicas:9} {found['ms']:10.3f} ms per replica and step, alone {found['ms_alone']:.3f}: "
          f"{found['ratio']:.2f} of that; launches {found['launches']:.0%}, alone {found['launches_alone']:.0%}; "
          f"{found['at_once']} share a launch")  # fmt: skip
    return {"name": "replicas", "size": replicas} | found
