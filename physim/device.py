"""The OpenCL device: choosing it, building kernels for it, accounting its memory, waiting without blocking Ctrl-C."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physim import kernel_cache, memory, pocl, settings
from physim.errors import DeviceError, DeviceFailureError, StuckDeviceError
from physim.step import kernel_source

HEADERS = ("vector.h", "fixed_point.h", "random.h", "grid.h", "lanes.h", "pairs.h", "fibers.h")
_GIB = 2.0**30
_WORTH_A_LOOK = 1 << 20
"""Bytes of a buffer: to ask the system what is free costs more than to make a smaller one."""
_opened: dict[Any, tuple[Any, dict[str, Any]]] = {}
"""Context and programs (by source) of each device that this process has opened: what is built is built once."""
_spare_kernels: dict[tuple[Any, str], list[Any]] = {}
"""Kernels that no launch uses at the moment, by program and name: PoCL keeps 2 kB of each that is made, for ever."""


@dataclass(frozen=True)
class Found:
    """One device of the list, with the reason why it can or cannot be used."""

    handle: Any
    label: str
    kind: str
    usable: bool
    reason: str


def find_devices() -> tuple[list[Found], str]:
    """All OpenCL devices with a verdict on each, GPUs first, and a line on the kernel cache."""
    cache_note = kernel_cache.prepare_cache()
    import pyopencl as cl

    found: list[Found] = []
    try:
        platforms = cl.get_platforms()
    except cl.Error:
        platforms = []
    for platform in platforms:
        try:
            devices = platform.get_devices()
        except cl.Error:
            continue
        for device in devices:
            kind = "GPU" if device.type & cl.device_type.GPU else "CPU" if device.type & cl.device_type.CPU else "other"
            label = f"{device.name.strip()} ({platform.name.strip()})"
            reason = _objection(device, platform, kind)
            found.append(Found(device, label, kind, not reason, reason or "usable"))
    found.sort(key=lambda item: {"GPU": 0, "CPU": 1, "other": 2}[item.kind])
    return found, cache_note


def _objection(device: Any, platform: Any, kind: str) -> str:
    """Why a device cannot be used, or an empty string."""
    text = (platform.name + device.name).lower()
    if "oclgrind" in text or "simulator" in text:
        return "a simulated device: it checks kernels, it does not run physics"
    if kind == "other":
        return "neither a GPU nor a CPU"
    if not device.available or not device.compiler_available:
        return "not available, or without a compiler"
    if "cl_khr_fp64" not in device.extensions:
        return "no double precision (cl_khr_fp64), which the fixed-order sums of the implicit solve need"
    return ""


def choose(name: str | None = None) -> Found:
    """The device to use: the one whose label or list number matches `name` or PHYSIM_DEVICE, else a GPU, else a CPU."""
    found, _ = find_devices()
    wanted = name or os.environ.get("PHYSIM_DEVICE") or ""
    usable = [item for item in found if item.usable]
    if wanted:
        matches = [
            f for k, f in enumerate(found) if wanted == str(k) or wanted.lower() in (f.kind + " " + f.label).lower()
        ]
        if not matches:
            labels = "; ".join(f.label for f in found) or "none"
            raise DeviceError(f"device: '{wanted}' matches no OpenCL device; found: {labels} (see `physim devices`)")
        if not matches[0].usable:
            raise DeviceError(f"device: {matches[0].label} cannot be used: {matches[0].reason}; choose another")
        return matches[0]
    if not usable:
        why = "; ".join(f"{f.label}: {f.reason}" for f in found) or "no OpenCL platform found"
        raise DeviceError(f"device: no usable OpenCL device ({why}); on Linux `pip install pocl-binary-distribution`")
    return usable[0]


def describe_devices() -> str:
    """What was found, what would be used and why: the text of `physim devices`."""
    found, cache_note = find_devices()
    lines = [f"{k}  {f.kind:5} {f.label}: {f.reason}" for k, f in enumerate(found)] or ["no OpenCL platform found"]
    try:
        chosen = choose()
        why = "named in PHYSIM_DEVICE" if os.environ.get("PHYSIM_DEVICE") else f"the first usable {chosen.kind}"
        lines.append(f"physim would use: {chosen.label} ({why}; another with --device NUMBER or NAME)")
    except DeviceError as error:
        lines.append(str(error))
    return "\n".join([*lines, cache_note])


@dataclass
class Device:
    """An opened device: context, in-order queue, programs built so far, bytes allocated so far by name."""

    found: Found
    profiling: bool = False
    allocated: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import pyopencl as cl

        self.cl: Any = cl
        handle = self.found.handle
        self.processor = pocl.name_processor(handle) if "portable computing" in handle.platform.name.lower() else ""
        try:
            if handle not in _opened:
                _opened[handle] = cl.Context([handle]), {}
            self.context, self._programs = _opened[handle]
            properties = self.cl.command_queue_properties.PROFILING_ENABLE if self.profiling else 0
            self.queue = self.cl.CommandQueue(self.context, properties=properties)
        except cl.Error as error:
            raise DeviceError(
                f"device: {self.found.label} could not be opened ({error}); try another, or --device CPU"
            ) from None
        self.lanes = 8 if self.found.kind == "CPU" else 1
        self.work_group = min(int(settings.number("PHYSIM_WORKGROUP")), handle.max_work_group_size)
        self.patience = settings.number("PHYSIM_PATIENCE")
        """Seconds after which a batch of a quarter of a second, or the first two steps of a run, counts as stuck."""
        self.most_items = 64 * handle.max_compute_units * self.work_group
        self._headers = "".join(_numbered(f"kernels/{name}", kernel_source(name)) for name in HEADERS)

    def info(self) -> dict[str, Any]:
        handle = self.found.handle
        return {"device": self.found.label, "kind": self.found.kind, "version": handle.version,
                "driver": handle.driver_version, "compute_units": handle.max_compute_units,
                "work_group": self.work_group, "processor_named": self.processor}  # fmt: skip

    def build(self, prologue: str, file: tuple[str, str], epilogue: str = "") -> Any:
        """Program from headers, prologue, a file (its name and text) and epilogue; DeviceError if it fails."""
        name, text = file
        source = f"#define LANES {self.lanes}\n" + self._headers + prologue + _numbered(name, text) + epilogue
        if source not in self._programs:
            try:
                self._programs[source] = self.cl.Program(self.context, source).build(cache_dir=False)
            except self.cl.Error as error:
                raise DeviceError(
                    f"{name} does not build on {self.found.label}:\n{_readable(str(error), name)}"
                ) from None
        return self._programs[source]

    def reserve(self, sizes: dict[str, int]) -> None:
        """Refuse, with numbers, what the device or the machine cannot hold (PoCL dies where it should refuse)."""
        handle = self.found.handle
        need, have = sum(sizes.values()), handle.global_mem_size
        free = memory.available() if self.found.kind == "CPU" else 0
        if free:
            have = free  # without what is allocated already
        else:
            need += sum(self.allocated.values())
        if need > 0.9 * have:
            top = ", ".join(f"{n} {b / _GIB:.2f}" for n, b in sorted(sizes.items(), key=lambda kv: -kv[1])[:4])
            raise DeviceError(
                f"memory: {need / _GIB:.2f} GiB needed, {have / _GIB:.2f} GiB there on {self.found.label} "
                f"(largest: {top} GiB); use fewer cells, a smaller box or fewer slots"
            )
        name, largest = max(sizes.items(), key=lambda kv: kv[1], default=("", 0))
        if largest > handle.max_mem_alloc_size:
            raise DeviceError(
                f"memory: array '{name}' needs {largest / _GIB:.2f} GiB, {self.found.label} allows "
                f"{handle.max_mem_alloc_size / _GIB:.2f} GiB in one piece; use fewer cells or fibers"
            )

    def empty(self, name: str, nbytes: int) -> Any:
        """A buffer of zeros, counted under its name."""
        nbytes = max(int(nbytes), 16)
        more = nbytes - self.allocated.pop(name, 0)
        if more > _WORTH_A_LOOK:
            self.reserve({name: more})
        with self.answering(f"allocate {nbytes:,} bytes for '{name}'"):
            buffer = self.cl.Buffer(self.context, self.cl.mem_flags.READ_WRITE, size=nbytes)
            self.cl.enqueue_fill_buffer(self.queue, buffer, np.zeros(1, np.uint32), 0, nbytes // 4 * 4)
        self.allocated[name] = nbytes
        return buffer

    def upload(self, buffer: Any, values: np.ndarray, offset: int = 0) -> None:
        if values.nbytes:
            self.wait(
                self.cl.enqueue_copy(
                    self.queue, buffer, np.ascontiguousarray(values), dst_offset=offset, is_blocking=False
                )
            )

    def download(self, buffer: Any, dtype: Any, count: int, offset: int = 0) -> np.ndarray:
        values = np.empty(count, dtype)
        if values.nbytes:
            self.wait(self.cl.enqueue_copy(self.queue, values, buffer, src_offset=offset, is_blocking=False))
        return values

    @contextmanager
    def answering(self, what: str) -> Iterator[None]:
        """Turns an OpenCL error of a call into a DeviceFailureError that says what was tried."""
        try:
            yield
        except self.cl.Error as error:
            code = getattr(error, "code", 0)
            raise self._failure(f"could not {what}", code) from None

    def _failure(self, what: str, code: int) -> DeviceFailureError:
        names = [name for name in dir(self.cl.status_code) if getattr(self.cl.status_code, name) == code]
        memory = code in (-4, -5, -6) or any("ALLOC" in name for name in names)
        remedy = "use fewer cells, a smaller box or another device" if memory else "try another device with --device"
        said = f"device: {self.found.label} {what} (OpenCL {code} {' '.join(names[:1])})"
        return DeviceFailureError(f"{said}; recorded frames are whole; {remedy}")

    def copy(self, source: Any, target: Any, nbytes: int, source_offset: int = 0, target_offset: int = 0) -> None:
        """Bytes from one buffer into another, both on the device."""
        self.wait(self.cl.enqueue_copy(self.queue, target, source, byte_count=nbytes,
                                       src_offset=source_offset, dst_offset=target_offset))  # fmt: skip

    def wait(self, event: Any) -> None:
        """Wait by polling, so that Ctrl-C is answered; DeviceFailureError if the command fails or does not end."""
        self.queue.flush()
        pause, complete, begin = 2e-5, self.cl.command_execution_status.COMPLETE, time.monotonic()
        while (status := event.command_execution_status) > complete:
            time.sleep(pause)
            pause = min(2 * pause, 2e-3)
            if time.monotonic() - begin > self.patience:
                raise StuckDeviceError(
                    f"device: {self.found.label} has not answered for {self.patience:g} s; recorded frames are whole; "
                    "PHYSIM_PATIENCE sets how many seconds to wait"
                )
        if status < 0:
            raise self._failure("failed", status)

    def copy_bandwidth(self, nbytes: int = 1 << 26, repeats: int = 5) -> float:
        """Bytes per second that the device reads and writes when it copies a buffer, best of some tries."""
        here, there, best = self.empty("copied from", nbytes), self.empty("copied to", nbytes), 0.0
        for _ in range(repeats):
            begin = time.perf_counter()
            self.copy(here, there, nbytes)
            best = max(best, 2 * nbytes / (time.perf_counter() - begin))
        for name, buffer in (("copied from", here), ("copied to", there)):
            buffer.release()
            del self.allocated[name]
        return best

    def drain(self) -> None:
        self.wait(self.cl.enqueue_marker(self.queue))


def _numbered(name: str, text: str) -> str:
    return f'#line 1 "{name}"\n{text}\n'


def _readable(message: str, name: str) -> str:
    """The compiler's own lines, which name the kernel's file and line, without the noise around them."""
    lines = [line for line in message.splitlines() if name in line or "kernels/" in line or "error" in line.lower()]
    return "\n".join(dict.fromkeys(lines[:12])) or message[:2000]


@dataclass
class Launch:
    """A kernel with its arguments set, ready to be enqueued again and again."""

    term: str
    name: str
    kernel: Any
    global_size: tuple[int]
    local_size: tuple[int]
    arguments: tuple[Any, ...]
    """Kept here because a kernel does not keep its buffers alive."""
    when: str = ""
    """Status word that must be set, else the kernel returns at once."""
    nbytes: int = 0
    """Of the arrays that it declares: each once, twice if it adds to them."""
    most: int = 1 << 31
    """Items of all replicas together that the device wants at once."""
    spare: list[Any] = field(default_factory=list, repr=False)
    """Where the kernel goes when the launch is no longer needed."""

    def shape(self, first: int, replicas: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Global size, local size and offset for so many replicas from the first one on, as the second dimension."""
        (size,), (local,) = self.global_size, self.local_size
        size = min(size, max(self.most // replicas // local, 1) * local)
        return (size, replicas), (local, 1), (0, first)

    def __del__(self) -> None:
        self.spare.append(self.kernel)


def prepare(
    device: Device, term: str, name: str, program: Any, items: int, arguments: Sequence[Any], kernel: str = ""
) -> Launch:
    """Launch of `kernel` over `items` items; more items than the device wants at once are taken by a stride loop."""
    spare = _spare_kernels.setdefault((program, kernel or name), [])
    handle = spare.pop() if spare else device.cl.Kernel(program, kernel or name)
    handle.set_args(*arguments)
    local = device.work_group
    size = min(-(-max(items, 1) // local) * local, device.most_items)
    if items <= 1:
        size = local = 1
    return Launch(term, name, handle, (size,), (local,), tuple(arguments), most=device.most_items, spare=spare)
