"""A suite: its file, its components by name, and the cells that it stands for."""
