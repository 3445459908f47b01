"""The scenario: what is simulated, as a TOML file read into frozen models with units. Everything starts here.

`load` takes a built-in name or a path, reports all problems of a file at once as one InputError, and fills in
every default; `Scenario.to_toml` writes the resolved scenario, which loads back to an equal one.
"""

from __future__ import annotations

import copy
import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, StrictStr, ValidationError

from physim import tables
from physim.errors import InputError
from physim.problems import MOST, from_pydantic, join, place, show, suggest
from physim.sections import Box, Cells, Collagen, Obstacle, Record, Run, Section, Vessels, as_tuple
from physim.step import Term
from physim.tables import Table

__all__ = ["Box", "Cells", "Collagen", "Obstacle", "Record", "Run", "Scenario", "builtin_names", "builtin_text", "load"]


class Scenario(Section):
    """One experiment: box, cells, matrix, the physics terms that act, and what is recorded."""

    title: StrictStr = Field(min_length=1, examples=['title = "Invasion into collagen"'])
    introduction: StrictStr = ""
    sources: dict[str, StrictStr] = {}
    run: Run = Field(examples=["a section [run]"])
    box: Box = Field(examples=["a section [box]"])
    cells: Annotated[tuple[Cells, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, max_length=1000, examples=["[[cells]]"]
    )
    collagen: Collagen | None = None
    obstacles: Annotated[tuple[Obstacle, ...], BeforeValidator(as_tuple)] = Field((), max_length=1000)
    vessels: Vessels | None = None
    terms: dict[str, SerializeAsAny[Term]] = {}
    own_terms: Annotated[tuple[StrictStr, ...], BeforeValidator(as_tuple)] = Field(
        (), max_length=100, description="Python files with terms of your own; relative to the scenario"
    )
    record: Record = Record.model_validate({})
    null: dict[str, Any] = {}

    @classmethod
    def from_table(cls, table: Mapping[str, Any], folder: Path | None = None) -> Scenario:
        """Check a plain table and fill in the defaults; `folder` has its files. Raises InputError."""
        from physim import checks

        lines = tables.problems(dict(table))
        if lines:
            raise InputError(*join(lines))
        plain = copy.deepcopy(dict(table))
        own = _own_terms(plain.get("own_terms", ()), folder or Path(), lines)
        terms = _build_terms(plain.pop("terms", {}), own, lines)
        if isinstance(plain.get("null"), Mapping):
            plain["null"] = tables.flatten(plain["null"])
        elif plain.get("null") in ("off", False):
            del plain["null"]
        if plain.get("collagen") in ("off", False):
            del plain["collagen"]
        try:
            scenario = cls.model_validate(plain)
        except ValidationError as error:
            lines = from_pydantic(error, cls) + lines
        if lines:
            raise InputError(*join(lines))
        scenario = scenario.model_copy(update={"terms": terms})
        scenario, lines = _resolve(scenario, folder or Path())
        lines += checks.problems(scenario)
        if lines:
            raise InputError(*join(lines))
        try:
            scenario.null_arm()
        except InputError as error:
            raise InputError(*(f"null arm: {line}" for line in error.problems)) from None
        return scenario

    def to_table(self) -> Table:
        """The resolved scenario as a plain table, quantities as text with units."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_toml(self) -> str:
        """The resolved scenario, every default written out with its unit; loads back to an equal Scenario."""
        return tables.write(self.to_table())

    def changed(self, overrides: Sequence[str]) -> Scenario:
        """This scenario with `path=value` overrides. Raises InputError."""
        return _load(self.to_table(), overrides, Path())

    def null_arm(self) -> Scenario | None:
        """The paired arm of the same seed with the values under [null] changed; None without that table."""
        if not self.null:
            return None
        table, lines = self.to_table(), []
        del table["null"]
        for path, value in self.null.items():
            keys, where = tuple(path.split(".")), f'null."{path}"'
            if keys[0] == "terms" and len(keys) > 2 and keys[1] not in self.terms:
                there = suggest(keys[1], self.terms)
                lines.append(
                    f"{where}: the scenario has no term '{keys[1]}'; {there}; "
                    "leave the line out or --set null=off"
                )
                continue
            try:
                tables.put(table, keys, value, where)
            except InputError as error:
                lines += error.problems
        if lines:
            raise InputError(*join(lines))
        arm = Scenario.from_table(table)
        if arm == self.model_copy(update={"null": {}}):
            raise InputError("null: changes nothing; give a value that differs, or leave [null] out")
        return arm


def _own_terms(files: Any, folder: Path, lines: list[str]) -> dict[str, type[Term]] | None:
    """The user's own terms by name, None if they cannot all be read; problems are appended to `lines`."""
    from physim import own_terms

    if not isinstance(files, (list, tuple)) or not all(isinstance(file, str) for file in files):
        return None  # the section's own check says so
    kinds: dict[str, type[Term]] = {}
    before = len(lines)
    for index, file in enumerate(files):
        try:
            for kind in own_terms.load(folder / file):
                if kind.name in kinds:
                    raise InputError(f"term '{kind.name}' is in two files; give one of them another name")
                kinds[kind.name] = kind
        except InputError as error:
            lines += [f"own_terms.{index}: {line}" for line in error.problems]
    return kinds if len(lines) == before else None


def _build_terms(table: Any, own: dict[str, type[Term]] | None, lines: list[str]) -> dict[str, Term]:
    """The terms that are switched on; problems are appended to `lines`. Without `own`, no name counts as unknown."""
    from physim.terms import ENGINE, REGISTRY

    known = REGISTRY | (own or {})
    if not isinstance(table, Mapping):
        lines.append(f"terms: {show(table)} must be a table; write sections such as [terms.contact]")
        return {}
    terms: dict[str, Term] = {}
    for name, values in table.items():
        kind = known.get(name)
        if kind is None and own is None:
            continue
        if kind is None:
            remedy = (
                suggest(name, known, many=40, unlisted=ENGINE) if len(lines) < MOST else ""
            )  # the others are only counted
            lines.append(f"{place('terms', name)}: unknown term; {remedy}")
        elif values in ("off", False):
            continue
        elif not isinstance(values, Mapping) and values not in ("on", True):
            lines.append(
                f'terms.{name}: {show(values)} must be a table of parameters; write [terms.{name}], or "off"'
            )
        else:
            try:
                terms[name] = kind.model_validate(values if isinstance(values, Mapping) else {})
            except ValidationError as error:
                lines += from_pydantic(error, kind, "terms", name)
    return {name: terms[name] for name in known if name in terms}


def _resolve(scenario: Scenario, folder: Path) -> tuple[Scenario, list[str]]:
    """Fill in the defaults that depend on other values: centres, spacings, counts, a fiber file's tolerance."""
    groups, lines = [], []
    for index, group in enumerate(scenario.cells):
        of_group: dict[str, Any] = {}
        if group.place == "file":
            of_group, found = _resolve_file(scenario, index, folder)
            lines += found
        elif group.count is None:
            lines.append(f"cells.{index}.count: missing; add e.g. count = 100")
        if group.place in ("spheroid", "sheet") and group.center is None:
            of_group["center"] = tuple(edge / 2 for edge in scenario.box.size)
        if group.place == "sheet" and group.axis is None:
            of_group["axis"] = "z"
        if group.place != "file" and group.spacing is None:
            of_group["spacing"] = group.default_spacing
        groups.append(group.model_copy(update=of_group))
    own = tuple(str((folder / file).absolute()) for file in scenario.own_terms)
    solid = tuple(one if one.file is None else one.model_copy(update={"file": str((folder / one.file).absolute())})
                  for one in scenario.obstacles)  # fmt: skip
    update: dict[str, Any] = {"cells": tuple(groups), "own_terms": own, "obstacles": solid}
    if scenario.vessels is not None and scenario.vessels.file is not None:
        update["vessels"] = scenario.vessels.model_copy(
            update={"file": str((folder / scenario.vessels.file).absolute())}
        )
    if scenario.collagen:
        update["collagen"], found = _resolve_collagen(scenario.collagen, folder)
        lines += found
    return scenario.model_copy(update=update), lines


def _resolve_collagen(collagen: Collagen, folder: Path) -> tuple[Collagen, list[str]]:
    """A file's defaults. An unset seed stays unset, so that the network follows the seed of the run."""
    if collagen.file is None:
        return collagen, []
    from physim.generate.fiber_files import read_polylines

    path, lines = (folder / collagen.file).absolute(), []
    try:
        read_polylines(path)
    except InputError as error:
        lines = [f"collagen.file: {line}" for line in error.problems]
    tolerance = 0.1 * collagen.segment_length if collagen.tolerance is None else collagen.tolerance
    capture = collagen.capture_distance
    update = {
        "file": str(path),
        "tolerance": tolerance,
        "capture_distance": collagen.bundle_diameter + 2 * tolerance if capture is None else capture,
    }
    return collagen.model_copy(update=update), lines


def _resolve_file(scenario: Scenario, index: int, folder: Path) -> tuple[dict[str, Any], list[str]]:
    from physim.generate.cells import read_positions

    group, where = scenario.cells[index], f"cells.{index}"
    if group.file is None:
        return {}, [f'{where}.file: missing; add e.g. file = "cells.csv"']
    try:
        path = (folder / group.file).absolute()
        rows = read_positions(
            path, lower=scenario.box.lower, upper=scenario.box.upper, names=[g.name for g in scenario.cells]
        )
    except InputError as error:
        return {}, [f"{where}.file: {line}" for line in error.problems]
    if group.count not in (None, len(rows)):
        return {}, [
            f"{where}.count: {group.count} is not the {len(rows)} rows of {path.name}; leave count out"
        ]
    return {"file": str(path), "count": len(rows)}, []


def builtin_names() -> list[str]:
    """Names of the scenarios that come with physim."""
    files = importlib.resources.files("physim.scenarios").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def builtin_text(name: str) -> str:
    """The commented TOML of a built-in scenario."""
    return importlib.resources.files("physim.scenarios").joinpath(f"{name}.toml").read_text("utf-8")


def load(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario of a built-in name or TOML file, with `path=value` overrides. Raises InputError.

    Files are relative to the scenario, or, as built-in ones have none of their own, to the present folder.
    """
    name = str(name_or_path)
    if name in builtin_names():
        return _load(tables.parse(builtin_text(name), name), overrides, Path())
    path = Path(name_or_path)
    try:
        text = tables.read_text(path)
    except InputError as error:
        missing = "no such file" in error.problems[0]
        near = suggest(Path(path.name).stem, builtin_names())
        raise InputError(
            f"{error.problems[0]}; built-in scenarios: {near}" if missing else error.problems[0]
        ) from None
    return _load(tables.parse(text, name), overrides, path.parent)


def _load(table: Table, overrides: Sequence[str], folder: Path) -> Scenario:
    lines: list[str] = []
    for override in overrides:
        try:
            keys, value = tables.parse_override(override)
            tables.put(table, keys, value, f"--set {override}")
        except InputError as error:
            lines += error.problems
    if lines:
        raise InputError(*join(lines))
    return Scenario.from_table(table, folder)
