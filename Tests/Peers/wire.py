"""HTTP as a connector sees it, written down: every call may be recorded as a sample, without its secrets."""
import base64
import gzip
import json
import pathlib
import re
import urllib.error
import urllib.request

BASE = "http://erp.example"
TIMEOUT_SECONDS = 60
# Of no use to a reader of samples, different every time, or untrue once a secret has given way to its stand-in.
SILENT_HEADERS = {"date", "connection", "server", "content-length", "content-encoding"}


# What an answer gives out for the first time, so that nobody could conceal it before: a session, and a token.
FRESH_SECRETS = [
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64), (re.compile(r'(access_token\\": ?\\")[^"\\]+'), r"\g<1>ACCESS-TOKEN")]


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def text(self):
        body = self.body
        if (self.header("Content-Encoding") or "") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        return body.decode("utf-8", errors="replace")

    @property
    def json(self):
        return json.loads(self.text)

    def __str__(self):
        return f"{self.status} {self.text[:300]}"


class StayHere(urllib.request.HTTPRedirectHandler):
    """Redirects are answers, not orders."""

    def redirect_request(self, *_):
        return None


class Wire:
    """Calls to one base address; `name` makes a call a recorded sample."""

    def __init__(self, base, directory=None):
        self.base = base.rstrip("/")
        self.directory = pathlib.Path(directory) if directory else None
        self.opener = urllib.request.build_opener(StayHere)
        self.secrets = {}
        self.recorded = 0

    def conceal(self, secret, stand_in):
        """Writes `stand_in` wherever the secret would be recorded, also inside Base64 credentials."""
        self.secrets[secret] = stand_in

    def call(self, method, path, value=None, headers=None, name=None, about=None):
        """`value` is bytes, or else is sent as JSON."""
        body = value if isinstance(value, bytes) or value is None else json.dumps(value, ensure_ascii=False).encode()
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.base + path, data=body, method=method, headers=sent)
        try:
            with self.opener.open(request, timeout=TIMEOUT_SECONDS) as got:
                answer = Answer(got.status, list(got.headers.items()), got.read())
        except urllib.error.HTTPError as error:
            answer = Answer(error.code, list(error.headers.items()), error.read())
        if name and self.directory:
            self.write(name, about, request, body, sent, answer)
        return answer

    def write(self, name, about, request, body, sent, answer):
        sample = {
            "about": about or name.replace("-", " "),
            "request": {
                "method": request.method, "url": BASE + request.full_url[len(self.base):],
                "headers": {key: self.credentials(value) for key, value in sent.items()},
                "body": None if body is None else body.decode("utf-8", errors="replace")},
            "answer": {
                "status": answer.status,
                "headers": {key: value for key, value in answer.headers if key.lower() not in SILENT_HEADERS},
                "body": answer.text}}
        text = json.dumps(sample, indent=1, ensure_ascii=False)
        for secret, stand_in in self.secrets.items():
            text = text.replace(secret, stand_in)
        for shape, stand_in in FRESH_SECRETS:
            text = shape.sub(stand_in, text)
        text = text.replace(self.base, BASE)
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        self.recorded += 1

    def credentials(self, value):
        """`Basic` and `Session` credentials hide their secrets in Base64."""
        kind, _, rest = value.partition(" ")
        if kind not in ("Basic", "Session"):
            return value
        try:
            plain = base64.b64decode(rest, validate=True).decode()
        except ValueError:
            return value
        for secret, stand_in in self.secrets.items():
            plain = plain.replace(secret, stand_in)
        return f"{kind} {base64.b64encode(plain.encode()).decode()}"


class Findings:
    """What a walk claimed, and whether it was so."""

    def __init__(self, peer):
        self.peer = peer
        self.failed = []
        self.count = 0

    def expect(self, claim, sentence, saw=""):
        self.count += 1
        print(f"{self.peer}: {'ok   ' if claim else 'WRONG'} {sentence}" + (f"  [{saw}]" if saw != "" else ""), flush=True)
        if not claim:
            self.failed.append(sentence)
