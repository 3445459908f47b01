"""The pore of a network as a confocal section shows it: areas of the widest empty discs in a thin slab.

The pore by which the physical limit of migration was published (Wolf et al, J Cell Biol 201:1069, 2013) is measured in
sections, and so differs by factors from those in space (`analysis.network`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from physim.generate.fiber_network import FiberNetwork

SLAB, PIXEL = 1.0, 0.2
"""um: thickness of an optical section; edge of a pixel, on which the number of maxima depends."""
_MARGIN = 20.0
"""um around the section, so that discs reach across periodic faces."""


def disc_areas(network: FiberNetwork, sections: int = 6, seed: int = 0) -> NDArray[np.float64]:
    """(k,) um^2: pi d^2 at each local maximum, among 8 neighbours, of the distance d to the nearest fiber.

    Of `sections` slabs of SLAB um across z at random heights, each seen from above. About 2.7/rho in the mean, for
    random fibers of rho um/um^3. Faces that are not periodic count as fiber.
    """
    size, parts = network.box.size, int(np.ceil(network.lengths.max() / (0.5 * PIXEL)))
    shape = np.maximum(np.round(size[:2] / PIXEL).astype(int), 1)
    along = (np.arange(parts) + 0.5)[:, None] / parts
    points = network.nodes[network.segments[:, 0]][:, None] + along * network.vectors[:, None]
    points = points.reshape(-1, 3) - network.box.lower
    found = []
    for height in np.random.Generator(np.random.Philox(seed)).uniform(0, size[2], sections):
        off = points[:, 2] - height
        off -= np.where(network.box.periodic[2], np.rint(off / size[2]) * size[2], 0.0)
        pixel = np.floor(points[np.abs(off) < 0.5 * SLAB][:, :2] / size[:2] * shape).astype(int) % shape
        found.append(_discs(pixel, shape, network.box.periodic))
    return np.concatenate(found)


def section_pore(network: FiberNetwork, sections: int = 6, seed: int = 0) -> float:
    """um^2: mean of `disc_areas`. 61, 29, 13, 8 at 0.05, 0.1, 0.2, 0.3 um/um^3."""
    return float(disc_areas(network, sections, seed).mean())


def _discs(pixel: NDArray[np.int64], shape: NDArray[np.int64], periodic: tuple[bool, ...]) -> NDArray[np.float64]:
    empty = np.ones(shape, bool)
    empty[pixel[:, 0], pixel[:, 1]] = False
    margin = int(_MARGIN / PIXEL)
    for axis in range(2):
        width = [(0, 0), (0, 0)]
        width[axis] = (margin, margin)
        empty = np.pad(empty, width, mode="wrap") if periodic[axis] else np.pad(empty, width, constant_values=False)
    distance = ndimage.distance_transform_edt(empty) * PIXEL
    label, count = ndimage.label((distance == ndimage.maximum_filter(distance, size=3)) & empty, np.ones((3, 3)))
    index = np.arange(1, count + 1)
    middle = np.array(ndimage.center_of_mass(empty, label, index)).reshape(-1, 2) - margin
    inside = ((middle >= 0) & (middle < shape)).all(axis=1)
    return np.pi * np.asarray(ndimage.maximum(distance, label, index))[inside] ** 2
