"""A third party's plugin, as the tests need one: quick, deterministic, and in part ill-behaved."""
