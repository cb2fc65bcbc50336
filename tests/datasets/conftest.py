"""Write a small file and load it, or have it refused."""

from pathlib import Path

import pytest

from loki_bench.datasets.own_file import OwnFile
from loki_bench.errors import DatasetError


@pytest.fixture
def cases():
    return Path(__file__).parent / "cases"


@pytest.fixture
def read(tmp_path):
    """Write a file and read it; ``k_core`` is 0 unless given."""

    def read_text(text, name="data.csv", **parameters):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        loader = OwnFile(path=str(path), **{"k_core": 0, **parameters})
        return loader.read(tmp_path, download=False)

    return read_text


@pytest.fixture
def load(read):
    return lambda *given, **parameters: read(*given, **parameters).interactions


@pytest.fixture
def refuse(load):
    """Load bad text and return the one sentence that refuses it."""

    def refuse_text(text, name="data.csv", **parameters):
        with pytest.raises(DatasetError) as caught:
            load(text, name, **parameters)
        message = str(caught.value)
        assert name in message
        assert "\n" not in message
        return message

    return refuse_text


@pytest.fixture
def named():
    """What interactions say in the words of the file: {user: [item, ...]}."""

    def by_name(interactions):
        return {
            interactions.user_tokens[u]: [interactions.item_tokens[i] for i in row]
            for u, row in enumerate(interactions)
        }

    return by_name
