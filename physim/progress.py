"""The progress of a run: a bar in a terminal, a plain line every 10 % elsewhere (log files, batch jobs)."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from physim.problems import number_of
from physim.units import clock


def say(text: str) -> None:
    """Print for a reader who may have gone, as in `physim run invasion | head -3`: the run goes on without."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """Simulated time, steps per second, time left, cells and links, for `total` steps of `step` min from `first` on."""

    def __init__(self, label: str, total: int, step: float, first: int = 0) -> None:
        self.label, self.total, self.step, self.first = label, total, step, first
        self._begin = time.perf_counter()
        self._said = 10 * first // max(1, total)
        self._bar: Any = None
        if sys.stdout.isatty():
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.percentage:3.0f} %  {task.fields[words]}"),
                TimeRemainingColumn(),
                console=Console(file=sys.stdout),
                transient=True,
            )
            self._task = self._bar.add_task(label, total=total, completed=first, words="")

    def __enter__(self) -> Progress:
        self._begin = time.perf_counter()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, *, cells: int, links: int | None) -> None:
        """Say how far the run is: `done` steps of the total; links as of the last record."""
        spent, new = max(time.perf_counter() - self._begin, 1e-9), done - self.first
        minutes, unit = clock(self.total * self.step)
        words = (
            f"{done * self.step / minutes:.2f} of {self.total * self.step / minutes:.6g} {unit}, "
            f"{new / spent:,.0f} steps/s, "
            + number_of(cells, "cell") + ("" if links is None else f", {number_of(links, 'link')}")
        )
        if self._bar is not None:
            self._bar.update(self._task, completed=done, words=words)
        elif 10 * done // self.total > self._said:
            self._said = 10 * done // self.total
            left = spent * (self.total - done) / max(1, new)
            say(f"{self.label}: {100 * done // self.total:3d} %  {words}, {left:.0f} s left")
