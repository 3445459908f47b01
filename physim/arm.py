"""One arm of a run: a simulation moved on from record to record, with progress, checkpoints and answers to Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from physim import checkpoint, settings
from physim.interrupts import held
from physim.progress import Progress
from physim.record import Snapshot
from physim.run_folder import writing
from physim.scenario import Scenario

_PIECE_SECONDS = 0.5
"""Wall time after which the bar moves: the device is looked at only then, never at each step."""


def record_steps(scenario: Scenario) -> Iterator[int]:
    """Steps after which the state is recorded: 0, each interval (a multiple of the step), and the last."""
    total = max(1, round(scenario.run.duration / scenario.run.step))
    yield from range(0, total, max(1, round(scenario.record.interval / scenario.run.step)))
    yield total


@dataclass
class Arm:
    """A simulation, what keeps its records, and where its checkpoints go."""

    label: str
    sim: Any
    folder: Path
    keep: Callable[[Snapshot], None]
    frames: int = 0
    """Records kept so far, of those that this arm will make."""
    first_step: int = 0
    last: Snapshot | None = None
    seconds: float = 0.0
    """Wall time that the steps took."""
    scenario: Scenario = field(init=False)
    _written: float = field(default=-1e9, init=False)
    _pause: float = field(init=False)
    """Wall time between checkpoints, which are written at records."""

    def __post_init__(self) -> None:
        self.scenario = self.sim.scenario
        self._pause = settings.number("PHYSIM_CHECKPOINT_SECONDS")

    def advance(self) -> None:
        """On to the end of the scenario, from record to record; Ctrl-C leaves a checkpoint of the last whole step."""
        sim, scenario = self.sim, self.scenario
        targets = [step for step in record_steps(scenario) if step >= self.first_step][self.frames :]
        links: int | None = None  # only known at records
        kept_before = self.frames
        piece = 1
        try:
            with Progress(self.label, (targets or [0])[-1], scenario.run.step, sim.step_count) as progress:
                for target in targets:
                    while sim.step_count < target:
                        first, begin = sim.step_count, time.perf_counter()
                        sim.step(min(target - first, piece))
                        spent = time.perf_counter() - begin
                        self.seconds += spent
                        per_step = spent / max(1, sim.step_count - first)
                        piece = max(1, min(4 * piece, int(_PIECE_SECONDS / max(per_step, 1e-9))))
                        progress.show(sim.step_count, cells=sim.cell_count, links=links)
                    self.last = self._record()
                    if target:
                        links = int(np.sum(self.last.cells["bound_links"]))
                    if time.perf_counter() - self._written > self._pause or target == targets[-1]:
                        self.checkpoint()
        except KeyboardInterrupt:
            sim.settle()
            if sim.step_count in targets[self.frames - kept_before :]:  # later it could not: forces do not persist
                self._record()
            self.checkpoint()
            raise
        self.last = self.last or sim.snapshot()

    def _record(self) -> Snapshot:
        """Keep the state of now and count it; Ctrl-C waits so long."""
        with held():
            snapshot = self.sim.snapshot()
            self.keep(snapshot)
            self.frames += 1
        return snapshot

    def checkpoint(self) -> None:
        with writing(self.folder, f"{self.frames} complete frames are kept"):
            checkpoint.keep(self.folder, self.sim.save(), {"frames": self.frames})
        self._written = time.perf_counter()
