"""`walbridge healthcheck`: the answer of a real bridge, of nobody and of somebody else, as an exit code in bounded time."""

import contextlib
import socket
import subprocess
import threading
import time

import pytest

from tests.support.paths import walbridge_binary
from tests.support.postgres import Postgres
from tests.support.process import free_port, wait_for
from tests.support.walbridge import Walbridge

READY, NOT_READY, USAGE, UNUSABLE = range(4)
LIMIT = 3.0
SLACK = 2.0  # for a busy machine; what it must catch would hang for ever


def ask(*arguments, cwd):
    begin = time.monotonic()
    result = subprocess.run([str(walbridge_binary()), "healthcheck", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60,
                            check=False, stdin=subprocess.DEVNULL)
    result.seconds = time.monotonic() - begin
    return result


@contextlib.contextmanager
def bridge_on(postgres, directory, name, listen):
    bridge = Walbridge(directory, postgres.url(), {"url": f"file:{directory / 'cache.db'}"}, name=name,
                       settings={"tables": {"include": ["public.*"]}})
    bridge.config["admin"]["listen"] = listen.format(port=bridge.admin_port)
    bridge.write_config()
    bridge.start()
    try:
        yield bridge
    finally:
        bridge.close()


@contextlib.contextmanager
def server_that(answers):
    """A TCP server of one connection; `answers(connection, stop)` says what it sends. Yields its address."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    answers(connection, stop)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="module")
def postgres():
    server = Postgres(15)
    server.start()
    server.execute("CREATE TABLE t (id int PRIMARY KEY)")
    yield server
    server.remove()


def test_follows_the_bridge(postgres, tmp_path):
    with bridge_on(postgres, tmp_path, "health", "127.0.0.1:{port}") as bridge:
        ready = wait_for(lambda: (r := bridge.command("healthcheck")).returncode == READY and r, 60, "a ready bridge")
        assert ready.stdout == "ready\n"
        url = f"http://127.0.0.1:{bridge.admin_port}"

        postgres.kill9()
        said = wait_for(lambda: (r := ask("--url", url, cwd=tmp_path)).returncode == NOT_READY and r, 60, "a bridge that says why")
        first, *reasons = said.stdout.splitlines()
        assert first == "not ready" and reasons and all(reason.startswith("- ") for reason in reasons)
        live = ask("--url", url + "/", "--live", cwd=tmp_path)
        assert (live.returncode, live.stdout) == (READY, "ok\n")

        postgres.restart()
        wait_for(lambda: bridge.command("healthcheck").returncode == READY, 90, "a bridge that recovered")
        assert bridge.stop() == 0
        gone = bridge.command("healthcheck")
        assert gone.returncode == UNUSABLE and f"127.0.0.1:{bridge.admin_port}" in gone.stderr and "what to do" in gone.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:{port}", "[::]:{port}"])
def test_a_bridge_that_listens_everywhere(postgres, tmp_path, listen):
    with bridge_on(postgres, tmp_path, "everywhere4" if listen[0] == "0" else "everywhere6", listen) as bridge:
        wait_for(lambda: bridge.command("healthcheck").returncode == READY, 60, "a ready bridge")


def silence(_connection, stop):
    stop.wait(20)


def drip(connection, stop):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not stop.wait(0.3):
        connection.sendall(b"r")


@pytest.mark.parametrize("answers", [silence, drip])
def test_an_answer_that_does_not_come(tmp_path, answers):
    with server_that(answers) as url:
        result = ask("--url", url, cwd=tmp_path)
    assert result.returncode == UNUSABLE and "3 s" in result.stderr
    assert LIMIT - 0.5 < result.seconds < LIMIT + SLACK


def test_nobody_there(tmp_path):
    result = ask("--url", f"http://127.0.0.1:{free_port()}", cwd=tmp_path)
    assert result.returncode == UNUSABLE and "admin-unreachable" in result.stderr and result.stdout == ""


@pytest.mark.parametrize("status, body", [("200 OK", b"hello\n"), ("503 Service Unavailable", b"upstream\n"), ("404 Not Found", b"")])
def test_somebody_else(tmp_path, status, body):
    def answer(connection, _stop):
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    with server_that(answer) as url:
        result = ask("--url", url, cwd=tmp_path)
    assert result.returncode == UNUSABLE and "admin-foreign" in result.stderr


@pytest.mark.parametrize("url", ["", "http://", "https://127.0.0.1:9630", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:9630x", "[::1:9630",
                                 "http://user@127.0.0.1:9630", "http://127.0.0.1:9630/?x"])
def test_bad_addresses(tmp_path, url):
    result = ask(f"--url={url}", cwd=tmp_path)
    assert result.returncode == USAGE and result.stderr


def test_without_an_admin_server(tmp_path):
    (tmp_path / "walbridge.yaml").write_text(
        "version: 1\nsource: { url: postgres://nobody:hidden@127.0.0.1/x }\nsink: { url: file:cache.db }\nadmin: { listen: '' }\n")
    result = ask(cwd=tmp_path)
    assert result.returncode == USAGE and "admin.listen" in result.stderr and "hidden" not in result.stdout + result.stderr


def test_without_a_configuration(tmp_path):
    result = ask(cwd=tmp_path)
    assert result.returncode == USAGE and "walbridge.yaml" in result.stderr
