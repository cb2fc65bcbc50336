"""Labels that no metric can have: tables and data frames have columns of these names already.

A metric's label heads a column of its own. Two columns of one name would replace each other, and
one number stand where a reader looks for the other.
"""

import re

__all__ = ["TAKEN", "WHY_TAKEN"]

_ABOUT = "dataset victim fake_users actions event_share budget defense attacker attack placebo"
_CELLS = "simulator run_key seed seeds n_seeds metric value status reason cell targets target_users"
_STATISTICS = "gain p p_value failed n_failed rank behind behind_p behind_p_value placebo_effect"
_COUNTS = "samples poison_samples"

TAKEN = re.compile(
    "|".join(f"{_ABOUT} {_CELLS} {_STATISTICS} {_COUNTS}".split()) + "|.*_(low|high)", re.DOTALL
)
"""Matches in full what columns are called, and the ends of an interval after its label."""

WHY_TAKEN = (
    "is what a column of every table or data frame is called, or ends in _low or _high as an "
    "interval's end does; choose another name"
)
