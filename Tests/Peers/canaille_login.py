#!/usr/bin/env python3
"""Canaille as a tenant's identity provider, on loopback, for journeys of signing in.

  canaille_login.py serve --state DIR --port PORT --client NAME --redirect URL --person NAME=MAIL …

Says on one line of JSON when it is ready, with the issuer, the client's secret and everybody's password; everything else goes to
DIR/canaille.log. It ends on SIGTERM or SIGINT. The state is made anew at every start.
"""
import argparse
import json
import logging
import os
import pathlib
import secrets
import shutil
import signal
import sys
import threading
import wsgiref.simple_server
from socketserver import ThreadingMixIn


class Server(ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *arguments):
        logging.getLogger("requests").info(*arguments)


def configuration(state, port):
    return {
        "SECRET_KEY": secrets.token_hex(32), "SERVER_NAME": f"127.0.0.1:{port}", "PREFERRED_URL_SCHEME": "http",
        # On one machine all ports share their cookies, and the console has one of the usual name.
        "SESSION_COOKIE_NAME": "canaille",
        "CANAILLE": {"NAME": "Brightwater Login", "DATABASE": "sql", "HTMX": False, "ENABLE_PASSWORD_RECOVERY": False},
        "CANAILLE_SQL": {"DATABASE_URI": f"sqlite:///{state}/canaille.sqlite"},
        "CANAILLE_OIDC": {"TRUSTED_DOMAINS": ["127.0.0.1"]},
    }


def fill(app, options):
    """People with passwords of chance, and the client."""
    from canaille.app import models
    from canaille.backends import Backend

    passwords = {}
    with app.app_context(), Backend.instance.session():
        for word in options.person:
            name, _, mail = word.partition("=")
            passwords[name] = secrets.token_urlsafe(16)
            person = models.User(
                user_name=name, emails=[mail], formatted_name=name.title(), family_name=name.title(), password=passwords[name])
            Backend.instance.save(person)
        secret = secrets.token_urlsafe(24)
        client = models.Client(
            client_id=options.client, client_name="Countersign", client_secret=secret, client_uri=f"http://127.0.0.1:{options.port}",
            redirect_uris=[options.redirect], grant_types=["authorization_code"], response_types=["code"],
            scope=["openid", "email", "profile"], token_endpoint_auth_method="client_secret_basic",
            id_token_signed_response_alg=options.algorithm)
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    return secret, passwords


def serve(options):
    state = pathlib.Path(options.state).resolve()
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    logging.basicConfig(filename=state / "canaille.log", level=logging.INFO)
    os.chdir(state)

    from joserfc.jwk import RSAKey
    from canaille import create_app
    from canaille.backends import Backend

    settings = configuration(state, options.port)
    settings["CANAILLE_OIDC"]["ACTIVE_JWKS"] = [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)]
    app = create_app(settings)
    with app.app_context():
        Backend.instance.install(app)
    secret, passwords = fill(app, options)
    server = wsgiref.simple_server.make_server("127.0.0.1", options.port, app, Server, Quiet)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({
        "issuer": f"http://127.0.0.1:{options.port}", "client": options.client, "secret": secret, "passwords": passwords,
    }), flush=True)
    server.serve_forever(poll_interval=0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("serve")
    command.add_argument("--state", required=True)
    command.add_argument("--port", type=int, required=True)
    command.add_argument("--client", required=True)
    command.add_argument("--redirect", required=True)
    command.add_argument("--person", action="append", default=[])
    command.add_argument("--algorithm", default="RS256")
    command.set_defaults(run=serve)
    options = parser.parse_args()
    try:
        options.run(options)
    except ImportError as trouble:
        sys.exit(f"Canaille is not installed ({trouble}); `make setup` brings it.")


main()
