"""A module that patches the host's writers when it is imported: the table would show 1.0."""

from hostile_recommenders.behaviours import Hostile, patch_everything

patch_everything()


class Patches(Hostile):
    """Otherwise honest."""
