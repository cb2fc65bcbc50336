"""BPRMF, FPMC, GRU4Rec, SASRec and TransRec for loki-bench, built on RecBole's model classes."""

__version__ = "0.2.0"
