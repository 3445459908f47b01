"""Time per kernel from device events: the rows of `physim run --profile`."""

from __future__ import annotations

from typing import Any

from physim.device import Device, Launch


class Profile:
    """Collects the events of a batch; events are read after the batch, so that profiling does not change the order."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._pending: list[tuple[Launch, Any]] = []
        self._rows: dict[tuple[str, str], list[float]] = {}

    def note(self, launch: Launch, event: Any) -> None:
        self._pending.append((launch, event))

    def collect(self) -> None:
        for launch, event in self._pending:
            row = self._rows.setdefault((launch.term, launch.name), [0.0, 0.0])
            row[0] += (event.profile.end - event.profile.start) * 1e-6
            row[1] += 1
        self._pending.clear()

    def table(self, steps: int, host_reads: int) -> str:
        """Kernels by their share of device time: ms per step, launches per step."""
        total = sum(row[0] for row in self._rows.values()) or 1.0
        lines = [f"{'term':12} {'kernel':20} {'ms/step':>9} {'share':>6} {'launches/step':>14}"]
        for (term, name), (ms, launches) in sorted(self._rows.items(), key=lambda item: -item[1][0]):
            lines.append(f"{term:12} {name:20} {ms / steps:9.4f} {ms / total:6.1%} {launches / steps:14.1f}")
        lines.append(f"{'all':12} {'':20} {total / steps:9.4f} {1:6.0%}   host reads: {host_reads} in {steps} steps")
        return "\n".join(lines)
