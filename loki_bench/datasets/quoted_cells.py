"""Take the quotes off the cells of a column that was read as if quotes were characters."""

import pyarrow as pa
import pyarrow.compute as pc

from loki_bench.datasets.names import with_one_dictionary

__all__ = ["UnclosedQuoteError", "unquoted"]


class UnclosedQuoteError(Exception):
    """A cell begins with a quote that does not end it; the text is the cell."""


def unquoted(column: pa.ChunkedArray, *, rare: bool) -> pa.ChunkedArray:
    """The column without the quotes around its cells, where they are quoted as in CSV.

    Parameters
    ----------
    column : pyarrow ChunkedArray
        Strings or dictionaries of strings; anything else is returned as it is.
    rare : bool
        Whether quotes are rare in such a file, as where tabs separate cells: a name like
        ``"Heroes"`` then keeps its quotes, unless all cells have some.

    Raises
    ------
    UnclosedQuoteError
        Quotes are usual, and a cell begins with one that does not end it.
    """
    if pa.types.is_string(column.type):
        return _plain(column, rare)
    if not pa.types.is_dictionary(column.type):
        return column
    column = with_one_dictionary(column)
    if not column.num_chunks:
        return column
    names = column.chunk(0).dictionary
    plain = _plain(names, rare)
    if plain is names:
        return column
    distinct = pc.unique(plain)  # a name may have stood there with quotes and without
    place = pc.index_in(plain, value_set=distinct)
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(place.take(c.indices), distinct) for c in column.chunks]
    )


def _plain(cells: "pa.Array | pa.ChunkedArray", rare: bool) -> "pa.Array | pa.ChunkedArray":
    opened = pc.starts_with(cells, '"')
    if not pc.any(opened).as_py():
        return cells
    closed = pc.match_substring_regex(cells, r'^"([^"]|"")*"\z')
    wrong = pc.and_not(opened, closed)
    if rare and pc.any(pc.or_(wrong, pc.invert(opened))).as_py():
        return cells
    if pc.any(wrong).as_py():
        raise UnclosedQuoteError(pc.filter(cells, wrong)[0].as_py())
    inner = pc.utf8_slice_codeunits(cells, 1, -1)
    return pc.if_else(opened, pc.replace_substring(inner, '""', '"'), cells)
