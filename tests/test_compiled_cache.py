"""Two processes that compile a function for other types at once keep the code of each."""

import pytest

from loki_bench.compiled_cache import name_files_by_content

caching = pytest.importorskip("numba.core.caching")


@pytest.fixture(autouse=True)
def files_are_named_by_content():
    name_files_by_content()


@pytest.fixture
def kept(tmp_path):
    """A function's files, as each process opens them."""
    return lambda stamp=(1.0, 2): caching.IndexDataCacheFile(str(tmp_path), "sum", stamp)


def test_code_is_found_by_its_types(kept):
    kept().save("floats", "code for floats")
    kept().save("ints", "code for ints")
    kept().save("floats", "code for floats, again")
    assert kept().load("floats") == "code for floats, again"
    assert kept().load("ints") == "code for ints"
    assert kept().load("texts") is None


def test_no_code_is_taken_for_another_when_both_are_written_at_once(kept, monkeypatch):
    first, second = kept(), kept()
    write = first._save_data

    def write_late(name, data):
        second.save("ints", "code for ints")
        write(name, data)

    monkeypatch.setattr(second, "_load_index", dict)  # it looked before the first one wrote
    monkeypatch.setattr(first, "_save_data", write_late)
    first.save("floats", "code for floats")
    assert kept().load("ints") == "code for ints"
    assert kept().load("floats") == "code for floats"


def test_code_of_a_source_that_was_changed_is_not_found_under_the_new_one(kept):
    kept().save("floats", "old code")
    changed = kept((3.0, 4))
    assert changed.load("floats") is None
    changed.save("ints", "new code for ints")
    assert kept((3.0, 4)).load("floats") is None
