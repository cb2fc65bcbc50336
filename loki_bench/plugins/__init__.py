"""Plugins: what they declare (``specs``), through which hooks (``hookspecs``), and who finds them
(``registry``)."""
