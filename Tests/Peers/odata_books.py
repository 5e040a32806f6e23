"""The OData peer's books in SQLite: what the catalogue says, and the rules by which a purchase invoice is drafted and posted."""
import base64
import contextlib
import datetime
import json
import sqlite3
import threading
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

from front_door import Refused
from odata_filter import stamp
from odata_model import NOTHING, Bad, entity, guid, read_body, text
from peer import with_rest

ACCOUNTS = {"60100": "Goods", "60200": "Services", "60300": "Freight", "84000": "Rounding"}
LINE_STEP = 10_000
CENT = Decimal("0.01")
FIRST_DRAFT, FIRST_POSTED = 1001, 108001
TABLES = """
CREATE TABLE IF NOT EXISTS row (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, company TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    version INTEGER NOT NULL, modified TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (tenant, company, kind, id));
CREATE TABLE IF NOT EXISTS closed (tenant TEXT, company TEXT, month TEXT, UNIQUE (tenant, company, month));
CREATE TABLE IF NOT EXISTS counter (tenant TEXT, company TEXT, name TEXT, value INTEGER NOT NULL, UNIQUE (tenant, company, name));
"""


class Store:
    """Rows as JSON, one writer at a time. It waits for no disk: being killed loses nothing, losing power may."""

    def __init__(self, file):
        self.lock = threading.RLock()
        self.database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self.database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + TABLES)
        self.depth = 0

    @contextlib.contextmanager
    def transaction(self):
        """All or nothing; inside another one it is a part of it."""
        with self.lock:
            name = f"part{self.depth}"
            self.database.execute(f"SAVEPOINT {name}")
            self.depth += 1
            try:
                yield
            except BaseException:
                self.database.execute(f"ROLLBACK TO {name}")
                raise
            finally:
                self.depth -= 1
                self.database.execute(f"RELEASE {name}")

    def run(self, statement, *arguments):
        with self.lock:
            return self.database.execute(statement, arguments).fetchall()

    def forget(self, tenant):
        with self.transaction():
            for table in ("row", "closed", "counter"):
                self.run(f"DELETE FROM {table} WHERE tenant = ?", tenant)


