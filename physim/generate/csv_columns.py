"""CSV tables with a header, as image-analysis tools and spreadsheets write them: which column is what, line by line.

Used by `positions_csv` (cells) and `fibers_csv` (fibers). Nothing is read before the file's size is known, no line is
longer than LONGEST_LINE, and a file that is mostly wrong is given up early.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from physim.errors import InputError
from physim.problems import show
from physim.tables import readable_size
from physim.units import parse_unit

LONGEST_LINE = 100_000
MOST_EMPTY = 1_000_000
MOST_LINES = 20
"""Bad rows that are printed."""
MOST_WRONG = 1000
"""Bad rows after which the rest of the file is not read."""
_UNIT = re.compile(
    r"^(.*?)[\s_]*(?:[\[(]\s*([^\])]*?)\s*[\])]|_(um|µm|μm|microns?|nm|mm|px|pixels?|voxels?))$",
    re.IGNORECASE,
)
_MICRON = {"um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", ""}
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Column:
    index: int
    title: str
    factor: float
    """um per unit of the title; NaN for what is no length."""


@dataclass(frozen=True)
class Kind:
    """What a table has to hold. Names are compared without case, spaces and units; the first that is there is taken."""

    names: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]
    lengths: tuple[str, ...]
    remedy: str
    """What a file that is no such table should be."""
    usable: Callable[[str, Column], bool] = lambda key, column: True
    """Of several columns the first is taken that this holds for, if there is one."""


def read(path: Path, largest: int, parse: Callable[[Iterator[str], Path], _Result],
         header: str = "x,y,z") -> _Result:  # fmt: skip
    """`parse` of the lines of a regular text file of at most `largest` bytes. Raises InputError; an empty or binary
    file should rather have that `header`."""
    readable_size(path, largest)
    try:
        with path.open(encoding=_encoding(path, header), newline="") as stream:
            return parse(_lines(stream, path), path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: cannot be read as a table: {error}; save it as CSV in UTF-8") from None


def _encoding(path: Path, header: str) -> str:
    """UTF-8, or Latin-1 as spreadsheets write "µm"; binary files are refused."""
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path.name}: is UTF-16 text; save it as CSV in UTF-8")
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in start):
        raise InputError(f"{path.name}: is no text table but binary; export it as CSV with columns "
                         f"{', '.join(header.split(','))}")  # fmt: skip
    if not start.strip():
        raise InputError(f"{path.name}: is empty; write a header {header} and one row per point")
    head = start[: start.rfind(b"\n") + 1] or start
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _lines(stream: Any, path: Path) -> Iterator[str]:
    """The lines, refusing those so long that they are no row of a table, and files of empty lines."""
    empty = 0
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"{path.name}: has a line of more than {LONGEST_LINE:,} characters; is it a CSV with one point a row?"
            )
        empty += line.isspace()
        if empty > MOST_EMPTY:
            raise InputError(f"{path.name}: has more than {MOST_EMPTY:,} empty lines; is it the right file?")
        yield line


@dataclass
class Table:
    """A header that was understood, and the rows behind it."""

    path: Path
    columns: dict[str, Column]
    decimal_comma: bool
    _reader: Any
    _before: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells of each row, without empty lines, remarks and repeated headers."""
        for row in self._reader:
            line = self._before + self._reader.line_num
            if not row or not "".join(row).strip() or row[0].startswith("#"):
                continue
            if line <= self._before + 3 and _is_second_header(row, self.columns):
                continue
            yield line, row


def open_table(lines: Iterator[str], path: Path, kind: Kind) -> Table:
    """Read the header. Raises InputError where a column that is needed is missing, double or in no unit of length."""
    number, header = 0, ""
    for header in lines:
        number += 1
        if header.strip() and not header.startswith("#"):
            break
    delimiter = max(",;\t", key=header.count)
    titles = next(csv.reader([header], delimiter=delimiter), [])
    reader = csv.reader(lines, delimiter=delimiter)
    return Table(path, _columns(titles, path, kind), delimiter == ";", reader, number)


