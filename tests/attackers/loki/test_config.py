import pytest

from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.errors import ParameterError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("discount", 0.0),
        ("discount", 1.5),
        ("learning_rate", float("nan")),
        ("epsilon_end", -0.1),
        ("n_iterations", 0),
        ("batch_size", 1.5),
        ("hidden_size", True),
        ("exploration_share", 2.0),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, value):
    with pytest.raises(ParameterError, match=rf"attacker 'loki': agent\.{name} = .*expected"):
        AgentConfig(**{name: value})


def test_epsilon_falls_linearly_and_then_stays():
    config = AgentConfig(n_iterations=10, exploration_share=0.5, epsilon_start=1.0, epsilon_end=0.2)
    assert [config.epsilon(i) for i in (0, 1, 2, 3, 4, 9)] == pytest.approx(
        [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]
    )
