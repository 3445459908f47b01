"""The step: its order and its kernels' declarations are checked, its results do not depend on how it runs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from reference import scenes

from physim import assembly, codegen, simulation
from physim.device import Device, Found
from physim.errors import DeviceError, PhysicsError, StepOrderError
from physim.step import Kernel, check_order, kernel_source
from physim.terms import REGISTRY, STEP
from physim.terms.cells import Contact, LaboratoryDrag

LAW = {
    "contact": {},
    "friction": {},
    "crawl": {},
    "polarity": {"feedback": 0.1},
    "noise": {"diffusion": 0.05},
}
GIB = 2**30


def crowd(count: int = 300, spacing: float = 11.0) -> dict[str, np.ndarray]:
    """A compressed lattice, slightly disturbed: it pushes itself apart, so that lists are rebuilt."""
    rng = np.random.default_rng(3)
    side = round(count ** (1 / 3) + 0.5)
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    return scenes.cells(60 + spacing * lattice + rng.uniform(-1, 1, (count, 3)), rng.uniform(7, 9, count))


# the order


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (Kernel("early", "cell", reads=("force",)), "kernel early reads 'force' before anything wrote it"),
        (Kernel("early", "cell", adds=("force",)), "kernel early adds to 'force' before anything wrote it"),
        (Kernel("early", "cell", reads=("fource",)), "unknown array 'fource'; name it in `arrays` or physim/state.py"),
    ],
)
def test_order_is_checked(kernel, said) -> None:
    opens = Kernel("opens", "cell", writes=("force",))
    with pytest.raises(StepOrderError, match=said):
        check_order([kernel, opens])
    if kernel.reads != ("fource",):
        check_order([opens, kernel])
    check_order([Kernel("moves", "cell", reads=("position",))])  # what persists needs no writer


def test_wrong_order_of_terms_is_refused(make_simulation, monkeypatch) -> None:
    late_balance = (*(kind for kind in STEP if kind.name != "balance"), REGISTRY["balance"])
    monkeypatch.setattr(assembly, "STEP", late_balance)
    with pytest.raises(StepOrderError, match=r"kernel drag .* before anything wrote it"):
        make_simulation(scenes.table({"contact": {}}))


# declaration and kernel


class MisdeclaredDrag(LaboratoryDrag):
    """Says that its kernel gets an array, which `kernels/drag.cl` does not take."""

    kernels = (Kernel("drag", "cell", reads=("radius",), adds=("resistance",)),)


class MisdeclaredContact(Contact):
    """Says that its kernel only reads the force, to which it adds."""

    kernels = (
        replace(Contact.kernels[0], reads=(*Contact.kernels[0].reads, "force"), adds=("pair_resistance",)),
    )


@pytest.mark.parametrize(("term", "kernel"), [(MisdeclaredDrag(), "drag"), (MisdeclaredContact(), "contact")])
def test_kernel_that_disagrees_with_its_declaration_does_not_build(device, term, kernel) -> None:
    """The compiler's message names the file and the line of the definition."""
    before, after = codegen.source(term)
    lines = kernel_source(f"{term.name}.cl").splitlines()
    line = 1 + next(k for k, text in enumerate(lines) if text.startswith(f"void {kernel}("))
    with pytest.raises(DeviceError, match=rf"kernels/{term.name}\.cl:{line}\b"):
        device.build(before, term.kernel_file(), after)


def test_every_term_builds_as_declared(device) -> None:
    for kind in STEP:
        before, after = codegen.source(kind())
        program = device.build(before, kind.kernel_file(), after)
        assert {f"run_{k.name}" for k in codegen.own_kernels(kind())} <= set(program.kernel_names.split(";"))


# memory


def test_memory_is_refused_with_numbers(device) -> None:
    with pytest.raises(
        DeviceError, match=r"memory: 1048576\.\d\d GiB needed, .* GiB there .*largest: neighbor 1048576"
    ):
        device.reserve({"neighbor": 2**50, "force": 100})


