"""Solvers of linear systems with the Hessian."""
