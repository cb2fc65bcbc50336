"""How well influence estimators predict real retraining with added fake users."""
