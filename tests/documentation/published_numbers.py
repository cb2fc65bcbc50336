"""Numbers in Markdown pages, and the published boards that they say they come from.

A comment stands before a table, with a part for each column, or at the end of a sentence:

    <!-- from leaderboards/quick | victim | attack=covisit | attack=loki | measured -->
    <!-- from leaderboards/quick attack=loki; "0.256 ± 0.031" victim=bprmf; 0.325 victim=fpmc -->

What stands before the first ``|`` or ``;`` goes for all. Of a column, ``KEY=VALUE`` says what its
numbers are; ``KEY`` alone takes the row's text for the value, and ``KEY in VALUE VALUE ...`` gives
the values from the first row on, last in its column; ``{KEY}`` in a value stands for the row's.
``-`` is text, ``measured`` numbers that no board has. A cell of two numbers (``0.1 / 0.2``) has the
keys of the second after a ``/``, where they differ from the first one's. Keys:

- rows: ``attack``, ``simulator``, ``victim``, ``share``, ``actions``, ``defense``, ``placebo=yes``;
- numbers: ``metric`` (else the main one), ``value`` (``gain``, ``placebo``, ``p``, ``rank``,
  ``failed``, ``area``, ``area-p``: of being behind the best one; of the table of defenses
  ``left``, ``undefended`` and, with a ``metric``, ``cost``: there ``attack`` is the one that the
  defense leaves the most, and a sentence must name it), ``minus=ATTACK`` (paired difference),
  ``p-minus=ATTACK`` (its p, not corrected), ``times=ATTACK`` (ratio of the means), ``seed`` (one
  record's); of an ``area`` both are taken from its values by seed;
- of estimators: ``recommender:estimator`` (``bprmf: cg``), ``experiment``, ``stratum``,
  ``statistic``; in brackets such a number is over the square root of the retest ceiling.

``<!-- measured by COMMAND -->`` in a block, or before it, says that its numbers are on no board.
"""

import gzip
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scipy import stats

ROOT = Path(__file__).parents[2]

COMMENT = re.compile(r"(?<!`)<!--(.*?)-->", re.DOTALL)
NUMBER = r"[-+]?\d+\.\d+"
INTERVAL = re.compile(rf"{NUMBER} (?:± \d+\.\d+|\\?\[{NUMBER}, {NUMBER}\\?\])")
OF_WORST_ATTACK = ("left", "undefended")
PLAIN = re.compile(r"[-+]?\d+(\.\d+)?")


@dataclass(frozen=True)
class Claim:
    """A number as a page shows it, and where it says that it is from."""

    line: int
    text: str
    board: str
    keys: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"line {self.line}: {self.text} from {self.board} {dict(self.keys)}"


