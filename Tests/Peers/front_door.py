"""What stands before a peer's application: mischief on its answers, and a control address for whoever runs the peer.

Control lies under /_peer/ on the same port, needs no credentials and is on loopback only. Everything else goes to the
application, unless the plan of mishaps says otherwise. A plan has shares in per mille, drawn from a seeded generator, and a list
`next` of mishaps for the next requests that fit:

  {"tooManyPerMille": 20, "latencyMilliseconds": 5, "seed": 7,
   "next": [{"mishap": "lostAnswer", "body": "account.invoice.post"}, {"mishap": "lateCommit", "seconds": 3, "path": "/rpc/"}]}
"""
import io
import json
import random
import threading
import time
import traceback
import urllib.error
import urllib.request

CONTROL = "/_peer"
CONTROL_BYTES_MAX = 64 * 1024 * 1024
HUGE_BYTES = 50 * 1024 * 1024
LATE_SECONDS_MAX = 20
LATENCY_MILLISECONDS_MAX = 60_000
NEXT_MAX = 1_000
# Only a write can be lost or late; the others may hit any request.
MISHAPS = {
    "tooMany": False, "unavailable": False, "html": False, "errorInside200": False, "wrongGzip": False, "huge": False,
    "cut": False,
    "lostAnswer": True, "lateCommit": True,
}
JSON_TYPE = [("Content-Type", "application/json")]


class BadPlan(Exception):
    pass


