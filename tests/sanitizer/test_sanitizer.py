"""Every kernel under Oclgrind: no access out of bounds, no race, no uninitialised value, at sizes around a work-group.

The scenes hold every term of `terms.STEP`, so that a new term is covered without an entry here; a kernel that has
nothing to do in them fails `test_every_kernel_worked`, and then `inside.BUSY` or the scene needs a line.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest
from sanitizer import oclgrind
from sanitizer.oclgrind import Report

from physim.codegen import own_kernels
from physim.terms import STEP

pytestmark = pytest.mark.sanitizer

LANES = (8, 1)
LARGE = 600
"""Cells: more than two chunks, and on "GPU" lanes more than one turn of the stride loop."""
SIZES = (LARGE, 0, 1, 63, 64, 65)
SCENES = {
    (size, lanes): (
        str(size),
        # as many segments as cells, in fibers of at most 7; with the other lanes, as many nodes (but no lone one)
        str(size + -(-size // 7) if lanes == 8 else max(size, 2) if size else 0),
        *(("1", "17") if size == LARGE else ("2",)),  # fewer neighbours where it takes long
    )
    for size, lanes in product(SIZES, LANES)
}
OTHERS = {
    "without fibers": ("65", "0", "2"),
    "without cells": ("0", "65", "6"),  # where nothing is in the way of repair
    "crowded": ("65", "72", "1", "7"),
    "not finite": ("65", "72", "1", "14", "drift_previous"),
}

Reports = dict[tuple[int | str, int], Future[Report]]


@pytest.fixture(scope="session")
def reports() -> Iterator[Reports]:
    """All runs of scenes and primitives by name and lanes, two at a time, the long ones first."""
    with ThreadPoolExecutor(2) as pool:
        runs: Reports = {key: pool.submit(oclgrind.run, "scene", *scene, lanes=key[1]) for key, scene in SCENES.items()}
        for lanes in LANES:
            for name in ("primitives", "walls"):
                runs[name, lanes] = pool.submit(oclgrind.run, name, lanes=lanes)
            runs["shells", lanes] = pool.submit(oclgrind.run, "shells", "2", lanes=lanes)
            runs["blood", lanes] = pool.submit(oclgrind.run, "blood", lanes=lanes)
            runs["tracers", lanes] = pool.submit(oclgrind.run, "tracers", "65", lanes=lanes)
            for name, scene in OTHERS.items():
                runs[name, lanes] = pool.submit(oclgrind.run, "scene", *scene, lanes=lanes)
        yield runs
        pool.shutdown(cancel_futures=True)


def clean(report: Report) -> bool:
    """True if nothing was found; shows what was."""
    for finding, times in report.findings.items():
        print(f"{times} x {finding}")
    return not report.findings


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("size", SIZES)
def test_steps_with_every_term_are_clean(reports, size, lanes) -> None:
    report = reports[size, lanes].result()
    assert clean(report)
    status = report.result["status"]
    assert report.result["stopped"] == "" and status["step"] == int(SCENES[size, lanes][2])
    assert (status["cells"] == 0) == (size == 0)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", ["without fibers", "without cells"])
def test_steps_without_one_half_of_the_scene_are_clean(reports, name, lanes) -> None:
    report = reports[name, lanes].result()
    assert clean(report) and report.result["stopped"] == ""


@pytest.mark.parametrize("lanes", LANES)
def test_lists_that_outgrow_their_rows_and_full_junction_slots_are_clean(reports, lanes) -> None:
    report = reports["crowded", lanes].result()
    assert clean(report)
    assert report.result["grown"], "the lists did not outgrow their rows"
    assert "junction slot" in report.result["stopped"]


@pytest.mark.parametrize("lanes", LANES)
def test_a_step_that_halts_for_a_nan_is_clean(reports, lanes) -> None:
    report = reports["not finite", lanes].result()
    assert clean(report)
    assert "not finite" in report.result["stopped"] and "run_advance" in report.worked


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", ["shells", "blood"])
def test_cells_with_a_shape_and_in_blood_are_clean(reports, name, lanes) -> None:
    report = reports[name, lanes].result()
    assert clean(report) and report.result["untouched"] == []
    assert "junction slot" in report.result.get("stopped", "junction slot")


@pytest.mark.parametrize("lanes", LANES)
def test_tracers_are_clean(reports, lanes) -> None:
    report = reports["tracers", lanes].result()
    assert clean(report) and report.result == {"ports": [-1, 1], "moving": True}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", ["primitives", "walls"])
def test_what_stands_outside_of_steps_is_clean(reports, name, lanes) -> None:
    assert clean(reports[name, lanes].result())


@pytest.mark.parametrize("lanes", LANES)
def test_every_kernel_worked(reports, lanes) -> None:
    """Each kernel of each term and each primitive wrote to global memory; each array that one writes got a value."""
    sources = [path.read_text() for path in files("physim.kernels").iterdir() if path.name.endswith(".cl")]
    kernels = {name for text in sources for name in re.findall(r"__kernel void (\w+)", text)}
    kernels |= {f"run_{kernel.name}" for term in STEP for kernel in own_kernels(term())}
    assert {"run_contact", "run_steric", "run_check_solve", "chunk_scan", "philox_blocks"} <= kernels
    done = [future.result() for (_, of), future in reports.items() if of == lanes]
    assert kernels - frozenset().union(*(report.worked for report in done)) == set()
    always_zero = set.intersection(*(set(report.result["zero"]) for report in done if "zero" in report.result))
    ends = {"sorting", "segment_lysis"}  # as 0
    assert always_zero - ends == set(), "the scene gives these arrays nothing to do"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("clean", set()),
        ("read", {"out of bounds", "uninitialised"}),
        ("write", {"out of bounds"}),
        ("race", {"race"}),
        ("order", {"race", "uninitialised"}),
        ("same_value", {"race"}),
        ("value", {"uninitialised"}),
        ("branch", {"uninitialised"}),
        ("index", {"uninitialised"}),
    ],
)
def test_planted_fault_is_caught(name, kinds) -> None:
    report = oclgrind.run(f"planted_{name}")
    assert {finding.kind for finding in report.findings} == kinds
    assert {finding.kernel for finding in report.findings} <= {f"planted_{name}"}
    assert all(place.startswith("planted.cl:") for finding in report.findings for place in finding.places)


@pytest.mark.parametrize("lanes", LANES)
def test_step_that_reads_what_nothing_wrote_is_caught(lanes) -> None:
    """Without the kernel that opens the balance of forces, the first term that adds to a force reads rubbish."""
    report = oclgrind.run("scene", "1", "2", "1", "14", "", "run_open_balance", lanes=lanes)
    found = {(finding.kind, finding.kernel) for finding in report.findings}
    assert ("uninitialised", "run_drag") in found


def test_own_term_of_a_user_is_checked() -> None:
    """The example of docs/new_term.md: no entry here, its kernel is seen at work, and clean."""
    example = Path(__file__).parents[2] / "docs" / "examples" / "own_term" / "tethered.toml"
    report = oclgrind.run("scenario", str(example), "2")
    assert clean(report) and "run_tether" in report.worked


def test_a_scenario_can_be_checked_from_the_command_line() -> None:
    program = Path(oclgrind.__file__)
    done = subprocess.run([sys.executable, program, "doublet", "1"], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("8 lanes: clean\n1 lanes: clean\n", 0), done.stderr
