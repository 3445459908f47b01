"""Experiments: means and intervals over networks, pairing, verdicts and the result."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from reference.pulls import NETWORKS, experiment, loss, rows

from physim.experiments import Arm, Ensemble, Observable
from physim.experiments.declaration import Job
from physim.experiments.ensemble import RESAMPLES, evaluate, judge, log_slope
from physim.experiments.run import run


def ensemble_of(values: dict[str, list[float]]) -> Ensemble:
    return Ensemble([(Job(arm, Arm({}), n, 1), {"x": x}) for arm, xs in values.items() for n, x in enumerate(xs)])


def test_interval_is_that_of_the_bootstrap_over_networks():
    """Of the mean of n values, the resampled means have the standard deviation s sqrt((n-1)/n)/sqrt(n)."""
    values = np.random.default_rng(3).normal(5, 2, 40)
    row = Observable("x", "", lambda e: float(e.mean("a", "x")))
    value, interval, resamples = evaluate(row, ensemble_of({"a": list(values)}))
    spread = values.std() / math.sqrt(40)
    assert value == pytest.approx(values.mean(), rel=1e-12) and len(resamples) == RESAMPLES
    assert resamples.std() == pytest.approx(spread, rel=0.05)
    assert interval == pytest.approx((value - 1.96 * spread, value + 1.96 * spread), abs=0.15 * spread)
    assert evaluate(row, ensemble_of({"a": list(values)}))[1] == interval, "the resamples are the same each time"


def test_seeds_of_a_network_count_as_one():
    """Eight seeds on two networks are two values: the interval is between them."""
    jobs = [(Job("a", Arm({}), n, s), {"x": 10.0 * n + s}) for n in (1, 2) for s in range(8)]
    value, interval, _ = evaluate(Observable("x", "", lambda e: float(e.mean("a", "x"))), Ensemble(jobs))
    assert value == 18.5 and interval == (13.5, 23.5)


def test_one_network_gives_no_interval_and_no_t1():
    row = Observable("x", "", lambda e: float(e.mean("a", "x")), "T1", 1.0, (0.0, 2.0))
    value, interval, resamples = evaluate(row, ensemble_of({"a": [1.0]}))
    assert value == 1.0 and math.isnan(interval[0]) and not len(resamples)
    assert judge(row, "standard", value, interval, resamples) == "miss"


def test_an_arm_of_fewer_networks_beside_others():
    """One network gives no interval; two of eight give their range; the arm of eight is as it is by itself."""
    eight = list(np.random.default_rng(1).normal(5, 1, 8))
    jobs = ensemble_of({"a": eight, "pair": [1.0, 2.0], "one": [1.5]})
    assert math.isnan(evaluate(row_of("one"), jobs)[1][0])
    assert evaluate(row_of("pair"), jobs)[1] == (1.0, 2.0)
    assert evaluate(row_of("a"), jobs)[1] == evaluate(row_of("a"), ensemble_of({"a": eight}))[1]


def row_of(arm: str) -> Observable:
    return Observable("x", "", lambda e: float(e.mean(arm, "x")))


def test_arms_are_compared_on_the_networks_that_both_have():
    jobs = ensemble_of({"a": [1.0, 2.0, 30.0], "b": [0.5, 1.5]})
    assert loss(Ensemble([(replace(job, name={"a": "whole", "b": "knock-out"}[job.name]), {"force": v["x"]})
                          for name in jobs.values for n, of in jobs.values[name].items()
                          for job, v in [(Job(name, Arm({}), n, 1), of[1])]])) == 0.5  # fmt: skip


def test_pairing_finds_what_unpaired_arms_would_hide(tmp_path):
    """A loss of 1 under a spread of 4 between networks: found, to a tenth, since networks and seeds are the same."""
    result, ensemble = run(experiment(), out=tmp_path)
    force, found = result["observables"]
    assert found["value"] == pytest.approx(1.0, abs=0.1) and found["verdict"] == "pass"
    assert found["interval"][1] - found["interval"][0] < 0.2 < force["interval"][1] - force["interval"][0]
    shuffled = Ensemble([(replace(job, network=NETWORKS[-job.network]) if job.name == "whole" else job, values)
                         for job in experiment().sizes["standard"].jobs()
                         for values in [ensemble.values[job.name][job.network][job.seed]]])  # fmt: skip
    value, interval, resamples = evaluate(rows(None)[1], shuffled)
    assert value == pytest.approx(found["value"], rel=1e-9), "the mean does not know of pairs"
    assert judge(rows(None)[1], "standard", value, interval, resamples) == "miss", "but the interval does"


def test_verdicts():
    def of(tier, value, interval, size="standard", resamples=(), **more):
        row = Observable("x", "", lambda e: 0.0, tier, None, more.pop("tolerance", (1.0, 3.0)), **more)
        return judge(row, size, value, interval, np.array(resamples))

    nan = (math.nan, math.nan)
    assert of("V", 2.0, nan, "smoke") == "pass" and of("V", 3.1, nan, "smoke") == "miss"
    assert of("V", math.nan, nan) == "miss"
    assert of("T1", 2.0, (1.5, 2.5)) == "pass"
    assert of("T1", 3.1, (3.0, 3.2)) == "miss", "outside"
    assert of("T1", 2.0, (0.9, 3.0)) == "miss", "the interval is as wide as the tolerance"
    assert of("T1", 2.0, nan) == "miss" and of("T1", math.nan, nan) == "miss"
    assert of("T1", -2.0, (-3.0, -1.5), tolerance=(-math.inf, 0.0)) == "pass"
    up = [2.0] * 95 + [0.9] * 5
    assert of("T2", 2.0, (1.5, 2.5), resamples=up, no_effect=1.0) == "pass"
    assert of("T2", 2.0, (1.5, 2.5), resamples=[*up, 0.9], no_effect=1.0) == "miss", "the sign is not sure"
    assert of("T2", 2.0, nan, no_effect=1.0) == "miss", "no resamples, no sign"
    down = of("T2", 0.3, (0.2, 0.4), resamples=[0.3] * 9, no_effect=1.0, tolerance=(0.0, 0.5))
    assert down == "pass"
    assert of("T3", 9.0, nan) == "reported"
    assert of("T1", 9.0, (8.0, 9.5), "quick") == "reported", "quick judges the trend"
    assert of("T1", 9.0, (8.0, 9.5), "quick", trend=True) == "miss"
    assert of("T1", 9.0, (8.0, 9.5), "smoke", trend=True) == "reported", "smoke verifies"


def test_rows_that_cannot_be_judged_are_refused():
    with pytest.raises(ValueError, match="no_effect"):
        Observable("x", "", lambda e: 0.0, "T2", None, (1.0, 3.0))
    with pytest.raises(ValueError, match="no_effect"):
        Observable("x", "", lambda e: 0.0, "T2", None, (0.5, 3.0), no_effect=1.0)
    with pytest.raises(ValueError, match="must rise"):
        Observable("x", "", lambda e: 0.0, "T1", None, (3.0, 1.0))
    with pytest.raises(ValueError, match="tier"):
        Observable("x", "", lambda e: 0.0, "T4")


def test_log_slope():
    assert log_slope([1.0, 2.0, 4.0], [3.0, 12.0, 48.0]) == pytest.approx(2.0, rel=1e-12)
    assert math.isnan(log_slope([1.0, 2.0], [1.0, -1.0])) and math.isnan(log_slope([1.0], [1.0]))


def test_result_is_the_contract(tmp_path):
    result, _ = run(experiment(), "quick", out=tmp_path, json=tmp_path / "mine.json")
    written = json.loads((tmp_path / "TST-1-quick.json").read_text())
    assert written == json.loads((tmp_path / "mine.json").read_text()) == json.loads(json.dumps(result))
    assert {key: written[key] for key in ("id", "size", "indicative", "device", "seeds", "arms")} == {
        "id": "TST-1", "size": "quick", "indicative": True, "device": "host (NumPy)", "seeds": list(NETWORKS),
        "arms": ["whole", "knock-out"]}  # fmt: skip
    for row in written["observables"]:
        assert set(row) == {"name", "unit", "value", "interval", "target", "tolerance", "tier", "verdict"}
        assert row["interval"][0] < row["value"] < row["interval"][1]
    assert [row["verdict"] for row in written["observables"]] == ["reported", "pass"]
    page = (tmp_path / "TST-1-quick.md").read_text()
    assert "| loss, nN | " in page and " | 0.5 ... 1.5 | T2 | pass | here |" in page