class Refused(Exception):
    """A control call that cannot be done, with its HTTP status."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Plan:
    """How unkind the peer is to one tenant."""

    def __init__(self, given=None):
        given = dict(given or {})
        self.shares = {name: self.number(given, f"{name}PerMille", 0, 1000, 0) for name in MISHAPS}
        self.latency = self.number(given, "latencyMilliseconds", 0, LATENCY_MILLISECONDS_MAX, 0)
        self.late_seconds = self.number(given, "lateCommitSeconds", 1, LATE_SECONDS_MAX, LATE_SECONDS_MAX)
        self.is_down = given.pop("isDown", False) is True
        self.dice = random.Random(given.pop("seed", 1))
        self.next = given.pop("next", [])
        if not isinstance(self.next, list) or len(self.next) > NEXT_MAX:
            raise BadPlan(f"next is a list of at most {NEXT_MAX} mishaps")
        for one in self.next:
            if not isinstance(one, dict) or one.get("mishap") not in [*MISHAPS, "none"]:
                raise BadPlan(f"{one} is none of {', '.join(MISHAPS)}")
        if given:
            raise BadPlan(f"unknown: {', '.join(sorted(given))}")
        self.lock = threading.Lock()
        self.drawn = {}

    @staticmethod
    def number(given, name, least, most, default):
        value = given.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadPlan(f"{name} is a whole number from {least} to {most}")
        return value

    def draw(self, method, path, body, is_write):
        """The mishap of one request as (name, seconds), or (None, 0)."""
        with self.lock:
            name, seconds = self.pick(method, path, body, is_write)
            if name:
                self.drawn[name] = self.drawn.get(name, 0) + 1
            return name, seconds

    def pick(self, method, path, body, is_write):
        if self.is_down:
            return "unavailable", 0
        for index, one in enumerate(self.next):
            fits = (one.get("method", method) == method and one.get("path", "") in path
                    and one.get("body", "").encode() in body)
            if fits:
                del self.next[index]
                name = one["mishap"]
                return (None if name == "none" else name), min(one.get("seconds", 1), LATE_SECONDS_MAX)
        roll = self.dice.randrange(1000)
        for name, share in self.shares.items():
            if MISHAPS[name] and not is_write:
                continue
            if roll < share:
                return name, self.dice.randint(1, self.late_seconds)
            roll -= share
        return None, 0

    def facts(self):
        return {
            **{f"{name}PerMille": share for name, share in self.shares.items()}, "latencyMilliseconds": self.latency,
            "lateCommitSeconds": self.late_seconds, "isDown": self.is_down, "next": self.next, "drawn": self.drawn}


class FrontDoor:
    """A WSGI application around a peer's own.

    `tenant_of(path)` names whose plan counts; `is_write(method, path, body)` says whether a request changes something;
    `control(method, words, body)` answers calls below /_peer/ that are not about mishaps; the application complains to `errors`.
    """

    def __init__(self, application, tenant_of, is_write, control, errors):
        self.errors = errors
        self.application = application
        self.tenant_of = tenant_of
        self.is_write = is_write
        self.control = control
        self.plans = {}
        self.common = Plan()

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["wsgi.errors"] = self.errors
        if path.startswith(CONTROL + "/"):
            return self.controlled(method, path, body, start_response)
        plan = self.plans.get(self.tenant_of(path), self.common)
        if plan.latency:
            time.sleep(plan.latency / 1000)
        name, seconds = plan.draw(method, path, body, self.is_write(method, path, body))
        if name is None:
            return self.application(environ, start_response)
        return getattr(self, "answer_" + name)(environ, start_response, seconds)

    # Mishaps

    def answer_tooMany(self, environ, start_response, seconds):
        return say(start_response, "429 Too Many Requests", {"error": {"code": "TooManyRequests", "message": "Slow down."}},
                   [("Retry-After", "1")])

    def answer_unavailable(self, environ, start_response, seconds):
        return say(start_response, "503 Service Unavailable", {"error": {"code": "Unavailable", "message": "Maintenance."}})

    def answer_html(self, environ, start_response, seconds):
        body = b"<!doctype html><html><body><h1>Sign in</h1><p>Your session has ended.</p></body></html>"
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    def answer_errorInside200(self, environ, start_response, seconds):
        return say(start_response, "200 OK", {"error": {"code": "Internal", "message": "Deadlock victim, try again."}})

    def answer_wrongGzip(self, environ, start_response, seconds):
        """The true answer under a label that lies about its coding."""
        environ = {**environ, "HTTP_ACCEPT_ENCODING": "identity"}

        def labelled(status, headers, exc_info=None):
            kept = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
            return start_response(status, [*kept, ("Content-Encoding", "gzip")])
        return self.application(environ, labelled)

    def answer_huge(self, environ, start_response, seconds):
        """Well-formed JSON of 50 MB, sent in pieces."""
        start, end = b'{"value":[{"text":"', b'"}]}'
        start_response("200 OK", [*JSON_TYPE, ("Content-Length", str(HUGE_BYTES))])

        def pieces():
            yield start
            left = HUGE_BYTES - len(start) - len(end)
            while left:
                piece = min(left, 65_536)
                yield b"x" * piece
                left -= piece
            yield end
        return pieces()

    def answer_cut(self, environ, start_response, seconds):
        """The connection ends inside the answer, and nothing was done."""
        start_response("200 OK", [*JSON_TYPE, ("Content-Length", "4096")])
        return [b"{"]

    def answer_lostAnswer(self, environ, start_response, seconds):
        self.carry_out(environ)
        return self.answer_cut(environ, start_response, seconds)

    def answer_lateCommit(self, environ, start_response, seconds):
        """The client gets no answer, and the work is done later, whoever may be listening then."""
        timer = threading.Timer(seconds, self.carry_out, [environ])
        timer.daemon = True
        timer.start()
        return self.answer_cut(environ, start_response, seconds)

    def carry_out(self, environ):
        body = self.application(environ, lambda status, headers, exc_info=None: None)
        for _ in body:
            pass
        if hasattr(body, "close"):
            body.close()

    # Control

    def controlled(self, method, path, body, start_response):
        words = [word for word in path[len(CONTROL):].split("/") if word]
        try:
            given = json.loads(body) if body else {}
            if words[-1:] == ["faults"]:
                return say(start_response, "200 OK", self.faults(method, words[:-1], given))
            return say(start_response, "200 OK", self.control(method, words, given))
        except Refused as refusal:
            return say(start_response, f"{refusal.status} Refused", {"error": {"code": "Refused", "message": str(refusal)}})
        except (BadPlan, ValueError) as error:
            return say(start_response, "400 Bad Request", {"error": {"code": "BadRequest", "message": str(error)}})
        except Exception as error:  # Whoever controls a peer wants to see what went wrong inside it.
            traceback.print_exc(file=self.errors)
            return say(start_response, "500 Internal", {"error": {"code": type(error).__name__, "message": str(error)}})

    def faults(self, method, words, given):
        """GET and PUT /_peer/faults for everybody, /_peer/<tenant>/faults for one."""
        if method == "PUT":
            plan = Plan(given)
            if words:
                self.plans[words[0]] = plan
            else:
                self.common, self.plans = plan, {}
        return (self.plans.get(words[0], self.common) if words else self.common).facts()


def say(start_response, status, value, headers=()):
    body = json.dumps(value, ensure_ascii=False).encode()
    start_response(status, [*JSON_TYPE, ("Content-Length", str(len(body))), *headers])
    return [body]


def ask(url, method="GET", value=None, timeout=120):
    """One control call; answers the JSON or raises `Refused` with the peer's sentence."""
    request = urllib.request.Request(
        url, method=method, data=None if value is None else json.dumps(value).encode(),
        headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.code, json.load(error)["error"]["message"]) from None
