"""The OData peer's answers: routes, credentials, query options, ETags, batches and the limit of requests."""
import base64
import binascii
import collections
import hashlib
import hmac
import json
import re
import threading
import time
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from odata_filter import Evaluation, page, parse_filter, shape, sort, whole
from odata_model import ENTITIES, WRITABLE, Bad, entity, parse, text

SEGMENT = re.compile(r"([A-Za-z$.]+)(?:\(([^)]*)\))?")
STANDARD, PAYABLES = "v2.0", "ledgerworks/payables/v1.0"
# Pages that a tenant published itself lie under its publisher's route.
OF_PUBLISHER = {"vendorBankAccounts"}
BATCH_MAX = 100
SKIP_MAX = 1_000_000
SCOPE = "https://api.businesscentral.dynamics.com/.default"
WINDOW_SECONDS = 300
OPTIONS = {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$skiptoken"}
JSON_HEADERS = [("Content-Type", "application/json; odata.metadata=minimal"), ("OData-Version", "4.0")]


class Answer:
    def __init__(self, status, value=None, headers=(), is_text=False):
        self.status, self.value, self.headers, self.is_text = status, value, list(headers), is_text

    @property
    def body(self):
        if self.value is None:
            return b""
        return (self.value if self.is_text else text(self.value)).encode()


def refusal(bad):
    """The error body; the original adds a number of its own to every message, so whoever compares whole messages
    fails here too."""
    number = hashlib.sha256(bad.message.encode()).hexdigest()[:16]
    return Answer(bad.status, {"error": {"code": bad.code, "message": f"{bad.message}  CorrelationId:  {number}."}}, bad.headers)


class Credentials:
    """Tokens by client credentials, and Basic with a web service key. A token is a signed text, so it survives a restart."""

    def __init__(self, facts, seconds):
        self.facts, self.seconds = facts, seconds

    def token(self, form):
        """What the token address answers."""
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type", "error_description": "Only client_credentials is supported."})
        is_client = hmac.compare_digest(form.get("client_id", ""), self.facts["clientId"])
        is_known = hmac.compare_digest(form.get("client_secret", ""), self.facts["clientSecret"])
        if not (is_client and is_known) or self.facts["isExpired"]:
            said = "The provided client secret keys are expired." if is_client and is_known else "Invalid client secret provided."
            return Answer(401, {"error": "invalid_client", "error_description": said})
        if form.get("scope") != SCOPE:
            return Answer(400, {"error": "invalid_scope", "error_description": f"The scope is {SCOPE}."})
        claims = json.dumps({"until": int(time.time()) + self.seconds, "generation": self.facts["generation"]}).encode()
        made = base64.urlsafe_b64encode(claims).decode() + "." + self.seal(claims)
        return Answer(200, {"token_type": "Bearer", "expires_in": self.seconds, "ext_expires_in": self.seconds,
            "access_token": made},
                      [("Cache-Control", "no-store")])

    def seal(self, claims):
        return hmac.new(self.facts["signing"].encode(), claims, hashlib.sha256).hexdigest()

    def admit(self, authorization):
        kind, _, rest = (authorization or "").partition(" ")
        if kind == "Bearer" and self.is_good(rest):
            return
        if kind == "Basic" and self.is_user(rest):
            return
        raise Bad(401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.",
                  [("WWW-Authenticate", 'Bearer realm="erp"'), ("WWW-Authenticate", 'Basic realm="erp"')])

    def is_good(self, token):
        try:
            claims = base64.urlsafe_b64decode(token.partition(".")[0])
            if not hmac.compare_digest(token.partition(".")[2], self.seal(claims)):
                return False
            said = json.loads(claims)
        except (ValueError, binascii.Error):
            return False
        return said["until"] > time.time() and said["generation"] == self.facts["generation"]

    def is_user(self, encoded):
        try:
            login, _, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return False
        return login == self.facts["login"] and hmac.compare_digest(password.encode(), self.facts["password"].encode())


class Limit:
    """At most so many requests in the last five minutes; what is over is told when to come back."""

    def __init__(self, most):
        self.most, self.times, self.lock = most, collections.deque(), threading.Lock()

    def pass_one(self):
        now = time.monotonic()
        with self.lock:
            while self.times and self.times[0] <= now - WINDOW_SECONDS:
                self.times.popleft()
            if len(self.times) >= self.most:
                wait = int(self.times[0] + WINDOW_SECONDS - now) + 1
                raise Bad(429, "Application_TooManyRequests", "Too many requests reached. Actual (429).",
                    [("Retry-After", str(wait))])
            self.times.append(now)


class Service:
    """One tenant's environment."""

    def __init__(self, books, credentials, limit, page_size):
        self.books, self.credentials, self.limit, self.page_size = books, credentials, limit, page_size

    def handle(self, method, base, path, query, headers, body):
        """`path` begins behind `/api/`; `base` is the address up to there."""
        try:
            self.credentials.admit(headers.get("authorization"))
            self.limit.pass_one()
            root = next((root for root in (STANDARD, PAYABLES) if path == root or path.startswith(root + "/")), None)
            if root is None:
                raise Bad(404, "BadRequest_ResourceNotFound", "There is no such API.")
            return self.dispatch(method, f"{base}/{root}", root, path[len(root):].strip("/"), query, headers, body)
        except Bad as bad:
            return refusal(bad)

    def dispatch(self, method, base, root, path, query, headers, body):
        if path == "$batch":
            return self.batch(method, base, root, headers, body)
        unknown = [name for name in query if name.startswith("$") and name not in OPTIONS]
        if unknown:
            raise Bad(400, "BadRequest", f"The query parameter '{unknown[0]}' is not supported.")
        steps = self.steps(path)
        with self.books.store.transaction():
            name, key = steps[0]
            if name != "companies":
                raise Bad(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")
            if key is None or len(steps) == 1:
                return self.read(method, base, "", steps, query, headers)
            if not any(row["id"] == key for row in self.books.companies()):
                raise Bad(404, "Internal_CompanyNotFound", f"The company {key} does not exist.")
            steps = steps[1:]
            if steps[0][0] not in ENTITIES or steps[0][0] == "companies" or (steps[0][0] in OF_PUBLISHER) != (root == PAYABLES):
                raise Bad(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{steps[0][0]}'.")
            if method == "GET":
                return self.read(method, base, key, steps, query, headers)
            return self.change(method, base, key, steps, headers, body)

    @staticmethod
    def steps(path):
        steps = []
        for part in path.split("/"):
            found = SEGMENT.fullmatch(unquote(part))
            if not found:
                raise Bad(404, "BadRequest_NotFound", f"Error in query syntax: {part}")
            steps.append((found.group(1), found.group(2).lower() if found.group(2) else None))
        return steps

    # Reading

    def read(self, method, base, company, steps, query, headers):
        if method != "GET":
            raise Bad(405, "BadRequest_MethodNotAllowed", "This collection is only read.")
        (name, key), rest = steps[0], steps[1:]
        context = f"{base}/$metadata#" + (f"companies({company})/" if company else "") + name
        if key is None and rest in ([], [("$count", None)]):
            return self.collection(base, company, name, self.books.rows(company, name), query, headers, context, bool(rest))
        row = self.books.row(company, name, key) if key else None
        if row is None:
            raise Bad(404, "BadRequest_ResourceNotFound", f"The {entity(name).singular} {key} does not exist.")
        if not rest:
            return Answer(200, {"@odata.context": context + "/$entity", **shape(row, name, query)},
                [("ETag", row["@odata.etag"])])
        if rest[0] == (entity(name).lines, None):
            lines = rest[0][0]
            return self.collection(base, company, lines, row[lines], query, headers, f"{context}({key})/{lines}",
                rest[1:] == [("$count", None)])
        raise Bad(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{rest[0][0]}'.")

    def collection(self, base, company, name, rows, query, headers, context, only_count):
        if query.get("$filter"):
            evaluation = Evaluation(parse_filter(query["$filter"]), name)
            rows = [row for row in rows if evaluation.accepts(row)]
        if only_count:
            return Answer(200, str(len(rows)), [("Content-Type", "text/plain")], is_text=True)
        rows = sort(rows, query.get("$orderby"), name)
        whole(query, "$skip", 0, SKIP_MAX)
        wanted = re.search(r"odata\.maxpagesize=(\d+)", headers.get("prefer", ""))
        size = max(1, min(int(wanted.group(1)), self.page_size)) if wanted else self.page_size
        taken, token = page(rows, query, size)
        value = {"@odata.context": context}
        if query.get("$count") == "true":
            value["@odata.count"] = len(rows)
        value["value"] = [shape(row, name, query) for row in taken]
        if token:
            kept = {key: item for key, item in query.items() if key not in ("$skip", "$top", "$skiptoken")}
            path = context.split("#", 1)[1]
            value["@odata.nextLink"] = f"{base}/{path}?" + urlencode({**kept, "$skiptoken": token}, quote_via=quote, safe="$()',")
        return Answer(200, value)

    # Writing

    def change(self, method, base, company, steps, headers, body):
        (name, key), rest = steps[0], steps[1:]
        if name not in WRITABLE:
            raise Bad(405, "BadRequest_MethodNotAllowed", f"{name} cannot be changed over this API.")
        context = f"{base}/$metadata#companies({company})/{name}/$entity"
        if key is None and not rest and method == "POST":
            row = self.books.create(company, parse(body))
            return self.entity(201, context, name, row, [("Location", f"{base}/companies({company})/{name}({row['id']})")])
        if key is None:
            raise Bad(405, "BadRequest_MethodNotAllowed", f"{method} is not for the collection.")
        row = self.books.draft(company, key)
        if rest and rest[0][0] == "Microsoft.NAV.post" and method == "POST":
            self.books.post(company, row)
            return Answer(204)
        if rest == [(entity(name).lines, None)] and method == "POST":
            return Answer(201, shape(self.books.add_line(company, row, parse(body)), rest[0][0], {}))
        if rest or method not in ("PATCH", "DELETE"):
            raise Bad(405, "BadRequest_MethodNotAllowed", f"{method} is not for this address.")
        self.must_match(headers.get("if-match"), row)
        if method == "DELETE":
            self.books.delete(company, row)
            return Answer(204)
        return self.entity(200, context, name, self.books.update(company, row, parse(body)))

    def entity(self, status, context, name, row, headers=()):
        return Answer(status, {"@odata.context": context, **shape(row, name, {"$expand": entity(name).lines})},
                      [("ETag", row["@odata.etag"]), *headers])

    @staticmethod
    def must_match(tag, row):
        if tag is None:
            raise Bad(428, "BadRequest_PreconditionRequired", "The request must carry If-Match.")
        if tag not in ("*", row["@odata.etag"]):
            raise Bad(412, "Request_EntityChanged", "Another user has already changed the record.")

    # Batches

    def batch(self, method, base, root, headers, body):
        requests = parse(body).get("requests") if method == "POST" else None
        if not isinstance(requests, list) or not 1 <= len(requests) <= BATCH_MAX:
            raise Bad(400, "BadRequest", f"A batch is posted and has 1 to {BATCH_MAX} requests.")
        if "isolation: snapshot" in f"isolation: {headers.get('isolation', '')}".lower():
            return self.snapshot(base, root, requests, headers)
        return Answer(200, {"responses": self.answers(base, root, requests, headers)[0]})

    def snapshot(self, base, root, requests, headers):
        """All of it or nothing."""
        try:
            with self.books.store.transaction():
                said, all_well = self.answers(base, root, requests, headers)
                if not all_well:
                    raise InterruptedError
        except InterruptedError:
            pass
        return Answer(200, {"responses": said})

    def answers(self, base, root, requests, headers):
        """The answers in order, and whether all went well; the first failure ends a batch unless the client prefers to go on."""
        goes_on = "odata.continue-on-error" in headers.get("prefer", "")
        said, all_well = [], True
        for one in requests:
            answer = self.one_of_batch(base, root, one)
            said.append({
                "id": str(one.get("id")), "status": answer.status,
                "headers": {key.lower(): value for key, value in [*JSON_HEADERS, *answer.headers]}, "body": answer.value})
            if answer.status >= 400:
                all_well = False
                if not goes_on:
                    break
        return said, all_well

    def one_of_batch(self, base, root, one):
        try:
            parts = urlsplit(str(one.get("url", "")))
            path = parts.path
            full = urlsplit(base).path
            path = path[len(full):] if path.startswith(full) else path
            inner = {key.lower(): value for key, value in (one.get("headers") or {}).items()}
            body = text(one["body"]).encode() if one.get("body") is not None else b""
            if path.strip("/") == "$batch":
                raise Bad(400, "BadRequest", "A batch holds no batch.")
            return self.dispatch(one.get("method", "GET"), base, root, path.strip("/"), dict(parse_qsl(parts.query)), inner, body)
        except Bad as bad:
            return refusal(bad)
