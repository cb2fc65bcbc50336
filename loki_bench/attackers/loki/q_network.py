"""LOKI's action-value network: action embedding, GRU, fully connected output (the paper, 3.4)."""

import math

import torch
from torch import Tensor, nn

__all__ = ["QNetwork"]


class QNetwork(nn.Module):
    """Q-values of every action after a sequence of actions.

    A start token, the last row of the embedding, stands for the empty sequence.

    Parameters
    ----------
    n_actions : int
    embedding_size, hidden_size : int
    generator : torch.Generator
        Draws the initial weights; torch's global generator is left alone.
    """

    def __init__(
        self,
        n_actions: int,
        *,
        embedding_size: int,
        hidden_size: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.n_actions = n_actions
        # Layers draw initial weights from the global generator, except on the meta device.
        # There a normal draw imports torch's compiler, a second of each attack's process: without.
        rows = torch.empty(n_actions + 1, embedding_size, device="meta")
        self.embedding: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
            rows, freeze=False
        )
        self.gru = nn.GRU(embedding_size, hidden_size, batch_first=True, device="meta")
        self.output = nn.Linear(hidden_size, n_actions, device="meta")
        self.to_empty(device="cpu")
        with torch.no_grad():
            self.embedding.weight.normal_(generator=generator)
            bound = 1 / math.sqrt(hidden_size)  # torch's own bound for GRU and linear layers
            for parameter in (*self.gru.parameters(), *self.output.parameters()):
                parameter.uniform_(-bound, bound, generator=generator)

    def forward(self, actions: Tensor) -> Tensor:
        """Q-values before every step of whole episodes.

        Parameters
        ----------
        actions : int64 tensor of shape (n, horizon)

        Returns
        -------
        float32 tensor of shape (n, horizon, n_actions); entry ``t`` belongs to the state of the
        first ``t`` actions. The last action is not looked at: it leads to the end.
        """
        tokens = torch.cat([self._start(len(actions)), actions[:, :-1]], dim=1)
        states, _ = self.gru(self.embedding(tokens))
        values: Tensor = self.output(states)
        return values

    def step(self, actions: Tensor | None, hidden: Tensor | None, n: int) -> tuple[Tensor, Tensor]:
        """Q-values of n episodes after one more action (None at the start).

        Returns
        -------
        float32 tensors: Q-values of shape (n, n_actions), GRU state of shape (1, n, hidden_size).
        """
        tokens = self._start(n) if actions is None else actions[:, None]
        states, hidden = self.gru(self.embedding(tokens), hidden)
        return self.output(states[:, 0]), hidden

    def _start(self, n: int) -> Tensor:
        return torch.full((n, 1), self.n_actions, dtype=torch.int64)
