"""Experiments of the catalogue: published observations that the model is judged by, one file per section.

`EXPERIMENTS` lists them by id; `run` runs one. `docs/experiments.md` says how to add another.
"""

from __future__ import annotations

from physim.experiments.cir_clusters import CIR_3
from physim.experiments.cir_flow import CIR_0
from physim.experiments.cir_retention import CIR_1
from physim.experiments.declaration import SIZES, Arm, Experiment, Observable, Size
from physim.experiments.ecm import ECM_1
from physim.experiments.ecm_plastic import ECM_4
from physim.experiments.ecm_shear import ECM_2, ECM_3
from physim.experiments.ensemble import Ensemble
from physim.experiments.mig import MIG_7
from physim.experiments.mig_adhesion import MIG_1
from physim.experiments.mig_guidance import MIG_5
from physim.experiments.mig_nets import MIG_3B
from physim.experiments.mig_pores import MIG_3A
from physim.experiments.mig_speed import MIG_4
from physim.experiments.mig_stiffness import MIG_2
from physim.experiments.rem import REM_1
from physim.experiments.run import run
from physim.experiments.trk import TRK_3
from physim.experiments.trk_fading import TRK_4

__all__ = ["EXPERIMENTS", "SIZES", "Arm", "Ensemble", "Experiment", "Observable", "Size", "run"]

_ALL = (ECM_1, ECM_2, ECM_3, ECM_4, MIG_1, MIG_2, MIG_3A, MIG_3B, MIG_4, MIG_5, MIG_7, REM_1, TRK_3, TRK_4, CIR_0,
        CIR_1, CIR_3)  # fmt: skip
EXPERIMENTS: dict[str, Experiment] = {experiment.id: experiment for experiment in _ALL}
