"""The time that progress lines tell, and what they say while no cell ends."""

from loki_bench.cli.clock import Pace
from loki_bench.cli.progress import _Lines


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def test_time_left_is_told_by_the_pace_of_the_last_ends_not_by_the_work_before_the_first():
    now = Clock()
    pace = Pace(now)
    pace.started(102)
    now.seconds = 600.0  # work that all of them share
    pace.ended()
    assert str(pace) == "elapsed 10:00"
    now.seconds = 602.0
    pace.ended()
    assert str(pace) == "elapsed 10:02, about 3:20 left"
    for _ in range(50):
        now.seconds += 6.0
        pace.ended()
    assert str(pace) == "elapsed 15:02, about 5:00 left"


def test_nothing_left_says_so():
    now = Clock()
    pace = Pace(now)
    pace.started(1)
    now.seconds = 61.0
    pace.ended()
    assert str(pace) == "elapsed 1:01, about 0:00 left"


def test_a_log_names_the_work_when_no_cell_has_ended_for_long(capsys):
    now = Clock()
    lines = _Lines(now)
    lines.started(3)
    now.seconds = 10.0
    lines.working_on(["fit of bprmf"])
    assert capsys.readouterr().err == ""
    now.seconds = 45.0
    lines.working_on(["fit of bprmf", "preparation of loki"])
    lines.working_on(["craft of loki"])
    told = "at work on fit of bprmf, preparation of loki (elapsed 0:45)\n"
    assert capsys.readouterr().err == told
