"""Runs steps that depend on each other on workers, and knows nothing of what they do."""
