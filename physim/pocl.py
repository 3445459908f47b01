"""What PoCL from the wheel needs before it builds: a processor name that it knows.

PoCL 3.0 carries LLVM 14. On a processor newer than that LLVM it falls back to the name "generic", which its own
compiler then refuses ("unknown target CPU 'generic'"), so that no kernel builds. We replace that name in the
device record, before the first build, by the newest x86 generation whose instructions this machine has.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

_KNOWN_GENERATIONS: tuple[tuple[bytes, set[str]], ...] = (
    (b"skylake-avx512", {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "bmi2", "adx"}),
    (b"haswell", {"avx2", "fma", "bmi1", "bmi2", "f16c"}),
    (b"x86-64", set()),
)
_DEVICE_RECORD_BYTES = 2048
_kept_alive: list[Any] = []


def name_processor(device: Any) -> str:
    """Replace the processor name "generic" in a PoCL device record; returns the name set, "" if none was needed."""
    if not device.version.rstrip().endswith("-generic"):
        return ""
    flags = _processor_flags()
    name = next(name for name, needed in _KNOWN_GENERATIONS if needed <= flags)
    readable = _readable_ranges()
    for offset in range(0, _DEVICE_RECORD_BYTES, 8):
        address = device.int_ptr + offset
        if not _within(readable, address, 8):
            break
        field = ctypes.c_uint64.from_address(address)
        if _within(readable, field.value, 8) and ctypes.string_at(field.value, 8) == b"generic\0":
            text = ctypes.create_string_buffer(name)
            _kept_alive.append(text)
            field.value = ctypes.addressof(text)
            return name.decode()
    return ""


def _processor_flags() -> set[str]:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


def _readable_ranges() -> list[tuple[int, int]]:
    ranges = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, permissions = line.split()[:2]
        if permissions.startswith("r"):
            low, high = (int(text, 16) for text in span.split("-"))
            ranges.append((low, high))
    return ranges


def _within(ranges: list[tuple[int, int]], address: int, count: int) -> bool:
    return any(low <= address and address + count <= high for low, high in ranges)
