"""Dropout by torch's own modules, drawn from a generator of our own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["dropping"]


@contextmanager
def dropping(generator: torch.Generator | None, device: torch.device) -> Iterator[None]:
    """Let torch's dropout modules, which know the global generator only, draw from this one."""
    if generator is None:
        yield
        return
    seed = int(torch.randint(2**62, (), generator=generator, device=device))
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=devices, device_type=device.type if devices else "cuda"):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.get_device_module(device).manual_seed(seed)
        yield
