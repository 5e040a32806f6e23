#!/usr/bin/env python3
"""An OData v4 ERP in the manner of Business Central, for tests: one process, an environment per tenant, on loopback.

  odata.py serve --state DIR --tenant NAME[=ENTRY] … [--port 0] [--catalogue FILE.json] [--fresh]
                 [--page-size 100] [--requests-max 6000] [--token-seconds 3599]
  odata.py add|dump|count|edit|set-iban|close-period|reopen-period|rotate-password|expire-key|new-key|faults --state DIR …

It speaks the catalogue, the ready line and the commands of tryton.py.
docs/reference/peers.md tells where it differs from the original.
"""
import argparse
import json
import os
import pathlib
import secrets
import time
from urllib.parse import parse_qsl

import flask

from cluster import say
from front_door import CONTROL, FrontDoor
from odata_books import Books, Store
from odata_model import guid
from odata_service import JSON_HEADERS, PAYABLES, SCOPE, STANDARD, Credentials, Limit, Service
from peer import add_commands, alone, control, listen, read_catalogue, run, tell, write_secret

ENVIRONMENT = "production"
LOGIN = "AP-BOT"
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


class Server:
    def __init__(self, options):
        self.state = pathlib.Path(options.state).resolve()
        self.options = options
        self.entries = read_catalogue(options.catalogue, options.tenant)
        self.begun = time.monotonic()
        self.secrets_file = self.state / "tenants.json"
        self.books, self.services = {}, {}

    def run(self):
        with alone(self.state):
            self.store = Store(self.state / "odata.sqlite")
            self.known = json.loads(self.secrets_file.read_text()) if self.secrets_file.exists() else {}
            for tenant, entry in self.entries.items():
                self.admit(tenant, entry)
            write_secret(self.secrets_file, json.dumps(self.known, indent=1))
            self.serve()

    def admit(self, tenant, entry):
        """Books and credentials of a tenant; both stay when they are there already and the catalogue is the same."""
        stamp = guid(json.dumps(entry, sort_keys=True))
        books = Books(self.store, tenant)
        if self.options.fresh or self.known.get(tenant, {}).get("catalogue") != stamp:
            with self.store.transaction():
                self.store.forget(tenant)
                books.add(entry)
            self.known[tenant] = {
                "catalogue": stamp, "clientId": guid(tenant, "client"), "clientSecret": secrets.token_urlsafe(24), "login": LOGIN,
                "password": secrets.token_urlsafe(24), "signing": secrets.token_hex(32), "generation": 1, "isExpired": False}
            say(f"{tenant} has fresh books")
        self.books[tenant] = books
        self.services[tenant] = Service(
            books, Credentials(self.known[tenant], self.options.token_seconds), Limit(self.options.requests_max),
            self.options.page_size)

    def serve(self):
        with open(self.state / "odata.log", "w", buffering=1) as errors:
            door = FrontDoor(self.application(), tenant_of, is_write, self.control, errors)
            server, self.url = listen(door, self.options.port)
            tell(self.state, self.ready())
            say(f"ready at {self.url} after {time.monotonic() - self.begun:.1f} s")
            server.run()
            say("ended")

    def application(self):
        app = flask.Flask(__name__)

        @app.route(f"/v2.0/<tenant>/{ENVIRONMENT}/api/<path:path>", methods=METHODS)
        def api(tenant, path):
            if tenant not in self.services:
                return respond({"error": {"code": "Internal_TenantNotFound", "message": f"There is no tenant {tenant}."}}, 404)
            request = flask.request
            headers = {key.lower(): value for key, value in request.headers.items()}
            base = f"{self.url}/v2.0/{tenant}/{ENVIRONMENT}/api"
            answer = self.services[tenant].handle(
                request.method, base, path, dict(parse_qsl(request.query_string.decode())), headers, request.get_data())
            response = flask.Response(answer.body, answer.status)
            if answer.value is None:
                del response.headers["Content-Type"]
            for name, value in ([] if answer.value is None or answer.is_text else JSON_HEADERS):
                response.headers[name] = value
            for name, value in answer.headers:
                if name == "WWW-Authenticate":
                    response.headers.add(name, value)
                else:
                    response.headers[name] = value
            return response

        @app.route("/<tenant>/oauth2/v2.0/token", methods=["POST"])
        def token(tenant):
            if tenant not in self.services:
                return respond({"error": "invalid_tenant", "error_description": f"There is no tenant {tenant}."}, 400)
            answer = self.services[tenant].credentials.token(flask.request.form)
            return respond(answer.value, answer.status, answer.headers)

        @app.errorhandler(404)
        def nowhere(_):
            return respond({"error": {"code": "BadRequest_ResourceNotFound", "message": "There is nothing at this address."}},
                404)

        return app

    def ready(self):
        databases = {}
        for tenant in self.entries:
            facts, companies = self.known[tenant], self.books[tenant].companies()
            api = f"{self.url}/v2.0/{tenant}/{ENVIRONMENT}/api"
            databases[tenant] = {
                "name": tenant, "key": facts["password"], "login": LOGIN, "password": facts["password"],
                "clientId": facts["clientId"],
                "clientSecret": facts["clientSecret"], "scope": SCOPE, "tokenUrl": f"{self.url}/{tenant}/oauth2/v2.0/token",
                "companyId": companies[0]["id"], "companies": [
                    {"code": one["name"], "id": one["id"], "name": one["displayName"], "currency": one["currencyCode"]}
                    for one in companies],
                "api": f"{api}/{STANDARD}", "bankApi": f"{api}/{PAYABLES}", "control": f"{self.url}{CONTROL}/{tenant}"}
        return {
            "ready": True, "url": self.url, "databases": databases, "control": self.url + CONTROL, "pid": os.getpid(),
            "seconds": round(time.monotonic() - self.begun, 1)}

    def control(self, method, words, given):
        return control(self.books, words, method, lambda tenant: self.calls(tenant, given))

    def calls(self, tenant, given):
        books, facts = self.books[tenant], self.known[tenant]
        return {
            "ledger": lambda: books.ledger(), "count": lambda: books.counts(), "data": lambda: books.add(given),
            "edit": lambda: books.edit(given["kind"], given["number"], given["set"]),
            "set-iban": lambda: books.set_iban(given["supplier"], given["iban"]),
            "close-period": lambda: books.close_period(given["date"], given.get("company")),
            "reopen-period": lambda: books.close_period(given["date"], given.get("company"), is_open=True),
            "rotate-password": lambda: self.change(facts, password=secrets.token_urlsafe(24)),
            "expire-key": lambda: self.change(facts, isExpired=True, generation=facts["generation"] + 1),
            "new-key": lambda: self.change(facts, isExpired=False, clientSecret=secrets.token_urlsafe(24)),
        }

    def change(self, facts, **values):
        facts.update(values)
        write_secret(self.secrets_file, json.dumps(self.known, indent=1))
        return {"login": LOGIN, **{name: values[name] for name in ("password", "clientSecret", "isExpired") if name in values}}


def respond(value, status, headers=()):
    response = flask.Response(json.dumps(value), status, [("Content-Type", "application/json"), *headers])
    return response


def tenant_of(path):
    parts = path.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "v2.0" else parts[1]


def is_write(method, path, body):
    return method != "GET" and not path.endswith("/token")


def arguments():
    parser = argparse.ArgumentParser(description="An OData v4 ERP for tests.")
    serve = add_commands(parser, [LOGIN], ["invoice", "party"])
    serve.add_argument("--page-size", type=int, default=100, help="rows of a page before a next link")
    serve.add_argument("--requests-max", type=int, default=6000, help="requests of a tenant in five minutes, then 429")
    serve.add_argument("--token-seconds", type=int, default=3599)
    options = parser.parse_args()
    if options.command == "serve" and min(options.page_size, options.requests_max, options.token_seconds) < 1:
        parser.error("page size, requests and token seconds are at least 1")
    return options


if __name__ == "__main__":
    run(arguments(), Server)
