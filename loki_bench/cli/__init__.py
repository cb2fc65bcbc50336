"""The command line. ``main`` is the entry point; a command imports what it needs when it runs."""
