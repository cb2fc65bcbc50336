"""A third party's recommenders that are hostile on purpose, one behaviour each."""
