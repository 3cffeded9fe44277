"""Time that passes only when everybody waits: agents run side by side, one at a time, in the same order in every
test."""

import heapq
import threading
from collections.abc import Callable
from itertools import count


class Over(BaseException):
    """The test is at its end: whoever waits does so no longer."""


class Clock:
    """Seconds since the beginning. Who waits lets others go on; the time is that of the one that goes on."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.asleep: Callable[[], None] = lambda: None  # what happens elsewhere meanwhile
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._numbers = count()
        self._mine = threading.local()
        self._back = threading.Event()
        self._over = False
        self._failure: BaseException | None = None

    def sleep(self, seconds: float) -> None:
        """Wait. Outside of `go` nobody else is there, and time just passes."""
        if getattr(self._mine, "goes", None) is None:
            self.slept += seconds
            self.asleep()
            return
        self._wait(self.slept + seconds, self._mine.goes)

    def give_way(self, seconds: float) -> None:
        """Let others go on, if this is one of those that take turns."""
        if getattr(self._mine, "goes", None) is not None:
            self.sleep(seconds)

    def start(self, work: Callable[[], None]) -> None:
        """Have something happen side by side with everything else, as soon as `go` lets it."""
        goes = threading.Event()
        heapq.heappush(self._waiting, (self.slept, next(self._numbers), goes))

        def run() -> None:
            self._mine.goes = goes
            goes.wait()
            goes.clear()
            try:
                if not self._over:
                    work()
            except Over:
                pass
            except BaseException as failure:
                self._failure = failure
            self._back.set()

        threading.Thread(target=run, daemon=True).start()

    def go(self, until: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until something is so, or for so long; says whether it came about."""
        end = self.slept + seconds
        while not until():
            if not self._waiting or self._waiting[0][0] > end:
                self.slept = end
                return until()
            self.slept, _, goes = heapq.heappop(self._waiting)
            self._hand_to(goes)
            if self._failure:
                raise self._failure
        return True

    def end(self) -> None:
        """Nobody goes on."""
        self._over = True
        while self._waiting:
            self._hand_to(heapq.heappop(self._waiting)[2])

    def _hand_to(self, goes: threading.Event) -> None:
        self._back.clear()
        goes.set()
        self._back.wait()

    def _wait(self, until: float, goes: threading.Event) -> None:
        if self._over:
            raise Over
        heapq.heappush(self._waiting, (until, next(self._numbers), goes))
        self._back.set()
        goes.wait()
        goes.clear()
        if self._over:
            raise Over
