"""`physim experiment` from outside: the list, a smoke run, what is refused, and what an interruption leaves."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from reference.commands import environment, inside, physim

from physim.experiments import EXPERIMENTS


def test_list_says_what_each_size_takes(tmp_path):
    said = physim("experiment", cwd=tmp_path)
    assert said.returncode == 0 and said.stderr == ""
    for name, experiment in EXPERIMENTS.items():
        assert f"{name}: {experiment.title}\n" in said.stdout
    assert "smoke 4 s, quick " in said.stdout and ", full 2 h" in said.stdout


def test_smoke_of_every_experiment_verifies(tmp_path, monkeypatch):
    """Each in this process; another one then finds what the last has kept."""
    monkeypatch.chdir(tmp_path)
    for name in EXPERIMENTS:
        said = inside("experiment", name.lower(), "--size", "smoke", "--out", "kept", "--json", "r.json")
        assert said.returncode == 0, said.stderr
        result = json.loads((tmp_path / "r.json").read_text())
        assert result == json.loads((tmp_path / "kept" / f"{name}-smoke.json").read_text())
        assert result["id"] == name and result["size"] == "smoke" and result["indicative"] is True
        verdicts = {row["verdict"] for row in result["observables"] if row["tier"] == "V"}
        assert verdicts == {"pass"}
        for word in ("observable", "95 % interval", "published target", "tolerance", "tier", "verdict", " pass"):
            assert word in said.stdout
        kept = sorted(path.name for path in (tmp_path / "kept").glob(f"{name}*"))
        assert kept == [name, f"{name}-smoke.json", f"{name}-smoke.md"]
    again = physim("experiment", name, "--size", "smoke", "--out", "kept", cwd=tmp_path)
    assert f"{len(list((tmp_path / 'kept' / name / 'smoke').glob('*.json')))} of " in again.stdout
    assert "the others run" not in again.stdout


@pytest.mark.parametrize("words, said", [
    (["ECM-11", "--quick"], ["ID: \"ECM-11\" is no experiment", "did you mean ECM-1?"]),
    (["nonsense"], ["ID: \"nonsense\" is no experiment", "there is ECM-1"]),
    (["ECM-1", "--size", "medium"], ["--size \"medium\": is no size", "there is smoke, quick, standard, full"]),
    (["ECM-1", "--size", "smok"], ["did you mean 'smoke'?"]),
    (["ECM-1", "--size", "smoke", "--quick"], ["--size \"smoke\": cannot go with --quick"]),
    (["ECM-1", "--rerun", "--confirm"], ["--confirm: cannot go with --rerun; leave one out"]),
    (["ECM-1", "--size", "full"], ["--size full: ECM-1 takes about 2 h on 2 cores; add --yes to run it"]),
    (["ECM-1", "--size", "smoke", "--out", "file"], ["--out file: cannot be written", "give another folder"]),
    (["ECM-1", "--size", "smoke", "--out", "file/in"], ["--out file/in: cannot be written"]),
    (["ECM-1", "--size", "smoke", "--json", "none/r.json"], ["--json none/r.json: cannot be written"]),
    (["ECM-1", "--size", "smoke", "--json", "."], ["--json .: cannot be written"]),
    (["ECM-1", "--size", "smoke", "--device", "no such"], ["device: 'no such' matches no OpenCL device"]),
])  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_2(tmp_path, monkeypatch, words, said):
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    result = inside("experiment", *words)
    assert result.returncode == 2, (result.stdout, result.stderr)
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and all(part in line for part in said), line
    assert not list(tmp_path.rglob("*.json")), "nothing was run"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_interrupted_run_keeps_whole_replicas_and_goes_on(tmp_path):
    command = [sys.executable, "-m", "physim", "experiment", "ECM-1", "--quick", "--out", "kept"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)  # fmt: skip
    folder = tmp_path / "kept" / "ECM-1" / "quick"
    try:
        limit = time.monotonic() + 60
        while len(list(folder.glob("*.json"))) < 2 and time.monotonic() < limit:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)  # as a batch system does; Ctrl-C raises the same
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130 and err.strip().splitlines()[-1] == "interrupted", err
    kept = sorted(folder.glob("*.json"))
    assert f"{len(kept)} new replicas are kept in kept/ECM-1/quick; the same command goes on" in out
    assert 2 <= len(kept) < 21 and all(json.loads(path.read_text())["values"] for path in kept)
    assert not list(folder.glob(".*.tmp")) and not (tmp_path / "kept" / "ECM-1-quick.json").exists()
