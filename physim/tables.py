"""Plain tables: TOML text in and out, single values put at a dotted path. `scenario` knows what they mean."""

from __future__ import annotations

import datetime
import json
import math
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from physim.errors import InputError
from physim.problems import file_text, place, show

LARGEST_FILE = 1_000_000
DEEPEST = 12
LONGEST_LINE = 5_000
_PART = r"""(?:(?<![\w-])[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?:{_PART}[ \t]*\.[ \t]*){{{DEEPEST},}}")
_KEY_END = re.compile(rf"{_PART}[ \t]*[=\]]")
"""A file of keys of thousands of parts would take the parser gigabytes; such keys are found before."""
Table = dict[str, Any]


def readable_size(path: Path, largest: int) -> tuple[int, int]:
    """Size and time of change of a readable regular file of at most `largest` bytes; else an InputError."""
    where = file_text(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{where}: is a folder; give the path of a file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{where}: is no regular file; give the path of a file")
        if status.st_size > largest:
            raise InputError(
                f"{where}: {status.st_size:,} bytes are more than the {largest:,} allowed; "
                "is it the right file?"
            )
        with path.open("rb"):
            return status.st_size, status.st_mtime_ns
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{where}: no such file; check the path") from None
    except PermissionError:
        raise InputError(f"{where}: permission denied; make it readable, e.g. chmod u+r") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{where}: cannot be read: {reason}; check the path") from None


def read_text(path: Path, largest: int = LARGEST_FILE) -> str:
    """Text of a regular file of at most `largest` bytes; anything else is an InputError of one line."""
    readable_size(path, largest)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = file_text(path)
        raise InputError(
            f"{where}: byte {error.start} is no UTF-8 text; save the file as UTF-8 text"
        ) from None


def parse(text: str, where: str) -> Table:
    """The tables of a TOML text; syntax errors become one line with file, line and column."""
    longest = max(map(len, text.splitlines()), default=0)
    if longest > LONGEST_LINE:
        raise InputError(
            f"{where}: has a line of {longest:,} characters; break it into lines of {LONGEST_LINE:,}"
        )
    for long in _LONG_KEY.finditer(text):
        if _KEY_END.match(text, long.end()):
            line = text.count("\n", 0, long.start()) + 1
            raise InputError(
                f"{where}: line {line}: {show(long[0][:40])}: is nested deeper than {DEEPEST} levels; "
                "no key is that deep"
            )
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(
            r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error), re.DOTALL
        )
        if match is None:
            raise InputError(f"{where}: {error}; correct the TOML") from None
        spot = (
            f"line {match[2]}, column {match[3]}"
            if match[2]
            else f"line {text.count(chr(10)) + 1}, at the end"
        )
        raise InputError(f"{where}: {spot}: {match[1]}; correct the TOML there") from None
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply; at most {DEEPEST} levels are used") from None
    except ValueError as error:  # whole numbers of thousands of digits
        raise InputError(f"{where}: {error}; write a shorter number") from None
    if not table:
        raise InputError(f"{where}: is empty; start from a built-in scenario with 'physim init NAME FILE'")
    return table


def problems(table: Table) -> list[str]:
    """Values that no scenario can hold: too deep, too large a number, a date, text that is no Unicode."""
    found: list[str] = []
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), table)]
    while stack:
        path, value = stack.pop()
        if len(path) > DEEPEST:
            return [f"{place(*path[:4])}...: is nested deeper than {DEEPEST} levels; no key is that deep"]
        if isinstance(value, Mapping):
            stack.extend(((*path, key), item) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend(((*path, index), item) for index, item in enumerate(value))
        elif isinstance(value, (datetime.date, datetime.time)):
            found.append(
                f"{place(*path)}: {value} is a date or time; write a number with a unit or text in quotes"
            )
        elif isinstance(value, int) and abs(value) >= 1 << 63:
            found.append(f"{place(*path)}: {show(value)} is too large; write a smaller number")
        elif isinstance(value, str) and not _is_unicode(value):
            found.append(f"{place(*path)}: {show(value)} is no valid Unicode text; use UTF-8")
    return found


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    """Path and value of "cells.0.count=50"; the value is TOML if it reads as TOML, else text."""
    path, equals, value = text.partition("=")
    keys = tuple(key.strip().strip('"') for key in path.split("."))
    if not equals or not all(keys):
        raise InputError(f"--set {show(text)}: is no assignment; write e.g. cells.0.count=50")
    return keys, parse_value(value.strip())


def parse_value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return table["value"] if list(table) == ["value"] else text


def put(table: Table, keys: tuple[str, ...], value: Any, where: str) -> None:
    """Set the value at a path, creating tables on the way (but no list entries)."""
    here: Any = table
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(here, list):
            if not (key.isdecimal() and int(key) < len(here)):
                there = f"0 to {len(here) - 1}" if here else "none"
                raise InputError(
                    f"{where}: {show('.'.join(keys[: depth + 1]))} is not there; entries: {there}"
                )
            if last:
                here[int(key)] = value
            else:
                here = here[int(key)]
        elif isinstance(here, dict):
            if last:
                here[key] = value
            else:
                here = here.setdefault(key, {})
        else:
            raise InputError(
                f"{where}: {show('.'.join(keys[:depth]))} is a value and has no part {show(key)}; "
                "shorten the path"
            )


def flatten(table: Mapping[str, Any], prefix: str = "") -> Table:
    """Nested tables as dotted paths, so that [null] may be written with quoted or with bare dotted keys."""
    flat: Table = {}
    for key, value in table.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, path))
        else:
            flat[path] = value
    return flat


def text(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key_text(key)} = {text(item)}" for key, item in value.items()) + "}"
    return str(value)


def key_text(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else text(key)


def write(table: Table) -> str:
    """TOML of a table: plain values first, then a [section] per table, a [[section]] per entry of a list."""
    lines = [f"{key_text(key)} = {text(value)}" for key, value in table.items() if not _is_section(value)]
    for key, value in table.items():
        if isinstance(value, dict):
            nested = value and all(isinstance(item, dict) for item in value.values())
            for name, part in value.items() if nested else [("", value)]:
                lines += ["", f"[{key_text(key)}.{key_text(name)}]" if nested else f"[{key_text(key)}]"]
                lines += [f"{key_text(inner)} = {text(item)}" for inner, item in part.items()]
        elif _is_section(value):
            for entry in value:
                lines += ["", f"[[{key_text(key)}]]"]
                lines += [f"{key_text(inner)} = {text(item)}" for inner, item in entry.items()]
    return "\n".join(lines) + "\n"


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) or (bool(value) and isinstance(value, list) and isinstance(value[0], dict))
