"""Main memory: how much a process may still take, and refusing what needs more before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from physim.errors import InputError

GIB = 2.0**30
SHARE = 0.9
"""Of what is free, so much may be planned for."""


def available() -> int:
    """Bytes that this process can still get: of the machine, of its control group, of its own limit; 0 if unknown."""
    return min((limit for limit in _limits() if limit > 0), default=0)


def require(need: float, place: str, what: str, remedy: str) -> None:
    """Raise InputError if `what`, asked for at `place`, needs more bytes than there are."""
    have = available()
    if have and need > SHARE * have:
        raise InputError(
            f"{place}: {what} need about {need / GIB:.2f} GiB of memory, {have / GIB:.2f} GiB are free; {remedy}"
        )


def _limits() -> Iterator[int]:
    """Each bound that the system tells; a used-up one is 1 byte."""
    status = _fields(Path("/proc/self/status"))
    yield 1024 * _fields(Path("/proc/meminfo")).get("MemAvailable", 0)
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        if soft != resource.RLIM_INFINITY:
            yield max(1, soft - 1024 * status.get("VmSize", 0))
    with suppress(OSError, ValueError):
        group = Path("/proc/self/cgroup").read_text("ascii").strip().rpartition("::")[2].lstrip("/")
        for folder in (Path("/sys/fs/cgroup") / group, Path("/sys/fs/cgroup")):
            with suppress(OSError, ValueError):
                most = int((folder / "memory.max").read_text("ascii"))  # "max": no limit, a ValueError
                used = int((folder / "memory.current").read_text("ascii"))
                cached = _fields(folder / "memory.stat").get("inactive_file", 0)
                yield max(1, most - used + cached)


def _fields(path: Path) -> dict[str, int]:
    """The numbers of a file of lines such as "MemFree:  123 kB"."""
    numbers = {}
    with suppress(OSError, ValueError):
        for line in path.read_text("ascii").splitlines():
            words = line.replace(":", " ").split()
            if len(words) > 1 and words[1].isdecimal():
                numbers[words[0]] = int(words[1])
    return numbers
