"""Packs the rows of one plugin into one file that ``verify`` reads and ``accept`` takes."""

import tempfile
from importlib.util import find_spec
from pathlib import Path

from loki_bench.audit.hashes import check_hashes
from loki_bench.audit.installed import components_of
from loki_bench.audit.poison_submission import DataOf, submission_of
from loki_bench.bounded_files import LARGEST_ARTEFACT, copy_regular, is_there
from loki_bench.content_ids import bytes_digest, content_id
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import own_records, write_leaderboard
from loki_bench.plugins.registry import Registry
from loki_bench.records.archive import pack
from loki_bench.records.manifest import Plugin, artefact_paths, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.store import Store
from loki_bench.whole_files import write_whole

__all__ = ["source_digest", "submit", "submit_poison"]


def submit(leaderboard: Path, distribution: str, file: Path, *, registry: Registry) -> int:
    """Pack every row in which a component of a distribution takes part; returns their number.

    Raises
    ------
    StoreError
        The leaderboard is damaged, or has no finished row of that distribution.
    """
    with as_working_folder(leaderboard) as folder:
        return _submit(folder, distribution, file, registry)


def _submit(folder: Path, distribution: str, file: Path, registry: Registry) -> int:
    damaged = check_hashes(folder)[0].objections
    if damaged:
        raise StoreError(f"{folder / damaged[0].what}: {damaged[0].why}; run the suite again")
    manifest = read_manifest(folder)
    if manifest.subject != "attacks":
        raise StoreError(f"{folder} compares estimators: a plugin has no rows of attacks in it")
    store = Store(folder, warn=lambda text: None)
    records = {}
    for cell_id in manifest.record_ids:
        record = store.record(cell_id)
        if record is not None and any(
            component.distribution == distribution for component in components_of(record.cell)
        ):
            records[cell_id] = record
    finished = {cell_id: record for cell_id, record in records.items() if record.status == "ok"}
    if not finished:
        raise StoreError(
            f"{folder} has no finished row of the distribution '{distribution}'; "
            "`loki-bench plugins list` shows the names of distributions"
        )
    plugin = Plugin(
        distribution=distribution,
        version=_version(distribution, registry),
        source_sha256=source_digest(distribution, registry),
    )
    with tempfile.TemporaryDirectory(prefix="loki-bench-") as temporary:
        part = Store(Path(temporary), warn=lambda text: None)
        for cell_id, record in finished.items():
            names = [f"records/{cell_id}.json", f"runs/{cell_id}.json"]
            for name in [*names, *artefact_paths(folder, record.artefact_addresses)]:
                if is_there(folder / name):
                    copy_regular(folder / name, part.folder / name, at_most=LARGEST_ARTEFACT)
        write_leaderboard(
            part,
            suite=manifest.suite,
            summary=manifest.summary,
            metrics=manifest.metrics,
            records=finished,
            missing=(),
            submission=plugin,
        )
        pack(part.folder, file)
    return len(finished)


def submit_poison(
    leaderboard: Path, path: str, name: str | None, file: Path, *, data_of: DataOf
) -> int:
    """Write the poison in a file, or in one for each seed, as one to hand in.

    Parameters
    ----------
    path : str
        As of the attacker ``replay``: ``{seed}`` stands for the seed.
    name : str or None
        What tables are to call it; the file's name unless given.
    data_of : callable
        Reads the dataset of a cell.

    Returns
    -------
    int
        How many fake users it has for all seeds together.

    Raises
    ------
    StoreError, ParameterError
        The leaderboard is damaged, the poison does not fit it, or the file can't be written.
    """
    with as_working_folder(leaderboard) as folder:
        manifest = read_manifest(folder)
        if manifest.subject != "attacks":
            raise StoreError(f"{leaderboard} compares estimators: it takes no poison")
        store = Store(folder, warn=lambda text: None)
        found = {cell_id: store.record(cell_id) for cell_id in manifest.record_ids}
        records = {cell_id: record for cell_id, record in found.items() if record is not None}
        records = own_records(folder, records)
        made = submission_of(path, name, manifest, records, data_of)
    write_whole(file, made.to_text().encode())
    return sum(len(seed.fake_users) for seed in made.seeds.values())


def source_digest(distribution: str, registry: Registry) -> str:
    """SHA-256 of the Python files of the packages that a distribution's components are in."""
    packages = {
        component.spec.target.partition(":")[0].partition(".")[0]
        for component in registry.components()
        if component.origin.distribution == distribution
    }
    digests: dict[str, str] = {}
    for package in sorted(packages):
        spec = find_spec(package)
        if spec is None:
            continue
        roots = [Path(root) for root in spec.submodule_search_locations or ()]
        for root in roots:
            for path in sorted(root.rglob("*.py")):
                digests[f"{package}/{path.relative_to(root).as_posix()}"] = bytes_digest(
                    path.read_bytes()
                )
        if not roots and spec.origin is not None and spec.origin.endswith(".py"):
            digests[f"{package}.py"] = bytes_digest(Path(spec.origin).read_bytes())
    return content_id(digests)


def _version(distribution: str, registry: Registry) -> str:
    for component in registry.components():
        if component.origin.distribution == distribution:
            return component.origin.version
    raise StoreError(f"no component of the distribution '{distribution}' is installed here")
