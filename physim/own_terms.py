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
from physim.problems import file_text
from physim.state import ARRAYS
from physim.step import Term

_MOST_BYTES = 1_000_000
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
    if not re.fullmatch(r"[a-z][a-z0-9_]*", term.name):
        raise InputError(f"{where}.name: '{term.name}' is no lower-case word; write e.g. name = \"tether\"")
    if term.name in REGISTRY:
        raise InputError(f"{where}.name: '{term.name}' is a built-in term; give another name")
    if term.before and term.before not in REGISTRY:
        raise InputError(f"{where}.before: there is no term '{term.before}'; name one that `physim explain` prints")
    if not term.kernels:
        raise InputError(f"{where}.kernels: empty; declare at least one Kernel")
    for kernel in (*term.kernels, *term.products):
        if kernel.per not in DOMAINS or kernel.primitive:
            raise InputError(f"{where}: kernel {kernel.name}: per '{kernel.per}'; one of {', '.join(DOMAINS)}")
    term.folder = path.parent
    if not (path.parent / f"{term.name}.cl").is_file():
        raise InputError(f"{where}: no kernel file {file_text(path.parent / (term.name + '.cl'))}; write it")
    for array in term.arrays:
        there = ARRAYS.get(array.name)
        if there is not None and there != array and _declared_by.get(array.name) != path:
            owner = file_text(_declared_by[array.name]) if array.name in _declared_by else "physim/state.py"
            raise InputError(f"{where}.arrays: '{array.name}' is declared otherwise in {owner}; give another name")
        if there is None or array.name in _declared_by:
            ARRAYS[array.name] = array
            _declared_by[array.name] = path
