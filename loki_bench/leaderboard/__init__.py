"""Leaderboards, a pure function of records: ``table`` computes rows, ``rendering`` writes them."""
