"""Shared by all tests: one kernel cache and one gel of each kind per session, every real OpenCL device (never a
simulated one).
"""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `physim` does: threads that wait spin, beside those of OpenCL
os.environ.setdefault("PHYSIM_CACHE", tempfile.mkdtemp(prefix="physim-test-kernels-"))

import numpy as np
import pytest

from physim.device import Device, find_devices
from physim.generate import matrix
from physim.generate.fiber_network import FiberNetwork
from physim.scenario import Scenario
from physim.simulation import Simulation

# A shell starts what runs in the background with Ctrl-C ignored, and then no test could interrupt anything.
signal.signal(signal.SIGINT, signal.default_int_handler)
DEVICES = {found.label: found for found in find_devices()[0] if found.usable}


@pytest.fixture(params=list(DEVICES), scope="session")
def device_label(request: pytest.FixtureRequest) -> str:
    """Name of a device, for `Simulation(..., device=...)`."""
    return request.param


@pytest.fixture(scope="session")
def device(device_label: str) -> Device:
    """An opened device."""
    return Device(DEVICES[device_label])


@pytest.fixture(scope="session", autouse=True)
def gels_of_scenarios() -> Iterator[None]:
    """The gel of a scenario is grown once a session for all that ask for the same, who then cannot write to it.

    What `generate_collagen` itself does is tested where it is called by its own name, and by processes of their own.
    """
    grow, made = matrix.generate_collagen, {}

    def once(*where: Any, **how: Any) -> FiberNetwork:
        key = pickle.dumps((where, sorted(how.items())))
        if key not in made:
            made[key] = grow(*where, **how)
            for part in fields(made[key]):
                values = getattr(made[key], part.name)
                if isinstance(values, np.ndarray):
                    values.setflags(write=False)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix, "generate_collagen", once)
        yield


@pytest.fixture
def make_simulation(device_label: str) -> Callable[..., Simulation]:
    """`make_simulation(table, cells=..., network=...)`: a scenario table on the device under test.

    `cells` (as of `generate.cells.initial_cells`) and `network` replace what the scenario would generate;
    `reference.scenes` makes the tables and the cells that most tests need.
    """

    def make(
        table: Mapping[str, Any], *, cells: Any = None, network: Any = None, **options: Any
    ) -> Simulation:
        scenario = Scenario.from_table(table)
        return Simulation(scenario, cells=cells, network=network, device=device_label, **options)

    return make
