"""A fake experiment of two arms, for tests of the framework: pulls of known strength, and what was run of them."""

from dataclasses import replace

import numpy as np

from physim.experiments import Arm, Ensemble, Experiment, Observable, Size

NETWORKS = tuple(range(1, 9))
RUN: list[tuple[str, int, int]] = []
"""What `pull` was asked for."""


def pull(parameters, network, seed, device):
    """A network's own strength, 10 +- 4, lessened by 1 +- 0.1 in the knock-out."""
    RUN.append((parameters["name"], network, seed))
    noise = np.random.default_rng((network, seed, 7)).standard_normal(2)
    strength = 10 + 4 * np.random.default_rng(network).standard_normal() + 0.1 * noise[0]
    return {"force": strength - parameters["loss"] - 0.1 * noise[1] * parameters["loss"], "curve": [1.0, strength]}


def loss(e: Ensemble) -> float:
    whole, knocked = e.pairs("whole", "knock-out", "force")
    return float((whole - knocked).mean())


def rows(size):
    return [Observable("force", "nN", lambda e: float(e.mean("whole", "force")), "T1", 10.0, (2.0, 18.0), "here"),
            Observable("loss", "nN", loss, "T2", 1.0, (0.5, 1.5), "here", trend=True, no_effect=0.0)]  # fmt: skip


def experiment(**changes) -> Experiment:
    arms = {"whole": Arm({"name": "whole", "loss": 0.0}), "knock-out": Arm({"name": "knock-out", "loss": 1.0})}
    size = Size(arms, NETWORKS, seeds=(1, 2))
    return replace(Experiment("TST-1", "A pull", "nowhere", {"standard": size, "quick": size}, pull, rows,
                              uses_device=False), **changes)  # fmt: skip
