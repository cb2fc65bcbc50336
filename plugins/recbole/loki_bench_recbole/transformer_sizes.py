"""The sizes of a transformer, checked, under the names that RecBole's models have for them."""

from loki_bench.errors import ParameterError
from loki_bench_recbole.parameter_checks import require_count, require_number

__all__ = ["transformer_sizes"]


def transformer_sizes(
    who: str,
    *,
    hidden_size: int,
    inner_size: int,
    n_layers: int,
    n_heads: int,
    dropout: float,
    attention_dropout: float,
) -> dict[str, object]:
    """RecBole's hyper-parameters; ``ParameterError`` where one can't be used."""
    sizes: dict[str, object] = {
        "hidden_size": require_count(who, "hidden_size", hidden_size),
        "inner_size": require_count(who, "inner_size", inner_size),
        "n_layers": require_count(who, "n_layers", n_layers),
        "n_heads": require_count(who, "n_heads", n_heads),
        "hidden_dropout_prob": require_number(who, "dropout", dropout, below=1),
        "attn_dropout_prob": require_number(who, "attention_dropout", attention_dropout, below=1),
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
    }
    if hidden_size % n_heads:
        raise ParameterError(
            f"{who}: n_heads must divide hidden_size, got {n_heads} and {hidden_size}"
        )
    return sizes
