"""What runs under Oclgrind: steps of scenes with every term, primitives, tracers, planted faults, a scenario.

The product refuses simulated devices. This program, which only the tests start, puts Oclgrind's device into the list
of devices, and makes scratch arrays without the zeros that `Device.empty` gives, so that a kernel that reads what
nothing wrote is seen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyopencl as cl
import trimesh

sys.path.insert(0, str(Path(__file__).parents[1]))

from reference import blood as in_blood
from reference import scenes, tubes

import physim.device
from physim import wall_lists
from physim.device import Device, Found
from physim.errors import PhysicsError
from physim.generate.fiber_network import FiberNetwork
from physim.lumen_device import DeviceLumen
from physim.primitives import Primitives
from physim.scenario import Scenario, load
from physim.simulation import Simulation
from physim.state import ARRAYS
from physim.terms import STEP
from physim.tracers import release, trace
from physim.walls import Walls

SIZES = (0, 1, 63, 64, 65, 1000)
BUSY: dict[str, dict[str, Any]] = {
    "noise": {"diffusion": 1.0},
    "polarity": {"feedback": 0.2},
    "solve": {"tolerance": 0.09},
    "links": {"slots": 6, "binding_rate": 20.0, "capture": 4.0, "release_rate": 20.0},
    "network": {"stretch_modulus": 1.0, "bend_modulus": 1.0, "crosslink_stiffness": 0.1, "crosslink_rigidity": 0.1,
                "drag": 1.0, "tolerance": 0.09, "least_force": 1e6, "accuracy": 1e6, "wake_force": 0.5},
    "strain": {"shear_rate": 0.1},
    "turnover": {"release_rate": 1.0, "binding_rate": 20.0, "capture": 4.0, "interval": 0.1},
    "proteolysis": {"rate": 50.0, "reach": 0.0, "interval": 0.1},
    "shedding": {"ripping_ratio": 10.0, "decay_rate": 1.0, "interval": 0.1},
    "repair": {"time": 0.2, "interval": 0.1},
    "haptotaxis": {"reach": 0.0, "shed_weight": 1.0},  # bins of fibers around a cell are what takes long
    "deposition": {"rate": 20.0, "length": 5.0, "capture": 15.0, "reserve": 12, "interval": 0.1},
}
"""Parameters of terms that would rest by default, or take long; a term that is not named here has its defaults."""
ELSEWHERE = ("cortex", "vessel_wall", "abluminal_wall", "elongation", "bond", "plasma")
"""Terms with a scene of their own."""
SCRATCH = " scratch "
"""In the names of buffers that primitives make for themselves, and of those made here."""
STORED_BUT_GONE = 65


class OnlyContext(cl.Context):
    """The one context of this run: a second one would open the log again and write over what stands in it."""

    opened: ClassVar[list[cl.Context]] = []

    def __init__(self, *arguments: Any, **named: Any) -> None:
        assert not self.opened, "one run, one device: Oclgrind's log belongs to a context"
        super().__init__(*arguments, **named)
        self.opened.append(self)


class Kept(cl.Buffer):
    """A buffer that is never released: where Oclgrind reuses memory, its shadow of initialised bytes is wrong."""

    alive: ClassVar[list[cl.Buffer]] = []
    initialised = False
    """All of it was written at creation, and is to count as written for good."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.alive.append(self)

    def release(self) -> None:
        pass


def mending(command: Callable[..., Any]) -> Callable[..., Any]:
    """A copy or fill that leaves an initialised buffer initialised.

    Oclgrind takes a filled buffer for unwritten, and so all that lies behind a part that is copied to; only what is
    copied to the whole of a buffer counts as written.
    """
    copy = cl.enqueue_copy

    def run(queue: cl.CommandQueue, target: Any, *arguments: Any, **named: Any) -> Any:
        event = command(queue, target, *arguments, **named)
        if getattr(target, "initialised", False):
            whole = np.empty(target.size, np.uint8)
            copy(queue, whole, target)
            event = copy(queue, target, whole)
        return event

    return run


