"""The README of a family's leaderboards: every claim of the paper with our answer, generated."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tabulate import tabulate

from loki_bench.leaderboard.formatting import escape_markdown
from loki_bench.paper.answers import answer
from loki_bench.paper.claims import CLAIMS
from loki_bench.paper.evidence import Evidence
from loki_bench.paper.headline import headline
from loki_bench.paper.verdicts import Answer, Judgement, Verdict
from loki_bench.records.schema import Record

__all__ = ["answers", "claims_page"]

HEADERS = (
    "claim",
    "the paper",
    "ours",
    "against the paper's baselines",
    "decided by",
    "against everything here",
    "decided by",
)


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
    evidence = Evidence.of(records)
    found = [answer(claim, evidence) for claim in CLAIMS]
    table: str = tabulate([_row(one) for one in found], headers=HEADERS, tablefmt="github")
    parts = [
        "# The LOKI paper's claims, answered",
        headline(evidence),
        "Below: section 4 of Zhang, Li, Ding and Gao, *Practical Data Poisoning Attack against "
        "Next-Item Recommendation* ([WWW 2020](https://doi.org/10.1145/3366423.3379992)), claim by "
        f"claim, from the records of the leaderboards below. Of {len(found)} claims, against the "
        f"paper's baselines {_counted([one.baselines for one in found])}; of those that compare "
        "attacks, against everything here "
        f"{_counted([one.everything for one in found if one.everything is not None])}.",
        table,
        "Our figures are means over seeds with the 95 % confidence interval of the leaderboards "
        "(Student's t within the metric's range); a difference is paired seed by seed. The p of "
        "two attacks is corrected by Holm over all pairs on that victim at that budget. *Holds*: "
        "the seeds decide for the claim. *Does not hold*: they decide against it. *Not decided*: "
        "they do neither, or records are missing. *Not reproduced*: our figure is another one, and "
        "why is not known. A dash: the claim compares no attacks. This page follows from the "
        "records alone: `loki-bench claims` writes it, and with `--check` says whether it is what "
        "they give.",
        *(_section(number, one) for number, one in enumerate(found, start=1)),
        "## Leaderboards",
        "\n".join(
            f"- [{name}]({name}/leaderboard.md): {escape_markdown(summary)}"
            for name, summary in suites.items()
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _row(one: Answer) -> list[str]:
    everything = one.everything
    return [
        one.claim.title,
        one.claim.reported,
        escape_markdown(one.ours),
        f"**{one.baselines.verdict}**",
        escape_markdown(one.baselines.decided_by),
        "-" if everything is None else f"**{everything.verdict}**",
        "-" if everything is None else escape_markdown(everything.decided_by),
    ]


def _section(number: int, one: Answer) -> str:
    claim, everything = one.claim, one.everything
    said = [
        f"- the paper: {claim.reported}",
        f"- ours: {escape_markdown(one.ours)}",
        f"- against the paper's baselines: {_judged(one.baselines)}",
    ]
    if everything is not None:
        said.append(f"- against everything here: {_judged(everything)}")
    parts = [f"## {number}. {claim.title}", f"> {claim.quote} ({claim.where})", "\n".join(said)]
    parts.append(escape_markdown(one.why))
    if claim.tried:
        parts.append(f"What was tried: {claim.tried}")
    return "\n\n".join(parts)


def _judged(judgement: Judgement) -> str:
    return f"**{judgement.verdict}** ({escape_markdown(judgement.decided_by)})"


def _counted(judgements: Iterable[Judgement]) -> str:
    counts = Counter(judgement.verdict for judgement in judgements)
    said: dict[Verdict, str] = {
        "holds": "hold",
        "does not hold": "do not hold",
        "not decided": "are not decided",
        "not reproduced": "are not reproduced",
    }
    return ", ".join(f"{counts[name]} {text}" for name, text in said.items() if counts[name])
