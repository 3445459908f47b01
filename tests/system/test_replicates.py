"""Seeds and terms switched off: ordinary runs in one folder, in pairs, with intervals; cut and resumed."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reference.commands import inside

from physim import arm, estimate, replicates, runner
from physim.analysis.migration import Trajectories
from physim.compare import compare
from physim.errors import InputError, PhysicsError
from physim.generate.matrix import grown
from physim.scenario import Scenario, load

SMALL = ["cells.0.count=5", "box.size=120 um", "run.duration=12 min"]
FOLDERS = ["seed-1", "seed-1-without-crawl", "seed-2", "seed-2-without-crawl"]


def scenario(*changes: str):
    return load("aggregate", [*SMALL, "record.interval=4 min", *changes])


def table(parent: Path) -> list[dict[str, str]]:
    with (parent / "replicates.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def pairs(device_label, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("replicates") / "pairs"
    return replicates.run(scenario(), (1, 2), ("crawl",), out=out, device=device_label, preview=False)


def test_each_run_is_an_ordinary_one(pairs, device_label, tmp_path) -> None:
    assert sorted(path.name for path in pairs.iterdir() if path.is_dir()) == FOLDERS
    alone = runner.run(scenario("run.seed=2", "terms.crawl=off", "null=off"), out=tmp_path / "alone",
                       device=device_label, preview=False)  # fmt: skip
    assert compare(alone, pairs / "seed-2-without-crawl").same
    assert not compare(pairs / "seed-1", pairs / "seed-2").same


def test_table_holds_the_measures_of_the_runs(pairs) -> None:
    rows = table(pairs)
    assert [(row["arm"], row["seed"], row["run"], row["status"]) for row in rows] == [
        (arm, seed, name, "complete")
        for (seed, arm), name in zip(
            [(seed, arm) for seed in "12" for arm in ("all terms", "without crawl")], FOLDERS, strict=True
        )
    ]
    for row in rows:
        path = Trajectories.read(pairs / row["run"])
        assert float(row["net_displacement_um"]) == path.net_displacement()
        assert float(row["speed_um_per_h"]) == path.speed_at(12.0)
        growth = path.invaded_radius(12.0) - path.invaded_radius(0.0)
        assert float(row["invaded_radius_growth_um"]) == growth
        assert 10 < float(row["nearest_neighbor_um"]) < 20
    speed = {(row["arm"], row["seed"]): float(row["speed_um_per_h"]) for row in rows}
    gaps = [speed["all terms", seed] - speed["without crawl", seed] for seed in "12"]
    said = (pairs / "summary.txt").read_text()
    assert min(gaps) > 0 and "speed over 12 min (median over cells), um/h" in said
    (line,) = [line for line in said.split("speed over")[1].split("\n\n")[0].splitlines() if "minus" in line]
    assert float(line.split()[5]) == pytest.approx(np.mean(gaps), rel=1e-3)
    assert "null arm  left out; --null runs it, too" in said


def test_pairs_start_alike(pairs) -> None:
    first = [Trajectories.read(pairs / name).position[0] for name in FOLDERS]
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[2], first[3])
    assert np.abs(first[0] - first[2]).max() > 1


def test_interrupted_replicates_go_on(pairs, device_label, tmp_path, monkeypatch, capsys) -> None:
    """Ctrl-C in the third run, of which two frames are there; the fourth was killed before it wrote anything."""
    parent, real = tmp_path / "cut", runner.Recorder.write

    def cut(self, snapshot):
        real(self, snapshot)
        if self.folder.name == "seed-2" and self.frames == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(runner.Recorder, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        replicates.run(scenario(), (1, 2), ("crawl",), out=parent, device=device_label, preview=False)
    monkeypatch.setattr(runner.Recorder, "write", real)
    assert f"go on with all runs: physim resume {parent}" in capsys.readouterr().out
    (parent / "seed-2-without-crawl" / "frames").mkdir(parents=True)
    before = (parent / "seed-1" / "run.json").read_bytes()
    command = [sys.executable, "-m", "physim", "resume", str(parent), "--device", device_label]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "run 3 of 4: seed 2, all terms\nresuming" in said.stdout and "run 2 of 4" not in said.stdout
    assert (parent / "replicates.csv").read_bytes() == (pairs / "replicates.csv").read_bytes()
    assert (parent / "seed-1" / "run.json").read_bytes() == before
    for name in FOLDERS:
        assert compare(parent / name, pairs / name).same, name


def test_collagen_follows_the_seed_unless_it_was_fixed() -> None:
    drawn = load("invasion", ["box.size=60 um", "cells.0.count=2"])
    plan = replicates.Plan(drawn, (1, 2))
    one, two = (grown(plan.scenario_of("all terms", seed)).nodes for seed in (1, 2))
    assert one.shape != two.shape or (one != two).any()
    assert plan.scenario_of("all terms", 2) == load("invasion", ["box.size=60 um", "cells.0.count=2", "run.seed=2",
                                                                "null=off"])  # fmt: skip
    fixed = replicates.Plan(drawn.changed(["collagen.seed=1"]), (1, 2))
    assert [fixed.scenario_of("all terms", seed).collagen.seed for seed in (1, 2)] == [1, 1]
    assert [fixed.scenario_of("all terms", seed).run.seed for seed in (1, 2)] == [1, 2]


def test_seed_changes_the_network_of_a_resolved_scenario(tmp_path) -> None:
    """As `physim run RUN/scenario.toml --seed 9` does."""
    path = tmp_path / "scenario.toml"
    path.write_text(load("invasion", ["box.size=60 um", "cells.0.count=2"]).to_toml())
    one, nine = grown(load(path)), grown(load(path, ["run.seed=9"]))
    assert one.nodes.shape != nine.nodes.shape or (one.nodes != nine.nodes).any()
    np.testing.assert_array_equal(grown(load(path, ["run.seed=9", "collagen.seed=1"])).nodes, one.nodes)


@pytest.mark.parametrize(
    "name, term, said",
    [
        ("invasion", "fibers", "--without fibers: cannot be switched off, the step needs it; these can: proteolysis"),
        ("invasion", "solve", "--without solve: cannot be switched off"),
        ("aggregate", "drag", "--without drag: cannot be switched off"),
        ("aggregate", "neighbors", "--without neighbors: cannot be switched off"),
        ("aggregate", "crwl", "--without crwl: the scenario has no such term; did you mean 'crawl'?"),
        ("aggregate", "links", "--without links: the scenario has no such term; there is polarity, contact"),
    ],
)
def test_what_cannot_be_switched_off_is_refused(name, term, said, tmp_path) -> None:
    with pytest.raises(InputError) as error:
        replicates.run(load(name), (1,), (term,), out=tmp_path / "x")
    assert str(error.value).startswith(said) and len(error.value.problems) == 1
    assert not list(tmp_path.iterdir())


GUIDED = {"attractant": {}, "chemotaxis": {}, "contact_inhibition": {}, "polarity": {}}


def test_terms_that_others_need(device_label, tmp_path) -> None:
    """Such a term cannot go alone, and does not keep the others from it."""
    table = load("doublet", ["run.duration=2 min", "null=off"]).to_table()
    guided = Scenario.from_table(table | {"terms": table["terms"] | GUIDED})
    with pytest.raises(InputError, match=r"^--without attractant: terms\.chemotaxis: needs attractant"):
        replicates.run(guided, (1,), ("attractant",), out=tmp_path / "x")
    pair = replicates.run(guided, (1,), ("contact_inhibition",), out=tmp_path / "pair", device=device_label,
                          preview=False)  # fmt: skip
    assert not compare(pair / "seed-1", pair / "seed-1-without-contact_inhibition").same


def test_command_runs_a_pair_and_its_null_arm(device_label, tmp_path) -> None:
    words = ["run", "doublet", "--set", "run.duration=2 min", "--without", "junction", "--null", "--out", "pair"]
    said = subprocess.run([sys.executable, "-m", "physim", *words, "--device", device_label], cwd=tmp_path,
                          capture_output=True, text=True)  # fmt: skip
    assert said.returncode == 0, said.stderr
    rows = table(tmp_path / "pair")
    assert [row["arm"] for row in rows] == ["all terms", "null arm", "without junction"]
    moved = [float(row["net_displacement_um"]) for row in rows]
    assert moved[0] > 0.01 and moved[1] == moved[2] == 0.0
    assert "No intervals: they take at least two seeds per arm." in said.stdout
    both = inside("run", "doublet", "--seeds", "1..2", "--seed", "1")
    assert both.returncode == 2 and both.stderr == "error: --seed 1: cannot go with --seeds 1..2; leave one out\n"


def test_runs_that_stop_are_left_out_and_told(pairs, device_label, tmp_path, monkeypatch) -> None:
    parent = Path(shutil.copytree(pairs, tmp_path / "pairs"))
    for name in FOLDERS[1:3]:
        shutil.rmtree(parent / name)
    monkeypatch.setattr(arm.Arm, "advance", _crushed)
    with pytest.raises(PhysicsError) as error:
        replicates.resume(parent, device=device_label, preview=False)
    assert str(error.value).splitlines() == [
        "seed 1, without crawl: the cells are crushed; use fewer (not in the table)",
        "seed 2, all terms: the cells are crushed; use fewer (not in the table)",
    ]
    statuses = [row["status"] for row in table(parent)]
    assert statuses == ["complete", *2 * ["stopped: the cells are crushed; use fewer"], "complete"]
    said = (parent / "summary.txt").read_text()
    assert "stopped   seed 2, all terms: the cells are crushed\n" in said and "No intervals" in said
    assert "minus" not in said, "no seed has both arms"


def _crushed(self) -> None:
    raise PhysicsError("the cells are crushed; use fewer")


def test_folder_of_replicates_is_checked(pairs, tmp_path, monkeypatch) -> None:
    parent = tmp_path / "broken"
    parent.mkdir()
    (parent / replicates.PLAN).write_text(json.dumps({"seeds": "many"}))
    with pytest.raises(InputError, match=r"replicates\.json: cannot be read; give a folder that 'physim run --seeds'"):
        replicates.resume(parent)
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda folder: type("", (), {"free": 200_000}))
    with pytest.raises(InputError, match=r"few: about .* are needed and 200 kB are free"):
        replicates.run(scenario(), range(1, 9), out=tmp_path / "few")
    assert not (tmp_path / "few").exists()
