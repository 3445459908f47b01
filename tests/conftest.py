"""Shared by all tests: one kernel cache per session, and every real OpenCL device found (never a simulated one)."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("PHYSIM_CACHE", tempfile.mkdtemp(prefix="physim-test-kernels-"))

import pytest

from physim.device import Device, find_devices

DEVICES = {found.label: found for found in find_devices()[0] if found.usable}


@pytest.fixture(params=list(DEVICES), scope="session")
def device_label(request: pytest.FixtureRequest) -> str:
    """Name of a device, for `Simulation(..., device=...)`."""
    return request.param


@pytest.fixture(scope="session")
def device(device_label: str) -> Device:
    """An opened device."""
    return Device(DEVICES[device_label])
