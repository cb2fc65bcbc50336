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
====================  =============================================================
"""