def open_door() -> Found:
    """Make Oclgrind's device the only one of the list, and let `Device.empty` leave scratch arrays unwritten."""
    (platform,) = cl.get_platforms()
    assert "oclgrind" in platform.name.lower(), f"{platform.name} is not Oclgrind"
    kind = "CPU" if os.environ["SANITIZER_LANES"] == "8" else "GPU"
    found = Found(platform.get_devices()[0], "Oclgrind", kind, True, "opened by the sanitizer")
    physim.device.find_devices = lambda: ([found], "")
    cl.Buffer, cl.Context = Kept, OnlyContext
    cl.enqueue_copy, cl.enqueue_fill_buffer = mending(cl.enqueue_copy), mending(cl.enqueue_fill_buffer)
    filled = Device.empty

    def empty(self: Device, name: str, nbytes: int) -> Any:
        if not (ARRAYS[name].persists if name in ARRAYS else SCRATCH not in name):
            self.allocated[name] = max(nbytes, 1)
            return cl.Buffer(self.context, cl.mem_flags.READ_WRITE, size=max(nbytes, 1))
        buffer = filled(self, name, nbytes)
        buffer.initialised = True
        cl.enqueue_fill_buffer(self.queue, buffer, np.zeros(1, np.uint8), 0, buffer.size)
        return buffer

    Device.empty = empty
    return found


def run_fault(device: Device, name: str) -> None:
    """A kernel of planted.cl on arrays of 8 elements, in two groups."""
    program = device.build("", ("planted.cl", Path(__file__).with_name("planted.cl").read_text()))
    if name == "sentinel":
        buffers = [cl.Buffer(device.context, cl.mem_flags.READ_WRITE, size=4)]
    else:
        buffers = [device.empty(array, 32) for array in ("id", "bin_of", "departed")]
    kernel = cl.Kernel(program, name)
    kernel.set_args(*buffers)
    size = 1 if name == "sentinel" else 8
    cl.enqueue_nd_range_kernel(device.queue, kernel, (size,), (min(size, 4),))
    device.drain()


def primitives(device: Device) -> None:
    """Every primitive at every size."""
    for size in SIZES:
        rng = np.random.default_rng(size)

        def put(name: str, values: np.ndarray) -> Any:
            buffer = device.empty(f"sanitizer{SCRATCH}{name}", values.nbytes)
            device.upload(buffer, values)
            return buffer

        def blank(name: str, nbytes: int) -> Any:
            return device.empty(f"sanitizer{SCRATCH}{name}", nbytes)

        bins = max(1, size // 3)
        words = put("words", rng.integers(0, 50, size, dtype=np.uint32))
        keys = put("keys", rng.integers(0, bins, size, dtype=np.uint32))
        ids = put("ids", rng.permutation(size).astype(np.uint32))
        keep = put("keep", rng.integers(0, 2, size, dtype=np.uint32))
        order = put("order", rng.permutation(size).astype(np.uint32))
        rows = put("rows", rng.integers(0, 50, 12 * (size + 3), dtype=np.uint32))
        lengths = rng.integers(0, 4, size)
        starts = put("starts", np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32))
        reals = put("reals", rng.normal(size=int(lengths.sum())).astype(np.float32))
        doubles = put("doubles", rng.normal(size=size))
        make = Primitives(device)
        total, _ = make.total(doubles, size)
        launches = [
            *make.zero(blank("zero", 4 * size), size),
            *make.compaction(keep, blank("places", 4 * (size + 1)), words, blank("out", 4 * size), size),
            *make.scan(words, size),
            *make.counting_sort(keys, ids, blank("bin starts", 4 * (bins + 1)), blank("filled", 4 * bins),
                                blank("sorted", 4 * size), size, bins),
            *make.permute(order, rows, blank("moved", 48 * (size + 3)), 4, 3, size + 3, size),
            *make.segment_sums(starts, reals, blank("sums", 8 * size), size),
            *total,
        ]  # fmt: skip
        for launch in launches:
            cl.enqueue_nd_range_kernel(device.queue, launch.kernel, launch.global_size, launch.local_size)
        philox = cl.Kernel(make.program, "philox_blocks")
        given = [put("counters", np.zeros((size, 4), np.uint32)), put("key", np.zeros((size, 2), np.uint32))]
        random = blank("random", 16 * size)
        philox.set_args(*given, random, np.uint32(size))
        cl.enqueue_nd_range_kernel(device.queue, philox, (max(size, 1),), None)
        device.drain()


