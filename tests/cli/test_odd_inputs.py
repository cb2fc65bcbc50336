"""What nobody means and everybody types: each is answered by one sentence and exit status 2."""

import os
import socket
import sys
from random import Random

import platformdirs
import pytest
from toy_grid import toys  # noqa: F401  # the toy plugin, installed
from watched_child import watched

from loki_bench.cli.main import main

SUITE = """
name = "toy"
seeds = [0]
victims = ["counts"]
surrogates = ["counts", "follows"]
attackers = ["none", "random"]
metrics = ["display_rate@5", "hr@5"]
dataset = "toy"
integrity_rows = false
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""

FILE = '{ name = "file", parameters = { path = "%s"%s } }'
EVENTS = "user_id,item_id,timestamp\n" + "".join(
    f"u{user},i{(user + step) % 7},{step}\n" for user in range(12) for step in range(4)
)


def changed(key, value):
    """The suite with another line for a key."""
    lines = [f"{key} = {value}" if f"{line} ".split()[:1] == [key] else line for line in
             SUITE.splitlines()]  # fmt: skip
    assert lines != SUITE.splitlines()
    return "\n".join(lines)


def with_table(text):
    """The suite with a table after the others."""
    return f"{SUITE}\n{text}\n"


def with_file(path, **parameters):
    more = ", k_core = 0" + "".join(f", {key} = {value}" for key, value in parameters.items())
    return changed("dataset", FILE % (path, more))


def deep(n):
    return "a." * n + "a"


VALUES = {
    "a parameter that is NaN": changed(
        "attackers", '["none", { name = "random", parameters = { x = nan } }]'
    ),
    "a parameter of a victim that is infinite": changed(
        "victims", '[{ name = "counts", parameters = { x = inf } }]'
    ),
    "a list with minus infinity": changed(
        "victims", '[{ name = "counts", parameters = { x = [1.0, -inf] } }]'
    ),
    "a parameter that is NaN, of a dataset": with_file("events.csv", min_rating="nan"),
    "a parameter of 400 digits": changed(
        "victims", '[{ name = "counts", parameters = { x = %s } }]' % ("9" * 400)
    ),
    "a number of 5,000 digits": changed("seeds", "[" + "9" * 5000 + "]"),
    "a hexadecimal number of 5,000 digits": changed("seeds", "[0x" + "f" * 5000 + "]"),
    "a seed of 50 digits": changed("seeds", "[1" + "0" * 49 + "]"),
    "a negative seed": changed("seeds", "[-1]"),
    "a seed that is NaN": changed("seeds", "[nan]"),
    "no seed": changed("seeds", "[]"),
    "a seed twice": changed("seeds", "[1, 1]"),
    "a million seeds": changed("seeds", "[" + "0," * 10**5 + "]"),
    "more cells than anybody runs": changed("seeds", str(list(range(10**4)))).replace(
        "actions = 5", f"actions = {list(range(1, 31))}"
    ),
    "infinite seconds": with_table("[limits]\nseconds = inf"),
    "seconds that are no number": with_table("[limits]\nseconds = nan"),
    "1e300 seconds": with_table("[limits]\nseconds = 1e300"),
    "minus one second": with_table("[limits]\nseconds = -1.0"),
    "infinite memory": with_table("[limits]\nmemory_gib = inf"),
    "no memory": with_table("[limits]\nmemory_gib = 0.0"),
    "an infinite weight": changed("surrogates", '[{ name = "counts", weight = inf }]'),
    "a negative weight": changed("surrogates", '[{ name = "counts", weight = -1.0 }]'),
    "a weight that is no number": changed("surrogates", '[{ name = "counts", weight = nan }]'),
    "a weight of 1e308": changed("surrogates", '[{ name = "counts", weight = 1e308 }]'),
    "10**49 actions": changed("actions", "1" + "0" * 49),
    "no actions": changed("actions", "0"),
    "2**31 actions": changed("actions", str(2**31)),
    "a share of 1.5": changed("fake_users", "1.5"),
    "a share that is no number": changed("fake_users", "nan"),
    "an infinite share": changed("fake_users", "[0.1, inf]"),
    "a negative share": changed("fake_users", "-0.1"),
    "10**30 targets": changed("n_targets", "1" + "0" * 30),
    "10**30 queries": with_table("[knowledge]\nqueries = 1" + "0" * 30),
    "an infinite list length": with_table("[knowledge]\nlist_length = inf"),
    "n_items = 10**9": with_file("events.csv", n_items=10**9),
    "n_items = 10**49": with_file("events.csv", n_items="1" + "0" * 49),
    "a metric at 5,000 digits": changed("metrics", '["hr@' + "9" * 5000 + '"]'),
    "a metric at 300 digits": changed("metrics", '["hr@' + "9" * 80 + '"]'),
    "a metric at nothing": changed("metrics", '["hr@"]'),
    "a metric at -1": changed("metrics", '["hr@-1"]'),
    "an empty metric": changed("metrics", '[""]'),
    "an empty name": changed("name", '""'),
    "a name of blanks": changed("name", '"  "'),
    "a name with a slash": changed("name", '"a/b"'),
    "a name that leads out": changed("name", '".."'),
    "a name that leads far out": changed("name", '"../../etc"'),
    "an absolute name": changed("name", '"/tmp/x"'),
    "a name with a backslash": changed("name", r'"a\\b"'),
    "a name with a null character": changed("name", r'"a\u0000b"'),
    "a name with a line break": changed("name", r'"a\nb"'),
    "a name that ends in a line break": changed("name", r'"toy\n"'),
    "a name that Windows keeps": changed("name", '"con"'),
    "a name of a million letters": changed("name", '"' + "a" * 10**5 + '"'),
    "a name of 300 letters": changed("name", '"' + "a" * 300 + '"'),
    "a family that leads out": changed("integrity_rows", 'false\nfamily = ".."'),
    "a family that Windows keeps": changed("integrity_rows", 'false\nfamily = "nul"'),
    "a summary with a line break": changed("integrity_rows", 'false\nsummary = "a\\n| 1 | x |"'),
    "a summary of a million letters": changed(
        "integrity_rows", 'false\nsummary = "' + "a" * 10**5 + '"'
    ),
    "an attack without a name": changed("attackers", '[""]'),
    "an attack that is a blank": changed("attackers", '[" "]'),
    "an attack that is a path": changed("attackers", '["../../etc/passwd"]'),
    "an attack with a line break": changed("attackers", r'["a\n| 1 | fake winner |"]'),
    "an attack of a million letters": changed("attackers", '["' + "a" * 10**5 + '"]'),
    "a parameter of a million letters": changed(
        "victims", '[{ name = "counts", parameters = { x = "' + "a" * 10**5 + '" } }]'
    ),
    "a target of a million letters": changed(
        "n_targets", '3\ntargets = ["' + "a" * 10**5 + '"]'
    ),
    "influences in influences": changed(
        "attackers",
        "[" + '{ name = "a", influence = ' * 60 + '"cg"' + " }" * 60 + "]",
    ),
    "10,000 tables in each other": with_table(f"[{deep(10_000)}]\nx = 1"),
    "10,000 tables in a parameter": with_table(f"[protocol.{deep(10_000)}]\nx = 1"),
    "10,000 lists in each other": changed("seeds", "[" * 10_000 + "]" * 10_000),
    "10,000 tables on one line": changed("dataset", "{ a = " * 10_000 + "1" + " }" * 10_000),
    "a lone surrogate": changed("name", r'"\ud800"'),
    "no file": "",
    "blanks": " \n\t\n",
    "a table of another type": changed("seeds", "{ a = 1 }"),
    "a date for a seed": changed("seeds", "[2020-01-01]"),
    "a data file with a null character in its path": with_file(r"a\u0000b.csv"),
    "a data file in nobody's home": with_file("~nobody-of-that-name/events.csv"),
    "a folder as data file": with_file("folder"),
    "a pipe as data file": with_file("pipe"),
    "a socket as data file": with_file("socket"),
    "a device as data file": with_file("/dev/zero"),
    "no such data file": with_file("missing.csv"),
    "a data file whose name is too long": with_file("a" * 300),
    "an empty path": with_file(""),
    "a parameter file with a null character": changed(
        "victims", r'[{ name = "counts", parameters = "a\u0000.toml" }]'
    ),
    "a pipe as parameter file": changed("victims", '[{ name = "counts", parameters = "pipe" }]'),
    "a folder as parameter file": changed(
        "victims", '[{ name = "counts", parameters = "folder" }]'
    ),
    "a parameter file that is not UTF-8": changed(
        "victims", '[{ name = "counts", parameters = "latin1.toml" }]'
    ),
    "a value that an own attack refuses": changed(
        "attackers", '["none", { name = "loki", parameters = { policy = "no such policy" } }]'
    ),
}  # fmt: skip

ARGUMENTS = {
    "an empty suite": ["plan", ""],
    "a blank": ["plan", " "],
    "a suite with a null character": ["plan", "a\0b.toml"],
    "an option with a null character": ["plan", "quick", "--results", "a\0b"],
    "a folder as suite": ["plan", "folder.toml"],
    "a pipe as suite": ["plan", "pipe.toml"],
    "a socket as suite": ["plan", "socket.toml"],
    "a device as suite": ["plan", "device.toml"],
    "a suite that is not there": ["plan", "missing.toml"],
    "a suite that leads to itself": ["plan", "loop.toml"],
    "a suite whose folder is a file": ["plan", "latin1.toml/x.toml"],
    "a suite whose name is too long": ["plan", "a" * 5000 + ".toml"],
    "a suite of a million letters": ["plan", "a" * 10**6],
    "a suite that is not UTF-8": ["plan", "latin1.toml"],
    "a suite of two megabytes": ["plan", "large.toml"],
    "results that are a file": ["plan", "good.toml", "--results", "latin1.toml"],
    "infinitely many workers": ["plan", "good.toml", "--workers", "inf"],
    "no workers": ["plan", "good.toml", "--workers", "0"],
    "a suite in nobody's home": ["plan", "~nobody-of-that-name/x.toml"],
    "a shard of no number": ["run", "good.toml", "--shard", "nan/inf"],
    "a shard past the last": ["run", "good.toml", "--shard", "5/3"],
    "an endless time limit": ["verify", ".", "--timeout", "nan"],
    "a leaderboard that is a pipe": ["verify", "pipe"],
    "a fidelity suite that is a pipe": ["fidelity", "run", "pipe.toml"],
}

SHOW = ("datasets", "show")
EVENTS_CSV = (*SHOW, "events.csv", "--set")
RUN = ("run", "good.toml")
BRACKETS = "[" * 3000

MORE_ARGUMENTS = [
    (*SHOW, ""), (*SHOW, " "), (*SHOW, "pipe"), (*SHOW, "socket"), (*SHOW, "/dev/zero"),
    (*SHOW, "folder"), (*SHOW, "loop.toml"), (*SHOW, "a" * 5000), (*SHOW, "a/" + "b" * 300),
    (*SHOW, "~nobody-of-that-name/x.csv"), (*SHOW, "\ud800.csv"), (*SHOW, "file"),
    (*SHOW, "toy", "--set", "x=1"), (*SHOW, "toy", "--set", "x=nan"),
    (*EVENTS_CSV, "k_core=nan"), (*EVENTS_CSV, "k_core=-1"), (*EVENTS_CSV, "k_core=" + "9" * 400),
    (*EVENTS_CSV, "k_core=" + "9" * 5000), (*EVENTS_CSV, "k_core=1e300"),
    (*EVENTS_CSV, "min_rating=-inf"), (*EVENTS_CSV, "=3"), (*EVENTS_CSV, "x"), (*EVENTS_CSV, "x="),
    (*EVENTS_CSV, "path=pipe"), (*EVENTS_CSV, "path=" + BRACKETS), (*EVENTS_CSV, "path=''"),
    (*EVENTS_CSV, "n_items=1000000000"), (*EVENTS_CSV, "last_events=1979-05-27"),
    (*EVENTS_CSV, "separator=''"), (*EVENTS_CSV, "encoding=klingon"),
    (*EVENTS_CSV, "columns={a=1}"), (*EVENTS_CSV, "user_column=99999999999"),
    (*EVENTS_CSV, "k_core='\ud800'"), (*EVENTS_CSV, "x" * 10**5 + "=1"),
    (*RUN, "--attacker", ""), (*RUN, "--attacker", "a" * 10**5), (*RUN, "--victim", "random"),
    (*RUN, "--seed", "-1"), (*RUN, "--seed", "9" * 50), (*RUN, "--seed", "nan"),
    (*RUN, "--set", "budget.actions=nan"), (*RUN, "--set", "budget.actions=" + "9" * 400),
    (*RUN, "--set", "budget=3"), (*RUN, "--set", "a.b.c.d=1"), (*RUN, "--set", ".=1"),
    (*RUN, "--set", "name=../x"), (*RUN, "--set", "seeds=" + BRACKETS + "]" * 3000),
    (*RUN, "--set", "limits.seconds=inf"), (*RUN, "--set", "family=.."),
    (*RUN, "--set", "a." * 3000 + "a=1"), (*RUN, "--set", "seeds=[0]\nname='x'"),
    (*RUN, "--workers", "99999999999"), (*RUN, "--scheduler", "nonsense"),
    (*RUN, "--scheduler", ""), (*RUN, "--shard", "1/" + "9" * 5000), (*RUN, "--shard", "0/0"),
    (*RUN, "--results", "pipe"), (*RUN, "--results", "loop.toml/x"),
    ("leaderboard", "good.toml", "--per-seed", "x.csv"), ("leaderboard", "pipe.toml"),
    ("publish", "folder", "x", "--max-artefacts", "nan"),
    ("publish", "folder", "x", "--max-artefacts", "inf"),
    ("publish", "folder", "x", "--max-artefacts", "1e308"), ("publish", "folder", "pipe"),
    ("verify", "/dev/zero"), ("verify", "folder", "--timeout", "nan"),
    ("verify", "folder", "--timeout", "inf"), ("compare", "pipe", "pipe"), ("claims", "/proc"),
    ("reproduce", "["), ("reproduce", "/dev/zero"), ("reproduce", "a" * 10**5),
    ("accept", "folder", "pipe"), ("submit", "folder", "--plugin", "../x"),
    ("check", "a" * 10**5), ("check", "counts", "--timeout", "nan"),
    ("check", "counts", "--timeout", "inf"), ("check", "counts", "--set", "noise=nan"),
    ("check", "hr", "--reference", "a\nb:c"), ("check", "counts", "--expect", "=y"),
    ("fidelity", "quick", "--estimator", ""),
    ("fidelity", "quick", "--estimator", "cg,damping=NaN"),
    ("fidelity", "quick", "--estimator", "cg,damping=" + BRACKETS),
    ("tune", "walks", "--dataset", ""), ("tune", "walks", "--dataset", "toy", "--set", "step=nan"),
    ("tune", "walks", "--dataset", "toy", "--trials", "9" * 40),
    ("tune", "walks", "--dataset", "toy", "--metric", "hr@" + "9" * 5000),
    ("plugins", "show", "a" * 10**5), ("new", "attacker", "../x"), ("merge", "good.toml", "pipe"),
]  # fmt: skip


@pytest.fixture
def answer(tmp_path, monkeypatch, capsys, toys):  # noqa: F811
    """Type a command; returns its exit status and what it says on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOKI_BENCH_DATA", raising=False)
    (tmp_path / "events.csv").write_text(EVENTS)
    (tmp_path / "good.toml").write_text(SUITE)
    (tmp_path / "latin1.toml").write_bytes('summary = "caf\xe9"'.encode("latin-1"))
    (tmp_path / "large.toml").write_text("#" * 2 * 10**6)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    for name in ("pipe", "pipe.toml"):
        os.mkfifo(tmp_path / name)
    opened = []
    for name in ("socket", "socket.toml"):
        opened.append(socket.socket(socket.AF_UNIX))
        opened[-1].bind(name)
    before = {path.name for path in tmp_path.iterdir()}

    def typed(*arguments):
        monkeypatch.setattr(sys, "argv", ["loki-bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    yield typed
    for one in opened:
        one.close()
    assert {path.name for path in tmp_path.iterdir()} - before <= {"given.toml"}


def is_one_sentence(said):
    """No traceback, and nothing that fills the screen."""
    return "Traceback" not in said and 0 < len(said.strip()) < 1500


@pytest.mark.parametrize("text", VALUES.values(), ids=VALUES)
def test_an_odd_suite_is_refused_in_one_sentence(text, answer, tmp_path):
    (tmp_path / "given.toml").write_text(text)
    status, said = answer("plan", "given.toml")
    assert status == 2, said
    assert is_one_sentence(said), said[:3000]
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_an_odd_argument_is_refused_in_one_sentence(arguments, answer):
    status, said = answer(*arguments)
    assert status == 2, said
    assert is_one_sentence(said), said[:3000]


@pytest.mark.parametrize(
    "arguments", MORE_ARGUMENTS, ids=[" ".join(row)[:60] for row in MORE_ARGUMENTS]
)
def test_whatever_is_typed_is_refused_in_one_sentence(arguments, answer):
    status, said = answer(*arguments)
    assert status == 2, said
    assert is_one_sentence(said), said[:3000]


def test_the_suite_that_all_of_them_change_is_planned(answer):
    status, said = answer("plan", "good.toml")
    assert (status, said) == (0, "")


def test_a_home_folder_that_is_not_there_is_named(answer, monkeypatch):
    monkeypatch.setenv("LOKI_BENCH_DATA", "~nobody-of-that-name/data")
    status, said = answer("plan", "quick")
    assert status == 2
    assert "LOKI_BENCH_DATA" in said
    assert "home folder" in said


def test_a_user_without_a_home_folder_is_told_what_to_set(answer, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    def asks_for_a_folder(**options):
        return platformdirs.user_cache_path("loki-bench")

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr("loki_bench.cli.main.cli", asks_for_a_folder)  # as whatever keeps a cache
    status, said = answer("plan", "quick")
    assert status == 2
    assert "this user has no home folder (" in said
    assert "set HOME to a folder that can be written to" in said


def test_a_file_that_may_not_be_read_is_named(answer, monkeypatch):
    # root may read everything: the system's answer is made here
    def refused(path, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)
    status, said = answer("plan", "good.toml")
    assert status == 2
    assert "good.toml: Permission denied" in said


PIECES = (
    "nan", "inf", "-1", "1e300", "0", "[]", "{}", '""', '".."', '"/"', '"a/b"', "true",
    "9" * 30, "9" * 5000, "[" * 300, "]", '"', "'", "=", "\n", "[x]", "[[x]]", "\x00", "\ud7ff",
    "1979-05-27", "0x10", '"none"', '"random"', '"file"', "'pipe'", '"~nobody-of-that-name"',
)  # fmt: skip


def mutated(text, random):
    """The suite with up to three slips: a digit, a value, a line, a letter, or what is left."""
    for _ in range(random.choice((1, 1, 2, 3))):
        lines = text.split("\n")
        number = random.randrange(len(lines))
        key, equals, _ = lines[number].partition(" = ")
        slip = random.randrange(8)
        digits = [place for place, letter in enumerate(text) if letter.isdigit()]
        if slip >= 6 and digits:
            place = random.choice(digits)
            lines = [text[:place] + random.choice("0123456789") + text[place + 1 :]]
        elif slip <= 1 and equals:
            lines[number] = f"{key} = {random.choice(PIECES)}"
        elif slip == 2:
            lines[number] = random.choice(lines)
        elif slip == 3:
            place = random.randrange(len(text) + 1)
            lines = [text[:place] + random.choice(PIECES) + text[place + 1 :]]
        elif slip == 4:
            del lines[number]
        else:
            lines = [text[: random.randrange(len(text) + 1)]]
        text = "\n".join(lines)
    return text


@pytest.mark.slow
def test_a_thousand_mutated_suites_are_planned_or_refused(answer, tmp_path):
    def plan_one(number):
        random = Random(f"20 {number}")  # noqa: S311  # a seed is what is wanted
        text = mutated(random.choice((SUITE, with_file("events.csv"))), random)
        (tmp_path / "given.toml").write_text(text)
        status, said = answer("plan", "given.toml")
        assert status in (0, 2), (number, text)
        assert "Traceback" not in said
        assert len(said) < 2000, (number, said[:3000])
        with (tmp_path / "given.statuses").open("a") as file:
            file.write(str(status))

    wrong = watched(1000, plan_one)
    assert not wrong, wrong
    statuses = (tmp_path / "given.statuses").read_text()
    (tmp_path / "given.statuses").unlink()
    assert len(statuses) == 1000
    assert min(statuses.count("0"), statuses.count("2")) > 50
