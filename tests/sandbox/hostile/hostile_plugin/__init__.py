"""A plugin that tries whatever a plugin must not; each behaviour is one function."""