def _columns(titles: list[str], path: Path, kind: Kind) -> dict[str, Column]:
    """Which column holds what, and the factor that turns its lengths into um."""
    plain: dict[str, list[Column]] = {}
    for index, title in enumerate(titles):
        match = _UNIT.match(title.strip()[:200])
        name, unit = (match[1], match[2] or match[3] or "") if match else (title.strip(), "")
        key = re.sub(r"[\s_\-.]", "", name).lower()
        plain.setdefault(key, []).append(Column(index, title.strip(), _factor(unit)))
    columns, problems, missing = {}, [], []
    for key, aliases in kind.names.items():
        there = [column for alias in aliases for column in plain.get(alias, [])]
        if key in kind.needed and not there:
            missing.append(key)
        elif key in kind.needed and key in kind.lengths and len(there) > 1:
            both = " and ".join(show(column.title) for column in there[:3])
            problems.append(f"{path.name}: columns {both} could both be {key}; remove or rename one")
        elif there:
            columns[key] = next((column for column in there if kind.usable(key, column)), there[0])
            if key in kind.lengths and math.isnan(columns[key].factor):
                problems.append(
                    f"{path.name}: column {show(columns[key].title)} is not in a unit of length; convert it to um"
                )
    if missing:
        known = ", ".join(show(title.strip()) for title in titles[:12])
        problems.append(
            f"{path.name}: has no column {' or '.join(missing)}; the header has {known}: "
            f"name the columns {kind.remedy}"
        )
    if problems:
        raise InputError(*problems)
    return columns


def _factor(unit: str) -> float:
    """um per unit; NaN for what is no length (pixels, voxels)."""
    if unit.lower() in _MICRON:
        return 1.0
    try:
        factor, powers = parse_unit(unit)
    except ValueError:
        return math.nan
    return factor if powers == parse_unit("um")[1] else math.nan


def _is_second_header(row: list[str], columns: dict[str, Column]) -> bool:
    """TrackMate repeats its header in three more ways: long names, short names, units."""
    cells = [row[columns[key].index].strip() for key in "xyz" if key in columns and columns[key].index < len(row)]
    return len(cells) == 3 and all(
        re.fullmatch(r"[XYZ]|\(.*\)|.*position.*", cell, re.IGNORECASE) for cell in cells
    )


def number_in(text: str, title: str, remedy: str) -> float:
    """The finite number that a cell holds. Raises ValueError with what is wrong and the remedy."""
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{title} = {show(text)} is no number; write {remedy}") from None
    if "_" in text:
        raise ValueError(f"{title} = {show(text)} is no number; write it without _")
    if not math.isfinite(number):
        raise ValueError(f"{title} = {show(text)} is not finite; write a number in um")
    return number


class BadRows:
    """The bad rows of a file: the first are kept as lines, the others counted; too many end the reading."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines, self.count = path, [], 0  # type: Path, list[str], int

    def add(self, line: int | str, problem: str) -> None:
        self.count += 1
        if len(self.lines) < MOST_LINES:
            self.lines.append(f"{self.path.name}: line {line}: {problem}")
        if self.count >= MOST_WRONG:
            self.check("; the rest was not read")

    def check(self, note: str = "") -> None:
        """Raise InputError if there were any."""
        if self.count > len(self.lines):
            self.lines.append(f"{self.path.name}: and {self.count - len(self.lines)} more bad rows{note}")
        if self.lines:
            raise InputError(*self.lines)


def cell(row: Sequence[str], column: Column, decimal_comma: bool) -> str:
    """The text of a cell, with a decimal point. Raises ValueError where the row is too short."""
    if column.index >= len(row):
        raise ValueError(f"has {len(row)} values, too few for column {show(column.title)}; add the missing value")
    text = row[column.index].strip()
    return text.replace(",", ".") if decimal_comma else text
