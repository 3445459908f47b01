"""Measures of finished runs and their means over seeds, with 95 % intervals and paired differences.

    mean +- t s / sqrt(n),   t the 97.5 % quantile of Student's t with n - 1 degrees of freedom

s is the standard deviation over n seeds. It takes the seeds' values to be normally distributed.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physim.analysis import aggregate
from physim.analysis.migration import Trajectories
from physim.errors import InputError
from physim.scenario import Scenario
from physim.summary import INTERVAL

MEASURES = {
    "invaded_radius_growth_um": "invaded radius growth (90th percentile of distances from the first centroid), um",
    "net_displacement_um": "net displacement (median over cells), um",
    "speed_um_per_h": "speed over {lag:g} min (median over cells), um/h",
    "volume_per_cell_um3": "volume per cell at the end (inner half of the aggregate), um^3",
    "nearest_neighbor_um": "nearest neighbour at the end (median over cells), um",
}
_FEWEST_IN_BALL = 20
"""Fewer cells have no inner half."""


def measures(run: Path, scenario: Scenario) -> dict[str, float]:
    """What one run gives, by the names of MEASURES, from its folder or null.parquet; without what does not apply."""
    path = Trajectories.read(run, size=scenario.box.size, periodic=scenario.box.periodic)
    begin, end = path.time[0], path.time[-1]
    found = {
        "invaded_radius_growth_um": path.invaded_radius(end) - path.invaded_radius(begin),
        "net_displacement_um": path.net_displacement(),
    }
    try:
        found["speed_um_per_h"] = path.speed_at(path.lag_of(INTERVAL))
    except InputError:  # the records do not span 10 min
        pass
    here = path.position[-1][~np.isfinite(path.departed)]
    if scenario.collagen is None and len(here) >= _FEWEST_IN_BALL:
        found["volume_per_cell_um3"] = aggregate.volume_per_cell(here)
    if scenario.collagen is None and len(here) >= 2:
        found["nearest_neighbor_um"] = float(np.median(aggregate.nearest_neighbor(here)))
    return found


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Mean and the ends of its confidence interval; the ends are NaN for fewer than two values."""
    from scipy.special import stdtrit

    values = np.asarray(values, float)
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < 2:
        return mean, math.nan, math.nan
    half = float(stdtrit(len(values) - 1, 0.5 + level / 2) * values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half


def table(rows: Sequence[Mapping[str, Any]], arms: Sequence[str], scenario: Scenario) -> list[str]:
    """Lines: of each measure the mean of each arm, and the first arm minus each other, seed by seed."""
    by_arm = {arm: {row["seed"]: row for row in rows if row["arm"] == arm} for arm in arms}
    if max(sum(row["status"] == "complete" for row in of.values()) for of in by_arm.values()) < 2:
        lines = ["No intervals: they take at least two seeds per arm."]
    else:
        lines = [
            "Means over n seeds with their 95 % intervals: Student's t with n - 1 degrees of freedom, for few seeds;",
            "it takes the values of the seeds to be normally distributed. Differences are taken seed by seed.",
        ]
    for name, words in MEASURES.items():
        of = {arm: {s: row[name] for s, row in found.items() if np.isfinite(row.get(name, np.nan))}
              for arm, found in by_arm.items()}  # fmt: skip
        if not any(of.values()):
            continue
        lag = max(INTERVAL, math.ceil(INTERVAL / scenario.record.interval - 1e-9) * scenario.record.interval)
        lines += ["", words.format(lag=lag)]
        first = of[arms[0]]
        for arm in arms:
            lines.append(_line(arm, list(of[arm].values())))
            both = [seed for seed in first if seed in of[arm]]
            if arm != arms[0] and both:
                gaps = [first[seed] - of[arm][seed] for seed in both]
                lines.append(_line(f"  {arms[0]} minus {arm}", gaps, difference=True))
    return lines


def _line(label: str, values: list[float], difference: bool = False) -> str:
    mean, low, high = mean_interval(values)
    sign = "+" if difference else ""
    text = f"  {label:<36} {mean:{sign}10.4g}" if values else f"  {label:<36} {'no run':>10}"
    between = f"[{low:{sign}.4g}, {high:{sign}.4g}]" if math.isfinite(low) else ""
    text += f"   {between:<22} n = {len(values)}" if values else ""
    return text + (", includes 0" if difference and low <= 0 <= high else "")


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row per run: arm, seed, run, status, measures with their units in the names; empty where there is none."""
    names = ["arm", "seed", "run", "status", *(name for name in MEASURES if any(name in row for row in rows))]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
