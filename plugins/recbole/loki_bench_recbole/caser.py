"""Caser: convolutions over a user's latest events (Tang and Wang, WSDM 2018)."""

from typing import ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.interactions import Interactions
from loki_bench_recbole.dropping import dropping
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.parameter_checks import require_count, require_number
from loki_bench_recbole.sequence_recommender import SequenceLoss, SequenceRecommender
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.weighted_fit import WeightedFit

__all__ = ["Caser"]


class Caser(WeightedFit, SequenceRecommender):
    """RecBole's ``Caser``: score(u, h, i) = <relu(W_2 [z; p_u] + b_2), e_i>.

    h are the user's last ``max_length`` items, padded on the right where there are fewer, and z
    a layer over two kinds of convolutions of their vectors: horizontal ones of every height, each
    by its maximum over places, and vertical ones (the paper, Eq. 3 to 9). RecBole predicts one
    item, not the next three.

    Training reads a whole sequence at once: what a filter makes of an item is found once, and
    summed for each of the windows that the item is in. Losses are those of the windows one by one.

    Parameters
    ----------
    embedding_size : int
        Of users and items; 64 is RecBole's default.
    n_horizontal, n_vertical : int
        Filters of each height, and across; 8 and 4 are RecBole's defaults.
    dropout : float in [0, 1)
        Share of what the convolutions give that is set to zero in training; 0.4 is RecBole's
        default.
    max_length : int
        The window; 5 as in the paper. RecBole advises against more than 10: there is a set of
        filters for each height.
    l2 : float
        The mean loss of a batch is charged ``l2 / 2 * |parameters|**2``. RecBole adds the
        norms of most weights instead, times 1e-4.
    loss, epochs, learning_rate, validate_every, patience, batch_size, device
        See :class:`~loki_bench_recbole.sequence_recommender.SequenceRecommender`; the loss is
        RecBole's default, "CE".

    Raises
    ------
    ParameterError
        A parameter can't be used.
    """

    name = "caser"
    model_class = "recbole.model.sequential_recommender.caser:Caser"
    reads_users: ClassVar[bool] = True

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        n_horizontal: int = 8,
        n_vertical: int = 4,
        dropout: float = 0.4,
        max_length: int = 5,
        loss: SequenceLoss = "CE",
        epochs: int = 20,
        learning_rate: float = 0.002,
        l2: float = 0.0,
        validate_every: int = 2,
        patience: int = 2,
        batch_size: int = 2048,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            loss=loss,
            learning_rate=learning_rate,
            l2=l2,
            batch_size=batch_size,
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
            device=device,
        )
        self._embedding_size = require_count(self.name, "embedding_size", embedding_size)
        self._n_horizontal = require_count(self.name, "n_horizontal", n_horizontal)
        self._n_vertical = require_count(self.name, "n_vertical", n_vertical)
        self._longest = require_count(self.name, "max_length", max_length)
        self._dropout = require_number(self.name, "dropout", dropout, below=1)

    def _model_parameters(self) -> dict[str, object]:
        return {
            "embedding_size": self._embedding_size,
            "nh": self._n_horizontal,
            "nv": self._n_vertical,
            "dropout_prob": self._dropout,
            "reg_weight": 0.0,
            "loss_type": self._loss,
        }

    def _max_length(self, train: Interactions) -> int:
        return self._longest

    def _longest_read(self) -> int:
        return self._longest

    def _longest_trained(self) -> None:
        """Sequences of any length: every place reads its own window."""

    def _weights(self, model: nn.Module) -> list[Tensor]:
        network = [
            weight
            for part in ("conv_v", "conv_h", "fc1", "fc2")
            for weight in model.get_submodule(part).parameters()
        ]
        items = model.get_parameter("item_embedding.weight")[1:]
        return [items, model.get_parameter("user_embedding.weight")[1:], *network]

    def _moving_tables(self, moving: MovingRows) -> list[NDArray[np.bool_] | None]:
        of_items, _, *network = super()._moving_tables(moving)
        return [of_items, moving.users, *network]

    def _states(self, embedded: Tensor, users: Tensor, dropout: torch.Generator | None) -> Tensor:
        model = self._fitted()
        model.train(dropout is not None)
        part, longest = model.get_submodule, self._longest
        batch, width, _ = embedded.shape
        filters = cast("list[nn.Conv2d]", list(part("conv_h").children()))
        # what row k of each filter makes of each item: the windows share it
        rows = torch.cat([one.weight.squeeze(1).flatten(0, 1) for one in filters])
        places = torch.arange(width, device=embedded.device)[:, None]
        columns = torch.arange(longest, device=embedded.device)
        taken = (places - longest + 1).clamp(min=0) + columns
        inside = (taken <= places).to(embedded.dtype)[:, :, None]
        taken = taken.clamp(max=width - 1)

        def windows(values: Tensor) -> Tensor:
            """(batch, width, ...) -> (batch * width, longest, ...): what each place reads."""
            return (values[:, taken] * inside).flatten(0, 1)

        made = windows(embedded @ rows.T)
        horizontal, start = [], 0
        for height, one in enumerate(filters, 1):
            size = self._n_horizontal * height
            of_rows = made[..., start : start + size]
            of_rows = of_rows.reshape(*of_rows.shape[:2], self._n_horizontal, height)
            n_places = longest - height + 1
            sums = of_rows[:, :n_places, :, 0]
            for row in range(1, height):
                sums = sums + of_rows[:, row : row + n_places, :, row]
            horizontal.append((sums.amax(1) + cast("Tensor", one.bias)).relu())
            start += size
        across = part("conv_v")
        weights = across.get_parameter("weight").flatten(1)
        vertical = weights @ windows(embedded) + across.get_parameter("bias")[:, None]
        found = torch.cat([vertical.flatten(1), *horizontal], -1)
        owners = self.parameters()[1][users].repeat_interleave(width, 0)
        with dropping(dropout, embedded.device):
            z = part("fc1")(part("dropout")(found)).relu()
        states: Tensor = part("fc2")(torch.cat([z, owners], -1)).relu()
        return states.view(batch, width, -1)
