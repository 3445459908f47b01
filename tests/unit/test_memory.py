"""What cells take on the device; what does not fit into memory is refused before it is allocated."""

import subprocess
import sys

import numpy as np
import pytest
from reference import scenes

from physim import memory
from physim.errors import InputError
from physim.generate.cells import initial_cells
from physim.generate.matrix import initial_network
from physim.scenario import Scenario
from physim.state import ARRAYS

TABLE = {
    "title": "t", "run": {"duration": 10}, "box": {"size": 120}, "cells": [{"count": 150}],
    "collagen": {"concentration": 2, "bundle_diameter": "0.2 um"},
}  # fmt: skip


def test_cells_and_fibers_that_do_not_fit_are_refused_with_numbers(monkeypatch):
    scenario = Scenario.from_table(TABLE)
    cells = initial_cells(scenario)
    monkeypatch.setattr(memory, "available", lambda: 50_000)
    with pytest.raises(InputError, match=r"cells: 150 cells need about 0\.00 GiB of memory, .* use fewer cells"):
        initial_cells(scenario)
    with pytest.raises(InputError, match=r"collagen: 32,\d{3} segments of fiber need about 0\.04 GiB"):
        initial_network(scenario, cells)
    monkeypatch.setattr(memory, "available", lambda: 0)  # not known: not refused
    assert np.array_equal(initial_cells(scenario)["position"], cells["position"])


def test_the_limit_of_the_process_counts():
    soft = 3 << 30
    script = (
        "import resource; from physim import memory; before = memory.available();"
        f"resource.setrlimit(resource.RLIMIT_AS, ({soft}, resource.RLIM_INFINITY)); print(before, memory.available())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    before, after = map(int, done.stdout.split())
    assert 0 < after < soft and after <= before


def test_a_control_group_counts(monkeypatch):
    """The limit of a container, less what it uses, but for caches that are given back."""
    files = {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "5000\n",
             "/sys/fs/cgroup/memory.current": "3000\n", "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 500\n",
             "/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:     7 kB\n"}  # fmt: skip

    def read(self, *arguments):
        if str(self) not in files:
            raise FileNotFoundError(str(self))
        return files[str(self)]

    monkeypatch.setattr(memory.Path, "read_text", read)
    assert memory.available() == 2500
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert memory.available() == 7 * 1024
    files.clear()
    assert memory.available() == 0


PLAIN = {"contact": {}, "friction": {}, "crawl": {}, "polarity": {}, "noise": {}, "steric": {}}
TABLES = {"junction": {}, "links": {"slots": 16}}


@pytest.mark.parametrize(("terms", "most"), [(PLAIN, 512), (PLAIN | TABLES, 1024)], ids=["plain", "tables"])
def test_bytes_per_cell_of_100_000(make_simulation, terms, most):
    """As dense as an aggregate (2,900 um^3 per cell), after steps, since lists grow at the first; all scratch counts.

    Of the fibers only the list of their bins is of any size here: 120 bytes for each cell, which are not the cells'.
    """
    count, spacing, random = 100_000, 14.3, np.random.default_rng(1)
    edge = 47  # cells along an edge of the box
    lattice = np.stack(np.unravel_index(random.permutation(edge**3)[:count], (edge,) * 3), axis=1)
    position = spacing * (lattice + 0.5) + random.uniform(-2, 2, (count, 3))
    size = spacing * edge
    fibers = scenes.network([[10, 10, 10]], [[12, 10, 10]], size)
    sim = make_simulation(scenes.table(terms, size, collagen=True), cells=scenes.cells(position), network=fibers)
    sim.advance(3)
    assert ("junction_partner" in sim.arrays) == ("link_segment" in sim.arrays) == (most == 1024)
    arrays = {name: sim.layout.nbytes(name) for name in sim.arrays}
    of_fibers = sum(n for name, n in arrays.items() if ARRAYS[name].per in ("node", "segment", "segment_bin"))
    cells = sim.memory - of_fibers
    print(f"{cells / count:.0f} bytes per cell, lists of {sim.layout.neighbor_rows} rows")
    assert sum(arrays.values()) < sim.memory, "scratch must be in it"
    assert most / 2 < cells / count <= most
