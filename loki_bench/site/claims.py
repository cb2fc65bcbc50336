"""The claims of the LOKI paper, answered from its suites' records, as a page of a site."""

import re
from collections.abc import Callable, Sequence
from html import escape, unescape

from loki_bench.errors import StoreError
from loki_bench.paper.answered import answers
from loki_bench.paper.claims import SUITES
from loki_bench.paper.evidence import Evidence
from loki_bench.paper.headline import headline
from loki_bench.paper.verdicts import Answer, Judgement
from loki_bench.records.schema import Record
from loki_bench.report.names import person_name
from loki_bench.site.boards import AttackBoard
from loki_bench.site.shell import Shell, link

__all__ = ["claims_headline", "claims_of_site", "has_claims"]

PAPER = "https://doi.org/10.1145/3366423.3379992"

FEW = 4
"""So many figures of places stand in a sentence; more are folded up."""


def has_claims(boards: Sequence[AttackBoard], *, say: Callable[[str], None]) -> bool:
    """Whether the paper's claims can be asked of a family's leaderboards.

    ``say`` is told why not, where there are suites of the paper whose records can't answer.
    """
    records = _records(boards)
    if not records:
        return False
    try:
        Evidence.of(records)
    except StoreError as error:
        family = next(board.family for board in boards)
        say(f"no page of the paper's claims for the family '{family}': {error}")
        return False
    return True


def claims_headline(boards: Sequence[AttackBoard]) -> str:
    """Does LOKI beat its baselines, and what beats LOKI?"""
    return person_name(_plain(headline(Evidence.of(_records(boards)))))


def claims_of_site(shell: Shell, family: str, boards: Sequence[AttackBoard]) -> str:
    """Claim by claim: the paper's words, our figure, and the verdict."""
    parts = [
        "<h1>The LOKI paper's claims, answered</h1>",
        f'<p class="answer">{escape(claims_headline(boards))}</p>',
        "<p>Section 4 of Zhang, Li, Ding and Gao, <em>Practical Data Poisoning Attack against "
        f"Next-Item Recommendation</em> ({link(PAPER, 'WWW 2020')}), from the records of the "
        f"leaderboards of {escape(family)}. <em>Holds</em>: the seeds decide for the claim. "
        "<em>Does not hold</em>: they decide against it. <em>Not decided</em>: they do neither, or "
        "records are missing. <em>Not reproduced</em>: our figure is another one.</p>",
    ]
    parts.append(shell.explained("paper", "How the paper's setting is computed here"))
    for number, one in enumerate(answers(_records(boards)), start=1):
        parts.append(_claim(number, one))
    return shell.page("The LOKI paper's claims", parts)


def _claim(number: int, one: Answer) -> str:
    judged = [("Against the paper's baselines", one.baselines)]
    if one.everything is not None:
        judged.append(("Against everything here", one.everything))
    verdicts = "".join(f"<li>{name}: {_verdict(judgement)}</li>" for name, judgement in judged)
    claim = one.claim
    tried = f"<p>What was tried: {_marked(claim.tried)}</p>" if claim.tried else ""
    return (
        f"<section><h2>{number}. {escape(claim.title)}</h2>"
        f"<blockquote>{escape(claim.quote)} ({escape(claim.where)})</blockquote>"
        f"<ul><li>The paper: {escape(claim.reported)}</li>"
        f"<li>Ours: {escape(person_name(one.ours))}</li>{verdicts}</ul>"
        f"{_reasons(person_name(one.why))}{tried}</section>"
    )


def _marked(text: str) -> str:
    """A text in which stars stress and backticks enclose what is typed."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*([^*<]+)\*", r"<em>\1</em>", text)


def _reasons(text: str) -> str:
    """A text; what it lists at length is unfolded by who wants it."""
    before, end, listed = text.rpartition(". ")
    head, _, items = listed.partition(": ")
    parts = items.removesuffix(".").split("; ")
    if len(parts) <= FEW:
        return f"<p>{escape(text)}</p>"
    entries = "".join(f"<li>{escape(part)}</li>" for part in parts)
    told = f"<p>{escape(before + end.strip())}</p>" if before else ""
    return (
        f"{told}<details><summary>{escape(head)}: {len(parts)} places</summary>"
        f"<ul>{entries}</ul></details>"
    )


def _verdict(judgement: Judgement) -> str:
    decided = escape(person_name(judgement.decided_by))
    return f"<strong>{escape(judgement.verdict)}</strong> ({decided})"


def _records(boards: Sequence[AttackBoard]) -> list[Record]:
    """Of the paper's suites, without rows that were accepted into them."""
    return [record for board in boards if board.name in SUITES for record in board.own_records]


def _plain(markdown: str) -> str:
    return unescape(re.sub(r"\\(.)", r"\1", markdown))
