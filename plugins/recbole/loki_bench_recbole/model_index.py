"""RecBole's model classes by name: where each lies, what it is, and its default parameters.

Read from RecBole's files, which are not imported for it.
"""

import ast
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from loki_bench.errors import ParameterError, PluginError
from loki_bench.plugins.specs import nearest

__all__ = ["IndexedModel", "ModelParameter", "find_model", "model_names"]

ModelParameter: TypeAlias = bool | int | float | str | list[int] | list[float] | list[str] | None

_IMPORT = re.compile(r"^from (recbole\.model\.(\w+)_recommender\.\w+) import (\w+)$", re.MULTILINE)
_LINE = re.compile(r"^([\w-]+):\s*(.*?)\s*(?:#.*)?$", re.MULTILINE)

_NEEDS = {
    "context_aware": "is a context-aware model: it predicts clicks from attributes of users and "
    "items, which the data here has not",
    "knowledge_aware": "is a knowledge-aware model: it needs a knowledge graph of the items, which "
    "the data here has not",
    "exlib": "wraps a library of decision trees: it is no torch model, and needs attributes",
}
_ATTRIBUTES = "reads attributes of the items, which the data here has not"
_GRAPH = "reads pretrained vectors of a knowledge graph, which the data here has not"
_NEXT_ITEM = "reads the item that came next when it is asked for scores"
_OWN_TRAINER = "is trained by a trainer of its own in RecBole"
_REFUSED = {
    "BERT4Rec": "reads masked sequences: ask for the recommender 'bert4rec', which masks them",
    "DIEN": _ATTRIBUTES,
    "DIN": _ATTRIBUTES,
    "FDSA": _ATTRIBUTES,
    "GCMC": "answers with one of its two logits, so that on some seeds its ranking is upside down",
    "GRU4RecCPR": _NEXT_ITEM,
    "GRU4RecF": _ATTRIBUTES,
    "GRU4RecKG": _GRAPH,
    "KSR": _GRAPH,
    "LDiffRec": "reads pretrained vectors of the items from a file, and needs kmeans_pytorch",
    "NCL": f"{_OWN_TRAINER}, which clusters with faiss",
    "Pop": "counts the batches in which an item stands, drawn negatives too, and not its events",
    "RaCT": f"{_OWN_TRAINER}, in three stages",
    "Random": "draws its scores anew at every call, so that its ranks mean nothing",
    "RecVAE": f"{_OWN_TRAINER}, with two optimisers",
    "S3Rec": f"{_OWN_TRAINER}, which pretrains on attributes",
    "SASRecCPR": _NEXT_ITEM,
    "SASRecF": _ATTRIBUTES,
}
"""What can't be trained on sequences of items by one loss and one optimiser, or answers amiss."""


@dataclass(frozen=True, kw_only=True)
class IndexedModel:
    """A model class that can be trained on sequences of items.

    Attributes
    ----------
    name : str
    target : str
        ``"package.module:Class"``.
    kind : "general" or "sequential"
        Whether it knows a user by its id, or by the items so far.
    defaults : mapping
        Its parameters and RecBole's values for them.
    """

    name: str
    target: str
    kind: Literal["general", "sequential"]
    defaults: Mapping[str, ModelParameter]


def find_model(name: str) -> IndexedModel:
    """The model class of this name.

    Raises
    ------
    PluginError
        RecBole is not installed.
    ParameterError
        RecBole has no such model, or it needs what the data here can't give.
    """
    known = _targets()
    if name not in known:
        meant = nearest(name, list(model_names()))
        raise ParameterError(
            f"recbole: RecBole has no model {name!r}{meant}; the "
            f"models that can be trained here: {', '.join(model_names())}"
        )
    kind, module = known[name]
    reason = _REFUSED.get(name) or _NEEDS.get(kind)
    if reason or kind not in ("general", "sequential"):
        raise ParameterError(
            f"recbole: RecBole's {name} can't be used: it {reason}; the models that can be: "
            f"{', '.join(model_names())}"
        )
    return IndexedModel(
        name=name,
        target=f"{module}:{name}",
        kind="general" if kind == "general" else "sequential",
        defaults=_defaults(name),
    )


def model_names() -> tuple[str, ...]:
    """The models that :func:`find_model` finds, by the alphabet."""
    return tuple(
        sorted(
            name
            for name, (kind, _) in _targets().items()
            if kind in ("general", "sequential") and name not in _REFUSED
        )
    )


@cache
def _targets() -> Mapping[str, tuple[str, str]]:
    """The kind and the module of each of RecBole's model classes."""
    text = "\n".join(
        path.read_text("utf-8")
        for path in sorted(_folder().glob("model/*_recommender/__init__.py"))
    )
    return {name: (kind, module) for module, kind, name in _IMPORT.findall(text)}


def _folder() -> Path:
    spec = importlib.util.find_spec("recbole")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise PluginError(
            "loki-bench-recbole needs RecBole 1.2.1, which is not installed; type: "
            "pip install --no-deps recbole==1.2.1"
        )
    return Path(next(iter(places)))


def _defaults(name: str) -> dict[str, ModelParameter]:
    """The values of a file that RecBole keeps for each model: one line a parameter."""
    path = _folder() / "properties" / "model" / f"{name}.yaml"
    if not path.is_file():
        return {}
    return {key: _value(text) for key, text in _LINE.findall(path.read_text("utf-8"))}


def _value(text: str) -> ModelParameter:
    if text in ("", "~", "None"):
        return None
    try:
        value: ModelParameter = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value