def test_too_large_a_piece_is_refused() -> None:
    handle = SimpleNamespace(global_mem_size=8 * GIB, max_mem_alloc_size=2 * GIB)
    small = SimpleNamespace(found=Found(handle, "small card", "GPU", True, ""), allocated={"force": 5 * GIB})
    Device.reserve(small, {"neighbor": 2 * GIB})
    with pytest.raises(DeviceError, match=r"array 'neighbor' needs 2\.10 GiB, small card allows 2\.00 GiB"):
        Device.reserve(small, {"neighbor": int(2.1 * GIB)})
    with pytest.raises(DeviceError, match=r"memory: 7\.50 GiB needed, 8\.00 GiB there on small card"):
        Device.reserve(small, {"neighbor": int(1.5 * GIB), "position": GIB})  # with what is allocated already


# the same bits, however it runs


def final_state(sim: simulation.Simulation, steps: int = 30) -> str:
    sim.advance(steps)
    assert sim.status["rebuilds"] > 2, "the run must rebuild its lists to show anything"
    return sim.state_hash()


@pytest.mark.parametrize(("terms", "rows", "spacing"), [(LAW, 8, 9.5), ({**LAW, "junction": {}}, 20, 12.5)])
def test_lists_that_outgrow_their_rows(make_simulation, monkeypatch, terms, rows, spacing) -> None:
    def run(rows: int) -> tuple[str, simulation.Simulation]:
        sized = lambda **sizes: assembly.Layout(**{**sizes, "neighbor_rows": rows})  # noqa: E731
        monkeypatch.setattr(simulation, "Layout", sized)
        sim = make_simulation(scenes.table(terms, step=0.02), cells=crowd(spacing=spacing))
        assert sim.layout.neighbor_rows == rows
        return final_state(sim), sim

    (short, grown), (long, roomy) = run(rows), run(200)
    assert grown.layout.neighbor_rows > rows and roomy.layout.neighbor_rows == 200
    assert short == long


def test_iterations_that_run_out(make_simulation) -> None:
    def run(loops: int) -> tuple[str, int]:
        sim = make_simulation(scenes.table(LAW), cells=crowd())
        sim.loop.iterations[:] = loops
        return final_state(sim), sim.status["most_iterations"]

    few, many = run(1), run(64)
    assert few == many and many[1] > 2


def test_batches_and_work_groups(make_simulation, monkeypatch) -> None:
    """One step at a time or thirty, work-groups of 16 or 256."""
    table, loose = scenes.table({**LAW, "junction": {}}, step=0.05), crowd(spacing=12.5)
    at_once = final_state(make_simulation(table, cells=loose))
    sim = make_simulation(table, cells=loose)
    for step in range(30):
        sim.advance(step + 1)
    assert sim.state_hash() == at_once
    for size in ("16", "256"):
        monkeypatch.setenv("PHYSIM_WORKGROUP", size)
        sim = make_simulation(table, cells=loose)
        assert final_state(sim) == at_once
        assert sim.device.work_group == int(size)


def test_strips_of_one_and_of_eight(make_simulation, monkeypatch) -> None:
    """The strip-wise kernel gives the same bits on a device that takes one cell per work-item."""
    hashes, opened = [], Device.__post_init__
    for lanes in (1, 8):
        monkeypatch.setattr(
            Device, "__post_init__", lambda self, n=lanes: (opened(self), setattr(self, "lanes", n))
        )
        sim = make_simulation(scenes.table({"physicell": {}}, step=0.05), cells=crowd(301))
        hashes.append(final_state(sim, 60))
    assert hashes[0] == hashes[1]


def test_lists_hold_all_pairs_within_reach(make_simulation) -> None:
    """Each once, as found by brute force, after cells were re-sorted."""
    sim = make_simulation(scenes.table(LAW, 140.0, "periodic", step=0.02), cells=crowd())
    final_state(sim)
    i, j, _ = scenes.pair_entries(sim)
    order = np.argsort(sim.read("id"))
    built, radius = sim.box.to_micron(sim.read("list_position"))[order], scenes.by_id(sim, "radius")
    apart = built[:, None] - built
    distance = np.linalg.norm(apart - 140 * np.rint(apart / 140), axis=2)
    near = distance < 1.25 * (radius[:, None] + radius) + 1.0
    np.fill_diagonal(near, False)
    listed = np.zeros_like(near)
    listed[i, j] = True
    assert len(i) == listed.sum(), "no pair twice"
    assert np.array_equal(listed, near)


