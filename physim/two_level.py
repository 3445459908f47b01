"""Large sparse symmetric equations on the voxels of vessels: conjugate gradients, preconditioned on two levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, cg, splu

from physim.errors import InputError

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
_MOST_ITERATIONS = 2000


def laplacian(count: int, one: Ids, two: Ids, weight: Floats) -> csr_array:
    """(count, count): sums of weights on the diagonal, their negatives between the two ends of each face."""
    rows, columns = np.concatenate([one, two]), np.concatenate([two, one])
    off = csr_array(coo_array((np.tile(-weight, 2), (rows, columns)), shape=(count, count)))
    return csr_array(off + diags_array(-np.asarray(off.sum(axis=1)).ravel()))


def solved(matrix: csr_array, right: Floats, group: Ids, tolerance: float, start: Floats | None = None) -> Floats:
    """x with |matrix x - right| <= tolerance, by conjugate gradients that are preconditioned on two levels.

    Jacobi for each voxel, and an exact solve with one unknown for each group: else what happens at one end of a vessel
    spreads by a voxel in an iteration. Vessels are long and thin, so that the exact solve has little fill. Raises
    InputError if 2,000 iterations are not enough.
    """
    diagonal, group = matrix.diagonal(), np.unique(group, return_inverse=True)[1]
    count = len(diagonal)
    spread = csr_array(coo_array((np.ones(count), (np.arange(count), group)), shape=(count, group.max(initial=-1) + 1)))
    gather = csr_array(spread.T)
    coarse = splu(csc_array(gather @ matrix @ spread), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                  options={"SymmetricMode": True})  # fmt: skip

    def nearly(v: Floats) -> Floats:
        return v / diagonal + spread @ coarse.solve(gather @ v)

    found, failed = cg(matrix, right, start, rtol=0.0, atol=tolerance, maxiter=_MOST_ITERATIONS,
                       M=LinearOperator(matrix.shape, nearly))  # fmt: skip
    if failed:
        raise InputError("lumen: the flow in it does not converge; give another voxel")
    return np.asarray(found, np.float64)
