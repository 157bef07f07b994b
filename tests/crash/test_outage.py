"""Outages in the order that hurts: a cache or the source is away while walbridge starts, stops or catches up."""

import pytest

from .setting import Setting
from .workload import Writer


@pytest.fixture
def setting(shared_servers, tmp_path, request):
    name = request.node.name.replace("test_", "")[:40]
    setting = Setting(shared_servers, name, tmp_path)
    yield setting
    setting.close()
    if not setting.sqld.running():
        setting.sqld.start()
    if not setting.postgres.running():
        setting.postgres.start()


def write(setting, transactions):
    writer = Writer(setting.postgres, setting.name, 1, setting.markers)
    for _ in range(transactions):
        assert writer.step()
    writer.close()


def load(setting):
    setting.walbridge.start()
    setting.wait(setting.filled, 60, "the snapshot in every cache")
    write(setting, 20)
    setting.drain()


def catch_up_alone(setting):
    setting.markers += 1
    setting.execute(f"UPDATE marker SET n = {setting.markers}")
    setting.wait(lambda: setting.marker(setting.caches["file"]) == setting.markers, 60, "the file to catch up alone")


def confirmed(setting):
    """What Postgres was told, and when."""
    rows = setting.execute("SELECT (s.confirmed_flush_lsn - '0/0')::bigint, extract(epoch FROM r.reply_time)::float8 FROM pg_replication_slots s "
                           f"LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE slot_name = '{setting.name}'")
    return rows[0]


def test_cache_away_at_start_holds_the_slot(setting):
    """Whoever is not there keeps his log: the slot must not move past a cache that could not be asked (I2)."""
    load(setting)
    setting.sqld.kill9()
    write(setting, 30)
    catch_up_alone(setting)
    assert setting.walbridge.stop() == 0
    write(setting, 30)
    setting.walbridge.start()  # the file is ahead now of what sqld holds
    catch_up_alone(setting)
    now = setting.execute("SELECT extract(epoch FROM clock_timestamp())::float8")[0][0]
    setting.wait(lambda: (confirmed(setting)[1] or 0) > now, 60, "an answer to Postgres after that")
    told = confirmed(setting)[0]
    setting.sqld.start()
    assert told <= setting.caches["sqld"].checkpoint(setting.name)[1], "the slot was confirmed past a cache that was away"
    setting.drain()
    setting.assert_equal()


def test_cache_away_while_streaming(setting):
    """The other cache goes on; the one that was away catches up."""
    load(setting)
    setting.sqld.kill9()
    write(setting, 30)
    catch_up_alone(setting)
    setting.sqld.start()
    setting.drain()
    setting.assert_equal()
    assert setting.walbridge.stop() == 0


def test_source_away_while_streaming(setting):
    load(setting)
    setting.postgres.kill9()
    setting.wait(lambda: setting.walbridge.get("/readyz")[0] == 503, 90, "/readyz to be red")
    assert setting.walbridge.get("/livez")[0] == 200
    setting.postgres.start()
    write(setting, 30)
    setting.drain()
    setting.wait(setting.walbridge.ready, 30, "/readyz to be green again")
    setting.assert_equal()


def test_stop_with_everything_away(setting):
    """SIGTERM is obeyed in time even when nobody answers."""
    load(setting)
    setting.sqld.kill9()
    setting.postgres.kill9()
    assert setting.walbridge.stop(timeout=5) == 0
    setting.postgres.start()
    setting.sqld.start()
    setting.walbridge.start()
    setting.drain()
    setting.assert_equal()


def test_cache_wiped_is_a_gap(setting):
    """A cache that lost what it had is not gone on with."""
    load(setting)
    assert setting.walbridge.stop() == 0
    write(setting, 10)
    for suffix in ("", "-wal", "-shm"):
        (setting.directory / f"cache.db{suffix}").unlink(missing_ok=True)
    setting.walbridge.start()
    setting.drain()  # what is missing is copied again
    setting.assert_equal()
