"""Problems in the user's input as lines of text: place, value, what is wrong, remedy.

The scenario is checked by pydantic; its errors are turned into such lines here, all at once.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from physim.units import Unit

MOST = 50
"""More problems than this are counted, not printed."""

_WANTED = {
    "int_type": "must be a whole number; write e.g. 100",
    "int_from_float": "must be a whole number; write e.g. 100",
    "int_parsing": "must be a whole number; write e.g. 100",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number; write e.g. 1.5",
    "float_parsing": "must be a number; write e.g. 1.5",
    "finite_number": "must be finite",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": 'must be text; write it in quotes, e.g. "text"',
    "tuple_type": "must be a list; write it in square brackets",
    "list_type": "must be a list; write it in square brackets",
    "model_type": "must be a table of keys and values",
    "model_attributes_type": "must be a table of keys and values",
    "dict_type": "must be a table of keys and values",
}
_LIMITS = {"greater_than": ("gt", ">"), "greater_than_equal": ("ge", ">="),
           "less_than": ("lt", "<"), "less_than_equal": ("le", "<=")}  # fmt: skip


class MisfitError(ValueError):
    """A parameter that is fine by itself but not beside another one; the text says value, misfit and remedy."""

    def __init__(self, parameter: str, text: str) -> None:
        self.parameter = parameter
        super().__init__(text)


def show(value: Any) -> str:
    """The value as the user wrote it, on one line and short."""
    if isinstance(value, Mapping):
        return "a table" if value else "an empty table"
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(show(item) for item in value[:5]) + (", ...]" if len(value) > 5 else "]")
    elif isinstance(value, str):
        text = json.dumps(value[:80].encode("utf-8", "backslashreplace").decode(), ensure_ascii=False)
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int) and abs(value) >= 1 << 64:
        text = "a number of more than 64 bits"
    else:
        text = str(value)
    return text if len(text) <= 70 else text[:66] + " ..."


def number_of(count: int, what: str) -> str:
    """Such as "1 cell" or "2,000 cells"."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def place(*path: str | int) -> str:
    """Dotted path of a place in the scenario, e.g. cells.0.radius."""
    return ".".join(show(key).strip('"') if isinstance(key, str) else str(key) for key in path)


def file_text(path: object) -> str:
    """A path on one line; of a very long one the end, which tells most."""
    text = json.dumps(str(path).encode("utf-8", "backslashreplace").decode(), ensure_ascii=False)[1:-1]
    return text if len(text) <= 200 else "... " + text[-196:]


def suggest(word: str, known: Iterable[str], *, many: int = 12, unlisted: Collection[str] = ()) -> str:
    """The remedy for an unknown word: the one that was probably meant, or those that there are but `unlisted`."""
    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    names = [name for name in names if name not in unlisted]
    listed = ", ".join(names[:many]) + (", ..." if len(names) > many else "")
    return f"there is {listed}" if names else "there is none"


