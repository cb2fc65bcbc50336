"""The LOKI paper's claims, answered from records: ``claims`` says them, ``answers`` judges them."""
