"""Scores of fake users under a surrogate: their rows, their samples, their effect."""
