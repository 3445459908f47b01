"""The loop: the step is an ordered list of prepared launches, enqueued again and again; the host only looks in between.

A step freezes itself on the device when it needs the host (a neighbour list or the rows of cells that are full, more
iterations of the solve) or cannot go on; the host makes room and the same step goes on, so results never depend on
batch sizes. Replicas are enqueued together, and each freezes by itself: where some need more, the others wait. As many
of them share a launch as the cache of a CPU holds, and all on a GPU: one share after the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from physim.assembly import Layout
from physim.device import Device, Launch
from physim.errors import PhysicsError
from physim.interrupts import held
from physim.profile import Profile
from physim.schedule import Schedule
from physim.slices import Slices
from physim.step import Term
from physim.world import (
    HALT_CAPACITY,
    HALT_IDS,
    HALT_ITERATIONS,
    HALT_JUNCTIONS,
    HALT_NAN,
    HALT_ROUNDS,
    HALT_WAIT,
    STATUS,
    WORLD,
)

_BATCH_SECONDS = 0.25
_BATCH_LAUNCHES = 4000
"""Of a batch, since OpenCL keeps about 1 kB for each launch that is waiting."""
_MOST_ITERATIONS = 6000
"""Of conjugate gradients in one round."""
_MOST_HALVINGS = 6
"""How often the parts of a step that does not converge are halved."""


@dataclass(frozen=True)
class Start:
    """What a replica brings: its terms, the `arrays` that they need, its sizes, the records of `physim.world`."""

    terms: Sequence[Term]
    arrays: Sequence[str]
    layout: Layout
    world: np.ndarray
    status: np.ndarray
    step: float
    """min"""


class Loop:
    """Replicas on a device, and what moves them on. Their terms are of the same kinds, their steps of one length.

    `worlds` and `statuses` have a record for each replica; `stopped` tells why a replica cannot go on.
    """

    def __init__(self, device: Device, starts: Sequence[Start]) -> None:
        self.device, self.terms = device, [start.terms for start in starts]
        self.worlds = np.array([start.world for start in starts], WORLD)
        self.statuses = np.array([start.status for start in starts], STATUS)
        self.step_length = starts[0].step
        self.profile = Profile(device) if device.profiling else None
        self.host_reads = 0
        self.most_rounds = 40
        """Of Newton's method, before a step is taken in two parts. Fibers that buckle or recoil (links that let go at
        once: 26 rounds) need many, and drag is too weak for smaller parts to help them."""
        self.stopped: dict[int, PhysicsError] = {}
        self._able = np.ones(len(starts), bool)
        self._spent = np.zeros(len(starts), int)
        """Iterations that the present round of each replica has been given, where it has frozen for more."""
        self._seconds_per_step = 0.0
        self.slices = Slices(device, starts[0].arrays, [start.layout for start in starts], WORLD.itemsize)
        self.iterations = np.full(len(starts), 8)
        """That are enqueued for each round, by replica."""
        self.at_once = len(starts)
        """Replicas that share a launch: all, or on a CPU as many as its cache holds by half."""
        if device.found.kind == "CPU":
            each = sum(map(self.slices.nbytes, self.slices.arrays))
            self.at_once = min(max(1, 2 * device.found.handle.global_mem_cache_size // each), len(starts))
        self._tell()
        self._prepare()

    def __len__(self) -> int:
        return len(self.statuses)

    def _prepare(self) -> None:
        """The launches of a step, for the arrays and sizes of now."""
        layout = self.slices.layout
        if layout.stride * layout.neighbor_rows >= 1 << 32:
            raise PhysicsError(
                f"{self.time(0):g} min: lists of {layout.neighbor_rows} neighbours for {layout.stride:,} cells "
                "have more entries than 32-bit numbers count; use fewer cells"
            )
        self.worlds["neighbor_rows"], self.worlds["touch_rows"] = layout.neighbor_rows, layout.touch_rows
        self.worlds["stride"], self.worlds["unknowns"] = layout.stride, layout.unknowns
        self.device.upload(self.slices.buffers["world"], self.worlds)
        self.schedule = Schedule(self.device, self.terms, self.slices.buffers, layout)

    def grow(self, *, keep: bool = True, **rows: int) -> None:
        """Room for so many `cells`, `neighbor_rows` or `touch_rows`; what is in the arrays stays if `keep`."""
        self.slices.grow(keep=keep, **rows)
        self._prepare()

    # moving on

    def time(self, replica: int) -> float:
        """Simulated time in min."""
        return int(self.statuses["step"][replica]) * self.step_length

    def advance(self, until_step: int) -> None:
        """Run up to `until_step` all replicas that can go on.

        Waits by polling, so that KeyboardInterrupt can come out, but only between batches. After that, `settle` makes
        the state that of a whole step again.
        """
        while (behind := self._able & (self.statuses["step"] < until_step)).any():
            parts = self.schedule.parts
            launches = sum(map(len, parts.values())) + int(self.iterations.max() - 1) * len(parts["iteration"])
            batch = int(_BATCH_SECONDS / self._seconds_per_step) if self._seconds_per_step else 2
            first = self.statuses["step"][behind].astype(int)
            wanted = min(until_step - first.max(), max(1, min(batch, _BATCH_LAUNCHES // launches)))
            begin = time.perf_counter()
            self._spent[:] = 0
            self._let_go(behind)
            with held():
                for _ in range(wanted):
                    self.enqueue_step(behind)
            self.settle()
            enough = np.maximum((0.9 * self.iterations).astype(int), self.statuses["deepest"].astype(int) + 2)
            self.iterations = np.where(behind, np.maximum(enough, 8), self.iterations)
            taken = int((self.statuses["step"][behind].astype(int) - first).max())
            self._seconds_per_step = (time.perf_counter() - begin) / max(1, taken)

    def settle(self) -> None:
        """Wait for what is enqueued; steps that froze are brought to their end, or the reason kept in `stopped`."""
        self.look()
        while self._frozen().any():
            with held():
                self._resolve_halts()
            self.look()
        self._let_go(self._able)

    def find_forces(self, replica: int) -> None:
        """See `Replica.find_forces`."""
        with self.waiting(but=replica):
            for part in ("before", "round"):
                self.enqueue(self.schedule.parts[part], replica)
            self.look()

    def enqueue_step(self, some: np.ndarray) -> None:
        """Of these replicas (R,), and of others that share their launches and are not frozen."""
        for share in self._shares(some):
            self.enqueue(self.schedule.parts["before"], *share)
            self.enqueue(self.schedule.parts["round"], *share)
            self._iterate(*share)

    def _iterate(self, first: int, count: int) -> None:
        """Iterations of the solve, if there is one, and the rest of the step.

        Where fibers move, the forces after the round are looked at, and the step freezes if they do not balance.
        """
        parts = self.schedule.parts
        for _ in range(self.iterations[first : first + count].max() if parts["iteration"] else 0):
            self.enqueue(parts["iteration"], first, count)
        self.enqueue(parts["close"], first, count)
        if self.worlds["moving"].any():
            self.enqueue(parts["round"], first, count)
        self.enqueue(parts["after"], first, count)

    def _shares(self, some: np.ndarray) -> list[tuple[int, int]]:
        """The first replica of each share, and how many they are, where some of these (R,) are in it."""
        n = self.at_once
        return [(k, min(n, len(self) - k)) for k in range(0, len(self), n) if some[k : k + n].any()]

    def enqueue(self, launches: Sequence[Launch], first: int = 0, count: int = 1) -> None:
        """For so many replicas from the first one on, of which those that are frozen return at once."""
        enqueue, queue, single = self.device.cl.enqueue_nd_range_kernel, self.device.queue, len(self) == 1
        with self.device.answering("run a step"):
            for launch in launches:
                if single:
                    event = enqueue(queue, launch.kernel, launch.global_size, launch.local_size)
                else:
                    event = enqueue(queue, launch.kernel, *launch.shape(first, count))
                if self.profile is not None:
                    self.profile.note(launch, event)

    def look(self) -> None:
        """Read the status words: the one host read of a batch."""
        self.statuses = self.device.download(self.slices.buffers["status"], STATUS, len(self))
        self.host_reads += 1
        if self.profile is not None:
            self.profile.collect()

    def tell(self, replica: int) -> None:
        """The device hears of the status words of a replica."""
        self.device.upload(self.slices.buffers["status"], self.statuses[replica : replica + 1],
                           replica * STATUS.itemsize)  # fmt: skip

    def _tell(self) -> None:
        self.device.upload(self.slices.buffers["status"], self.statuses)

    # who goes

    def _frozen(self) -> np.ndarray:
        """(R,) which replicas need the host."""
        halt = self.statuses["halt"]
        return self._able & (halt != 0) & (halt != HALT_WAIT)

    def _let_go(self, some: np.ndarray) -> None:
        """These replicas (R,) go on with what is enqueued, unless they are frozen; the others wait."""
        halt = self.statuses["halt"]
        wanted = np.where((halt == 0) | (halt == HALT_WAIT), np.where(some, 0, HALT_WAIT), halt)
        if (wanted != halt).any():
            self.statuses["halt"] = wanted
            self._tell()

    @contextmanager
    def waiting(self, but: int | None = None) -> Iterator[None]:
        """All replicas wait `but` one, which must have been looked at when they go on."""
        self._let_go(np.arange(len(self)) == but)
        yield
        self._let_go(self._able)

    # frozen steps

    def _resolve_halts(self) -> None:
        """Make room, or enqueue more, so that steps that froze go on, or keep the reason why they cannot.

        First those in the middle of a step; then there is room for the others.
        """
        for replica in np.flatnonzero(self._frozen()).tolist():
            reason = self._objection(replica)
            if reason:
                self._stop(replica, reason)
        halt = self.statuses["halt"]
        within = self._frozen() & np.isin(halt, (HALT_ITERATIONS, HALT_ROUNDS))
        in_parts = within & (halt == HALT_ROUNDS) & (self.statuses["round"] >= self.most_rounds)
        if in_parts.any():
            self._in_parts(int(np.flatnonzero(in_parts)[0]))
        elif within.any():
            self._go_on(within)
        elif self._frozen().any():
            self.make_room()

    def _objection(self, replica: int) -> str:
        """Why a frozen replica cannot go on, or an empty string."""
        status = self.statuses[replica]
        if status["halt"] == HALT_JUNCTIONS:
            return (
                f"{status['junctions_full']} cells touch more than {self.worlds['junction_slots'][replica]} "
                "others and have no junction slot left; the cells are crushed: lower the forces, or start less dense"
            )
        if status["halt"] == HALT_NAN:
            return "a displacement, or bud, is not finite; shorten run.step, or check the last terms you set"
        if status["halt"] == HALT_IDS:
            return "no ids are left for daughters; start with ids that are small numbers"
        if status["halt"] == HALT_ITERATIONS and self._spent[replica] > _MOST_ITERATIONS:
            return f"the implicit solve does not converge in {self._spent[replica]} iterations; shorten run.step"
        return ""

    def _stop(self, replica: int, reason: str) -> None:
        self._able[replica] = False
        self.stopped[replica] = PhysicsError(f"{self.time(replica):g} min: {reason}")

    def _go_on(self, within: np.ndarray) -> None:
        """More iterations, or another round, for these replicas (R,); the next steps get as many from the start."""
        short = within & (self.statuses["halt"] == HALT_ITERATIONS)
        self._spent = np.where(short, self._spent + self.iterations, 0)
        self.statuses["halt"][within] = 0
        self._tell()
        self._let_go(within)
        for share in self._shares(within):
            self._iterate(*share)
        self.iterations[short] += self.iterations[short] // 2 + 4

    def _in_parts(self, replica: int) -> None:
        """Take the step that froze in two parts, or four, ...: smaller ones converge where a whole one does not.

        Kinetics have run for the whole step already; only the balance of forces is found part by part.
        """
        try:
            reason = self._balance_parts(replica)
        finally:
            self._set_step(replica, self.step_length)
        if reason:
            self._stop(replica, reason)
            return
        self._resume(replica, 0)
        self.enqueue(self.schedule.parts["after"], replica)

    def _balance_parts(self, replica: int) -> str:
        """The balance of forces of one step, part by part; returns why it is not found, or an empty string."""
        parts, halvings, left, whole = self.schedule.parts, 1, 2, self.step_length
        self._let_go(np.arange(len(self)) == replica)
        while left:
            if halvings > _MOST_HALVINGS:
                return (
                    f"the balance of forces does not converge in parts of {whole / 2**halvings:.2g} min; "
                    "shorten run.step, or check the last terms you set"
                )
            self._set_step(replica, whole / 2**halvings)
            if not self._part(replica):
                halvings, left = halvings + 1, 2 * left
                continue
            left -= 1
            self.statuses["parts"][replica] += 1
            if left:
                self._resume(replica, 1)
                self.enqueue(parts["commit"], replica)
                self.look()
        return ""

    def _set_step(self, replica: int, minutes: float) -> None:
        """What kernels take for the length of a step."""
        self.worlds["step"][replica] = minutes
        self.device.upload(self.slices.buffers["world"], self.worlds)

    def _part(self, replica: int) -> bool:
        """Rounds of one part of a step from its beginning; whether they have converged."""
        parts = self.schedule.parts
        self._resume(replica, 1)
        self.enqueue(parts["rewind"], replica)
        self.enqueue(parts["round"], replica)
        for _ in range(self.most_rounds):
            spent = 0
            while True:
                for _ in range(self.iterations[replica]):
                    self.enqueue(parts["iteration"], replica)
                self.enqueue(parts["close"], replica)
                self.enqueue(parts["round"], replica)
                self.look()
                spent += self.iterations[replica]
                if self.statuses["halt"][replica] != HALT_ITERATIONS or spent > _MOST_ITERATIONS:
                    break
                self.iterations[replica] += self.iterations[replica] // 2 + 4
                self.statuses["halt"][replica] = 0
                self.tell(replica)
            if self.statuses["halt"][replica]:
                return False
            if not self.statuses["unsolved"][replica]:
                return True
        return False

    def _resume(self, replica: int, unsolved: int) -> None:
        """Let a frozen step go on, its solve open or closed."""
        for word in ("halt", "solving", "shifting", "convex"):
            self.statuses[word][replica] = 0
        self.statuses["round"][replica], self.statuses["unsolved"][replica] = 1 - unsolved, unsolved
        self.tell(replica)

    def make_room(self) -> None:
        """For longer lists of neighbours or segments, or for more cells: their steps begin anew.

        The other replicas are between two steps, and keep what they have.
        """
        status, layout = self.statuses, self.slices.layout
        frozen = self._frozen()
        full = frozen & (status["halt"] == HALT_CAPACITY)
        rows: dict[str, int] = {}
        if full.any():
            rows["cells"] = max(2 * layout.cells, int((status["rows"] + status["births"])[full].max()))
            status["births"][full] = 0
        listed = frozen & ~full
        if listed.any():
            neighbors, touches = (int(status[word][listed].max()) for word in ("rows_needed", "touches_needed"))
            if neighbors > layout.neighbor_rows:
                rows["neighbor_rows"] = neighbors + 2  # no more: what is not used lies between what is
            if touches > layout.touch_rows:
                rows["touch_rows"] = touches + touches // 4
        self.grow(keep=not listed.all(), **rows)
        status["halt"][frozen] = 0
        self._tell()
