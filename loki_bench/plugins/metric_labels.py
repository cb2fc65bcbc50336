"""Labels that no metric can have: tables and data frames have columns of these names already.

A metric's label heads a column of its own. Two columns of one name would replace each other, and
one number stand where a reader looks for the other.
"""

__all__ = ["RESERVED", "refusal_of_label"]

_ABOUT = "dataset victim fake_users actions event_share budget defense attacker attack placebo"
_CELLS = "simulator run_key seed seeds n_seeds metric value status reason cell targets target_users"
_STATISTICS = "gain p p_value failed n_failed rank behind behind_p behind_p_value placebo_effect"
_COUNTS = "samples poison_samples"

RESERVED = frozenset(f"{_ABOUT} {_CELLS} {_STATISTICS} {_COUNTS}".split())
"""What columns are called, but for the ends of intervals (``gain_low``)."""

ENDS = ("_low", "_high")
"""How a data frame calls the ends of a metric's interval, after its label."""


def refusal_of_label(label: str) -> str:
    """Why a metric can't have that label; empty where it can. One with a cut-off always can."""
    if label in RESERVED:
        return f"{label!r} is a column of every table; choose another name"
    if label.endswith(ENDS):
        return (
            f"{label!r} ends in {label[label.rindex('_') :]}, as a column of an interval's end "
            "does; choose another name"
        )
    return ""
