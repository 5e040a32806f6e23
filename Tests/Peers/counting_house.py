#!/usr/bin/env python3
"""A third shape of ERP, for trying out how one is connected: "Counting House 4", invented; one process for all, on loopback only.

  counting_house.py serve --state DIR [--tenant NAME[=ENTRY] …] [--port 0] [--catalogue FILE] [--fresh] [--session-seconds 1800]
  counting_house.py add|dump|count|edit|set-iban|close-period|reopen-period|rotate-password|expire-key|faults --state DIR …

One signs in to a company and gets two cookies. Amounts are whole cents, prices whole hundredths of a cent, quantities whole
thousandths, dates `14.07.2026`, orders' lines are counted in tens. Lists go on after a token. A bill is entered with its
control total, and released under the revision that was read. docs/operating/add-an-erp.md connects it, from an empty file on.
"""
import argparse
import datetime
import hmac
import json
import os
import pathlib
import secrets
import threading
import time
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from cluster import say
from front_door import CONTROL, FrontDoor, Refused
from front_door import say as respond
from peer import add_commands, alone, control, listen, read_catalogue, run, tell, with_rest, write_secret

LOGIN = "ap-bot"
ROWS_MAX = 200
UNITS = {"C62": "pce", "HUR": "hour", "LTR": "litre", "KGM": "kg", "DAY": "day", "MTR": "metre"}
REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict",
           422: "Unprocessable Content", 440: "Login Timeout"}


class Wrong(Exception):
    """What a caller is told: the status, a code, a sentence, and where."""

    def __init__(self, status, code, text, at=None):
        super().__init__(text)
        self.status, self.errors = status, [{"code": code, "text": text, **({"at": at} if at else {})}]


def scaled(value, factor):
    return int((Decimal(value) * factor).to_integral_value(ROUND_HALF_UP))


def shown(day):
    """A date of the catalogue as this house writes it."""
    return datetime.date.fromisoformat(day or datetime.date.today().isoformat()).strftime("%d.%m.%Y")


def whole(row, name, least=None):
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        raise Wrong(422, "FORM", f"{name} is a whole number" + ("" if least is None else f" from {least}"), name)
    return value


def words(row, name, most, needed=True):
    value = row.get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise Wrong(422, "FORM", f"{name} is a text of 1 to {most} characters", name)
    return value


def day(row, name):
    try:
        return datetime.datetime.strptime(row.get(name) or "", "%d.%m.%Y").date().strftime("%d.%m.%Y")
    except (ValueError, TypeError):
        raise Wrong(422, "FORM", f"{name} is a date such as 14.07.2026", name) from None


