"""How far a value has moved within a window of time: rises, falls, and counters that roll over or are reset. Pure.

A trail is (height, until when it held) of what may matter in the window, lowest first, oldest first.
"""

from __future__ import annotations

Trail = tuple[tuple[float, float], ...]
_PARTS = 256  # a window is remembered in so many parts at most


def risen(old: float, new: float) -> float:
    """How far a counter has counted between two readings.

    A fall from the top sixteenth of 16 or 32 bits into the lowest sixteenth is a rollover. Every other fall is a
    reset: what was counted between it and the reading is not known and not guessed.
    """
    if new >= old:
        return new - old
    for size in (2.0**16, 2.0**32):
        if old < size:
            return size - old + new if old >= size * 15 / 16 and new < size / 16 else 0.0
    return 0.0


def leave(trail: Trail, height: float, now_s: float, window_s: float) -> Trail:
    """The trail when `height` has ended at `now_s`; what is dropped to bound it makes a change look smaller."""
    if len(trail) > 1 and now_s - trail[-2][1] < window_s / _PARTS:
        trail = trail[:-1]
    return (*trail, (height, now_s))


def arrive(trail: Trail, height: float, now_s: float, window_s: float) -> Trail:
    """The trail when `height` begins at `now_s`: what was not lower does not matter any more."""
    while trail and trail[-1][0] >= height:
        trail = trail[:-1]
    return within(trail, now_s, window_s)


def within(trail: Trail, now_s: float, window_s: float) -> Trail:
    """What of the trail is still in the window."""
    first = 0
    while first < len(trail) and trail[first][1] + window_s <= now_s:
        first += 1
    return trail[first:]


def climbed(trail: Trail, height: float) -> float:
    """How far `height` is above the lowest in the window; 0 when it is the lowest itself."""
    return height - trail[0][0] if trail else 0.0
