"""The agent's optimizer is torch's, to the bit, without what torch's class imports."""

import subprocess
import sys

import torch

from loki_bench.attackers.loki.adam import Adam

PROGRAM = """
import sys
import numpy as np
from loki_bench.attackers.loki.attacker import Loki
from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.dqn_agent import DqnAgent
from loki_bench.attackers.loki.replay_memory import Episodes
agent = DqnAgent(2, 3, AgentConfig(), seed=0)
actions, rewards = np.zeros((4, 3), dtype=np.int64), np.ones((4, 3), dtype=np.float32)
agent.update(Episodes(actions=actions, rewards=rewards))
print(*sorted(sys.modules))
"""


def test_its_steps_are_those_of_torch():
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for shape in ((5, 3), (7,), ())]
    ours, theirs = ([one.clone().requires_grad_() for one in start] for _ in range(2))
    optimizers = Adam(ours, 3e-3), torch.optim.Adam(theirs, lr=3e-3)
    for step in range(200):
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            assert all(one.grad is None for one in parameters)
            sum(((one - step % 7) ** 4).sum() for one in parameters).backward()
            optimizer.step()
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert not torch.equal(ours[0], start[0])


def test_the_attack_imports_no_compiler_and_no_statistics():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert not set(run.stdout.split()) & {
        "torch._dynamo",
        "scipy.stats",
        "scipy.optimize",
        "sklearn",
    }
