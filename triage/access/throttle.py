"""Growing delays after failures. In memory: a restart forgets them, which no stranger can bring about."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

#: Keys that are remembered; beyond that, the one that failed longest ago is forgotten.
MAX_KEYS = 20_000


@dataclass(slots=True)
class _Count:
    failures: int
    last: float


class Throttle:
    """Counts failures by key; after some, every further try waits twice as long as the one before.

    Parameters
    ----------
    free
        Failures without a delay.
    longest
        Longest delay: seconds.
    forget
        Time without a failure after which a key begins anew: seconds.
    clock
        Returns seconds.
    """

    def __init__(
        self, free: int, longest: float, forget: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free, self._longest, self._forget, self._clock = free, longest, forget, clock
        self._lock = Lock()
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Return the seconds until the next try of a key is looked at, 0 if it is now."""
        now = self._clock()
        with self._lock:
            return self._wait(key, now)

    def attempt(self, key: Hashable) -> float:
        """Count a try as a failure, before its outcome is known, so that tries at one time do not slip through.

        Returns the seconds to wait; if they are more than 0, it was not counted and must not be looked at.
        """
        now = self._clock()
        with self._lock:
            wait = self._wait(key, now)
            if not wait:
                count = self._counts.setdefault(key, _Count(0, now))
                count.failures, count.last = count.failures + 1, now
                self._counts.move_to_end(key)
                while len(self._counts) > MAX_KEYS:
                    self._counts.popitem(last=False)
            return wait

    def undo(self, key: Hashable) -> None:
        """Take back one counted try, which was none of the failures."""
        with self._lock:
            if (count := self._counts.get(key)) is not None:
                count.failures = max(count.failures - 1, 0)

    def forgive(self, key: Hashable) -> None:
        """Forget the failures of a key."""
        with self._lock:
            self._counts.pop(key, None)

    def _wait(self, key: Hashable, now: float) -> float:
        count = self._counts.get(key)
        if count is None:
            return 0.0
        if now - count.last > self._forget:
            del self._counts[key]
            return 0.0
        beyond = count.failures - self._free
        if beyond < 0:
            return 0.0
        delay = min(2.0 ** min(beyond, 30), self._longest)
        return max(count.last + delay - now, 0.0)
