"""How well a defense tells fake users from genuine ones. Fake users are the positive class.

Where a defense weighs events, a user of weight 0.3 counts as 0.7 dropped.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from loki_bench.contracts import Outcome

__all__ = [
    "detection_auc",
    "detection_precision",
    "detection_recall",
    "false_positive_rate",
    "recall_at_1pct_fpr",
]

FALSE_POSITIVES = 0.01


def detection_precision(outcome: Outcome) -> float:
    """Share of the users dropped from the poisoned data that are fake.

    Returns
    -------
    float in [0, 1]; NaN if none was dropped.
    """
    genuine, fake = _dropped(outcome)
    return _share(fake.sum(), genuine.sum() + fake.sum())


def detection_recall(outcome: Outcome) -> float:
    """Share of the fake users that are dropped.

    Returns
    -------
    float in [0, 1]; 0 without a defense, NaN without fake users.
    """
    _, fake = _dropped(outcome)
    return _share(fake.sum(), len(fake))


def false_positive_rate(outcome: Outcome) -> float:
    """Share of the genuine users that are dropped from the poisoned data.

    In the row of the attack ``none`` it is the share dropped from the clean data.

    Returns
    -------
    float in [0, 1]; 0 without a defense, NaN without genuine users.
    """
    genuine, _ = _dropped(outcome)
    return _share(genuine.sum(), len(genuine))


def detection_auc(outcome: Outcome) -> float:
    """Area under the ROC curve of the defense's suspicion: the ordering, whatever the threshold.

    The chance that a fake user is more suspicious than a genuine one, ties counted half.

    Returns
    -------
    float in [0, 1]; NaN without a defense, without its suspicion, without fake or genuine users.
    """
    n_genuine, n_fake = len(outcome.genuine_lengths), len(outcome.poison)
    suspicion = None if outcome.defended is None else outcome.defended.suspicion
    if suspicion is None or not n_genuine or not n_fake:
        return float("nan")
    is_fake = np.arange(n_genuine + n_fake) >= n_genuine
    return float(roc_auc_score(is_fake, suspicion))


def recall_at_1pct_fpr(outcome: Outcome) -> float:
    """Share of the fake users above the threshold that 1 % of genuine users are above at most.

    Defenses choose thresholds of their own, of different strictness; here each has the lowest one
    at which no more than 1 % of genuine users (rounded down) are more suspicious than it.

    Returns
    -------
    float in [0, 1]; NaN without a defense, without its suspicion, without fake or genuine users.
    """
    n_genuine, n_fake = len(outcome.genuine_lengths), len(outcome.poison)
    suspicion = None if outcome.defended is None else outcome.defended.suspicion
    if suspicion is None or not n_genuine or not n_fake:
        return float("nan")
    genuine = np.sort(suspicion[:n_genuine])[::-1]
    threshold = genuine[int(FALSE_POSITIVES * n_genuine)]
    return float(np.mean(suspicion[n_genuine:] > threshold))


def _dropped(outcome: Outcome) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of each genuine user, and of each fake user, is not in the training data: 0 to 1."""
    n_genuine, defended = len(outcome.genuine_lengths), outcome.defended
    if defended is None:
        return np.zeros(n_genuine), np.zeros(len(outcome.poison))
    dropped = (~defended.kept).astype(np.float64)
    if defended.user_weights is not None:
        dropped = 1 - defended.user_weights
    return dropped[:n_genuine], dropped[n_genuine:]


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
