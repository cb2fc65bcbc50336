"""The real files, where they are on this machine: counts as others have published them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loki_bench.datasets.data_folder import data_folder
from loki_bench.datasets.movielens import MovieLens100K
from loki_bench.datasets.published import AmazonBeauty
from loki_bench.errors import DatasetError, ParameterError

needs_recbole = pytest.mark.skipif(
    importlib.util.find_spec("recbole") is None, reason="recbole is not installed"
)


@needs_recbole
def test_movielens_100k_has_the_published_counts_without_k_core(tmp_path):
    data = MovieLens100K(k_core=0).load(tmp_path, download=False)
    assert (data.n_users, data.n_items, data.n_events) == (943, 1682, 100_000)
    assert data.item_tokens[0] == "1"
    assert data.item_tokens[-1] == "1682"
    # the film that most people rated is Star Wars, number 50 in the file, 583 times
    assert data.item_tokens[int(np.argmax(data.item_counts))] == "50"
    assert data.item_counts.max() == 583


@needs_recbole
def test_movielens_100k_by_default_is_the_5_core(tmp_path):
    data = MovieLens100K().load(tmp_path, download=False)
    assert (data.n_users, data.n_items, data.n_events) == (943, 1349, 99_287)
    assert data.item_counts.min() == 5


@needs_recbole
def test_movielens_100k_can_be_cut_to_the_latest_events_before_the_5_core(tmp_path):
    whole = MovieLens100K(k_core=0).load(tmp_path, download=False)
    window = MovieLens100K(k_core=0, last_events=15).load(tmp_path, download=False)
    assert window.user_tokens == whole.user_tokens
    assert window.item_tokens == whole.item_tokens
    assert [row.tolist() for row in window] == [row[-15:].tolist() for row in whole]
    core = MovieLens100K(last_events=15).load(tmp_path, download=False)
    assert core.item_counts.min() == 5
    assert core.lengths.max() == 15


def test_a_window_must_leave_two_events():
    with pytest.raises(ParameterError, match="last_events is 1; it must be a whole number from 2"):
        MovieLens100K(last_events=1)


@needs_recbole
def test_movielens_100k_is_ordered_by_time_and_then_by_line(tmp_path):
    spec = importlib.util.find_spec("recbole")
    file = Path(spec.submodule_search_locations[0]) / "dataset_example/ml-100k/ml-100k.inter"
    lines = [line.split("\t") for line in file.read_text().splitlines()[1:]]
    own = [(float(time), item) for user, item, _, time in lines if user == "13"]
    expected = [item for _, item in sorted(own, key=lambda event: event[0])]  # sorted is stable
    data = MovieLens100K(k_core=0).load(tmp_path, download=False)
    row = data[data.user_tokens.index("13")]
    assert [data.item_tokens[i] for i in row] == expected


@needs_recbole
def test_reading_movielens_imports_nothing_of_recbole():
    program = (
        "import sys; from pathlib import Path\n"
        "from loki_bench.datasets.movielens import MovieLens100K\n"
        "MovieLens100K().load(Path('.'), download=False)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('recbole', 'torch')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_recbole_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match=r"pip install --no-deps recbole==1\.2\.1$"):
        MovieLens100K().load(tmp_path, download=False)


@pytest.mark.beauty
@pytest.mark.skipif(
    not any((data_folder() / name).is_file() for name in ("beauty.txt", "Beauty.txt")),
    reason="beauty.txt is not in the data folder (LOKI_BENCH_DATA)",
)
def test_amazon_beauty_has_the_published_counts_and_is_its_own_5_core():
    whole = AmazonBeauty(k_core=0).load(data_folder(), download=False)
    assert (whole.n_users, whole.n_items, whole.n_events) == (22_363, 12_101, 198_502)
    core = AmazonBeauty().load(data_folder(), download=False)
    assert core.fingerprint() == whole.fingerprint()
