"""How an experiment judges replicas whose measure is made up."""

from __future__ import annotations

import numpy as np

from physim.experiments.ensemble import Ensemble, rows


def judged(experiment, measure, replica, size: str = "standard", only: str = "") -> dict[str, dict]:
    """Rows by name, or one of them, of a measure that is made up."""
    declared = experiment.sizes[size]
    replicas = [(job, replica(job.arm.parameters, job.network, job.seed, None, measure)) for job in declared.jobs()]
    wanted = [row for row in experiment.observables(declared) if only in ("", row.name)]
    return {row["name"]: row for row in rows(wanted, Ensemble(replicas), size)}


def missed(found: dict[str, dict]) -> list[str]:
    return [name for name, row in found.items() if row["verdict"] == "miss"]


def varied(network: int) -> float:
    """Of a network beside others, +-3 %."""
    return 1.0 + 0.03 * np.sin(10.0 * network)
