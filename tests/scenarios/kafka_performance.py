"""Plays one scenario through Kafka: one process publishes, another applies to the same kinds of cache; they know each other
by the topic only."""

import json

from tests.support.kafka import kafka_section
from tests.support.walbridge import Walbridge

from .performance import MARKER, Performance


class KafkaPerformance(Performance):
    """`take`: "kafka", streamed as the scenario's first way of capture; "kafka-fresh", copied afterwards."""

    fresh = ("kafka-fresh",)

    def __init__(self, scenario, postgres, sqld, broker, take, directory):
        super().__init__(scenario, postgres, sqld, take, directory)
        self.broker, self.publisher = broker, None
        self.topic = f"pg{postgres.version}.{self.database}"

    def play(self):
        try:
            return super().play()
        finally:
            for topic in {self.topic, f"{self.topic}.control"} & set(self.broker.topics()):
                self.broker.delete_topic(topic)

    def _watches(self):
        return self.scenario.captures == ["polling"]

    def _bridges(self):
        return [bridge for bridge in (self.walbridge, self.publisher) if bridge is not None]

    def _walbridge(self, url):
        def settings(role):
            return {**self._settings(self.scenario.config), "kafka": kafka_section(self.broker, self.topic, role)}
        self.publisher = Walbridge(self.directory / "publisher", url, None, name=self.database, settings=settings("publish"))
        return Walbridge(self.directory, None, self._sinks(), name=self.database, settings=settings("apply"))

    def _start(self):
        self.publisher.start()
        self.publisher.wait_streaming(self.postgres)
        begins = not any(self._position(cache) for cache in self.caches.values())
        self.walbridge.start()
        self._wait_filled()
        if begins:  # a cache is born empty here, and then every table of it is copied
            self._wait_caches(lambda cache: self._answer(cache, f"SELECT count(*) FROM {MARKER}") == [["1"]], "the marker in every cache")
            self._wait_settled()

    def _run_once(self):
        self.publisher.start()
        self.publisher.wait_streaming(self.postgres)
        super()._run_once()

    def _stop(self):
        self._end(self.walbridge)
        self._end(self.publisher)

    def _stop_feeding(self):
        # Whoever asks what is planned is answered by the one that publishes.
        self._end(self.walbridge)

    def _refused(self):
        """What the publisher refuses is not in the topic, so that no applier can speak of it; but a publisher knows no caches, and
        not which of two tables that want one name has it there."""
        published = json.loads(self.publisher.command("plan", "--json").stdout)["kafka"]
        unpublished = {t["table"]: t["code"] for t in published["refused"]}
        found = {}
        for sink, refused in super()._refused().items():
            states = self.caches[sink].table_states(self.walbridge.name)
            found[sink] = {**{table: code for table, code in unpublished.items() if states.get(table, ("",))[0] != "live"}, **refused}
        return found

    def _destroy(self):
        self._end(self.publisher)
        super()._destroy()

    def _wait_caches(self, condition, what):
        self._both_run()
        super()._wait_caches(condition, what)

    def _both_run(self):
        assert self.publisher.running(), f"the publisher ended:\n{self.publisher.log()}"
