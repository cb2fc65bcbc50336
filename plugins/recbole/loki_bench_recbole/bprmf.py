"""BPRMF: matrix factorisation with the pairwise ranking loss (Rendle et al., UAI 2009)."""

from torch import Tensor, nn

from loki_bench_recbole.factor_recommender import RecBoleFactorRecommender
from loki_bench_recbole.parameter_checks import FactorTrainer
from loki_bench_recbole.training_loop import Schedule

__all__ = ["BPRMF"]


class BPRMF(RecBoleFactorRecommender):
    """RecBole's ``BPR``: score(u, i) = <p_u, q_i>. The order of events does not matter.

    A training sample for every event: the user rather sees it than an item, drawn uniformly,
    that the user has no event with.

    Parameters
    ----------
    embedding_size : int
        Length of the factors; 64 is RecBole's default.
    l2 : float or None
        ``compiled`` and ``torch``: each sample adds ``l2 / 2 * |row|**2`` for each of the three
        rows that it touches. ``lbfgs``: every row of every table adds it once. None is 0.02, and
        1.0 for ``lbfgs``.
    epochs, learning_rate, validate_every, patience, batch_size, tolerance, trainer, device
        See :class:`~loki_bench_recbole.factor_recommender.RecBoleFactorRecommender`.
    """

    name = "bprmf"
    model_class = "recbole.model.general_recommender.bpr:BPR"
    from_first = True
    term_rows = ("user",)

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        epochs: int = 1000,
        learning_rate: float = 0.2,
        l2: float | None = None,
        validate_every: int = 20,
        patience: int = 3,
        batch_size: int = 2048,
        tolerance: float = 1e-5,
        trainer: FactorTrainer = "compiled",
        device: str = "cpu",
    ) -> None:
        super().__init__(
            embedding_size=embedding_size,
            learning_rate=learning_rate,
            l2=l2,
            default_l2=0.02,
            batch_size=batch_size,
            tolerance=tolerance,
            trainer=trainer,
            device=device,
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
        )

    def _model_parameters(self) -> dict[str, object]:
        return {"embedding_size": self._embedding_size}

    def _weights(self, model: nn.Module) -> list[Tensor]:
        return [
            model.get_parameter("user_embedding.weight")[1:],
            model.get_parameter("item_embedding.weight")[1:],
        ]
