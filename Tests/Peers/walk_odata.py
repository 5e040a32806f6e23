"""Walks accounts payable through the OData peer by plain HTTP, as a connector would, and says what it saw."""
import base64
import concurrent.futures
import datetime
import time
from urllib.parse import quote, urlencode, urlsplit

from front_door import ask
from wire import Wire

TENANT, OTHER = "brightwater-foods", "kestrel-labs"
PARALLEL = 6
HUGE_SECONDS_MAX = 30
FIFTY_MEGABYTES = 50 * 1024 * 1024


class ODataWalk:
    def __init__(self, ready, findings, directory=None):
        self.facts, self.other = ready["databases"][TENANT], ready["databases"][OTHER]
        self.expect = findings.expect
        self.wire = Wire(ready["url"], directory)
        for facts in (self.facts, self.other):
            self.wire.conceal(facts["clientSecret"], "CLIENT-SECRET")
            self.wire.conceal(facts["password"], "WEB-SERVICE-KEY")
        self.company = f"{urlsplit(self.facts['api']).path}/companies({self.facts['companyId']})"
        self.today = datetime.date.today()
        self.number = "W-1001"
        self.headers = {}

    def run(self):
        self.log_in()
        self.read()
        self.filters()
        self.pages()
        self.post_a_bill()
        self.post_it_twice()
        self.stale()
        self.bad_values()
        self.contention()
        self.batches()
        self.isolation()
        self.mishaps()
        self.rotation()

    # Calls

    def token(self, facts, name=None, secret=None, scope=None):
        form = urlencode({
            "grant_type": "client_credentials", "client_id": facts["clientId"], "client_secret": secret or facts["clientSecret"],
            "scope": scope or facts["scope"]})
        return self.wire.call("POST", urlsplit(facts["tokenUrl"]).path, form.encode(),
                              {"Content-Type": "application/x-www-form-urlencoded"}, name)

    def bearer(self, facts):
        token = self.token(facts).json["access_token"]
        self.wire.conceal(token, "ACCESS-TOKEN")
        return {"Authorization": f"Bearer {token}"}

    def get(self, path, name=None, headers=None, about=None, **options):
        query = "?" + urlencode({f"${key}": value for key, value in options.items()}, quote_via=quote,
            safe="$()',") if options else ""
        return self.wire.call("GET", f"{self.company}/{path}{query}", None, {**self.headers, **(headers or {})}, name, about)

    def send(self, method, path, value, name=None, headers=None, about=None):
        return self.wire.call(method, f"{self.company}/{path}", value, {**self.headers, **(headers or {})}, name, about)

    # Steps

    def log_in(self):
        got = self.token(self.facts, name="token")
        self.expect(got.status == 200 and got.json["token_type"] == "Bearer", "client credentials give a token",
            got.json["expires_in"])
        self.headers = self.bearer(self.facts)
        wrong = self.token(self.facts, name="token-wrong-secret", secret="wrong")
        self.expect(wrong.status == 401 and wrong.json["error"] == "invalid_client", "a wrong secret is refused", wrong)
        scope = self.token(self.facts, name="token-wrong-scope", scope="https://elsewhere.example/.default")
        self.expect(scope.status == 400, "so is a wrong scope", scope)
        basic = base64.b64encode(f"{self.facts['login']}:{self.facts['password']}".encode()).decode()
        by_key = self.get("vendors", headers={"Authorization": f"Basic {basic}"}, name="vendors-basic", top=1)
        self.expect(by_key.status == 200, "Basic with a web service key is good too", by_key.status)
        nobody = self.get("vendors", headers={"Authorization": "Bearer nonsense"}, name="unauthorized")
        self.expect(nobody.status == 401 and nobody.json["error"]["code"] == "Authentication_InvalidCredentials",
            "a bad token is 401", nobody)
        bad = self.get("vendors", headers={"Authorization": "Basic " + base64.b64encode(b"AP-BOT:wrong").decode()})
        self.expect(bad.status == 401, "a wrong key is 401", bad.status)

    def read(self):
        companies = self.wire.call("GET", urlsplit(self.facts["api"]).path + "/companies", None, self.headers, "companies")
        self.expect([one["name"] for one in companies.json["value"]] == ["DE01", "AT01"], "the companies are there")
        vendors = self.get("vendors", name="vendors")
        self.expect(vendors.json["value"][0]["taxRegistrationNumber"] == "DE813045774", "a vendor has its VAT id")
        self.expect("iban" not in vendors.text, "and no account, as in the standard API")
        path = urlsplit(self.facts["bankApi"]).path + f"/companies({self.facts['companyId']})/vendorBankAccounts"
        accounts = self.wire.call("GET", path, None, self.headers, "vendor-bank-accounts")
        self.expect(accounts.json["value"][0]["iban"] == "DE44500105175407324931", "which a page of the tenant's own has")
        orders = self.get("purchaseOrders", name="orders", expand="purchaseOrderLines",
            filter="number in ('PO-1001','PO-1002','PO-1003')")
        seen = [(one["number"], one["fullyReceived"], [str(line["receivedQuantity"]) for line in one["purchaseOrderLines"]])
                for one in orders.json["value"]]
        self.expect([one[1] for one in seen] == [True, False, False] and seen[1][2] == ["200.0"],
            "orders stand in every receipt state", seen)
        self.expect('"directUnitCost":0.8475' in orders.text, "decimals are written as they are", "0.8475")
        receipts = self.get("purchaseReceipts", name="receipts", expand="purchaseReceiptLines($select=sequence,quantity)",
                            filter="orderNumber eq 'PO-1002'")
        self.expect(receipts.json["value"][0]["vendorShipmentNumber"] == "DN-PO-1002", "a receipt names order and delivery note")
        for name in ("accounts", "paymentTerms", "taxGroups", "items"):
            self.expect(self.get(name, name=name.lower()).status == 200, f"{name} can be read")

    def filters(self):
        for text, count in {
            "vendorNumber eq 'S-1002' and orderDate ge 2026-01-14": 3,
            "purchaseOrderLines/any(l: l/quantity gt 1000 and l/directUnitCost lt 1)": 1,
            "contains(vendorName,'Verpackungen') or not (status eq 'Open')": 4, "lastModifiedDateTime gt 2020-01-01T00:00:00Z": 6,
            "vendorName eq 'O''Brien'": 0, "totalAmountExcludingTax eq 4285.5": 1,
        }.items():
            got = self.get("purchaseOrders", filter=text, select="number")
            self.expect(got.status == 200 and len(got.json["value"]) == count, f"filter: {text}",
                        [one["number"] for one in got.json["value"]] if got.status == 200 else got)
        broken = self.get("purchaseOrders", name="filter-syntax", filter="number eq")
        self.expect(broken.status == 400, "a filter that cannot be parsed is refused", broken)
        unknown = self.get("purchaseOrders", name="filter-unknown-property", filter="nmber eq 'PO-1001'")
        self.expect(unknown.status == 400 and "nmber" in unknown.text, "so is an unknown property", unknown)
        select = self.get("purchaseOrders", name="select-unknown-property", select="nope")
        self.expect(select.status == 400, "and in $select", select.status)
        since = self.get("purchaseOrders", name="orders-changed-since", filter="lastModifiedDateTime gt 2020-01-01T00:00:00Z",
                         orderby="lastModifiedDateTime desc", top=2, count="true")
        self.expect(since.json["@odata.count"] == 6 and len(since.json["value"]) == 2, "$count counts what $top leaves out")

    def pages(self):
        seen, names = [], iter(("orders-first-page", "orders-next-page", "orders-last-page"))
        got = self.get("purchaseOrders", headers={"Prefer": "odata.maxpagesize=2"}, name=next(names), select="number")
        while True:
            seen += [one["number"] for one in got.json["value"]]
            if "@odata.nextLink" not in got.json:
                break
            got = self.wire.call("GET", got.json["@odata.nextLink"][len(self.wire.base):], None,
                                 {**self.headers, "Prefer": "odata.maxpagesize=2"}, next(names, None))
        self.expect(len(seen) == len(set(seen)) == 6, "next links lead to every order once", seen)

    def invoice(self, number, **changes):
        line = {
            "lineType": "Item", "lineObjectNumber": "KL-20", "description": "Kühlstellplatz", "quantity": 21, "unitCost": 18.5,
            "taxCode": "VAT19",
            **changes.pop("line", {})}
        return {
            "vendorNumber": "S-1001", "vendorInvoiceNumber": number, "invoiceDate": self.today.isoformat(),
            "postingDate": self.today.isoformat(), "orderNumber": "PO-1003", "purchaseInvoiceLines": [line], **changes}

    def create(self, number, name=None, **changes):
        return self.send("POST", "purchaseInvoices", self.invoice(number, **changes), name)

    def post(self, id, name=None):
        return self.send("POST", f"purchaseInvoices({id})/Microsoft.NAV.post", b"", name)

    def find(self, number, name=None):
        return self.get("purchaseInvoices", name=name, expand="purchaseInvoiceLines",
                        filter=f"vendorNumber eq 'S-1001' and vendorInvoiceNumber eq '{number}'").json["value"]

    def post_a_bill(self):
        self.expect(self.find(self.number, name="invoice-search-before") == [], "the probe before a create finds nothing")
        made = self.create(self.number, name="invoice-create")
        self.expect(made.status == 201 and made.header("ETag") == made.json["@odata.etag"],
            "an invoice is created with its lines", made.status)
        draft = made.json
        posted = self.post(draft["id"], name="invoice-post")
        self.expect(posted.status == 204 and posted.body == b"", "posting answers 204", posted.status)
        read = self.find(self.number, name="invoice-read-back")[0]
        self.expect((read["status"], read["totalAmountIncludingTax"], read["id"]) == ("Open", 462.32, draft["id"]),
                    "the bill reads back posted, 462.32", (draft["number"], read["number"]))
        again = self.post(draft["id"], name="invoice-post-again")
        self.expect(again.status == 400 and "is posted" in again.text, "a posting repeated is refused", again)
        bill = next(one for one in ask(self.facts["control"] + "/ledger")["bills"] if one["reference"] == self.number)
        self.expect((bill["state"], bill["grossAmount"], bill["lines"][0]["quantity"]) == ("posted", "462.32", "21"),
                    "the peer's own ledger says the same", (bill["number"], bill["dueDate"]))

    def post_it_twice(self):
        second = self.create(self.number).json["id"]
        refused = self.post(second, name="invoice-post-duplicate")
        self.expect(refused.status == 400 and "already exists" in refused.text,
            "a second bill of the number is drafted, not posted", refused)
        tag = next(one["@odata.etag"] for one in self.find(self.number) if one["status"] == "Draft")
        gone = self.send("DELETE", f"purchaseInvoices({second})", None, "invoice-delete", {"If-Match": tag})
        self.expect(gone.status == 204, "the draft can be deleted", gone.status)

    def stale(self):
        made = self.create(f"{self.number}-stale").json
        address = f"purchaseInvoices({made['id']})"
        bare = self.send("PATCH", address, {"postingDescription": "x"}, "write-without-if-match")
        self.expect(bare.status == 428, "a change without If-Match is 428", bare)
        good = self.send("PATCH", address, {"postingDescription": "Countersign"}, "write", {"If-Match": made["@odata.etag"]})
        self.expect(good.status == 200 and good.json["@odata.etag"] != made["@odata.etag"],
            "with the tag it is done, and the tag is new")
        late = self.send("PATCH", address, {"postingDescription": "late"}, "write-stale", {"If-Match": made["@odata.etag"]})
        self.expect(late.status == 412 and late.json["error"]["code"] == "Request_EntityChanged", "with the old tag it is 412",
            late)
        line = self.send("POST", f"{address}/purchaseInvoiceLines", {
            "lineType": "Account", "lineObjectNumber": "60300", "quantity": 1, "unitCost": 10, "taxCode": "VAT7"}, "line-create")
        self.expect(line.status == 201 and line.json["amountIncludingTax"] == 10.7, "a line is added to a draft", line)

    def bad_values(self):
        cases = {
            "unknown-vendor": {"vendorNumber": "S-9999"}, "long-number": {"vendorInvoiceNumber": "9" * 36},
            "price-decimals": {"line": {"unitCost": 18.500001}}, "unknown-tax": {"line": {"taxCode": "VAT99"}},
            "unknown-account": {"line": {"lineType": "Account", "lineObjectNumber": "1"}}, "unknown-property": {"memo": "x"},
            "read-only-property": {"totalTaxAmount": 1}, "number-as-text": {"line": {"quantity": "21"}},
            "bad-date": {"invoiceDate": "23.11.2026"},
        }
        for name, change in cases.items():
            got = self.create(f"{self.number}-x", name=f"create-{name}", **change)
            self.expect(got.status == 400 and "error" in got.json, f"a create with {name.replace('-', ' ')} is refused", got)
        self.expect(self.find(f"{self.number}-x") == [], "and leaves nothing behind")
        broken = self.send("POST", "purchaseInvoices", b"{", "malformed-json")
        self.expect(broken.status == 400, "malformed JSON is 400", broken.status)
        lost = self.get("purchaseInvoices(00000000-0000-0000-0000-000000000001)", name="invoice-not-found")
        self.expect(lost.status == 404, "an unknown id is 404", lost)
        blocked = self.create(f"{self.number}-blocked", vendorNumber="S-1091").json["id"]
        refused = self.post(blocked, name="invoice-post-blocked-vendor")
        self.expect(refused.status == 400, "a blocked vendor's bill is not posted", refused)
        last = (self.today.replace(day=1) - datetime.timedelta(days=40)).isoformat()
        ask(self.facts["control"] + "/close-period", "POST", {"date": last})
        closed = self.create(f"{self.number}-closed", postingDate=last).json["id"]
        refused = self.post(closed, name="invoice-post-closed-period")
        self.expect(refused.status == 400 and "Posting Date" in refused.text, "nor one of a closed period", refused)
        ask(self.facts["control"] + "/reopen-period", "POST", {"date": last})

    def contention(self):
        made = self.create(f"{self.number}-race").json["id"]
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as threads:
            got = sorted(one.status for one in threads.map(lambda _: self.post(made), range(PARALLEL)))
        self.expect(got == [204] + [400] * (PARALLEL - 1), "posted by six at once, a draft is posted once", got)

    def batches(self):
        path = urlsplit(self.facts["api"]).path + "/$batch"
        inner = f"companies({self.facts['companyId']})"
        value = {"requests": [
            {"id": "1", "method": "GET", "url": f"{inner}/vendors?$top=1&$select=number"},
            {"id": "2", "method": "POST", "url": f"{inner}/purchaseInvoices", "headers": {"Content-Type": "application/json"},
             "body": self.invoice(f"{self.number}-batch")},
            {"id": "3", "method": "GET", "url": f"{inner}/nowhere"},
            {"id": "4", "method": "GET", "url": f"{inner}/paymentTerms"}]}
        got = self.wire.call("POST", path, value, self.headers, "batch")
        statuses = [one["status"] for one in got.json["responses"]]
        self.expect(statuses == [200, 201, 404], "a batch ends at its first failure", statuses)
        on = self.wire.call("POST", path, {"requests": value["requests"][2:]},
            {**self.headers, "Prefer": "odata.continue-on-error"},
                            "batch-continue-on-error")
        self.expect([one["status"] for one in on.json["responses"]] == [404, 200], "unless it is asked to go on")
        value["requests"][1]["body"] = self.invoice(f"{self.number}-snapshot")
        self.wire.call("POST", path, value, {**self.headers, "Isolation": "snapshot"})
        self.expect(self.find(f"{self.number}-snapshot") == [] and len(self.find(f"{self.number}-batch")) == 1,
                    "a failure inside a snapshot undoes all of it, and only there")

    def isolation(self):
        foreign = self.wire.call("GET", f"{urlsplit(self.other['api']).path}/companies", None, self.headers, "foreign-token")
        self.expect(foreign.status == 401, "a token of one tenant is refused by another", foreign.status)
        company = self.wire.call(
            "GET", f"{urlsplit(self.facts['api']).path}/companies({self.other['companyId']})/vendors", None, self.headers,
            "wrong-company")
        self.expect(company.status == 404, "another tenant's company is not there", company)

    def mishaps(self):
        faults = self.facts["control"] + "/faults"
        ask(faults, "PUT", {"next": [{"mishap": "lostAnswer", "method": "POST", "path": "purchaseInvoices"}]})
        try:
            self.create(f"{self.number}-lost")
            was_lost = False
        except Exception:  # However the client's library calls an answer that ends before its end.
            was_lost = True
        self.expect(was_lost and len(self.find(f"{self.number}-lost")) == 1,
            "an answer can be lost after the commit, and the probe finds the bill")
        ask(faults, "PUT", {"next": [{"mishap": name} for name in ("tooMany", "unavailable", "html", "errorInside200",
            "wrongGzip", "huge")]})
        many = self.get("vendors", name="too-many-requests", top=1)
        self.expect(many.status == 429 and many.header("Retry-After") == "1", "429 says when to come back", many)
        down = self.get("vendors", name="unavailable", top=1)
        self.expect(down.status == 503, "503", down.status)
        self.expect("<html>" in self.get("vendors", name="html-instead", top=1).text, "HTML where JSON was asked for")
        self.expect("error" in self.get("vendors", name="error-inside-200", top=1).json, "an error inside 200")
        lie = self.get("vendors", top=1)
        self.expect(lie.header("Content-Encoding") == "gzip" and lie.body[:1] == b"{", "a gzip label that lies")
        begun = time.monotonic()
        huge = self.get("vendors")
        self.expect(len(huge.body) == FIFTY_MEGABYTES and time.monotonic() - begun < HUGE_SECONDS_MAX, "an answer of 50 MB",
                    f"{len(huge.body)} bytes in {time.monotonic() - begun:.1f} s")
        bad = None
        try:
            ask(faults, "PUT", {"tooManyPerMille": 2000})
        except Exception as error:
            bad = error
        self.expect(bad is not None, "a plan that makes no sense is refused", bad)
        ask(faults, "PUT", {})

    def rotation(self):
        ask(self.facts["control"] + "/expire-key", "POST", {})
        ended = self.get("vendors", name="expired-token", top=1)
        self.expect(ended.status == 401, "an expired token is refused", ended.status)
        refused = self.token(self.facts, name="token-expired-secret")
        self.expect(refused.status == 401, "and an expired secret gives no other", refused)
        fresh = ask(self.facts["control"] + "/new-key", "POST", {})
        self.facts["clientSecret"] = fresh["clientSecret"]
        self.wire.conceal(fresh["clientSecret"], "CLIENT-SECRET")
        self.headers = self.bearer(self.facts)
        self.expect(self.get("vendors", top=1).status == 200, "a new secret is good")
