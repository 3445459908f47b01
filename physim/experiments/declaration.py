"""What an experiment of the catalogue is: arms, networks and seeds of each size, a measure, what it is judged by.

    replica(parameters of the arm, network, seed, device) -> numbers     one small computation, cached (`cache`)
    observables(size)                                     -> rows        each a statistic over replicas (`ensemble`)
    panels(replicas, size)                                -> pictures    as data; `viz.panels` draws them

An experiment is data and two or three functions; `run` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from physim.experiments.ensemble import Ensemble
    from physim.scenario import Scenario

Values = dict[str, Any]
"""What a replica gives: numbers and lists of numbers, by names with units; NaN where there is none."""
SIZES = ("smoke", "quick", "standard", "full")
"""Verification in <= 5 s; a trend in <= 4 min on 2 cores; the table; as published."""
TIERS = ("V", "T1", "T2", "T3")
"""Verification, quantitative, ratio or trend, hypothesis: EXPERIMENTS.md 0.2."""


@dataclass(frozen=True)
class Arm:
    """One condition of an experiment."""

    parameters: Mapping[str, Any]
    """What the replica gets, plain numbers, words and lists: it goes into JSON and into the hash of the cache."""
    networks: tuple[int, ...] | None = None
    """Fewer networks than the size has, for a dear check; None: all of them."""


@dataclass(frozen=True)
class Size:
    """How much is run: every arm on every network with every seed, so that arms are paired."""

    arms: Mapping[str, Arm]
    networks: tuple[int, ...]
    """Seeds of the networks: the random effect over which intervals are taken."""
    seeds: tuple[int, ...] = (1,)
    """Seeds of everything else, on each network; their mean is the network's value."""
    hours: float = 0.0
    """Wall time on 2 cores, projected."""

    def jobs(self) -> list[Job]:
        """All replicas, network by network, so that paired arms are complete as early as possible."""
        return [Job(name, arm, network, seed) for network in self.networks for seed in self.seeds
                for name, arm in self.arms.items() if network in (arm.networks or self.networks)]  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One replica to be had."""

    name: str
    arm: Arm
    network: int
    seed: int

    @property
    def file(self) -> str:
        return f"{self.name}-n{self.network}-s{self.seed}.json"


@dataclass(frozen=True)
class Observable:
    """A row of the table: a number over all replicas, and what the literature says about it.

    T1 passes inside the tolerance with a 95 % interval narrower than the tolerance. T2 passes inside the tolerance
    and on the tolerance's side of `no_effect` in 95 % of the resamples. V passes inside. T3, and what has no
    tolerance, is reported.
    """

    name: str
    unit: str
    statistic: Callable[[Ensemble], float]
    tier: str = "T3"
    target: float | None = None
    tolerance: tuple[float, float] | None = None
    source: str = ""
    """Where target and tolerance come from."""
    trend: bool = False
    """Whether this is what the quick size is judged by."""
    no_effect: float | None = None
    """Of T2: the value without the effect, 1 for a ratio, 0 for a difference or a slope."""

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise ValueError(f"{self.name}: tier {self.tier!r} is none of {TIERS}")
        if self.tolerance is None:
            return
        low, high = self.tolerance
        if not low < high:
            raise ValueError(f"{self.name}: tolerance {self.tolerance} must rise")
        if self.tier == "T2" and (self.no_effect is None or low < self.no_effect < high):
            raise ValueError(f"{self.name}: a T2 row needs `no_effect`, outside of its tolerance {self.tolerance}")


@dataclass(frozen=True)
class Line:
    """One curve of a panel, with the ends of its intervals where it has some."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One diagram: curves, and rectangles (x0, x1, y0, y1) of what was published."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    published: Sequence[tuple[float, float, float, float]] = ()
    log: bool = False


def _no_panels(replicas: Ensemble, size: Size) -> list[Panel]:
    return []


@dataclass(frozen=True)
class Experiment:
    """One entry of the catalogue."""

    id: str
    title: str
    source: str
    """The publications that it is judged by."""
    sizes: Mapping[str, Size]
    replica: Callable[[Mapping[str, Any], int, int, str | None], Values]
    """(parameters, network, seed, device) -> values; a pure function of the first three, on any device."""
    observables: Callable[[Size], list[Observable]]
    panels: Callable[[Ensemble, Size], list[Panel]] = _no_panels
    code: tuple[str | Callable[..., Any], ...] = ()
    """Modules, by name, and functions that compute a replica, besides `replica`: their text is part of the hash."""
    terms: tuple[str, ...] = ()
    """Terms of the step that it runs: their declarations and kernels are part of the hash, with all headers."""
    kernels: tuple[str, ...] = ()
    """Other files of `kernels/` that it uses."""
    scenario: Callable[[Mapping[str, Any], int, int], Scenario] | None = field(default=None)
    """The scenario of a replica, if it runs one: as resolved, it is part of the hash, with the terms of its step."""
    uses_device: bool = True
    """False: NumPy alone computes it, on the host."""

