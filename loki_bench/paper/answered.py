"""The README of a family's leaderboards: every claim of the paper with our answer, generated."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tabulate import tabulate

from loki_bench.leaderboard.formatting import escape_markdown
from loki_bench.leaderboard.statistics import BOOTSTRAP_SEED, N_RESAMPLES
from loki_bench.paper.answers import Answer, answer
from loki_bench.paper.claims import CLAIMS
from loki_bench.paper.evidence import Evidence
from loki_bench.records.schema import Record

__all__ = ["answers", "claims_page"]


def answers(records: Iterable[Record]) -> list[Answer]:
    """All claims, in the order of the paper; the same records in any order give the same."""
    evidence = Evidence.of(records)
    return [answer(claim, evidence) for claim in CLAIMS]


def claims_page(suites: Mapping[str, str], records: Iterable[Record]) -> str:
    """Markdown.

    Parameters
    ----------
    suites : mapping of name to summary
        Whose records these are; each has a folder of its own beside the page.
    """
    found = answers(records)
    counts = Counter(one.verdict for one in found)
    said = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    rows = [[one.claim.title, one.claim.reported, one.ours, f"**{one.verdict}**"] for one in found]
    table: str = tabulate(
        rows, headers=["claim", "the paper", "ours", "verdict"], tablefmt="github"
    )
    parts = [
        "# The LOKI paper's claims, answered",
        "Section 4 of Zhang, Li, Ding and Gao, *Practical Data Poisoning Attack against Next-Item "
        "Recommendation* ([WWW 2020](https://doi.org/10.1145/3366423.3379992)), claim by claim, "
        f"from the records of the leaderboards below. Of {len(found)} claims: {said}.",
        table,
        "Our figures are means over seeds; in brackets the 95 % percentile bootstrap over seeds "
        f"({N_RESAMPLES} resamples, seed {BOOTSTRAP_SEED}), paired seed by seed where two things "
        "are compared. Five seeds are few: such an interval is narrower than its 95 %. This page "
        "follows from the records alone: `loki-bench claims` writes it, and with `--check` says "
        "whether it is what they give.",
        *(_section(number, one) for number, one in enumerate(found, start=1)),
        "## Leaderboards",
        "\n".join(
            f"- [{name}]({name}/leaderboard.md): {escape_markdown(summary)}"
            for name, summary in suites.items()
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _section(number: int, one: Answer) -> str:
    claim = one.claim
    return "\n\n".join(
        [
            f"## {number}. {claim.title}",
            f"> {claim.quote} ({claim.where})",
            f"- the paper: {claim.reported}\n- ours: {one.ours}",
            f"**{one.verdict[0].upper()}{one.verdict[1:]}.** {one.why}",
        ]
    )
