"""The terms of the step, in the order in which they run.

A new term is one class in this folder, one file in `kernels/`, one line below.
"""

from __future__ import annotations

from physim.step import Term
from physim.terms.blood import AbluminalWall, Bond, Elongation, Plasma, VesselWall
from physim.terms.cells import Contact, Crawl, Friction, Junction, LaboratoryDrag, PhysiCell
from physim.terms.cortex import Cortex
from physim.terms.cues import (
    Attractant,
    Chemotaxis,
    ContactGuidance,
    ContactInhibition,
    Following,
    Haptotaxis,
    TractionFeedback,
)
from physim.terms.deposition import Deposition
from physim.terms.engine import Advance, Balance, Births, Neighbors, Rest, Solve
from physim.terms.matrix import Fibers, Links, Segments, Steric
from physim.terms.motion import Noise, Polarity, Walls
from physim.terms.network import Network, Strain
from physim.terms.nucleus import Nucleus
from physim.terms.remodeling import Chains, Proteolysis, Repair, Turnover
from physim.terms.shedding import Shedding

STEP: tuple[type[Term], ...] = (
    Births,
    Neighbors,
    Segments,
    Strain,
    Repair,
    Proteolysis,
    Turnover,
    Deposition,
    Chains,
    Attractant,
    ContactGuidance,
    Haptotaxis,
    Chemotaxis,
    ContactInhibition,
    Following,
    TractionFeedback,
    Polarity,
    Rest,
    PhysiCell,
    Balance,
    LaboratoryDrag,
    Contact,
    Friction,
    Junction,
    Crawl,
    Fibers,
    Steric,
    Nucleus,
    Cortex,
    Links,
    Network,
    VesselWall,
    AbluminalWall,
    Elongation,
    Bond,
    Plasma,
    Walls,
    Solve,
    Shedding,
    Noise,
    Advance,
)

REGISTRY: dict[str, type[Term]] = {term.name: term for term in STEP}

ALWAYS: tuple[type[Term], ...] = (Neighbors, Rest, Advance)
"""In every step; `terms.<name>` in a scenario only sets their parameters."""

ENGINE = frozenset(term.name for term in (Births, Neighbors, Segments, Chains, Rest, Balance, Solve, Advance))
"""What other terms bring along."""
