"""A replica that may have vessels: blood alone or beside tissue, and a network that answers to the cells in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from physim.device import Device, choose
from physim.episodes import Episodes, blood_of
from physim.errors import InputError
from physim.replica import Replica
from physim.scenario import Scenario
from physim.terms.blood import Plasma
from physim.vessel_state import vessel_state
from physim.vessels import Vessels, vessels
from physim.walls import Walls
from physim.world import Box

if TYPE_CHECKING:
    from physim.simulation import Saved, Simulation


class Perfused(Replica):
    """The part of a `Simulation` that knows of vessels."""

    scenario: Scenario
    part: Scenario
    """What of the scenario moves on in steps of run.step: all of it where there are no flow episodes."""
    box: Box
    episodes: Episodes | None = None
    """None: the scenario has none."""
    _device_name: str | None
    _walls: Walls | None = None
    _beside: Perfused | None = None
    """Where this is the blood of another simulation: that one."""

    def _meet_vessels(self, radius: float) -> None:
        """Vessels for cells of at most this radius, um; those of the tissue beside, where this is its blood."""
        self.vessels: Vessels | None = None
        self._vessel_state: dict[str, np.ndarray] | None = None
        if self._beside is not None:
            self.vessels, self._vessel_state = self._beside.vessels, self._beside._vessel_state
        elif self.scenario.vessels is not None:
            self.vessels = vessels(self.scenario.vessels, self.box, self.scenario.run.seed, radius)
            self._vessel_state = vessel_state(self.vessels, self.box, Device(choose(self._device_name)))

    def walls(self) -> Walls:
        """To ask where the wall of the vessels is; made once for all that asks at the start."""
        assert self._vessel_state is not None
        if self._walls is None:
            self._walls = Walls.of(self._vessel_state, self.box, Device(choose(self._device_name)))
        return self._walls

    def wall_distance(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """um (n,) from the wall of the vessels of points (n, 3) um, below 0 in the lumen; far from it a lower bound."""
        return self.walls().distance(points)[0]

    def _without_carried(self, cells: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The cells of tissue; those whose middle is in a vessel are kept for the blood beside. Raises InputError."""
        inside = self.wall_distance(cells["position"]) < 0
        if inside.all():
            raise InputError("cells: all of them are in vessels; leave vessels.interval out, or place some in tissue")
        self._carried = {name: values[inside] for name, values in cells.items()}
        return {name: values[~inside] for name, values in cells.items()}

    def _episodes(self, profile: bool, saved: Saved | None) -> Episodes:
        """Blood beside this tissue, if a cell is in it, as a simulation of its own."""
        from physim.simulation import Simulation

        found = Episodes(self.scenario, None, saved.episodes if saved is not None else None)
        kept = saved.blood if saved is not None else None
        carried = self._carried if saved is None else None
        if kept is not None or (carried is not None and len(carried["id"])):
            found.blood = Simulation(blood_of(self.scenario), device=self._device_name, profile=profile, cells=carried,
                                     saved=kept, beside=self)  # fmt: skip
        return found

    @property
    def blood(self) -> Simulation | None:
        """The cells in vessels, where there are flow episodes and cells in blood."""
        return self.episodes.blood if self.episodes is not None else None

    def advance(self, until_step: int) -> None:
        """See `Replica.advance`; on the way blood has its episodes, or the vessels answer to the cells in them."""
        every, before = self._stops()
        while self.step_count < until_step:
            if every and self.step_count % every == 0:
                before(self.step_count)
            super().advance(min(until_step, (self.step_count // every + 1) * every) if every else until_step)

    def _stops(self) -> tuple[int, Callable[[int], None]]:
        """Before each how many steps (0: never) the host does something, and what, given the step."""
        if self.episodes is not None:
            return self.episodes.every, self.episodes.run
        plasma = next((term for term in self.terms if isinstance(term, Plasma)), None)
        if plasma is None or self.vessels is None or len(self.vessels.circulation.flow) == 1:
            return 0, self._answer
        return max(1, round(plasma.response / self.step_length)), self._answer

    def settle(self) -> None:
        super().settle()
        if self.blood is not None:
            self.blood.settle()

    def flow(self) -> NDArray[np.float64]:
        """(B,) um^3/min through the branches of the vessels, in the last step."""
        branch, load, drive = self._held_back()
        return (branch[:, 0] + drive) / (branch[:, 1] + load)

    def _answer(self, step: int) -> None:
        """Flow and pressures of all branches, with what the cells in them hold back."""
        if step:
            assert self.vessels is not None
            self._put("branch", self.vessels.circulation.answer(*self._held_back()).astype(np.float32))

    def _held_back(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """What `Circulation.answer` asks for."""
        stream, of = self.read("stream").astype(float), self.read("branch_of").astype(np.int64)
        velocity = self.read("displacement")[:, :3].astype(float) / self.step_length
        velocity -= self.read("stream_rest")[:, :3]
        branch = self.read("branch").astype(float).reshape(-1, 4)
        inside = of < len(branch)
        driven = (stream[:, 3] * (stream[:, :3] * velocity).sum(axis=1))[inside]
        drive = np.bincount(of[inside], driven, len(branch)).astype(np.float64)
        return branch, self.read("branch_load").astype(float), drive
