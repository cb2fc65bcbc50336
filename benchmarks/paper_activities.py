"""What the paper's 146,031 activities could be, counted from the published Amazon Beauty.

    python benchmarks/paper_activities.py /folder/with/data/beauty.txt

One user a line, ``user item item ...``, oldest first.
"""

import sys
from collections import Counter
from pathlib import Path

PAPER = 146_031


def main(path: Path) -> None:
    """Print each count beside the paper's."""
    rows = [line.split()[1:] for line in path.read_text("utf-8").splitlines()]
    lengths = [len(row) for row in rows]
    items = Counter(item for row in rows for item in row)
    counts = {
        "all events": sum(lengths),
        "without repeats of an item by a user": sum(len(set(row)) for row in rows),
        "without each user's last event": sum(n - 1 for n in lengths),
        "without each user's last two": sum(n - 2 for n in lengths),
        "without each user's last three": sum(n - 3 for n in lengths),
        "the first 8 events of each user": sum(min(n, 8) for n in lengths),
        "the first 9 events of each user": sum(min(n, 9) for n in lengths),
        "items with ten events and more": sum(n for n in items.values() if n >= 10),
    }
    print(f"{len(rows)} users, {len(items)} items; the paper has {PAPER} activities")
    for what, n in counts.items():
        print(f"{n:>8} {'=' if n == PAPER else ' '} {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
