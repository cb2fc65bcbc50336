"""The error tree is what its module says."""

import loki_bench.errors as errors


def test_every_error_is_exported_and_drawn():
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert defined == set(errors.__all__)
    assert all(name in (errors.__doc__ or "") for name in defined)
