"""physim: how cancer cells invade and metastasise together, simulated on OpenCL devices.

    sim = physim.Simulation("invasion")    # a built-in name, a TOML file or a Scenario
    sim.run()                              # into a folder, as `physim run` does

Names are imported when they are first used, so that `import physim` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from physim.batch import Batch
    from physim.errors import DeviceError, InputError, PhysicsError, PhysimError
    from physim.scenario import Scenario, load
    from physim.simulation import Simulation
    from physim.state import Array
    from physim.step import Kernel, Term, parameter

_HOME = {"Batch": "batch", "Simulation": "simulation", "Scenario": "scenario", "load": "scenario",
         "Term": "step", "Kernel": "step", "parameter": "step", "Array": "state",
         "PhysimError": "errors", "InputError": "errors", "DeviceError": "errors",
         "PhysicsError": "errors"}  # fmt: skip
__all__ = ["Array", "Batch", "DeviceError", "InputError", "Kernel", "PhysicsError", "PhysimError", "Scenario",
           "Simulation", "Term", "load", "parameter"]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"physim.{_HOME[name]}"), name)
    raise AttributeError(f"module 'physim' has no attribute '{name}'")