def walls(device: Device) -> None:
    """Lists around a surface, in several parts, and points near it, far from it, and beyond all cells."""
    wall_lists.PART, wall_lists.FEW = 100, 6
    made = trimesh.creation.torus(5.0, 2.0, major_sections=5, minor_sections=3)
    near = Walls(made.vertices, made.faces, band=1.0, outside=1.0, leaf=3.0, device=device)
    points = np.concatenate([made.vertices, np.random.default_rng(1).uniform(-8, 8, (30, 3))])
    found = near.nearest(points)
    assert (found.triangle >= 0).any() and (found.triangle < 0).any() and np.isfinite(found.distance).all()


def network(nodes: int, near: np.ndarray, size: np.ndarray) -> FiberNetwork:
    """Fibers of 8 nodes (the last one shorter), 2.5 um apart, near points; a crosslink from each to the next."""
    each = [8] * (nodes // 8) + [nodes % 8] * (nodes % 8 > 0)
    if len(each) > 1 and each[-1] == 1:
        each[-2:] = [9]
    rng = np.random.default_rng(nodes)
    points, segments, owner, first = [np.zeros((0, 3))], [], [], [0]
    for fiber, count in enumerate(each):
        along = rng.normal(size=3)
        line = np.arange(count)[:, None] * 2.5 * along / np.linalg.norm(along)
        line += near[fiber % len(near)] + rng.normal(0, 6, 3) - line.mean(axis=0)
        on_face = (np.arange(count) == 0)[:, None] & np.array([False, False, fiber == 0])  # a node that is held
        inside = np.where([True, False, False], line % size, np.clip(line, 0.01, size - 0.01))
        points.append(np.where(on_face, 0.0, inside))
        begin = sum(each[:fiber])
        segments += [(begin + k, begin + k + 1) for k in range(count - 1)]
        owner += [fiber] * (count - 1)
        first.append(len(segments))
    links = [(first[k + 1] - 1, first[k + 1]) for k in range(len(each) - 1)]  # last segment of one, first of the next
    return FiberNetwork(
        nodes=np.concatenate(points), segments=np.array(segments, np.int32).reshape(-1, 2),
        segment_fiber=np.array(owner, np.int32), crosslinks=np.array(links, np.int32).reshape(-1, 2),
        crosslink_at=np.full((len(links), 2), 0.5), lower=np.zeros(3), upper=size, periodic=(True, False, False),
        bundle_diameter=0.2,
    )  # fmt: skip


def scene(cells: str, nodes: str, steps: str, spacing: str = "14", broken: str = "",
          skipped: str = "") -> tuple[Device, dict[str, Any]]:  # fmt: skip
    """Steps of a scene with every term of `terms.STEP` but those that `shells` and `blood` have.

    Without cells, 65 are stored that have all left the box. The cells touch each other, the fibers, a wall (y) and an
    open face (z), through which some leave; x is periodic. Every seventh cell has a daughter, every
    second fiber is cut. `broken` names a cell array that gets a NaN, `skipped` a kernel that is left out.
    """
    stored = int(cells) or STORED_BUT_GONE
    side = int(np.ceil(stored ** (1 / 3)))
    rng = np.random.default_rng(stored)
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:stored]
    position = lattice * float(spacing) + rng.normal(0, 0.5, (stored, 3)) + 7.0
    position[2::16, 2] = 0.1
    size = np.maximum(position.max(axis=0) + 7.0, 75.0)
    # PhysiCell's law takes the place of `rest`, which the scene without fibers has instead, and none in reserve
    left_out = ("rest",) if int(nodes) else ("physicell", "deposition")
    names = [term.name for term in STEP if term.name not in (*left_out, *ELSEWHERE)]
    table = scenes.table({name: BUSY.get(name, {}) for name in names}, size=size.tolist(),
                         boundary=["periodic", "wall", "open"], collagen=True)  # fmt: skip
    table["collagen"]["fiber_length"] = 10.0
    if stored < 500:  # where each look for wires takes longer
        table["obstacles"] = [{"kind": "cylinder", "radius": 8.0, "length": 10.0, "spacing": 5.0, "ligand": 1.0}]
    fibers = network(int(nodes), position, size)
    sim = Simulation(Scenario.from_table(table), cells=scenes.cells(position), network=fibers)
    rows = sim.layout.neighbor_rows
    if not int(cells):
        sim.write("departed", np.ones(stored, np.uint32))
    if len(fibers.segments):
        area = sim.read("segment_area")
        area[3::14] = 0  # every second fiber begins in two pieces, which may grow together
        sim.write("segment_area", area)
    bud = np.zeros((stored, 4), np.float32)
    bud[::7] = 5.0, 0.0, 0.0, 1.0
    sim.write("bud", bud)
    if broken:
        values = sim.read(broken)
        values[stored // 2] = np.nan
        sim.write(broken, values)
    enqueue = cl.enqueue_nd_range_kernel
    if skipped:
        cl.enqueue_nd_range_kernel = lambda queue, kernel, *sizes: (
            None if kernel.function_name == skipped else enqueue(queue, kernel, *sizes)
        )
    stopped = ""
    try:
        for step in range(1, int(steps) + 1):
            sim.advance(step)
    except PhysicsError as error:
        stopped = str(error)
    cl.enqueue_nd_range_kernel = enqueue
    written = {name for term in sim.terms for kernel in term.kernels for name in kernel.writes + kernel.adds}
    zero = sorted(name for name in written if not sim.read(name).any())
    for part in ("rewind", "commit"):  # of steps that do not converge, which these do
        sim.loop.enqueue(sim.schedule.parts[part])
    return sim.device, {"status": sim.status, "stopped": stopped, "zero": zero,
                        "grown": sim.layout.neighbor_rows > rows}  # fmt: skip


def shells(cells: str) -> tuple[Device, dict[str, Any]]:
    """A step of cells with a shape in the hole of a plate, among fibers; their nuclei press on their cortices."""
    count = int(cells)
    table = scenes.table({"cortex": {"vertices": 42, "tolerance": 0.09}}, size=80.0, collagen=True,
                         boundary=["periodic", "wall", "open"])  # fmt: skip
    table["obstacles"] = [{"kind": "plate", "thickness": 4.0, "hole_size": [12.0, 12.0], "pitch": 25.0, "spacing": 5.0},
                          {"kind": "cylinder", "radius": 7.0, "length": 20.0, "spacing": 5.0}]  # fmt: skip
    position = 40.0 + 5.0 * np.arange(count)[:, None] * np.array([0.0, 0.0, 1.0])
    sim = Simulation(Scenario.from_table(table), cells=scenes.cells(position),
                     network=network(8 * count, position, np.full(3, 80.0)))  # fmt: skip
    shell = sim.read("shell")
    shell[:42, :, 0] += 4.0
    sim.write("shell", shell)
    sim.advance(1)
    return sim.device, {"status": sim.status, "untouched": untouched(sim, "cortex")}


def blood() -> tuple[Device, dict[str, Any]]:
    """Two cells of two ends that touch in a tube narrower than they are, and one that leaves it; one that another
    pushes to the wall; a sphere at the wall, and one in the tissue beside; then a crowd of spheres, with more
    neighbours than a cell has room for bonds."""
    size, tube = [46.0, 16.0, 16.0], {"network": "tube", "radius": 4.0, "length": 30.0, "speed": "100 um/s",
                                      "pressure": "1 kPa", "voxel": "3.3 um"}  # fmt: skip
    terms: dict[str, Any] = {"bond": {}, "plasma": {}, "solve": {"tolerance": 0.09}}
    table = in_blood.table(terms | {"elongation": {}}, size, **tube)
    position = np.array([[16.0, 8, 8], [23.0, 8, 8], [38.5, 8, 8]])
    sim = Simulation(Scenario.from_table(table), cells=scenes.cells(position, radius=4.5, nucleus_radius=3.0))
    sim.advance(2)
    found = {"status": sim.status, "untouched": untouched(sim, "elongation", "bond", "plasma")}
    loose = {"elongation": {"viscosity": 0.0}, "plasma": {},
             "bond": {"friction": 0.0, "contact_stiffness": 40.0, "flattening": 0.0}}  # fmt: skip
    pushed = scenes.cells([[16.0, 8, 8], [16.0, 10.2, 8]], radius=[2.5, 1.0], nucleus_radius=[1.0, 0.5])
    Simulation(Scenario.from_table(in_blood.table(loose, size, **tube)), cells=pushed).advance(1)
    terms |= {"vessel_wall": {}}
    beside = in_blood.table(terms | {"abluminal_wall": {}}, size, **tube, interval="1 ms", cap="1 ms")
    Simulation(Scenario.from_table(beside), cells=scenes.cells([[20.0, 11.3, 8], [20.0, 13, 8]], radius=2.0,
                                                               nucleus_radius=1.0)).advance(1)  # fmt: skip
    crowd = np.full((22, 3), 8.0) + np.linspace(0, 0.3, 22)[:, None] + [12.0, 0, 0]
    full = Simulation(Scenario.from_table(in_blood.table(terms, size, **tube)),
                      cells=scenes.cells(crowd, radius=2.0, nucleus_radius=1.0))  # fmt: skip
    try:
        full.advance(1)
    except PhysicsError as error:
        found["stopped"] = str(error)
    return sim.device, found


def untouched(sim: Simulation, *names: str) -> list[str]:
    """Arrays that these terms write and that are 0 throughout."""
    written = {name for term in sim.terms if term.name in names for kernel in (*term.kernels, *term.products)
               for name in kernel.writes}  # fmt: skip

    def zero(name: str) -> bool:
        return not sim.device.download(sim.buffers[name], np.dtype("u4"), sim.layout.nbytes(name) // 4).any()

    return sorted(filter(zero, written))


def tracers(count: str) -> tuple[Device, dict[str, Any]]:
    """Tracers through a tube in coarse voxels to its port; one is beyond the box, and the field is sampled around."""
    made = DeviceLumen(Device(physim.device.find_devices()[0][0]), tubes.in_tube(tubes.OBLIQUE, 4.0))
    points = release(made.lumen, int(count))
    points[0] = -1e6
    velocity, _ = made.sample(np.concatenate([points, made.lumen.voxels.middles[::50]]))
    found = trace(made, points, pieces=60)
    return made.device, {"ports": sorted(set(found.port.tolist())), "moving": bool(np.abs(velocity).max() > 0)}


def scenario(path: str, steps: str = "3") -> tuple[Device, dict[str, Any]]:
    """Steps of a scenario of the user's."""
    sim = Simulation(load(path))
    sim.advance(int(steps))
    return sim.device, {"status": sim.status}


def main() -> None:
    found = open_door()
    what, *rest = sys.argv[1:]
    result: dict[str, Any] = {}
    scenes_of = {"scene": scene, "scenario": scenario, "shells": shells, "tracers": tracers, "blood": blood}
    if what in scenes_of:
        device, result = scenes_of[what](*rest)
    else:
        device = Device(found)
        if what in ("primitives", "walls"):
            {"primitives": primitives, "walls": walls}[what](device)
        else:
            run_fault(device, what)
    run_fault(device, "sentinel")
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
