"""Dropout by torch's own modules, drawn from a generator of our own."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

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
            module = torch.get_device_module(device)
            # it seeds the current device, which need not be this one; a kind of device of which
            # there is one alone (mps) has nothing to choose the current one with
            with module.device(device) if hasattr(module, "device") else nullcontext():
                module.manual_seed(seed)
        yield
