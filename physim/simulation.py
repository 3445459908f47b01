"""A scenario on a device, from Python: run it, step it, look at its arrays, save, copy and change its state.

    sim = Simulation("invasion", device="GPU")
    sim.step(600)                       # an hour of steps of 0.1 min
    sim.cells["position"]               # (n, 3) um, by id
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from physim import assembly
from physim.assembly import Layout, step_kernels
from physim.device import Device, choose
from physim.ends import doubled
from physim.episodes import tissue_of
from physim.errors import InputError, PhysicsError
from physim.generate.around_vessels import clear_lumen
from physim.generate.fiber_network import FiberNetwork
from physim.generate.obstacles import wires
from physim.loop import Loop, Start
from physim.network_state import fiber_state
from physim.obstacle_state import form_state, wire_state
from physim.perfused import Perfused
from physim.scenario import Scenario, load
from physim.schedule import row_arrays, words_of
from physim.shell_state import mesh_state
from physim.snapshot import GIVEN, Snapshot, take
from physim.state import ARRAYS
from physim.vessel_state import sizes
from physim.world import STATUS, Box, grid_bins

__all__ = ["Saved", "Simulation", "step_kernels"]


@dataclass(frozen=True)
class Saved:
    """All that the next step depends on: every array that persists, the records World and Status, the fibers."""

    arrays: dict[str, np.ndarray]
    """As `Simulation.read` gives them."""
    world: np.ndarray
    status: np.ndarray
    capacity: int
    """Cells that there was room for."""
    network: FiberNetwork | None
    blood: Saved | None = None
    """The cells in vessels, where there are flow episodes."""
    episodes: np.ndarray | None = None
    """`Episodes.past`."""

    @property
    def step(self) -> int:
        return int(self.status["step"])


class Simulation(Perfused):
    """A scenario on a device: a Scenario, the name of a built-in one, or the path of a TOML file.

    `overrides` are `path=value` as on the command line; `device` is a number or part of a name (`physim devices`).
    `cells` (as of `generate.cells.initial_cells`) and `network` replace what the scenario would generate; `saved`, of
    `save()`, continues from that state to the same bits; `beside` is the tissue whose blood this is. Raises InputError
    for a scenario that cannot be built, DeviceError for a device that cannot run it, PhysicsError when a run must stop.
    """

    def __init__(self, scenario: Scenario | str | Path, overrides: Sequence[str] = (), *, device: str | None = None,
                 profile: bool = False, cells: dict[str, np.ndarray] | None = None, network: Any = None,
                 saved: Saved | None = None, beside: Perfused | None = None) -> None:  # fmt: skip
        opened = Device(choose(device), profiling=profile)
        self._beside = beside
        start = self._plan(scenario if isinstance(scenario, Scenario) else load(scenario, overrides), device, cells,
                           network, saved)  # fmt: skip
        self.join(Loop(opened, [start]), 0)
        self.episodes = self._episodes(profile, saved) if self.part is not self.scenario else None

    # setting up

    def _plan(self, scenario: Scenario, device: str | None, cells: dict[str, np.ndarray] | None, network: Any,
              saved: Saved | None) -> Start:  # fmt: skip
        """What it brings to a loop; what `join` then writes into the arrays is kept until then."""
        self.scenario, self.part = scenario, tissue_of(scenario)
        box = self.scenario.box
        self.box = Box(np.array(box.lower, float), np.array(box.upper, float), box.boundary)
        self._hooks: list[tuple[int, Callable[[Simulation], object]]] = []
        self.by_hand = {"cells": cells is not None, "network": network is not None, "write": False}
        """What was set from Python, so that the scenario alone does not lead here."""
        self._device_name = device
        self._saved = saved
        return self._begin(cells, network) if saved is None else self._continue(saved)

    def join(self, loop: Loop, index: int) -> None:
        super().join(loop, index)
        first = self._fiber_state()
        if self._saved is None:
            first |= assembly.first_state(self.part, self.box, self._cells)
            del self._cells
        for name in self.arrays:
            if name in first and (self._saved is None or ARRAYS[name].given):
                self._put(name, first[name])
        if self._saved is not None:
            self.restore(self._saved.arrays)
        self._saved = None

    @property
    def hooks(self) -> int:
        """How many functions are called as time goes on: what they do is in no file."""
        return len(self._hooks)

    def _begin(self, cells: dict[str, np.ndarray] | None, network: Any) -> Start:
        """The state at time zero."""
        from physim.generate.cells import initial_cells
        from physim.generate.in_lumen import in_lumen
        from physim.generate.matrix import initial_network

        cells = initial_cells(self.scenario) if cells is None else cells
        radius, next_id = float(cells["radius"].max()), int(cells["id"].max()) + 1
        self._meet_vessels(radius)
        drawn = any(group.place == "random" for group in self.scenario.cells) and not self.by_hand["cells"]
        if self.vessels is not None and drawn:
            cells = in_lumen(self.scenario, cells, self.vessels, self.walls())
        network = initial_network(self.scenario, cells) if network is None else network
        if self.vessels is not None and network is not None and not self.by_hand["network"]:
            network = clear_lumen(network, self.wall_distance)
        self.network: Any = assembly.reserved(self.scenario, network)
        if self.part is not self.scenario:
            cells = self._without_carried(cells)
        self._walls = None  # its lists are as large as those of the state
        if "elongation" in self.part.terms:
            cells, next_id = doubled(cells, self.scenario.run.seed), 2 * next_id
        terms = assembly.build_step(self.part)
        widest = assembly.widest_range(terms, radius)
        assembly.check_box(self.box, widest)
        layout, arrays = self._layout(terms, len(cells["id"]), self.box.grid(max(widest, 2 * radius, 1.0)))
        world = assembly.world_record(self.scenario, self.box, terms, layout)
        world["cell_grid"], world["segment_grid"] = self._grid, self._segment_grid
        for grid in ("segment", "cell"):
            world[f"{grid}_bins_per_um"][:3] = world[f"{grid}_grid"]["scale"][:3] / np.where(
                self.box.periodic, 1, 2) / (self.box.upper - self.box.lower)  # fmt: skip
        status = np.zeros((), STATUS)
        status["rebuild"], status["cells"], status["rows"] = 1, layout.cells, layout.cells
        status["next_id"] = next_id
        status["fibers"], status["relink"] = layout.chains, 1
        status["chains"] = self.network.made.fibers if self.network is not None else 0
        self._cells = cells
        return Start(terms, arrays, layout, world, status, self.scenario.run.step)

    def _continue(self, saved: Saved) -> Start:
        """A state that was saved. Raises InputError if it is not one of this scenario."""
        self.network = saved.network
        if saved.status["halt"]:
            raise InputError("saved state: it is of the middle of a step that could not go on; save before that")
        terms = assembly.build_step(self.part)
        assembly.check_reserve(self.scenario, self.network)
        radius = float(saved.arrays["radius"].max(initial=1.0))
        self._meet_vessels(max(radius, float(saved.blood.arrays["radius"].max(initial=1.0)) if saved.blood else 0.0))
        layout, arrays = self._layout(terms, saved.capacity, saved.world["cell_grid"])
        layout.neighbor_rows = max(layout.neighbor_rows, int(saved.world["neighbor_rows"]))
        layout.touch_rows = max(layout.touch_rows, int(saved.world["touch_rows"]))
        world = assembly.world_record(self.scenario, self.box, terms, layout)
        for name in ("cell_grid", "segment_grid", "segment_bins_per_um", "cell_bins_per_um"):
            world[name] = saved.world[name]
        for name in ("pair_range", "skin", "quantum"):
            if not np.array_equal(world[name], saved.world[name]):
                raise InputError(f"saved state: {name} {world[name]} was {saved.world[name]}; keep box and terms")
        wanted = {name for name in arrays if ARRAYS[name].persists}
        if wanted != set(saved.arrays):
            names = ", ".join(sorted(wanted ^ set(saved.arrays))[:5])
            raise InputError(f"saved state: its arrays are not those of the scenario ({names}); use its own scenario")
        return Start(terms, arrays, layout, world, saved.status, self.scenario.run.step)

    def _layout(self, terms: list[Any], cells: int, grid: np.ndarray) -> tuple[Layout, list[str]]:
        """Sizes of the domains, and the arrays that the terms need."""
        self._grid, self._segment_grid = grid, self.box.grid(assembly.SEGMENT_BIN)
        self.obstacles = wires(self.scenario.obstacles, self.box)
        self._wires = wire_state(self.obstacles, self.box, self._segment_grid)
        self._wires |= form_state(self.scenario.obstacles, self.box)
        layout = Layout(
            cells=cells,
            nodes=len(self.network.nodes) if self.network is not None else 0,
            segments=len(self.network.segments) if self.network is not None else 0,
            chains=self.network.fibers if self.network is not None else 0,
            fibers=assembly.most_fibers(terms, self.network),
            crosslinks=len(self.network.crosslinks) if self.network is not None else 0,
            bins=grid_bins(grid), segment_bins=grid_bins(self._segment_grid),
            neighbor_rows=16, touch_rows=32 if assembly.touches(terms) else 0, links=assembly.link_slots(terms),
            wires=len(self._wires["wire_weight"]), obstacles=len(self.scenario.obstacles),
            shell=assembly.shell_rows(terms), **sizes(self._vessel_state),
        )  # fmt: skip
        needed = {n for _, k, _ in assembly.ordered(terms) for n in k.arrays} | set(GIVEN)
        arrays = sorted(needed, key=list(ARRAYS).index)
        scratch_words = (math.prod(words_of(name, layout)) for name in row_arrays(arrays))
        layout.neighbor_rows = max(layout.neighbor_rows, *scratch_words)
        return layout, arrays

    def _fiber_state(self) -> dict[str, np.ndarray]:
        """The network at time zero, and obstacles; rows for pieces that cutting may make of fibers are 0."""
        state = {} if self.network is None else fiber_state(self.network, self.box) | self._wires
        state |= mesh_state(self.layout.shell // 2) | (self._vessel_state or {})
        for name in (name for name in state if name in self.arrays and ARRAYS[name].per == "fiber"):
            state[name] = np.pad(state[name], ((0, self.shape(name)[0] - len(state[name])), (0, 0)))
        return state

    # running

    def step(self, count: int = 1) -> None:
        """Move on by so many steps, and call the hooks that fall due on the way."""
        end = self.step_count + count
        while self.step_count < end:
            self.advance(min([end, *self._due()]))
            self._call_hooks()

    @property
    def cell_count(self) -> int:
        """Cells in the box, as of the last look; those of two ends count once."""
        here = int(self._last_status["cells"]) // (2 if "elongation" in self.part.terms else 1)
        return here + (self.blood.cell_count if self.blood is not None else 0)

    def _due(self) -> list[int]:
        """The next steps behind which each hook is called."""
        return [-(-(self.step_count + 1) // every) * every for every, _ in self._hooks]

    def _call_hooks(self) -> None:
        for every, hook in self._hooks:
            if self.step_count % every == 0:
                hook(self)

    def every(self, interval: float, hook: Callable[[Simulation], object]) -> None:
        """Call `hook(sim)` after each `interval` min of simulated time, in `step` and `run`."""
        steps = round(interval / self.step_length)
        if steps < 1 or abs(steps * self.step_length - interval) > 1e-6 * interval:
            raise InputError(f"every: {interval:g} min is no multiple of run.step {self.step_length:g} min; change it")
        self._hooks.append((steps, hook))

    def run(self, out: str | Path | None = None, *, preview: bool = False) -> Path:
        """On to the end of the scenario, recorded into a new folder (default: in runs/), which is returned."""
        from physim.runner import record

        return record(self, out=None if out is None else Path(out), device=self._device_name, preview=preview)

    def save(self) -> Saved:
        """The state between two steps, on the host."""
        arrays = {name: self.read(name) for name in self.arrays if ARRAYS[name].persists}
        blood = self.blood.save() if self.blood is not None else None
        past = self.episodes.past if self.episodes is not None else None
        return Saved(arrays, self.world.copy(), self._last_status.copy(), self.layout.cells, self.network, blood, past)

    def write(self, name: str, values: np.ndarray) -> None:
        """Overwrite an array of the state with values of its `shape`, cells in their present order."""
        if name == "radius" and len(values) and np.max(values) > self._largest_radius():
            raise InputError(f"write: radius {np.max(values):.4g} um; bins are as wide as cells of "
                             f"{self._largest_radius():.4g} um need; start with one so large")  # fmt: skip
        super().write(name, values)
        self.by_hand["write"] = True

    def _largest_radius(self) -> float:
        """um, of cells that find all their neighbours in the bins around them."""
        size, reach = self.box.upper - self.box.lower, max(term.pair_range() for term in self.terms)
        width = size * np.where(self.box.periodic, 1, 2) / self.world["cell_grid"]["scale"][:3]
        several = width[self.world["cell_grid"]["count"][:3] > 1]
        room = float(several.min(initial=np.inf)) - float(self.world["skin"])
        return 1.0001 * room / (2 * reach) if reach else np.inf

    def copy(self, changes: Sequence[str] = ()) -> Simulation:
        """A second simulation from this state, with `path=value` changes of its terms' parameters, seed or record.

        Hooks and the null arm stay behind. Raises InputError for changes that a running simulation cannot take up.
        """
        scenario = self.scenario.changed([*changes, "null=off"]) if changes else self.scenario
        for part in ("box", "cells", "collagen", "obstacles", "vessels", "own_terms"):
            if getattr(scenario, part) != getattr(self.scenario, part):
                raise InputError(f"copy: {part} cannot change in a running simulation; start a new one")
        if set(scenario.terms) != set(self.scenario.terms) or scenario.run.step != self.scenario.run.step:
            raise InputError("copy: terms cannot come or go, nor run.step change, while it runs; set parameters")
        other = Simulation(scenario, device=self._device_name, saved=self.save())
        other.by_hand = {**self.by_hand, "write": True}
        return other

    # looking

    @property
    def cells(self) -> dict[str, np.ndarray]:
        """What cells have, by name, in um, min and nN, in the order of their ids: see `record.Snapshot`."""
        return self.snapshot().cells

    def positions(self) -> np.ndarray:
        """Centres in um, sorted by id."""
        return self.box.to_micron(self.read("position"))[np.argsort(self.read("id"))]

    def fiber_nodes(self) -> np.ndarray:
        """Present positions (N, 3) um of the nodes of the network, wrapped into the box along periodic axes.

        With the term `deposition` those of fibers in reserve come last: `snapshot().fibers` is without them.
        """
        return self.box.to_micron(self.read("node_position"))

    def snapshot(self) -> Snapshot:
        """What a record keeps of the state. Raises PhysicsError if an array holds what is not finite."""
        self.check_finite()
        return take(self)

    def check_finite(self) -> None:
        """Raise PhysicsError if an array of the state holds a number that is not finite, and name it."""
        for name in self.arrays:
            if ARRAYS[name].persists and ARRAYS[name].type.startswith(("float", "double")):
                values = self.read(name)
                if not np.isfinite(values).all():
                    count = int((~np.isfinite(values)).sum())
                    raise PhysicsError(f"{self.time:g} min: {count} values of '{name}' are not finite; shorten "
                                       "run.step, or check the last terms you set")  # fmt: skip
        if self.blood is not None:
            self.blood.check_finite()

    def state_hash(self) -> str:
        """sha256 over every array that persists, in the order of the table."""
        digest = hashlib.sha256()
        for name in self.arrays:
            if ARRAYS[name].persists:
                digest.update(name.encode() + self.read(name).tobytes())
        if self.blood is not None:
            digest.update(self.blood.state_hash().encode())
        return digest.hexdigest()

    @property
    def memory(self) -> int:
        """Bytes allocated on the device."""
        return sum(self.device.allocated.values()) + (self.blood.memory if self.blood is not None else 0)

    @property
    def saved_bytes(self) -> int:
        """Bytes of what `save` returns, fibers included."""
        state = sum(self.nbytes(name) for name in self.arrays if ARRAYS[name].persists)
        state += self.blood.saved_bytes if self.blood is not None else 0
        if self.network is None:
            return state
        return state + sum(np.asarray(getattr(self.network, part.name)).nbytes for part in fields(self.network))

    @property
    def device_info(self) -> Mapping[str, Any]:
        return self.device.info()

    def profile_table(self) -> str:
        """Time, launches and bytes of every kernel; empty without `profile=True`."""
        if self.profile is None:
            return ""
        found = self.profile.table(self.status, self.host_reads, self.device.copy_bandwidth())
        return found if self.blood is None else f"{found}\n\nflow episodes\n{self.blood.profile_table()}"
