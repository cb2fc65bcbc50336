"""A look of early stopping at Amazon Beauty's validation events, beside the whole product.

Both measure NDCG@10 of one trained model: the whole product ranks every held-out item among all
items, a look leaves out what can't matter (``loki_bench.first_places``). CPU seconds on one
thread, the least of several rounds; the two numbers must be the same to the last bit.

    LOKI_BENCH_DATA=/folder/with/beauty python -m pytest benchmarks/test_look_speed.py -s
"""

import time

import pytest

from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.validation import held_out_ranks, ndcg_at

pytestmark = pytest.mark.beauty
BARS = {BPRMF: 5, FPMC: 4}


@pytest.mark.parametrize("recommender", BARS, ids=lambda recommender: recommender.name)
def test_a_look_beside_the_whole_product(recommender, split, benchmark):
    # trained, for an untrained model lets fewer users drop out
    model = recommender(epochs=10).fit(split.train, validation=None, seed=0)
    held_out = split.validation
    look = model._look(held_out)
    ours, whole = [], []

    def cpu_seconds(work):
        started = time.process_time()
        found = work()
        return time.process_time() - started, found

    def whole_product():
        queries = model._queries(held_out.users, held_out.histories)
        items = model._query_items()
        return ndcg_at(10, held_out_ranks(queries, lambda block: block @ items.T, held_out))

    whole_product(), look()  # compile

    def peer():
        whole.append(cpu_seconds(whole_product))

    def measured():
        ours.append(cpu_seconds(look))

    benchmark.pedantic(measured, setup=peer, rounds=5)
    assert len({ndcg for _, ndcg in ours + whole}) == 1
    seconds, whole_seconds = min(ours)[0], min(whole)[0]
    ratio = whole_seconds / seconds
    benchmark.extra_info.update(look=seconds, whole_product=whole_seconds, ratio=ratio)
    print(
        f"\n{recommender.name}: a look {seconds:.3f} s, the whole product {whole_seconds:.3f} s: "
        f"{ratio:.1f}x, NDCG@10 {ours[0][1]!r} both"
    )
    assert ratio >= BARS[recommender]
