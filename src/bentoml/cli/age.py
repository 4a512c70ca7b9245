"""Time spans as people say them."""

from __future__ import annotations

UNITS = (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def age_text(seconds: float) -> str:
    """The two largest units of a time span, such as `3 days and 4 hours`.

    Args:
        seconds: Length of the span; a clock that went backwards counts as zero.

    Returns:
        Text with whole numbers; the second unit is left out when it is zero.
    """
    left = max(0, int(seconds))
    parts = []
    for unit, length in UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " and ".join(parts) or "0 seconds"
