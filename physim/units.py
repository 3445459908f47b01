"""Unit strings at the input edge: "2 mg/ml", "24 h", "5 kPa" become floats in internal units (um, min, nN, mg/ml, nM).

A unit is a product of powers ("nN min/um", "1/min", "nN/um^2"); every unit is a factor times a vector of dimensions
(length, time, force, mass density, concentration). Plain numbers are taken as already internal.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_DIMENSIONS = ("um", "min", "nN", "mg/ml", "nM")
# name: (factor to internal units, powers of um, min, nN, mg/ml, nM)
_UNITS: dict[str, tuple[float, tuple[int, ...]]] = {
    "nm": (1e-3, (1, 0, 0, 0, 0)), "um": (1.0, (1, 0, 0, 0, 0)), "µm": (1.0, (1, 0, 0, 0, 0)),
    "μm": (1.0, (1, 0, 0, 0, 0)), "mm": (1e3, (1, 0, 0, 0, 0)), "cm": (1e4, (1, 0, 0, 0, 0)),
    "ms": (1 / 60000, (0, 1, 0, 0, 0)), "s": (1 / 60, (0, 1, 0, 0, 0)), "min": (1.0, (0, 1, 0, 0, 0)),
    "h": (60.0, (0, 1, 0, 0, 0)), "d": (1440.0, (0, 1, 0, 0, 0)), "day": (1440.0, (0, 1, 0, 0, 0)),
    "days": (1440.0, (0, 1, 0, 0, 0)),
    "pN": (1e-3, (0, 0, 1, 0, 0)), "nN": (1.0, (0, 0, 1, 0, 0)), "uN": (1e3, (0, 0, 1, 0, 0)),
    "N": (1e9, (0, 0, 1, 0, 0)), "mN": (1e6, (0, 0, 1, 0, 0)), "m": (1e6, (1, 0, 0, 0, 0)),
    "Pa": (1e-3, (-2, 0, 1, 0, 0)), "kPa": (1.0, (-2, 0, 1, 0, 0)), "MPa": (1e3, (-2, 0, 1, 0, 0)),
    "mmHg": (0.133322, (-2, 0, 1, 0, 0)), "cmH2O": (0.0980665, (-2, 0, 1, 0, 0)),
    "fJ": (1.0, (1, 0, 1, 0, 0)), "pJ": (1e3, (1, 0, 1, 0, 0)),
    "mg": (1.0, (3, 0, 0, 1, 0)), "g": (1e3, (3, 0, 0, 1, 0)), "ml": (1.0, (3, 0, 0, 0, 0)),
    "nM": (1.0, (0, 0, 0, 0, 1)), "uM": (1e3, (0, 0, 0, 0, 1)), "pM": (1e-3, (0, 0, 0, 0, 1)),
}  # fmt: skip
# "mg" and "ml" only occur together, as a density; as a volume 1 ml would be 1e12 um^3.
_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")
_FACTOR = re.compile(r"^(cmH2O|[A-Za-zµμ]+)(?:\^(-?\d))?$")


@dataclass(frozen=True)
class Unit:
    """The unit that a quantity is written in, read in and stored with."""

    text: str

    @property
    def factor(self) -> float:
        return parse_unit(self.text)[0]

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Marks the number with its unit; `physim.schema` allows text beside it."""
        return {**handler(core_schema), "unit": self.text}


def parse_unit(text: str) -> tuple[float, tuple[int, ...]]:
    """Factor and dimension powers of a unit such as "nN min/um^2". Raises ValueError naming the part it cannot read."""
    factor, powers, sign = 1.0, [0] * len(_DIMENSIONS), 1
    text = text.strip()
    for token in re.findall(r"[^\s*/]+|/", text):
        if token == "/":
            sign = -1
            continue
        if token == "1":
            continue
        match = _FACTOR.match(token)
        if match is None or match[1] not in _UNITS:
            raise ValueError(f"unknown unit '{token[:40]}'; known: {', '.join(sorted(_UNITS, key=str.lower))}")
        power = sign * int(match[2] or 1)
        unit_factor, unit_powers = _UNITS[match[1]]
        factor *= unit_factor**power
        powers = [p + power * q for p, q in zip(powers, unit_powers, strict=True)]
    return factor, tuple(powers)


