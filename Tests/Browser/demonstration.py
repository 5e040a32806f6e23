"""A running product for the checks: `countersign demo`, with everything it keeps in a folder that goes with it."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

PASSWORD = "countersign-demo"
SHOWN = "Everything promised has been shown"


class Demonstration:
    """Starts on entering and ends, whatever happened, on leaving: the server, its workers, the database and the ledgers."""

    # The stories take about a minute; a loaded machine takes its time.
    ready_seconds = 300
    end_seconds = 60

    def __init__(self, programs):
        self.program = str(pathlib.Path(programs).resolve() / "countersign")
        self.lines = []
        self.address = None

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="countersign-live-"))
        # The database has a user of its own, who has to pass through.
        self.folder.chmod(0o711)
        self.process = subprocess.Popen(
            [self.program, "demo", "--fast", "--port", "0", "--data", str(self.folder / "data")], cwd="/", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.read, daemon=True).start()
        try:
            self.address = self.wait_for(r"^The console: (\S+)")[1]
            self.wait_for(SHOWN)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(self.end_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, pattern):
        """The first line with the pattern, said already or to come."""
        until = time.monotonic() + self.ready_seconds
        while time.monotonic() < until:
            for line in list(self.lines):
                found = re.search(pattern, line)
                if found:
                    return found
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise RuntimeError(f"the demonstration never said {pattern!r}; its last words:\n" + "\n".join(self.lines[-12:]))

    def people(self):
        """Every person it can be looked at as: role, address for signing in, tenant (empty for people of all tenants)."""
        pattern = re.compile(r"^  ([a-z ]+?)\s{2,}(\S+@\S+)\s+(?:([A-Z][^:]*): )?")
        found = [pattern.match(line) for line in self.lines]
        return [(line[1], line[2], line[3] or "") for line in found if line]
