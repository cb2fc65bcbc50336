"""Values that no recommender can use are refused in a sentence, before anything is trained."""

from types import SimpleNamespace

import pytest
import torch

from loki_bench.errors import ParameterError
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.parameter_checks import require_device, require_device_here


@pytest.mark.parametrize("name", ["abacus", "cuda:x", "meta", "cpu:0", "cpu:3", "", 7, None])
def test_a_device_that_can_train_nothing_is_refused(name):
    with pytest.raises(ParameterError, match=r"^mine: .*device"):
        require_device("mine", name)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:7", "mps"])
def test_whether_a_device_is_there_is_asked_where_it_is_used(name):
    assert str(require_device("mine", name)) == name


@pytest.mark.parametrize("name", ["cuda:64", "xla", "vulkan", "xpu:64"])
def test_a_fit_on_a_device_that_is_not_there_is_refused_and_the_last_one_stays(name, small):
    model = GRU4Rec(embedding_size=4, hidden_size=5, epochs=1).fit(small, validation=None, seed=0)
    before, model._device = model.fit_report, require_device("gru4rec", name)
    with pytest.raises(ParameterError, match=rf"gru4rec: device '{name}' is not there: .*'cpu'"):
        model.fit(small, validation=None, seed=0)
    assert model.fit_report == before


@pytest.mark.parametrize(
    ("name", "is_there"), [("cuda", True), ("cuda:1", True), ("cuda:2", False)]
)
def test_devices_are_counted_from_zero(name, is_there, monkeypatch):
    module = SimpleNamespace(device_count=lambda: 2, is_available=lambda: True)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    if is_there:
        require_device_here("mine", torch.device(name))
        return
    with pytest.raises(ParameterError, match="finds 2 of type 'cuda'"):
        require_device_here("mine", torch.device(name))
