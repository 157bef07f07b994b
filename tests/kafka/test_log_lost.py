"""The log is not what it was: deleted and made again, restored from a backup, eaten by retention. Whoever needs what is gone
says so (exit code 4, or a copy of every table by `on_gap: resync`); nobody goes on over a hole in silence."""

import re

import pytest

from .setting import DONE, GAP, said_by

RESYNC = {"on_gap": "resync"}
CODE = re.compile(r"kafka-(rewound|retention|hole|other-stream|offset-gone)|other-source")


@pytest.fixture
def running(pipe):
    pipe.applier()
    pipe.start()
    pipe.write(20)
    pipe.drain()
    return pipe


def ended_in_a_gap(pipe, applier):
    said = pipe.ended(applier.bridge, GAP)
    assert CODE.search(said), said
    assert "destroy --caches" in said or "on_gap: resync" in said, f"no remedy in:\n{said}"
    again = applier.bridge.command("run", "--once")
    assert again.returncode == GAP, f"a second start: {again.returncode}\n{said_by(again)}"


def starts_over(pipe, applier):
    """As the remedy says."""
    gone = applier.bridge.command("destroy", "--caches", "--yes")
    assert gone.returncode == DONE, said_by(gone)
    if not pipe.publisher.running():
        pipe.start_publisher()
    applier.bridge.start()
    pipe.settle()


def recreate(pipe):
    """As an operator would: with the same settings."""
    settings = {k.replace(".", "_"): v for k, v in pipe.broker.topic_settings(pipe.topic, only_own=True).items()}
    pipe.broker.delete_topic(pipe.topic)
    pipe.broker.create_topic(pipe.topic, **settings)


def grow_beyond(pipe, offset):
    """Until the log is longer than that."""
    for seed in range(400):
        if pipe.broker.end(pipe.topic) > offset:
            return
        pipe.write(3, seed)
        pipe.published()
    raise AssertionError(f"the topic has {pipe.broker.end(pipe.topic)} records only")


def test_topic_recreated_with_both_alive(running):
    recreate(running)
    running.write(20)
    ended_in_a_gap(running, running.appliers[0])
    assert running.publisher.running(), running.logs()
    starts_over(running, running.appliers[0])


def test_topic_recreated_while_the_publisher_was_stopped(running):
    assert running.publisher.stop() == 0
    recreate(running)
    running.start_publisher()
    running.write(20)
    ended_in_a_gap(running, running.appliers[0])
    assert "kafka-gap" in running.publisher.log(), running.publisher.log()
    starts_over(running, running.appliers[0])


def test_topic_recreated_while_the_applier_was_stopped(running):
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0
    recreate(running)
    running.write(5)
    applier.bridge.start()
    ended_in_a_gap(running, applier)
    starts_over(running, applier)


@pytest.mark.parametrize("publisher", ["alive", "stopped"])
def test_topic_recreated_and_longer_than_the_checkpoint(running, publisher):
    """The silent case: the place of the checkpoint is there, and is another record."""
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0
    place = running.broker.end(running.topic)
    if publisher == "stopped":
        assert running.publisher.stop() == 0
    running.execute("INSERT INTO names VALUES ('only in the old log', 1, 1)")
    recreate(running)
    if publisher == "stopped":
        running.start_publisher()
    grow_beyond(running, place + 5)
    applier.bridge.start()
    ended_in_a_gap(running, applier)
    starts_over(running, applier)


def test_topic_recreated_and_resync_is_the_policy(make_pipe):
    pipe = make_pipe(kafka=RESYNC)
    pipe.applier(remote=True)
    pipe.start()
    pipe.write(20)
    pipe.drain()
    recreate(pipe)
    pipe.write(20)
    pipe.settle(timeout=180)
    assert CODE.search(pipe.appliers[0].bridge.log(50_000)), pipe.logs()
    pipe.stop()


def rewind(pipe, write):
    """The broker's disk goes back to what it was before write(); the broker runs again afterwards."""
    pipe.broker.stop()
    backup = pipe.broker.copy_data()
    pipe.broker.start()
    write()
    pipe.broker.kill9()
    pipe.broker.restore_data(backup)
    pipe.broker.start()


def test_log_rewound_with_both_alive(running):
    """The cache is ahead of the log now. Whoever says that it goes on must have all."""
    def write():
        running.write(30)
        running.drain()
    rewind(running, write)
    running.write(20)
    ended_in_a_gap(running, running.appliers[0])
    starts_over(running, running.appliers[0])


@pytest.mark.parametrize("regrown", [False, True])
def test_log_rewound_while_the_applier_was_stopped(running, regrown):
    applier = running.appliers[0]
    places = []

    def write():
        running.write(30)
        running.drain()
        assert applier.bridge.stop() == 0
        places.append(running.broker.end(running.topic))
        running.write(10)
        running.published()
    rewind(running, write)
    if regrown:
        grow_beyond(running, places[0] + 5)
    else:
        running.write(2)
    applier.bridge.start()
    ended_in_a_gap(running, applier)
    starts_over(running, applier)


def test_log_rewound_while_the_publisher_was_stopped(running):
    """What was confirmed to Postgres is not in the log: the publisher finds it at its start."""
    applier = running.appliers[0]

    def write():
        assert applier.bridge.stop() == 0  # it stays behind, with what the backup holds
        running.write(30)
        running.published()
        assert running.publisher.stop() == 0
    rewind(running, write)
    running.start_publisher()
    running.write(5)
    applier.bridge.start()
    ended_in_a_gap(running, applier)
    assert "kafka-gap" in running.publisher.log(), running.publisher.log()
    starts_over(running, applier)


def test_retention_passed_the_checkpoint(running):
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0
    place = running.broker.end(running.topic)
    for seed in range(3):
        running.write(10, seed)
        running.published()
    end = running.broker.end(running.topic)
    assert end > place + 2
    running.broker.delete_records(running.topic, end)
    running.write(2)
    applier.bridge.start()
    ended_in_a_gap(running, applier)
    starts_over(running, applier)


def test_retention_up_to_the_checkpoint(running):
    """The last record that is gone is the last one that was applied."""
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0
    place = applier.next_offset()
    running.write(10)
    running.published()
    assert running.broker.end(running.topic) > place
    running.broker.delete_records(running.topic, place)
    applier.bridge.start()
    running.settle()
    running.stop()


def test_everything_is_gone_and_the_publisher_began_again(running):
    """It cannot know what its log had held: a new stream, and whoever followed the old one is told."""
    applier = running.appliers[0]
    assert applier.bridge.stop() == 0 and running.publisher.stop() == 0
    running.broker.delete_records(running.topic, running.broker.end(running.topic))
    running.start_publisher()
    running.write(5)
    applier.bridge.start()
    ended_in_a_gap(running, applier)
    assert "kafka-gap" in running.publisher.log(), running.publisher.log()
    starts_over(running, applier)
