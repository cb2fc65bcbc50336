"""Read Parquet tables with pyarrow, whose own types say what is a number and what a name."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from loki_bench.datasets.column_choice import find_column
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.reading import Reading
from loki_bench.errors import DatasetError

__all__ = ["column_names", "read_parquet"]


def column_names(file: DataFile) -> list[str]:
    """The names of all columns; raises ``DatasetError`` where the file is not whole."""
    with _whole(file):
        names: list[str] = _opened(file).schema_arrow.names
    return names


def read_parquet(file: DataFile, reading: Reading) -> EventTable:
    """Rows of a Parquet table, one an event.

    Raises
    ------
    DatasetError
        Names the file and the column at fault.
    """
    if reading.columns or reading.separator or reading.header is not None:
        raise DatasetError(
            f"{file.path}: a Parquet file names its own columns; leave columns, separator and "
            "header out"
        )
    with _whole(file):
        parquet = _opened(file)
        columns = parquet.schema_arrow.names
        chosen = _chosen(file, reading, parquet.schema_arrow)
        table = parquet.read(columns=list(dict.fromkeys(columns[at] for at in chosen.values())))

    def column(parameter: str) -> pa.ChunkedArray:
        at = chosen[parameter]
        # a table may have columns of one name, of which one is chosen by its number
        alike = [place for place, name in enumerate(table.column_names) if name == columns[at]]
        return table.column(alike[columns[:at].count(columns[at])])

    times = [key for key in chosen if key.startswith("timestamp_column")]
    return EventTable(
        path=file.path,
        users=column("user_column"),
        items=column("item_column"),
        times=tuple(column(key) for key in times),
        ratings=None if reading.rating_column is None else column("rating_column"),
        where={name: column(f"where {name}") for name in reading.where_columns},
        place=lambda row: f"row {row + 1}",
        cells=lambda row: {
            name: str(parquet.read(columns=[name]).column(0)[row].as_py()) for name in columns
        },
        n_lines=table.num_rows,
        left_out={},
        unit="rows",
    )


def _opened(file: DataFile) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(file.open().read()) if file.packing else str(file.path))


@contextmanager
def _whole(file: DataFile) -> Iterator[None]:
    """Name the file where it can't be read."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(
            f"{file.path}: it can't be read as Parquet ({said[:120]}); "
            "check that it was written whole"
        ) from error


def _chosen(file: DataFile, reading: Reading, schema: pa.Schema) -> dict[str, int]:
    columns = schema.names
    timelike = [f.name for f in schema if pa.types.is_temporal(f.type)]
    wanted = {
        "user_column": reading.user_column,
        "item_column": reading.item_column,
        **{f"timestamp_column {n}": c for n, c in enumerate(reading.timestamp_columns)},
        **{f"where {name}": name for name in reading.where_columns},
    }
    if reading.rating_column is not None:
        wanted["rating_column"] = reading.rating_column
    return {
        key: find_column(
            column,
            columns,
            path=file.path,
            parameter=key.partition(" ")[0],
            timelike=lambda: timelike,
        )
        for key, column in wanted.items()
    }
