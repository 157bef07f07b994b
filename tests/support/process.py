"""One child process with its log in a file, ended by its own pid only, and waiting for conditions."""

import contextlib
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time


class TimedOut(AssertionError):
    pass


def wait_for(condition, timeout, what, interval=0.02):
    """Polls until `condition()` is true and returns its value; fails naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(interval)


_given_ports = set()


def free_port():
    """A port of 127.0.0.1 that nobody uses and this process has not given away before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def unprivileged_user():
    """Servers that refuse root run as this user; none when we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("running as root and no unprivileged user to run Postgres as")


class Process:
    """A child that dies with the thread that started it (setpriv's parent-death signal), so nothing outlives us.
    Everything it prints goes to `log`; with `output` what it prints on stdout goes there instead."""

    def __init__(self, arguments, log, environment=None, user=None, cwd=None, parent_death_signal="TERM",
                 output=None):
        self.arguments = [str(a) for a in arguments]
        self.log_path = pathlib.Path(log)
        env = dict(os.environ)
        env.update(environment or {})
        identity = []
        if user is not None:
            identity = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
        command = ["setpriv", *identity, "--pdeathsig", parent_death_signal, "--", *self.arguments]
        with open(self.log_path, "ab") as log_file:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output or log_file, stderr=log_file,
                                          env=env, cwd=cwd, start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def send(self, number):
        if self.running():
            self.child.send_signal(number)

    def wait(self, timeout):
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{self.arguments[0]} (pid {self.pid}) still runs after {timeout} s; log:\n{self.log()}") from None

    def kill9(self):
        self.send(signal.SIGKILL)
        self.child.wait()

    def stop(self, timeout=20, number=signal.SIGTERM):
        """Asks to stop; kills and fails if it does not."""
        self.send(number)
        try:
            return self.wait(timeout)
        except TimedOut:
            self.kill9()
            raise

    def log(self, last=6000):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return text[-last:]
