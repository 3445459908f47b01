"""Runs the program `inside.py` under Oclgrind and reads what Oclgrind wrote; its exit code says nothing.

`python tests/sanitizer/oclgrind.py SCENARIO.toml [STEPS]` checks a scenario of your own, with the terms it names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSIDE = Path(__file__).with_name("inside.py")
OPTIONS = [
    "--data-races",
    "--uniform-writes",  # two work-items that write the same value race all the same
    "--uninitialized",
    "--inst-counts",
    "--num-threads", "1",  # groups in order, so that a run finds the same each time; two runs go side by side
    # Oclgrind 21.10 does not know the `freeze` that the optimiser puts in, and its shadow memory breaks off there;
    # unoptimised code also keeps every read that the source has.
    # It cannot build kernels that fetch ahead either.
    "--build-options", "-cl-opt-disable -D NO_FETCH_AHEAD",
    "--max-errors", "200",
    "--global-mem-size", str(2**31),
]  # fmt: skip
SENTINEL = "sentinel"
"""Kernel with a planted out-of-bounds write that ends every run: a log without it was cut short or never written."""

_KINDS = (
    ("out of bounds", re.compile(r"^Invalid (read|write)|out of bounds|^Unaligned")),
    ("race", re.compile(r"data race")),
    ("uninitialised", re.compile(r"^Uninitialized|uninitialized value")),
)


@dataclass(frozen=True)
class Finding:
    """One entry of the log; `kind` is "out of bounds", "race", "uninitialised", or "other" for all else it says."""

    kind: str
    kernel: str
    message: str
    places: tuple[str, ...]
    """Lines of the source; two for a race."""

    def __str__(self) -> str:
        return f"{self.kind} in {self.kernel or 'no kernel'} ({', '.join(self.places)}): {self.message}"


@dataclass(frozen=True)
class Report:
    """What a run under Oclgrind showed."""

    findings: Counter[Finding]
    """Without the sentinel, which was there."""
    worked: frozenset[str]
    """Kernels that wrote something to global memory."""
    result: dict[str, Any]
    """What `inside.py` reports of the run."""


def parse_log(text: str) -> list[Finding]:
    """Every entry of an Oclgrind log. Nothing is passed over: text of an unknown form is a finding, kind "other"."""
    findings = []
    for entry in re.split(r"\n(?=\S)", "\n" + text):  # an entry's first line is the only one that is not indented
        if not entry.strip():
            continue
        message = entry.strip().splitlines()[0]
        kernel = re.search(r"^\s*Kernel:\s*(\S+)", entry, re.MULTILINE)
        places = re.findall(r"^\s*At line (\d+).* of (.+):$", entry, re.MULTILINE)
        kind = next((name for name, pattern in _KINDS if pattern.search(message)), "other")
        message = re.sub(r"0x[0-9a-fA-F]+", "0x..", message)  # so that like findings are counted as one
        findings.append(
            Finding(kind, kernel[1] if kernel else "", message, tuple(f"{file}:{line}" for line, file in places))
        )
    return findings


def parse_counts(text: str) -> frozenset[str]:
    """Kernels that wrote to global memory, from Oclgrind's counts of instructions."""
    parts = re.split(r"^Instructions executed for kernel '(\w+)':", text, flags=re.MULTILINE)
    writes = re.compile(r"^ *[\d,]+ - (store global|call \w*(atom_|atomic_|vstore))", re.MULTILINE)
    return frozenset(name for name, counts in zip(parts[1::2], parts[2::2], strict=True) if writes.search(counts))


def run(*arguments: str, lanes: int = 8, timeout: float = 1800.0) -> Report:
    """`inside.py` with these arguments under Oclgrind; AssertionError if the run or its log broke off."""
    program = shutil.which("oclgrind")
    assert program, "the sanitizer needs Oclgrind: apt-get install oclgrind"
    with tempfile.TemporaryDirectory(prefix="physim-sanitizer-") as folder:
        log = Path(folder) / "log"
        log.touch()
        environment = os.environ | {
            "PHYSIM_CACHE": folder,
            "SANITIZER_LANES": str(lanes),
            # few work-items at once on "GPU" lanes, so that 600 items are more than one turn of the stride loop
            "PHYSIM_WORKGROUP": "64" if lanes > 1 else "8",
        }
        done = subprocess.run(
            [program, *OPTIONS, "--log", str(log), sys.executable, str(INSIDE), *arguments],
            env=environment, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        findings = parse_log(log.read_text(errors="replace"))
    shown = "\n".join(map(str, findings[:20]))
    last = (done.stdout.splitlines() or [""])[-1]
    assert last.startswith("{"), f"the run broke off: {done.stderr[-2000:]}\n{shown}"
    rest = [finding for finding in findings if finding.kernel != SENTINEL]
    # with too many findings, Oclgrind suppresses the last
    assert len(findings) == len(rest) + 1 or rest, "the log is not to be trusted: the sentinel's fault is not in it"
    return Report(Counter(rest), parse_counts(done.stdout) - {SENTINEL}, json.loads(last))


def main() -> int:
    """Exit status 1 if Oclgrind found something in a scenario's kernels."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    found = {lanes: run("scenario", *sys.argv[1:], lanes=lanes, timeout=86_400).findings for lanes in (8, 1)}
    for lanes, findings in found.items():
        print(f"{lanes} lanes: {'clean' if not findings else ''}")
        for finding, times in findings.items():
            print(f"  {times} x {finding}")
    return int(any(found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
