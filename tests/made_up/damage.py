"""Damages leaderboards as chance and as forgers do: bytes, JSON, arrays, archives, links.

A forger writes every digest anew, so that the content is parsed and not only its hash.
"""

import gzip
import io
import json
import os
import shutil
import stat
import warnings
import zipfile
import zlib

import numpy as np

from loki_bench.content_ids import bytes_digest, canonical_json, content_id
from loki_bench.records.store import arrays_digest
from loki_bench.suite.cell import Cell

__all__ = ["ESCAPED", "damage"]

DEEP = "@deep@"  # stands for 5,000 lists in each other, which no encoder writes

ODD = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 1e308, -0.0, 5e-324, 0.5, "",
    " ", "\n", "a\n| 1 | fake |", "\x00", "\ud800", "=1+1", "<img src=x>", "a$\\frac$b", "../../x",
    "/etc/passwd", "~nobody-of-that-name", ".", "x" * 70_000, "é" * 300, "\u2028", "nan", "NaN",
    [], {}, [[]], [None], {"": None}, {"a": {"a": {"a": 1}}}, [1, "a", None], "0" * 64, "f" * 64,
    list(range(3000)), "none", "random", "counts", "toy", "ok", "failed", "timeout", "all", "@5",
    "display_rate@5", "hr@5", "display_rate@0", "builtins:exec", "os:system", DEEP, "@nan@",
    "@inf@", "@digits@",
)  # fmt: skip
RAW = {
    json.dumps(DEEP): "[" * 5000 + "]" * 5000,
    '"@nan@"': "NaN",
    '"@inf@"': "-Infinity",
    '"@digits@"': "9" * 5000,
}
ESCAPED = "/tmp/escaped-of-loki-bench"  # noqa: S108  # a name that leads out

NAMES = (
    "../escaped.json", ESCAPED, "records/../../escaped.json", "a\\b", "",
    "records/" + "0" * 64 + ".json", "a" * 300, "a\nb", "..", ".", "records", "\x00", "\ud800",
    "CON", "figures/x.svg", "leaderboard.md", "manifest.json", "work/x.pickle", "\u202e.json",
)  # fmt: skip

IN_A_ZIP = tuple(name for name in NAMES[:-2] if name not in ("", "\ud800"))
"""Names that :mod:`zipfile` can write."""


# ---------------------------------------------------------------------- bytes


def changed_bytes(raw, random):
    """A few bytes flipped, cut off, cut out, doubled or replaced; or another file altogether."""
    kind = random.randrange(8)
    place = random.randrange(len(raw) + 1)
    end = min(len(raw), place + random.choice((1, 1, 8, 200)))
    if kind <= 1 and raw:
        out = bytearray(raw)
        for _ in range(random.randint(1, 4)):
            out[random.randrange(len(out))] ^= 1 << random.randrange(8)
        return bytes(out)
    if kind == 2:
        return raw[:place]
    if kind == 3:
        return raw[:place] + raw[end:]
    if kind == 4:
        return raw[:end] + raw[place:]
    if kind == 5:
        return raw[:place] + random.randbytes(end - place) + raw[end:]
    if kind == 6:
        return random.choice(
            (b"", b"\0" * 1000, b"[" * 10**5, b"{}", b"[]", b"null", b'"a"', b"\xff\xfe{}",
             b"PK\x03\x04" + b"\0" * 100, b"PK\x05\x06" + b"\0" * 18, b"\x1f\x8b\x08" + b"\0" * 9,
             b"\x80\x04N.", gzip.compress(b"\0" * 10**6))
        )  # fmt: skip
    return raw + raw


# ---------------------------------------------------------------------- JSON


