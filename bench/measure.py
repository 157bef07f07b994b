"""What a child process costs: wall time, CPU seconds, peak memory; and the same for servers that go on running.

Peak memory is VmHWM of /proc, sampled: getrusage would count our own memory, which a child has until its exec."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY = 0.02


@dataclasses.dataclass
class Cost:
    seconds: float = 0
    cpu: float = 0          # of the tool itself
    server_cpu: float = 0   # of Postgres, or of Postgres and sqld
    peak_rss: int = 0       # bytes, of the tool itself; the larger one of a pipeline
    publishing: float = 0   # CPU seconds of the threads of a publisher that pack, compress and send


def _stat_fields(pid):
    """The fields of /proc/PID/stat from the third (state) on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()


def process_cpu(pid):
    """User and system seconds so far."""
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def thread_cpu(pid, *names):
    """User and system seconds so far of its threads whose names begin so."""
    ticks = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            if (task / "comm").read_text(encoding="ascii", errors="replace").startswith(names):
                fields = _stat_fields(f"{pid}/task/{task.name}")
                ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def tree_cpu(pid):
    """process_cpu of a server, of its children that still run and of those it has waited for."""
    while True:
        before = _stat_fields(pid)[13:15]
        children = 0
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if _stat_fields(entry.name)[1] == str(pid):
                    children += process_cpu(entry.name)
        fields = _stat_fields(pid)
        if fields[13:15] == before:  # else a child ended meanwhile and was counted twice, or not at all
            return children + sum(int(f) for f in fields[11:15]) / TICKS


def peak_rss(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class Child:
    """A measured process that dies with us. It is timed from the moment before it is started."""

    def __init__(self, arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=None):
        self.arguments = [str(a) for a in arguments]
        self.started = time.monotonic()
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", *self.arguments], stdin=stdin,
                                        stdout=stdout, stderr=stderr, cwd=cwd)
        self.pid = self.process.pid
        self.cost = None
        self._peak = 0
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def _sample(self):
        # The mark only rises, so the last reading is the peak; none can be read once the process has ended.
        with contextlib.suppress(OSError):
            while found := peak_rss(self.pid):
                self._peak = found
                time.sleep(SAMPLE_EVERY)

    def running(self):
        """Without reaping: wait() needs its resource usage."""
        if self.cost is not None:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def cost_so_far(self):
        return Cost(time.monotonic() - self.started, process_cpu(self.pid), 0, peak_rss(self.pid))

    def wait(self):
        """The cost of its whole life; an exit code other than 0 is an error."""
        if self.cost is None:
            _, status, usage = os.wait4(self.pid, 0)
            seconds = time.monotonic() - self.started
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self._sampler.join()
            self.cost = Cost(seconds, usage.ru_utime + usage.ru_stime, 0, self._peak)
        if self.process.returncode != 0:
            said = self.process.stderr.read().decode(errors="replace") if self.process.stderr else ""
            raise RuntimeError(f"{self.arguments[0]} exited {self.process.returncode}: {said[-2000:]}")
        return self.cost

    def stop(self, number):
        if self.running():
            os.kill(self.pid, number)
        return self.wait()

    def close(self):
        """For the end, however it stands."""
        if self.running():
            self.process.kill()
            os.wait4(self.pid, 0)
            self.process.returncode = -9
            self.cost = Cost()


class ServerCpu:
    """CPU seconds of servers since it was made."""

    def __init__(self, *pids):
        self.pids = pids
        self.before = self._total()

    def _total(self):
        return sum(tree_cpu(pid) for pid in self.pids)

    def used(self):
        return self._total() - self.before
