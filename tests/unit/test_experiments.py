"""Experiments: means and intervals over networks, pairing, verdicts, and a cache that reruns what is outdated only."""

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from physim.errors import InputError, PhysicsError
from physim.experiments import Arm, Ensemble, Experiment, Observable, Size, cache
from physim.experiments.declaration import Job
from physim.experiments.ensemble import RESAMPLES, evaluate, judge, log_slope
from physim.experiments.run import run

NETWORKS = tuple(range(1, 9))
RUN: list[tuple[str, int, int]] = []
"""What `pull` was asked for."""


def pull(parameters, network, seed, device):
    """A network's own strength, 10 +- 4, lessened by 1 +- 0.1 in the knock-out."""
    RUN.append((parameters["name"], network, seed))
    noise = np.random.default_rng((network, seed, 7)).standard_normal(2)
    strength = 10 + 4 * np.random.default_rng(network).standard_normal() + 0.1 * noise[0]
    return {"force": strength - parameters["loss"] - 0.1 * noise[1] * parameters["loss"], "curve": [1.0, strength]}


def loss(e: Ensemble) -> float:
    whole, knocked = e.pairs("whole", "knock-out", "force")
    return float((whole - knocked).mean())


def rows(size):
    return [Observable("force", "nN", lambda e: float(e.mean("whole", "force")), "T1", 10.0, (2.0, 18.0), "here"),
            Observable("loss", "nN", loss, "T2", 1.0, (0.5, 1.5), "here", trend=True, no_effect=0.0)]  # fmt: skip


def experiment(**changes) -> Experiment:
    arms = {"whole": Arm({"name": "whole", "loss": 0.0}), "knock-out": Arm({"name": "knock-out", "loss": 1.0})}
    size = Size(arms, NETWORKS, seeds=(1, 2))
    return replace(Experiment("TST-1", "A pull", "nowhere", {"standard": size, "quick": size}, pull, rows,
                              uses_device=False), **changes)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_was_run():
    RUN.clear()


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


def test_an_arm_of_one_network_gives_no_interval_beside_eight():
    jobs = ensemble_of({"a": [1.0, 2.0, 3.0], "large": [1.5]})
    assert math.isnan(evaluate(Observable("x", "", lambda e: float(e.mean("large", "x"))), jobs)[1][0])
    assert math.isfinite(evaluate(Observable("x", "", lambda e: float(e.mean("a", "x"))), jobs)[1][0])


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


def test_finished_replicas_are_read(tmp_path):
    first, _ = run(experiment(), out=tmp_path)
    assert len(RUN) == 2 * 8 * 2
    assert RUN[:4] == [("whole", 1, 1), ("knock-out", 1, 1), ("whole", 1, 2), ("knock-out", 1, 2)], "pairs first"
    RUN.clear()
    again, _ = run(experiment(), out=tmp_path)
    assert RUN == [] and again == first
    run(experiment(), out=tmp_path, rerun=True)
    assert len(RUN) == 32


def test_an_edited_parameter_reruns_its_arm_alone(tmp_path):
    run(experiment(), out=tmp_path)
    RUN.clear()
    size = experiment().sizes["standard"]
    arms = {**size.arms, "knock-out": Arm({"name": "knock-out", "loss": 2.0})}
    result, _ = run(experiment(sizes={"standard": replace(size, arms=arms)}), out=tmp_path)
    assert {name for name, _, _ in RUN} == {"knock-out"} and len(RUN) == 16
    assert result["observables"][1]["value"] == pytest.approx(2.0, abs=0.2)
    assert result["observables"][1]["verdict"] == "miss"


def test_missing_and_damaged_replicas_alone_run(tmp_path):
    run(experiment(), out=tmp_path)
    RUN.clear()
    folder = tmp_path / "TST-1" / "standard"
    (folder / "whole-n3-s2.json").unlink()
    (folder / "whole-n4-s1.json").write_text('{"hash": ')
    (folder / "knock-out-n5-s1.json").write_text("[]")
    run(experiment(), out=tmp_path)
    assert RUN == [("whole", 3, 2), ("whole", 4, 1), ("knock-out", 5, 1)]


def test_an_edited_source_reruns_what_it_computes(tmp_path, monkeypatch):
    """Two experiments, one computed by a module: a comment there reruns that one, and not the other."""
    (tmp_path / "law_of_pull.py").write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with_module = experiment(code=("law_of_pull",), id="TST-2")
    for one in (experiment(), with_module):
        run(one, out=tmp_path / "out")
    RUN.clear()
    (tmp_path / "law_of_pull.py").write_text("FACTOR = 1  # one\n")
    run(experiment(), out=tmp_path / "out")
    assert RUN == []
    run(with_module, out=tmp_path / "out")
    assert len(RUN) == 32
    monkeypatch.delitem(sys.modules, "law_of_pull", raising=False)