def parse_quantity(value: Any, unit: str) -> float:
    """Value in internal units of "3 kPa" (or of a plain number) where `unit` is expected. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"must be a quantity such as {_example(unit)}")
    if isinstance(value, str):
        if len(value) > 60:
            raise ValueError(f"{len(value)} characters are no quantity; write e.g. {_example(unit)}")
        match = _NUMBER.match(value)
        if match is None:
            raise ValueError(f"'{value}' is no number with a unit; write e.g. {_example(unit)}")
        number, text = float(match[1]), match[2]
        if text or unit:
            factor, powers = parse_unit(text)
            if powers != parse_unit(unit)[1]:
                got = f"'{text}'" if text else "no unit"
                raise ValueError(f"has {got} where {unit or 'a plain number'} is expected; write e.g. {_example(unit)}")
            number *= factor
    else:
        number = float(value) * parse_unit(unit)[0]
    if not math.isfinite(number):
        raise ValueError("must be finite")
    return number


def clock(total: float) -> tuple[float, str]:
    """Minutes in a unit in which to tell times up to `total` min, and that unit: h, or s below a tenth of an hour."""
    return (60.0, "h") if total >= 6 * (1 - 1e-9) else (1 / 60, "s")


def told_step(minutes: float) -> str:
    """A time step: "0.1 min", or "1 ms"."""
    return f"{minutes:g} min" if minutes >= 1e-3 else f"{60000 * minutes:.4g} ms"


def told(minutes: float) -> str:
    """A time by itself: "2.5 h", or "0.1 s" where it is less than a hundredth of an hour."""
    return f"{minutes / 60:g} h" if minutes >= 0.6 or not minutes else f"{60 * minutes:.4g} s"


def format_quantity(value: float, unit: str) -> str | float:
    """The quantity as it is written into a resolved scenario; reading it back gives the same float."""
    factor = parse_unit(unit)[0]
    for digits in (6, 9, 12, 15, 17):
        text = f"{value / factor:.{digits}g}"
        if float(text) * factor == value:
            break
    return f"{text} {unit}" if unit else float(text)


def text_pattern(unit: str, *, negative: bool = True) -> str:
    """Regular expression of the texts that `parse_quantity` takes for this unit.

    Where single units of its dimension are all there is (lengths, times, forces), only these; of compound units the
    spelling alone is checked.
    """
    sign = "[-+]?" if negative else r"\+?"
    number = rf"{sign}(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
    if not unit:
        return rf"^\s*{number}\s*$"
    powers = parse_unit(unit)[1]
    same = [name for name, (_, dimension) in _UNITS.items() if dimension == powers]
    if same and sum(map(abs, powers)) == 1:
        return rf"^\s*{number}\s*({'|'.join(same)})\s*$"
    word = rf"(1|({'|'.join(sorted(_UNITS, key=len, reverse=True))})(\^-?\d)?)"
    return rf"^\s*{number}\s*{word}(\s*[*/]\s*{word}|\s+{word})*\s*$"


def _example(unit: str) -> str:
    return f'"10 {unit}"' if unit else "1.5"


def quantity(unit: str) -> Any:
    """The annotated float type of a quantity with this unit; plain numbers in TOML are taken to be in `unit`."""
    return Annotated[
        float,
        Unit(unit),
        BeforeValidator(lambda value: parse_quantity(value, unit)),
        PlainSerializer(lambda value: format_quantity(value, unit), when_used="json"),
    ]


Number = quantity("")
Micron = quantity("um")
Minute = quantity("min")
SquareMicron = quantity("um^2")
PerMinute = quantity("1/min")
PerMicron = quantity("1/um")
MicronPerMinute = quantity("um/min")
SquareMicronPerMinute = quantity("um^2/min")
Nanonewton = quantity("nN")
NanonewtonPerMicron = quantity("nN/um")
NanonewtonPerCubicMicron = quantity("nN/um^3")
NanonewtonPerSquareMicron = quantity("nN/um^2")
Kilopascal = quantity("kPa")
KilopascalMinute = quantity("kPa min")
KilopascalPerMicron = quantity("kPa/um")
NanonewtonMicron = quantity("nN um")
NanonewtonSquareMicron = quantity("nN um^2")
Drag = quantity("nN min/um")
DragPerMicron = quantity("nN min/um^2")
DragPerCubicMicron = quantity("nN min/um^3")
MilligramPerMilliliter = quantity("mg/ml")
Nanomolar = quantity("nM")
