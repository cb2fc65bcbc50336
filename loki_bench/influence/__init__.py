"""Influence estimators: what adding fake users does to target scores, without retraining.

====================  =============================================================
name                  target
====================  =============================================================
``cg``                ``loki_bench.influence.estimators.cg:ConjugateGradientInfluence``
``lissa``             ``loki_bench.influence.estimators.lissa:LissaInfluence``
``leverage``          ``loki_bench.influence.estimators.leverage:LeverageInfluence``
``gradient-dot``      ``loki_bench.influence.estimators.gradient_dot:GradientDotInfluence``
``target-block``      ``loki_bench.influence.estimators.target_block:TargetBlockInfluence``
``retrain``           ``loki_bench.influence.estimators.retrain:RetrainInfluence``
``local-retrain``     ``loki_bench.influence.estimators.local_retrain:LocalRetrainInfluence``
====================  =============================================================

Each folder imports only from those below it:

``estimators``
    What a suite names.
``fake_users``
    How fake users are scored on an objective.
``objectives``
    What a surrogate minimised, with its derivatives.
``kernels``, ``solvers``
    Compiled loops; linear systems with the Hessian.
"""
