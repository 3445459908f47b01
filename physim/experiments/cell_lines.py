"""Cell lines: named sets of parameters, each number with its source. `docs/cell_lines.md` says how to make your own.

    line = LINES["HT-1080"]
    line["terms.links.contraction_speed"]     0.8, in the unit that `physim explain` prints
    print(line.toml())                        the sections to paste into a scenario

How a cell moves is not a choice between two codes: slow cells that adhere, cut and persist, and fast ones that hardly
hold on and slip through, are the same terms with other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

NUCLEAR_MODULUS = 0.55
"""kPa, of all lines: what sets the smallest pore is calibrated on rigid pores, not on speeds."""
SLOTS = 32
"""Links of a cell, of which few hold at a time."""

Numbers = Mapping[str, tuple[float, str]]
"""Path -> (value, source), the paths those of a scenario's `cells` and `terms`; `spread.NAME` is the standard deviation
of ln NAME from cell to cell."""
_WOLF = "nuclear section of 70 um2, arrest at a tenth of it: Wolf 2013"
_SIZE = "2,494 um3, PhysiCell's default cell: Ghaffarizadeh 2018"
_PROTOTYPE = "migration prototype"
_MIG_4 = "set on MIG-4"
_GRIP = "migration prototype, per slot of 16; not halved, since few of 32 hold at a time"
_SPREAD = "assumed: half of all cells within a factor of 1.7 of the median; Spearman(S, P) of MIG-4 needs one"
_PULL = "assumed: pulls as its nuclear section is to that of a tumor cell, 4:7 and 2:7, before a closed plate"
_CORTEX = "migration prototype; not measured on this line"


@dataclass(frozen=True)
class CellLine:
    """One line, and what is known of how it moves in 3D collagen."""

    name: str
    published: str
    numbers: Numbers
    step: float = 0.2
    """min, in which the cell moves by far less than a segment of fiber."""
    calibrated: bool = False
    """Whether an experiment has judged it; else it is a place to start from."""

    def __getitem__(self, path: str) -> float:
        return self.numbers[path][0]

    def part(self, name: str) -> dict[str, Any]:
        """What is below `cells`, `spread` or `terms.NAME`."""
        head = name + "."
        return {path.removeprefix(head): value for path, (value, _) in self.numbers.items() if path.startswith(head)}

    @property
    def terms(self) -> dict[str, dict[str, Any]]:
        """The terms of such a cell, as in a scenario."""
        names = dict.fromkeys(path.split(".")[1] for path in self.numbers if path.startswith("terms."))
        return {"contact": {}, **{name: self.part(f"terms.{name}") for name in names}}

    def toml(self) -> str:
        """The sections of a scenario for one cell in the middle of the line, each number with its source."""
        lines, section = [], ""
        for path, (value, source) in self.numbers.items():
            part, _, key = path.rpartition(".")
            if part == "spread":
                continue
            if part != section:
                lines += ["", f"[{part}]" if part != "cells" else f'[[cells]]\nname = "{self.name}"\ncount = 1']
                section = part
            lines.append(f"{key} = {value:g} # {source}")
        return "\n".join(["[terms.contact]", *lines]) + "\n"

    def with_numbers(self, name: str, published: str, numbers: Numbers, **more: Any) -> CellLine:
        """Another line, which differs in these, and which nobody has judged yet.

        KeyError for a path that this one does not have.
        """
        unknown = set(numbers) - set(self.numbers)
        if unknown:
            raise KeyError(f"{name}: {sorted(unknown)} are no numbers of {self.name}")
        kept = {path: (value, source if source.startswith("as ") else f"as {self.name}: {source}")
                for path, (value, source) in self.numbers.items()}  # fmt: skip
        own = {"calibrated": False, **more}
        return replace(self, name=name, published=published, numbers={**kept, **numbers}, **own)


_MDA_MB_231 = CellLine("MDA-MB-231", "8-20 um/h (recalled); mesenchymal, cuts: Wolf 2003", {
    "cells.radius": (8.4, _SIZE),
    "cells.nucleus_radius": (4.7, _WOLF),
    "cells.cadherin": (0.1, "mesenchymal; the scenario invasion"),
    "cells.integrin": (1.0, "by definition: what binding rate and strength of links are for"),
    "cells.mmp": (1.0, "by definition: what terms.proteolysis.rate is for"),
    "spread.integrin": (0.8, _SPREAD),
    "spread.mmp": (0.8, _SPREAD),
    "terms.drag.coefficient": (2.0, _PROTOTYPE),
    "terms.polarity.persistence": (3.0, _MIG_4 + "; 45 in the prototype, which was too persistent"),
    "terms.polarity.feedback": (0.3, _MIG_4 + "; 0.2 in the prototype"),
    "terms.contact_guidance.weight": (0.8, "set on MIG-5: without it aligned fibers hardly guide"),
    "terms.steric.cytoplasm_modulus": (0.5, _CORTEX),
    "terms.steric.cortical_tension": (0.4, _CORTEX),
    "terms.nucleus.modulus": (NUCLEAR_MODULUS, "NUCLEAR_MODULUS: calibrated on rigid pores"),
    "terms.links.slots": (SLOTS, _PROTOTYPE + ": less jitter than with 16"),
    "terms.links.stiffness": (2.0, _GRIP),
    "terms.links.stall_force": (10.0, _GRIP),
    "terms.links.release_force": (5.0, _GRIP),
    "terms.links.contraction_speed": (0.25, _MIG_4 + "; 0.3 in the prototype"),
    "terms.links.release_rate": (0.03, _MIG_4 + "; 0.01 in the prototype"),
    "terms.links.binding_rate": (0.15, _MIG_4 + "; 1 in the prototype, where all slots are bound"),
    "terms.links.focus": (3.0, "set on MIG-5; 2 in the prototype, which with few links leaves much to chance"),
    "terms.proteolysis.rate": (0.05, _PROTOTYPE),
}, calibrated=True)  # fmt: skip
_HT_1080 = _MDA_MB_231.with_numbers(
    "HT-1080", "18-36 um/h at 1.7-2 mg/ml (recalled); mesenchymal, cuts: Wolf 2003; Wu 2014",
    {
        "terms.polarity.persistence": (3.0, _MIG_4 + "; 45 in the prototype"),
        "terms.polarity.feedback": (0.2, _PROTOTYPE),
        "terms.links.contraction_speed": (0.7, _MIG_4 + "; 0.8 in the prototype"),
        "terms.links.release_rate": (0.05, _MIG_4 + "; 0.02 in the prototype"),
        "terms.links.binding_rate": (0.25, _MIG_4),
        "terms.proteolysis.rate": (0.2, _PROTOTYPE + ": frees a cell fully"),
    },
    calibrated=True,
)  # fmt: skip
_MCF_10A = _MDA_MB_231.with_numbers(
    "MCF-10A", "cannot migrate in 3D collagen, but along microtracks: Kraning-Rush 2013",
    {
        "cells.cadherin": (1.0, "the epithelial reference cell"),
        "cells.mmp": (0.0, "makes no way of its own: Kraning-Rush 2013"),
        "terms.polarity.feedback": (0.0, "assumed: not polarized by its motion"),
        "terms.links.contraction_speed": (0.03, "set on 0-3 um/h (recalled)"),
        "terms.links.focus": (0.5, "assumed: probes nearly all directions alike"),
    },
)  # fmt: skip
_T_CELL = _MDA_MB_231.with_numbers(
    "T-cell", "amoeboid, does not cut: Wolf 2003b; slow, fast and mixed cells: Sadjadi 2020; 3-10 um/min (recalled)",
    {
        "cells.radius": (4.5, "lymphocytes 3.0 (Downey 1990); blasts are wider (recalled: 4-6)"),
        "cells.nucleus_radius": (3.6, "nuclear section of 40 um2, arrest at 4 um2, a tenth of it: Wolf 2013"),
        "cells.cadherin": (0.0, "none"),
        "cells.mmp": (0.0, "collagen is left whole: Wolf 2003b"),
        "terms.drag.coefficient": (0.2, "a regulariser: with 2 it would bear more than the links"),
        "terms.polarity.persistence": (3.0, "assumed; minutes"),
        "terms.polarity.feedback": (0.1, "assumed"),
        "terms.contact_guidance.weight": (0.8, "as MDA-MB-231; T cells crawl along fibrils: Wolf 2003b"),
        "terms.links.contraction_speed": (15.0, "set on 3-10 um/min, of which it reaches the lower end"),
        "terms.links.release_rate": (1.0, "assumed: contacts of a minute"),
        "terms.links.binding_rate": (2.0, "assumed: as many bound as let go"),
        "terms.links.stiffness": (2.0, _PULL),
        "terms.links.stall_force": (10.0, _PULL),
        "terms.links.release_force": (5.0, _PULL),
        "terms.proteolysis.rate": (0.0, "collagen is left whole: Wolf 2003b"),
    },
    step=0.05,
)  # fmt: skip
_NEUTROPHIL = _T_CELL.with_numbers(
    "neutrophil", "amoeboid, hardly adheres: Brown 1984; 17 um/min in channels (Butler 2010), less in gels",
    {
        "cells.radius": (4.2, "Downey 1990"),
        "cells.nucleus_radius": (2.5, "nuclear section of 20 um2, arrest at 2 um2, a tenth of it: Wolf 2013"),
        "terms.links.stiffness": (1.0, _PULL),
        "terms.links.stall_force": (5.0, _PULL),
        "terms.links.release_force": (2.5, _PULL),
        "terms.links.contraction_speed": (25.0, "assumed: faster than T cells"),
    },
)  # fmt: skip
LINES: dict[str, CellLine] = {line.name: line for line in (_MDA_MB_231, _HT_1080, _MCF_10A, _T_CELL, _NEUTROPHIL)}
