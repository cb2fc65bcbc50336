"""What a merge would copy is drawn from and computed again; a forged shard is not merged."""

from contextlib import contextmanager
from functools import partial

import pytest
from made_up_records import with_value

from loki_bench.audit.shards import check_shard
from loki_bench.errors import StoreError
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest
from loki_bench.records.store import Store


@pytest.fixture
def check(leaderboard, opened):
    store = Store(leaderboard, warn=print)
    manifest = read_manifest(leaderboard)
    cells = [store.record(cell_id).cell for cell_id in manifest.record_ids]
    cells = [cell for cell in cells if cell.attacker.name == "random" and not cell.placebo]

    @contextmanager
    def here():
        with opened(manifest.metrics, cells[0]) as replay:
            yield replay

    return store, cells, partial(check_shard, store, cells, registry=discover(), opened=here)


def test_an_honest_shard_passes_and_nothing_is_left_unjudged(check):
    _, _, check_shard = check
    assert check_shard(sample=2) == []


def test_a_forged_metric_of_a_drawn_cell_is_refused(check):
    store, cells, check_shard = check
    for cell in cells:
        store.write_record(with_value(store.record(cell.id), "hr@5", 0.875))
    with pytest.raises(StoreError, match=r"hr@5 is 0\.875 in the record and .* nothing is merged"):
        check_shard(sample=1)


def test_forged_ranks_of_a_drawn_cell_are_refused(check):
    store, cells, check_shard = check
    for cell in cells:
        record = store.record(cell.id)
        ranks = store.read(VictimRanksCodec(), record.artefacts.ranks)
        last = type(ranks)(**{**vars(ranks), "target_ranks": ranks.target_ranks * 0 + 30})
        store.write(VictimRanksCodec(), record.artefacts.ranks, last)
        store.write_record(with_value(record, "display_rate@5", 0.0))
    with pytest.raises(StoreError, match=r"ranks: target_ranks.* nothing is merged"):
        check_shard(sample=1)
