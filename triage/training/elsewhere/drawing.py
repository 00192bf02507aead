"""Views drawn by all processor cores into memory that all trials share.

A view depends only on the seed and its number, so every machine draws the same stream. A trial reads the stream in
order and leaves out the views that show a picture it may not be trained on.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from triage.networks.twolook import STRIDE
from triage.training.elsewhere.pictures import PackError
from triage.training.views.two_look_views import TwoLookViews, View

#: Share of the memory that the views may fill.
MEMORY_SHARE = 0.5
#: Seconds between two looks at how many views are drawn.
PAUSE = 0.05
#: Views that are chosen from at once.
CHUNK = 4096


def view_number(views: TwoLookViews, number: int) -> View:
    """Return one view of the stream."""
    rng = np.random.default_rng((views.seed, number))
    return views.view(views.pictures[rng.choice(len(views.pictures), p=views.weights)], rng)


class Pool:
    """The drawn views, in gray values and masks of 8 bits, and the processes that draw them.

    Parameters
    ----------
    views
        Draws one view.
    count
        Number of views wanted; fewer are drawn if they would fill more than `MEMORY_SHARE` of the memory.
    workers
        Number of processes.
    """

    def __init__(self, views: TwoLookViews, count: int, workers: int) -> None:
        side, masked = views.size, views.size // STRIDE
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * MEMORY_SHARE
        self.count = min(count, int(memory / (side**2 + masked**2)))
        self.frames = _shared((self.count, side, side), np.uint8)
        self.masks = _shared((self.count, masked, masked, 2), np.uint8)
        self.targets = _shared((self.count, len(views.pictures[0].target)), np.float32)
        #: Numbers of the pictures in each view; -1 for none.
        self.made_of = _shared((self.count, 2), np.int32)
        self.waited = 0.0
        self._drawn = _shared((workers,), np.int64)
        self._began = time.monotonic()
        # Forked, the processes share the pictures with this one. JAX must not have started yet.
        self._workers = [
            get_context("fork").Process(target=self._draw, args=(views, worker), daemon=True)
            for worker in range(workers)
        ]
        for process in self._workers:
            process.start()

    @property
    def ready(self) -> int:
        """All views below this number are drawn."""
        return min(self.count, int((self._drawn * len(self._workers) + np.arange(len(self._workers))).min()))

    @property
    def rate(self) -> float:
        """Views drawn in a second."""
        return self.ready / (time.monotonic() - self._began)

    def wait_for(self, number: int) -> None:
        """Wait until a view is drawn; `waited` counts the seconds.

        Raises
        ------
        PackError
            If a process that draws views died.
        """
        began = time.monotonic()
        while self.ready <= number:
            if any(process.exitcode for process in self._workers):
                raise PackError("A process that draws views died. See its message above; it may have lacked memory.")
            time.sleep(PAUSE)
        self.waited += time.monotonic() - began

    def shows_only(self, allowed: NDArray[np.bool_], start: int, end: int) -> NDArray[np.bool_]:
        """Return which of the views from `start` to `end` show none but the allowed pictures."""
        return np.asarray(np.append(allowed, True)[self.made_of[start:end]].all(axis=1))

    def batches(self, allowed: NDArray[np.bool_], size: int) -> Iterator[NDArray[np.int64]]:
        """Yield the numbers of the views of each batch, without end: after the last view, the first one follows."""
        start, pending = 0, np.empty(0, np.int64)
        while True:
            while len(pending) < size:
                self.wait_for(start)
                end = min(self.ready, start + CHUNK)
                found = start + np.flatnonzero(self.shows_only(allowed, start, end))
                pending, start = np.concatenate([pending, found]), end % self.count
            yield pending[:size]
            pending = pending[size:]

    def _draw(self, views: TwoLookViews, worker: int) -> None:
        cv2.setNumThreads(1)
        parent = os.getppid()
        for number in range(worker, self.count, len(self._workers)):
            if os.getppid() != parent:
                return  # nobody is left to read them
            view = view_number(views, number)
            self.frames[number] = np.rint(view.frame)
            self.masks[number] = np.rint(255 * view.known_mask(self.masks.shape[1]))
            self.targets[number] = view.target
            self.made_of[number] = (*view.made_of, -1)[:2]
            self._drawn[worker] += 1


def _shared(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.ndarray(shape, dtype, mmap.mmap(-1, size))
