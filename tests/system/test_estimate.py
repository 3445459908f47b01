"""What a run will need, against what it then takes; too small a disk is refused before anything is written."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from reference.scenes import HELD

from physim import estimate, runner
from physim.errors import InputError
from physim.scenario import load
from physim.simulation import Simulation

INVASION = ["invasion", "box.size=70 um", "cells.0.count=10", "record.interval=1 min", "run.duration=20 min",
            "terms.links.binding_rate=5 1/min", *HELD]  # fmt: skip
AGGREGATE = ["aggregate", "cells.0.count=600", "record.interval=1 min", "run.duration=8 min"]
DOUBLET = ["doublet", "run.duration=2 min"]


@pytest.mark.parametrize("words", [INVASION, AGGREGATE, [*DOUBLET, "run.duration=30 min"]])
def test_disk_is_estimated_within_20_percent(words, device_label, tmp_path) -> None:
    scenario = load(words[0], words[1:])
    found = estimate.disk(Simulation(scenario, device=device_label))
    folder = runner.run(scenario, out=tmp_path / "run", device=device_label, preview=False)
    size = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert found is not None
    assert found.frames == len(list(folder.glob("frames/cells_*.vtp")))
    assert found.total == pytest.approx(sum(size.values()), rel=0.2)
    frames = [size[path] for path in size if path.parent.name == "frames" or path.suffix in (".parquet", ".pvd")]
    assert found.per_frame == pytest.approx(sum(frames) / found.frames, rel=0.2)
    (one, *_) = (size[path] for path in size if path.suffix == ".h5")
    assert found.checkpoint == pytest.approx(one, rel=0.2)


def test_report_says_memory_and_time_and_the_null_arm(device_label) -> None:
    sim = Simulation(load(*DOUBLET[:1], DOUBLET[1:]), device=device_label)
    text = estimate.report(sim)
    assert f"memory    {estimate.megabytes(sum(sim.device.allocated.values()))} on the device" in text
    assert "cells     2\n" in text and "fibers    none" in text and ": 3 frames of " in text
    assert ": 20 steps of " in text and ", and the null arm as many" in text
    assert sim.step_count == 20, "timed up to the end of the run and no further"


def test_expected_time_counts_both_arms(monkeypatch, device_label) -> None:
    monkeypatch.setattr(estimate, "time_steps", lambda sim: estimate.Cost(100, 0.5))
    monkeypatch.setattr(estimate, "disk", lambda sim: None)
    scenario = load("doublet", ["run.duration=10 min"])
    assert "about 100 s: 100 steps of 500 ms" in estimate.report(Simulation(scenario, device=device_label))
    alone = Simulation(scenario.changed(["null=off"]), device=device_label)
    assert "about 50 s: 100 steps of 500 ms\n" in estimate.report(alone)


def test_disk_without_room_is_refused_before_anything_is_written(device_label, tmp_path, monkeypatch, capsys) -> None:
    scenario = load(DOUBLET[0], [*DOUBLET[1:], "null=off"])
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda folder: SimpleNamespace(free=30_000))
    with pytest.raises(InputError, match=r"run: about \d+ kB are needed and 30 kB are free; free some, .*--force"):
        runner.run(scenario, out=tmp_path / "small" / "run", device=device_label, preview=False)
    assert not list(tmp_path.iterdir())
    folder = runner.run(scenario, out=tmp_path / "run", device=device_label, preview=False, force=True)
    assert (folder / "cells.parquet").exists()
    assert f"writing {folder}: 3 frames, about " in capsys.readouterr().out


def test_estimate_that_cannot_be_made_stops_no_run(device_label, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(estimate.tempfile, "TemporaryDirectory", _no_folder)
    scenario = load(DOUBLET[0], [*DOUBLET[1:], "null=off"])
    runner.run(scenario, out=tmp_path / "run", device=device_label, preview=False)
    assert "size not known, no temporary folder can be written" in capsys.readouterr().out


def _no_folder(**_):
    raise FileNotFoundError(2, "No usable temporary directory found")


def test_command_leaves_nothing_behind(device_label, tmp_path) -> None:
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    work.mkdir(), scratch.mkdir()
    command = [sys.executable, "-m", "physim", "estimate", "doublet", "--set", "run.duration=2 min"]
    said = subprocess.run([*command, "--device", device_label], cwd=work, capture_output=True, text=True,
                          env=os.environ | {"TMPDIR": str(scratch)})  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "These are estimates" in said.stdout
    assert not [*work.iterdir(), *scratch.iterdir()]
