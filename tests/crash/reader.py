"""Readers that look at the caches all the time, as an application would, and check what must always hold."""

import sqlite3
import threading

from tests.support.hrana import HranaError

from .workload import RULES


class Reader:
    """Polls one cache in a thread of its own: every rule, and that the checkpoint never goes back."""

    def __init__(self, name, cache, stream):
        self.name, self.cache, self.stream = name, cache, stream
        self.looks, self.broken = 0, []
        self.position = (0, 0)
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self._stop.is_set() and not self.broken:
            try:
                self.look()
            except (sqlite3.OperationalError, HranaError, OSError) as error:
                if not self._excused(error):
                    self.broken.append(f"{self.name}: {type(error).__name__}: {error}")
            except Exception as error:
                self.broken.append(f"{self.name}: {type(error).__name__}: {error}")
            self._stop.wait(0.01)

    @staticmethod
    def _excused(error):
        """The server is down, or the cache not made yet; anything else is a finding."""
        text = str(error).lower()
        return isinstance(error, OSError) or any(w in text for w in ("no such table", "unable to open database", "locked", "busy"))

    def look(self):
        statements = [("SELECT commit_lsn, end_lsn FROM _walbridge_checkpoint WHERE stream = ?", (self.stream,))]
        statements += [(sql, ()) for sql in RULES.values()]
        checkpoint, *results = self.cache.batch(statements)
        for (rule, _), rows in zip(RULES.items(), results, strict=True):
            if rows:
                self.broken.append(f"{self.name}: broken rule: {rule}: {rows[:3]} at checkpoint {checkpoint}")
        position = tuple(checkpoint[0]) if checkpoint else (0, 0)
        if position[0] < self.position[0] or position[1] < self.position[1]:
            self.broken.append(f"{self.name}: the checkpoint went back from {self.position} to {position}")
        self.position = position
        self.looks += 1

    def check(self):
        assert not self.broken, "\n".join(self.broken)

    def stop(self):
        self._stop.set()
        self.thread.join(timeout=60)
        self.check()

    def give_up(self):
        """For the way out of a failed test."""
        self._stop.set()
