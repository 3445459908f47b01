"""Time per kernel from device events: the rows of `physim run --profile`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from physim.device import Device, Launch


@dataclass
class _Row:
    ms: float = 0.0
    launches: int = 0
    when: str = ""
    nbytes: int = 0


class Profile:
    """Collects the events of a batch; events are read after the batch, so that profiling does not change the order."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._pending: list[tuple[Launch, Any]] = []
        self._rows: dict[tuple[str, str], _Row] = {}

    def note(self, launch: Launch, event: Any) -> None:
        self._pending.append((launch, event))

    def collect(self) -> None:
        for launch, event in self._pending:
            row = self._rows.setdefault((launch.term, launch.name), _Row(when=launch.when, nbytes=launch.nbytes))
            row.ms += (event.profile.end - event.profile.start) * 1e-6
            row.launches += 1
        self._pending.clear()

    def table(self, status: Mapping[str, int], host_reads: int, bandwidth: float) -> str:
        """Kernels by their share of device time.

        ms, launches and MB per step; GB/s over the bandwidth of a copy. MB are the arrays that a kernel declares, in
        full, in the launches that did not return at once: more than it moves where lists are not full, and out of a
        cache more than memory gives. `status` are the counters of the device.
        """
        steps = max(1, status["step"])
        total = sum(row.ms for row in self._rows.values()) or 1.0
        lines = [f"{'term':12} {'kernel':20} {'ms/step':>9} {'share':>6} {'launches/step':>14} {'MB/step':>9} "
                 f"{'of copy':>8}"]  # fmt: skip
        for (term, name), row in sorted(self._rows.items(), key=lambda item: -item[1].ms):
            worked = {"rebuild": status["rebuilds"], "solving": status["total_iterations"], "births": 0}
            moved = row.nbytes * min(worked.get(row.when, row.launches), row.launches)
            share = f"{moved / (row.ms * 1e-3) / bandwidth:8.0%}" if moved and row.ms else f"{'-':>8}"
            lines.append(f"{term:12} {name:20} {row.ms / steps:9.4f} {row.ms / total:6.1%} "
                         f"{row.launches / steps:14.1f} {moved / steps / 1e6:9.3f} {share}")  # fmt: skip
        lines.append(f"{'all':12} {'':20} {total / steps:9.4f} {1:6.0%}   host reads: {host_reads} in {steps} steps; "
                     f"copying a buffer: {bandwidth / 1e9:.1f} GB/s")  # fmt: skip
        return "\n".join(lines)
