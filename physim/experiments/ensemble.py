"""Numbers over replicas: means over networks, 95 % intervals by the bootstrap over networks, paired arms, verdicts.

The disorder of a network is the random effect, so whole networks are resampled, each with all its arms and seeds:
differences between arms on the same network keep their pairing. The interval is between the 2.5 and 97.5 %
quantiles of 2,000 resamples. Of n networks it is too narrow by about sqrt(1 - 1/n), and by what normal quantiles
are narrower than Student's: of 8 networks by a fifth, of 2 it is no more than their range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.experiments.declaration import Job, Observable, Values

Numbers = NDArray[np.float64]
RESAMPLES = 2000
_SEED = 20080110


class Ensemble:
    """The replicas of all arms, by network; `drawn` says which networks count, and how often."""

    def __init__(self, replicas: Sequence[tuple[Job, Values]]) -> None:
        self.values: dict[str, dict[int, dict[int, Values]]] = {}
        """Of each arm, of each network, of each seed."""
        for job, values in replicas:
            self.values.setdefault(job.name, {}).setdefault(job.network, {})[job.seed] = values
        self.networks = sorted({job.network for job, _ in replicas})
        self.drawn: NDArray[np.int64] = np.arange(len(self.networks))
        self._rows: dict[tuple[str, ...], tuple[NDArray[np.int64], Numbers]] = {}
        self.touched: set[str] = set()
        """Arms that were asked for."""

    def __contains__(self, arm: str) -> bool:
        return arm in self.values

    def take(self, arm: str, name: str) -> Numbers:
        """(n,) or (n, k): the value of each drawn network, the mean over its seeds. KeyError if there is none."""
        return self._drawn(arm, name, arm)

    def mean(self, arm: str, name: str) -> Numbers:
        """() or (k,): mean over the drawn networks."""
        values = self.take(arm, name)
        return values.mean(axis=0) if len(values) else np.full(values.shape[1:], np.nan)

    def pairs(self, arm: str, other: str, name: str) -> tuple[Numbers, Numbers]:
        """The values of two arms, each (n,) or (n, k): only the networks and seeds that both have, in one order."""
        return self._drawn(arm, name, other), self._drawn(other, name, arm)

    def resampled(self, drawn: NDArray[np.int64]) -> Ensemble:
        """The same replicas with other networks drawn (indices into `networks`)."""
        twin = object.__new__(Ensemble)
        twin.__dict__.update(self.__dict__)
        twin.drawn = drawn
        return twin

    def draws(self, count: int) -> NDArray[np.int64]:
        """(count, n) networks drawn with replacement, the same ones each time. Where arms that were asked for have
        different networks, those that the same arms have are drawn among themselves, so that no arm ends up without.
        """
        random = np.random.Generator(np.random.Philox(_SEED))
        groups: dict[tuple[bool, ...], list[int]] = {}
        for index, network in enumerate(self.networks):
            groups.setdefault(tuple(network in self.values[arm] for arm in sorted(self.touched)), []).append(index)
        return np.concatenate([np.array(group)[random.integers(len(group), size=(count, len(group)))]
                               for group in groups.values()], axis=1)  # fmt: skip

    def fewest(self) -> int:
        """The number of networks of the touched arm that has the fewest."""
        return min((len(self.values[arm]) for arm in self.touched), default=0)

    def _drawn(self, arm: str, name: str, partner: str) -> Numbers:
        self.touched.update((arm, partner))
        key = (arm, name, partner)
        if key not in self._rows:
            self._rows[key] = self._by_network(arm, name, partner)
        place, values = self._rows[key]
        place = place[self.drawn]
        return values[place[place >= 0]]

    def _by_network(self, arm: str, name: str, partner: str) -> tuple[NDArray[np.int64], Numbers]:
        """Where each network is among the values, -1 if the arms do not both have it; the means over common seeds."""
        place = np.full(len(self.networks), -1)
        values: list[Numbers] = []
        for index, network in enumerate(self.networks):
            seeds, others = self.values[arm].get(network, {}), self.values[partner].get(network, {})
            both = [np.asarray(seeds[seed][name], float) for seed in seeds if seed in others]
            if both:
                place[index] = len(values)
                values.append(np.mean(both, axis=0))
        return place, np.array(values)


def evaluate(observable: Observable, ensemble: Ensemble) -> tuple[float, tuple[float, float], Numbers]:
    """Value, 95 % interval and the resamples; the interval is NaN if an arm has fewer than two networks."""
    ensemble.touched.clear()
    value = float(observable.statistic(ensemble))
    if ensemble.fewest() < 2:
        return value, (math.nan, math.nan), np.empty(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        resamples = np.array([float(observable.statistic(ensemble.resampled(draw)))
                              for draw in ensemble.draws(RESAMPLES)])  # fmt: skip
    if np.isnan(resamples).mean() > 0.05:  # a number that many sets of networks do not have has no interval
        return value, (math.nan, math.nan), resamples
    low, high = np.nanquantile(resamples, [0.025, 0.975])
    return value, (float(low), float(high)), resamples


def judge(observable: Observable, size: str, value: float, interval: tuple[float, float], resamples: Numbers) -> str:
    """`pass`, `miss` or `reported`. NaN never passes; smoke judges V alone, quick V and the stated trend."""
    if observable.tolerance is None or observable.tier == "T3":
        return "reported"
    if observable.tier != "V" and (size == "smoke" or (size == "quick" and not observable.trend)):
        return "reported"
    low, high = observable.tolerance
    good = low <= value <= high
    if observable.tier == "T1":
        good &= interval[1] - interval[0] < high - low
    elif observable.tier == "T2":
        assert observable.no_effect is not None
        beyond = resamples > observable.no_effect if low >= observable.no_effect else resamples < observable.no_effect
        good &= bool(len(resamples)) and float(beyond.mean()) >= 0.95
    return "pass" if good else "miss"


def rows(observables: Sequence[Observable], ensemble: Ensemble, size: str) -> list[dict[str, object]]:
    """The observables as in the JSON: name, unit, value, interval, target, tolerance, tier, verdict."""
    found: list[dict[str, object]] = []
    for observable in observables:
        value, interval, resamples = evaluate(observable, ensemble)
        found.append({
            "name": observable.name, "unit": observable.unit, "value": value, "interval": list(interval),
            "target": observable.target, "tolerance": observable.tolerance and list(observable.tolerance),
            "tier": observable.tier, "verdict": judge(observable, size, value, interval, resamples),
        })  # fmt: skip
    return found


def log_slope(x: ArrayLike, y: ArrayLike) -> float:
    """Least-squares slope of ln y against ln x; NaN if a y is not positive, or for fewer than two points."""
    if np.size(x) < 2 or not (np.asarray(y) > 0).all():
        return math.nan
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
