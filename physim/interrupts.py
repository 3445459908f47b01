"""Ctrl-C and SIGTERM: never in the middle of a step, always answered."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held() -> Iterator[None]:
    """Ctrl-C within is kept until the end, where it is raised as KeyboardInterrupt (or goes to its own handler)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[Any] = []
    old = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *what: came.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
    if came and callable(old):
        old(*came[0])


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM within, as batch systems send it before they kill, is answered like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGTERM"):
        yield
        return
    old = signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
