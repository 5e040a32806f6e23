#!/usr/bin/env python3
"""Starts the peers and walks accounts payable through them by plain HTTP; prints what it saw.

Ends with 1 when that is not as promised.

  check.py [--state DIR] [--only tryton|odata|counting_house] [--record]

With --record the calls replace those in recorded/, the samples of the connectors' own tests, if all was as promised. Without the
packages of requirements.txt it skips, says so, and ends with 0.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from front_door import ask
from wire import Findings

HERE = pathlib.Path(__file__).resolve().parent
NEEDED = {
    "tryton": ("trytond", "psycopg", "waitress"), "odata": ("flask", "odata_query", "waitress"), "counting_house": ("waitress",)}
READY_SECONDS_MAX = 600
END_SECONDS_MAX = 30


class Peer:
    """A peer's process, from its ready line to its end."""

    def __init__(self, name, state, *arguments):
        self.command = [sys.executable, HERE / f"{name}.py", "serve", "--state", str(state / name), *arguments]
        self.process = None
        self.ready = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer ended with {self.process.wait()} before it was ready")
        self.ready = json.loads(line)
        return self.ready

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(END_SECONDS_MAX)


def walk(name, state, record):
    findings = Findings(name)
    directory = HERE / "recorded" / f"{name}.new" if record else None
    if directory:
        shutil.rmtree(directory, ignore_errors=True)
    peer = Peer(name, state, "--fresh")
    try:
        ready = peer.start()
        findings.expect(ready["ready"] is True, "the peer says when it is ready", f"{ready['seconds']} s")
        walker = walk_of(name)(ready, findings, directory)
        walker.run()
        tell_of_receipts(findings, ready)
        tell_of_restarts(peer, findings, ready, name, state)
        if directory and not findings.failed:
            shutil.rmtree(directory.with_suffix(""), ignore_errors=True)
            directory.rename(directory.with_suffix(""))
            print(f"{name}: {walker.wire.recorded} calls recorded")
    finally:
        if peer.process and peer.process.poll() is None:
            peer.stop()
    return findings


def walk_of(name):
    if name == "tryton":
        from walk_tryton import TrytonWalk
        return TrytonWalk
    if name == "odata":
        from walk_odata import ODataWalk
        return ODataWalk
    from walk_house import HouseWalk
    return HouseWalk


def tell_of_receipts(findings, ready):
    """A receipt that grew since it was last sent: what it grew by is received, once."""
    control = ready["databases"]["brightwater-foods"]["control"]
    receipt = {"number": "GR-PO-1002", "orderNumber": "PO-1002", "receiptDate": "2026-02-02"}
    counts = [ask(control + "/count")["receipts"]]
    for quantity in ("400", "400"):
        ask(control + "/data", "POST", {"receipts": [{**receipt, "lines": [{"orderLine": "1", "quantity": quantity}]}]})
        counts.append(ask(control + "/count")["receipts"])
    findings.expect(counts[1:] == [counts[0] + 1] * 2, "the rest of a receipt is received, and only once", counts)


def tell_of_restarts(peer, findings, ready, name, state):
    """Killed and started again, the peer has every bill; ended politely, it leaves nothing running."""
    tenant = sorted(ready["databases"])[0]
    before = ask(ready["databases"][tenant]["control"] + "/ledger")["count"]
    peer.stop(signal.SIGKILL)
    again = Peer(name, state)
    peer.command = again.command
    begun = time.monotonic()
    ready = peer.start()
    after = ask(ready["databases"][tenant]["control"] + "/ledger")["count"]
    findings.expect(before == after and before > 0, "killed and started again, it has every bill",
                    f"{after} of {before}, ready after {time.monotonic() - begun:.1f} s")
    code = peer.stop()
    findings.expect(code == 0, "ended by SIGTERM it says so with 0", code)
    left = [pid for pid in os.listdir("/proc") if pid.isdigit() and names(pid, str(state / name / "postgresql"))]
    findings.expect(not left, "and leaves no PostgreSQL behind", left)


def names(pid, word):
    try:
        return word.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description="Walks accounts payable through the peers.")
    parser.add_argument("--state", type=pathlib.Path, default=HERE.parents[1] / "var" / "peers")
    parser.add_argument("--only", choices=sorted(NEEDED))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    wanted = [options.only] if options.only else sorted(NEEDED, reverse=True)
    missing = sorted({module for name in wanted for module in NEEDED[name] if importlib.util.find_spec(module) is None})
    if missing:
        print(f"peers: 0 walked, all skipped ({', '.join(missing)} of Tests/Peers/requirements.txt are not installed; "
              "make setup does it)")
        return 0
    results = [walk(name, options.state.resolve(), options.record) for name in wanted]
    failed = sum(len(result.failed) for result in results)
    print(f"peers: {sum(result.count for result in results)} claims about {', '.join(wanted)}, {failed} of them wrong")
    for result in results:
        for sentence in result.failed:
            print(f"peers: {result.peer}: {sentence}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
