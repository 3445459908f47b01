"""Many simulations in one state on one device, which move on together: each launch of a kernel serves all of them.

    batch = Batch([load("invasion", [f"run.seed={seed}"]) for seed in range(32)])
    batch.step(600)
    [sim.cells["position"] for sim in batch]

Each has the bits that it would have alone. Small runs gain by it: alone, they leave most of a device idle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from physim.device import Device, choose
from physim.errors import InputError, PhysicsError
from physim.loop import Loop, Start
from physim.scenario import Scenario, load
from physim.simulation import Saved, Simulation
from physim.world import WORLD


class Batch(Sequence[Simulation]):
    """Simulations of these scenarios: `batch[k]` reads, writes, saves and copies the k-th as one by itself does.

    Scenarios may differ in seed, cells, collagen and numeric parameters of terms; not in which terms there are, the box
    or the step. `cells`, `networks` and `saved` have one item for each, as of `Simulation`. Raises InputError where
    they do not fit together, DeviceError for a device that cannot hold them.
    """

    def __init__(self, scenarios: Sequence[Scenario | str | Path], *, device: str | None = None, profile: bool = False,
                 cells: Sequence[Any] | None = None, networks: Sequence[Any] | None = None,
                 saved: Sequence[Saved] | None = None) -> None:  # fmt: skip
        if not scenarios:
            raise InputError("batch: no scenario; give one for each simulation")
        given: dict[str, Sequence[Any] | None] = {"cells": cells, "networks": networks, "saved": saved}
        for name, items in given.items():
            if items is not None and len(items) != len(scenarios):
                raise InputError(f"batch: {len(items)} {name} for {len(scenarios)} scenarios; give one for each")
        opened = Device(choose(device), profiling=profile)
        most = opened.found.handle.max_constant_buffer_size // WORLD.itemsize
        if len(scenarios) > most:
            raise InputError(f"batch: {len(scenarios)} scenarios, but {opened.found.label} has constants for {most}; "
                             "make several batches")  # fmt: skip
        loaded = [one if isinstance(one, Scenario) else load(one) for one in scenarios]
        for number, scenario in enumerate(loaded[1:], 2):
            _check_alike(loaded[0], scenario, number)
        if loaded[0].vessels is not None:
            raise InputError("batch: scenarios have vessels, whose network answers to each simulation by itself; run "
                             "them one by one")  # fmt: skip
        self._simulations = [Simulation.__new__(Simulation) for _ in loaded]
        none: list[Any] = [None] * len(loaded)
        each = zip(self._simulations, loaded, cells or none, networks or none, saved or none, strict=True)
        starts = [sim._plan(scenario, device, *rest) for sim, scenario, *rest in each]
        for number, start in enumerate(starts[1:], 2):
            _check_set_up(starts[0], start, number)
        self.loop = Loop(opened, starts)
        for k, sim in enumerate(self._simulations):
            sim.join(self.loop, k)

    def __len__(self) -> int:
        return len(self._simulations)

    def __getitem__(self, k: Any) -> Any:
        return self._simulations[k]

    def __iter__(self) -> Iterator[Simulation]:
        return iter(self._simulations)

    @property
    def stopped(self) -> dict[int, PhysicsError]:
        """Why simulations, by number, cannot go on; they stay in the middle of the step that could not end."""
        return dict(self.loop.stopped)

    @property
    def step_count(self) -> int:
        """Steps completed by those that can go on."""
        return max(sim.step_count for sim in self._going() or self)

    def step(self, count: int = 1) -> None:
        """Move all on by so many steps, and call their hooks that fall due on the way.

        One that has to stop does not hold up the others; when these are there, PhysicsError tells which have stopped
        and why. Another call goes on without them.
        """
        before, end = set(self.stopped), self.step_count + count
        while (going := self._going()) and self.step_count < end:
            self.loop.advance(min([end, *(step for sim in going for step in sim._due())]))
            for sim in self._going():
                sim._call_hooks()
        new = {k: error for k, error in sorted(self.stopped.items()) if k not in before}
        if new or not going:
            raise PhysicsError("\n".join(f"batch[{k}]: {error}" for k, error in (new or self.stopped).items()))

    def _going(self) -> list[Simulation]:
        return [sim for k, sim in enumerate(self) if k not in self.loop.stopped]

    def settle(self) -> None:
        """After a KeyboardInterrupt: bring the steps that were cut to their ends."""
        self.loop.settle()


def _check_alike(first: Scenario, other: Scenario, number: int) -> None:
    """Raise InputError, with the field, where a scenario differs from the first one in what a batch shares."""

    def differs(path: str) -> InputError:
        return InputError(f"batch: {path} of scenario {number} is not that of the first; make it so, or run it alone")

    for path in ("box.lower", "box.upper", "box.boundary", "run.step"):
        part, name = path.split(".")
        if getattr(getattr(first, part), name) != getattr(getattr(other, part), name):
            raise differs("box.size" if name in ("lower", "upper") else path)
    if (first.collagen is None) != (other.collagen is None):
        raise differs("collagen")
    for name in sorted(set(first.terms) ^ set(other.terms)):
        raise differs(f"terms.{name}")
    for name, term in first.terms.items():
        if type(term) is not type(other.terms[name]):
            raise differs("own_terms")
        for field, info in type(term).model_fields.items():
            same = getattr(term, field) == getattr(other.terms[name], field)
            if not same and (info.annotation not in (float, int) or (name, field) == ("links", "slots")):
                raise differs(f"terms.{name}.{field}")


def _check_set_up(first: Start, other: Start, number: int) -> None:
    """What only the set-up knows: own terms in another order, a saved state of another time."""
    if [type(term) for term in first.terms] != [type(term) for term in other.terms]:
        raise InputError(f"batch: terms of scenario {number} run in another order; list own_terms as in the first")
    if other.status["step"] != first.status["step"]:
        raise InputError(f"batch: saved state {number} is of step {other.status['step']}, the first of step "
                         f"{first.status['step']}; bring them to the same")  # fmt: skip
