"""The cache of experiments: what is missing or outdated runs, the rest is read; what was interrupted goes on."""

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from reference.pulls import RUN, experiment, loss, pull

from physim.errors import InputError, PhysicsError
from physim.experiments import Arm, Experiment, cache
from physim.experiments.run import run


@pytest.fixture(autouse=True)
def nothing_was_run():
    RUN.clear()


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


def outdate(folder, but=()) -> dict[str, str]:
    """Gives replicas another hash, and returns it by file."""
    for path in folder.glob("*.json"):
        if path.name not in but:
            path.write_text(json.dumps(json.loads(path.read_text()) | {"hash": f"older {path.name}"}))
    return {path.name: json.loads(path.read_text())["hash"] for path in folder.glob("*.json")}


def test_outdated_replicas_are_kept_if_one_of_each_arm_comes_out_to_the_bit(tmp_path, capsys):
    first, _ = run(experiment(), out=tmp_path)
    folder = tmp_path / "TST-1" / "standard"
    older = outdate(folder, but=("whole-n1-s1.json",))
    RUN.clear()
    assert run(experiment(), out=tmp_path, confirm=True)[0] == first
    assert RUN == [("knock-out", 1, 1), ("whole", 2, 1)], "one of each arm, each on another network"
    assert "all come out to the bit; 29 outdated replicas are kept" in capsys.readouterr().out
    run(experiment(), out=tmp_path)
    assert len(RUN) == 2, "now they are up to date"
    with_hash = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert {name for name, table in with_hash.items() if "computed_with" not in table} == {
        "whole-n1-s1.json", "knock-out-n1-s1.json", "whole-n2-s1.json"
    }  # fmt: skip
    assert with_hash["whole-n5-s1.json"]["computed_with"] == older["whole-n5-s1.json"]


@pytest.mark.parametrize("change", [1e-12, math.nan])
def test_no_outdated_replica_is_kept_if_one_differs(tmp_path, capsys, change):
    run(experiment(), out=tmp_path)
    outdate(tmp_path / "TST-1" / "standard")
    RUN.clear()

    def other(parameters, network, seed, device):
        found = pull(parameters, network, seed, device)
        return found | {"force": found["force"] + change} if parameters["name"] == "knock-out" else found

    run(experiment(replica=other), out=tmp_path, confirm=True)
    assert len(RUN) == 32 and "another result: knock-out-n1-s2; no outdated" in capsys.readouterr().out


def test_replicas_of_other_parameters_are_not_kept(tmp_path):
    run(experiment(), out=tmp_path)
    size = experiment().sizes["standard"]
    arms = {**size.arms, "knock-out": Arm({"name": "knock-out", "loss": 2.0})}
    outdate(tmp_path / "TST-1" / "standard")
    RUN.clear()
    run(experiment(sizes={"standard": replace(size, arms=arms)}), out=tmp_path, confirm=True)
    assert RUN.count(("whole", 1, 1)) == 1 and len(RUN) == 1 + 16


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


def test_headers_of_terms_of_the_scenario_are_seen(monkeypatch):
    from physim.scenario import load

    source = cache.kernel_source
    for name, expected in (("contraction", True), ("doublet", False)):  # a doublet has no network
        one = experiment(scenario=lambda p, n, s, name=name: load(name))
        job = one.sizes["standard"].jobs()[0]
        first = cache.Fingerprints(one).of(job)
        with monkeypatch.context() as patch:
            patch.setattr(cache, "kernel_source", lambda file: source(file) + "/" * (file == "crosslink.h"))
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
