"""BPRMF, FPMC, GRU4Rec, SASRec and TransRec for loki-bench, on RecBole's own model classes."""

__version__ = "0.2.0"
