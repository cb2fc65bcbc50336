import pytest
import torch

from loki_bench.attackers.loki.q_network import QNetwork


def network(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return QNetwork(3, embedding_size=4, hidden_size=5, generator=generator)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_values_step_by_step_are_those_of_the_whole_episode(n):
    net = network()
    actions = torch.randint(3, (n, 4), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = net(actions)
        values, hidden = net.step(None, None, n)
        torch.testing.assert_close(values, whole[:, 0])
        for step in range(3):
            values, hidden = net.step(actions[:, step], hidden, n)
            torch.testing.assert_close(values, whole[:, step + 1])


def test_a_state_does_not_see_the_actions_after_it():
    net = network()
    with torch.no_grad():
        one, other = net(torch.tensor([[0, 1, 2, 0]])), net(torch.tensor([[0, 1, 0, 2]]))
    assert torch.equal(one[:, :3], other[:, :3])
    assert not torch.equal(one[:, 3], other[:, 3])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    one, same, other = (dict(network(seed).named_parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


def test_torchs_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    network()
    assert torch.equal(before, torch.random.get_rng_state())
