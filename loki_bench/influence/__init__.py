"""Influence estimators: what adding fake users does to target scores, without retraining.

====================  =============================================================
name                  target
====================  =============================================================
``cg``                ``loki_bench.influence.cg_influence:ConjugateGradientInfluence``
``lissa``             ``loki_bench.influence.lissa_influence:LissaInfluence``
``leverage``          ``loki_bench.influence.leverage_influence:LeverageInfluence``
``gradient-dot``      ``loki_bench.influence.gradient_dot_influence:GradientDotInfluence``
``target-block``      ``loki_bench.influence.target_block_influence:TargetBlockInfluence``
``retrain``           ``loki_bench.influence.retrain_influence:RetrainInfluence``
====================  =============================================================
"""
