"""The few error classes of physim: each names the place, the value and the remedy, and carries its exit code."""

from __future__ import annotations


class PhysimError(Exception):
    """Base of all errors that the command line prints as one line, without a traceback."""

    exit_code = 3


class InputError(PhysimError, ValueError):
    """The user's input is wrong: one problem or several, each one line of place, value and remedy. Exit code 2."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class DeviceError(PhysimError, RuntimeError):
    """No usable OpenCL device, a kernel that does not build, or too little memory. Exit code 2."""

    exit_code = 2


class DeviceFailureError(DeviceError):
    """The device failed in the middle of a run; what was recorded is whole. Exit code 3."""

    exit_code = 3


class StuckDeviceError(DeviceFailureError):
    """The device does not answer; the process cannot wait for it, not even at its end. Exit code 3."""


class StepOrderError(PhysimError, ValueError):
    """A term uses an array that nothing before it in the step has written. Exit code 2."""

    exit_code = 2


class PhysicsError(PhysimError, ArithmeticError):
    """The run stopped for a physical or numerical reason; the last good frame is kept. Exit code 3."""

    exit_code = 3
