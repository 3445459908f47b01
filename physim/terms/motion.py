"""What sets a cell's direction and what bounds it: polarity, noise, walls."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.units import Minute, NanonewtonPerMicron, PerMicron, SquareMicronPerMinute


class Polarity(Term):
    """dp = (I - p p) [sqrt(dt/P) xi + w v dt], |p| = 1: <p(0).p(t)> = exp(-t/P) without feedback.

    v is the cell's own velocity, exponentially averaged over `memory`. No cue gives speed: p only directs pulling.
    Source: physim's migration prototype (P 30-45 min, w 0.2 per um).
    """

    name: ClassVar[str] = "polarity"
    persistence: Minute = parameter(
        30.0, "persistence time P", source="migration prototype; literature 10-60 min", gt=0
    )
    feedback: PerMicron = parameter(
        0.0, "turning rate w towards the own recent motion, per um", source="migration prototype", ge=0
    )
    memory: Minute = parameter(5.0, "averaging time of the own motion", source="migration prototype", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("turn", "cell", ("id", "displacement"), ("polarity", "smoothed_velocity")),
    )


class Noise(Term):
    """dx = sqrt(2 D dt) xi: free diffusion, <|dx|^2> = 6 D t. Explicit."""

    name: ClassVar[str] = "noise"
    diffusion: SquareMicronPerMinute = parameter(0.0, "diffusion constant D", ge=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("noise", "cell", ("id",), (), ("displacement",)),)


class Walls(Term):
    """F = k (R - h)+ away from each wall of the box, h the height of the centre; reaction on the wall. Implicit."""

    name: ClassVar[str] = "walls"
    stiffness: NanonewtonPerMicron = parameter(20.0, "stiffness k, as between cells", source="as contact", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("release_walls", "one", writes=("anchor_force",)),
        Kernel("walls", "cell", ("position", "radius"), (), ("force", "resistance", "anchor_force")),
    )