def test_hash_covers_terms_kernels_headers_and_the_scenario(monkeypatch):
    from physim.scenario import load

    job = experiment().sizes["standard"].jobs()[0]
    first = {name: cache.Fingerprints(one).of(job) for name, one in variants(load).items()}
    assert len(set(first.values())) == len(first)
    source = cache.kernel_source
    monkeypatch.setattr(cache, "kernel_source", lambda name: source(name) + ("//" if name == "pairs.h" else ""))
    changed = {name for name, one in variants(load).items() if cache.Fingerprints(one).of(job) != first[name]}
    assert changed == {"term", "kernel", "scenario", "longer scenario"}


def variants(load) -> dict[str, Experiment]:
    return {
        "plain": experiment(), "code": experiment(code=("physim.units",)), "function": experiment(code=(loss,)),
        "term": experiment(terms=("links",)), "kernel": experiment(kernels=("links.cl",)),
        "scenario": experiment(scenario=lambda p, n, s: load("doublet")),
        "longer scenario": experiment(scenario=lambda p, n, s: load("doublet", ["run.duration=7 h"])),
    }  # fmt: skip


def test_a_term_of_the_scenario_that_changes_is_seen(monkeypatch):
    from physim.scenario import load
    from physim.terms import REGISTRY

    job, one = experiment().sizes["standard"].jobs()[0], variants(load)["scenario"]
    first = cache.Fingerprints(one).of(job)
    for name, expected in (("contact", True), ("links", False)):  # a doublet has no links
        with monkeypatch.context() as patch:
            text = REGISTRY[name].kernel_file()
            patch.setattr(REGISTRY[name], "kernel_file", classmethod(lambda cls, text=text: (text[0], text[1] + "//")))
            assert (cache.Fingerprints(one).of(job) != first) == expected


def test_a_replica_without_a_source_file_is_refused(tmp_path):
    names: dict = {}
    exec("def replica(parameters, network, seed, device):\n    return {}\n", names)
    with pytest.raises(InputError, match=r"replica: its source cannot be read.*define it in a file"):
        run(experiment(replica=names["replica"]), out=tmp_path)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, PhysicsError("the solve stopped")])
def test_interrupted_experiment_keeps_what_is_finished_and_goes_on(tmp_path, stop):
    def stops(parameters, network, seed, device):
        if len(RUN) == 10:
            raise stop
        return pull(parameters, network, seed, device)

    with pytest.raises((KeyboardInterrupt, PhysicsError)) as said:
        run(experiment(replica=stops), out=tmp_path)
    if isinstance(stop, PhysicsError):
        assert str(said.value) == "whole-n3-s2: the solve stopped; 10 new replicas are kept"
    assert len(list((tmp_path / "TST-1" / "standard").glob("*.json"))) == 10
    assert not (tmp_path / "TST-1-standard.json").exists()
    done = set(RUN)
    RUN.append(("past the stop", 0, 0))
    run(experiment(replica=stops), out=tmp_path)
    assert len(RUN) == 33 and not done & set(RUN[11:])
    RUN.clear()
    whole, _ = run(experiment(), out=tmp_path / "other")
    assert json.loads((tmp_path / "TST-1-standard.json").read_text()) == json.loads(json.dumps(whole))


def test_nan_goes_through_the_cache_and_misses(tmp_path):
    lost = experiment(replica=lambda parameters, network, seed, device: {"force": math.nan, "curve": [1.0, math.nan]})
    result, ensemble = run(lost, out=tmp_path)
    assert np.isnan(ensemble.take("whole", "curve")).tolist() == [[False, True]] * 8
    assert [row["verdict"] for row in result["observables"]] == ["miss", "miss"]
    written = json.loads((tmp_path / "TST-1-standard.json").read_text())
    assert written["observables"][0]["value"] is None and written["observables"][0]["interval"] == [None, None]


def test_places_that_cannot_be_written_are_refused_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--out .*file: cannot be written: .*; give another folder"):
        run(experiment(), out=tmp_path / "file")
    with pytest.raises(InputError, match=r"--json .*: cannot be written"):
        run(experiment(), out=tmp_path, json=tmp_path / "none" / "x.json")
    assert RUN == []
