"""Which families of a site have a page of the paper's claims, and from what it is made."""

import pytest
from made_up_records import made_up_cell, made_up_result, with_cell
from written_board import write_board

from loki_bench.plugins.registry import discover
from loki_bench.site.build import build_site

RATES = {
    "none": (0.0, 0.0, 0.0),
    "random": (0.01, 0.01, 0.02),
    "popular": (0.02, 0.03, 0.03),
    "loki": (0.4, 0.42, 0.41),
}


def records():
    return [
        made_up_result(
            made_up_cell(
                attacker,
                victim,
                seed=seed,
                simulator="leave-one-out" if attacker == "loki" else None,
            ),
            {"display_rate@10": value},
        )
        for victim in ("bprmf", "fpmc")
        for attacker, values in RATES.items()
        for seed, value in enumerate(values)
    ]


@pytest.fixture
def claims(tmp_path):
    """The claims page of a site of these suites, if it has one, and what was said."""

    def built(name, **suites):
        for suite, found in suites.items():
            folder = tmp_path / name / "family" / suite.replace("_", "-")
            write_board(folder, folder.name, found, metrics=["display_rate@10"])
        said = []
        site = tmp_path / f"{name}-site"
        build_site([tmp_path / name], site, discover(), say=said.append)
        page = site / "claims-family.html"
        return (page.read_text("utf-8") if page.exists() else None), said

    return built


def test_suites_of_the_paper_answer_and_no_others(claims):
    alone, _ = claims("alone", paper_overall=records())
    others = [with_cell(record, seed=record.cell.seed + 3) for record in records()[:-3]]
    beside, said = claims("beside", paper_overall=records(), headline=others)
    assert alone is not None
    assert "it is clearly above the best of the paper" in alone
    assert beside == alone
    assert said == []
    assert claims("other", headline=records()) == (None, [])


def test_records_that_can_not_answer_are_told_of(claims):
    others = [
        with_cell(record, protocol={**record.cell.protocol.model_dump(), "n_targets": 5})
        for record in records()
    ]
    page, said = claims("two", paper_overall=records(), paper_budget=others)
    assert page is None
    [sentence] = said
    assert sentence.startswith("no page of the paper's claims for the family 'family': ")
    assert "2 protocols, which differ in protocol.n_targets" in sentence
