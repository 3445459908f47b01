"""The commands around a run: what it will need, and where two of them part. `physim.cli` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from physim.errors import InputError
from physim.options import DeviceName, Overrides, ScenarioName


def estimate(scenario: ScenarioName, overrides: Overrides = None, device: DeviceName = None) -> None:
    """Say what a run would take of memory, disk and time: builds it, times steps for seconds, keeps nothing."""
    from physim.estimate import report
    from physim.scenario import load
    from physim.simulation import Simulation

    print(report(Simulation(load(scenario, overrides or ()), device=device)))


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN", help="folder of a run, A", show_default=False)],
    run_b: Annotated[Path, typer.Argument(metavar="RUN", help="folder of another, B", show_default=False)],
) -> None:
    """Say where two runs part, finished or not; exit code 0 if they are the same to the bit, 1 if not."""
    from physim.compare import compare as compare_runs

    report = compare_runs(run_a, run_b)
    print(report.text)
    if report.unread and not report.differing:
        raise InputError(*report.unread)
    raise typer.Exit(0 if report.same else 1)
