"""How a span of time is shown on progress lines."""

__all__ = ["clock"]


def clock(seconds: float) -> str:
    """Minutes and seconds, ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
