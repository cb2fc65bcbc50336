"""How Sphinx builds the documentation site: `tox -e docs`, or see CONTRIBUTING.md.

Nothing is fetched, neither when the site is built nor when it is read: no fonts, no scripts, no
inventories of other projects.
"""

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

from sphinx.application import Sphinx  # noqa: E402  # the path must be set first

from loki_bench import __version__  # noqa: E402

project = "loki-bench"
author = "the loki-bench authors"
copyright = author  # noqa: A001  # Sphinx's name for it
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "suite_keys",
]
exclude_patterns = ["_build", "_extensions"]
smartquotes = False  # a flag keeps its two hyphens
nitpicky = True  # a name in a docstring that leads nowhere is a warning, and warnings are errors
nitpick_ignore_regex = [
    ("py:class", r"(abc|collections|importlib|inspect|numpy|pathlib|pytest|typing)\..*"),
    ("py:class", r"NDArray|Tensor|(int|float)\d+|integer|number"),
    ("py:obj", r"typing\.Literal\[.*"),  # an alias of choices, which Sphinx cuts at its commas
    ("py:class", r".*\[.*"),  # a generic default of a dataclass, which Sphinx cuts at its commas
    ("py:class", r"loki_bench\.(interactions\.A|plugins\.specs\.Value)"),  # type variables
    # pydantic's own words for the limits of a field
    (
        "py:class",
        r"(annotated_types\.)?(Ge|MaxLen)|FieldInfo|NoneType|_Pydantic.*|pydantic\.types\..*",
    ),
    # what no plugin author meets: a cell, and what is known of code that is not imported
    (
        "py:class",
        r"loki_bench\.(suite\.cell\.Cell|plugins\.target_facts\..*|datasets\.own_file\..*)",
    ),
]

# The contracts name torch's tensors, and the fidelity suite's module imports what computes; neither
# is needed to describe them, so the site builds without them.
autodoc_mock_imports = ["numba", "scipy", "torch"]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"loki-bench {release}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}

# numpy spells NDArray[np.int32] out as a generic of a generic
ARRAY = re.compile(r"~?numpy\.ndarray\[tuple\[[^\]]*\], ~?numpy\.dtype\[~?numpy\.(\w+)\]\]")


def with_short_arrays(
    app: Sphinx,
    what: str,
    name: str,
    documented: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Array types as they are written in the code."""
    return (
        signature and ARRAY.sub(r"NDArray[\1]", signature),
        returns and ARRAY.sub(r"NDArray[\1]", returns),
    )


def with_named_toggles(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """The theme's buttons that unfold the navigation have a picture alone: give them a name."""
    written = context.get("generate_toctree_html")
    if written is not None:
        context["generate_toctree_html"] = lambda *args, **options: str(
            written(*args, **options)
        ).replace("<summary><span", '<summary aria-label="pages below"><span')


def setup(app: Sphinx) -> None:
    """Listen to autodoc, and to the theme, which comes first."""
    app.connect("autodoc-process-signature", with_short_arrays)
    app.connect("html-page-context", with_named_toggles, priority=900)
