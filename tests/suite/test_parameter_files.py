"""Parameters in a file of their own stand for the parameters, never for the path."""

import pytest

from loki_bench.errors import SuiteError
from loki_bench.suite.parameter_files import as_parameter_file
from loki_bench.suite.suite import load_suite

SUITE = """
name = "mine"
seeds = [0]
victims = ["counts", {{ name = "walks", parameters = {parameters} }}]
attackers = ["none"]
metrics = ["hr@5"]
dataset = "toy"
"""
PARAMETERS = {"step": 1, "blur": 0.000123, "deep": True, "odd": 'a "quoted" \\ word'}


def write(folder, parameters='"tuned/walks.toml"', name="walks"):
    (folder / "tuned").mkdir(exist_ok=True)
    tuned = as_parameter_file(name, PARAMETERS, ["found by hand", "twice"])
    (folder / "tuned" / "walks.toml").write_text(tuned)
    path = folder / "suite.toml"
    path.write_text(SUITE.format(parameters=parameters))
    return str(path)


def test_a_file_stands_for_the_table_in_it(tmp_path):
    by_file = load_suite(write(tmp_path))
    assert by_file.victims[1].parameters == PARAMETERS
    inline = "{ step = 1, blur = 0.000123, deep = true, odd = 'a \"quoted\" \\ word' }"
    assert load_suite(write(tmp_path, inline)) == by_file


def test_a_byte_order_mark_is_no_part_of_the_parameters(tmp_path):
    path = write(tmp_path)
    tuned = tmp_path / "tuned" / "walks.toml"
    tuned.write_text("\ufeff" + tuned.read_text(), encoding="utf-8")
    assert load_suite(path).victims[1].parameters == PARAMETERS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("name = ", "not valid TOML"),
        ("step = 1", "expected a key 'name' and a table 'parameters'"),
        ('name = "walks"\nparameters = 3', "expected a key 'name' and a table 'parameters'"),
        ('name = "fpmc"\n[parameters]\nstep = 1', "holds parameters of 'fpmc', not of 'walks'"),
    ],
)
def test_a_file_that_can_not_be_used_is_named(tmp_path, content, said):
    path = write(tmp_path)
    tuned = tmp_path / "tuned" / "walks.toml"
    tuned.unlink()
    if content is not None:
        tuned.write_text(content)
    with pytest.raises(SuiteError) as refused:
        load_suite(path)
    assert said in str(refused.value)
    assert str(tuned) in str(refused.value)
