"""Finished replicas as files: FOLDER/ID/SIZE/ARM-nNETWORK-sSEED.json, with a hash of everything that they depend on.

The hash covers the parameters, or the resolved scenario, the network, the seed, and the text of the Python and OpenCL
that compute the replica. It does not cover the device: any device gives numbers that the verdicts may rest on.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physim.device import HEADERS
from physim.errors import InputError
from physim.experiments.declaration import Experiment, Job, Values
from physim.files import write_json
from physim.step import Term, kernel_source

if TYPE_CHECKING:
    from physim.scenario import Scenario


def folder_of(experiment: Experiment, size: str, out: Path) -> Path:
    """Where the replicas of one size are."""
    return out / experiment.id / size


class Fingerprints:
    """The hashes of the replicas of one experiment; source texts are read once."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._sources = {name_of(part): _text(part) for part in (*experiment.code, experiment.replica)}
        for name in experiment.terms:
            self._sources |= _term(name)
        if experiment.terms or experiment.kernels:
            self._sources |= {f"kernels/{name}": kernel_source(name) for name in (*experiment.kernels, *HEADERS)}

    def of(self, job: Job) -> str:
        """sha256 of a replica's inputs, in hexadecimal."""
        inputs: dict[str, Any] = {"experiment": self.experiment.id, "parameters": dict(job.arm.parameters),
                                  "network": job.network, "seed": job.seed, "sources": self._sources}  # fmt: skip
        if self.experiment.scenario is not None:
            scenario = self.experiment.scenario(job.arm.parameters, job.network, job.seed)
            inputs |= {"scenario": scenario.to_toml(), "step": _step(scenario)}
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _step(scenario: Scenario) -> dict[str, str]:
    """The texts of the terms and kernels of a scenario's step, a user's own terms too, and of all headers."""
    from physim.assembly import build_step

    texts = {f"kernels/{name}": kernel_source(name) for name in HEADERS}
    for term in build_step(scenario):
        texts |= _texts_of(type(term))
    return texts


def _term(name: str) -> dict[str, str]:
    from physim.terms import REGISTRY

    return _texts_of(REGISTRY[name])


def _texts_of(term: type[Term]) -> dict[str, str]:
    file, text = term.kernel_file()
    headers = {f"kernels/{name}": kernel_source(name) for name in term.headers}
    return {f"{term.__module__}.{term.__name__}": inspect.getsource(term), file: text, **headers}


def read(path: Path, fingerprint: str) -> tuple[Values, str] | None:
    """Values and device of a replica; None if it is missing, damaged or outdated."""
    try:
        table = json.loads(path.read_text("utf-8"))
        if table["hash"] != fingerprint:
            return None
        return {name: _numbers(value) for name, value in table["values"].items()}, str(table["device"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def outdated(path: Path, job: Job) -> Values | None:
    """Values of a replica whatever its hash; None if it is missing, damaged or of other parameters."""
    try:
        table = json.loads(path.read_text("utf-8"))
        same = table["parameters"] == json.loads(json.dumps(dict(job.arm.parameters)))
        found = read(path, table["hash"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found[0] if found else None


def keep(path: Path, fingerprint: str) -> None:
    """Give a replica the hash of the present sources; `computed_with` tells with which it was computed."""
    table = json.loads(path.read_text("utf-8"))
    write_json(path, {"computed_with": table["hash"], **table, "hash": fingerprint})


def same(one: Values, other: Values) -> bool:
    """Whether two replicas agree in every bit, what is not a number too."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def write(path: Path, job: Job, fingerprint: str, device: str, values: Values) -> None:
    """Replace the file of a replica by a complete new one. OSError if that fails."""
    write_json(path, {
        "hash": fingerprint, "device": device, "arm": job.name, "network": job.network, "seed": job.seed,
        "parameters": dict(job.arm.parameters), "values": values,
    })  # fmt: skip


def name_of(part: str | Callable[..., Any]) -> str:
    """Of a module, or of a function in one."""
    return part if isinstance(part, str) else f"{part.__module__}.{part.__qualname__}"


def _text(part: str | Callable[..., Any]) -> str:
    if not isinstance(part, str):
        try:
            return inspect.getsource(part)
        except OSError:
            raise InputError(f"{name_of(part)}: its source cannot be read, but is part of the hash of replicas; "
                             "define it in a file") from None  # fmt: skip
    spec = importlib.util.find_spec(part)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{part}: an experiment is computed by it, but it is not there")
    return Path(spec.origin).read_text("utf-8")


def _numbers(value: Any) -> Any:
    """JSON has no NaN: what is null was one."""
    if isinstance(value, list):
        return [_numbers(entry) for entry in value]
    return math.nan if value is None else value
