"""Some entries of the inverse of a sparse symmetric matrix: what all branches of a network see of it, at once.

With A = L D L', from the last row to the first, S the rows in which column j of L is not 0:

    Z_Sj = -Z_SS L_Sj,    Z_jj = 1/D_j - L_Sj . Z_Sj

give the inverse Z wherever L with its fill is not 0, and so wherever A is not. A solve for each branch takes longer.
Source: Takahashi, Fagan & Chen 1973; Erisman & Tinney, Commun ACM 18:177 (1975).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


class SelectedInverse:
    """Of positive definite matrices of one pattern; what depends on that alone is found once, at the first."""

    def __init__(self) -> None:
        self._order: Ids | None = None

    def resistances(self, matrix: csc_array, one: Ids, two: Ids) -> Floats:
        """(k,) e' A^-1 e with e = 1 at row `one` and -1 at row `two` (k,), -1 for neither.

        Of both, A must have an entry at (one, two).
        """
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        order = np.asarray(factor.perm_c, np.int64)
        if self._order is None or not np.array_equal(order, self._order):
            self._learn(matrix, order)
        z = self._entries(factor)
        one, two = (np.where(row >= 0, order[row], -1) for row in (one, two))
        both = (one >= 0) & (two >= 0)
        found = np.zeros(len(one))
        for row in (one, two):
            found[row >= 0] += z[self._count + row[row >= 0]]
        low, high = np.minimum(one, two)[both], np.maximum(one, two)[both]
        found[both] -= 2 * z[np.searchsorted(self._keys, low * len(order) + high)]
        return found

    def _learn(self, matrix: csc_array, order: Ids) -> None:
        """Rows below the diagonal of each column of L with its fill, and where in `z` the entries between them are."""
        size = len(order)
        entries = matrix.tocoo()
        row, column = order[entries.row], order[entries.col]
        rows: list[set[int]] = [set() for _ in range(size)]
        for i, j in zip(row[row > column].tolist(), column[row > column].tolist(), strict=True):
            rows[j].add(i)
        for below in rows:  # what a column is eliminated with, the next of its rows is, too
            if below:
                parent = min(below)
                rows[parent] |= below - {parent}
        self._rows = [np.array(sorted(below), np.int64) for below in rows]
        self._first = np.concatenate([[0], np.cumsum([len(below) for below in rows])])
        self._count = int(self._first[-1])
        self._keys = np.concatenate([j * size + part for j, part in enumerate(self._rows)])
        self._between = []
        for part in self._rows:
            low, high = np.minimum(part[:, None], part), np.maximum(part[:, None], part)
            place = np.searchsorted(self._keys, low * size + high)
            self._between.append(np.where(low == high, self._count + low, place))
        self._order = order

    def _entries(self, factor: Any) -> Floats:
        """Of the inverse: below the diagonal by columns, as `_keys` has them, then on the diagonal."""
        size, lower = factor.shape[0], factor.L.tocoo()
        column = np.zeros(self._count)
        below = lower.row > lower.col
        keys = lower.col[below].astype(np.int64) * size + lower.row[below]
        column[np.searchsorted(self._keys, keys)] = lower.data[below]
        pivots = 1 / factor.U.diagonal()
        z, first = np.zeros(self._count + size), self._first
        for j in range(size - 1, -1, -1):
            part = column[first[j] : first[j + 1]]
            beside = -(z[self._between[j]] @ part)
            z[first[j] : first[j + 1]] = beside
            z[self._count + j] = pivots[j] - part @ beside
        return z
