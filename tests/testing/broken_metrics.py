"""A sound metric (the hit rate), broken in one way each."""

import numpy as np
from mutants import breaks, change_the_warning_filters, state_of_the_global_generator


def sound(outcome, k):
    ranks = outcome.test_ranks[~np.isnan(outcome.test_ranks)]
    return float(np.mean(ranks <= k)) if len(ranks) else float("nan")


@breaks("check_metric_takes_k_as_declared", takes_k=False)
def takes_a_k_of_its_own(outcome, k=10):
    return sound(outcome, k)


@breaks("check_metric_answers_with_a_float_in_its_range")
def counts_twice(outcome, k):
    return 2 * sound(outcome, k)


@breaks(
    "check_metric_answers_with_a_float_in_its_range",
    also=["check_metric_answers_where_there_is_nothing_to_measure"],
)
def answers_in_numpy(outcome, k):
    return np.float64(sound(outcome, k))


@breaks("check_metric_answers_with_a_float_in_its_range", range=(0.0, float("inf")))
def answers_with_infinity(outcome, k):
    value = sound(outcome, k)
    return float("inf") if value > 0.6 else value


@breaks("check_metric_answers_where_there_is_nothing_to_measure")
def divides_by_nothing(outcome, k):
    ranks = outcome.test_ranks[~np.isnan(outcome.test_ranks)]
    return sum(int(rank <= k) for rank in ranks) / len(ranks)


@breaks("check_metric_ceiling_is_in_its_range", ceiling="broken_metrics:above_the_range")
def has_a_ceiling(outcome, k):
    return sound(outcome, k)


def above_the_range(*, n_targets, k):
    return 2.0


@breaks("check_metric_reads_untargeted_ranks_as_declared")
def looks_at_others(outcome, k):
    return sound(outcome, k) * (0.9 if outcome.untargeted_ranks is None else 1.0)


@breaks("check_metric_takes_infinite_ranks_as_declared")
def averages_ranks(outcome, k):
    ranks = outcome.test_ranks[~np.isnan(outcome.test_ranks)]
    return float(1 - np.mean(ranks) / outcome.n_items) if len(ranks) else float("nan")


@breaks(
    "check_metric_answers_with_a_float_in_its_range",
    also=[
        "check_metric_leaves_its_input_alone",
        "check_metric_leaves_out_items_of_the_users_own_history",
        "check_metric_reads_untargeted_ranks_as_declared",
        "check_metric_takes_infinite_ranks_as_declared",
    ],
)
def fails_where_popularity_is_known(outcome, k):
    if outcome.genuine_item_counts is not None:
        return outcome.genuine_item_counts.no_such_method()
    return sound(outcome, k)


@breaks("check_metric_gives_one_answer")
def reads_the_global_generator(outcome, k):
    return sound(outcome, k) * (1 - 1e-4 * state_of_the_global_generator())


@breaks("check_metric_leaves_generators_alone")
def draws_a_sample(outcome, k):
    np.random.random()  # noqa: NPY002
    return sound(outcome, k)


@breaks("check_metric_leaves_the_process_alone")
def silences_warnings(outcome, k):
    change_the_warning_filters()
    return sound(outcome, k)


@breaks("check_metric_leaves_its_input_alone")
def sorts_in_place(outcome, k):
    outcome.test_ranks.sort()
    return sound(outcome, k)


@breaks("check_metric_leaves_out_items_of_the_users_own_history")
def counts_missing_ranks(outcome, k):
    return float(np.mean(outcome.test_ranks <= k)) if len(outcome.test_ranks) else float("nan")


@breaks("check_metric_moves_in_its_direction", higher_is="better for the attacker")
def is_declared_the_wrong_way(outcome, k):
    return sound(outcome, k)


@breaks("check_metric_moves_in_its_direction")
def never_moves(outcome, k):
    return 0.5


@breaks("check_metric_agrees_with_its_reference", reference=sound)
def is_off_by_one(outcome, k):
    return sound(outcome, k + 1)
