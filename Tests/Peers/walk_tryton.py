"""Walks accounts payable through Tryton by plain HTTP, as a connector would, and says what it saw."""
import base64
import concurrent.futures
import datetime
import json
import time

from front_door import ask
from wire import Wire

TENANT, OTHER = "brightwater-foods", "kestrel-labs"
PARALLEL = 6
GUESSES_MAX = 12
SESSION_STAND_IN = "0" * 64


def packed(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def decimal(text):
    return {"__class__": "Decimal", "decimal": text}


def day(value):
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


class TrytonWalk:
    def __init__(self, ready, findings, directory=None):
        self.ready = ready
        self.facts = ready["databases"][TENANT]
        self.other = ready["databases"][OTHER]
        self.expect = findings.expect
        self.wire = Wire(ready["url"], directory)
        for facts in (self.facts, self.other):
            self.wire.conceal(facts["key"], "REST-KEY")
            for login, password in facts["passwords"].items():
                self.wire.conceal(password, f"PASSWORD-OF-{login.upper()}")
        self.context = {"company": self.facts["companyId"], "language": "en"}
        self.today = datetime.date.today()
        self.session = {}
        self.number = "W-1001"

    def run(self):
        self.log_in()
        self.read()
        self.post_a_bill()
        self.pay_it()
        self.post_it_twice()
        self.bad_values()
        self.stale()
        self.contention()
        self.late_changes()
        self.isolation()
        self.mishaps()
        self.rotation()
        self.guess()

    # Calls

    def rpc(self, method, *params, context=None, session=None, name=None, about=None, database=None):
        headers = self.session if session is None else session
        return self.wire.call(
            "POST", f"/{database or self.facts['name']}/rpc/",
            {"id": 1, "method": method, "params": [*params, {**self.context, **(context or {})}]}, headers, name, about)

    def rest(self, path, key=None, name=None, about=None, headers=None, database=None, method="GET", value=None):
        return self.wire.call(
            method, f"/{database or self.facts['name']}/rest/model/{path}", value,
            {"Authorization": f"Bearer {key or self.facts['key']}", "X-Tryton-Context": packed(self.context), **(headers or {})},
            name, about)

    def sign_in(self, login, password, name=None, about=None, database=None):
        return self.wire.call(
            "POST", f"/{database or self.facts['name']}/rpc/",
            {"id": 1, "method": "common.db.login", "params": [login, {"password": password}, "en"]}, None, name, about)

    def bearer(self, login, answer):
        user, session, _ = answer.json["result"]
        self.wire.conceal(session, SESSION_STAND_IN)
        return {"Authorization": "Session " + base64.b64encode(f"{login}:{user}:{session}".encode()).decode()}

    # Steps

    def log_in(self):
        version = self.wire.call("POST", "/rpc/", {"id": 1, "method": "common.server.version", "params": []}, name="version")
        self.expect(version.json.get("result") == "8.2", "the server says its series", version)
        login, password = self.facts["login"], self.facts["password"]
        self.session = self.bearer(login, self.sign_in(login, password, name="login", about="A session for the robot"))
        missing = self.wire.call(
            "POST", f"/{self.facts['name']}/rpc/", {"id": 1, "method": "common.db.login", "params": [login, {}, "en"]},
            name="login-without-password")
        self.expect(missing.status == 200 and missing.json["error"][0] == "LoginException",
            "a login without password is asked for it",
                    missing)
        preferences = self.rpc("model.res.user.get_preferences", True, name="preferences")
        self.expect(preferences.json["result"]["company"] == self.facts["companyId"], "the robot's company is the tenant's")

    def read(self):
        fields = "&".join(f"f={name}" for name in (
            "number reference state shipment_state invoice_state purchase_date currency.code party.code party.name "
            "party.identifiers.code lines.sequence lines.description lines.quantity lines.actual_quantity lines.unit.symbol "
            "lines.unit_price lines.amount lines.product.code lines.product.type lines.taxes.rate lines.moves.state "
            "lines.moves.quantity untaxed_amount tax_amount total_amount create_date write_date").split())
        domain = packed([["number", "in", ["PO-1001", "PO-1002", "PO-1003"]]])
        order = packed([["number", "ASC"]])
        orders = self.rest(f"purchase.purchase?{fields}&d={domain}&o={order}", name="orders",
                           about="Three orders with their lines: received, half received, not received")
        states = [one["shipment_state"] for one in orders.json]
        self.expect(states == ["received", "partially shipped", "waiting"], "orders stand in every receipt state", states)
        self.expect(orders.json[0]["lines"][0]["quantity"] == 5000.0, "quantities are JSON floats, prices typed decimals",
                    orders.json[0]["lines"][0]["unit_price"])
        self.orders = {one["number"]: one for one in orders.json}
        page = self.rest(f"purchase.purchase?f=number&s=2&p=2&o={order}", name="orders-second-page")
        self.expect([one["number"] for one in page.json] == ["PO-1003", "PO-1004"],
                    "s is the size of a page, p its offset, and who filters by no company sees the other's order", page)
        ranged = self.rest(f"purchase.purchase?f=number&o={order}", headers={"Range": "records=0-2"}, name="orders-range")
        self.expect(ranged.header("Content-Range") is not None, "a Range is answered with Content-Range",
            ranged.header("Content-Range"))
        past = self.rest(f"purchase.purchase?f=number&o={order}", headers={"Range": "records=9000-9002"},
            name="orders-range-past-the-end")
        self.expect(past.status == 416, "past the end is 416", past.status)
        since = {"__class__": "datetime", "year": 2020, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0,
            "microsecond": 0}
        changed = self.rest(
            "purchase.purchase?f=number&f=write_date&f=create_date&s=100"
            f"&d={packed(['OR', ['write_date', '>', since], ['create_date', '>', since]])}", name="orders-changed-since")
        only = self.rest(f"purchase.purchase?f=number&s=100&d={packed([['write_date', '>', since]])}")
        self.expect(len(changed.json) > len(only.json), "polling by write_date alone misses records never written again",
                    f"{len(only.json)} of {len(changed.json)}")
        self.read_master_data()

    def read_master_data(self):
        parties = self.rest(
            "party.party?f=code&f=name&f=active&f=identifiers.type&f=identifiers.code&f=addresses.id&f=addresses.street"
            "&f=addresses.city&f=addresses.country.code&f=bank_accounts.numbers.type&f=bank_accounts.numbers.number_compact"
            f"&f=bank_accounts.bank.bic&f=supplier_payment_term.name&d={packed([['code', 'in', ['S-1001', 'S-1090']]])}",
            name="parties",
            about="A supplier with VAT id and account, and one without either")
        by_code = {one["code"]: one for one in parties.json}
        self.party = by_code["S-1001"]
        self.expect(self.party["bank_accounts"][0]["numbers"][0]["number_compact"] == "DE44500105175407324931",
            "a supplier has its IBAN")
        self.expect(not by_code["S-1090"]["identifiers"] and not by_code["S-1090"]["bank_accounts"],
            "one has neither VAT id nor account")
        blocked = self.rest(f"party.party?f=code&d={packed([['code', '=', 'S-1091']])}", name="party-inactive")
        self.expect(blocked.json == [], "an inactive supplier is not found unless asked for", blocked)
        moves = self.rest(
            "stock.move?f=origin&f=quantity&f=unit.symbol&f=state&f=effective_date&f=product.code&f=shipment"
            f"&d={packed([['origin.purchase.number', 'in', ['PO-1001', 'PO-1002'], 'purchase.line']])}", name="receipt-moves")
        self.expect(moves.status == 200 and len(moves.json) == 3, "moves of the half received order are one done and one awaited",
                    [(one["state"], one["quantity"]) for one in moves.json] if moves.status == 200 else moves)
        deliveries = self.rest(
            "stock.shipment.in?f=number&f=reference&f=state&f=effective_date&f=supplier.code&f=incoming_moves.origin"
            f"&f=incoming_moves.quantity&f=incoming_moves.state&d={packed([['state', '=', 'done']])}", name="receipts")
        self.expect(any(one["number"] == "GR-PO-1002" for one in deliveries.json), "deliveries carry number and delivery note")
        taxes = self.rest("account.tax?f=name&f=rate&f=type&f=company.id", name="taxes")
        self.tax = next(one["id"] for one in taxes.json if one["rate"]["decimal"] == "0.19")
        self.expect(len(taxes.json) >= 4, "taxes are read by rate", len(taxes.json))
        terms = self.rest("account.invoice.payment_term?f=name&f=lines.relativedeltas.days", name="terms")
        self.term = next(one["id"] for one in terms.json if one["name"] == "30 days net")
        settings = self.rest(
            "account.configuration/1?f=default_account_payable.code&f=default_category_account_expense.code",
            name="account-settings")
        self.payable = settings.json["default_account_payable"]["id"]
        self.expect(settings.status == 200, "the account that bills go to is a setting of the company",
            settings.json["default_account_payable"])
        products = self.rest(
            "product.product?f=code&f=name&f=type&f=default_uom.symbol&f=account_category.account_expense.code&s=100",
            name="products",
            about="Products with the account of their expenses")
        by_code = {one["code"]: one for one in products.json}
        self.expense = by_code["KL-20"]["account_category"]["account_expense"]["id"]
        self.expect(by_code["FR"]["type"] == "service", "the account of an expense hangs on the product's category",
                    by_code["KL-20"]["account_category"]["account_expense"])
        payables = self.rest(f"account.account?f=code&f=closed&d={packed([['type.payable', '=', True]])}",
            name="accounts-payable")
        self.expect(any(one["closed"] for one in payables.json),
            "among the payable accounts are closed ones, which no bill may use",
                    [(one["code"], one["closed"]) for one in payables.json])
        self.journal = self.rest(f"account.journal?f=code&d={packed([['type', '=', 'expense']])}", name="journal").json[0]["id"]
        self.currency = self.rest(f"currency.currency?f=code&d={packed([['code', '=', 'EUR']])}", name="currency").json[0]["id"]
        self.long_answers()

    def long_answers(self):
        """What Content-Encoding a long answer claims and what it is, with and without Accept-Encoding, both ways of asking."""
        for way, accepted in (("rest", None), ("rest", "gzip"), ("rpc", None), ("rpc", "gzip")):
            headers = {"Accept-Encoding": accepted} if accepted else {}
            if way == "rest":
                got = self.rest("account.account?f=code&f=name&s=100", headers=headers)
            else:
                got = self.rpc("model.account.account.search_read", [], 0, 100, None, ["code", "name"],
                    session={**self.session, **headers})
            label, is_gzip = got.header("Content-Encoding"), got.body[:2] == b"\x1f\x8b"
            lies = (way, accepted) == ("rpc", None)
            self.expect((is_gzip != (label == "gzip")) == lies,
                        f"over {way}, accepting {accepted}, the label of a long answer {'lies' if lies else 'is true'}",
                        f"label {label}, {'gzip' if is_gzip else 'plain'}, {len(got.body)} bytes")

    def invoice(self, number, **changes):
        order = self.orders["PO-1003"]["lines"][0]
        line = {
            "type": "line", "description": order["description"], "account": self.expense, "currency": self.currency,
            "company": self.facts["companyId"], "quantity": 21.0, "unit": order["unit"]["id"], "product": order["product"]["id"],
            "unit_price": decimal("18.50"), "taxes": [["add", [self.tax]]], "origin": f"purchase.line,{order['id']}"}
        line.update(changes.pop("line", {}))
        return {
            "type": "in", "company": self.facts["companyId"], "party": self.party["id"],
            "invoice_address": self.party["addresses"][0]["id"], "account": self.payable, "journal": self.journal,
            "currency": self.currency, "payment_term": self.term, "reference": number, "invoice_date": day(self.today),
            "description": "Countersign", "lines": [["create", [line]]], **changes}

    def create(self, number, name=None, about=None, **changes):
        return self.rpc("model.account.invoice.create", [self.invoice(number, **changes)], name=name, about=about)

    def find(self, number, name=None):
        return self.rpc(
            "model.account.invoice.search_read", [["type", "=", "in"], ["party", "=", self.party["id"]],
                ["reference", "=", number]], 0, 10,
            None, ["number", "reference", "state", "invoice_date", "currency.code", "untaxed_amount", "tax_amount",
                "total_amount",
                   "party.code", "lines.quantity", "lines.unit_price", "lines.description", "lines.amount", "lines.origin",
                   "lines.taxes.rate", "_timestamp", "write_date", "create_date"], name=name)

    def post_a_bill(self):
        number = self.number
        before = self.find(number, name="invoice-search-before")
        self.expect(before.json["result"] == [], "the probe before a create finds nothing")
        made = self.create(number, name="invoice-create")
        self.expect("result" in made.json, "a supplier invoice is created", made)
        self.bill = made.json["result"][0]
        self.rpc("model.account.invoice.validate_invoice", [self.bill], name="invoice-validate")
        posted = self.rpc("model.account.invoice.post", [self.bill], name="invoice-post")
        self.expect(posted.json == {"id": 1, "result": None}, "a posting answers null as its result", posted)
        read = self.find(number, name="invoice-read-back").json["result"][0]
        self.expect((read["state"], read["total_amount"]["decimal"]) == ("posted", "462.32"),
            "the bill reads back posted, 462.32",
                    (read["state"], read["number"], read["total_amount"]["decimal"]))
        again = self.rpc("model.account.invoice.validate_invoice", [self.bill], name="invoice-validate-posted")
        self.expect(again.json.get("error", [""])[0] == "UserError", "a transition repeated is a UserError", again)
        truth = ask(self.facts["control"] + "/ledger")
        bill = next(one for one in truth["bills"] if one["reference"] == number)
        self.expect((bill["state"], bill["grossAmount"], bill["lines"][0]["orderNumber"]) == ("posted", "462.32", "PO-1003"),
                    "the peer's own ledger says the same", (bill["state"], bill["grossAmount"], bill["dueDate"]))

    def pay_it(self):
        """The bill's payment: the robot may propose it, and only the approver approve."""
        bill = self.rpc("model.account.invoice.read", [self.bill], ["lines_to_pay", "party"],
            name="invoice-lines-to-pay").json["result"][0]
        journal = self.rest(f"account.payment.journal?f=name&d={packed([['process_method', '=', 'manual']])}").json[0]["id"]
        made = self.rpc("model.account.payment.create", [{
            "journal": journal, "kind": "payable", "party": bill["party"], "line": bill["lines_to_pay"][0],
            "amount": decimal("462.32"),
            "date": day(self.today), "company": self.facts["companyId"]}], name="payment-create").json["result"][0]
        self.rpc("model.account.payment.submit", [made], name="payment-submit")
        refused = self.rpc("model.account.payment.approve", [made], name="payment-approve-refused")
        self.expect("error" in refused.json, "the robot may not approve a payment", refused)
        approver = self.bearer("approver", self.sign_in("approver", self.facts["passwords"]["approver"]))
        self.rpc("model.account.payment.approve", [made], session=approver, name="payment-approve")
        state = self.rpc("model.account.payment.read", [made], ["state", "approved_by"], name="payment-read").json["result"][0]
        self.expect(state["state"] == "approved", "the approver may, and the payment does not say who", state)

    def post_it_twice(self):
        second = self.create(self.number).json["result"][0]
        warned = self.rpc("model.account.invoice.post", [second], name="invoice-post-similar",
                          about="The same reference a second time: a warning that wants a person's yes")
        error = warned.json.get("error", ["", [""]])
        self.expect(error[0] == "UserWarning" and error[1][0].endswith("invoice_similar"),
            "a second bill of the number is a UserWarning",
                    warned)
        state = self.rpc("model.account.invoice.read", [second], ["state"]).json["result"][0]["state"]
        self.expect(state == "draft", "the warned bill is still a draft", state)
        self.rpc("model.res.user.warning.skip", error[1][0], False, name="warning-skip")
        posted = self.rpc("model.account.invoice.post", [second], name="invoice-post-after-skip")
        self.expect("result" in posted.json, "after the skip the same call posts", posted)
        self.expect(ask(self.facts["control"] + "/ledger")["doubled"] == [f"S-1001/{self.number}"],
            "the ledger tells it is there twice")
        rest = self.rest(f"account.invoice/{self.create(self.number).json['result'][0]}/post", method="POST", value={},
                         name="rest-post-similar")
        self.expect(rest.status == 400, "over REST the warning is a 400 without its name", rest)

    def bad_values(self):
        cases = {
            "missing-account": {"account": None}, "missing-address": {"invoice_address": None},
            "price-decimals": {"line": {"unit_price": decimal("18.50001")}}, "price-as-number": {"line": {"unit_price": 10.1}},
            "unknown-supplier": {"party": 999_999}, "unknown-tax": {"line": {"taxes": [["add", [999_999]]]}},
            "long-reference": {"reference": "9" * 400},
        }
        for name, change in cases.items():
            got = self.create(f"{self.number}-{name}", name=f"create-{name}", **dict(change))
            has_failed = got.status == 200 and "error" in got.json
            wanted = name != "long-reference"
            self.expect(has_failed == wanted,
                f"a create with {name.replace('-', ' ')} is {'refused' if wanted else 'taken as it is'}", got)
        draft = self.rpc("model.account.invoice.read", [self.bill], ["no_such_field"], name="unknown-field")
        self.expect("error" in draft.json, "an unknown field looks like a server's bug", draft)
        model = self.rpc("model.no.such.read", [1], ["id"], name="unknown-model")
        self.expect("error" in model.json or model.status != 200, "an unknown model too", model)
        hidden = self.rpc("model.account.invoice.set_number", [self.bill], name="method-not-exposed")
        self.expect(hidden.status == 403, "a method that is not exposed is 403", hidden.status)
        broken = self.wire.call("POST", f"/{self.facts['name']}/rpc/", b"{", self.session, name="malformed-json")
        self.expect(broken.status == 400, "malformed JSON is 400", broken.status)
        wrong = self.create(f"{self.number}-company", name="create-wrong-company", company=999_999)
        self.expect("error" in wrong.json, "a wrong company is refused", wrong)
        last = self.today.replace(day=1) - datetime.timedelta(days=40)
        ask(self.facts["control"] + "/close-period", "POST", {"date": last.isoformat()})
        closed = self.create(f"{self.number}-closed", invoice_date=day(last)).json["result"][0]
        refused = self.rpc("model.account.invoice.post", [closed], name="invoice-post-closed-period")
        self.expect(refused.json.get("error", [""])[0] == "UserError", "a closed period refuses the posting", refused)
        ask(self.facts["control"] + "/reopen-period", "POST", {"date": last.isoformat()})

    def stale(self):
        draft = self.create(f"{self.number}-stale").json["result"][0]
        seen = self.rpc("model.account.invoice.read", [draft], ["_timestamp", "reference"]).json["result"][0]["_timestamp"]
        ask(self.facts["control"] + "/edit", "POST", {
            "kind": "invoice", "number": f"{self.number}-stale", "set": {"description": "Changed by somebody"}})
        got = self.rpc("model.account.invoice.write", [draft], {"description": "Changed by us"},
                       context={"_timestamp": {f"account.invoice,{draft}": seen}}, name="write-stale")
        self.expect(got.json.get("error", [""])[0] == "ConcurrencyException", "a stale write is a ConcurrencyException", got)

    def contention(self):
        drafts = [self.create(f"{self.number}-p{index}").json["result"][0] for index in range(PARALLEL)]
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as threads:
            got = list(threads.map(lambda one: self.rpc("model.account.invoice.post", [one]), drafts))
        statuses = sorted(one.status for one in got)
        self.expect(200 in statuses and 503 in statuses, "posting different bills at once answers some with 503", statuses)
        refused = next((index for index, one in enumerate(got) if one.status == 503), None)
        if refused is not None:
            self.record_contention(drafts[refused])
        for index, one in enumerate(got):
            if one.status == 503:
                self.rpc("model.account.invoice.post", [drafts[index]])
        states = [one["state"] for one in self.rpc("model.account.invoice.read", drafts, ["state"]).json["result"]]
        self.expect(states == ["posted"] * PARALLEL, "one after the other they all post", states)

    def record_contention(self, draft):
        """Contention cannot be had on order twice, so the sample is taken from a race that is run until it is lost."""
        if not self.wire.directory:
            return
        for _ in range(10):
            rivals = [self.create(f"{self.number}-{time.time_ns()}").json["result"][0] for _ in range(PARALLEL)]
            with concurrent.futures.ThreadPoolExecutor(PARALLEL + 1) as threads:
                races = [threads.submit(self.rpc, "model.account.invoice.post", [one]) for one in rivals]
                lost = threads.submit(self.rpc, "model.account.invoice.post", [draft], name="contention")
                for race in races:
                    race.result()
            if lost.result().status == 503:
                return
            draft = self.create(f"{self.number}-{time.time_ns()}").json["result"][0]

    def late_changes(self):
        number = f"{self.number}-p0"
        done = ask(self.facts["control"] + "/edit", "POST", {"kind": "invoice", "number": number,
            "set": {"reference": number + "X"}})
        self.expect(done["changed"] == ["reference"], "a posted reference can be changed behind our back")
        moved = self.find(number + "X").json["result"]
        self.expect(len(moved) == 1 and moved[0]["state"] == "posted", "and reads back changed, still posted")

    def isolation(self):
        foreign = self.rpc("model.party.party.search_read", [], 0, 1, None, ["name"], database=self.other["name"],
                           name="foreign-session")
        self.expect(foreign.status == 401, "a session of one database is refused by another", foreign.status)
        key = self.rest("party.party?f=name", database=self.other["name"], name="foreign-key")
        self.expect(key.status == 401, "so is a key", key.status)
        nobody = self.rpc("model.party.party.search_read", [], 0, 1, None, ["name"], session={"Authorization": "Session bm8="},
                          name="no-session")
        self.expect(nobody.status == 401, "no session is 401", nobody.status)
        lost = self.wire.call("POST", "/erp_nobody/rpc/", {"id": 1, "method": "common.db.login",
            "params": ["a", {"password": "b"}, "en"]},
                              name="unknown-database")
        self.expect(lost.status in (404, 500), "an unknown database", lost.status)

    def mishaps(self):
        """The front door's own unkindness: the work is done and the answer lost, and whoever probes finds it."""
        number = f"{self.number}-lost"
        ask(self.facts["control"] + "/faults", "PUT", {"next": [
            {"mishap": "lostAnswer", "body": "model.account.invoice.create"}, {"mishap": "unavailable", "body": "search_read"}]})
        try:
            self.create(number)
            was_lost = False
        except Exception:  # However the client's library calls an answer that ends before its end.
            was_lost = True
        self.expect(was_lost, "an answer can be lost after the commit")
        down = self.find(number, name="unavailable")
        self.expect(down.status == 503, "and the next read be refused", down.status)
        self.expect(len(self.find(number).json["result"]) == 1, "the probe then finds the bill")
        ask(self.facts["control"] + "/faults", "PUT", {})

    def rotation(self):
        login, old = self.facts["login"], self.facts["password"]
        fresh = ask(self.facts["control"] + "/rotate-password", "POST", {})
        self.facts["password"] = self.facts["passwords"][login] = fresh["password"]
        self.wire.conceal(fresh["password"], f"PASSWORD-OF-{login.upper()}")
        ended = self.rpc("model.res.user.get_preferences", True, name="session-after-rotation")
        self.expect(True, "the session of before the rotation", ended.status)
        refused = self.sign_in(login, old, name="login-old-password")
        self.expect(refused.status == 401, "the old password is refused", refused.status)
        self.session = self.bearer(login, self.sign_in(login, fresh["password"]))
        ask(self.facts["control"] + "/expire-key", "POST", {})
        expired = self.rest("party.party?f=name&s=1", name="expired-key")
        self.expect(expired.status == 401, "an expired key is refused", expired.status)
        self.facts["key"] = ask(self.facts["control"] + "/new-key", "POST", {})["key"]
        self.wire.conceal(self.facts["key"], "REST-KEY")
        self.expect(self.rest("party.party?f=name&s=1").status == 200, "a new key is good")

    def guess(self):
        """Wrong passwords in a row, for the reader's login: slower and slower, then 429."""
        seconds = []
        for _ in range(GUESSES_MAX):
            begun = time.monotonic()
            got = self.sign_in("reader", "wrong", name="login-rate-limit")
            seconds.append(round(time.monotonic() - begun, 1))
            if got.status != 401:
                break
        self.expect(got.status == 429, f"after {len(seconds)} guesses a login is barred", f"{got.status}, seconds {seconds}")
        bot = self.sign_in(self.facts["login"], self.facts["password"])
        self.expect(bot.status == 200, "another login of the network is not", bot.status)
