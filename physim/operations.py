"""What is done to a simulation between two steps, for controls: its matrix as it was made, or filled; cells taken away.

    leader.step(6000)
    for change in (pristine, keep_void, refill):
        follower = leader.copy()
        remove_cells(follower, [0])
        change(follower)
        follower.step(6000)

Each leaves a whole state: the next step goes on from it, and so does one that is resumed from `save()`, to the same
bits. Links of cells let go wherever the matrix under them changes, so that nothing pulls a cell across. Cells that are
where fibers come back are pressed by them: take these away first. The balance of the matrix stays exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.network_state import counted_lengths, gaps_at_rest, lengths, separations
from physim.schedule import row_arrays
from physim.state import ARRAYS

if TYPE_CHECKING:
    from physim.simulation import Simulation

_DEPOSITED, _DEGRADED = 2, 1
"""Rows of `matrix_tally`, as in kernels/fibers.h, and of `integrin_tally`, as in kernels/shedding.cl."""
_WHOLE = 1 << 24
_STILL = ("node_velocity", "node_glide", "node_direction", "segment_lysis")


def pristine(sim: Simulation) -> None:
    """The matrix with which the run started: nodes, areas, crosslinks, frames; at rest, and the balance begins anew.

    The next steps are those of a fresh matrix, to the bit. Shed integrins are gone with the old one, see `remove_shed`.
    Raises InputError without collagen.
    """
    state = _as_made(sim)
    if "integrin_tally" in sim.buffers:
        remove_shed(sim)
    _empty_again(sim)
    tally = {"matrix_tally": np.zeros_like(sim.read("matrix_tally"))} if "matrix_tally" in sim.buffers else {}
    _put(sim, state | tally, fibers=sim.layout.chains)


def keep_void(sim: Simulation) -> None:
    """What is cut or thinned stays so; all else as it was made: nodes, rest lengths, bends, crosslinks, frames.

    Crosslinks are those of the start, except on segments that are cut. Segments that had grown back (term `repair`) get
    the lengths that they were made with; the difference is counted as deposited. Raises InputError without collagen.
    """
    state = _as_made(sim)
    area = _area(sim)
    stays = np.where(state.pop("segment_area") > 0, area, 0)
    if sim.network.reserve:
        state["segment_area"] = stays.astype(np.uint32)
        _empty_again(sim)
    if "crosslink_bound" in state:
        state["crosslink_bound"] = (stays[sim.network.crosslinks] > 0).all(1).astype(np.uint32)
    if "fiber_span" in sim.buffers:  # what holds together is what held together
        for name in ("fiber_span", "segment_fiber"):
            del state[name]
    if "segment_length" in state:
        _deposit(sim, area, state["segment_length"].astype(np.int64) - sim.read("segment_length").astype(np.int64))
    _put(sim, state)


def refill(sim: Simulation, *, stretch: float = 4.0, capture: float = 0.5) -> int:
    """All area is given back where the fibers are; how many segments could not be, and stay cut.

    Nodes stay where they are, to the bit. All fibers and crosslinks rest as they lie, so that where no cell pushes
    nothing moves from there on: the stress that the matrix bore is gone with the links that it balanced. Segments that
    were cut have the length between their nodes, if that is within a factor `stretch` of what it was made with, else
    they stay cut. Crosslinks that were lost with a segment bind anew where their two places are within `capture`, um;
    others that are free stay free. What is given back is counted as deposited. Raises InputError without collagen.
    """
    made, area = _as_made(sim), _area(sim)
    network, box = sim.network, sim.box
    fixed = sim.read("node_position")
    begin, end = network.segments.T
    vector = separations(fixed, begin, end, box)
    rest = lengths(vector)
    first = lengths(separations(made["node_position"], begin, end, box))
    there = network.segment_fiber < sim.status["chains"]
    fits = there & ((area > 0) | ((rest * stretch >= first) & (rest <= stretch * first)))
    state: dict[str, NDArray] = {"segment_area": np.where(fits, _WHOLE, 0).astype(np.uint32)}
    if "segment_length" in sim.buffers:
        before = sim.read("segment_length")
        state["segment_length"] = np.where((area == 0) & fits, counted_lengths(rest), before).astype(np.uint32)
        given = np.where(fits, _WHOLE * state["segment_length"].astype(np.int64) - area * before.astype(np.int64), 0)
        _deposit(sim, 1, given)
    if "segment_course" in sim.buffers:
        rest = np.where(fits, rest, sim.read("segment_rest"))
        course = np.pad(vector / rest[:, None], ((0, 0), (0, 1)))
        state |= {"segment_rest": rest, "segment_inverse": (1 / rest).astype(np.float32), "segment_course": course,
                  "fiber_frame": np.tile(np.eye(3, 4), (sim.layout.fibers, 1)),
                  "segment_fiber": network.segment_fiber.astype(np.uint32), "fiber_span": made["fiber_span"]}
        state |= _crosslinks_as_they_lie(sim, fixed, vector, course, area == 0, fits, capture)
    _put(sim, state, fibers=sim.layout.chains)
    return int((there & ~fits).sum())


def _crosslinks_as_they_lie(sim: Simulation, fixed: NDArray, vector: NDArray, course: NDArray, cut: NDArray,
                            whole: NDArray, capture: float) -> dict[str, NDArray]:  # fmt: skip
    """Crosslinks at rest, with those that had been lost with a segment and whose places are near."""
    segments = sim.read("crosslink_segments").astype(np.int64)
    own, other = segments.T
    at, nodes = sim.read("crosslink_at"), sim.network.segments
    apart = separations(fixed, nodes[other, 0], nodes[own, 0], sim.box)
    gap = lengths(apart + at[:, :1].astype(float) * vector[own] - at[:, 1:].astype(float) * vector[other])
    near = cut[segments].any(1) & whole[segments].all(1) & (gap <= capture) & (own != other)
    bound = (sim.read("crosslink_bound") > 0) & ~cut[segments].any(1)
    turn = np.stack([course[own], course[other], course[own], course[other]], axis=1).reshape(-1, 4)
    return {"crosslink_bound": (bound | near).astype(np.uint32), "crosslink_turn": turn,
            "crosslink_rest": gaps_at_rest(apart, at, vector[own], vector[other])}  # fmt: skip


def remove_shed(sim: Simulation) -> None:
    """Take away the integrins that lie on fibers (term `shedding`); they are counted as degraded.

    Raises InputError where integrins are not counted.
    """
    if "integrin_tally" not in sim.buffers:
        raise InputError("remove_shed: integrins are not counted in this scenario; it needs the term shedding")
    shed = sim.read("segment_shed")
    _count(sim, "integrin_tally", _DEGRADED, int(shed.sum(dtype=np.uint64)))
    sim._put("segment_shed", np.zeros_like(shed))
    sim.by_hand["write"] = True


def remove_cells(sim: Simulation, ids: Iterable[int]) -> None:
    """Take these cells away, with their links and junctions. Their ids are never used again.

    Unlike cells that have left by an open face they are in no later snapshot. Their integrins are counted as degraded.
    Raises InputError for an id that no cell has.
    """
    gone, here = np.unique(np.fromiter(ids, np.int64)), sim.read("id")
    unknown = np.setdiff1d(gone, here)
    if len(unknown):
        raise InputError(f"remove_cells: no cell has the id {unknown[0]}; sim.cells['id'] lists those that there are")
    stays = ~np.isin(here, gone)
    arrays = {name: sim.read(name) for name in row_arrays(sim.arrays)}
    if "junction_partner" in arrays:
        arrays["junction_partner"][np.isin(arrays["junction_partner"].astype(np.int64) - 1, gone)] = 0
    if "integrin_tally" in sim.buffers:
        own = sum(int(arrays[name][..., ~stays].sum(dtype=np.uint64)) for name in ("integrin_surface", "anchored"))
        _count(sim, "integrin_tally", _DEGRADED, own)
    sim._last_status["rows"] = sim._last_status["cells"] = stays.sum()
    for name, values in arrays.items():
        sim._put(name, np.compress(stays, values, axis=0 if ARRAYS[name].rows == "1" else 1))
    _tell(sim)


def _empty_again(sim: Simulation) -> None:
    """What cells have laid down is in reserve again."""
    sim._last_status["chains"] = sim.network.made.fibers


def _as_made(sim: Simulation) -> dict[str, NDArray]:
    """Arrays of the fibers at time zero, where the simulation has them; at rest."""
    if sim.network is None:
        raise InputError("this scenario has no collagen, so that there is no matrix to change; add [collagen]")
    state = sim._fiber_state()
    if "fiber_frame" in state:
        state["fiber_frame"] = np.tile(np.eye(3, 4), (sim.layout.fibers, 1))
    return {name: values for name, values in state.items() if name in sim.buffers and ARRAYS[name].persists}


def _area(sim: Simulation) -> NDArray[np.int64]:
    if "segment_area" not in sim.buffers:
        return np.full(len(sim.network.segments), _WHOLE)
    return sim.read("segment_area").astype(np.int64)


def _deposit(sim: Simulation, area: NDArray | int, length: NDArray) -> None:
    """Count area times length, 2^-36 um, as deposited."""
    if "matrix_tally" in sim.buffers:
        _count(sim, "matrix_tally", _DEPOSITED, int((area * length).sum()))


def _count(sim: Simulation, name: str, row: int, number: int) -> None:
    """Add to a row of 64-bit counts."""
    tally = sim.read(name)
    low, high = (int(word) for word in tally[row])
    total = (low | high << 32) + number
    tally[row] = total & 0xFFFFFFFF, total >> 32
    sim._put(name, tally)


def _put(sim: Simulation, state: dict[str, NDArray], fibers: int | None = None) -> None:
    """Another matrix: no fiber moves, all are looked at, no cell holds them, lists are made anew."""
    for name, values in state.items():
        if name in sim.buffers:
            sim._put(name, values)
    for name in _STILL:
        if name in sim.buffers:
            sim._put(name, np.zeros(sim.shape(name), np.uint32 if name == "segment_lysis" else np.float32))
    if "fiber_awake" in sim.buffers:
        sim._put("fiber_awake", np.ones(sim.shape("fiber_awake"), np.uint32))
        if fibers is not None:
            sim._last_status["fibers"] = fibers
    if "link_segment" in sim.buffers:
        sim._last_status["links_released"] += int((sim.read("link_segment") > 0).sum())
        for name in ("link_segment", "link_force"):
            sim._put(name, np.zeros_like(sim.read(name)))
    for word, value in (("relink", 1), ("binned", 0), ("next_sweep", 0), ("astray", 0), ("swept", sim.step_count)):
        sim._last_status[word] = value
    _tell(sim)


def _tell(sim: Simulation) -> None:
    """The device hears of it; neighbour lists are built in the next step."""
    sim._last_status["rebuild"] = 1
    sim._tell()
    sim.by_hand["write"] = True
