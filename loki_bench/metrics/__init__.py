"""Built-in metrics: pure functions of an outcome, one module a family."""
