"""Vessel networks that have a name instead of a file: `physim mesh tumour --seed 3`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines
from physim.meshes.generate_beds import capillaries, sinusoids
from physim.meshes.generate_tubes import bifurcation, constriction, tube
from physim.meshes.generate_tumour import tumour
from physim.problems import suggest

SIMPLE: Mapping[str, Callable[[], Centerlines]] = MappingProxyType(
    {"tube": tube, "bifurcation": bifurcation, "constriction": constriction})  # fmt: skip
SEEDED: Mapping[str, Callable[..., Centerlines]] = MappingProxyType(
    {"sinusoids": sinusoids, "capillaries": capillaries, "tumour": tumour})  # fmt: skip
NAMES = (*SIMPLE, *SEEDED)


def generated(name: str, seed: int = 0) -> Centerlines:
    """The network of that name, at its default sizes; `seed` (>= 0) makes another one where it is random.

    Raises InputError for a name that is not known, or a seed below 0.
    """
    if seed < 0:
        raise InputError(f"seed: {seed} is below 0; give 0 or more")
    if name in SIMPLE:
        return SIMPLE[name]()
    if name not in SEEDED:
        raise InputError(f"'{name[:40]}' is no built-in network; {suggest(name, NAMES)}")
    return SEEDED[name](seed=seed)
