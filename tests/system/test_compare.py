"""Where two runs part: by seed, by one bit in a checkpoint or a table, not at all after a resume."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reference import runs
from reference.commands import inside
from reference.scenes import HELD

from physim import checkpoint, runner
from physim.compare import compare
from physim.errors import InputError
from physim.scenario import load

SMALL = ["box.size=60 um", "cells.0.count=4", "record.interval=1 min", "run.duration=3 min", "null=off",
         *HELD]  # fmt: skip


def made(folder: Path, device: str, *changes: str) -> Path:
    return runner.run(load("invasion", [*SMALL, *changes]), out=folder, device=device, preview=False)


@pytest.fixture(scope="module")
def whole(device_label, tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("compare") / "whole", device_label)


@pytest.fixture
def changed(whole, tmp_path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def test_run_is_the_same_as_itself_and_as_its_resumed_copy(whole, device_label, tmp_path, monkeypatch) -> None:
    assert compare(whole, whole).same

    real = runner.Recorder.write

    def cut(self, snapshot):
        real(self, snapshot)
        if self.folder.name == "cut" and self.frames == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(runner.Recorder, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "cut", device_label)
    monkeypatch.setattr(runner.Recorder, "write", real)
    report = compare(whole, tmp_path / "cut")
    assert not report.same and not report.differing
    assert report.longer == ["A has 2 records more, from 0.0333333 to 0.05 h"]
    assert "the same to the bit as far as both go, but A has 2 records more" in report.text
    runner.resume(tmp_path / "cut", device=device_label, preview=False)
    report = compare(whole, tmp_path / "cut")
    assert report.same and report.text.endswith("\nthe same to the bit")
    assert "records       the same at 4 times" in report.text and "links frames  the same at 4 times" in report.text
    assert "step 30       the same checkpoint" in report.text


def test_seeds_part_at_the_start_in_cells_and_fibers(whole, device_label, tmp_path) -> None:
    report = compare(whole, made(tmp_path / "other", device_label, "run.seed=2"))
    assert report.differing[:3] == ["the scenarios in run.seed", "the fibers", "the records from 0 h on"]
    for words in ("run.seed: 1 | 2", "differ from 0 h on\n", "x_um: 4 of 4 cells, most in cell ", "at the end, 0.05 h"):
        assert words in report.text


def test_one_bit_in_a_checkpoint_is_named(whole, changed) -> None:
    path = changed / "checkpoints" / "step_000000000030.h5"
    saved, notes = checkpoint.read(path)
    rest = saved.arrays["link_rest"].copy()
    cell = int(np.flatnonzero(saved.arrays["id"] == 2)[0])
    rest.view(np.uint32)[5, cell] ^= 1
    checkpoint.write(path, replace(saved, arrays=saved.arrays | {"link_rest": rest}), notes)
    report = compare(whole, changed)
    assert report.differing == ["the checkpoints of step 30"]
    (line,) = [line for line in report.lines if "link_rest" in line]
    a, b = saved.arrays["link_rest"][5, cell], rest[5, cell]
    assert line.startswith(f"step 30       link_rest: 1 of 4 cells, most in cell 2, slot 5: {a} | {b}, a difference")
    assert line.endswith(" um") and a != b and report.lines[-1] == line


def test_one_quantum_of_a_position_is_named_in_um(whole, changed) -> None:
    path = changed / "checkpoints" / "step_000000000030.h5"
    saved, notes = checkpoint.read(path)
    position = saved.arrays["position"].copy()
    position[np.flatnonzero(saved.arrays["id"] == 3)[0], 1] += 1
    checkpoint.write(path, replace(saved, arrays=saved.arrays | {"position": position}), notes)
    text = compare(whole, changed).text
    assert "position: 1 of 4 cells, most in cell 3, y: " in text and f"difference of {60 / 2**31:.3g} um" in text


def test_one_bit_in_the_table_is_named_with_its_time(whole, changed) -> None:
    path = changed / "cells.parquet"
    file = pq.ParquetFile(path)
    groups = [file.read_row_group(k) for k in range(file.num_row_groups)]
    values = groups[1]["velocity_y_um_per_min"].to_numpy().copy()
    values.view(np.uint32)[3] ^= 1
    at = groups[1].schema.get_field_index("velocity_y_um_per_min")
    groups[1] = groups[1].set_column(at, groups[1].schema.field(at), pa.array(values))
    with pq.ParquetWriter(path, groups[0].schema) as writer:
        for group in groups:
            writer.write_table(group)
    report = compare(whole, changed)
    assert report.differing == ["the records from 0.0166667 h on"]
    assert "velocity_y_um_per_min: 1 of 4 cells, most in cell 3: " in report.text


def test_frames_that_differ_are_named(whole, changed) -> None:
    """Frames of another time in place of their own: the table is the same, the frames are not."""
    for kind in ("cells", "links"):
        shutil.copy(changed / "frames" / f"{kind}_000003.vtp", changed / "frames" / f"{kind}_000002.vtp")
    report = compare(changed, whole)
    assert report.differing == ["the cells frames from 0.0333333 h on", "the links frames from 0.0333333 h on"]
    assert "velocity (um/min): 4 of 4 cells, most in cell " in report.text


def test_changed_kernel_of_an_own_term_is_named(whole, changed, tmp_path) -> None:
    """The same scenario, another kernel behind it."""
    other = Path(shutil.copytree(whole, tmp_path / "other"))
    for run, text in ((changed, "one"), (other, "two")):
        (run / "own_terms" / "0").mkdir(parents=True)
        (run / "own_terms" / "0" / "tether.cl").write_text(text)
    assert compare(changed, other).differing == ["the own terms in own_terms/0/tether.cl"]


def test_runs_without_records_are_not_called_the_same(changed) -> None:
    for name in ("cells.parquet", "run.pvd"):
        (changed / name).unlink()
    report = compare(changed, changed)
    assert not report.same and report.unread == ["neither run has a record yet"]


def physim(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "physim", "compare", *map(str, words)], capture_output=True, text=True)


def test_exit_codes_are_those_of_diff(whole, changed, tmp_path) -> None:
    assert physim(whole, changed).returncode == 0
    (changed / "scenario.toml").write_text((changed / "scenario.toml").read_text().replace('"2 nN/um"', '"3 nN/um"'))
    said = inside("compare", str(whole), str(changed))
    assert said.returncode == 1 and "terms.links.stiffness: 2 nN/um | 3 nN/um" in said.stdout
    said = inside("compare", str(whole), str(tmp_path / "nowhere"))
    assert said.returncode == 2 and said.stderr.startswith("error: ") and "has no readable run.json" in said.stderr


def test_damaged_files_are_refused_not_taken_as_equal(whole, changed) -> None:
    path = changed / "checkpoints" / "step_000000000030.h5"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    report = compare(whole, changed)
    assert not report.same and not report.differing and "it is damaged" in report.unread[0]
    (changed / "cells.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match="a file cannot be read"):
        compare(whole, changed)


def test_fibers_that_move_are_compared_frame_by_frame(tmp_path) -> None:
    net = runs.network([[10, 10, 50], [10, 30, 50]], [[90, 10, 50], [90, 30, 50]])
    for name, last in (("a", 2.0), ("b", 2.5)):
        taken = [runs.snapshot(60.0 * k, [[50, 50, 50]], fibers=runs.moved(net, 0.0, [0, last if k == 2 else k]))
                 for k in range(3)]  # fmt: skip
        runs.record(tmp_path / name, taken, fibers=net)
    assert compare(tmp_path / "a", tmp_path / "a").same
    report = compare(tmp_path / "a", tmp_path / "b")
    assert report.differing == ["the fiber frames from 2 h on"]
    assert "tension (nN): 1 of 2 segments, most in segment 1: 2.0 | 2.5, a difference of 0.5" in report.text
