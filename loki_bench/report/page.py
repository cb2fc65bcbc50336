"""Puts data, script and plotly into one HTML file that asks nothing of any network."""

import html
import json
from collections.abc import Mapping
from importlib.resources import files

from pydantic import JsonValue

from loki_bench.errors import UsageError

__all__ = ["page"]


def page(data: Mapping[str, JsonValue]) -> str:
    """The page of :func:`~loki_bench.report.page_data.page_data`.

    Holds no time and no path: the same data and the same plotly give the same bytes.

    Raises
    ------
    UsageError
        plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UsageError(
            "the page's figures need plotly; type `pip install 'loki-bench[report]'`"
        ) from error
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, allow_nan=False)
    template = (files("loki_bench.report") / "page.html").read_text("utf-8")
    head, template = template.split("@TITLE@")
    middle, template = template.split("@DATA@")
    last, end = template.split("@PLOTLY@")
    title = html.escape(f"Leaderboard: {data['suite']}")
    # "</script>" in a record's reason must not end the block
    safe = text.replace("<", "\\u003c")
    return "".join([head, title, middle, safe, last, str(get_plotlyjs()), end])
