"""The exported JSON Schema: valid itself, takes every scenario that we ship, refuses what no scenario can be."""

import copy
import json
import tomllib

import jsonschema
import pytest

from physim import tables
from physim.problems import unit_of
from physim.scenario import builtin_names, builtin_text, load
from physim.schema import scenario_schema
from physim.terms import REGISTRY

SCHEMA = json.loads(json.dumps(scenario_schema(), allow_nan=False))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def refusals(table):
    """Dotted places of what the schema does not like, with the message."""
    return [(".".join(map(str, error.absolute_path)), error.message) for error in VALIDATOR.iter_errors(table)]


def test_it_is_a_valid_schema_of_2020_12():
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", builtin_names())
def test_it_takes_every_built_in_scenario_as_written_and_as_resolved(name):
    assert refusals(tomllib.loads(builtin_text(name))) == []
    assert refusals(tomllib.loads(load(name).to_toml())) == []


def test_every_parameter_has_unit_meaning_and_default():
    seen = 0
    for name, kind in REGISTRY.items():
        term = SCHEMA["properties"]["terms"]["properties"][name]["anyOf"][0]
        assert set(term["properties"]) == set(kind.model_fields) and term["description"]
        for key, field in kind.model_fields.items():
            if field.annotation is float:
                part, seen = term["properties"][key], seen + 1
                assert part["unit"] == unit_of(field) and part["default"] == field.default
                assert part["description"].startswith(f"{field.description}: ") and part["unit"] in part["description"]
    assert seen > 30
    radius = SCHEMA["$defs"]["Cells"]["properties"]["radius"]
    assert radius["description"].endswith("at least 0.1 um; at most 1000 um") and radius["unit"] == "um"


# path = value that is wrong; the place that the schema must name
WRONG = [
    ("cells.0.raduis=3", "cells.0"),
    ("cells.0.radius=-8.4", "cells.0.radius"),
    ("cells.0.radius=-8.4 um", "cells.0.radius"),
    ("cells.0.radius=0", "cells.0.radius"),
    ("cells.0.radius=8.4 kPa", "cells.0.radius"),
    ("cells.0.radius=8.4", None),
    ("cells.0.radius= 8400nm", None),
    ("cells.0.center=[1, 2]", "cells.0.center"),
    ("cells.0.center=[-1, '2 um', 3]", None),
    ("cells.0.count=1.5", "cells.0.count"),
    ("cells=[]", "cells"),
    ("run.step=0.1 mg", "run.step"),
    ("run.step=true", "run.step"),
    ("run.step=10", None),
    ("run.seed=-1", "run.seed"),
    ("box.size=300 um", None),
    ("box.size=[300, '200 um', 1e2]", None),
    ("box.size=[300, 200]", "box.size"),
    ("box.size=-5 um", "box.size"),
    ("box.boundary=walls", "box.boundary"),
    ("box.boundary=wall", None),
    ("terms.lnks.focus=1", "terms"),
    ("terms.links.fcus=1", "terms.links"),
    ("terms.links.focus=-1", "terms.links"),
    ("terms.contact.stiffness=25000 pN/um", None),
    ("terms.contact.stiffness=stiff", "terms.contact"),
    ("terms.contact=off", None),
    ("collagen=off", None),
    ("collagen.concentration=much", "collagen"),
    ("null=off", None),
    ("colagen.seed=3", ""),
]


@pytest.mark.parametrize(("override", "place"), WRONG, ids=[override for override, _ in WRONG])
def test_what_is_wrong_is_refused_at_its_place(override, place):
    table = copy.deepcopy(tomllib.loads(builtin_text("invasion")))
    keys, value = tables.parse_override(override)
    tables.put(table, keys, value, override)
    found = refusals(table)
    assert [where for where, _ in found] == ([] if place is None else [place]), found


def test_a_missing_section_is_named():
    table = tomllib.loads(builtin_text("doublet"))
    del table["box"]
    assert [message for _, message in refusals(table)] == ["'box' is a required property"]
