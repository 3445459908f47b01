"""The commands around a run: what it will need, and where two of them part. `physim.cli` registers them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from physim.errors import InputError
from physim.options import DeviceName, Overrides, ScenarioName

if TYPE_CHECKING:
    from physim.scenario import Scenario


def estimate(scenario: ScenarioName, overrides: Overrides = None, device: DeviceName = None) -> None:
    """Say what a run would take of memory, disk and time: builds it, times steps for seconds, keeps nothing."""
    from physim.estimate import report
    from physim.scenario import load
    from physim.simulation import Simulation

    print(report(Simulation(load(scenario, overrides or ()), device=device)))


def replicate(scenario: Scenario, seeds: str | None, without: Sequence[str], seed: int | None,
              **options: Any) -> Path:  # fmt: skip
    """`physim run` with --seeds or --without."""
    from physim import replicates

    if seeds is not None and seed is not None:
        raise InputError(f"--seed {seed}: cannot go with --seeds {seeds}; leave one out")
    numbers = replicates.parse_seeds(seeds) if seeds is not None else (scenario.run.seed,)
    return replicates.run(scenario, numbers, without, **options)


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
