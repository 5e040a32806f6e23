"""A PostgreSQL cluster that belongs to one peer: a unix socket in a directory of its own, no TCP, no life beyond its owner's.

It keeps nothing that cannot be made again, so it waits for no disk (fsync is off). Being killed does not hurt such a cluster;
losing power may. The product's own clusters keep fsync on.
"""
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CONNECTIONS_MAX = 300
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
SOCKET_PATH_MAX = 90
PR_SET_PDEATHSIG = 1
SETTINGS = {
    "listen_addresses": "", "max_connections": str(CONNECTIONS_MAX), "fsync": "off", "synchronous_commit": "off",
    "full_page_writes": "off", "shared_buffers": "128MB", "autovacuum_naptime": "60s", "log_min_messages": "warning",
    "wal_level": "minimal", "max_wal_senders": "0",
}


class ClusterTrouble(Exception):
    """PostgreSQL is missing, or did not do what it was told."""


def say(sentence):
    """Progress, for a person who waits."""
    print(f"peer: {sentence}", file=sys.stderr, flush=True)


def server_programs():
    """The newest installed server package's directory of programs."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    if shutil.which("postgres"):
        return pathlib.Path(shutil.which("postgres")).parent
    raise ClusterTrouble("PostgreSQL's server is not installed; make setup does it")


def unprivileged():
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ClusterTrouble("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def is_alive(pid, word):
    """A process with that number runs, and its command line names `word`; numbers are reused."""
    try:
        return word.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Cluster:
    """Use `with`: inside the block the server runs, afterwards it does not."""

    def __init__(self, directory):
        self.home = pathlib.Path(directory).resolve() / "postgresql"
        self.data = self.home / "data"
        self.user = unprivileged()
        self.programs = server_programs()
        self.role = self.user.pw_name if self.user else pwd.getpwuid(os.geteuid()).pw_name
        self.process = None
        self.sockets = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def uri(self):
        """For libpq, without a database name."""
        return f"postgresql://{self.role}@/?host={self.sockets}"

    def address(self, database):
        return f"host={self.sockets} user={self.role} dbname={database}"

    def start(self):
        self.prepare()
        self.end_predecessor()
        self.sockets = self.socket_directory()
        settings = [f"--{name}={value}" for name, value in {**SETTINGS, "unix_socket_directories": str(self.sockets)}.items()]
        log = open(self.home / "server.log", "ab")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.data, *settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd=self.home,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}, start_new_session=True, preexec_fn=end_with_parent,
            **self.identity())
        log.close()
        self.await_ready()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def identity(self):
        """What makes a child run as the unprivileged user."""
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}

    def prepare(self):
        self.home.mkdir(parents=True, exist_ok=True)
        if self.user:
            os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        made = subprocess.run(
            [self.programs / "initdb", "-D", self.data, "-U", self.role, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                "--no-sync"],
            capture_output=True, text=True, cwd="/", **self.identity())
        if made.returncode != 0:
            raise ClusterTrouble(f"initdb in {self.data} failed: {made.stderr.strip()}")

    def end_predecessor(self):
        """A server left behind by an owner that was killed; it is told to end at that moment, and may need a little longer."""
        file = self.data / "postmaster.pid"
        patience = time.monotonic() + STOP_SECONDS_MAX
        while file.exists():
            pid = int(file.read_text().split("\n")[0] or 0)
            if not is_alive(pid, str(self.data)):
                file.unlink(missing_ok=True)
                return
            os.kill(pid, signal.SIGINT if time.monotonic() < patience else signal.SIGQUIT)
            time.sleep(0.1)

    def socket_directory(self):
        """Under the state directory, unless that path is longer than a socket's may be."""
        path = self.home / "socket"
        if len(str(path)) > SOCKET_PATH_MAX:
            path = pathlib.Path(tempfile.mkdtemp(prefix="peer-postgresql-"))
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def await_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            if self.process.poll() is not None:
                log = (self.home / "server.log").read_text(errors="replace").splitlines()[-5:]
                raise ClusterTrouble("PostgreSQL ended: " + " | ".join(log))
            try:
                self.run("postgres", "SELECT 1")
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise ClusterTrouble(f"PostgreSQL does not answer after {START_SECONDS_MAX} s") from None
                time.sleep(0.05)

    def run(self, database, statement, arguments=None):
        """Runs one statement outside a transaction and answers its rows, if any."""
        import psycopg  # Here, so that --help works without the packages.
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    def databases(self):
        return {name for (name,) in self.run("postgres", "SELECT datname FROM pg_database")}

    def drop(self, name):
        self.run("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def copy(self, template, name):
        """A new database that is equal to the template; a file copy, since the template's pages need no log of their own."""
        self.run("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


def end_with_parent():
    """The kernel tells the server to shut down when whoever started it has died, however that came about."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
