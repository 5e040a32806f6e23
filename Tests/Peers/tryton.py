#!/usr/bin/env python3
"""Tryton as the tenants' ERP: one process, a database per tenant, on loopback, for tests and demonstrations.

  tryton.py serve --state DIR --tenant NAME[=ENTRY] … [--port 0] [--catalogue FILE.json] [--fresh]
  tryton.py add|dump|count|edit|set-iban|close-period|reopen-period|rotate-password|expire-key|new-key|faults --state DIR …

`serve` says on one line of JSON when it is ready, and where; everything else it says goes to stderr. It ends on SIGTERM or
SIGINT, its PostgreSQL with it, and may be killed at any time. The other commands ask the server that runs on DIR.
docs/reference/peers.md has the rest.
"""
import argparse
import csv
import datetime
import hashlib
import importlib.metadata
import io
import json
import logging
import os
import pathlib
import re
import secrets
import subprocess
import sys
import time

from cluster import Cluster, say
from front_door import CONTROL, FrontDoor
from peer import HERE, Unfit, add_commands, alone, control, listen, read_catalogue, run, tell, write_secret

# With this package Tryton asks the DNS of every mail address whether its domain exists. Another peer brings it along; the invented
# domains here exist nowhere, and no test asks a name server. A module of None cannot be imported.
NO_LOOKUPS = "import sys; sys.modules['email_validator'] = None; "
sys.modules["email_validator"] = None

MODULES = (
    "account account_invoice account_invoice_stock account_payment account_payment_sepa account_product bank company country "
    "currency party product purchase stock").split()
TEMPLATES_MAX = 12
READS = re.compile(rb'"method"\s*:\s*"(common\.|model\.[a-z0-9_.]+\.(read|search|search_read|search_count|fields_get|default_get|'
                   rb'get_preferences|browse|fields_view_get)")')
ROBOT = "ap-bot"
LOGINS = (ROBOT, "approver", "reader", "admin")


def digest(*parts):
    sum_ = hashlib.sha256()
    for part in parts:
        sum_.update(json.dumps(part, sort_keys=True).encode())
    return sum_.hexdigest()[:12]


def versions():
    """Of the server and its modules; another one asks for other templates."""
    return {name: importlib.metadata.version(name) for name in ["trytond", *(f"trytond_{module}" for module in MODULES)]}


