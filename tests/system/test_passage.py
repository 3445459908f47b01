"""The built-in scenario `passage` in small: a cell that cuts leaves an empty path, integrins along it, and says so."""

from __future__ import annotations

import re

import numpy as np
import pytest

from physim import runner
from physim.analysis import tunnels
from physim.generate.cells import initial_cells
from physim.generate.matrix import initial_network
from physim.scenario import load
from physim.viz.frames import Run, array, line_ends

SMALL = ["box.size=60 um", "run.duration=40 min", "record.interval=8 min", "terms.polarity.persistence=10 h",
         "null=off"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(device_label, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "passage"
    return runner.run(load("passage", SMALL), out=out, device=device_label, preview=False, brief=True)


def test_path_of_the_cell_is_emptied(folder):
    """Beyond where it lay at the start, which was empty, and up to where it is now, which it fills."""
    run, scenario = Run(folder), load("passage", SMALL)
    net = initial_network(scenario, initial_cells(scenario))
    begin, end = run.paths[:2]
    start, path = begin[0], np.concatenate([begin[:1], end])
    path = path[np.linalg.norm(path - start, axis=1) > 12.0]
    assert len(path) >= 2
    first, last = line_ends(run.part("fibers", run.times[-1]))
    there = tunnels.Path(net.box, path).nearest(0.5 * (first + last))[0] < 4.0
    length = np.linalg.norm(last - first, axis=1)[there].sum()
    assert length < 0.5 * tunnels.fiber_near(net, path, 4.0)


def test_integrins_lie_on_fibers_and_the_summary_counts(folder):
    run, said = Run(folder), (folder / "summary.txt").read_text()
    shed = array(run.part("fibers", run.times[-1]), "shed_integrins")
    there = re.search(r"left on fibers by links that let go; ([\d,]+) are there", said)
    assert there and shed.sum() == int(there[1].replace(",", "")) > 0
    cut = re.search(r"([\d.]+) % of the collagen cut by cells", said)
    assert cut and float(cut[1]) > 0
