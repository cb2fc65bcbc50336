"""What section 4 of the LOKI paper claims: its own words, the figure it gives, and who judges it.

The paper is "Practical Data Poisoning Attack against Next-Item Recommendation" (WWW 2020,
https://doi.org/10.1145/3366423.3379992).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["BASELINES", "CLAIMS", "Claim", "Question"]

BASELINES = ("none", "random", "popular")
"""What section 4.2 compares LOKI with; ``none`` is the clean recommender."""

Question = Literal[
    "best",
    "times_the_best_baseline",
    "gap_on_fpmc",
    "random_is_worst",
    "best_at_every_share",
    "grows_with_the_share",
    "reaches",
    "best_at_every_number_of_actions",
    "grows_with_the_actions",
    "lengths_stay_similar",
]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim.

    Attributes
    ----------
    title : str
        The claim in a few words.
    quote : str
        The paper's words.
    where : str
        Section and figure.
    reported : str
        The figure that the paper gives, or what it says where it gives none.
    question : str
        What is asked of the records, see :mod:`loki_bench.paper.answers`.
    threshold : float or None
        The number that the question is about.
    """

    title: str
    quote: str
    where: str
    reported: str
    question: Question
    threshold: float | None = None


CLAIMS = (
    Claim(
        title="LOKI is best on every victim",
        quote="In terms of attack outcome, the proposed LOKI achieves the best performance and the "
        "improvement is significant.",
        where="4.3, Figure 3",
        reported="best on BPRMF and on FPMC",
        question="best",
    ),
    Claim(
        title="More than eight times the best baseline on average",
        quote="For example, on compared with the best baseline, the proposed LOKI's display rate "
        "increases by over eight times on average.",
        where="4.3, Figure 3",
        reported="over 8 times",
        question="times_the_best_baseline",
        threshold=8.0,
    ),
    Claim(
        title="Random is the worst attack",
        quote="Among the baseline methods, Random simply lets the target items occur in the "
        "poisoning sequences [...]. Thus, Random has the worst performance.",
        where="4.3, Figure 3",
        reported="worst performance",
        question="random_is_worst",
    ),
    Claim(
        title="The gap to the best baseline is larger on FPMC than on BPRMF",
        quote="For instance, the performance gap is larger when attacking FPMC than attacking "
        "BPRMF.",
        where="4.3, Figure 3",
        reported="larger on FPMC",
        question="gap_on_fpmc",
    ),
    Claim(
        title="LOKI is best at every share of controlled users",
        quote="From the figure, we can clearly see that the proposed LOKI outperforms the "
        "baselines in all cases and can successfully promote the target items.",
        where="4.4, Figure 4",
        reported="best in all cases",
        question="best_at_every_share",
    ),
    Claim(
        title="Display rate grows with the share of controlled users",
        quote="Figure 4: Impact of the percentage of the controlled users.",
        where="4.4, Figure 4",
        reported="a figure; its text names no trend",
        question="grows_with_the_share",
    ),
    Claim(
        title="Display rate 0.055 on FPMC at 3 %",
        quote="For instance, when attacking against FPMC, the display rate increases to 0.055 even "
        "when the percentage of the controlled users is as low as 3%.",
        where="4.4, Figure 4",
        reported="0.055",
        question="reaches",
        threshold=0.055,
    ),
    Claim(
        title="LOKI is best at every number of actions",
        quote="These results show that the proposed LOKI outperforms the baseline methods in all "
        "cases.",
        where="4.4, Figure 5",
        reported="best in all cases",
        question="best_at_every_number_of_actions",
    ),
    Claim(
        title="Display rate grows with the actions of a controlled user",
        quote="With the number of activities per user increasing, the display rates also increase.",
        where="4.4, Figure 5",
        reported="display rates increase, 5 to 15 actions",
        question="grows_with_the_actions",
    ),
    Claim(
        title="Sequence lengths stay similar",
        quote="[...] we can see that the distributions before and after the injection are similar. "
        "Hence, injecting such generated sequential samples into the dataset is unnoticeable",
        where="4.4, Figure 6",
        reported="similar, by eye",
        question="lengths_stay_similar",
    ),
)
