"""LOKI (WWW 2020): groups of items, a reward from the recommender simulator, a deep Q-network."""
