"""The page in a real browser: sort, filter, drill down, no error, no request, 10,000 cells."""

import os
import shutil

import pytest
from made_up_records import made_up_cell, made_up_record, made_up_result, with_cell

from loki_bench.report.page import page
from loki_bench.report.page_data import page_data

pytest.importorskip("plotly", reason="loki-bench[report] is not installed")


def record(attacker, victim, share, seed, value, *, actions=15, **more):
    cell = made_up_cell(attacker, victim, seed=seed, share=share, actions=actions)
    return made_up_result(cell, {"display_rate@10": value, "hr@10": 0.05}, **more)


LEVELS = {"none": 0.0, "random": 0.01, "covisit": 0.3, "loki": 0.25}


def records():
    """loki is best on fpmc at 1 % (0.25 + 0.2), covisit everywhere else."""
    return [
        record(a, v, s, seed, level + (0.2 if (a, v, s) == ("loki", "fpmc", 0.01) else 0) * 1.0)
        for a, level in LEVELS.items()
        for v in ("bprmf", "fpmc")
        for s in (0.01, 0.03)
        for seed in (0, 1)
    ]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    where = os.environ.get("LOKI_BENCH_CHROMIUM") or shutil.which("chromium")
    with playwright.sync_playwright() as driver:
        try:
            opened = driver.chromium.launch(executable_path=where, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path):
    wrong = []

    def visited(content, **options):
        file = tmp_path / "page.html"
        file.write_text(content, encoding="utf-8")
        tab = browser.new_page(**options)
        tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda e: wrong.append(str(e)))
        tab.on("request", lambda r: None if r.url == file.as_uri() else wrong.append(r.url))
        tab.goto(file.as_uri())
        tab.wait_for_selector("body[data-ready]")
        return tab

    yield visited
    assert [w for w in wrong if not w.startswith(("data:", "blob:"))] == []


def names(tab):
    return tab.locator(".main > tbody > tr .open").all_text_contents()


def test_the_best_attack_on_fpmc_at_1_percent_is_two_clicks_away(visit):
    tab = visit(page(page_data("made-up", "", records())))
    assert len(names(tab)) == 16
    tab.get_by_role("button", name="fpmc", exact=True).click()
    tab.get_by_role("button", name="1 %", exact=True).click()
    assert names(tab) == ["loki", "covisit", "random", "none"]
    assert "loki on fpmc, 1 % x 15: 0.450" in tab.locator("#answer").text_content()


def test_sorting_works_from_the_keyboard_and_is_announced(visit):
    tab = visit(page(page_data("made-up", "", records())))
    head = tab.get_by_role("columnheader", name="display_rate@10 (max 0.5)")
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").focus()
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(tab)[:4] == ["none"] * 4


def test_a_row_opens_to_its_seeds_ledger_and_command(visit):
    tab = visit(page(page_data("made-up", "", records())))
    row = tab.get_by_role("button", name="loki").filter(has_text="loki").last
    tab.get_by_role("button", name="fpmc", exact=True).click()
    row = tab.locator(".main .open").first
    row.click()
    assert row.get_attribute("aria-expanded") == "true"
    told = tab.locator(".detail").text_content()
    assert "140 of 150" in told
    cell = made_up_cell("loki", "fpmc", seed=0, share=0.01)
    assert f"loki-bench reproduce {cell.id[:16]}" in told
    row.click()
    assert tab.locator(".detail").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_drawn_in_both_themes_and_at_phone_width(visit, scheme):
    tab = visit(
        page(page_data("made-up", "", records())),
        color_scheme=scheme,
        viewport={"width": 390, "height": 800},
    )
    tab.locator("#figures").scroll_into_view_if_needed()
    tab.wait_for_selector(".plot .main-svg")
    kinds = tab.eval_on_selector_all(".plot", "plots => plots.map(p => p.dataset.figure)")
    assert set(kinds) == {"overall", "budget"}  # one number of actions: no figure over actions
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_ten_thousand_cells_open_in_under_two_seconds(visit):
    many = [
        record(f"attack-{a}", v, s / 1000, seed, (a * 7 + s) % 100 / 200)
        for a in range(100)
        for v in ("bprmf", "fpmc")
        for s in range(1, 11)
        for seed in range(5)
    ]
    assert len(many) == 10_000
    tab = visit(page(page_data("made-up", "", many)))
    assert (
        tab.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart") < 2e3
    )
    assert len(names(tab)) == 50


def test_the_same_records_in_another_order_give_the_same_bytes():
    assert page(page_data("m", "", records())) == page(page_data("m", "", records()[::-1]))


def test_a_record_cannot_end_the_script_or_bring_in_an_element(visit):
    evil = "</script><img src=x onerror=alert(1)>"
    failed = made_up_record(made_up_cell(evil, "fpmc", seed=1), "failed", evil)
    tab = visit(page(page_data(evil, evil, [record(evil, "fpmc", 0.01, 0, 0.1), failed])))
    assert tab.locator("#title").text_content() == f"Leaderboard: {evil}"
    assert tab.locator("img").count() == 0


def test_a_learned_sequence_of_groups_is_shown_in_its_order(visit):
    report = {"group_sequence": ["targets", "cluster 1", "targets"]}
    told = record("loki", "fpmc", 0.01, 0, 0.1, report=report)
    tab = visit(page(page_data("learned", "", [told])))
    tab.locator(".main .open").first.click()
    assert tab.locator(".steps li").all_text_contents() == ["targets", "cluster 1", "targets"]


def test_the_learning_curve_of_an_opened_row_is_drawn(visit):
    curve = {
        "evaluated_after": [5, 10],
        "greedy_return": [0.25, 1.5],
        "mean_return": [0.5],
        "loss": [9.0],
    }
    report = {"group_sequence": ["targets"], "learning_curve": curve}
    told = record("loki", "fpmc", 0.01, 0, 0.1, report=report)
    tab = visit(page(page_data("learned", "", [told])))
    tab.locator(".main .open").first.click()
    tab.wait_for_selector(".detail .plot .main-svg")
    drawn = tab.evaluate("document.querySelector('.detail .plot').data[0]")
    assert (drawn["x"], drawn["y"], drawn["name"]) == ([5, 10], [0.25, 1.5], "seed 0")


def test_sequence_lengths_are_drawn_before_and_after_and_follow_the_filters(visit):
    genuine = {3: 3, 15: 1}
    loki, random = (
        record(attack, "fpmc", 0.01, 0, 0.1, genuine_lengths=genuine, fake_lengths={15: n})
        for attack, n in (("loki", 4), ("random", 2))
    )
    told = [with_cell(loki, simulator="leave-one-out"), random]
    tab = visit(page(page_data("lengths", "", told)))
    tab.get_by_role("button", name="loki", exact=True).first.click()
    tab.locator("#figures").scroll_into_view_if_needed()
    tab.wait_for_selector(".plot[data-figure=lengths] .main-svg")
    [drawn] = tab.evaluate(
        "[...document.querySelectorAll('.plot[data-figure=lengths]')].map(p => p.data)"
    )
    # by hand: 3 of 4 users have 3 events before, 3 of 8 after
    assert [(trace["name"], trace["x"], trace["y"]) for trace in drawn] == [
        ("before", [3, 15], [75, 25]),
        ("after", [3, 15], [37.5, 62.5]),
    ]


def test_a_page_without_any_record_opens(visit):
    assert names(visit(page(page_data("empty", "", [])))) == []
