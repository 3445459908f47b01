"""Numbers that the environment sets, e.g. PHYSIM_PATIENCE: read where they are needed, checked before any command."""

from __future__ import annotations

import os
from dataclasses import dataclass

from physim.errors import InputError


@dataclass(frozen=True)
class Setting:
    """Default and limits of a number; `unit` is for the message."""

    default: float
    least: float
    most: float
    unit: str = ""
    whole: bool = False


SETTINGS = {
    "PHYSIM_WORKGROUP": Setting(64, 1, 65536, "work-items", whole=True),
    "PHYSIM_PATIENCE": Setting(900, 0.1, 1e9, "seconds"),
    "PHYSIM_CHECKPOINT_SECONDS": Setting(30, 0, 1e9, "seconds"),
}


def number(name: str) -> float:
    """The setting `name` of the environment, or its default. Raises InputError if it is no number within its limits."""
    setting, text = SETTINGS[name], os.environ.get(name, "").strip()
    if not text:
        return setting.default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not setting.least <= value <= setting.most or (setting.whole and not value.is_integer()):
        kind = "whole number" if setting.whole else "number"
        raise InputError(
            f"{name}: '{text[:40]}' is no {kind} from {setting.least:g} to {setting.most:g} ({setting.unit}); "
            f"write e.g. {name}={setting.default:g}, or unset it"
        )
    return value


def check() -> None:
    """Raise InputError, a line each, for the settings that are wrong."""
    lines: list[str] = []
    for name in SETTINGS:
        try:
            number(name)
        except InputError as error:
            lines += error.problems
    if lines:
        raise InputError(*lines)
