"""No attack: the row of a table that every other row is compared with."""

from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Sequences

__all__ = ["NoAttack"]


class NoAttack(Attacker):
    """Injects nothing ("None" in the paper, section 4.2.1)."""

    def poison(self, view: AttackerView) -> Sequences:
        """No sequence, whatever the budget."""
        return Sequences.empty()
