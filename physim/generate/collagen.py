"""Collagen gels: worm-like fibers at the length density of a concentration, crosslinked to a mean valence.

The order of making: fibers at random (`chain`), their nearest approaches pulled shut (`crosslink`), loose
fibers left out, dangling ends trimmed until the length density is the one asked for. The result is declared
free of stress.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.errors import InputError
from physim.generate import chain, crosslink
from physim.generate.fiber_network import Box, FiberNetwork, along_curve, assemble, carve, keep_segments, runs

__all__ = ["FiberNetwork", "carve", "crosslink_spacing", "default_fiber_length", "generate_collagen",
           "length_density"]

Points = NDArray[np.float64]
SPECIFIC_VOLUME = 0.73
"""ml per g of dry collagen."""
VALENCES = (2.5, 3.8)
"""Mean valences that can be asked for: below, most fibers would hang by one crosslink; above, n > 20 on
each."""
FIBER_LENGTHS = (5.0, 120.0)
"""Limits (um) of the default fiber length; a length that is given is not limited."""
EFFORTS = ((0.8, 1.0), (1.1, 1.0), (1.1, 1.5), (1.5, 2.0), (1.8, 3.0))
"""What is tried in turn to reach a valence: fibers that pass within so many rho^-1/2 may be pulled together,
and neighbouring crosslinks may turn the fiber between them by such a slope. Aligned fibers need the later
ones."""
HIGHEST_ORDER = 0.98
"""Order of the fibers before crosslinking, at most."""
PILOT_FIBERS = 1500
TOLERANCE = 0.005


def length_density(concentration: float, bundle_diameter: float) -> float:
    """rho = 4 c v/(pi d^2) in um/um^3: c in mg/ml, d in um, v = 0.73 ml/g of dry protein.

    2 mg/ml: 0.186, 0.047, 0.012 um/um^3 for d = 0.1, 0.2, 0.4 um. Coarse bundles silently open the pores.
    """
    return 4.0 * concentration * 1e-3 * SPECIFIC_VOLUME / (math.pi * bundle_diameter**2)


def concentration(density: float, bundle_diameter: float) -> float:
    """c = rho pi d^2/(4 v) in mg/ml, the inverse of `length_density`."""
    return density * math.pi * bundle_diameter**2 / (4.0 * 1e-3 * SPECIFIC_VOLUME)


def crosslink_spacing(density: float, alignment: float = 0.0) -> float:
    """lc = (rho (1 - S))^-1/2, um: one crosslink per mesh, and fewer where fibers are parallel and seldom
    cross.

    At 2 mg/ml of 0.1 um fibrils 2.3 um for S = 0; 2-3 um are measured (Lindstrom et al. 2010).
    """
    return (density * (1.0 - alignment)) ** -0.5


def default_fiber_length(density: float, valence: float, alignment: float = 0.0) -> float:
    """L = n lc with n = 4/(4 - z) crosslinks per fiber (5.7 for z = 3.3), at least 5 and at most 120 um.

    The length must scale with the mesh, or z falls with concentration and G0 ~ rho instead of rho^1.5-2.3.
    """
    length = 4.0 / (4.0 - valence) * crosslink_spacing(density, alignment)
    return min(max(length, FIBER_LENGTHS[0]), FIBER_LENGTHS[1])


@dataclass(frozen=True)
class _Recipe:
    """What a draft needs, in um; `order` and `density` are those of the fibers before they are
    crosslinked."""

    density: float
    order: float
    mean_length: float
    spread: float
    segment_length: float
    persistence_length: float
    director: Points
    valence: float
    bundle_diameter: float


def generate_collagen(
    lower: ArrayLike, upper: ArrayLike, periodic: tuple[bool, bool, bool], *, concentration: float,
    bundle_diameter: float, segment_length: float = 2.5, fiber_length: float | None = None,
    length_spread: float = 0.3, persistence_length: float = 100.0, alignment: float = 0.0,
    alignment_direction: ArrayLike = (1.0, 0.0, 0.0), valence: float = 3.3, seed: int = 0,
) -> FiberNetwork:
    """A crosslinked network of worm-like fibers in the box, free of stress.

    concentration (mg/ml) and bundle_diameter (um) give the length density, 4 c v/(pi d^2), which the result
    has within 1 %. fiber_length: mean, um, of a lognormal with `length_spread` as standard deviation of the
    logarithm; by default n (rho (1 - S))^-1/2, at least 5 and at most 120 um. segment_length: longest
    segment, um, before pulling (which stretches a few to twice that); a fiber has equal ones. alignment:
    nematic order S of the result about alignment_direction. valence: mean z = 4 (1 - 1/n) over the
    crosslinks, see `crosslink.choose`. Fibers wrap along periodic axes and are clipped at the other faces.
    Fibers with fewer than two holds (crosslinks, or a face that cut them) are left out, counted in `pruned`,
    and their length is given to others: hold the nodes that lie on faces. The same seed gives the same
    network. Raises InputError, with all problems, for values outside their limits or that cannot be reached.

    Pulling fibers together opens the pores by 2-5 % over random lines; measure them after it
    (`analysis.network`). Where mechanics is judged, choose segment_length <= half the crosslink spacing.
    """
    box = Box(np.array(lower, float).reshape(-1), np.array(upper, float).reshape(-1),
              (bool(periodic[0]), bool(periodic[1]), bool(periodic[2])))
    director = np.array(alignment_direction, float).reshape(-1)
    _check(box, concentration, bundle_diameter, segment_length, fiber_length, length_spread,
           persistence_length, alignment, director, valence)
    density = length_density(concentration, bundle_diameter)
    default = default_fiber_length(density, valence, alignment)
    mean_length = default if fiber_length is None else fiber_length
    _check_sizes(box, density, mean_length, segment_length, fiber_length is None)
    wanted = _Recipe(density, alignment, mean_length, length_spread, segment_length, persistence_length,
                     director / np.linalg.norm(director), valence, bundle_diameter)
    recipe = _pilot(wanted, seed)
    for attempt in range(5):
        network = _trim(_draft(box, recipe, _random(seed, 1 + attempt)), density)
        realised = float(network.lengths.sum()) / box.volume / density
        if abs(realised - 1.0) <= TOLERANCE:
            return along_curve(network)
        recipe = replace(recipe, density=recipe.density * (1.0 + TOLERANCE) / realised)
    raise InputError(
        f"box of {box.volume:.3g} um^3 cannot be filled with crosslinked fibers at {density:.3g} um/um^3 "
        f"(got {realised:.3f} of it). Make it larger, or fiber_length smaller.")


def _random(seed: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, purpose))))


def _draft(box: Box, recipe: _Recipe, random: np.random.Generator) -> FiberNetwork:
    """Fibers, crosslinked and pulled together; their length is not yet adjusted."""
    begin, end, fiber = chain.fill(
        box, recipe.density, recipe.mean_length, recipe.spread, recipe.segment_length,
        recipe.persistence_length, chain.watson_kappa(recipe.order), recipe.director, random)
    none = np.empty((0, 2), np.int64)
    free = assemble(begin, end, fiber, none, none.astype(float), box, recipe.bundle_diameter).free_ends
    mesh = recipe.density**-0.5
    along = crosslink.contour(begin, end, fiber)
    for reach, tilt in EFFORTS:
        found = crosslink.crossings(begin, end, fiber, box, reach * mesh)
        found = crosslink.thin_out(found, along, fiber, max(2.5 * recipe.bundle_diameter, 0.2 * mesh), tilt)
        chosen = crosslink.choose(found, fiber, free, recipe.valence)
        if chosen is not None:
            break
    else:
        raise InputError(
            f"valence = {recipe.valence:g} cannot be reached: fibers of {recipe.mean_length:.3g} um pass too "
            f"few others within {reach * mesh:.3g} um. Make fiber_length larger, valence or alignment less.")
    links, stays = chosen
    keep = stays[fiber]
    number = np.cumsum(keep) - 1
    begin, end, fiber = begin[keep], end[keep], runs(fiber, keep)
    links = crosslink.Crossings(number[links.segments], links.at, links.gap)
    begin, end, _ = crosslink.pull_together(begin, end, fiber, links, box)
    return assemble(begin, end, fiber, links.segments, links.at, box, recipe.bundle_diameter,
                    int((~stays).sum()))


def _trim(network: FiberNetwork, density: float) -> FiberNetwork:
    """Without whole dangling segments, those farthest from a crosslink first, down to `density` (um/um^3).

    No crosslink and no path between two crosslinks changes. Networks that are too thin stay as they are.
    """
    lengths, fiber = network.lengths, network.segment_fiber
    index = np.arange(len(fiber))
    held, on = network.crosslinks.ravel(), fiber[network.crosslinks.ravel()]
    first, last = np.full(network.fibers, len(fiber)), np.full(network.fibers, -1)
    np.minimum.at(first, on, held)
    np.maximum.at(last, on, held)
    leads_out = ~network.free_ends
    first[leads_out[:, 0]], last[leads_out[:, 1]] = 0, len(fiber)
    depth = np.maximum(first[fiber] - index, index - last[fiber])
    order = np.argsort(-depth, kind="stable")
    surplus = float(lengths.sum()) - density * network.box.volume
    drop = order[(np.cumsum(lengths[order]) <= surplus) & (depth[order] > 0)]
    keep = np.ones(len(fiber), bool)
    keep[drop] = False
    return keep_segments(network, keep)


def _pilot(wanted: _Recipe, seed: int) -> _Recipe:
    """The recipe whose result is `wanted`, found on a small periodic cube.

    Pulling stretches fibers by a few per cent and tilts them (S falls by a tenth); leaving out loose fibers
    takes about one per cent. Raises InputError if even nearly parallel fibers are too disordered once
    crosslinked.
    """
    side = (PILOT_FIBERS * wanted.mean_length / wanted.density) ** (1 / 3)
    cube = Box(np.zeros(3), np.full(3, side), (True, True, True))
    recipe = wanted
    for attempt in range(4):
        network = _draft(cube, recipe, _random(seed, 100 + attempt))
        realised = float(network.lengths.sum()) / cube.volume
        order = order_about(network, wanted.director)
        if abs(order - wanted.order) < 0.01 or wanted.order == 0:
            break
        if recipe.order >= HIGHEST_ORDER and order < wanted.order - 0.03:
            raise InputError(
                f"alignment = {wanted.order:g} cannot be reached at valence {wanted.valence:g}: crosslinking "
                f"tilts the fibers to S = {order:.2f}. Ask for less alignment or valence, or longer fibers.")
        recipe = replace(recipe, order=min(recipe.order * wanted.order / order, HIGHEST_ORDER))
    return replace(recipe, density=recipe.density * wanted.density / realised * (1.0 + TOLERANCE))


def order_about(network: FiberNetwork, director: Points) -> float:
    """S = <3 (t.n)^2 - 1>/2 about a given director n, weighted by length."""
    cosine = network.vectors @ director / network.lengths
    return float(1.5 * np.average(cosine**2, weights=network.lengths) - 0.5)


def _check(box: Box, concentration: float, bundle_diameter: float, segment_length: float,
           fiber_length: float | None, length_spread: float, persistence_length: float, alignment: float,
           director: Points, valence: float) -> None:
    """Each value by itself; all problems in one InputError."""
    problems = []
    positive = {"concentration": (concentration, "2 mg/ml"), "bundle_diameter": (bundle_diameter, "0.1 um"),
                "segment_length": (segment_length, "2.5 um"),
                "persistence_length": (persistence_length, "100 um")}
    if fiber_length is not None:
        positive["fiber_length"] = (fiber_length, "20 um")
    for name, (value, example) in positive.items():
        if not (math.isfinite(value) and value > 0):
            problems.append(f"{name} = {value:g} must be a positive number. Give for example {example}.")
    if box.lower.shape != (3,) or box.upper.shape != (3,) or not (
            np.isfinite(box.lower).all() and np.isfinite(box.upper).all() and (box.size > 0).all()):
        problems.append(f"box from {box.lower} to {box.upper} has no volume. "
                        "Give two corners, lower < upper, in um.")
    if not 0 <= alignment < 1:
        problems.append(f"alignment = {alignment:g} is outside [0, 1): 0 is isotropic. Give for example 0.6.")
    if director.shape != (3,) or not np.isfinite(director).all() or not np.linalg.norm(director) > 0:
        problems.append(f"alignment_direction = {director} is no direction. Give for example (1, 0, 0).")
    if not VALENCES[0] <= valence <= VALENCES[1]:
        problems.append(f"valence = {valence:g} cannot be reached: pairs of crosslinked fibers have a mean "
                        f"of {VALENCES[0]:g} to {VALENCES[1]:g}. Collagen has 3.0 to 3.5.")
    if not 0 <= length_spread <= 1:
        problems.append(f"length_spread = {length_spread:g} is outside [0, 1]. Give for example 0.3.")
    if problems:
        raise InputError(*problems)


def _check_sizes(box: Box, density: float, mean_length: float, segment_length: float,
                 by_default: bool) -> None:
    """Lengths against each other and against the box."""
    problems = []
    if segment_length > 0.5 * mean_length:
        problems.append(f"segment_length = {segment_length:g} um is more than half of the fibers' "
                        f"{mean_length:.3g} um: they could not bend. Give at most {mean_length / 2:.3g} um.")
    for axis, name in enumerate("xyz"):
        if box.periodic[axis] and mean_length > box.size[axis]:
            origin = " (the default at this density)" if by_default else ""
            problems.append(
                f"box size {box.size[axis]:g} um along periodic {name} is smaller than a fiber, "
                f"fiber_length = {mean_length:.3g} um{origin}. Make the box larger or fiber_length "
                f"smaller, or do not make {name} periodic.")
    if density * box.volume < 10 * mean_length:
        problems.append(f"box of {box.volume:.3g} um^3 holds {density * box.volume:.3g} um of fiber, fewer "
                        f"than ten fibers. Make it larger, or bundle_diameter smaller.")
    if problems:
        raise InputError(*problems)
