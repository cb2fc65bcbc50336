"""Checking leaderboards: what a stranger can re-derive of them, piece by piece."""
