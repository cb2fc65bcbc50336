"""The grid is the product that the suite describes, and refuses what can't be run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loki_bench.content_ids import canonical_json, content_id
from loki_bench.errors import ParameterError, SuiteError, UnknownComponentError


def test_cells_are_the_product_of_seeds_budgets_attackers_and_victims(prepared):
    grid = prepared(
        victims=["counts", "follows"], budget={"fake_users": [0.1, 0.2], "actions": [2, 3]}
    ).grid
    assert len(grid.cells) == 2 * 4 * 2 * 2
    assert len({cell.id for cell in grid.cells}) == len(grid.cells)


def test_the_budget_is_a_share_of_genuine_users(prepared):
    [cell] = prepared(seeds=[0], attackers=["random"], budget={"fake_users": 0.049}).grid.cells
    assert cell.budget.n_fake_users == 3  # 0.049 x 60 = 2.94
    assert cell.budget.actions == 15


def test_leave_one_out_leaves_the_victims_recommender_out(prepared):
    cells = prepared(victims=["counts", "follows"], attackers=["asks-surrogates"]).grid.cells
    lent = {(c.victim.name, tuple(s.recommender.name for s in c.surrogates)) for c in cells}
    assert lent == {("counts", ("follows",)), ("follows", ("counts",))}


def test_leave_one_out_knows_a_model_by_its_class_whatever_it_is_called(prepared):
    pytest.importorskip("loki_bench_recbole")
    pytest.importorskip("recbole")

    def named(model):
        return {"name": "recbole", "parameters": {"model": model}}

    cells = prepared(
        victims=["bprmf", named("SRGNN")],
        surrogates=["bprmf", named("BPR"), named("SRGNN"), named("STAMP")],
        attackers=["asks-surrogates"],
        seeds=[0],
    ).grid.cells
    lent = {
        cell.victim.name: [s.recommender.parameters.get("model", "") for s in cell.surrogates]
        for cell in cells
    }
    assert lent == {"bprmf": ["SRGNN", "STAMP"], "recbole": ["", "BPR", "STAMP"]}


def test_all_and_white_box_lend_what_they_say(prepared):
    cells = prepared(
        attackers=["asks-surrogates"], simulator=["all", "white-box"], seeds=[0]
    ).grid.cells
    lent = {(c.simulator, tuple(s.recommender.name for s in c.surrogates)) for c in cells}
    assert lent == {("all", ("counts", "follows")), ("white-box", ("counts",))}


def test_single_lends_each_surrogate_of_the_pool_alone_whoever_the_victim_is(prepared):
    cells = prepared(
        victims=["counts", "follows"], attackers=["asks-surrogates"], simulator="single", seeds=[0]
    ).grid.cells
    lent = {(c.victim.name, tuple(s.recommender.name for s in c.surrogates)) for c in cells}
    assert lent == {(v, (s,)) for v in ("counts", "follows") for s in ("counts", "follows")}
    assert len({cell.id for cell in cells}) == 4
    assert len({cell.craft_id for cell in cells}) == 2  # the poison does not know its victim


def test_a_single_surrogate_of_an_empty_pool_is_refused(prepared):
    with pytest.raises(SuiteError, match="needs surrogates, and the suite's key 'surrogates' is"):
        prepared(attackers=["asks-surrogates"], simulator="single", surrogates=[])


def test_a_surrogate_with_other_parameters_is_still_the_victims_recommender(prepared):
    with pytest.raises(SuiteError, match=r"no surrogate is left .* 'asks-surrogates' .*'counts'"):
        prepared(
            attackers=["asks-surrogates"],
            surrogates=[{"name": "counts", "parameters": {"noise": 0.1}}],
        )


def test_an_attacker_is_lent_the_estimator_of_its_spec_unless_the_suite_names_one(prepared):
    named = {"name": "loki", "influence": {"name": "cg", "parameters": {"damping": 0.5}}}
    cells = prepared(attackers=["loki", named], seeds=[0]).grid.cells
    chosen = {(c.influence.name, c.influence.parameters["negatives"]) for c in cells}
    assert chosen == {("cg", "per-prefix"), ("cg", "common")}


def test_the_default_estimator_of_an_attacker_is_known_as_such_however_it_is_chosen(prepared):
    [silent] = prepared(attackers=["loki"], victims=["counts"], seeds=[0]).grid.cells
    default = {"name": silent.influence.name, "parameters": dict(silent.influence.changed)}
    [written] = prepared(
        attackers=[{"name": "loki", "influence": default}], victims=["counts"], seeds=[0]
    ).grid.cells
    [other] = prepared(
        attackers=[{"name": "loki", "influence": "leverage"}], victims=["counts"], seeds=[0]
    ).grid.cells
    assert silent.influence_is_default
    assert written.influence_is_default
    assert silent.id == written.id != other.id
    assert not other.influence_is_default


def test_attacks_without_surrogates_are_not_repeated_for_every_simulator(prepared):
    grid = prepared(attackers=["random"], simulator=["all", "leave-one-out"], seeds=[0]).grid
    assert [cell.simulator for cell in grid.cells] == [None]


def test_a_poison_that_does_not_depend_on_the_victim_has_one_address(prepared):
    cells = prepared(victims=["counts", "follows"], attackers=["random"], seeds=[0]).grid.cells
    assert len({c.craft_id for c in cells}) == 1
    assert len({c.id for c in cells}) == 2


def test_a_parameter_written_as_its_default_changes_nothing(prepared):
    [plain] = prepared(seeds=[0], attackers=["none"]).grid.cells
    [written] = prepared(
        seeds=[0],
        attackers=["none"],
        victims=[{"name": "counts", "parameters": {"noise": 0.5}}],
    ).grid.cells
    [other] = prepared(
        seeds=[0],
        attackers=["none"],
        victims=[{"name": "counts", "parameters": {"noise": 0.7}}],
    ).grid.cells
    assert plain.id == written.id != other.id
    assert (plain.victim.label, other.victim.label) == ("counts", "counts(noise=0.7)")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"victims": ["count"]}, UnknownComponentError, "did you mean 'counts'"),
        ({"attackers": ["randon"]}, UnknownComponentError, "did you mean 'random'"),
        ({"metrics": ["hr@ten"]}, SuiteError, "'hr@ten': the cut-off must be a whole number"),
        ({"metrics": ["hr@\u0663"]}, SuiteError, "the cut-off must be a whole number"),
        ({"metrics": ["hr@3", "hr@03"]}, SuiteError, "'hr@3' is listed twice, once as 'hr@03'"),
        ({"metrics": ["hr"]}, SuiteError, "'hr' should read like 'hr@10'"),
        ({"metrics": ["target_rank@3"]}, SuiteError, "should read like 'target_rank'"),
        ({"metrics": ["hr@31"]}, SuiteError, "K = 31 is larger than the catalogue of 30 items"),
        ({"protocol": {"n_targets": 31}}, SuiteError, "31 asked for, the data has 30 items"),
        ({"protocol": {"n_target_users": 61}}, SuiteError, "n_target_users': 61 asked for"),
        ({"protocol": {"targets": ["i99"]}}, SuiteError, "the dataset has no 'i99'"),
        ({"attackers": ["wants-queries"]}, SuiteError, "needs queries"),
        (
            {"victims": [{"name": "counts", "parameters": {"nois": 1.0}}]},
            ParameterError,
            "did you mean 'noise'",
        ),
    ],
)
def test_what_can_not_be_run_is_refused_with_the_suites_name(prepared, changes, error, message):
    with pytest.raises(error, match=f"suite 'toy': .*{message}"):
        prepared(**changes)


def test_a_cut_off_has_one_label_however_it_is_written(prepared):
    found = prepared(metrics=["hr@3", "display_rate@05"]).grid
    assert [(metric.label, metric.k) for metric in found.metrics] == [
        ("hr@3", 3),
        ("display_rate@5", 5),
    ]
    plain = prepared(metrics=["hr@3", "display_rate@5"]).grid
    assert [cell.id for cell in found.cells] == [cell.id for cell in plain.cells]


@given(st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False)))
def test_an_id_does_not_depend_on_the_order_of_keys(content):
    backwards = dict(reversed(list(content.items())))
    assert content_id(content) == content_id(backwards)


@given(st.recursive(st.integers() | st.text(max_size=3), lambda s: st.lists(s, max_size=3)))
def test_canonical_json_reads_back(content):
    import json

    assert json.loads(canonical_json(content)) == content


def test_an_id_refuses_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_id([float("nan")])


def test_integrity_rows_are_none_and_a_placebo_of_every_other_attack(prepared):
    grid = prepared(attackers=["random", "covisit"], seeds=[0], integrity_rows=True).grid
    rows = [(cell.attacker.name, cell.placebo) for cell in grid.cells]
    assert rows == [
        ("none", False),
        ("random", False),
        ("random", True),
        ("covisit", False),
        ("covisit", True),
    ]
    assert len({cell.id for cell in grid.cells}) == len({cell.craft_id for cell in grid.cells}) == 5


def test_integrity_rows_are_there_unless_a_suite_leaves_them_out(prepared):
    content = prepared().suite.model_dump()
    del content["integrity_rows"]
    assert type(prepared().suite).model_validate(content).integrity_rows


def test_placebos_at_the_largest_budget_only_are_no_others(prepared):
    budget = {"fake_users": [0.2, 0.1], "actions": [3, 5]}
    grid = prepared(
        attackers=["random"], seeds=[0], budget=budget, integrity_rows="largest-budget"
    ).grid
    assert {(c.attacker.name, c.budget.fake_users, c.budget.actions) for c in grid.cells} == {
        (name, share, n) for name in ("none", "random") for share in (0.1, 0.2) for n in (3, 5)
    }
    placebos = [(c.budget.fake_users, c.budget.actions) for c in grid.cells if c.placebo]
    assert placebos == [(0.2, 5)]


def test_none_is_not_added_twice_and_has_no_placebo(prepared):
    grid = prepared(attackers=["none"], seeds=[0], integrity_rows=True).grid
    assert [(cell.attacker.name, cell.placebo) for cell in grid.cells] == [("none", False)]


def test_integrity_rows_change_no_id_of_other_cells(prepared):
    without = {cell.id for cell in prepared().grid.cells}
    assert without < {cell.id for cell in prepared(integrity_rows=True).grid.cells}


def test_a_placebo_needs_as_many_other_items(prepared):
    with pytest.raises(SuiteError, match=r"a placebo needs 16 items that are no target, .* has 14"):
        prepared(protocol={"n_targets": 16, "n_target_users": 5}, integrity_rows=True)


def test_a_budget_that_gives_no_fake_user_is_refused_unless_nothing_attacks(prepared):
    budget = {"fake_users": [0.1, 0.008]}  # 0.008 x 60 = 0.48
    with pytest.raises(SuiteError, match=r"'budget.fake_users': 0.008 of 60 users is no fake user"):
        prepared(attackers=["random"], budget=budget)
    assert len(prepared(attackers=["none"], seeds=[0], budget=budget).grid.cells) == 2


def test_knowledge_is_crossed_like_budgets_and_the_null_attack_has_one_row(prepared):
    cells = prepared(
        seeds=[0],
        attackers=["covisit"],
        integrity_rows=True,
        knowledge={"until": ["T-1", "T-3"], "users": [1.0, 0.25]},
    ).grid.cells
    labels = [cell.attack_label for cell in cells]
    assert labels == [
        "none",
        *("covisit", "covisit, placebo"),
        *("covisit(users=25 %)", "covisit(users=25 %), placebo"),
        *("covisit(until=T-3)", "covisit(until=T-3), placebo"),
        *("covisit(until=T-3, users=25 %)", "covisit(until=T-3, users=25 %), placebo"),
    ]
    assert len({cell.id for cell in cells}) == len(cells)


@pytest.mark.parametrize("attacker", ["random", "randalter", "wants-nothing"])
def test_knowledge_is_not_taken_from_an_attack_that_looks_at_nothing(prepared, attacker):
    with pytest.raises(SuiteError, match=f"'{attacker}' looks at nobody's events, so 'until'"):
        prepared(attackers=["covisit", attacker], knowledge={"until": ["T-1", "T-2"]})
    assert prepared(attackers=[attacker], knowledge={"until": "T-1", "users": 1.0}).grid.cells


def test_random_looks_at_popularity_where_it_demotes(prepared):
    demotes = {"n_targets": 3, "n_target_users": 10, "goal": "demote"}
    [cell] = prepared(
        seeds=[0], attackers=["random"], protocol=demotes, knowledge={"users": 0.5}
    ).grid.cells
    assert cell.attack_label == "random(users=50 %)"


@pytest.mark.parametrize(
    "knowledge", [{"until": "T"}, {"until": "T-0"}, {"until": []}, {"users": 0}, {"users": 1.5}]
)
def test_knowledge_that_is_none_is_refused(prepared, knowledge):
    with pytest.raises(ValidationError, match="knowledge"):
        prepared(knowledge=knowledge)
