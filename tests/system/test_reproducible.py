"""The same bits whatever the machine does: threads, work-groups, kernel cache, batches leave no trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from reference.scenes import HELD

from physim.scenario import load
from physim.simulation import Simulation

CHANGES = ["box.size=70 um", "cells.0.count=4", "null=off", "run.duration=10 min", "run.step=0.1 min",
           "terms.proteolysis.rate=3 1/min", "terms.turnover.release_rate=0.1 1/min",
           "terms.turnover.binding_rate=1 1/min", "terms.deposition.rate=1 1/min", "terms.deposition.reserve=9",
           "terms.contact_guidance.weight=0.5 1/min", "terms.haptotaxis.shed_weight=0.5 1/min",
           "terms.shedding.interval=1 min", "terms.traction_feedback.weight=0.5 1/min",
           "terms.contact_inhibition.weight=0.5 1/min", "terms.following.weight=0.5 1/um",
           "terms.chemotaxis.weight=5 1/min", "terms.attractant.x=0 um"]  # fmt: skip
PROGRAM = f"""
import sys
from physim.scenario import load
from physim.simulation import Simulation

sim = Simulation(load("invasion", {CHANGES}), device=sys.argv[2])
piece = int(sys.argv[1])
for step in range(piece, 40, piece):
    sim.advance(step)
sim.advance(40)
assert sim.status["awake"] > 0 and sim.status["total_iterations"] > 200, "no fiber moves"
counts = (sim.read("segment_area") == 0).sum(), sim.status["crosslinks_formed"], sim.snapshot().counters["chains_laid"]
assert min(counts) > 0, f"nothing is remodelled: {{counts}}"
print(sim.step_count, sim.device.work_group, sim.device.found.handle.max_compute_units, sim.state_hash())
"""


def state_hash(device: str, cache: Path, threads: int = 2, work_group: int = 64, piece: int = 40) -> str:
    """Hash of the state after 4 simulated minutes of a small invasion of a gel that moves, in a process of its own."""
    environment = os.environ | {
        "PHYSIM_CACHE": str(cache),
        "PHYSIM_WORKGROUP": str(work_group),
        "POCL_MAX_PTHREAD_COUNT": str(threads),
    }
    environment.pop("PHYSIM_DEVICE", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(piece), device],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    steps, group, units, digest = done.stdout.split()
    assert (int(steps), int(group)) == (40, work_group)
    if on_pocl(device):
        assert int(units) == threads
    return digest


def on_pocl(device: str) -> bool:
    """PoCL takes its threads and its kernel cache from the environment; another device keeps its own."""
    return "Portable Computing Language" in device


def kernels(cache: Path) -> dict[str, int]:
    """Built kernels in a cache, with their times."""
    return {str(path): path.stat().st_mtime_ns for path in cache.rglob("*.so")}


def test_state_does_not_depend_on_threads_groups_cache_or_batches(device_label, tmp_path):
    """Every two of threads, work-groups and batches meet in each way. Kernels: just built, built before, and those of
    this session, which were built elsewhere.
    """
    cache = tmp_path / "cache"
    cold = state_hash(device_label, cache)
    built = kernels(cache)
    warm = state_hash(device_label, cache, threads=1, piece=7)
    if on_pocl(device_label):
        assert built, "no kernel was built in the fresh cache"
        assert kernels(cache) == built, "the second run built kernels again"
    assert warm == cold
    assert state_hash(device_label, cache, work_group=256, piece=7) == cold
    assert state_hash(device_label, cache, threads=1, work_group=256) == cold
    here = Simulation(load("invasion", CHANGES), device=device_label)
    here.step(40)
    assert here.state_hash() == cold


def test_hash_sees_the_seed_and_the_last_step(make_simulation):
    """What the test above compares does differ when something differs."""
    hashes = []
    for seed in (1, 2):
        changes = ["box.size=110 um", "cells.0.count=12", "null=off", "collagen.seed=1", f"run.seed={seed}", *HELD]
        sim = make_simulation(load("invasion", changes).to_table())
        for step in (5, 6):
            sim.advance(step)
            hashes.append(sim.state_hash())
        assert sim.state_hash() == hashes[-1]
    assert len(set(hashes)) == 4