def changed_json(content, random):
    """One to three odd values, keys or places anywhere in it."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        places = list(_places(content))
        if not places:
            return random.choice(ODD)
        parent, key = random.choice(places)
        kind = random.randrange(6)
        if kind <= 2:
            parent[key] = random.choice(ODD)
        elif kind == 3:
            del parent[key]
        elif kind == 4 and isinstance(parent, dict):
            parent[random.choice((*NAMES, "extra", "sha256", *parent))] = parent.pop(key)
        elif isinstance(parent, list):
            parent.insert(key, parent[key])
        else:
            parent[key] = random.choice(([parent[key]], str(parent[key]), {"a": parent[key]}))
    return content


def _places(content):
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(pairs):
        yield content, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def json_bytes(content, *, indent=1):
    """As a store writes it, and with what no store can write."""
    try:
        text = canonical_json(content, indent=indent)
    except (ValueError, TypeError):
        text = json.dumps(content, indent=indent)
    for placeholder, raw in RAW.items():
        text = text.replace(placeholder, raw)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def sealed(content):
    """With a digest of its own, where it can have one."""
    if not isinstance(content, dict):
        return json_bytes(content)
    content = {key: value for key, value in content.items() if key != "sha256"}
    raw = json_bytes({**content, "sha256": "0" * 64})
    try:
        whole = json.loads(raw)
        whole.pop("sha256")
        digest = content_id(whole)
    except (ValueError, TypeError, RecursionError):
        return raw
    return raw.replace(b'"' + b"0" * 64 + b'"\n}', b'"' + digest.encode() + b'"\n}')


# ---------------------------------------------------------------------- arrays and archives


def header(text):
    """An array that says anything of itself."""
    line = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + b"\0" * 64


HEADERS = (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-5,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': 'q9', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'fortran_order': False",
    "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<U4', 'fortran_order': 3, 'shape': (True,), }",
    "{'descr': '<M8[ns]', 'fortran_order': True, 'shape': (2, 2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 40 + "), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (8,), }",
)


def changed_arrays(raw, random):
    """An artefact with another array, other data about it, or more of something; sealed again."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    about = json.loads(arrays.pop("about").tobytes())["meta"]
    if arrays and random.random() < 0.7:
        name = random.choice(sorted(arrays))
        old = arrays[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numbers that the type does not have
            arrays[name] = random.choice(
                (lambda: old[:0], lambda: old[: len(old) // 2], lambda: old.astype(float) * np.nan,
                 lambda: old.astype(str), lambda: -old.astype(np.int64), lambda: old[None],
                 lambda: old.astype(np.int64) + 2**40, lambda: np.array(3),
                 lambda: old.astype(bool), lambda: np.concatenate([old, old]),
                 lambda: old.astype(np.float16),
                 lambda: old.astype(complex), lambda: np.array([b"a", b"b"]),
                 lambda: np.zeros((0, 5)), lambda: np.zeros(3, "M8[ns]"))
            )()  # fmt: skip
        if random.random() < 0.2:
            del arrays[name]
        if random.random() < 0.1:
            arrays[random.choice(("other", "", "a/b", "about.npy", "../x"))] = old
    else:
        about = changed_json(about, random)
    try:
        text = canonical_json({"meta": about, "sha256": arrays_digest(arrays, about)}).encode()
    except (ValueError, TypeError):
        text = json_bytes({"meta": about, "sha256": "0" * 64})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in {"about": np.frombuffer(text, np.uint8), **arrays}.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", one.getvalue())
    return buffer.getvalue()


def changed_archive(raw, random, bomb):
    """A ZIP with an odd entry: a name that leads out, a link, a name twice, a bomb."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    kind = random.randrange(8)
    place = random.randrange(len(entries))
    entry, content = entries[place]
    new = zipfile.ZipInfo(entry.filename, entry.date_time)
    if kind == 0:
        new.filename = random.choice(IN_A_ZIP)
    elif kind == 1:
        new.external_attr = (stat.S_IFLNK | 0o777) << 16
        content = random.choice((b"/etc/passwd", b"../../outside/secret", b"."))
    elif kind == 2:
        content = header(random.choice(HEADERS))
    elif kind == 3:
        content = changed_bytes(content, random)
    elif kind == 4:
        new.filename = random.choice(entries)[0].filename
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(),
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        warnings.simplefilter("ignore")  # a name twice is what is wanted
        for number, (old, same) in enumerate(entries):
            if number != place:
                archive.writestr(old, same, compress_type=zipfile.ZIP_STORED)
            elif kind == 5:
                archive.writestr(new, b"")
            else:
                archive.writestr(new, content)
    if kind == 6:
        return bomb.get(entry.filename, buffer.getvalue())
    if kind == 7:  # the directory at its end says other sizes, offsets and flags
        out = bytearray(buffer.getvalue())
        start = out.rfind(b"PK\x01\x02")
        out[start + random.randrange(4, 46)] = random.randrange(256)
        return bytes(out)
    return buffer.getvalue()


# ---------------------------------------------------------------------- folders


def instead(path, random, outside):
    """Something else in the place of a file: a link, a pipe, a folder, a file without end."""
    path.unlink()
    kind = random.randrange(9)
    if kind == 0:
        path.symlink_to(outside / "secret")
    elif kind == 1:
        path.symlink_to(path.name)
    elif kind == 2:
        path.symlink_to(random.choice(("/dev/zero", "/dev/stdin", "/proc/self/mem")))
    elif kind == 3:
        path.symlink_to(outside)
    elif kind == 4:
        os.mkfifo(path)
    elif kind == 5:
        path.mkdir()
    elif kind == 6:
        with path.open("wb") as file:
            file.truncate(5 * 2**30)  # sparse: it takes no room
    elif kind == 7:
        path.symlink_to(path.parent / "nothing")
    # and 8: nothing at all


def damage(leaderboard, random, *, outside, bombs):
    """Damage one to three files of a leaderboard, which is a folder or one ZIP; and say how.

    Parameters
    ----------
    outside : Path
        A folder that links lead to.
    bombs : mapping of str to bytes
        Files that unpack to far more than they are, by the end of their names.
    """
    if leaderboard.is_file():
        raw = leaderboard.read_bytes()
        forged = random.random() < 0.6
        if forged and random.random() < 0.6:
            leaderboard.write_bytes(_submission(raw, random, leaderboard.parent, outside, bombs))
            return "forged within"
        leaderboard.write_bytes(
            changed_archive(raw, random, bombs) if forged else changed_bytes(raw, random)
        )
        return "forged" if forged else "chance"
    said = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        kinds = sorted({path.parent for path in _files(leaderboard)})
        inside = random.choice(kinds)
        path = random.choice([path for path in _files(leaderboard) if path.parent == inside])
        said.append(f"{_damaged(path, random, outside, bombs)} {path.relative_to(leaderboard)}")
    if random.random() < 0.7:
        reseal(leaderboard)
        said.append("sealed")
    return ", ".join(said)


def _files(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def _damaged(path, random, outside, bombs):
    chance = random.random()
    if path.stat().st_size > 2**28:  # made so a moment ago
        return "twice"
    raw = path.read_bytes()
    if chance < 0.12:
        instead(path, random, outside)
        return "instead of"
    if chance < 0.35:
        path.write_bytes(changed_bytes(raw, random))
        return "bytes of"
    try:
        changed = _parsed(path, raw, random, bombs)
    except (
        ValueError, KeyError, TypeError, OSError, EOFError, AttributeError, RecursionError,
        zlib.error, zipfile.BadZipFile,
    ):  # fmt: skip
        changed = changed_bytes(raw, random)  # it was damaged before
    path.write_bytes(changed)
    if path.parent.name == "records" and random.random() < 0.5:
        _known_by_its_content(path)
    return "content of"


def _parsed(path, raw, random, bombs):
    if path.suffix == ".json" and path.parent.name in ("records", "runs"):
        return sealed(changed_json(json.loads(raw), random))
    if path.name == "manifest.json":
        return sealed(changed_json(json.loads(raw), random))
    if path.suffix == ".json":
        return json_bytes(changed_json(json.loads(raw), random))
    if path.suffix == ".npz":
        if random.random() < 0.75:
            return changed_arrays(raw, random)
        return bombs["npz"] if random.random() < 0.2 else changed_archive(raw, random, bombs)
    if path.suffix == ".zip":
        return changed_archive(raw, random, bombs)
    if path.suffix == ".gz":
        if random.random() < 0.03:
            return bombs["gz"]
        lines = gzip.decompress(raw).splitlines()
        place = random.randrange(len(lines))
        kind = random.randrange(4)
        if kind == 0:
            lines[place] = changed_bytes(lines[place], random)
        elif kind == 1:
            lines.insert(place, random.choice(lines))
        else:
            changed = changed_json(json.loads(lines[place]), random)
            lines[place] = json_bytes(changed, indent=None).rstrip()
        return gzip.compress(b"\n".join(lines) + b"\n", mtime=0)
    return changed_bytes(raw, random)


def _known_by_its_content(path):
    """A record of another cell under that cell's own id, as a forger would keep it."""
    try:
        content = json.loads(path.read_bytes())
        cell = Cell.model_validate(content["cell"])
        content["id"] = cell.id
        raw = sealed(content)
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return
    path.unlink()
    path.with_name(f"{cell.id}.json").write_bytes(raw)


def reseal(folder):
    """Write every manifest's digests anew: what is there now is what it says."""
    manifests = [path for path in _files(folder) if path.name == "manifest.json"]
    for path in [path for path in manifests if path.stat().st_size < 2**28]:
        try:
            content = json.loads(path.read_bytes())
            files, packs = content["files"], content.get("packs", {})
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if not isinstance(files, dict) or not isinstance(packs, dict):
            continue
        for name in files:
            if (digest := _digest(path.parent, name)) is not None:
                files[name] = digest
        if not packs:
            for record in (path.parent / "records").glob("*.json"):
                files.setdefault(
                    f"records/{record.name}", _digest(path.parent, f"records/{record.name}")
                )
        for name, pack in packs.items():
            base = (
                path.parent.parent if isinstance(pack, dict) and pack.get("shared") else path.parent
            )
            if isinstance(pack, dict) and (digest := _digest(base, name)) is not None:
                pack["sha256"] = digest
        path.write_bytes(sealed(content))


def _digest(folder, name):
    try:
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 2**28:
            return None
        return bytes_digest(path.read_bytes())
    except (OSError, ValueError):
        return None


def _submission(raw, random, beside, outside, bombs):
    """A submitted file whose content was damaged and sealed again."""
    folder = beside / "taken apart"
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        archive.extractall(folder)
    damage(folder, random, outside=outside, bombs=bombs)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in _files(folder):
            if path.stat().st_size < 2**28:
                archive.write(path, path.relative_to(folder).as_posix())
    shutil.rmtree(folder)
    return buffer.getvalue()
