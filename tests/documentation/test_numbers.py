"""Measured numbers on the pages are those of the published boards that they name."""

import pytest
from published_numbers import ROOT, blocks_of, claims_of, is_on_its_board

LEADERBOARDS = ROOT / "leaderboards"
PAGES = [
    page
    for pattern in ("*.md", "leaderboards/*.md", "plugins/*/README.md", "docs/**/*.md")
    for page in sorted(ROOT.glob(pattern))
    if any(block.intervals or block.comments for block in blocks_of(page.read_text("utf-8")))
]
each_page = pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.relative_to(ROOT).as_posix()) for p in PAGES]
)
pytestmark = pytest.mark.skipif(
    not LEADERBOARDS.is_dir(), reason="leaderboards are not in this distribution"
)


@each_page
def test_a_number_that_names_a_board_is_what_the_board_says(page):
    claims = [claim for block in blocks_of(page.read_text("utf-8")) for claim in claims_of(block)]
    wrong = [str(claim) for claim in claims if not is_on_its_board(claim)]
    assert not wrong, "\n".join(wrong)


@each_page
def test_every_interval_names_a_board_or_the_command_that_measured_it(page):
    for block in blocks_of(page.read_text("utf-8")):
        if block.is_measured or (block.is_table and claims_of(block)):
            continue
        said = [claim.text for claim in claims_of(block)]
        missing = [text for text in block.intervals if text not in said]
        assert not missing, f"{page.name}, line {block.line}: {missing} name no board"


def checked(text: str) -> list[bool]:
    """Whether each number of a page is on its board."""
    return [is_on_its_board(claim) for block in blocks_of(text) for claim in claims_of(block)]


def test_a_table_with_one_wrong_digit_is_found():
    # leaderboards/quick/leaderboard.md: covisit 0.160 ± 0.033 on bprmf, 0.126 ± 0.076 on fpmc
    marked = """\
<!-- from leaderboards/quick | victim | attack=covisit | - -->
| victim | it | words |
|---|---|---|
| bprmf | {} ± 0.033 | first |
| fpmc | 0.126 ± 0.076 | second |
"""
    assert checked(marked.format("0.160")) == [True, True]
    assert checked(marked.format("0.161")) == [False, True]


def test_a_sentence_is_held_against_what_it_names_and_must_say_it():
    sentence = "It has 0.126 on FPMC.\n<!-- from leaderboards/quick; {} attack={} victim=fpmc -->\n"
    assert checked(sentence.format("0.126", "covisit")) == [True]
    assert checked(sentence.format("0.126", "loki")) == [False]
    with pytest.raises(AssertionError, match="is not in the sentence"):
        checked(sentence.format("0.325", "loki"))


def test_what_a_defense_leaves_is_of_an_attack_that_the_sentence_names():
    # leaderboards/defenses-field: reliability leaves the most of random, 0.020 [0.000, 0.047]
    sentence = (
        "It leaves 0.020.\n"
        "<!-- from leaderboards/defenses-field actions=15; "
        "0.020 value=left defense=reliability{} -->\n"
    )
    assert checked(sentence.format(" attack=random")) == [True]
    with pytest.raises(AssertionError, match="0 rows fit"):
        checked(sentence.format(" attack=loki"))
    with pytest.raises(AssertionError, match="of which attack"):
        checked(sentence.format(""))


def test_a_half_width_is_wrong_where_the_interval_is_cut_off():
    # none on bprmf: 0.006 [0.000, 0.013]
    sentence = 'Nothing: {0}.\n<!-- from leaderboards/quick; "{0}" attack=none victim=bprmf -->\n'
    assert checked(sentence.format("0.006 [0.000, 0.013]")) == [True]
    assert checked(sentence.format("0.006 ± 0.007")) == [False]


def test_an_interval_beside_no_comment_is_seen():
    [block] = blocks_of("It reaches 0.126 ±\n0.076 on FPMC.\n")
    assert block.intervals == ["0.126 ± 0.076"]
    assert not block.is_measured
    assert not claims_of(block)
