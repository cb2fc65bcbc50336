"""Refusal of constructor parameters that a recommender can't use."""

from typing import Literal, TypeAlias

import torch

from loki_bench.errors import ParameterError
from loki_bench.parameters import require_count, require_number

__all__ = [
    "FactorTrainer",
    "Trainer",
    "require_choice",
    "require_count",
    "require_device",
    "require_device_here",
    "require_number",
    "require_trainer",
    "require_trainer_of_rows",
]

Trainer: TypeAlias = Literal["compiled", "torch"]
FactorTrainer: TypeAlias = Literal["compiled", "torch", "lbfgs"]


def require_choice(who: str, name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ``ParameterError`` unless the value is one of the choices."""
    if value not in choices:
        raise ParameterError(f"{who}: {name} must be one of {', '.join(choices)}, got {value!r}")


def require_device(who: str, name: str) -> torch.device:
    """The device that torch knows by this name; ``ParameterError`` where none could train.

    Whether this machine has it is not asked: a suite is planned on one and carried out on another.
    """
    try:
        if not isinstance(name, str):
            raise RuntimeError(f"expected text, got {type(name).__name__}")
        device = torch.device(name)
    except RuntimeError as error:
        raise ParameterError(f"{who}: torch knows no device {name!r} ({error})") from error
    if device.type == "meta":
        raise ParameterError(f"{who}: device {name!r} keeps no numbers; give 'cpu' or 'cuda'")
    if device.type == "cpu" and device.index is not None:
        raise ParameterError(f"{who}: device {name!r} is no device of its own; give 'cpu'")
    return device


def require_device_here(who: str, device: torch.device) -> None:
    """Raise ``ParameterError`` where this machine, or this torch, has no such device."""
    if device.type == "cpu":
        return
    try:
        module = torch.get_device_module(device)
        n_devices = int(module.device_count()) if module.is_available() else 0
    except RuntimeError:  # a kind of which this torch has the name alone
        n_devices = 0
    if (device.index or 0) >= n_devices:
        raise ParameterError(
            f"{who}: device {str(device)!r} is not there: torch {torch.__version__} finds "
            f"{n_devices} of type {device.type!r} on this machine, numbered from 0; give 'cpu', or "
            "run on a machine with that device and a torch that is built for it"
        )


def require_trainer(who: str, trainer: str, choices: tuple[str, ...], device: torch.device) -> None:
    """Raise ``ParameterError`` for an unknown trainer, or one that can't use the device."""
    require_choice(who, "trainer", trainer, choices)
    if trainer != "torch" and device.type != "cpu":
        raise ParameterError(
            f"{who}: trainer {trainer!r} runs on the CPU only, device is {str(device)!r}; "
            "give trainer='torch' to train there"
        )


def require_trainer_of_rows(who: str, trainer: str) -> None:
    """Raise ``ParameterError`` for a trainer that can't train some rows alone."""
    if trainer != "compiled":
        raise ParameterError(
            f"{who}: trainer {trainer!r} trains all rows together; give trainer='compiled' to "
            "train some of them anew"
        )
