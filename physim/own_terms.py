"""A user's own terms: Python files outside the package, named in the scenario, each term with a kernel file beside it.

    own_terms = ["tether.py"]        # beside the scenario; its term `tether` has its kernel in `tether.cl`

What such a file declares is checked as the built-in terms are, and appears wherever they do. It is Python that runs
when the scenario is read: read it before you run somebody else's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path

from physim.errors import InputError
from physim.problems import file_text, show
from physim.state import ARRAYS, Array
from physim.step import Kernel, Term
from physim.world import STATUS_WORDS

_MOST_BYTES = 1_000_000
ARRAY_TYPES = ("float", "float4", "double", "uint", "int", "uint2", "int2", "int4", "half2", "uchar")
"""Element types that a run can read and write; cells' rows are moved in whole 32-bit words, which uchar has not."""
ARRAY_DOMAINS = ("cell", "node", "segment", "one")
_NAME = r"[a-z][a-z0-9_]*"
_TAKEN = ("i", "world", "status", "term")
"""Arguments of every kernel."""
_loaded: dict[tuple[Path, str], tuple[type[Term], ...]] = {}
_declared_by: dict[str, Path] = {}
"""Arrays that own terms have added to the state, and the file that declares them."""


def load(path: Path) -> tuple[type[Term], ...]:
    """The terms of a file, in the order in which it defines them. Raises InputError."""
    path = path.absolute()
    where = file_text(path)
    try:
        if not path.is_file() and path.exists():
            raise InputError(f"{where}: is no file; give a Python file with a term")
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{where}: larger than {_MOST_BYTES:,} bytes; give a Python file with a term")
        source = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{where}: cannot be read: {reason}; give a Python file with a term") from None
    key = path, hashlib.sha256(source).hexdigest()
    if key not in _loaded:
        terms = _terms_of(path, source, f"physim_own_terms_{key[1][:16]}")
        if not terms:
            raise InputError(f"{where}: defines no term; add a class that inherits physim.Term and has a name")
        for term in terms:
            _check(term, path)
        _loaded[key] = terms
    return _loaded[key]


def _terms_of(path: Path, source: bytes, name: str) -> tuple[type[Term], ...]:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [1])[-1]
        said = str(error).splitlines()[0] if str(error) else "no message"
        raise InputError(f"{file_text(path)}:{line}: {type(error).__name__}: {said}; correct the file") from None
    found = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Term)]
    return tuple(dict.fromkeys(item for item in found if item.__module__ == name and item.name))


def _check(term: type[Term], path: Path) -> None:
    """What the built-in terms' tests hold them to."""
    from physim.codegen import DOMAINS
    from physim.terms import REGISTRY

    where = f"{file_text(path)}: {term.__name__}"
    if not re.fullmatch(_NAME, term.name):
        raise InputError(f"{where}.name: '{term.name}' is no lower-case word; write e.g. name = \"tether\"")
    if term.name in REGISTRY:
        raise InputError(f"{where}.name: '{term.name}' is a built-in term; give another name")
    if term.before and term.before not in REGISTRY:
        raise InputError(f"{where}.before: there is no term '{term.before}'; name one that `physim explain` prints")
    if term.before in ("births", "neighbors"):
        raise InputError(f"{where}.before: kernels in front of '{term.before}' may run twice in a step; "
                         "name a later term, e.g. \"polarity\"")  # fmt: skip
    if not term.kernels:
        raise InputError(f"{where}.kernels: empty; declare at least one Kernel")
    for kernel in (*term.kernels, *term.products):
        _check_kernel(kernel, where, tuple(DOMAINS))
    term.folder = path.parent
    if not (path.parent / f"{term.name}.cl").is_file():
        raise InputError(f"{where}: no kernel file {file_text(path.parent / (term.name + '.cl'))}; write it")
    for array in term.arrays:
        _check_array(array, where)
        there = ARRAYS.get(array.name)
        if there is not None and there != array and _declared_by.get(array.name) != path:
            owner = file_text(_declared_by[array.name]) if array.name in _declared_by else "physim/state.py"
            raise InputError(f"{where}.arrays: '{array.name}' is declared otherwise in {owner}; give another name")
        if there is None or array.name in _declared_by:
            ARRAYS[array.name] = array
            _declared_by[array.name] = path


def _check_kernel(kernel: Kernel, where: str, domains: tuple[str, ...]) -> None:
    if not isinstance(kernel, Kernel):
        raise InputError(f"{where}.kernels: {show(kernel)} is no Kernel; write (Kernel(...),), with the comma")
    where = f"{where}: kernel {kernel.name}"
    if kernel.per not in domains or kernel.primitive:
        raise InputError(f"{where}: per '{kernel.per}'; one of {', '.join(domains)}")
    if kernel.when and kernel.when not in STATUS_WORDS:
        raise InputError(f"{where}: when '{kernel.when}' is no status word; one of {', '.join(STATUS_WORDS)}")
    for key in ("reads", "writes", "adds"):
        names = getattr(kernel, key)
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise InputError(f'{where}: {key} {show(names)} is no tuple of names; write e.g. ("position",)')
    if "radius" in (*kernel.writes, *kernel.adds):
        raise InputError(f"{where}: changes 'radius', but bins and lists are as wide as the cells at time zero need; "
                         "cells cannot grow yet, only read it")  # fmt: skip


def _check_array(array: Array, where: str) -> None:
    if not isinstance(array, Array):
        raise InputError(f"{where}.arrays: {show(array)} is no Array; write (Array(...),), with the comma")
    where = f"{where}.arrays: {show(array.name)}"
    if not isinstance(array.name, str) or not re.fullmatch(_NAME, array.name) or array.name in _TAKEN:
        raise InputError(f'{where}: is no lower-case word, or taken ({", ".join(_TAKEN)}); write e.g. "charge"')
    if array.type not in ARRAY_TYPES or (array.persists and array.item_bytes % 4):
        known = [kind for kind in ARRAY_TYPES if kind != "uchar" or not array.persists]
        raise InputError(f"{where}: type {show(array.type)}; one of {', '.join(known)}")
    if array.per not in ARRAY_DOMAINS:
        raise InputError(f"{where}: per {show(array.per)}; one of {', '.join(ARRAY_DOMAINS)}")
    if not (isinstance(array.rows, str) and re.fullmatch(r"[1-9]\d{0,3}", array.rows)):
        raise InputError(f'{where}: rows {show(array.rows)} is no number from 1 to 9999 in quotes; write e.g. "3"')
