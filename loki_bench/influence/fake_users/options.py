"""How fake users are scored: the options that all first-order estimators share."""

from dataclasses import dataclass
from typing import Literal, get_args

from loki_bench.errors import ParameterError
from loki_bench.parameters import require_count, require_number

__all__ = ["FakeRow", "FakeUserOptions", "Marginal", "Negatives", "require_choice"]

FakeRow = Literal["fold-in", "mean", "random", "transition-only"]
Marginal = Literal["difference", "derivative"]
Negatives = Literal["common", "per-prefix"]


@dataclass(frozen=True, kw_only=True)
class FakeUserOptions:
    """How a fake user, who is no row of the clean model, is given one.

    Attributes
    ----------
    fake_user : "fold-in", "mean", "random" or "transition-only"
        ``fold-in``: the row that minimises the fake user's own loss. ``mean``: the mean row of
        the genuine users. ``random``: a draw of their spread, another one for each first item, so
        that a user keeps its own while its sequence grows. ``transition-only``: zero, which leaves
        the last-item terms alone. The last three are controls: they rank far worse.
    fold_in_l2 : float or None
        L2 coefficient of the folded-in row; None takes the model's own.
    n_negatives : int
        Frozen negatives averaged over for each sample.
    negatives : "common" or "per-prefix"
        Which frozen negatives. ``common``: the n-th event of every fake user has the same ones
        (common random numbers), so that two fake users differ by what they did alone.
        ``per-prefix``: each prefix of items has its own, so that a mean over many fake users also
        is one over many negatives, as training is.
    marginal : "difference" or "derivative"
        How a next item is valued: the difference of two fold-ins, or the derivative at the
        prefix's fold-in, which is 0 after an empty prefix and cheaper for many candidates of one
        prefix.
    """

    fake_user: FakeRow = "fold-in"
    fold_in_l2: float | None = None
    n_negatives: int = 1
    negatives: Negatives = "common"
    marginal: Marginal = "difference"

    def __post_init__(self) -> None:
        require_choice("fake_user", self.fake_user, get_args(FakeRow))
        require_choice("negatives", self.negatives, get_args(Negatives))
        require_choice("marginal", self.marginal, get_args(Marginal))
        who = type(self).__name__
        if self.fold_in_l2 is not None:
            require_number(who, "fold_in_l2", self.fold_in_l2, above=0)
        require_count(who, "n_negatives", self.n_negatives)


def require_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that is none of the known ones; raises ``ParameterError``."""
    if value not in known:
        raise ParameterError(f"{name} = {value!r} is not known: give one of " + ", ".join(known))
