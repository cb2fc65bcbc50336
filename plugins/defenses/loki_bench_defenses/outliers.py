"""How far out a user is, and from where on: both are read from the data, not from an attack's size.

Most users are taken to be genuine: medians and quartiles then describe genuine users.
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROUNDING", "are_equal", "outlier_threshold", "robust_z", "second_mode"]

LEAST_THRESHOLD = 3.5
"""Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993: for samples of any size."""

LEAST_RATIO = 3.0

ROUNDING = 1e-12
"""Of a value's size: equal values that were added up in different orders differ by less."""


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the median in units of the scaled median absolute deviation.

    Where more than half of the values are equal, but for rounding, that deviation is 0, and the
    mean absolute deviation takes its place; where all are equal, every distance is 0. The factors
    make both units a standard deviation for normal values.

    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 65.43]
    """
    if not len(values):
        return np.empty(0)
    median = float(np.median(values))
    distances, least = values - median, ROUNDING * abs(median)
    scale = 1.4826 * float(np.median(np.abs(distances)))
    if scale <= least:
        scale = 1.2533 * float(np.mean(np.abs(distances)))
    return np.zeros(len(values)) if scale <= least else distances / scale


def are_equal(values: NDArray[np.float64]) -> bool:
    """Whether all values are equal but for rounding; so are none, and a single one.

    >>> are_equal(np.array([0.3, 0.1 + 0.2]))
    True
    """
    if not len(values):
        return True
    largest = float(np.abs(values).max())
    # smaller numbers than the least normal one lose their digits, too
    return float(np.ptp(values)) <= max(ROUNDING * largest, np.finfo(np.float64).tiny)


def outlier_threshold(n_values: int) -> float:
    """What the largest of so many standard normal values hardly exceeds: ``sqrt(2 ln n)``.

    The universal threshold of Donoho & Johnstone (Biometrika 81, 1994), 3.5 at least.

    >>> round(outlier_threshold(23_034), 2)
    4.48
    """
    return max(LEAST_THRESHOLD, math.sqrt(2 * math.log(max(n_values, 1))))


def second_mode(values: NDArray[np.float64]) -> float:
    """The valley before a second mode of the values, to the right of the main one.

    Counts in ``2 n^(1/3)`` equal bins (Rice's rule), smoothed over three, rise again to the right
    of the main mode by more than chance: ``(peak - valley) / sqrt(peak + valley + 1)`` is over the
    threshold of :func:`outlier_threshold`, and the peak is more than three times as high as the
    valley (two humps of one crowd are not told apart). The main mode is the fullest bin between the
    quartiles: a bin of fake users that are all alike may be fuller than any of genuine ones, but as
    long as fewer than a quarter of the users are fake it lies beyond. Of several valleys the most
    significant one is taken.

    Returns
    -------
    float : values above it, a quarter at most, belong to the second mode; infinite if there is
    none.
    """
    if are_equal(values):
        return math.inf
    counts, edges = np.histogram(values, bins=math.ceil(2 * len(values) ** (1 / 3)))
    smooth = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
    quartiles = np.quantile(values, [0.25, 0.75])
    low, high = np.searchsorted(edges[1:-1], quartiles, side="right")
    best, where = outlier_threshold(len(values)), math.inf
    valley = low + int(smooth[low : high + 1].argmax())
    for place in range(valley + 1, len(smooth)):
        if smooth[place] <= smooth[valley]:
            valley = place
        rise = (smooth[place] - smooth[valley]) / math.sqrt(smooth[place] + smooth[valley] + 1)
        deep = smooth[place] > LEAST_RATIO * smooth[valley]
        if rise > best and deep and edges[valley + 1] >= quartiles[1]:
            best, where = rise, float(edges[valley + 1])
    return where
