"""Means over seeds: Student's interval, differences by seed, seeds as they are written."""

import numpy as np
import pytest
from scipy import stats

from physim import intervals
from physim.errors import InputError
from physim.replicates import parse_seeds
from physim.scenario import load


def test_interval_is_students() -> None:
    half = 4.302653 / np.sqrt(3)
    assert intervals.mean_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2.0 - half, 2.0 + half), rel=1e-6)
    values = np.random.default_rng(1).normal(3, 2, 7)
    expected = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    assert intervals.mean_interval(values)[1:] == pytest.approx(expected)


def test_interval_covers_the_mean_in_95_of_100() -> None:
    draws = np.random.default_rng(2).normal(10, 4, (4000, 3))
    inside = [low <= 10 <= high for _, low, high in map(intervals.mean_interval, draws)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.012)


def test_one_seed_has_no_interval() -> None:
    mean, low, high = intervals.mean_interval([4.0])
    assert mean == 4.0 and np.isnan(low) and np.isnan(high)


def rows(**arms: list[float]) -> list[dict]:
    return [
        {"arm": arm.replace("_", " "), "seed": seed, "status": "complete", "net_displacement_um": value}
        for arm, values in arms.items() for seed, value in enumerate(values)
    ]  # fmt: skip


def test_differences_are_taken_seed_by_seed() -> None:
    """Seeds differ by 100, arms by 1: the paired interval sees it."""
    found = rows(all_terms=[1.0, 101.0, 201.1], without_crawl=[0.0, 100.1, 200.0])
    lines = intervals.table(found, ["all terms", "without crawl"], load("doublet"))
    (line,) = [line for line in lines if "minus" in line]
    assert line.split() == "all terms minus without crawl +1 [+0.7516, +1.248] n = 3".split()
    assert any("Student's t" in line for line in lines)


def test_runs_that_are_missing_are_left_out_of_the_pairs() -> None:
    found = rows(all_terms=[1.0, 2.0, 3.0], without_crawl=[2.0, 3.0])
    text = "\n".join(intervals.table(found, ["all terms", "without crawl", "without grip"], load("doublet")))
    assert "n = 2, includes 0" not in text and "-1   [-1, -1]" in text and "no run" in text


def test_interval_that_includes_0_says_so() -> None:
    found = rows(all_terms=[1.0, 2.0, 3.0], without_crawl=[2.0, 2.0, 2.0])
    assert intervals.table(found, ["all terms", "without crawl"], load("doublet"))[-1].endswith("n = 3, includes 0")


@pytest.mark.parametrize("text, seeds", [("1..5", (1, 2, 3, 4, 5)), ("1,4, 9", (1, 4, 9)), ("7", (7,)),
                                         ("3..4,1", (3, 4, 1)), ("0", (0,))])  # fmt: skip
def test_seeds_are_read(text, seeds) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1..", "5..1", "1,1", "1..3,2", "-1", "1.5", "4294967296", "0..4000000000"])
def test_wrong_seeds_are_one_line(text) -> None:
    with pytest.raises(InputError, match=r"--seeds .*; (write e\.g\. 1\.\.5|leave one out)") as error:
        parse_seeds(text)
    assert len(str(error.value).splitlines()) == 1
