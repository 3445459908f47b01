"""Malformed surfaces and networks of vessels: refused in one line, or repaired and counted; soon, in little memory.

The cases are data (`reference/malformed_vessels.py`). Some run in this process; the campaign runs each in its own,
which has ten seconds of processor time and 2 GB of address space.
"""

from __future__ import annotations

import pytest
from reference.commands import inside
from reference.malformed_vessels import CASES, Case
from system.test_hostile_input import answer, given

MEMORY = 2_000_000_000


def check(case: Case, folder, code, out, err):
    assert "Traceback" not in out + err
    if case.repaired:
        assert code == 0, err
        assert all(word in out for word in case.said) and "watertight" in out, out
        return
    assert code == 2, (code, out, err)
    lines = err.splitlines()
    assert out == "" and len(lines) <= 4 and all(line.startswith("error: ") and len(line) < 500 for line in lines), err
    assert any(all(word in line for word in case.said) for line in lines), err
    assert not [path for path in folder.iterdir() if path.is_dir()]


@pytest.mark.parametrize("case", [c for c in CASES if c.default], ids=lambda case: case.name)
def test_malformed_vessels_are_refused_or_repaired(case, tmp_path, monkeypatch):
    monkeypatch.setattr("physim.viz.vessels.render", lambda folder: "no picture")
    monkeypatch.chdir(tmp_path)
    given(case, tmp_path)
    done = inside(*case.arguments)
    check(case, tmp_path, done.returncode, done.stdout, done.stderr)


@pytest.mark.faults
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_all_malformed_vessels_within_ten_seconds_and_two_gigabytes(case, tmp_path):
    given(case, tmp_path)
    code, out, err, peak = answer(case, tmp_path)
    check(case, tmp_path, code, out, err)
    assert peak < MEMORY


def test_the_campaign_is_as_long_as_promised_and_its_names_are_unique():
    assert len(CASES) >= 60 and sum(case.default for case in CASES) >= 15
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.said for case in CASES)