class Books:
    """One tenant's companies."""

    def __init__(self, store, tenant):
        self.store, self.tenant = store, tenant

    # Rows

    def rows(self, company, kind):
        found = self.store.run(
            "SELECT version, modified, body FROM row WHERE tenant = ? AND company = ? AND kind = ? ORDER BY seq", self.tenant,
            company, kind)
        return [self.whole(*row) for row in found]

    def row(self, company, kind, id):
        found = self.store.run(
            "SELECT version, modified, body FROM row WHERE tenant = ? AND company = ? AND kind = ? AND id = ?",
            self.tenant, company, kind, id.lower())
        return self.whole(*found[0]) if found else None

    def whole(self, version, modified, body):
        row = json.loads(body, parse_float=Decimal, parse_int=Decimal)
        tag = base64.b64encode(f"{row['id'][:8]};{version}".encode()).decode()
        return {"@odata.etag": f'W/"{tag}"', **row, "lastModifiedDateTime": modified}

    def write(self, company, kind, row):
        """Adds the row or replaces the one with its id; every write makes a new version."""
        body = text({key: value for key, value in row.items() if key not in ("@odata.etag", "lastModifiedDateTime")})
        now = stamp(datetime.datetime.now(datetime.timezone.utc))
        self.store.run(
            "INSERT INTO row (tenant, company, kind, id, version, modified, body) VALUES (?, ?, ?, ?, 1, ?, ?) "
            "ON CONFLICT (tenant, company, kind, id) DO UPDATE SET version = version + 1, "
            "modified = excluded.modified, body = excluded.body",
            self.tenant, company, kind, row["id"], now, body)

    def find(self, company, kind, **wanted):
        return [row for row in self.rows(company, kind) if all(row.get(key) == value for key, value in wanted.items())]

    def next_number(self, company, name, first):
        self.store.run(
            "INSERT INTO counter VALUES (?, ?, ?, ?) ON CONFLICT (tenant, company, name) DO UPDATE SET value = value + 1",
            self.tenant, company, name, first)
        return str(self.store.run(
            "SELECT value FROM counter WHERE tenant = ? AND company = ? AND name = ?", self.tenant, company, name)[0][0])

    def companies(self):
        return self.rows("", "companies")

    def company(self, code=None):
        found = [row for row in self.companies() if code in (None, row["name"])]
        if not found:
            raise Refused(409, f"there is no company {code}")
        return found[0]

    # What the catalogue says

    def add(self, data):
        with self.store.transaction():
            for row in data.get("companies", []):
                self.put_company(row, data)
            for company in self.companies():
                for row in data.get("suppliers", []):
                    self.put_vendor(company["id"], row)
                for row in data.get("products", []):
                    self.put_item(company["id"], row)
            for row in data.get("orders", []):
                self.put_order(row)
            for row in data.get("receipts", []):
                self.put_receipt(row)
        return self.counts()

    def put_company(self, row, data):
        id = guid(self.tenant, row["code"])
        self.write("", "companies", {
            "id": id, "systemVersion": "26.0", "name": row["code"], "displayName": row["name"], "currencyCode": row["currency"]})
        for number, name in ACCOUNTS.items():
            self.write(id, "accounts", {"id": guid(id, "account", number), "number": number, "displayName": name,
                "category": "Expense"})
        for rate in data.get("taxRates", []):
            code = f"VAT{rate}"
            self.write(id, "taxGroups", {
                "id": guid(id, "tax", code), "code": code, "displayName": f"VAT {rate} %", "taxPercent": Decimal(rate)})
        for term in data.get("terms", []):
            code = f"{term['days']}D"
            self.write(id, "paymentTerms", {
                "id": guid(id, "term", code), "code": code, "displayName": term["name"], "dueDateCalculation": code})

    def put_vendor(self, company, row):
        term = [one["code"] for one in self.rows(company, "paymentTerms") if one["displayName"] == row.get("terms")]
        self.write(company, "vendors", {
            "id": guid(company, "vendor", row["number"]), "number": row["number"], "displayName": row["name"],
            "addressLine1": row.get("street", ""), "city": row.get("city", ""), "country": row.get("country", ""),
            "postalCode": row.get("postCode", ""), "email": row.get("email", ""), "taxRegistrationNumber": row.get("vatId", ""),
            "currencyCode": row.get("currency", ""), "paymentTermsCode": term[0] if term else "",
            "blocked": "All" if row.get("blocked") else " ", "balance": Decimal(0)})
        if row.get("iban"):
            self.write(company, "vendorBankAccounts", {
                "id": guid(company, "bank", row["number"]), "vendorNumber": row["number"], "code": "MAIN", "iban": row["iban"],
                "swiftCode": row.get("bic", "")})

    def put_item(self, company, row):
        number = row.get("item") or "SERVICE"
        if not self.find(company, "items", number=number):
            self.write(company, "items", {
                "id": guid(company, "item", number), "number": number,
                "displayName": row.get("name") or row.get("description") or number,
                "type": "Inventory" if row.get("receiptRequired", True) else "Service",
                "baseUnitOfMeasureCode": row.get("unit", "C62")})

    def vendor(self, company, number):
        found = self.find(company, "vendors", number=number)
        if not found:
            raise Refused(409, f"there is no supplier {number}")
        return found[0]

    def put_order(self, row):
        company = self.company(row.get("company"))
        if self.find(company["id"], "purchaseOrders", number=row["number"]):
            return
        vendor = self.vendor(company["id"], row["supplierNumber"])
        id, lines = guid(company["id"], "order", row["number"]), []
        for index, line in enumerate(row["lines"], 1):
            self.put_item(company["id"], line)
            lines.append(self.order_line(company["id"], id, int(line.get("line", index)), line))
        self.write(company["id"], "purchaseOrders", with_totals({
            "id": id, "number": row["number"], "orderDate": row.get("orderDate"), "vendorId": vendor["id"],
            "vendorNumber": vendor["number"],
            "vendorName": vendor["displayName"], "currencyCode": row.get("currency") or company["currencyCode"],
            "status": "Draft" if row.get("state") in ("draft", "quotation") else "Open", "fullyReceived": False,
            "purchaseOrderLines": lines}, "purchaseOrderLines"))
        if row.get("receipt", "none") != "none":
            share = {"all": Decimal(1), "half": Decimal("0.5")}[row["receipt"]]
            self.put_receipt({
                "number": "GR-" + row["number"], "orderNumber": row["number"], "deliveryNote": "DN-" + row["number"],
                "receiptDate": row.get("receiptDate"), "lines": [
                    {"orderLine": str(line.get("line", index)), "quantity": str(Decimal(line["quantity"]) * share)}
                    for index, line in enumerate(row["lines"], 1) if line.get("receiptRequired", True)]})

    def order_line(self, company, order, number, line):
        item = line.get("item") or "SERVICE"
        quantity, price = Decimal(line["quantity"]), Decimal(line["unitPrice"])
        rate = line.get("taxRate") or self.rows(company, "taxGroups")[0]["taxPercent"]
        return {
            "id": guid(order, str(number)), "documentId": order, "sequence": Decimal(number * LINE_STEP), "lineType": "Item",
            "lineObjectNumber": item, "description": line.get("description") or item,
            "unitOfMeasureCode": line.get("unit", "C62"),
            "quantity": quantity, "directUnitCost": price, "amountExcludingTax": cents(quantity * price), "taxCode": f"VAT{rate}",
            "taxPercent": Decimal(rate), "receivedQuantity": Decimal(0), "invoicedQuantity": Decimal(0)}

    def put_receipt(self, row):
        for company in self.companies():
            found = self.find(company["id"], "purchaseOrders", number=row["orderNumber"])
            if found:
                return self.receive(company["id"], found[0], row)
        raise Refused(409, f"there is no order {row['orderNumber']}")

    def receive(self, company, order, row):
        number, received = row["number"], Counter()
        parts = [one for one in self.rows(company, "purchaseReceipts") if f"{one['number']}/".startswith(number + "/")]
        for line in (line for part in parts for line in part["purchaseReceiptLines"]):
            received[int(line["sequence"]) // LINE_STEP] += line["quantity"]
        row = with_rest(row, received, len(parts) + 1) if parts else row
        if not row:
            return
        id, lines = guid(company, "receipt", row["number"]), []
        by_sequence = {line["sequence"]: line for line in order["purchaseOrderLines"]}
        for line in row["lines"]:
            ordered = by_sequence[Decimal(int(line["orderLine"]) * LINE_STEP)]
            quantity = Decimal(line.get("accepted") or line["quantity"])
            ordered["receivedQuantity"] += quantity
            lines.append({
                "id": guid(id, line["orderLine"]), "documentId": id, "unitCost": ordered["directUnitCost"], "quantity": quantity,
                **{
                    name: ordered[name] for name in ("sequence", "lineType", "lineObjectNumber", "description",
                        "unitOfMeasureCode")}})
        goods = {one["number"] for one in self.rows(company, "items") if one["type"] == "Inventory"}
        order["fullyReceived"] = all(
            line["receivedQuantity"] >= line["quantity"] for line in order["purchaseOrderLines"]
            if line["lineObjectNumber"] in goods)
        self.write(company, "purchaseOrders", order)
        self.write(company, "purchaseReceipts", {
            "id": id, "number": row["number"], "postingDate": row.get("receiptDate") or datetime.date.today().isoformat(),
            "orderNumber": order["number"], "vendorNumber": order["vendorNumber"], "vendorName": order["vendorName"],
            "vendorShipmentNumber": row.get("deliveryNote") or "", "purchaseReceiptLines": lines})

    # Purchase invoices

    def create(self, company, body):
        values, lines = read_body("purchaseInvoices", body)
        number = self.next_number(company, "draft", FIRST_DRAFT)
        today = datetime.date.today().isoformat()
        row = {
            "id": guid(company, "invoice", number), "number": number, "invoiceDate": today, "postingDate": today, "dueDate": None,
            "vendorInvoiceNumber": "", "orderId": NOTHING, "orderNumber": "", "paymentTermsCode": "", "postingDescription": "",
            "currencyCode": next(one["currencyCode"] for one in self.companies() if one["id"] == company), "status": "Draft",
            "purchaseInvoiceLines": []}
        row = self.changed(company, row, values)
        if "vendorNumber" not in row:
            raise Bad(400, "Application_DialogException", "The vendorNumber or vendorId must be given.")
        for line in lines or []:
            row["purchaseInvoiceLines"].append(self.invoice_line(company, row, line))
        row["dueDate"] = row["dueDate"] or self.due(company, row)
        self.write(company, "purchaseInvoices", with_totals(row, "purchaseInvoiceLines"))
        return self.row(company, "purchaseInvoices", row["id"])

    def changed(self, company, row, values):
        if values.get("vendorNumber") or values.get("vendorId"):
            wanted = {"number": values["vendorNumber"]} if values.get("vendorNumber") else {"id": values["vendorId"]}
            found = self.find(company, "vendors", **wanted)
            if not found:
                raise Bad(400, "Internal_RecordNotFound",
                          f"The field Vendor contains a value ({list(wanted.values())[0]}) that cannot be found in the related "
                          "table (Vendor).")
            values = {**values, "vendorId": found[0]["id"], "vendorNumber": found[0]["number"]}
            row = {**row, "vendorName": found[0]["displayName"], "paymentTermsCode": found[0]["paymentTermsCode"]}
        if values.get("orderNumber"):
            found = self.find(company, "purchaseOrders", number=values["orderNumber"])
            if not found:
                raise Bad(400, "Internal_RecordNotFound", f"The purchase order {values['orderNumber']} does not exist.")
            row = {**row, "orderId": found[0]["id"]}
        return {**row, **values}

    def invoice_line(self, company, row, values):
        id = guid(row["id"], str(len(row["purchaseInvoiceLines"]) + 1))
        line = {
            "id": id, "documentId": row["id"], "sequence": Decimal((len(row["purchaseInvoiceLines"]) + 1) * LINE_STEP),
            "lineType": "Account",
            "description": "", "unitOfMeasureCode": "", "quantity": Decimal(1), "unitCost": Decimal(0), **values}
        sets = {"Account": "accounts", "Item": "items"}
        if line["lineType"] not in sets:
            raise Bad(400, "BadRequest", f"The lineType is Account or Item, and not {line['lineType']}.")
        if not self.find(company, sets[line["lineType"]], number=line.get("lineObjectNumber")):
            raise Bad(400, "Internal_RecordNotFound", f"The {line['lineType']} {line.get('lineObjectNumber')} does not exist.")
        groups = {one["code"]: one["taxPercent"] for one in self.rows(company, "taxGroups")}
        if line.get("taxCode") not in groups:
            raise Bad(400, "Internal_RecordNotFound",
                f"The tax code {line.get('taxCode')} does not exist; there are {', '.join(groups)}.")
        net = cents(Decimal(line["quantity"]) * Decimal(line["unitCost"]))
        tax = cents(net * groups[line["taxCode"]] / 100)
        return {**line, "taxPercent": groups[line["taxCode"]], "amountExcludingTax": net, "totalTaxAmount": tax,
            "amountIncludingTax": net + tax}

    def due(self, company, row):
        days = [int(one["dueDateCalculation"][:-1]) for one in self.rows(company, "paymentTerms")
            if one["code"] == row["paymentTermsCode"]]
        return (datetime.date.fromisoformat(row["invoiceDate"]) + datetime.timedelta(days=days[0] if days else 0)).isoformat()

    def draft(self, company, id):
        row = self.row(company, "purchaseInvoices", id)
        if row is None:
            raise Bad(404, "BadRequest_ResourceNotFound", f"No purchase invoice has the id {id}.")
        return row

    def update(self, company, row, body):
        values, _ = read_body("purchaseInvoices", body, for_new=False)
        self.must_be_draft(row)
        self.write(company, "purchaseInvoices", with_totals(self.changed(company, row, values), "purchaseInvoiceLines"))
        return self.row(company, "purchaseInvoices", row["id"])

    def add_line(self, company, row, body):
        values, _ = read_body("purchaseInvoiceLines", body)
        self.must_be_draft(row)
        line = self.invoice_line(company, row, values)
        row["purchaseInvoiceLines"].append(line)
        self.write(company, "purchaseInvoices", with_totals(row, "purchaseInvoiceLines"))
        return line

    def delete(self, company, row):
        self.must_be_draft(row)
        self.store.run("DELETE FROM row WHERE tenant = ? AND company = ? AND id = ?", self.tenant, company, row["id"])

    def must_be_draft(self, row):
        if row["status"] != "Draft":
            raise Bad(400, "Application_DialogException",
                f"The purchase invoice {row['number']} is posted and cannot be changed.")

    def post(self, company, row):
        """Posts the draft, which gets the number of a posted invoice with it."""
        self.must_be_draft(row)
        if not row["vendorInvoiceNumber"]:
            raise Bad(400, "Application_DialogException",
                "You need to enter the document number of the vendor in Vendor Invoice No.")
        if not row["purchaseInvoiceLines"]:
            raise Bad(400, "Application_DialogException", "There is nothing to post.")
        if self.vendor(company, row["vendorNumber"])["blocked"] != " ":
            raise Bad(400, "Application_DialogException",
                f"You cannot post this document when vendor {row['vendorNumber']} is blocked.")
        if self.store.run("SELECT 1 FROM closed WHERE tenant = ? AND company = ? AND month = ?",
                          self.tenant, company, row["postingDate"][:7]):
            raise Bad(400, "Application_DialogException", "Posting Date is not within your range of allowed posting dates.")
        for other in self.find(company, "purchaseInvoices", vendorNumber=row["vendorNumber"],
            vendorInvoiceNumber=row["vendorInvoiceNumber"]):
            if other["status"] != "Draft":
                raise Bad(400, "Application_DialogException",
                          f"Purchase Invoice {row['vendorInvoiceNumber']} already exists for this vendor.")
        self.write(company, "purchaseInvoices", {
            **row, "number": self.next_number(company, "posted", FIRST_POSTED), "status": "Open"})

    # For whoever runs the peer

    def counts(self):
        names = {"suppliers": "vendors", "orders": "purchaseOrders", "receipts": "purchaseReceipts", "bills": "purchaseInvoices"}
        found = self.store.run("SELECT kind, count(DISTINCT id) FROM row WHERE tenant = ? GROUP BY kind", self.tenant)
        counts = {name: dict(found).get(kind, 0) for name, kind in names.items()}
        return {**counts, "suppliers": counts["suppliers"] // len(self.companies())}

    def ledger(self):
        bills = [self.bill(company, row) for company in self.companies() for row in self.rows(company["id"], "purchaseInvoices")]
        seen = Counter(f"{bill['supplierNumber']}/{bill['reference']}" for bill in bills)
        return {
            "bills": bills, "count": len(bills), "distinct": len(seen),
            "posted": sum(bill["state"] == "posted" for bill in bills),
            "doubled": sorted(key for key, times in seen.items() if times > 1)}

    def bill(self, company, row):
        vendor = self.vendor(company["id"], row["vendorNumber"])
        return {
            "id": row["id"], "number": row["number"], "reference": row["vendorInvoiceNumber"],
            "state": "draft" if row["status"] == "Draft" else "posted", "company": company["name"],
            "supplierNumber": row["vendorNumber"],
            "supplierName": row["vendorName"], "supplierVatId": vendor["taxRegistrationNumber"] or None,
            "invoiceNumber": row["vendorInvoiceNumber"], "invoiceDate": row["invoiceDate"], "accountingDate": row["postingDate"],
            "dueDate": row["dueDate"], "currency": row["currencyCode"], "description": row["postingDescription"],
            "terms": row["paymentTermsCode"], "netAmount": str(row["totalAmountExcludingTax"]),
            "taxAmount": str(row["totalTaxAmount"]),
            "grossAmount": str(row["totalAmountIncludingTax"]), "orderNumber": row["orderNumber"] or None,
            "lines": [{
                "line": index, "description": line["description"], "quantity": str(line["quantity"]),
                "unit": line["unitOfMeasureCode"],
                "unitPrice": str(line["unitCost"]), "netAmount": str(line["amountExcludingTax"]),
                "account": line["lineObjectNumber"],
                "taxRates": [str(line["taxPercent"])]} for index, line in enumerate(row["purchaseInvoiceLines"], 1)]}

    def edit(self, kind, number, values):
        """Changes a record behind everybody's back: an invoice by either of its numbers, a vendor by its number."""
        sets = {"invoice": ("purchaseInvoices", ["number", "vendorInvoiceNumber"]), "party": ("vendors", ["number"])}
        if kind not in sets:
            raise Refused(409, f"only {' and '.join(sets)} can be edited, and not {kind}")
        name, keys = sets[kind]
        values = {"vendorInvoiceNumber" if key == "reference" else key: value for key, value in values.items()}
        unknown = [key for key in values if key not in entity(name).properties]
        found = [(one["id"], row) for one in self.companies() for row in self.rows(one["id"], name)
            if number in [row[key] for key in keys]]
        if unknown or not found or (kind == "invoice" and len(found) > 1):
            raise Refused(409,
                f"{len(found)} records are called {number}; properties that do not exist: {', '.join(unknown) or 'none'}")
        with self.store.transaction():
            for company, row in found:
                self.write(company, name, {**row, **values})
        return {"id": found[0][1]["id"], "changed": sorted(values)}

    def set_iban(self, number, iban):
        with self.store.transaction():
            for company in self.companies():
                for row in self.find(company["id"], "vendorBankAccounts", vendorNumber=number):
                    self.write(company["id"], "vendorBankAccounts", {**row, "iban": iban})
        return {"supplier": number}

    def close_period(self, date, code=None, is_open=False):
        statement = "INSERT OR IGNORE INTO closed VALUES (?, ?, ?)"
        if is_open:
            statement = "DELETE FROM closed WHERE tenant = ? AND company = ? AND month = ?"
        self.store.run(statement, self.tenant, self.company(code)["id"], date[:7])
        return {"period": date[:7], "state": "open" if is_open else "closed"}


def cents(value):
    return value.quantize(CENT, ROUND_HALF_UP)


def with_totals(row, lines):
    """The sums of a document: tax is rounded once for each rate."""
    net, by_rate = Decimal("0.00"), {}
    for line in row[lines]:
        net += line["amountExcludingTax"]
        by_rate[line["taxPercent"]] = by_rate.get(line["taxPercent"], Decimal(0)) + line["amountExcludingTax"]
    tax = sum((cents(base * rate / 100) for rate, base in by_rate.items()), Decimal("0.00"))
    return {**row, "totalAmountExcludingTax": net, "totalTaxAmount": tax, "totalAmountIncludingTax": net + tax}
