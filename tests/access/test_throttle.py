from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from triage.access import throttle
from triage.access.throttle import Throttle


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_delays_grow_after_the_free_tries_and_end_at_the_longest() -> None:
    clock = Clock()
    counts = Throttle(free=3, longest=60.0, clock=clock)
    assert [counts.attempt("a") for _ in range(3)] == [0, 0, 0]
    waits = []
    for _ in range(10):
        waits.append(counts.attempt("a"))
        clock.now += waits[-1]
        assert counts.attempt("a") == 0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_others_do_not_wait() -> None:
    counts = Throttle(free=1, longest=60.0, clock=Clock())
    counts.attempt("a")
    assert counts.wait("a") > 0
    assert counts.attempt("b") == 0


def test_tries_at_one_time_do_not_slip_through() -> None:
    counts = Throttle(free=5, longest=60.0, clock=Clock())
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: counts.attempt("a"), range(200)))
    assert waits.count(0) == 5


def test_time_and_success_begin_anew() -> None:
    clock = Clock()
    counts = Throttle(free=1, longest=60.0, forget=100.0, clock=clock)
    counts.attempt("a")
    clock.now = 101.0
    assert counts.attempt("a") == 0
    counts.forgive("a")
    assert counts.attempt("a") == 0
    counts.undo("a")
    assert counts.attempt("a") == 0


def test_memory_is_bounded() -> None:
    counts = Throttle(free=1, longest=60.0, clock=Clock())
    for number in range(throttle.MAX_KEYS + 50):
        counts.attempt(number)
    assert len(counts._counts) == throttle.MAX_KEYS
