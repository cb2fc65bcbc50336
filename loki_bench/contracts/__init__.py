"""What plugins implement (abstract classes) and what the host passes them (frozen dataclasses).

An abstract class can gain a method with a default later without breaking anyone. Everything
passed to a plugin is immutable; every answer is checked by the host before it is used.

A module for each kind of component; every name is imported from this package.
"""

from loki_bench.contracts.adversarial_training import AdversarialNoise, AdversarialRecommender
from loki_bench.contracts.attackers import Attacker, AttackerView, QueryOracle, Surrogate
from loki_bench.contracts.datasets import DatasetLoader
from loki_bench.contracts.defenses import Defended, Defense, WeightingDefense
from loki_bench.contracts.goals import Budget, Goal, GoalKind, ids
from loki_bench.contracts.influence import (
    InfluenceEstimator,
    InfluenceObjective,
    RetrainingEstimator,
)
from loki_bench.contracts.metrics import Metric, Outcome
from loki_bench.contracts.recommenders import (
    DifferentiableRecommender,
    FactorRecommender,
    FactorTerm,
    FineTunableRecommender,
    LinearisedLosses,
    Recommender,
    TrainingSamples,
    TranslationRecommender,
    TranslationTables,
    WeightedRecommender,
)
from loki_bench.contracts.robust_training import FittedVictim, RobustTraining, VictimTrainer
from loki_bench.contracts.row_training import RowwiseRecommender

__all__ = [
    "AdversarialNoise",
    "AdversarialRecommender",
    "Attacker",
    "AttackerView",
    "Budget",
    "DatasetLoader",
    "Defended",
    "Defense",
    "DifferentiableRecommender",
    "FactorRecommender",
    "FactorTerm",
    "FineTunableRecommender",
    "FittedVictim",
    "Goal",
    "GoalKind",
    "InfluenceEstimator",
    "InfluenceObjective",
    "LinearisedLosses",
    "Metric",
    "Outcome",
    "QueryOracle",
    "Recommender",
    "RetrainingEstimator",
    "RobustTraining",
    "RowwiseRecommender",
    "Surrogate",
    "TrainingSamples",
    "TranslationRecommender",
    "TranslationTables",
    "VictimTrainer",
    "WeightedRecommender",
    "WeightingDefense",
    "ids",
]