class Server:
    """Databases from templates, and the process that serves them."""

    def __init__(self, options):
        self.state = pathlib.Path(options.state).resolve()
        self.port = options.port
        self.is_fresh = options.fresh
        self.entries = read_catalogue(options.catalogue, options.tenant)
        self.begun = time.monotonic()
        self.secrets_file = self.state / "tenants.json"
        self.books = {}

    def run(self):
        with alone(self.state), Cluster(self.state) as cluster:
            self.cluster = cluster
            self.configure()
            known = self.databases()
            self.serve(self.load(), known)

    # Databases

    def configure(self):
        file = self.state / "trytond.conf"
        file.write_text(f"[database]\nuri = {self.cluster.uri}\n\n[queue]\nworker = False\n")
        os.environ["TRYTOND_CONFIG"] = str(file)
        # Tryton writes every refusal with its stack, to the log and to what its HTTP server offers for errors.
        self.errors = open(self.state / "tryton.log", "w", buffering=1)
        logging.basicConfig(stream=self.errors, level=logging.WARNING)

    def databases(self):
        """Sees to it that every tenant has its database, and answers what is known about them."""
        there = self.cluster.databases()
        known = json.loads(self.secrets_file.read_text()) if self.secrets_file.exists() else {}
        sources = [(HERE / name).read_text() for name in ("tryton_company.py", "tryton_books.py")]
        for tenant, entry in self.entries.items():
            template = "seeded_" + digest(entry, sources, versions(), datetime.date.today().year)
            database = "erp_" + re.sub("[^a-z0-9]", "_", tenant)
            is_current = known.get(tenant, {}).get("template") == template and database in there
            if is_current and not self.is_fresh:
                continue
            self.template(template, entry)
            self.cluster.drop(database)
            self.cluster.copy(template, database)
            say(f"{tenant} has a fresh database")
            known[tenant] = {"name": database, "template": template}
            self.keep(known)
        self.forget_templates({known[tenant]["template"] for tenant in self.entries})
        return known

    def keep(self, known):
        """Writes what is known, with the secrets, where only its owner may look."""
        write_secret(self.secrets_file, json.dumps(known, indent=1))

    def template(self, name, entry):
        """A database with the entry's companies and goods; made once."""
        if name in self.cluster.databases():
            return
        modules = "modules_" + digest(versions())
        self.make(modules, None, self.activate)
        say(f"seeding {name}")
        begun = time.monotonic()
        self.make(name, modules, lambda making: self.seed(making, entry))
        say(f"seeded in {time.monotonic() - begun:.1f} s")

    def make(self, name, template, fill):
        """Gives the database its name only when it is complete, so that a kill leaves nothing half done."""
        if name in self.cluster.databases():
            return
        making = "making_" + name
        self.cluster.drop(making)
        if template:
            self.cluster.copy(template, making)
        else:
            self.cluster.run("postgres", f'CREATE DATABASE "{making}"')
        fill(making)
        self.cluster.run("postgres", f'ALTER DATABASE "{making}" RENAME TO "{name}"')

    def activate(self, database):
        say("activating Tryton's modules, once; this takes a minute or two")
        begun = time.monotonic()
        password = self.state / "password"
        password.write_text(secrets.token_urlsafe(24))
        program = NO_LOOKUPS + "from trytond.cli.admin import main; sys.exit(main())"
        self.child(
            [sys.executable, "-c", program, "-c", os.environ["TRYTOND_CONFIG"], "-d", database, "--email", "admin@peer.example",
             "-u", *MODULES, "--activate-dependencies"], TRYTONPASSFILE=str(password))
        password.unlink()
        say(f"modules are active after {time.monotonic() - begun:.1f} s")

    def seed(self, database, entry):
        file = self.state / "entry.json"
        file.write_text(json.dumps(entry))
        self.child([sys.executable, HERE / "tryton_company.py", database, file])
        file.unlink()

    def child(self, command, **environment):
        ended = subprocess.run(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True)
        if ended.returncode != 0:
            raise Unfit(f"{pathlib.Path(command[0]).name} failed:\n{ended.stderr[-4000:]}")

    def forget_templates(self, needed):
        there = self.cluster.run("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'seeded\\_%' ORDER BY oid DESC")
        for (name,) in there[TEMPLATES_MAX:]:
            if name not in needed:
                self.cluster.drop(name)

    # Serving

    def load(self):
        """Tryton's application with the pools of all tenants. They are named here because the server, asked for a database
        that it has not loaded, fails at its first login and at every later one."""
        names = io.StringIO()
        csv.writer(names).writerow(self.database_names().values())
        os.environ["TRYTOND_DATABASE_NAMES"] = names.getvalue().strip()
        from trytond.application import app
        return app

    def database_names(self):
        return {tenant: "erp_" + re.sub("[^a-z0-9]", "_", tenant) for tenant in self.entries}

    def serve(self, app, known):
        from tryton_books import Books
        for tenant in self.entries:
            self.books[tenant] = Books(known[tenant]["name"])
            if "key" not in known[tenant]:
                self.admit(tenant, known[tenant])
                self.keep(known)
        self.known = known
        tenants = {name: tenant for tenant, name in self.database_names().items()}
        door = FrontDoor(app, lambda path: tenants.get(path.split("/")[1]), is_write, self.control, self.errors)
        server, self.url = listen(door, self.port)
        tell(self.state, self.ready())
        say(f"ready at {self.url} after {time.monotonic() - self.begun:.1f} s")
        server.run()
        say("ended")

    def admit(self, tenant, facts):
        """Passwords and a key of this tenant's own; the template's are nobody's."""
        books = self.books[tenant]
        facts["passwords"] = {login: books.set_password(login) for login in LOGINS}
        facts["key"] = books.new_key(ROBOT)
        facts["companies"] = books.facts()

    def ready(self):
        databases = {}
        for tenant in self.entries:
            facts = self.known[tenant]
            databases[tenant] = {
                "name": facts["name"], "key": facts["key"], "login": ROBOT, "password": facts["passwords"][ROBOT],
                "companyId": facts["companies"][0]["id"], "companies": facts["companies"], "passwords": facts["passwords"],
                "rpc": f"{self.url}/{facts['name']}/rpc/", "rest": f"{self.url}/{facts['name']}/rest/model",
                "control": f"{self.url}{CONTROL}/{tenant}"}
        return {
            "ready": True, "url": self.url, "databases": databases, "control": self.url + CONTROL, "pid": os.getpid(),
            "seconds": round(time.monotonic() - self.begun, 1)}

    # Control

    def control(self, method, words, given):
        return control(self.books, words, method, lambda tenant: self.calls(tenant, given))

    def calls(self, tenant, given):
        books, facts = self.books[tenant], self.known[tenant]
        return {
            "ledger": lambda: books.ledger(), "data": lambda: books.add(given),
            "count": lambda: books.perform(books.counts, readonly=True),
            "edit": lambda: books.edit(given["kind"], given["number"], given["set"]),
            "set-iban": lambda: books.set_iban(given["supplier"], given["iban"]),
            "close-period": lambda: books.close_period(given["date"], given.get("company")),
            "reopen-period": lambda: books.reopen_period(given["date"], given.get("company")),
            "rotate-password": lambda: self.rotate(books, facts, given.get("login", ROBOT)),
            "expire-key": lambda: books.expire_keys(given.get("login", ROBOT)),
            "new-key": lambda: self.renew(books, facts),
        }

    def rotate(self, books, facts, login):
        facts["passwords"][login] = books.set_password(login)
        self.keep(self.known)
        return {"login": login, "password": facts["passwords"][login]}

    def renew(self, books, facts):
        facts["key"] = books.new_key(ROBOT)
        self.keep(self.known)
        return {"login": ROBOT, "key": facts["key"]}


def is_write(method, path, body):
    if method == "GET":
        return False
    return not (path.endswith("/rpc/") and READS.search(body))


def arguments():
    parser = argparse.ArgumentParser(description="Tryton as the tenants' ERP, for tests and demonstrations.")
    add_commands(parser, LOGINS, ["invoice", "party"])
    return parser.parse_args()


if __name__ == "__main__":
    run(arguments(), Server)
