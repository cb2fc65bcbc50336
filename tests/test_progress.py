"""The time that progress lines tell, and what they say while no cell ends."""

import sys
import time
import types

from loki_bench.pipeline.cells import NoProgress
from loki_bench.progress import Bar, Lines, Pace, progress_of, shown_work


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
    lines = Lines(now=now)
    lines.started(3)
    now.seconds = 10.0
    lines.working_on(["fit of bprmf"])
    assert capsys.readouterr().err == ""
    now.seconds = 45.0
    lines.working_on(["fit of bprmf", "preparation of loki"])
    lines.working_on(["craft of loki"])
    told = "[0/3] at work on fit of bprmf, preparation of loki (elapsed 0:45)\n"
    assert capsys.readouterr().err == told


def test_a_log_reminds_by_itself_while_the_host_is_busy(capsys):
    with Lines(quiet=0.02).reminding() as lines:
        lines.started(2)
        lines.working_on(["fit of bprmf"])
        deadline = time.monotonic() + 30.0
        said = ""
        while "at work" not in said:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            said += capsys.readouterr().err
    assert said.startswith("[0/2] at work on fit of bprmf (elapsed 0:00)\n")


def test_a_thing_that_ends_has_its_line_unless_that_is_empty(capsys):
    lines = Lines(now=Clock())
    lines.started(2)
    lines.ended("")
    lines.ended("covisit: ok")
    assert capsys.readouterr().err == "[2/2] covisit: ok (elapsed 0:00, about 0:00 left)\n"


def test_results_go_to_standard_output(capsys):
    Lines().print("ok  covisit")
    assert capsys.readouterr() == ("ok  covisit\n", "")


def test_a_bar_counts_names_the_work_and_writes_what_did_not_end_well(capsys):
    bar = Bar()
    bar.started(3)
    bar.working_on(["fit of bprmf", "craft of loki"])
    bar.ended("covisit: ok")
    bar.ended("loki: failed: no idea", well=False)
    bar.print("a result")
    bar.close()
    said = capsys.readouterr()
    assert said.out == "a result\n"
    assert "loki: failed: no idea\n" in said.err
    assert "covisit: ok" not in said.err
    assert "fit of bprmf, craft of loki" in said.err
    assert "0/3" in said.err


class Steps:
    """Three of eight steps have ended, two are at work."""

    n_steps, n_ended, seconds_left = 8, 3, None

    def __iter__(self):
        return iter(["fit of bprmf", "craft of loki"])


def test_the_bar_of_a_run_counts_its_steps_and_says_where_the_time_left_is_unknown(capsys):
    bar, steps = Bar(), Steps()
    bar.started(2)
    bar.at_work(steps)
    assert "3/8 steps" in (said := capsys.readouterr().err)
    assert "time left unknown yet, fit of bprmf, craft of loki" in said
    bar.ended("covisit: ok")  # a cell: its steps are counted by the run
    steps.n_ended, steps.seconds_left = 5, 130.0
    bar.remind()
    bar.close()
    assert "5/8 steps" in (said := capsys.readouterr().err)
    assert "about 2:10 left, fit of bprmf" in said


def test_the_log_of_a_run_counts_cells_and_steps_and_tells_the_time_left_of_the_steps(capsys):
    now, steps = Clock(), Steps()
    lines = Lines(now=now)
    lines.started(2)
    now.seconds = 45.0
    lines.at_work(steps)
    assert capsys.readouterr().err == (
        "[0/2] at work on fit of bprmf, craft of loki "
        "(step 3 of 8, elapsed 0:45, time left unknown yet)\n"
    )
    steps.n_ended, steps.seconds_left = 5, 130.0
    lines.ended("covisit: ok")
    assert capsys.readouterr().err == (
        "[1/2] covisit: ok (step 5 of 8, elapsed 0:45, about 2:10 left)\n"
    )
    lines.ended("loki: ok")
    assert "about 0:00 left" in capsys.readouterr().err


def test_a_bar_that_never_started_is_closed_in_silence(capsys):
    bar = Bar()
    bar.working_on(["fit of bprmf"])
    bar.ended("covisit: ok")
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_and_a_notebook_get_a_bar_and_all_else_lines(monkeypatch):
    with shown_work() as shown:
        assert isinstance(shown, Lines)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
        with shown_work() as shown:
            assert isinstance(shown, Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with shown_work() as shown:
        assert isinstance(shown, Bar)


def test_progress_is_shown_silent_or_as_it_is():
    mine = NoProgress()
    with progress_of(mine) as progress:
        assert progress is mine
    with progress_of(False) as progress:
        assert isinstance(progress, NoProgress)
    with progress_of(True) as progress:
        assert not isinstance(progress, NoProgress)
