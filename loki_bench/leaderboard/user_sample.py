"""What a table says of the sample of users whose test events were ranked, and what it costs."""

import math

__all__ = ["half_width", "said_sample"]


def said_sample(n: int, n_users: int) -> str:
    """That ``n`` of all users are evaluated, and what it costs."""
    low, high = (half_width(share, n, n_users) for share in (0.1, 0.5))
    return (
        f"{n} of {n_users}, drawn from the seed in proportion to lengths of history; in one seed "
        f"this alone gives a share of users, as hr@10, a 95 % interval of at most +/- {low:.4f} at "
        f"0.1 and +/- {high:.4f} at 0.5, and intervals over seeds hold it; target users are all "
        "ranked"
    )


def half_width(share: float, n: int, n_users: int) -> float:
    """Of the 95 % interval of a share of all users that was found in a sample of ``n`` of them.

    Of a sample without strata, drawn without replacement (normal approximation); one in proportion
    to strata is about as wide or narrower (Cochran, Sampling Techniques, 1977, section 5.6).
    """
    return 1.96 * math.sqrt(share * (1 - share) / n * (1 - n / n_users))
