"""Amazon Beauty, its split, and RecBole's trainers on it, made once for all benchmarks."""

import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from beauty import load_beauty, write_recbole_file
from recbole_trainer import patch, prepare, trainer_of, working_directory

from loki_bench.split import leave_one_out


def pytest_report_header():
    cpu = Path("/proc/cpuinfo")
    names = [line for line in cpu.read_text().splitlines() if "model name" in line]
    packages = ("numpy", "numba", "torch", "recbole")
    return [
        f"machine: {names[0].split(':')[1].strip() if names else platform.processor()}, "
        f"{len(names)} cores, Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in packages)
    ]


@pytest.fixture(scope="session")
def split():
    torch.set_num_threads(1)
    return leave_one_out(load_beauty())


@pytest.fixture(scope="session")
def recbole():
    """``recbole(name, eval_batch_size) -> (prepared data, trainer)`` of "BPR" or "FPMC".

    RecBole's default of 4,096 scores a batch ranks one user at a time on Beauty; 2**22 is 346.
    """
    patch()
    torch.set_num_threads(1)
    made = {}
    with warnings.catch_warnings(), working_directory() as folder:
        warnings.simplefilter("ignore")
        write_recbole_file(load_beauty(), folder)

        def make(name, eval_batch_size=2**22):
            key = name, eval_batch_size
            if key not in made:
                given = {
                    "dataset": "beauty",
                    "data_path": str(folder),
                    "eval_batch_size": eval_batch_size,
                }
                prepared = prepare(name, given)
                made[key] = prepared, trainer_of(prepared)
            return made[key]

        yield make