@dataclass(frozen=True)
class Block:
    """Lines without a blank one between: a table, a list's point, a paragraph; and its comments."""

    line: int
    text: str
    comments: tuple[str, ...]

    @property
    def is_table(self) -> bool:
        return self.text.lstrip().startswith("|")

    @property
    def intervals(self) -> list[str]:
        return [" ".join(m[0].split()) for m in INTERVAL.finditer(" ".join(self.text.split()))]

    @property
    def is_measured(self) -> bool:
        return any(
            comment.startswith(("measured by ", "quick: begin")) for comment in self.comments
        )


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page outside of code."""
    found: list[Block] = []
    lines: list[str] = []
    start, in_code = 1, False

    def close() -> None:
        raw = "\n".join(lines)
        comments = tuple(c.strip() for c in COMMENT.findall(raw))
        kept = COMMENT.sub("", raw)
        shift = next((n for n, line in enumerate(lines) if line.startswith("|")), 0)
        if kept.strip() or comments:
            found.append(Block(start + shift, kept, comments))
        lines.clear()

    for number, line in enumerate(text.splitlines(), start=1):
        in_comment = "\n".join(lines).count("<!--") > "\n".join(lines).count("-->")
        if line.startswith("```"):
            close()
            in_code = not in_code
            continue
        starts_table = line.startswith("|") and not (lines and lines[-1].startswith(("|", "<!--")))
        is_new = re.match(r"\s*(- |#)", line) or starts_table
        if not in_comment and (not line.strip() or is_new or (lines and _ends_table(lines, line))):
            close()
        if in_code or not line.strip():
            continue
        if not lines:
            start = number
        lines.append(line)
    close()
    return _with_comments_before(found)


def _ends_table(lines: list[str], line: str) -> bool:
    return lines[-1].startswith("|") and not line.startswith("|")


def _with_comments_before(blocks: list[Block]) -> list[Block]:
    """A comment on lines of its own goes with the block that follows."""
    joined: list[Block] = []
    waiting: tuple[str, ...] = ()
    for block in blocks:
        if not block.text.strip():
            waiting += block.comments
            continue
        joined.append(Block(block.line, block.text, waiting + block.comments))
        waiting = ()
    return joined


def claims_of(block: Block) -> list[Claim]:
    """The numbers of a block that name a board."""
    found: list[Claim] = []
    for comment in block.comments:
        if comment.startswith("from leaderboards/"):
            board, rest = re.match(r"from ([^\s;|]+)(.*)", comment, re.DOTALL).groups()  # type: ignore[union-attr]
            found += _of_table(block, board, rest) if "|" in rest else _of_text(block, board, rest)
    return found


def _of_text(block: Block, board: str, rest: str) -> Iterator[Claim]:
    common, *parts = rest.split(";")
    shown = " ".join(block.text.split())
    for part in parts:
        text, *keys = shlex.split(part)
        assert text in shown, f"line {block.line}: '{text}' is not in the sentence"
        said = dict([*_pairs(shlex.split(common)), *_pairs(keys)])
        assert said.get("value") not in OF_WORST_ATTACK or "attack" in said, (
            f"line {block.line}: '{text}' is of which attack?"
        )
        yield Claim(block.line, text, board, tuple(said.items()))


def _of_table(block: Block, board: str, rest: str) -> Iterator[Claim]:
    common, *parts = [shlex.split(part) for part in rest.split("|")]
    lines = [line for line in block.text.splitlines() if line.startswith("|")]
    for place, line in enumerate(lines[2:]):
        cells = [_plain(cell) for cell in line.strip().strip("|").split("|")]
        assert len(cells) == len(parts), f"line {block.line}: {len(cells)} cells"
        own = dict(_pairs(common))
        for part, cell in zip(parts, cells, strict=True):
            if len(part) == 1 and "=" not in part[0] and part[0] not in ("-", "measured"):
                names, values = part[0].split(":"), cell.removesuffix(" (control)").split(": ")
                own |= zip(names, values, strict=True)
            elif "in" in part:
                start = part.index("in")
                own[part[start - 1]] = part[start + 1 + place]
        for part, cell in zip(parts, cells, strict=True):
            if part[0] == "measured":
                continue
            if "=" not in part[0]:
                assert not INTERVAL.search(cell), f"line {block.line}: '{cell}' names no board"
                continue
            keys = {key: value for key, value in own.items() if key in ROW_KEYS}
            for text, tokens in zip(cell.split(" / "), _split(part), strict=cell != "-"):
                keys |= {key: value.format(**own) for key, value in _pairs(tokens)}
                if text != "-":
                    yield Claim(block.line + 2 + place, text, board, tuple(keys.items()))


def _pairs(tokens: list[str]) -> list[tuple[str, str]]:
    pairs = (token.partition("=") for token in tokens)
    return [(key, value) for key, is_pair, value in pairs if is_pair]


def _split(tokens: list[str]) -> list[list[str]]:
    """The parts between slashes."""
    parts: list[list[str]] = [[]]
    for word in tokens:
        if word == "/":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _plain(cell: str) -> str:
    return cell.replace("`", "").replace("*", "").replace("\\", "").strip()


# ------------------------------------------------------------------------------- what boards say


@cache
def _board(name: str) -> "dict[str, list[dict]]":
    return json.loads((ROOT / name / "leaderboard.json").read_text("utf-8"))


ROW_KEYS = {
    "attack": "attacker",
    "simulator": "simulator",
    "victim": "victim",
    "share": "fake_users",
    "actions": "actions",
    "defense": "defense",
    "recommender": "recommender",
    "estimator": "estimator",
}


def is_on_its_board(claim: Claim) -> bool:
    """Whether the number is what the board gives, to the decimals that are shown."""
    return _is(claim.text, _value(claim.board, dict(claim.keys)))


def _value(board: str, keys: dict[str, str]) -> "dict[str, float] | float | str":
    data = _board(board)
    keys = dict(keys)
    value = keys.pop("value", "mean")
    metric = keys.pop("metric", None)
    other = {key: keys.pop(key) for key in ("minus", "p-minus", "times") if key in keys}
    measure = {k: keys.pop(k) for k in ("experiment", "stratum", "statistic") if k in keys}
    if measure:
        return _of_estimator(data["tables"], keys, {"stratum": "all", "statistic": "rho"} | measure)
    if value in (*OF_WORST_ATTACK, "cost"):
        rows = [{**r, "attacker": r["worst_attacker"]} for part in data["defenses"] for r in part]
        row = _one(rows, keys)
        return row["metrics"][metric] if value == "cost" else row[value]
    if "seed" in keys:
        return _of_record(board, keys, metric or data["tables"][0]["columns"][0]["label"])
    table = data["tables"][0]
    if value == "area" and other:
        [(key, attack)] = other.items()
        own, rival = (
            _one(table["series"], {**keys, "attack": name})["areas"]
            for name in (keys["attack"], attack)
        )
        test = stats.ttest_rel(own, rival)
        low, high = test.confidence_interval(0.95)
        mean = sum(own) / len(own) - sum(rival) / len(rival)
        return {"mean": mean, "low": low, "high": high} if key == "minus" else float(test.pvalue)
    if value in ("area", "area-p"):
        return _one(table["series"], keys)["area" if value == "area" else "behind_p"]
    placebo = keys.pop("placebo", "no") == "yes"
    rows = [row for row in table["rows"] if row["placebo"] == placebo]
    row = _one(rows, keys)
    metric = metric or table["columns"][0]["label"]
    for key, attack in other.items():
        if key == "times":
            rival = _one(rows, {**keys, "attack": attack})
            return row["metrics"][metric]["mean"] / rival["metrics"][metric]["mean"]
        difference = _difference(table["pairs"], row, attack)
        return difference if key == "minus" else _p_of(difference)
    simple = {"gain": "gain", "placebo": "placebo_effect", "p": "p_value"}
    if value in simple:
        return row[simple[value]]
    if value == "rank":
        _, low, high = row["rank"]
        return str(low) if low == high else f"{low}-{high}"
    if value == "failed":
        return f"{row['n_failed']} of {len(row['seeds'])}"
    assert value == "mean", f"value={value} is not known"
    return row["metrics"][metric]


def _of_record(board: str, keys: dict[str, str], metric: str) -> float:
    found = []
    for record in _records(board):
        cell = record["cell"]
        said = {
            "attacker": cell["attacker"]["name"],
            "victim": cell["victim"]["name"],
            "defense": cell["defense"]["name"] if cell["defense"] else "none",
            "seed": cell["seed"],
            **cell["budget"],
        }
        if not cell["placebo"] and all(_same(said[ROW_KEYS.get(k, k)], v) for k, v in keys.items()):
            found += [m["value"] for m in record["metrics"] if m["label"] == metric]
    [value] = found
    return value


@cache
def _records(board: str) -> "list[dict]":
    with gzip.open(ROOT / board / "records.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["content"] for line in lines]


def _of_estimator(
    tables: "list[dict]", keys: dict[str, str], measure: dict[str, str]
) -> "dict[str, float]":
    """A correlation, with its share of what a noisy truth lets reach."""
    table = _one(tables, {"recommender": keys["recommender"]})
    if keys["estimator"] == "retest ceiling":
        return _one(table["ceilings"], measure)
    row = _one(table["rows"], {"estimator": keys["estimator"]})
    shares = [share["mean"] for share in row["of_ceiling"] if _fits(share, measure)]
    return {**_one(row["measures"], measure), **({"share": shares[0]} if shares else {})}


def _fits(row: dict, keys: dict[str, str]) -> bool:
    return all(row[key] == value for key, value in keys.items())


def _one(rows: "list[dict]", keys: dict[str, str]) -> dict:
    for key, value in keys.items():
        name = ROW_KEYS.get(key, key)
        exact = [row for row in rows if _same(row[name], value)]
        rows = exact or [row for row in rows if str(row[name]).startswith(f"{value}(")]
    assert len(rows) == 1, f"{len(rows)} rows fit {keys}"
    return rows[0]


def _same(found: object, wanted: str) -> bool:
    if isinstance(found, float):  # a share, such as "0.1 %"
        return abs(found - float(wanted.removesuffix("%")) / 100) < 1e-12
    return str(found) == wanted


def _difference(pairs: "list[dict]", row: dict, attack: str) -> dict[str, float]:
    where = {key: row[key] for key in ("victim", "fake_users", "actions", "defense")}
    own = row["attacker"]
    for pair in pairs:
        better, worse = pair["better"][0], pair["worse"][0]
        if pair["where"] == where and {better, worse} == {own, attack}:
            found = pair["difference"]
            if better == own:
                return found
            turned = {"mean": -found["mean"], "low": -found["high"], "high": -found["low"]}
            return {**turned, "n": found["n"]}
    raise AssertionError(f"no pair of {own} and {attack} at {where}")


def _p_of(difference: dict[str, float]) -> float:
    """The p that a t interval's width and mean give."""
    n = difference["n"]
    half = difference["high"] - difference["mean"]
    t = difference["mean"] / half * stats.t.ppf(0.975, n - 1)
    return float(2 * stats.t.sf(abs(t), n - 1))


def _is(text: str, value: "dict[str, float] | float | str | None") -> bool:
    if isinstance(value, str):
        return text == value
    if value is None:
        return False
    if isinstance(value, dict) and (of_ceiling := re.fullmatch(r"(.*±.*) \[(.*)\]", text)):
        if not _rounds_to(value["share"], of_ceiling[2]):
            return False
        text = of_ceiling[1]
    numbers = re.findall(r"[-+]?\d+(?:\.\d+)?", text)
    if isinstance(value, float):
        wanted = [value]
    elif "±" in text:
        half = value["high"] - value["mean"]
        if abs(half - (value["mean"] - value["low"])) > 1e-6:
            return False  # cut off at an end of the range: the ends are what is shown
        wanted = [value["mean"], half]
    elif "[" in text:
        wanted = [value["mean"], value["low"], value["high"]]
    else:
        wanted = [value["mean"]]
    return len(numbers) == len(wanted) and all(map(_rounds_to, wanted, numbers))


def _rounds_to(value: float, text: str) -> bool:
    decimals = len(text.partition(".")[2])
    return abs(value - float(text)) <= 0.5 * 10**-decimals + 1e-9
