"""A standby that only pretends: it reads the log and says "flushed" some time later. Named in synchronous_standby_names
it makes every commit wait, in the log already and not yet visible, as a quorum of log servers does."""

import collections
import contextlib
import random
import select
import threading
import time

import psycopg2
import psycopg2.extras

from .postgres import lsn_value
from .process import wait_for


class DelayingStandby:
    NAME = "pretending_standby"

    def __init__(self, postgres, least=0.005, most=0.03, seed=None):
        self.postgres, self.least, self.most = postgres, least, most
        self.random = random.Random(seed)
        self.failure, self.confirmed = None, 0
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        wait_for(lambda: self.failure or self._streams(), 30, "the pretending standby to stream")
        if self.failure:
            raise self.failure
        self.postgres.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{self.NAME}'")
        self.postgres.execute("SELECT pg_reload_conf()")
        wait_for(lambda: self.postgres.execute("SELECT sync_state FROM pg_stat_replication WHERE application_name = "
                                               f"'{self.NAME}'") == [("sync",)], 30, "commits to wait for the standby")
        return self

    def _streams(self):
        return self.postgres.execute(f"SELECT 1 FROM pg_stat_replication WHERE application_name = '{self.NAME}' AND state = 'streaming'")

    def _run(self):
        try:
            with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
                self._stream(cursor)
        except Exception as error:  # told by start() and stop()
            self.failure = error

    def _connect(self):
        return psycopg2.connect(host="127.0.0.1", port=self.postgres.port, user="postgres", application_name=self.NAME,
                                connection_factory=psycopg2.extras.PhysicalReplicationConnection)

    def _stream(self, cursor):
        start = self.postgres.execute("SELECT pg_current_wal_flush_lsn()::text")[0][0]
        cursor.start_replication(slot_type=psycopg2.extras.REPLICATION_PHYSICAL, start_lsn=start)
        first = lsn_value(start)  # it counts as a standby only once it has said something
        cursor.send_feedback(write_lsn=first, flush_lsn=first, apply_lsn=first, force=True)
        received = collections.deque()  # (when to say so, position)
        while not self._stop.is_set():
            message = cursor.read_message()
            while message is not None:
                received.append((time.monotonic() + self.random.uniform(self.least, self.most), message.data_start + len(message.payload)))
                message = cursor.read_message()
            position = 0
            while received and received[0][0] <= time.monotonic():
                position = received.popleft()[1]
            if position:
                cursor.send_feedback(write_lsn=position, flush_lsn=position, apply_lsn=position, force=True)
                self.confirmed = position
            pause = min(0.01, max(0.0, received[0][0] - time.monotonic())) if received else 0.01
            select.select([cursor], [], [], pause)

    def stop(self):
        """Commits wait no longer; those that do are let go."""
        self.postgres.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self.postgres.execute("SELECT pg_reload_conf()")
        wait_for(lambda: self.postgres.execute("SHOW synchronous_standby_names") == [("",)], 30, "the setting to be gone")
        self._stop.set()
        self.thread.join(timeout=10)
        if self.failure:
            raise self.failure
