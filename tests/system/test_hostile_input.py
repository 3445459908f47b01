"""Hostile input ends with exit code 2 and a line of place, value and remedy: soon, in little memory, no traceback.

The cases are data (`hostile.py`). A process that hangs or computes for more than ten seconds is killed and fails.
"""

import os
import subprocess
import sys
import time

import pytest
from reference.commands import environment
from system.hostile import CASES, Case

SECONDS = 10
"""Of processor time; as much again and more may pass on a busy machine."""
MEMORY = 2_000_000_000
"""Bytes resident, of the command and of what it starts."""


def given(case, folder):
    for name, content in case.files.items():
        if callable(content):
            content(folder / name)
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def answer(case, folder):
    """Exit code (negative: killed), stdout, stderr and peak resident bytes of the command."""
    limits = f'ulimit -t {SECONDS}; ulimit -v {case.memory // 1024}; ulimit -c 0; exec "$@"'
    command = ["sh", "-c", limits, "sh", sys.executable, "-m", "physim", *case.arguments]
    with (folder / ".out").open("w+b") as out, (folder / ".err").open("w+b") as err:
        reading, writing = os.pipe()  # a standard input that never says anything
        process = subprocess.Popen(command, cwd=folder, stdin=reading, stdout=out, stderr=err, env=environment())
        deadline = time.monotonic() + 6 * SECONDS
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.02)
        os.close(reading)
        os.close(writing)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        out.seek(0)
        err.seek(0)
        scale = 1 if sys.platform == "darwin" else 1024
        return process.returncode, out.read().decode(), err.read().decode(), ended[2].ru_maxrss * scale


def check(case: Case, folder):
    given(case, folder)
    code, out, err, peak = answer(case, folder)
    assert code == 2, (code, out, err)
    assert "Traceback" not in out + err
    lines = err.splitlines()
    assert any(all(word in line for word in case.said) for line in lines), err
    assert all(len(line) < 700 for line in lines), err
    if case.usage:
        assert lines[0].startswith("Usage: ")
    else:
        assert out in ("", "Hostile\n") and all(line.startswith("error: ") for line in lines), (out, err)
        assert len(lines) <= 51
    assert peak < MEMORY, peak


@pytest.mark.parametrize("case", [c for c in CASES if c.default], ids=lambda case: case.name)
def test_hostile_input_is_refused_with_one_clear_line(case, tmp_path):
    check(case, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("case", [c for c in CASES if not c.default], ids=lambda case: case.name)
def test_more_hostile_input_is_refused_with_one_clear_line(case, tmp_path):
    check(case, tmp_path)


def test_the_campaign_is_as_long_as_promised_and_its_names_are_unique():
    assert len(CASES) >= 60 and sum(case.default for case in CASES) >= 15
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(len(case.said) >= 2 for case in CASES)


def test_a_scenario_without_a_fault_is_not_refused(tmp_path):
    """The campaign's own scenario is fine: what is refused is refused for the fault alone."""
    case = Case("none", ("validate", "s.toml"), (), {"s.toml": next(c for c in CASES if c.default).files["s.toml"]})
    given(case, tmp_path)
    code, out, err, _ = answer(case, tmp_path)
    assert (code, err) == (0, "") and out.startswith("valid: Hostile")
