"""FPMC: a factorised personalised Markov chain (Rendle et al., WWW 2010)."""

from torch import Tensor, nn

from loki_bench_recbole.factor_recommender import RecBoleFactorRecommender
from loki_bench_recbole.parameter_checks import FactorTrainer
from loki_bench_recbole.training_loop import Schedule

__all__ = ["FPMC"]


class FPMC(RecBoleFactorRecommender):
    """RecBole's ``FPMC``: score(u, l, i) = <UI_u, IU_i> + <LI_l, IL_i>, l the last item.

    Baskets hold one item. A training sample for every event but the user's first. After an empty
    history the transition term is zero.

    Parameters
    ----------
    embedding_size : int
        Length of the factors; 64 is RecBole's default.
    l2 : float or None
        ``compiled`` and ``torch``: each sample adds ``l2 / 2 * |row|**2`` for each of the six rows
        that it touches. ``lbfgs``: every row of every table adds it once. None is 0.005, and 1.0
        for ``lbfgs``.
    epochs, learning_rate, validate_every, patience, batch_size, tolerance, trainer, device
        See :class:`~loki_bench_recbole.factor_recommender.RecBoleFactorRecommender`.
    """

    name = "fpmc"
    model_class = "recbole.model.sequential_recommender.fpmc:FPMC"
    from_first = False
    term_rows = ("user", "last-item")

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        epochs: int = 1000,
        learning_rate: float = 0.02,
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
            default_l2=0.005,
            batch_size=batch_size,
            tolerance=tolerance,
            trainer=trainer,
            device=device,
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
        )

    def _model_parameters(self) -> dict[str, object]:
        return {"embedding_size": self._embedding_size, "loss_type": "BPR"}

    def _weights(self, model: nn.Module) -> list[Tensor]:
        return [
            model.get_parameter("UI_emb.weight")[1:],
            model.get_parameter("IU_emb.weight")[1:],
            model.get_parameter("LI_emb.weight")[1:],
            model.get_parameter("IL_emb.weight")[1:],
        ]
