"""Ctrl-C during a run: it is answered within 2 s with code 130, and what was recorded before is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from reference.runs import read_vtp
from reference.scenes import HELD
from vtkmodules.util.numpy_support import vtk_to_numpy

ENDLESS = ["run.duration=60 h", "null=off"]
SMALL = ["invasion", "box.size=70 um", "cells.0.count=4", "record.interval=2 min", *HELD]
HEAVY = ["aggregate", "box.size=700 um", "cells.0.count=8000", "record.interval=1 min"]


def ids(data):
    return vtk_to_numpy(data.GetPointData().GetArray("id"))


def listed(folder):
    """Files of run.pvd, which is replaced whole while the run goes on."""
    path = folder / "run.pvd"
    if not path.exists():
        return []
    return [folder / entry.get("file") for entry in ElementTree.parse(path).getroot().iter("DataSet")]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("scenario", [SMALL, HEAVY], ids=["small", "heavy"])
def test_interrupted_run_ends_within_2_s_and_keeps_whole_frames(scenario, device_label, tmp_path):
    name, *changes = scenario
    count = int(changes[1].split("=")[1])
    folder = tmp_path / "stopped"
    options = [word for change in changes + ENDLESS for word in ("--set", change)]
    options += ["--out", str(folder), "--device", device_label]
    run = subprocess.Popen(
        [sys.executable, "-m", "physim", "run", name, *options],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while sum("cells_" in path.name for path in listed(folder)) < 3:
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < deadline, "the run records nothing"
            time.sleep(0.05)
        time.sleep(0.13)  # away from the moment of recording
        signalled = time.monotonic()
        run.send_signal(signal.SIGINT)
        said, errors = run.communicate(timeout=30)
        waited = time.monotonic() - signalled
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130, (said, errors)
    assert waited < 2.0
    assert errors == "interrupted\n"
    assert "complete frames" in said
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    frames = listed(folder)
    cells = [path for path in frames if path.name.startswith("cells_")]
    assert len(cells) >= 3
    for path in cells:
        np.testing.assert_array_equal(np.sort(ids(read_vtp(path))), np.arange(count))
    for path in set(frames) - set(cells):
        read_vtp(path)
    assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]
