"""Flow episodes: now and then tissue stands still, and blood carries the cells that are in vessels.

Cells crawl by um/h and blood flows by mm/s, so that no step serves both. A scenario whose [vessels] have an `interval`
is two simulations, each with its own step, terms and cells: tissue, and blood. Each cell is in one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physim.units import Minute

if TYPE_CHECKING:
    from physim.scenario import Scenario
    from physim.simulation import Simulation
    from physim.step import Term

REST = 30.0
"""um/min: an episode ends when no cell in blood is faster. Half a um a second: chosen."""
LOOK: Minute = 1 / 60
"""min of blood after which speeds are looked at: chosen."""
_BOTH = ("neighbors", "solve")
"""Terms of the engine, which tissue and blood have alike."""


def has_episodes(scenario: Scenario) -> bool:
    return scenario.vessels is not None and scenario.vessels.interval is not None


def tissue_of(scenario: Scenario) -> Scenario:
    """What of a scenario moves on in steps of run.step: all of it where it has no episodes."""
    if not has_episodes(scenario):
        return scenario
    kept = {name: term for name, term in scenario.terms.items() if not _of_blood(term)}
    return scenario.model_copy(update={"terms": kept})


def blood_of(scenario: Scenario) -> Scenario:
    """What moves on in an episode, in steps of vessels.step."""
    assert scenario.vessels is not None
    kept = {name: term for name, term in scenario.terms.items() if _of_blood(term) or name in _BOTH}
    changed: dict[str, Any] = {
        "terms": kept, "run": scenario.run.model_copy(update={"step": scenario.vessels.step}),
        "vessels": scenario.vessels.model_copy(update={"interval": None}),
        "collagen": None, "obstacles": (), "own_terms": (), "null": {},
    }  # fmt: skip
    return scenario.model_copy(update=changed)


def _of_blood(term: Term) -> bool:
    return "plasma" in term.needs or term.name == "plasma"


class Episodes:
    """The cells of a simulation that are in blood, and the episodes that they have had."""

    def __init__(self, scenario: Scenario, blood: Simulation | None, past: NDArray[np.int64] | None = None) -> None:
        assert scenario.vessels is not None and scenario.vessels.interval is not None
        self.blood = blood
        """None: nobody is in blood."""
        self.past = np.zeros((0, 3), np.int64) if past is None else past
        """(k, 3) of each episode: the step of tissue before which it was, the steps of blood at which it began and
        ended, -1 for one that goes on."""
        self.every = round(scenario.vessels.interval / scenario.run.step)
        """Steps of tissue."""
        self._most = round(scenario.vessels.cap / scenario.vessels.step)
        self._look = max(1, round(LOOK / scenario.vessels.step))

    def run(self, step: int) -> None:
        """The episode before this step of tissue, or what is left of it: until nobody is carried, or to the cap."""
        if self.blood is None or not self.blood.cell_count:
            return
        if not len(self.past) or self.past[-1, 0] != step:
            self.past = np.concatenate([self.past, [[step, self.blood.step_count, -1]]])
        if self.past[-1, 2] >= 0:
            return
        first = int(self.past[-1, 1])
        while (spent := self.blood.step_count - first) < self._most and self._carried(spent):
            self.blood.advance(first + min(self._most, (spent // self._look + 1) * self._look))
        self.past[-1, 2] = self.blood.step_count

    def _carried(self, spent: int) -> bool:
        """Whether anybody moves; looked at after each `LOOK`, so that it does not matter where a run was resumed."""
        assert self.blood is not None
        if not self.blood.cell_count:
            return False
        if spent == 0 or spent % self._look:
            return True
        moved = np.linalg.norm(self.blood.read("displacement")[:, :3], axis=1) / self.blood.step_length
        return bool((moved[self.blood.read("departed") == 0] > REST).any())

    def tissue_step(self, departed: NDArray[Any]) -> NDArray[np.float64]:
        """Of steps of blood (n,), 0 for never: the steps of tissue before which they were."""
        row = np.searchsorted(self.past[:, 1], departed, side="left") - 1
        at = self.past[np.maximum(row, 0), 0] if len(self.past) else np.zeros(len(departed))
        return np.where(departed > 0, at, np.nan)
