import numpy as np
import pytest

from loki_bench.attackers.loki.replay_memory import Episodes, ReplayMemory


def numbered(*numbers):
    """Episodes of two steps whose actions and rewards are their number."""
    actions = np.repeat(np.array(numbers, dtype=np.int64)[:, None], 2, axis=1)
    return Episodes(actions=actions, rewards=actions.astype(np.float32))


def kept(memory):
    return set(memory.sample(500, np.random.default_rng(0)).actions[:, 0].tolist())


def test_the_oldest_episodes_are_forgotten():
    memory = ReplayMemory(3, 2)
    memory.add(numbered(1, 2))
    assert (len(memory), kept(memory)) == (2, {1, 2})
    memory.add(numbered(3, 4))
    assert (len(memory), kept(memory)) == (3, {2, 3, 4})


def test_more_episodes_than_the_memory_holds_leave_the_last():
    memory = ReplayMemory(3, 2)
    memory.add(numbered(1, 2))
    memory.add(numbered(3, 4, 5, 6, 7))
    assert kept(memory) == {5, 6, 7}


def test_an_empty_batch_adds_nothing():
    memory = ReplayMemory(3, 2)
    memory.add(Episodes(actions=np.empty((0, 2), np.int64), rewards=np.empty((0, 2), np.float32)))
    assert len(memory) == 0


def test_actions_and_rewards_stay_together():
    memory = ReplayMemory(4, 2)
    memory.add(numbered(1, 2, 3))
    sample = memory.sample(50, np.random.default_rng(1))
    assert np.array_equal(sample.actions, sample.rewards)


def test_an_empty_memory_cannot_be_sampled():
    with pytest.raises(ValueError, match="empty replay memory"):
        ReplayMemory(3, 2).sample(1, np.random.default_rng(0))
