"""`datasets show`: a file, a dataset's name, and what is neither."""

import json
import sys

import pytest

from loki_bench.cli import main as command_line

TEXT = "who,item_id,timestamp\n" + "".join(f"u{u},i{i},{i}\n" for u in range(6) for i in range(6))


@pytest.fixture
def show(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(TEXT)

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["loki-bench", "datasets", "show", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    command.folder = tmp_path
    return command


def test_a_file_is_shown_as_a_suite_would_read_it(show):
    status, out, _ = show("data.csv", "--set", "user_column=who")
    assert status == 0
    assert "6 users, 6 items, 36 events" in out
    line = 'dataset = { name = "file", parameters = { path = "data.csv", user_column = "who" } }'
    assert out.splitlines()[-1] == line


def test_a_file_without_times_is_shown_by_what_its_refusal_advises(show):
    whole = TEXT.splitlines()
    (show.folder / "data.csv").write_text("\n".join(r.rpartition(",")[0] for r in whole))
    given = ("--set", "user_column=who")
    assert 'timestamp_column = ""' in show("data.csv", *given)[2]
    assert show("data.csv", *given, "--set", "timestamp_column=")[0] == 0


def test_tables_in_parameters_are_written_as_in_a_suite(show):
    given = ("--set", "user_column=who", "--set", "k_core=0", "--set", 'where={ who = ["u1"] }')
    status, out, _ = show("data.csv", *given, "--json")
    assert (status, json.loads(out)["n_events"]) == (0, 6)


def test_what_can_not_be_read_is_one_sentence_and_status_2(show):
    status, out, err = show("data.csv")
    assert (status, out) == (2, "")
    assert "it has no column 'user_id'" in err
    assert show("gone.csv")[0] == 2
    assert "no plugin declares the dataset 'nothing'" in show("nothing")[2]
    assert "k_core is 'x'" in show("data.csv", "--set", "k_core=x")[2]


def test_a_dataset_by_its_name(show):
    pytest.importorskip("recbole")
    status, out, _ = show("ml-100k", "--json")
    assert (status, json.loads(out)["n_events"]) == (0, 99287)
