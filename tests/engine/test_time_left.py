"""The time left of a run is told once it is known, and is what the steps that are left take."""

from dataclasses import dataclass, field

import pytest

from loki_bench.engine.time_left import AtWork
from loki_bench.timing import Timed


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@dataclass(frozen=True)
class Planned:
    key: str
    work: str
    kind: str = "fit"
    seconds: float = 60.0
    needs: tuple = field(default=())

    @property
    def label(self):
        return self.work


def run_of(*steps, known=None, n_workers=1, **told):
    now = Clock()
    return now, AtWork(
        {step.key: step for step in steps}, known or {}, n_workers=n_workers, now=now, **told
    )


def fits(n, work="fit of bprmf"):
    return [Planned(f"{work} {number}", work) for number in range(n)]


def do(now, at_work, step, seconds, cost=None):
    at_work.in_flight([step])
    now.seconds += seconds
    at_work.ended(step, cost)


def cost_of(wall_seconds, compile_seconds=0.0):
    return Timed(
        None,
        wall_seconds=wall_seconds,
        cpu_seconds=wall_seconds,
        compile_seconds=compile_seconds,
        peak_memory_bytes=0,
        host="here",
    )


def test_nothing_is_known_before_the_first_step_has_ended():
    steps = fits(10)
    now, at_work = run_of(*steps)
    at_work.in_flight(steps[:1])
    now.seconds = 30.0
    assert at_work.seconds_left is None
    assert (list(at_work), at_work.n_ended, at_work.n_steps) == (["fit of bprmf"], 0, 10)


def test_after_the_first_step_the_rest_takes_as_long_each():
    steps = fits(10)
    now, at_work = run_of(*steps, n_workers=1)
    do(now, at_work, steps[0], 5.0)
    assert at_work.seconds_left == 45.0
    assert at_work.n_ended == 1


def test_two_workers_take_half_as_long_and_no_less_than_one_step():
    steps = fits(10)
    now, at_work = run_of(*steps, n_workers=2)
    do(now, at_work, steps[0], 6.0)
    assert at_work.seconds_left == 27.0
    for step in steps[1:9]:
        do(now, at_work, step, 6.0)
    assert at_work.seconds_left == 6.0


def test_steps_that_wait_for_each_other_take_one_after_the_other():
    first, second, third = fits(3)
    second = Planned("b", "fit of bprmf", needs=(first,))
    third = Planned("c", "fit of bprmf", needs=(second,))
    _, at_work = run_of(first, second, third, known={"fit of bprmf": 10.0}, n_workers=8)
    assert at_work.seconds_left == 30.0


def test_what_a_step_has_run_is_done_and_the_time_left_goes_down_with_the_clock():
    steps = fits(3)
    now, at_work = run_of(*steps, known={"fit of bprmf": 10.0})
    at_work.in_flight(steps[:1])
    assert at_work.seconds_left == 30.0
    now.seconds = 0.5
    assert at_work.seconds_left == 29.5
    now.seconds = 4.0
    assert at_work.seconds_left == 26.0
    now.seconds = 400.0  # it takes longer than any before: what it still needs is not known
    assert at_work.seconds_left == 20.0


def test_this_run_is_believed_rather_than_earlier_ones():
    steps = fits(4)
    now, at_work = run_of(*steps, known={"fit of bprmf": 100.0})
    assert at_work.seconds_left == 400.0
    for step in steps[:2]:
        do(now, at_work, step, 1.0)
    assert at_work.seconds_left == 2.0


@pytest.mark.parametrize(("n_known", "is_told"), [(3, False), (10_000, True)])
def test_a_little_work_that_nobody_has_timed_is_guessed_and_much_is_not(n_known, is_told):
    unknown = Planned("craft", "craft of loki", kind="craft", seconds=30.0)
    steps = fits(n_known)
    now, at_work = run_of(*steps, unknown)
    do(now, at_work, steps[0], 1.0)
    assert (at_work.seconds_left is not None) == is_told


def test_starting_workers_and_compiling_are_not_expected_of_every_step():
    steps = fits(13)
    now, at_work = run_of(*steps)
    # 2 s of work behind 20 s of starting and 8 s of compiling
    do(now, at_work, steps[0], 30.0, cost_of(2.0, 8.0))
    assert at_work.seconds_left == 24.0
    # later ones take the host a second more than they say themselves
    for step in steps[1:3]:
        do(now, at_work, step, 3.0, cost_of(2.0))
    assert at_work.seconds_left == 30.0


def test_a_step_that_was_found_in_the_store_tells_nothing_of_its_time():
    steps = fits(3)
    _, at_work = run_of(*steps)
    at_work.ended(steps[0], None)
    assert (at_work.n_ended, at_work.seconds_left) == (1, None)


def test_what_is_stored_takes_no_time_and_is_a_step_of_the_run():
    steps = fits(10)
    stored = {step.key for step in steps[:8]}
    _, at_work = run_of(*steps, known={"fit of bprmf": 10.0}, stored=stored)
    assert (at_work.seconds_left, at_work.n_steps) == (20.0, 10)
    at_work.ended(steps[0], None)
    assert (at_work.seconds_left, at_work.n_ended) == (20.0, 1)


def test_other_machines_tell_until_this_one_does():
    steps = fits(4)
    now, at_work = run_of(*steps, typical={"fit of bprmf": 10.0})
    assert at_work.seconds_left == 40.0
    do(now, at_work, steps[0], 30.0)
    assert at_work.seconds_left == 90.0


def test_a_slower_machine_is_expected_to_be_slower_at_what_has_not_run_yet():
    crafts = [Planned("craft", "craft of loki", kind="craft")]
    steps = fits(2)
    now, at_work = run_of(*steps, *crafts, typical={"fit of bprmf": 9.5, "craft of loki": 100.0})
    assert at_work.seconds_left == 119.0
    # 29.5 s instead of 9.5 s; half a second is no evidence: (29.5 + 0.5) / (9.5 + 0.5) = 3
    do(now, at_work, steps[0], 29.5)
    assert at_work.seconds_left == 29.5 + 300.0


def test_a_machine_that_is_busier_than_before_is_noticed_the_same_way():
    crafts = [Planned("craft", "craft of loki", kind="craft")]
    steps = fits(2)
    now, at_work = run_of(*steps, *crafts, known={"fit of bprmf": 9.5, "craft of loki": 100.0})
    do(now, at_work, steps[0], 29.5)
    assert at_work.seconds_left == 29.5 + 300.0


def test_what_takes_longer_than_elsewhere_is_expected_to_last_at_least_as_long_again():
    first, steps = Planned("a", "craft of none", kind="craft"), fits(3)
    now, at_work = run_of(first, *steps, typical={"craft of none": 1.0, "fit of bprmf": 10.0})
    do(now, at_work, first, 1.0)  # the worker has started
    at_work.in_flight(steps[:1])
    now.seconds += 70.0  # of which it may have compiled for 20 s
    assert at_work.seconds_left == 100.0


def test_a_mean_is_told_as_the_rest_costs_a_mean_and_no_median():
    steps = fits(6)
    now, at_work = run_of(*steps)
    for step, seconds in zip(steps[:3], (2.0, 2.0, 20.0), strict=True):
        do(now, at_work, step, seconds)
    assert at_work.seconds_left == 24.0


def test_a_run_that_is_over_has_nothing_left():
    steps = fits(1)
    now, at_work = run_of(*steps)
    do(now, at_work, steps[0], 5.0)
    assert (at_work.seconds_left, list(at_work)) == (0.0, [])