def join(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines, each once, and a count of those that are too many to read."""
    unique = list(dict.fromkeys(lines))
    if len(unique) > MOST:
        unique[MOST:] = [f"and {len(unique) - MOST} more problems"]
    return tuple(unique)


def from_pydantic(error: ValidationError, model: type[BaseModel], *where: str | int) -> list[str]:
    """One line per pydantic error of `model`, which stands at `where` in the scenario."""
    items = _without_repeats(error.errors(include_url=False))
    # a list whose entries are all wrong is reported as too short as well
    items = [item for item in items if item["type"] != "too_short" or not item["input"]]
    lines = [_line(item, model, where) for item in items[:MOST]]
    return lines + [f"{place(*where, *item['loc'])}: is wrong too" for item in items[MOST:]]  # only counted


def _without_repeats(items: list[Any]) -> list[Any]:
    """One value that stands for all three axes is wrong once, not three times."""
    seen = Counter(_without_axis(item) for item in items)
    kept = []
    for item in items:
        if seen[_without_axis(item)] < 3 or item["loc"][-1] not in (0, 1, 2):
            kept.append(item)
        elif item["loc"][-1] == 0:
            kept.append({**item, "loc": item["loc"][:-1]})
    return kept


def _without_axis(item: Any) -> tuple[Any, ...]:
    """What one problem has in common along x, y, z; values that are no quantity or word all differ."""
    plain = isinstance(item["input"], (int, float, str))
    return (item["loc"][:-1], item["type"], str(item["input"])) if plain else (item["loc"],)


def _line(item: Any, model: type[BaseModel], where: tuple[str | int, ...]) -> str:
    path, kind, value = place(*where, *item["loc"]), item["type"], item["input"]
    if kind == "extra_forbidden":
        return f"{path}: unknown key; {suggest(str(item['loc'][-1]), _keys(model, item['loc'][:-1]))}"
    if kind == "missing":
        if len(item["loc"]) and isinstance(item["loc"][-1], int):
            return f"{path}: missing; write three values"
        return f"{path}: missing; add {_example(model, item['loc'])}"
    if kind == "value_error":
        message = str(item["ctx"]["error"])
        if isinstance(item["ctx"]["error"], MisfitError):
            return f"{place(*where, *item['loc'], item['ctx']['error'].parameter)}: {message}"
        if ";" not in message:
            message += f"; write {_example(model, item['loc'])}"
        if message.startswith(("has ", "must ", "is ", "are ")):
            return f"{path}: {show(value)} {message}"
        return f"{path}: {message}" if message.startswith("'") else f"{path}: {show(value)}: {message}"
    if kind in _LIMITS:
        key, sign = _LIMITS[kind]
        unit = _unit(model, item["loc"])
        limit = f"{item['ctx'][key]:g} {unit}".strip()
        return f"{path}: {show(value)} must be {sign} {limit}; change it"
    if kind == "literal_error":
        return f"{path}: {show(value)} must be one of {item['ctx']['expected']}; write one of these"
    if kind in ("too_short", "string_too_short"):
        return f"{path}: {show(value)} is empty; add {_example(model, item['loc'])}"
    if kind == "too_long":
        return f"{path}: {show(value)} has {len(value)} entries; write at most {item['ctx']['max_length']}"
    return f"{path}: {show(value)} {_WANTED.get(kind, item['msg'][0].lower() + item['msg'][1:])}"


def _owner(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that stands at `path` inside `model`."""
    for key in path:
        if isinstance(key, int):
            continue
        field = model.model_fields.get(key)
        if field is None:
            return None
        found = [kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)]
        if not found:
            return None
        model = found[0]
    return model


def _kinds(annotation: Any) -> list[type]:
    arguments = getattr(annotation, "__args__", None)
    if arguments is None:
        return [annotation] if isinstance(annotation, type) else []
    return [kind for argument in arguments for kind in _kinds(argument)]


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    owner = _owner(model, path)
    return list(owner.model_fields) if owner else []


def unit_of(field: Any) -> str:
    """The unit in which a pydantic field is declared; empty for plain numbers and text."""
    stack = [field.annotation, *field.metadata]
    while stack:
        item = stack.pop()
        if isinstance(item, Unit):
            return item.text
        stack.extend(getattr(item, "__metadata__", ()))
        stack.extend(getattr(item, "__args__", ()))
    return ""


def _unit(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    names = [key for key in path if isinstance(key, str)]
    owner = _owner(model, tuple(names[:-1]))
    field = owner.model_fields.get(names[-1]) if owner and names else None
    return unit_of(field) if field else ""


def _example(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    name = next((key for key in reversed(path) if isinstance(key, str)), "a value")
    unit = _unit(model, path)
    owner = _owner(model, path[:-1])
    field = owner.model_fields.get(name) if owner else None
    if field and field.examples:
        return f"e.g. {field.examples[0]}"
    return f'e.g. {name} = "10 {unit}"' if unit else f"a value for '{name}'"
