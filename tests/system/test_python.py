"""The Python API: what is set from Python counts at once, is kept to the bit, and is never silently lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from reference import scenes

from physim import checkpoint, runner
from physim.errors import InputError, PhysicsError
from physim.scenario import Scenario, load
from physim.simulation import Simulation

OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
SMALL = ["cells.0.count=20", "run.duration=30 min", "record.interval=10 min"]


def info(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def test_written_positions_and_radii_are_felt_in_the_next_step(make_simulation) -> None:
    """Neighbour lists know of them: two cells that were far apart are put into contact."""
    sim = make_simulation(scenes.table({"contact": {}}), cells=scenes.cells([[60, 100, 100], [140, 100, 100]]))
    sim.step(3)
    assert not sim.read("force").any()
    sim.write("position", sim.box.to_fixed(np.array([[94.0, 100, 100], [106.0, 100, 100]])))
    sim.step()
    assert np.abs(scenes.by_id(sim, "force")[:, 0]).min() > 10
    near = scenes.cells([[60, 100, 100], [75, 100, 100]], [9, 6])  # 15 um: more than 0.895 x 15, less than 0.895 x 18
    apart = make_simulation(scenes.table({"contact": {}}), cells=near)
    apart.step(2)
    assert not apart.read("force").any()
    apart.write("radius", np.full(2, 9.0))
    apart.step()
    assert np.abs(scenes.by_id(apart, "force")[:, 0]) == pytest.approx(
        20 * (0.895 * 18 - 15) + 15 * (0.84 * 18 - 15) ** 2, rel=1e-4
    )
    with pytest.raises(InputError, match=r"write: radius 20 um; bins are as wide as cells of 9.* um need"):
        apart.write("radius", np.full(2, 20.0))


def test_hooks_are_called_at_their_interval(make_simulation) -> None:
    sim = make_simulation(scenes.table({"contact": {}}), cells=scenes.cells([[60, 100, 100]]))
    called: list[int] = []
    sim.every(0.3, lambda sim: called.append(sim.step_count))
    sim.every(0.5, lambda sim: called.append(-sim.step_count))
    sim.step(4)
    sim.step(7)
    assert called == [3, -5, 6, 9, -10]
    with pytest.raises(InputError, match=r"every: 0\.25 min is no multiple of run\.step 0\.1 min"):
        sim.every(0.25, print)


def test_copy_is_independent_and_takes_only_what_it_can(device_label) -> None:
    sim = Simulation("aggregate", ["cells.0.count=20"], device=device_label)
    sim.step(30)
    same, other = sim.copy(), sim.copy(["terms.crawl.force=0 nN", "run.seed=7"])
    for each in (sim, same, other):
        each.step(20)
    assert same.state_hash() == sim.state_hash() != other.state_hash()
    assert same.time == sim.time == pytest.approx(5.0)
    for change, said in (
        ("run.step=0.05 min", "nor run.step change"),
        ("terms.crawl=off", "terms cannot come or go"),
        ("cells.0.radius=6 um", "cells cannot change"),
        ("box.boundary=wall", "box cannot change"),
    ):
        with pytest.raises(InputError, match=f"copy: .*{said}"):
            sim.copy([change])


def test_state_of_a_step_that_could_not_go_on_is_refused(make_simulation) -> None:
    """And nothing waits for ever."""
    sim = make_simulation(scenes.table({"crawl": {}}), cells=scenes.cells([[100, 100, 100], [110, 100, 100]]))
    sim.write("polarity", np.array([[np.nan, 0, 0, 0], [1, 0, 0, 0]]))
    for _ in range(2):
        with pytest.raises(PhysicsError, match="not finite"):
            sim.step(3)
    with pytest.raises(InputError, match="saved state: it is of the middle of a step"):
        sim.copy()


def test_run_with_hooks_is_not_resumed_without_them(device_label, tmp_path) -> None:
    sim = Simulation("aggregate", SMALL, device=device_label)

    def stop(sim: Simulation) -> None:
        raise KeyboardInterrupt

    sim.every(25, stop)
    with pytest.raises(KeyboardInterrupt):
        sim.run(tmp_path / "r")
    assert info(tmp_path / "r")["hooks"] == 1
    with pytest.raises(InputError, match="Python functions took part in this run; go on from Python"):
        runner.resume(tmp_path / "r", device=device_label)
    saved, _ = checkpoint.newest(tmp_path / "r" / "checkpoints")
    again = Simulation(load(tmp_path / "r" / "scenario.toml"), device=device_label, saved=saved)
    assert again.time == pytest.approx(25)


def test_null_arm_is_left_out_where_python_set_the_start(device_label, tmp_path) -> None:
    scenario = load("aggregate", SMALL)
    from physim.generate.cells import initial_cells

    cells = initial_cells(scenario)
    cells["position"] = cells["position"] + 20.0
    folder = Simulation(scenario, cells=cells, device=device_label).run(tmp_path / "r")
    assert not (folder / "null.parquet").exists()
    assert info(folder)["by_hand"] == ["cells"]
    assert "left out: the run was set up from Python" in (folder / "summary.txt").read_text()
    assert (Simulation(scenario, device=device_label).run(tmp_path / "plain") / "null.parquet").exists()


def test_run_folder_has_the_files_that_it_needs(device_label, tmp_path) -> None:
    """Positions and fibers move away, or change: the run is resumed, and its null arm starts, from what there was."""
    (tmp_path / "cells.csv").write_text("x,y,z\n30,40,40\n50,40,40\n")
    (tmp_path / "fibers.csv").write_text("fiber,x,y,z\n1,5,52,40\n1,75,52,40\n")
    (tmp_path / "s.toml").write_text(
        'title = "own files"\n[run]\nduration = "3 min"\n[box]\nsize = 80\n'
        '[[cells]]\nplace = "file"\nfile = "cells.csv"\n'
        '[collagen]\nfile = "fibers.csv"\nbundle_diameter = 0.2\n[terms.contact]\n[terms.steric]\n[terms.links]\n'
        '[terms.polarity]\n[record]\ninterval = "1 min"\n[null]\n"terms.links.focus" = 0.0\n'
    )
    scenario = load(tmp_path / "s.toml")
    whole = runner.run(scenario, out=tmp_path / "whole", device=device_label, preview=False)
    sim = Simulation(scenario, device=device_label)
    kept, _ = runner.self_contained(scenario)
    assert kept.cells[0].file == "inputs/cells-0/cells.csv" and kept.collagen.file == "inputs/collagen/fibers.csv"
    sim.every(1.5, lambda sim: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        sim.run(tmp_path / "cut")
    table = info(tmp_path / "cut") | {"hooks": 0}  # the hook only stood for Ctrl-C
    (tmp_path / "cut" / "run.json").write_text(json.dumps(table))
    (tmp_path / "cells.csv").write_text("x,y,z\n20,40,40\n60,40,40\n")
    (tmp_path / "fibers.csv").unlink()
    resumed = runner.resume(tmp_path / "cut", device=device_label, preview=False)
    for name in ("cells.parquet", "null.parquet", "fibers.vtp"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes(), name


def test_buds_that_are_not_finite_stop_the_run(make_simulation) -> None:
    table = {**scenes.table({"budding": {"period": 1000}}), "own_terms": [OWN]}
    sim = make_simulation(table, cells=scenes.cells([[100, 100, 100], [130, 100, 100]]))
    sim.write("bud", np.array([[np.nan, 0, 0, 1], [0, 0, 0, 0]], np.float32))
    with pytest.raises(PhysicsError, match="bud, is not finite"):
        sim.step()


def test_iterations_that_one_hard_step_took_are_not_kept_for_ever(make_simulation) -> None:
    touching = scenes.cells([[90, 100, 100], [103, 100, 100]])
    sim = make_simulation(scenes.table({"contact": {}, "friction": {}}), cells=touching)
    sim.loop.iterations[:] = 512
    for step in range(1, 40):
        sim.advance(step)
    assert sim.loop.iterations[0] < 16


def start(*words: str, folder: Path, device: str, ignoring: bool = False) -> subprocess.Popen:
    command = [sys.executable, "-m", "physim", *words, "--no-preview", "--device", device]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN if ignoring else signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to answer")
def test_batch_systems_may_terminate_a_run_that_ignores_ctrl_c(device_label, tmp_path) -> None:
    """As of every job of a script: SIGINT is ignored, SIGTERM must do."""
    run = start("run", "aggregate", "--set", "cells.0.count=50", "--set", "run.duration=1000 h", "--out", "r",
                folder=tmp_path, device=device_label, ignoring=True)  # fmt: skip
    while not list((tmp_path / "r").glob("checkpoints/step_*.h5")):
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
    run.terminate()
    said, errors = run.communicate(timeout=20)
    assert (run.returncode, errors) == (130, "interrupted\n")
    assert info(tmp_path / "r")["status"] == "interrupted" and "physim resume r" in said


def test_reader_that_goes_does_not_end_the_run(device_label, tmp_path) -> None:
    run = start("run", "doublet", "--set", "run.duration=2 min", "--set", "record.interval=1 min", "--out", "r",
                folder=tmp_path, device=device_label)  # fmt: skip
    assert run.stdout is not None
    run.stdout.readline()
    run.stdout.close()
    assert run.wait(timeout=60) == 0
    assert info(tmp_path / "r")["status"] == "complete"


def test_scenario_can_be_a_table(device_label) -> None:
    sim = Simulation(Scenario.from_table(scenes.table({"contact": {}})), device=device_label)
    assert sim.cells["position"].shape == (1, 3)
