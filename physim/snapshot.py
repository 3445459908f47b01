"""What is read back at a record time: cells by id, the links they hold, fibers that move or are cut, the counters.

All in um, min and nN.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from physim.analysis.integrin_balance import integrin_balance
from physim.analysis.matrix_balance import matrix_balance
from physim.analysis.mechanics import displacement, tension
from physim.bodies import body_surfaces
from physim.ends import joined
from physim.generate.icosphere import icosphere
from physim.record import Snapshot
from physim.terms.network import Network
from physim.terms.remodeling import Chains

if TYPE_CHECKING:
    from physim.generate.fiber_network import FiberNetwork
    from physim.simulation import Simulation

__all__ = ["GIVEN", "Snapshot", "take"]

GIVEN = ("id", "type", "radius", "nucleus_radius", "cadherin", "integrin", "mmp")
"""What cells are given for life: in the state, and so on record, even where no term of the scenario reads it."""


def take(sim: Simulation) -> Snapshot:
    """Snapshot of a simulation, cells sorted by id; those of tissue and of blood together."""
    found = _take(sim)
    if sim.episodes is None:
        return found
    past = sim.episodes.past
    counters = {**found.counters, "episodes": len(past), "in_blood": sim.blood.cell_count if sim.blood else 0,
                "blood_steps": sim.blood.step_count if sim.blood else 0}  # fmt: skip
    assert sim.vessels is not None
    in_tissue = {"in_blood": np.zeros(len(found.cells["id"]), np.uint8)}
    found = replace(found, counters=counters, flow=sim.vessels.circulation.flow, cells=found.cells | in_tissue)
    return found if sim.blood is None else _together(found, _take(sim.blood), sim)


def _together(tissue: Snapshot, blood: Snapshot, sim: Simulation) -> Snapshot:
    """Cells of both by id; the time at which a cell has left its vessel is that of tissue."""
    assert sim.episodes is not None and sim.blood is not None
    left = np.nan_to_num(blood.cells["departed"] / sim.blood.step_length).round().astype(np.int64)
    carried = blood.cells | {"departed": sim.step_length * sim.episodes.tissue_step(left),
                             "in_blood": np.ones(len(left), np.uint8)}  # fmt: skip
    cells = {name: np.concatenate([values, carried[name]]) for name, values in tissue.cells.items()}
    order = np.argsort(cells["id"], kind="stable")
    parts = [part for part in (tissue.shells, blood.shells) if part is not None]
    shells = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else None
    if len(parts) == 2:
        assert shells is not None
        shells["triangles"][len(parts[0]["triangles"]) :] += len(parts[0]["position"])
    counters = {**tissue.counters, "cells": tissue.counters["cells"] + sim.blood.cell_count}
    return replace(tissue, cells={name: values[order] for name, values in cells.items()}, shells=shells,
                   counters=counters, flow=blood.flow)  # fmt: skip


def _take(sim: Simulation) -> Snapshot:
    order = np.argsort(sim.read("id"))
    n = len(order)

    def cell(name: str, width: int = 0) -> np.ndarray:
        if name not in sim.buffers:
            return np.zeros((n, width) if width else n, np.float32)
        values = sim.read(name)[order]
        return values[:, :width] if width else values

    position = sim.box.to_micron(sim.read("position"))[order]
    left = cell("departed").astype(float)
    cells = {
        "id": cell("id"),
        "type": cell("type"),
        "position": position,
        **{name: cell(name) for name in GIVEN[2:]},
        **{name: cell(name, 3) for name in ("polarity", "force")},
        "velocity": cell("displacement", 3) / np.float32(sim.step_length),
        "bound_links": np.zeros(n, np.int32),
        "link_force": np.zeros(n, np.float32),
        "junctions": np.zeros(n, np.int32),
        "departed": np.where(left > 0, left * sim.step_length, np.nan),
    }
    if "junction_partner" in sim.buffers:
        cells["junctions"] = (sim.read("junction_partner") > 0).sum(0)[order].astype(np.int32)
    if "elongation" in sim.part.terms:
        cells = joined(cells)
    fibers = _fibers(sim)
    links: dict[str, np.ndarray] = {
        "cell_id": np.zeros(0, np.uint32),
        "cell_position": np.zeros((0, 3)),
        "point": np.zeros((0, 3)),
        "tension": np.zeros(0, np.float32),
    }
    if "link_segment" in sim.buffers:
        held, at, tension = (sim.read(name)[:, order] for name in ("link_segment", "link_at", "link_force"))
        held = np.where(left > 0, 0, held)
        cells["bound_links"] = (held > 0).sum(0).astype(np.int32)
        cells["link_force"] = np.where(held > 0, tension, 0).sum(0).astype(np.float32)
        slot, who = np.nonzero(held)
        begin, end = _held(sim, held[slot, who].astype(np.int64) - 1, fibers)
        point = begin + at[slot, who, None] * sim.network.box.image(end - begin)
        centre = position[who]
        size = sim.box.upper - sim.box.lower
        point += np.where(sim.box.periodic, np.rint((centre - point) / size) * size, 0.0)
        links = {
            "cell_id": cells["id"][who],
            "cell_position": centre,
            "point": point,
            "tension": tension[slot, who],
        }
        if sim.scenario.obstacles:
            links = _bent(links, sim.read("link_bend")[:, order][slot, who], sim)
    return Snapshot(step=sim.step_count, time=sim.time, cells=cells, links=links, counters=_counters(sim),
                    fibers=fibers, matrix=matrix_balance(sim) if can_be_cut(sim) else None,
                    integrins=integrin_balance(sim) if "integrin_tally" in sim.buffers else None,
                    shells=_shells(sim, order[~(left > 0)]) or _bodies(sim, order[~(left > 0)]),
                    flow=sim.flow() if "stream" in sim.buffers else None)  # fmt: skip


def _held(sim: Simulation, place: np.ndarray, fibers: dict[str, np.ndarray] | None) -> list[np.ndarray]:
    """Begin and end (k, 3) um of what links hold: segments, or, past these, wires of obstacles."""
    nodes = sim.network.nodes if fibers is None else fibers["position"]
    segments = sim.layout.segments
    ends = [nodes[sim.network.segments[np.where(place < segments, place, 0), side]] for side in (0, 1)]
    if sim.scenario.obstacles:
        on_wire, wire = place >= segments, np.maximum(place - segments, 0)
        for side, name in enumerate(("wire_begin", "wire_end")):
            ends[side] = np.where(on_wire[:, None], sim.box.to_micron(sim.read(name))[wire], ends[side])
    return ends


def _bent(links: dict[str, np.ndarray], bend: np.ndarray, sim: Simulation) -> dict[str, np.ndarray]:
    """Links that go past an obstacle as two lines each, to `bend` (k, 4) and on from there."""
    bent = bend[:, 3] > 0
    at = sim.box.to_micron(bend[bent])
    split = {"cell_position": links["cell_position"].copy(), "point": links["point"].copy()}
    split["point"][bent] = at
    more = {name: values[bent] for name, values in links.items()} | {"cell_position": at}
    return {name: np.concatenate([values, more[name]]) for name, values in (links | split).items()}


def can_be_cut(sim: Simulation) -> bool:
    """Whether a term of the scenario thins fibers. What `chains` dissolves others have cut loose."""
    kernels = [kernel for term in sim.terms if not isinstance(term, Chains) for kernel in term.kernels]
    return any("segment_area" in (*kernel.writes, *kernel.adds) for kernel in kernels)


def _counters(sim: Simulation) -> dict[str, int | float]:
    """What the device has counted since the start, and crosslinks as they are now."""
    counters: dict[str, int | float] = {**sim.status}
    if "crosslink_bound" in sim.buffers:
        bound = sim.read("crosslink_bound")
        if "depositing" in sim.buffers:  # without the sites of fibers in reserve
            laid = sim.network.first(sim.status["chains"])
            bound = bound[sim.read("crosslink_segments")[:, 0] < len(laid.segments)]
            counters["chains_laid"] = sim.status["chains"] - sim.network.made.fibers
        counters |= {"crosslinks_bound": int(bound.sum()), "crosslinks_free": int((bound == 0).sum())}
    return counters


def _fibers(sim: Simulation) -> dict[str, np.ndarray] | None:
    """Where nodes are, how far they have moved since the start, what segments bear, what is left of them and on them.

    None if fibers are held and not cut, and nothing is left on them.
    """
    moving = [term for term in sim.terms if isinstance(term, Network)]
    cut = can_be_cut(sim)
    shed = {"shed_integrins": sim.read("segment_shed")} if "integrin_tally" in sim.buffers else {}
    if not (moving or cut or shed):
        return None
    network = there(sim)
    segments = slice(len(network.segments))
    area = sim.read("segment_area") / 2.0**24 if "segment_area" in sim.buffers else np.ones(len(network.segments))
    fibers = {"area": area, **shed} if cut or (area != 1).any() else shed
    fibers = {name: values[segments] for name, values in fibers.items()}
    if not moving:
        return {"position": network.nodes, **fibers}
    nodes = sim.fiber_nodes()[: len(network.nodes)]
    rest = sim.read("segment_rest")[segments] if "segment_rest" in sim.buffers else None
    pull = tension(network, nodes, stretch_modulus=moving[0].stretch_modulus, rest=rest)
    return {"position": nodes, "displacement": displacement(network, nodes), "tension": area[segments] * pull, **fibers}


def _shells(sim: Simulation, rows: np.ndarray) -> dict[str, np.ndarray] | None:
    """Surfaces of the cells in these rows; a cell at a periodic face is whole, and reaches out of the box."""
    if "shell" not in sim.buffers:
        return None
    shell = sim.read("shell")[:, rows, :3].transpose(1, 0, 2)
    cells, many = shell.shape[:2]
    faces = icosphere(many // 2)[1]
    both = np.concatenate([faces, faces + many // 2])
    return {
        "position": (sim.box.to_micron(sim.read("position")[rows])[:, None] + shell).reshape(-1, 3),
        "triangles": (both + many * np.arange(cells)[:, None, None]).reshape(-1, 3),
        "cell_id": np.repeat(sim.read("id")[rows], len(both)),
        "cortex": np.tile(np.repeat(np.array([0, 1], np.uint8), len(faces)), cells),
    }


def _bodies(sim: Simulation, rows: np.ndarray) -> dict[str, np.ndarray] | None:
    """Surfaces of cells with two ends, whose rows are these, rear before front."""
    if "elongation" not in sim.part.terms or not len(rows):
        return None
    rear, front = (sim.box.to_micron(sim.read("position")[rows[k::2]]) for k in (0, 1))
    axis, radius = sim.read("body_axis")[rows[1::2], :3].astype(float), sim.read("body_radius")[:, rows[1::2]].T
    vertices, faces = body_surfaces(rear, front, axis, radius.astype(float))
    cells, many = vertices.shape[:2]
    return {
        "position": vertices.reshape(-1, 3),
        "triangles": (faces + many * np.arange(cells)[:, None, None]).reshape(-1, 3),
        "cell_id": np.repeat(sim.read("id")[rows[1::2]] // 2, len(faces)),
        "cortex": np.ones(cells * len(faces), np.uint8),
    }


def there(sim: Simulation) -> FiberNetwork:
    """The network with what cells have laid down, where they laid it, and without what is in reserve."""
    made = sim.network.made
    if not sim.network.reserve:
        return made
    laid = sim.network.first(sim.status["chains"])
    nodes = sim.box.to_micron(sim.read("node_rest"))[: len(laid.nodes)]
    nodes[: len(made.nodes)] = made.nodes
    return replace(laid, nodes=nodes)
