"""Reading what Oclgrind writes: every entry is a finding, of the right kind, kernel and line."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import pytest
from sanitizer.oclgrind import Finding, parse_counts, parse_log, run

from physim.terms import STEP

OUT_OF_BOUNDS = """
Invalid write of size 4 at global memory address 0x3000000000020
\tKernel: run_drag
\tEntity: Global(7,0,0) Local(3,0,0) Group(1,0,0)
\t  store i32 %2, i32 addrspace(1)* %there, align 4, !dbg !32
\tAt line 16 (column 14) of kernels/drag.cl:
\t  resistance[i] += term->coefficient;
\t
"""
RACE = """
Read-write data race at global memory address 0x2f000000000004
\tKernel: run_cover
\t
\tFirst entity:  Global(66,0,0) Local(2,0,0) Group(1,0,0)
\t  %1 = load i32, i32 addrspace(1)* %halt, align 4, !dbg !113
\tAt line 12 (column 15) of generated kernels:
\t  return 0;
\t
\tSecond entity: Global(64,0,0) Local(0,0,0) Group(1,0,0)
\t  %call = call spir_func i32 @set(i32 addrspace(1)* noundef %halt, i32 noundef 3) #8, !dbg !111
\tAt line 62 (column 31) of kernels/junction.cl:
\t  }
\t
"""
UNINITIALISED = """
Controlflow depends on uninitialized value
\tKernel: compact
\tEntity: Global(0,0,0) Local(0,0,0) Group(0,0,0)
\t  br i1 %keep, label %yes, label %no
\tDebugging information not available.
\t
"""


def test_kind_kernel_and_line_of_each_entry() -> None:
    assert parse_log(OUT_OF_BOUNDS + RACE + UNINITIALISED) == [
        Finding("out of bounds", "run_drag", "Invalid write of size 4 at global memory address 0x..",
                ("kernels/drag.cl:16",)),
        Finding("race", "run_cover", "Read-write data race at global memory address 0x..",
                ("generated kernels:12", "kernels/junction.cl:62")),
        Finding("uninitialised", "compact", "Controlflow depends on uninitialized value", ()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Invalid read of size 16 at local memory address 0x0", "out of bounds"),
        ("Unaligned address on load instruction", "out of bounds"),
        ("Write-write data race at global memory address 0x1", "race"),
        ("Uninitialized value written to global memory address 0x1", "uninitialised"),
        ("Uninitialized address used to read from global memory address 0x1", "uninitialised"),
        ("OCLGRIND FATAL ERROR (Uninitialized.cpp:1)", "other"),
        ("Work-group divergence detected (barrier)", "other"),
        ("Oclgrind: 200 errors generated - suppressing further errors", "other"),
        ("words that no version of Oclgrind has said yet", "other"),
    ],
)
def test_nothing_that_the_log_says_is_passed_over(message, kind) -> None:
    assert [finding.kind for finding in parse_log(f"\n{message}\n\tKernel: any\n")] == [kind]
    assert [finding.kind for finding in parse_log(message)] == [kind]


def test_like_entries_differ_in_their_address_only() -> None:
    first, second = parse_log(OUT_OF_BOUNDS + OUT_OF_BOUNDS.replace("0020", "0024"))
    assert first == second


def test_an_empty_log_has_no_findings() -> None:
    assert parse_log("") == parse_log("\n\n") == []


def test_kernels_that_wrote_to_global_memory() -> None:
    counts = """Instructions executed for kernel 'plain':
              65 - br
               4 - load global (16 bytes)
               2 - store global (8 bytes)

Instructions executed for kernel 'returns_at_once':
              65 - ret
              12 - store private (48 bytes)

Instructions executed for kernel 'atomics':
           1,000 - call _Z10atomic_incPU3AS1Vj()

Instructions executed for kernel 'halves':
              18 - call _Z12vstore_half2Dv2_fmPU3AS1Dh()
"""
    assert parse_counts(counts) == {"plain", "atomics", "halves"}


@pytest.mark.parametrize(
    ("writes", "complaint"),
    [
        ("echo '{}'", "not to be trusted"),  # no log at all, as if an option had been renamed
        (': > "$log"', "broke off"),  # a simulator that died, with exit status 0
        ("false", "broke off"),
        ("echo '{}'; printf '\\nInvalid write of size 4\\n\\tKernel: sentinel\\n' > \"$log\"", ""),
    ],
)
def test_a_run_without_result_or_log_is_not_taken_for_clean(tmp_path, monkeypatch, writes, complaint) -> None:
    simulator = tmp_path / "oclgrind"
    simulator.write_text(f'#!/bin/sh\nwhile [ "$1" != --log ]; do shift; done\nlog=$2\n{writes}\n')
    simulator.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    if complaint:
        with pytest.raises(AssertionError, match=complaint):
            run("primitives")
    else:
        assert run("primitives").findings == Counter()


def test_every_kernel_file_is_a_term_of_the_step_or_has_a_run_of_its_own() -> None:
    """So that the sanitizer, which runs these, runs all of them."""
    names = {path.name for path in files("physim.kernels").iterdir() if path.name.endswith(".cl")}
    assert names == {f"{term.name}.cl" for term in STEP} | {"primitives.cl", "tracers.cl", "wall_lists.cl"}
