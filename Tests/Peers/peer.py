"""What the peers' commands have in common: the catalogue, the state directory, the ready line, and the calls to a server
that runs."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import sys
from decimal import Decimal

from cluster import ClusterTrouble
from front_door import Refused, ask

HERE = pathlib.Path(__file__).resolve().parent
THREADS = 8


class Unfit(Exception):
    """What was asked for on the command line cannot be served."""


def read_catalogue(file, wanted):
    """The catalogue's entry of every tenant wanted: NAME, or NAME=ENTRY when it lives under another name there."""
    with open(file, encoding="utf-8") as handle:
        tenants = json.load(handle)["tenants"]
    entries = {}
    for word in wanted or sorted(tenants):
        name, _, entry = word.partition("=")
        if not re.fullmatch("[a-z0-9][a-z0-9-]{0,40}", name):
            raise Unfit(f"{name} is no name of a tenant: small letters, digits and hyphens, at most 41")
        if (entry or name) not in tenants:
            raise Unfit(f"{file} has no tenant {entry or name}; it has {', '.join(sorted(tenants))}")
        entries[name] = tenants[entry or name]
    return entries


@contextlib.contextmanager
def alone(state):
    """The state directory, locked while the server runs."""
    state.mkdir(parents=True, exist_ok=True)
    with open(state / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unfit(f"another server runs on {state}") from None
        (state / "ready.json").unlink(missing_ok=True)
        yield


def write_secret(file, text):
    """Writes a file that only its owner may read, whole or not at all."""
    fresh = file.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    fresh.replace(file)


def listen(door, port):
    """A server on loopback and its address; it answers once `run` is called, and connections wait until then."""
    import waitress
    server = waitress.create_server(door, host="127.0.0.1", port=port, threads=THREADS, clear_untrusted_proxy_headers=True)
    return server, f"http://127.0.0.1:{server.effective_port}"


def control(known, words, method, calls_of):
    """Does a call on a tenant: `calls_of(tenant)` names what can be done, and only what is read is asked for with GET."""
    if len(words) != 2 or words[0] not in known:
        raise Refused(404, f"there is no tenant {words[0] if words else ''} here")
    tenant, name = words
    calls = calls_of(tenant)
    if name not in calls:
        raise Refused(404, f"there is no call {name}; there are {', '.join(calls)}")
    if (method == "GET") != (name in ("ledger", "count")):
        raise Refused(405, f"{name} is {'done with POST' if method == 'GET' else 'read with GET'}")
    try:
        return calls[name]()
    except KeyError as missing:
        raise Refused(400, f"{name} needs {missing}") from None


def tell(state, facts):
    """The ready line: on standard output, and for the other commands in the state directory."""
    line = json.dumps(facts)
    write_secret(state / "ready.json", line)
    print(line, flush=True)


def call(options):
    """A command for the server that runs on the state directory."""
    file = pathlib.Path(options.state) / "ready.json"
    if not file.exists():
        raise Unfit(f"no server is ready on {options.state}")
    base = json.loads(file.read_text())["control"] + (f"/{options.tenant}" if options.tenant else "")
    command = options.command
    if command in ("dump", "count"):
        return ask(base + ("/ledger" if command == "dump" else "/count"))
    if command == "faults":
        return ask(base + "/faults", "PUT", json.loads(options.plan)) if options.plan else ask(base + "/faults")
    if command == "add":
        with sys.stdin if options.file == "-" else open(options.file, encoding="utf-8") as source:
            return ask(base + "/data", "POST", json.load(source))
    if command == "edit":
        return ask(base + "/edit", "POST", {"kind": options.kind, "number": options.number, "set": pairs(options.values)})
    names = ("supplier", "iban", "date", "company", "login")
    return ask(f"{base}/{command}", "POST", {name: getattr(options, name) for name in names if getattr(options, name, None)})


def pairs(words):
    values = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise Unfit(f"{word} is not of the form NAME=VALUE")
        values[name] = value
    return values


def add_commands(parser, logins, kinds):
    """The arguments that both peers understand; answers the parser of `serve`."""
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("--tenant", action="append", help="NAME or NAME=ENTRY of the catalogue; all of it without")
    serve.add_argument("--port", type=int, default=0)
    serve.add_argument("--catalogue", default=HERE / "catalogue.json")
    serve.add_argument("--fresh", action="store_true", help="throw the tenants' data away and begin anew")
    others = {name: commands.add_parser(name) for name in (
        "dump", "count", "add", "edit", "set-iban", "close-period", "reopen-period", "rotate-password", "expire-key", "new-key",
        "faults")}
    for command in [serve, *others.values()]:
        command.add_argument("--state", required=True)
    for name, command in others.items():
        command.add_argument("--tenant", required=name != "faults")
    others["add"].add_argument("file", help="JSON with suppliers, orders and receipts; - is standard input")
    others["edit"].add_argument("kind", choices=kinds)
    others["edit"].add_argument("number")
    others["edit"].add_argument("values", nargs="+", metavar="FIELD=VALUE")
    others["set-iban"].add_argument("supplier")
    others["set-iban"].add_argument("iban")
    for name in ("close-period", "reopen-period"):
        others[name].add_argument("date", help="a day in the period")
        others[name].add_argument("--company")
    for name in ("rotate-password", "expire-key"):
        others[name].add_argument("--login", default=logins[0], choices=logins)
    others["faults"].add_argument("plan", nargs="?", help="a plan of mishaps as JSON; {} is a healthy ERP")
    return serve


def with_rest(row, received, part):
    """The receipt's row with what is not among `received`, a quantity for each line of the order; None when that is nothing."""
    lines = []
    for line in row["lines"]:
        rest = Decimal(str(line.get("accepted") or line["quantity"])) - received[int(line["orderLine"])]
        if rest > 0:
            lines.append({"orderLine": line["orderLine"], "quantity": str(rest)})
    return {**row, "number": f"{row['number']}/{part}", "lines": lines} if lines else None


def end(number, _):
    raise SystemExit(0)


def run(options, server):
    """Serves until it is told to end, or calls the server that runs."""
    try:
        if options.command != "serve":
            print(json.dumps(call(options), indent=1, ensure_ascii=False))
            return
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        server(options).run()
    except (Unfit, Refused, ClusterTrouble) as trouble:
        print(f"peer: {trouble}", file=sys.stderr)
        raise SystemExit(2) from None
