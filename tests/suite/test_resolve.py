"""From a suite to a dataset: targets that the data has lost, and what a record keeps of it."""

import pytest

from loki_bench.errors import ParameterError, SuiteError


@pytest.fixture
def path(tmp_path):
    rows = [f"u{u},i{(u + at) % 6},{at}\n" for u in range(6) for at in range(6)]
    text = "user_id,item_id,timestamp\n" + "".join(rows) + "u0,inew,7\nu1,inew,8\nw,i1,1\n"
    (tmp_path / "data.csv").write_text(text)
    return tmp_path / "data.csv"


@pytest.fixture
def of(prepared, path):
    def make(protocol=None, **parameters):
        return prepared(
            dataset={"name": "file", "parameters": {"path": str(path), **parameters}},
            protocol={"n_targets": 2, **(protocol or {})},
            attackers=["none"],  # of few users a share is nobody
        )

    return make


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ({"targets": ["i1", "inew"]}, "the dataset's k_core dropped 'inew', which has 2 events"),
        ({"target_users": ["u1", "w"]}, "the dataset's k_core dropped 'w', which has 1 events"),
        ({"targets": ["i1", "nothing"]}, "the dataset has no 'nothing'"),
    ],
)
def test_a_target_that_the_k_core_dropped_is_named_with_its_events(of, protocol, message):
    with pytest.raises(SuiteError) as caught:
        of({"n_target_users": 2, **protocol})
    assert message in str(caught.value)


def test_a_record_names_the_file_and_says_that_it_has_no_times(of):
    where = {"user_id": ["u0", "u1", "u2"]}
    found = of({"n_target_users": 2}, timestamp_column="", where=where, k_core=2)
    assert found.dataset.component.parameters["path"] == "data.csv"
    assert found.dataset.component.parameters["where"] == where
    assert found.dataset.notes[0].startswith("the file has no times")


def test_several_files_are_named_without_their_folders(of, path):
    found = of({"n_target_users": 2}, path=[str(path)])
    assert found.dataset.component.parameters["path"] == ["data.csv"]


@pytest.mark.parametrize("parameters", [{"user_column": 1.5}, {"n_items": 30.5}, {"k_core": "x"}])
def test_a_parameter_of_a_wrong_type_is_one_sentence(of, parameters):
    with pytest.raises((SuiteError, ParameterError), match="dataset 'file': "):
        of({"n_target_users": 2}, **parameters)
