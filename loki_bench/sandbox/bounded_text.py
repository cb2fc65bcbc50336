"""Text that a stranger's code wrote, made fit for a record, a table and a terminal."""

__all__ = ["MOST_CHARACTERS", "in_short", "last_lines"]

MOST_CHARACTERS = 500


def in_short(text: str, most: int = MOST_CHARACTERS) -> str:
    """One line of at most ``most`` characters, all of them printable.

    Line breaks, control characters and halves of surrogate pairs become spaces; what is cut off
    is marked by an ellipsis.
    """
    start = text[: 8 * most]
    line = " ".join("".join(c if c.isprintable() else " " for c in start).split())
    return line if len(line) <= most and len(start) == len(text) else f"{line[: most - 1]}…"


def last_lines(text: str, most: int = 16_384) -> str:
    """The end of a longer text, line breaks kept; at most ``most`` characters, all valid."""
    end = text[-most:]
    return "".join(c if c.isprintable() or c == "\n" else " " for c in end)
