"""Dropout by a generator of our own: its device is seeded, and no other generator is touched."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from loki_bench_recbole.dropping import dropping

CPU = torch.device("cpu")


def masks(seed):
    with dropping(torch.Generator().manual_seed(seed), CPU):
        return torch.nn.functional.dropout(torch.ones(64), 0.5)


def test_the_generator_decides_and_the_global_one_stays():
    before = torch.get_rng_state()
    assert torch.equal(masks(1), masks(1))
    assert not torch.equal(masks(1), masks(2))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("wanted", ["cuda:0", "cuda:1"])
def test_the_device_itself_is_seeded_whichever_is_current(wanted, monkeypatch):
    current, seeded = ["cuda:0"], []

    @contextmanager
    def device(chosen):
        kept, current[:] = current[:], [str(chosen)]
        yield
        current[:] = kept

    module = SimpleNamespace(device=device, manual_seed=lambda seed: seeded.append(current[0]))
    seeds_drawn_by(monkeypatch, module)
    with dropping(torch.Generator(), torch.device(wanted)):
        assert current == ["cuda:0"]
    assert seeded == [wanted]


def test_a_kind_of_which_there_is_one_device_is_seeded_as_it_is(monkeypatch):
    seeded = []
    seeds_drawn_by(monkeypatch, SimpleNamespace(manual_seed=seeded.append))
    with dropping(torch.Generator(), torch.device("mps")):
        assert len(seeded) == 1


def seeds_drawn_by(monkeypatch, module):
    """Devices that are not here: their module, their generators and what is drawn on them."""
    randint, fork = torch.randint, torch.random.fork_rng
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    monkeypatch.setattr(torch.random, "fork_rng", lambda **_: fork(devices=[]))
    monkeypatch.setattr(torch, "randint", lambda *given, device, **named: randint(*given, **named))
