"""Runs a plugin's attack or defense in a process of its own, which is told nothing else."""
