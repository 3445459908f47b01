"""From a term's declaration to OpenCL: its parameter struct, the prototype that its function must match, the kernel.

The function in `kernels/<term>.cl` computes one item. The generated kernel around it returns at once when the step is
halted or its condition is not set, and walks its items in a loop, so that no term can forget either. Each work-group
takes an equal share of the items that there are, since only the device knows how many that is: where few fibers are
awake, the first groups would have all the work, and one core of a CPU does many groups in a row. The second dimension
of a launch counts replicas: each sees its own slice of every array, and no term knows that there are others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from physim.device import Device, Launch, prepare
from physim.state import ARRAYS
from physim.step import Kernel, Term, kernel_source
from physim.world import STATUS, WORLD, c_struct

CHUNK = 256
"""Elements that one work-item adds up in the reductions and scans, in order."""

DOMAINS = {
    "cell": "status->cells",
    "row": "status->rows",
    "room": "world->stride",
    "octet": "(status->cells + 7) / 8",
    "strip": "(status->cells + LANES - 1) / LANES",
    "unknown": "world->unknowns",
    "chunk": f"(world->unknowns + status->awake + {CHUNK - 1}) / {CHUNK}",
    "node": "world->nodes",
    "segment": "world->segments",
    "chain": "world->chains",
    "fiber": "status->fibers",
    "fiber_row": "world->fiber_rows",
    "obstacle": "world->obstacles",
    "branch": "world->branches",
    "crosslink": "world->crosslinks",
    "hold": "world->crosslinks * 2",
    "vertex": "status->cells * world->shell",
    "awake": "status->awake",
    "one": "1u",
}
_PROLOGUE = f"#define CHUNK {CHUNK}\n" + c_struct("World", WORLD) + c_struct("Status", STATUS)


def struct_name(term: Term) -> str:
    return type(term).__name__


def parameters(term: Term) -> list[str]:
    """Names of the numeric parameters that the kernels see, in order."""
    return [name for name, info in type(term).model_fields.items() if info.annotation in (float, int)]


def parameter_record(term: Term) -> np.ndarray:
    """The term's parameters as the bytes of its C struct."""
    names = parameters(term) or ["unused"]
    kinds = ["i4" if type(term).model_fields[n].annotation is int else "f4" for n in names if n != "unused"] or ["f4"]
    record = np.zeros((), np.dtype(list(zip(names, kinds, strict=True))))
    for name in parameters(term):
        record[name] = getattr(term, name)
    return record


def prototype(term: Term, kernel: Kernel) -> str:
    """The C function that `kernels/<term>.cl` must define for this kernel."""
    arguments = [
        "uint i",
        "__constant World *world",
        "__global Status *status",
        f"__constant {struct_name(term)} *term",
    ]
    for name in kernel.arrays:
        const = "const " if kernel.is_read_only(name) else ""
        arguments.append(f"__global {const}{_pointee(name)} *{name}")
    return f"void {kernel.name}({', '.join(arguments)})"


def source(term: Term) -> tuple[str, str]:
    """Generated text before and after the term's own file."""
    record = parameter_record(term)
    before = _PROLOGUE + "".join(kernel_source(name) for name in term.headers)
    before += c_struct(struct_name(term), record.dtype)
    after = '#line 1 "generated kernels"\n'
    for kernel in own_kernels(term):
        text = prototype(term, kernel)
        before += text + ";\n"
        call = ", ".join(["i", "world", "status", "term", *kernel.arrays])
        guard = f" || !status->{kernel.when}" if kernel.when else ""
        signature = re.sub(r"\(uint i, ", "(", text).replace(f"void {kernel.name}", f"__kernel void run_{kernel.name}")
        fields = "".join(f"uint {name}; " for name in kernel.arrays or ("unused",))
        slices = "".join(f"  {name} += replica * slice.{name};\n" for name in kernel.arrays)
        after += (
            f"typedef struct {{ {fields}}} Slice_{kernel.name};\n"
            f"{signature[:-1]}, Slice_{kernel.name} slice) {{\n"
            "  size_t replica = get_global_id(1);\n  world += replica, status += replica, term += replica;\n"
            f"  if (status->halt{guard}) return;\n{slices}"
            f"  uint count = {DOMAINS[kernel.per]};\n"
            "  uint share = (count + get_num_groups(0) - 1) / get_num_groups(0);\n"
            "  uint begin = get_group_id(0) * share, end = min(begin + share, count);\n"
            f"  for (uint i = begin + get_local_id(0); i < end; i += get_local_size(0)) {kernel.name}({call});\n}}\n"
        )
    return before, after


def own_kernels(term: Term) -> tuple[Kernel, ...]:
    """The functions that the term's file defines, each once: not those that primitives carry out."""
    inside = (kernel for stage in term.stages.values() for kernel in stage)
    return tuple(dict.fromkeys(k for k in (*term.kernels, *term.products, *inside) if not k.primitive))


def launches(
    device: Device, terms: Sequence[Term], buffers: dict[str, Any], items: dict[str, int]
) -> dict[Kernel, Launch]:
    """A prepared launch for each kernel of a term, given for each replica; `items` bounds the count of each domain."""
    term, replicas = terms[0], len(terms)
    before, after = source(term)
    program = device.build(before, term.kernel_file(), after)
    words = b"".join(parameter_record(each).tobytes() for each in terms)
    constants = device.empty(f"term {term.name}", len(words))
    device.upload(constants, np.frombuffer(words, np.uint8))
    result = {}
    for kernel in own_kernels(term):
        if any(name not in buffers for name in kernel.arrays):
            continue  # only used where fibers move
        slices = [buffers[name].size // replicas // _pointee_bytes(name) for name in kernel.arrays] or [0]
        arguments = [buffers["world"], buffers["status"], constants, *(buffers[name] for name in kernel.arrays),
                     np.array(slices, np.uint32)]  # fmt: skip
        launch = result[kernel] = prepare(
            device, term.name, kernel.name, program, items[kernel.per], arguments, f"run_{kernel.name}"
        )
        launch.when = kernel.when
        launch.nbytes = sum(buffers[name].size * (2 if name in kernel.adds else 1) for name in kernel.arrays)
    return result


def _pointee(name: str) -> str:
    kind = ARRAYS[name].type
    return "half" if kind == "half2" else kind


def _pointee_bytes(name: str) -> int:
    return ARRAYS[name].item_bytes // (2 if ARRAYS[name].type == "half2" else 1)