# when a run cannot go on, and what is counted


def test_crushed_cells_stop_the_run(make_simulation) -> None:
    rng = np.random.default_rng(1)
    sim = make_simulation(scenes.table({"junction": {}}), cells=scenes.cells(rng.uniform(98, 102, (30, 3))))
    with pytest.raises(PhysicsError, match="30 cells touch more than 20 others"):
        sim.advance(1)


def test_force_that_is_not_finite_stops_the_run(make_simulation) -> None:
    """Instead of a solve that ends at once and leaves every cell where it is."""
    sim = make_simulation(scenes.table({"crawl": {}}), cells=scenes.cells([[100, 100, 100], [110, 100, 100]]))
    sim.write("polarity", np.array([[np.nan, 0, 0, 0], [1, 0, 0, 0]]))
    with pytest.raises(PhysicsError, match="not finite"):
        sim.advance(3)


def test_displacement_that_is_not_finite_stops_the_run(make_simulation) -> None:
    sim = make_simulation(
        scenes.table({"physicell": {}}), cells=scenes.cells([[100, 100, 100], [110, 100, 100]])
    )
    sim.write("drift_previous", np.full((2, 4), np.inf))
    with pytest.raises(PhysicsError, match="not finite"):
        sim.advance(3)


def test_long_moves_are_cut_and_counted(make_simulation) -> None:
    table = scenes.table({"contact": {}, "drag": {"coefficient": 1e-3}, "advance": {"largest_move": 0.25}})
    sim = make_simulation(table, cells=scenes.cells([[100, 100, 100], [106, 108, 100], [150, 100, 100]]))
    begin = sim.positions()
    sim.advance(1)
    assert sim.status["limited"] == 2
    moved = sim.positions() - begin
    assert np.linalg.norm(moved, axis=1) == pytest.approx([0.25, 0.25, 0], abs=1e-6)
    assert moved == pytest.approx(np.array([[-0.15, -0.2, 0], [0.15, 0.2, 0], [0, 0, 0]]), abs=1e-4)


def test_walls_stop_centres_and_open_faces_let_them_leave(make_simulation) -> None:
    """A cell is pushed out of each face of x (open) and y (closed) by one behind it."""
    size, inside = 60.0, [[3, 30, 30], [57, 30, 30], [30, 3, 30], [30, 57, 30]]
    behind = [[0.5, 30, 30], [59.5, 30, 30], [30, 0.5, 30], [30, 59.5, 30]]
    terms = {"contact": {}, "drag": {"coefficient": 20.0}, "walls": {"stiffness": 1e-6}}
    sim = make_simulation(
        scenes.table(terms, size, ("open", "wall", "open")), cells=scenes.cells(behind + inside)
    )
    sim.advance(4)
    departed = scenes.by_id(sim, "departed")
    assert (departed[:2] > 0).all() and (departed[2:] == 0).all()
    assert sim.status["departed"] == 2 and sim.status["clamped"] > 0 and sim.status["cells"] == 6
    assert sim.positions()[2:4, 1] == pytest.approx([0, 60], abs=1e-6)


def test_what_no_term_reads_is_recorded_as_given(make_simulation) -> None:
    """No term of a suspension reads nuclei or integrins; frames and tables must not say 0 for that."""
    table = scenes.table({"contact": {}})
    given = scenes.cells([[90, 100, 100], [100, 100, 100]], nucleus_radius=[3.0, 5.0], integrin=[0.5, 2.0])
    swapped = {name: values[::-1] for name, values in given.items()}
    recorded = make_simulation(table, cells=swapped).snapshot().cells
    for name in ("id", "radius", "nucleus_radius", "cadherin", "integrin"):
        np.testing.assert_array_equal(recorded[name], given[name], err_msg=name)
