"""The service that the how-to shows keeps the kit's promises; a stand-in answers for it."""

import sys
from types import ModuleType

import numpy as np
import pytest
from markdown_pages import DOCS, blocks_of

from loki_bench.testing import Subject, recommender_checks


class StandIn:
    """Answers what the how-to's service is asked, in this process: items that came together."""

    def __call__(self, path, question):
        if path == "train":
            rows = question["sequences"]
            n = 1 + max((max(row) for row in rows if row), default=0)
            seen = np.zeros((len(rows), n))
            for row, items in enumerate(rows):
                seen[row, items] = 1
            self.together = seen.T @ seen
            return {}
        known = [item for item in question["history"] if item < len(self.together)]
        scores = self.together[known].sum(axis=0)
        best = np.argsort(-scores, kind="stable")
        return [int(item) for item in best if item not in question["history"]][: question["n"]]


@pytest.fixture
def shop(monkeypatch):
    [block] = blocks_of(DOCS / "how-to" / "list-only-victim.md", "python")
    assert block.file == "shop.py"
    module = ModuleType("shop")
    monkeypatch.setitem(sys.modules, "shop", module)
    exec(compile(block.text, str(block), "exec"), module.__dict__)  # noqa: S102 - our own page
    monkeypatch.setattr(module.Shop, "ask", staticmethod(StandIn()))
    [spec] = module.loki_bench_recommenders()
    return Subject(spec=spec, parameters={"length": 10})


@pytest.mark.parametrize(
    "promise",
    [
        "answers_batches_of_none_one_and_seven",
        "answers_alike_in_any_batch",
        "lists_as_many_items_as_it_promises",
        "learns_planted_groups",
        "refuses_unknown_ids",
        "takes_empty_histories",
    ],
)
def test_the_shown_service_keeps_the_kits_promises(shop, promise):
    getattr(recommender_checks, f"check_recommender_{promise}")(shop)
