"""What `plugins show` says of parameters is read from numpydoc's section of this name."""

from click.testing import CliRunner

from loki_bench.cli.main import cli
from loki_bench.plugins.documented_parameters import MOST_CHARACTERS, documented_parameters


class Base:
    """A base.

    Parameters
    ----------
    size : int
        Of the base.
    depth : int or None
        How deep; None goes on
        to the end.
    """

    def __init__(self, *, size=1, depth=None):
        raise AssertionError("nobody calls it")


class Own(Base):
    """A component.

    Parameters
    ----------
    size : "small" or "large"
        As in :class:`~some.module.Base`, see :mod:`other`; ``size`` for short.
    low, high : float
        Ends of the range.

    Raises
    ------
    ValueError
        Never.
    """


def test_the_nearest_docstring_says_it_in_one_line():
    assert documented_parameters(Own) == {
        "size": '"small" or "large". As in Base, see other; `size` for short.',
        "low": "Ends of the range.",
        "high": "Ends of the range.",
        "depth": "int or None. How deep; None goes on to the end.",
    }


def test_a_function_and_an_init_have_docstrings_too():
    def function(level):
        """Parameters
        ----------
        level : int
            Of the water.
        """

    class Initialised:
        def __init__(self, level):
            """Parameters
            ----------
            level : int
                Of the water.
            """

    for target in (function, Initialised):
        assert documented_parameters(target) == {"level": "Of the water."}


def test_odd_docstrings_are_none():
    class Odd:
        __doc__ = 3

    class Long:
        __doc__ = "Parameters\n----------\nsize : int\n    " + "x\x1b[31m" * MOST_CHARACTERS

    assert documented_parameters(Odd) == {}
    [line] = documented_parameters(Long).values()
    assert len(line) == MOST_CHARACTERS
    assert line.isprintable()


def test_plugins_show_prints_each_parameter_with_what_it_is_for():
    shown = CliRunner().invoke(cli, ["plugins", "show", "loki"]).output
    assert "\n  policy: str = 'dqn'\n" in shown
    assert '      "dqn", "best-motif", "random-groups" or "best-single-group". The' in shown
    assert "`" not in shown.partition("\n  policy")[2].partition("\n  motifs")[0]


def test_a_component_without_documentation_has_its_parameters_in_one_line():
    shown = CliRunner().invoke(cli, ["plugins", "show", "hr"]).output
    assert shown.endswith("; k: int\n")
    shown = CliRunner().invoke(cli, ["plugins", "show", "covisit"]).output
    assert shown.endswith("parameters   none\n")
