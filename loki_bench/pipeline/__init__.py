"""The protocol, one module a step: read them from ``dataset`` up to ``record`` and ``cells``."""
