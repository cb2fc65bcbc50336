"""The estimators that can be named in a suite."""
