#!/usr/bin/env python3
"""Holds the running server to its OpenAPI document: requests that fit the document and requests that do not, as several people.

It starts `countersign demo` for itself and lets schemathesis ask, with objects that are really there. An answer of the kind 5xx, a
status, a content type or a body that the document does not tell of is a finding.

  check_contract.py --programs DIR [--examples N] [--only ROLE] [--path REGEX]

Ends with 1 when anything was found, 2 when it could not ask.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Browser"))
from demonstration import PASSWORD, Demonstration  # noqa: E402

# Who asks; the last has no session and must be told so, or nothing.
ROLES = ("operator", "controller", "nobody")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Slower than the server's limit of one caller, which would answer 429 to everything else.
PACE = "80/s"
# These end the session that asks, or shut the tenant whose objects everything else is asked about.
LEFT_OUT = r"sessions|me.(password|second-factor)|life.suspend"
# The same requests at every run.
SEED = 20261123


def ask(address, path, token, body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=30) as answer:
        return json.load(answer)


def listed(address, path, token):
    """The first object of a list; None where there is none, or it may not be seen."""
    try:
        answer = ask(address, path, token)
    except urllib.error.HTTPError:
        return None
    lists = [value for value in answer.values() if isinstance(value, list)] if isinstance(answer, dict) else []
    return lists[0][0] if lists and lists[0] and isinstance(lists[0][0], dict) else None


def settings(document, address, token, tenant):
    """What stands in paths, so that requests reach something: a tenant, and of each list its first object."""
    lines = ["[parameters]"]
    for name, value in (("tenant", tenant), ("receiver", tenant), ("workflow", "accounts-payable")):
        lines.append(f'"path.{name}" = {json.dumps(value)}')
    known = set()
    for path in document["paths"]:
        found = re.match(r"(/api/v1/tenants/\{tenant\}/[^{}]+)/\{(\w+)\}", path)
        if not found or found[1] in known or "get" not in document["paths"].get(found[1], {}):
            continue
        known.add(found[1])
        item = listed(address, found[1].replace("{tenant}", tenant), token) if token else None
        value = item and (item.get(found[2]) or item.get("id") or item.get("name"))
        if value is not None:
            pattern = "^" + re.sub(r"([{}])", r"[\1]", found[1]) + "/"
            lines += ["", "[[operations]]", f"include-path-regex = {json.dumps(pattern)}",
                      f'parameters = {{ "path.{found[2]}" = {json.dumps(str(value))} }}']
    return "\n".join(lines) + "\n", len(known)


def judge(address, document, role, email, tenant, examples, path=None):
    """Asks as one person; answers whether nothing was found, and the last lines of what was."""
    token = ask(address, "/api/v1/sessions", None, {"email": email, "password": PASSWORD})["token"] if email else None
    with tempfile.TemporaryDirectory(prefix="countersign-contract-") as folder:
        text, _ = settings(document, address, token, tenant)
        pathlib.Path(folder, "schemathesis.toml").write_text(text)
        program = pathlib.Path(sys.executable).with_name("schemathesis")
        command = [str(program), "run", address + "/api/v1/openapi.json", "--phases", "coverage,fuzzing",
                   "--max-examples", str(examples), "--checks", CHECKS, "--rate-limit", PACE, "--seed", str(SEED),
                   "--exclude-path-regex", LEFT_OUT, "--suppress-health-check", "all", "--no-color"]
        if path:
            command += ["--include-path-regex", path]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        ran = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    cases = re.search(r"(\d+) generated.*", ran.stdout)
    print(f"contract: as {role}: {cases[0] if cases else 'nothing was asked'}", flush=True)
    if ran.returncode == 0 and cases:
        return True
    # Errors, such as no answer in time, stand before failures.
    found = re.search(r"= (?:ERRORS|FAILURES) =.*?(?== WARNINGS =|$)", ran.stdout, re.DOTALL)
    print(found[0] if found else ran.stdout[-4000:])
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="the folder of built programs")
    parser.add_argument("--examples", type=int, default=3, help="made-up requests of each operation and person (3)")
    parser.add_argument("--only", choices=ROLES, help="ask as this role")
    parser.add_argument("--path", help="ask only of paths that match")
    options = parser.parse_args()
    is_good = True
    try:
        with Demonstration(options.programs) as shown:
            document = ask(shown.address, "/api/v1/openapi.json", None)
            people = {role: (email, tenant) for role, email, tenant in reversed(shown.people())}
            tenants = ask(shown.address, "/api/v1/tenants", ask(
                shown.address, "/api/v1/sessions", None,
                {"email": people["operator"][0], "password": PASSWORD})["token"])["items"]
            slugs = {item.get("name"): item.get("slug") for item in tenants}
            home = slugs[people["tenant administrator"][1]]
            print(f"contract: {sum(len(item) for item in document['paths'].values())} operations", flush=True)
            for role in ROLES:
                if options.only in (None, role):
                    email, tenant = people.get(role, (None, ""))
                    slug = slugs.get(tenant, home)
                    is_good &= judge(shown.address, document, role, email, slug, options.examples, options.path)
    except (RuntimeError, OSError, KeyError) as error:
        print(f"contract: {error}", file=sys.stderr)
        return 2
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
