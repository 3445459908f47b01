"""Ctrl-C and SIGTERM: never in the middle of a step, always answered."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held() -> Iterator[None]:
    """Ctrl-C and SIGTERM within are kept until the end, and then go to the handlers that they have."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    answered: dict[int, Any] = {number: handler for number, handler in old.items() if callable(handler)}
    for number in answered:
        signal.signal(number, lambda *what: came.append(what))
    try:
        yield
    finally:
        for number, handler in answered.items():
            signal.signal(number, handler)
    if came:
        answered[came[0][0]](*came[0])


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM within, as batch systems send it before they kill, is a KeyboardInterrupt, as Ctrl-C is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