class House:
    """One tenant's books: rows by company and kind, in a file that is written after every change."""

    def __init__(self, file, seconds):
        self.file, self.seconds, self.lock, self.sessions = file, seconds, threading.RLock(), {}
        self.books = json.loads(file.read_text()) if file.exists() else {}

    def begin(self, entry, catalogue):
        self.books = {
            "catalogue": catalogue, "password": secrets.token_urlsafe(18), "last": 0, "closed": [],
            "companies": {one["code"]: {"name": one["name"], "currency": one["currency"]} for one in entry["companies"]},
            "taxes": [{"code": f"T{rate}", "permille": scaled(rate, 10)} for rate in entry["taxRates"]],
            "suppliers": [], "orders": [], "receipts": [], "bills": []}
        self.add(entry)

    def save(self):
        write_secret(self.file, json.dumps(self.books))

    def new(self, kind, row):
        self.books["last"] += 1
        row = {"id": self.books["last"], "rev": 1, **row}
        self.books[kind].append(row)
        return row

    def one(self, kind, **wanted):
        return next((row for row in self.books[kind] if all(row[key] == value for key, value in wanted.items())), None)

    # What the catalogue says

    def add(self, data):
        with self.lock:
            goods = {row["item"]: row.get("receiptRequired", True) for row in data.get("products", [])}
            for row in data.get("suppliers", []):
                fresh = {
                    "code": row["number"], "name": row["name"], "vatNo": row.get("vatId"), "terms": row.get("terms"),
                    "currency": row.get("currency"), "stopped": 1 if row.get("blocked") else 0,
                    "addr": {"line": row.get("street"), "town": row.get("city"), "zip": row.get("postCode"),
                             "land": row.get("country")},
                    "banks": [{"iban": row["iban"], "bic": row.get("bic")}] if row.get("iban") else [],
                    "changed": int(time.time())}
                known = self.one("suppliers", code=row["number"])
                known.update(fresh, rev=known["rev"] + 1) if known else self.new("suppliers", fresh)
            for row in data.get("orders", []):
                if not self.one("orders", no=row["number"]):
                    self.order(row, goods)
            for row in data.get("receipts", []):
                self.receive(row)
            self.save()
            return self.counts()

    def order(self, row, goods):
        lines = [{
            "pos": 10 * int(line.get("line", index)), "text": line.get("description"), "item": line.get("item"),
            "quantity": scaled(line["quantity"], 1000), "unit": UNITS.get(line.get("unit", "C62"), line.get("unit")),
            "price": scaled(line["unitPrice"], 10000),
            "net": scaled(Decimal(line["quantity"]) * Decimal(line["unitPrice"]), 100),
            "stocked": bool(line.get("receiptRequired", goods.get(line.get("item"), True))), "received": 0,
        } for index, line in enumerate(row["lines"], 1)]
        self.new("orders", {
            "no": row["number"], "company": row.get("company") or next(iter(self.books["companies"])),
            "supplier": {"code": row["supplierNumber"]}, "placed": shown(row.get("orderDate")), "currency": row["currency"],
            "status": 1 if row.get("state") == "draft" else 3, "lines": lines})
        share = {"all": Decimal(1), "half": Decimal("0.5")}.get(row.get("receipt"))
        if share:
            self.receive({
                "number": "GR-" + row["number"], "orderNumber": row["number"], "receiptDate": row.get("receiptDate"), "lines": [
                    {"orderLine": line["pos"] // 10, "quantity": Decimal(line["quantity"]) / 1000 * share}
                    for line in lines if line["stocked"]]})

    def receive(self, row):
        order, lines, received = self.one("orders", no=row["orderNumber"]), [], Counter()
        if not order:
            raise Refused(409, f"there is no order {row['orderNumber']}")
        parts = [one for one in self.books["receipts"] if f"{one['no']}/".startswith(row["number"] + "/")]
        for line in (line for part in parts for line in part["lines"]):
            received[line["pos"] // 10] += Decimal(line["quantity"]) / 1000
        row = with_rest(row, received, len(parts) + 1) if parts else row
        if not row:
            return
        for line in row["lines"]:
            ordered = next(one for one in order["lines"] if one["pos"] == 10 * int(line["orderLine"]))
            quantity = scaled(line.get("accepted") or line["quantity"], 1000)
            ordered["received"] += quantity
            lines.append({"pos": ordered["pos"], "quantity": quantity, "unit": ordered["unit"]})
        self.new("receipts", {
            "no": row["number"], "company": order["company"], "order": order["no"], "supplier": order["supplier"]["code"],
            "note": row.get("deliveryNote"), "day": shown(row.get("receiptDate")), "lines": lines})

    # What a caller may do

    def sign_in(self, body):
        known = hmac.compare_digest(str(body.get("password")).encode(), self.books["password"].encode())
        if body.get("user") != LOGIN or not known:
            raise Wrong(401, "LOGIN", "user or password is wrong")
        if body.get("company") not in self.books["companies"]:
            raise Wrong(422, "COMPANY", f"there is no company {body.get('company')} here", "company")
        session = secrets.token_hex(16)
        self.sessions[session] = (body["company"], time.monotonic() + self.seconds)
        return 200, {"session": session, "company": body["company"], "seconds": self.seconds}, [
            ("Set-Cookie", f"CHSESSION={session}; Path=/; HttpOnly; SameSite=Strict"), ("Set-Cookie", "CHNODE=n1; Path=/")]

    def company(self, cookies):
        found = self.sessions.get(cookies["CHSESSION"].value if "CHSESSION" in cookies else "")
        if found is None or found[1] < time.monotonic():
            raise Wrong(440, "SESSION", "sign in first: the session has ended")
        return found[0]

    def list(self, kind, company, query):
        names = {"suppliers": {"code": "code", "vat": "vatNo"}, "orders": {"no": "no"}, "receipts": {"order": "order"},
                 "bills": {"supplier": "supplier", "ref": "ref"}, "taxes": {}}[kind]
        unknown = set(query) - set(names) - {"rows", "after", "iban"}
        if unknown:
            raise Wrong(400, "QUERY", f"{kind} cannot be asked by {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        rows = [row for row in self.books[kind] if row.get("company", company) == company and all(
            row[names[key]] == value for key, value in query.items() if key in names)]
        if "iban" in query:
            rows = [row for row in rows if any(bank["iban"] == query["iban"] for bank in row.get("banks", []))]
        after, most = query.get("after", "0"), query.get("rows", "50")
        if not after.isdigit() or not most.isdigit() or not 1 <= int(most) <= ROWS_MAX:
            raise Wrong(400, "QUERY", f"rows is a number from 1 to {ROWS_MAX}, and after a token of the page before")
        page = rows[int(after):int(after) + int(most)]
        rest = len(rows) > int(after) + len(page)
        return 200, {"rows": page, **({"after": str(int(after) + len(page))} if rest else {})}, []

    def enter(self, company, body):
        supplier = self.one("suppliers", code=words(body, "supplier", 20))
        if not supplier or supplier["stopped"]:
            raise Wrong(422, "SUPPLIER", f"{body['supplier']} is {'stopped' if supplier else 'no supplier'} here", "supplier")
        row = {
            "company": company, "supplier": supplier["code"], "ref": words(body, "ref", 30), "kind": words(body, "kind", 1),
            "day": day(body, "day"), "currency": words(body, "currency", 3), "order": words(body, "order", 20, needed=False),
            "memo": words(body, "memo", 120, needed=False), "state": "E", "lines": [], "ledgerNo": None}
        if row["kind"] not in ("I", "C"):
            raise Wrong(422, "FORM", "kind is I for an invoice or C for a credit note", "kind")
        by_rate, rates = {}, {tax["code"]: tax["permille"] for tax in self.books["taxes"]}
        for line in body.get("lines") if isinstance(body.get("lines"), list) else []:
            if line.get("tax") not in rates:
                raise Wrong(422, "TAX", f"there is no tax {line.get('tax')}; there are {', '.join(rates)}", "tax")
            quantity, price = whole(line, "quantity"), whole(line, "price", 0)
            net = scaled(Decimal(quantity) * price / 100000, 1)
            by_rate[line["tax"]] = by_rate.get(line["tax"], 0) + net
            row["lines"].append({"text": words(line, "text", 80), "account": words(line, "account", 10), "quantity": quantity,
                                 "price": price, "tax": line["tax"], "net": net})
        row["net"] = sum(by_rate.values())
        row["taxes"] = sum(scaled(Decimal(net) * rates[code] / 1000, 1) for code, net in by_rate.items())
        row["gross"] = row["net"] + row["taxes"]
        if whole(body, "control") != row["gross"]:
            raise Wrong(422, "CONTROL", f"the lines and their taxes make {row['gross']} and not {body['control']}", "control")
        row = self.new("bills", row)
        return 201, {"id": row["id"], "rev": row["rev"]}, []

    def release(self, bill, body):
        if whole(body, "rev") != bill["rev"]:
            raise Wrong(409, "REV", f"the bill is in revision {bill['rev']}", "rev")
        if bill["state"] != "E":
            raise Wrong(422, "STATE", "only a bill that was entered can be released")
        if f"{bill['company']}/{bill['day'][3:]}" in self.books["closed"]:
            raise Wrong(422, "PERIOD", f"the period {bill['day'][3:]} is closed", "day")
        if any(one["ref"] == bill["ref"] and one["supplier"] == bill["supplier"] and one["company"] == bill["company"]
               and one["state"] == "R" for one in self.books["bills"]):
            raise Wrong(422, "DOUBLE", f"{bill['supplier']} has a released bill {bill['ref']} already", "ref")
        count = sum(one["state"] == "R" for one in self.books["bills"])
        bill.update(state="R", rev=bill["rev"] + 1, ledgerNo=f"VB-{count + 1:06d}")
        return 200, bill, []

    def handle(self, method, place, query, body, cookies):
        with self.lock:
            if (method, place) == ("POST", ["session"]):
                return self.sign_in(body)
            company = self.company(cookies)
            if method == "GET" and place == ["company"]:
                return 200, {"code": company, **self.books["companies"][company]}, []
            if method == "GET" and len(place) == 1 and place[0] in ("suppliers", "orders", "receipts", "taxes", "bills"):
                return self.list(place[0], company, query)
            answer = None
            if (method, place) == ("POST", ["bills"]):
                answer = self.enter(company, body)
            elif place[:1] == ["bills"] and len(place) > 1 and place[1].isdigit():
                bill = self.one("bills", id=int(place[1]), company=company)
                if not bill:
                    raise Wrong(404, "BILL", f"there is no bill {place[1]}")
                if method == "GET" and len(place) == 2:
                    return 200, bill, []
                if method == "POST" and place[2:] == ["release"]:
                    answer = self.release(bill, body)
            if answer is None:
                raise Wrong(404, "PLACE", "there is nothing at this address")
            self.save()
            return answer

    # For whoever runs the peer

    def counts(self):
        return {kind: len(self.books[kind]) for kind in ("suppliers", "orders", "receipts", "bills")}

    def ledger(self):
        bills = [{**one, "id": str(one["id"]), "reference": one["ref"], "supplierNumber": one["supplier"],
                  "state": "posted" if one["state"] == "R" else "draft"} for one in self.books["bills"]]
        seen = Counter(f"{one['supplier']}/{one['ref']}" for one in self.books["bills"])
        return {"bills": bills, "count": len(bills), "distinct": len(seen),
                "posted": sum(one["state"] == "posted" for one in bills),
                "doubled": sorted(key for key, times in seen.items() if times > 1)}

    def edit(self, kind, number, values):
        row = self.one("bills", ref=number) if kind == "invoice" else self.one("suppliers", code=number)
        if not row:
            raise Refused(409, f"there is no {kind} {number}")
        return self.change(row, **{"ref" if key == "reference" else key: value for key, value in values.items()})

    def change(self, row, **values):
        with self.lock:
            row.update(values, **({"rev": row["rev"] + 1} if "rev" in row else {}))
            self.save()
        return {"login": LOGIN, **values}

    def period(self, given, is_open):
        code = given.get("company") or next(iter(self.books["companies"]))
        name = f"{code}/{shown(given['date'])[3:]}"
        return self.change(self.books, closed=[one for one in self.books["closed"] if one != name] + ([] if is_open else [name]))


class Server:
    def __init__(self, options):
        self.state, self.options = pathlib.Path(options.state).resolve(), options
        self.entries = read_catalogue(options.catalogue, options.tenant)

    def run(self):
        with alone(self.state):
            self.houses, begun = {}, time.monotonic()
            for tenant, entry in self.entries.items():
                house = House(self.state / f"{tenant}.json", self.options.session_seconds)
                stamp = json.dumps(entry, sort_keys=True)
                if self.options.fresh or house.books.get("catalogue") != stamp:
                    house.begin(entry, stamp)
                self.houses[tenant] = house
            with open(self.state / "counting-house.log", "w", buffering=1) as errors:
                door = FrontDoor(self.application, lambda path: path.split("/")[1], self.is_write, self.control, errors)
                server, url = listen(door, self.options.port)
                databases = {tenant: {
                    "name": tenant, "login": LOGIN, "password": house.books["password"], "api": f"{url}/{tenant}",
                    "companies": [{"code": code, **one} for code, one in house.books["companies"].items()],
                    "control": f"{url}{CONTROL}/{tenant}"} for tenant, house in self.houses.items()}
                tell(self.state, {"ready": True, "url": url, "databases": databases, "control": url + CONTROL, "pid": os.getpid(),
                                  "seconds": round(time.monotonic() - begun, 1)})
                server.run()
                say("ended")

    @staticmethod
    def is_write(method, path, body):
        return method != "GET" and not path.endswith("/session")

    def application(self, environ, start_response):
        place = environ.get("PATH_INFO", "/").strip("/").split("/")
        query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).items()}
        try:
            if place[0] not in self.houses:
                raise Wrong(404, "PLACE", "there is nothing at this address")
            body = json.loads(environ["wsgi.input"].read() or b"{}")
            if not isinstance(body, dict):
                raise Wrong(400, "FORM", "the body is an object")
            cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
            status, value, headers = self.houses[place[0]].handle(environ["REQUEST_METHOD"], place[1:], query, body, cookies)
        except Wrong as wrong:
            status, value, headers = wrong.status, {"errors": wrong.errors}, []
        except ValueError as error:
            status, value, headers = 400, {"errors": [{"code": "FORM", "text": f"the body is no JSON: {error}"}]}, []
        return respond(start_response, f"{status} {REASONS[status]}", value, headers)

    def control(self, method, place, given):
        return control(self.houses, place, method, lambda tenant: self.calls(self.houses[tenant], given))

    def calls(self, house, given):
        return {
            "ledger": house.ledger, "count": house.counts, "data": lambda: house.add(given),
            "edit": lambda: house.edit(given["kind"], given["number"], given["set"]),
            "set-iban": lambda: house.change(house.one("suppliers", code=given["supplier"]), banks=[{"iban": given["iban"]}]),
            "close-period": lambda: house.period(given, False), "reopen-period": lambda: house.period(given, True),
            "rotate-password": lambda: house.change(house.books, password=secrets.token_urlsafe(18)),
            "expire-key": lambda: house.sessions.clear() or {"sessions": 0},
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A small ERP with session cookies, for tests.")
    serve = add_commands(parser, [LOGIN], ["invoice", "party"])
    serve.add_argument("--session-seconds", type=int, default=1800, help="life of a session")
    run(parser.parse_args(), Server)
