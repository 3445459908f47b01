"""The scenario as JSON Schema (2020-12), from the same models that check it: editors complete and check with it.

A quantity is a number in its unit or text with a unit. `unit` and `source`, which JSON Schema does not know, are notes.
Misfits between two values (`checks`) are beyond a schema; `physim validate` finds them.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from physim.scenario import Scenario
from physim.terms import REGISTRY
from physim.units import text_pattern

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
OFF: Schema = {"enum": ["off", False]}
_LIMITS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_SIGNS = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}


def scenario_schema() -> Schema:
    """The schema of a scenario file: every section, key, unit, default, limit and meaning, and all registered terms."""
    schema = Scenario.model_json_schema(mode="validation")
    sections, terms = schema.pop("$defs"), {}
    for name, kind in REGISTRY.items():
        term = kind.model_json_schema(mode="validation")
        term["description"] = (inspect.getdoc(kind) or "").split("\n\n")[0]
        terms[name] = {"anyOf": [term, {"enum": ["on", "off", True, False]}]}
    del sections["Term"]
    schema["properties"]["terms"] = {
        "type": "object", "description": "the physics that acts, one section [terms.NAME] each",
        "properties": terms, "additionalProperties": {"type": ["object", "string", "boolean"]},
    }  # fmt: skip
    schema |= {  # without terms of one's own, no other names are known
        "if": {"not": {"required": ["own_terms"]}},
        "then": {"properties": {"terms": {"type": "object", "propertyNames": {"enum": list(terms)}}}},
    }
    for key, meaning in (("collagen", "the matrix; off: none"), ("null", "paths and values of the null arm")):
        there = schema["properties"][key]
        schema["properties"][key] = {"anyOf": [*there.get("anyOf", [there]), OFF], "description": meaning}
    whole = {"$schema": DIALECT, "$id": "urn:physim:scenario", **_plain(schema), "title": "physim scenario"}
    return {**whole, "$defs": {name: _plain(section) for name, section in sections.items()}}


def _plain(schema: Any) -> Any:
    """A part of pydantic's schema in the words of JSON Schema: limits, quantities, optional keys, examples."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: _plain(part) for name, part in value.items()}
        elif key in ("default", "enum", "const", "required"):
            plain[key] = value
        elif key == "examples":
            plain[key] = list(_values(value))
        elif not (key == "title" or (key == "source" and not value)):
            plain[_LIMITS.get(key) or key] = _plain(value)
    if plain.get("default", 0) is None:  # TOML has no null: the key is left out
        del plain["default"]
    if not plain.get("examples", [1]):
        del plain["examples"]
    kinds = [kind for kind in plain.pop("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) == 1:
        plain = {**kinds[0], **plain}
    elif kinds:
        plain["anyOf"] = kinds
    return _quantity(plain) if "unit" in plain and plain.get("type") == "number" else plain


def _quantity(schema: Schema) -> Schema:
    """Number or text; limits bind the number, and what may not be negative has no sign in its text either."""
    unit, limits = schema["unit"], {key: schema[key] for key in _SIGNS if key in schema}
    at_least = max(limits.get("minimum", -1), limits.get("exclusiveMinimum", -1))
    text = {"type": "string", "pattern": text_pattern(unit, negative=at_least < 0)}
    notes = [f"{_SIGNS[key]} {limits[key]:g} {unit}".strip() for key in limits]
    given = f"a number in {unit}, or text with a unit" if unit else "a plain number"
    words = [schema.get("description", ""), "; ".join([given, *notes])]
    rest = {key: value for key, value in schema.items() if key not in ("type", "description", *limits)}
    return {"description": ": ".join(filter(None, words)), **rest, "anyOf": [{"type": "number", **limits}, text]}


def _values(examples: list[str]) -> Iterator[Any]:
    """The values of examples that are lines of TOML; the messages of `problems` use them as lines."""
    for line in examples:
        if re.match(r"\w+ = ", line):
            yield from tomllib.loads(line).values()
