"""Built-in attacks: the baselines of the paper (section 4.2.1), alternating ones, and LOKI."""
