"""A tenant's Tryton books from inside: adds suppliers, orders and receipts, tells the truth about the bills, and does mischief.

Everything goes through Tryton's own models, so its checks hold. A process uses this after the database's pool was initialised.
"""
import datetime
import secrets
import time
from collections import Counter
from decimal import Decimal

from front_door import Refused
from peer import with_rest
from tryton_company import ROOT_USER, address, bank_account, identifier

ATTEMPTS_MAX = 30
BATCH_MAX = 50
PASSWORD_BYTES = 18
# UN/ECE Recommendation 20 and Tryton's own units.
UNITS = {
    "C62": "uom_unit", "H87": "uom_unit", "EA": "uom_unit", "HUR": "uom_hour", "DAY": "uom_day", "MTR": "uom_meter",
    "LTR": "uom_liter", "KGM": "uom_kilogram", "MTK": "uom_square_meter",
}
FREE_ITEM = "SERVICE"


class Trouble(Refused):
    """What was asked for cannot be done; the sentence says why."""

    def __init__(self, sentence):
        super().__init__(409, sentence)


class Books:
    def __init__(self, database):
        from trytond.pool import Pool
        self.database = database
        self.pool = Pool(database)

    def get(self, name):
        return self.pool.get(name)

    # Transactions

    def perform(self, work, readonly=False, context=None):
        """Runs `work` in a transaction, again while others hold what it needs, and then the tasks that it queued."""
        from trytond import backend
        from trytond.transaction import Transaction, TransactionError
        from trytond.worker import run_task
        extras = {}
        for attempt in range(ATTEMPTS_MAX):
            try:
                with Transaction().start(
                        self.database, ROOT_USER, readonly=readonly, context={"language": "en", **(context or {})},
                        **extras) as transaction:
                    try:
                        result = work()
                    except TransactionError as error:
                        transaction.rollback()
                        error.fix(extras)
                        continue
                    tasks = transaction.tasks
                while tasks:
                    run_task(self.database, tasks.pop())
                return result
            except backend.DatabaseOperationalError:
                if attempt == ATTEMPTS_MAX - 1:
                    raise
                time.sleep(0.02 * (attempt + 1))
        raise Trouble("the books were busy all the time")

    def in_company(self, code, work, readonly=False):
        """Runs `work(company)` with the company's own settings; without a code it is the first one."""
        company = self.perform(lambda: self.company(code).id, readonly=True)
        Company = self.get("company.company")
        return self.perform(lambda: work(Company(company)), readonly, {"company": company})

    def company(self, code=None):
        Company = self.get("company.company")
        found = Company.search([("party.code", "=", code)] if code else [], order=[("id", "ASC")], limit=1)
        if not found:
            raise Trouble(f"there is no company {code}")
        return found[0]

    # Master data, orders and receipts

    def add(self, data):
        """Suppliers, orders and receipts in the sandbox ledger's own form. A known supplier is brought up to date; a known
        order or receipt stays as it is."""
        for row in data.get("suppliers", []):
            self.perform(lambda: self.put_supplier(row), context={"company": self.first_company()})
        for row in data.get("products", []):
            self.perform(lambda: self.product(row, {}), context={"company": self.first_company()})
        made = self.put_orders(data.get("orders", []))
        self.put_receipts([shortcut for row in made for shortcut in receipts_of(row)] + data.get("receipts", []))
        return self.perform(self.counts, readonly=True)

    def first_company(self):
        return self.perform(lambda: self.company().id, readonly=True)

    def counts(self):
        search = {
            "suppliers": ("party.party", [("code", "like", "S-%")]), "orders": ("purchase.purchase", []),
            "receipts": ("stock.shipment.in", [("state", "=", "done")]), "bills": ("account.invoice", [("type", "=", "in")])}
        return {name: self.get(model).search(domain, count=True) for name, (model, domain) in search.items()}

    def put_supplier(self, row):
        Party, Contact = self.get("party.party"), self.get("party.contact_mechanism")
        known = Party.search([("code", "=", row["number"])])
        party = known[0] if known else Party(code=row["number"], addresses=[address(self.pool, row)])
        party.name = row["name"]
        party.active = not row.get("blocked", False)
        # Tryton writes some numbers its own way: a British one without its country and in groups.
        known = [one.code.replace(" ", "") for one in getattr(party, "identifiers", ())]
        if row.get("vatId") and row["vatId"] not in known and row["vatId"][2:] not in known:
            party.identifiers = [*getattr(party, "identifiers", ()), identifier(self.pool, row["vatId"])]
        if row.get("email") and not known:
            party.contact_mechanisms = [Contact(type="email", value=row["email"])]
        party.save()
        Company = self.get("company.company")
        from trytond.transaction import Transaction
        for company in Company.search([]):
            with Transaction().set_context(company=company.id):
                party = Party(party.id)
                party.supplier_payment_term = self.term(row.get("terms"))
                party.supplier_currency = self.currency(row["currency"]) if row.get("currency") else None
                party.save()
        if row.get("iban"):
            bank_account(self.pool, party, row["iban"], row.get("bic"))
        return party

    def term(self, name):
        Term = self.get("account.invoice.payment_term")
        found = Term.search([("name", "=", name)]) if name else []
        return found[0] if found else None

    def currency(self, code):
        found = self.get("currency.currency").search([("code", "=", code)])
        if not found:
            raise Trouble(f"there is no currency {code}")
        return found[0]

    def party(self, number):
        found = self.get("party.party").search([("code", "=", number), ("active", "in", [True, False])])
        if not found:
            raise Trouble(f"there is no supplier {number}")
        return found[0]

    def unit(self, code):
        if code not in UNITS:
            raise Trouble(f"the unit {code} is not among {', '.join(sorted(UNITS))}")
        return self.get("product.uom")(self.get("ir.model.data").get_id("product", UNITS[code]))

    def tax(self, company, rate):
        Tax = self.get("account.tax")
        found = Tax.search([("company", "=", company.id), ("rate", "=", Decimal(rate) / 100)], limit=1)
        if not found:
            raise Trouble(f"{company.party.name} knows no tax of {rate} %")
        return found[0]

    def product(self, row, defaults):
        """The product with the item's code; goods are received, services are not."""
        Product, Template, Category = self.get("product.product"), self.get("product.template"), self.get("product.category")
        kind = "goods" if row.get("receiptRequired", True) else "service"
        code = row.get("item") or FREE_ITEM
        known = Product.search([("code", "=", code), ("template.type", "=", kind)])
        if known:
            return known[0]
        unit = self.unit(row.get("unit", "C62"))
        rate = row.get("taxRate") or defaults.get("taxRate")
        categories = Category.search(
            [("accounting", "=", True)] + ([("name", "=", f"VAT {rate} %")] if rate is not None else []), order=[("id", "ASC")])
        template = Template(
            name=row.get("name") or row.get("description") or code, code=code, type=kind, default_uom=unit, purchasable=True,
            purchase_uom=unit, cost_price_method="fixed", account_category=categories[0] if categories else None,
            products=[Product()])
        template.save()
        return template.products[0]

    def put_orders(self, rows):
        """Makes the orders and answers the rows that were new; a number is taken once."""
        made = []
        for code, group in by_company(rows, lambda row: row.get("company")).items():
            for batch in batches(group):
                made += self.in_company(code, lambda company: self.put_batch(company, batch))
        return made

    def put_batch(self, company, rows):
        Purchase = self.get("purchase.purchase")
        known = {one.number for one in Purchase.search([("number", "in", [row["number"] for row in rows])])}
        fresh = [row for row in rows if row["number"] not in known]
        purchases = [self.order(company, row) for row in fresh]
        Purchase.save(purchases)
        states = [row.get("state", "open") for row in fresh]
        Purchase.quote([one for one, state in zip(purchases, states) if state != "draft"])
        Purchase.confirm([one for one, state in zip(purchases, states) if state not in ("draft", "quotation")])
        return fresh

    def order(self, company, row):
        Purchase = self.get("purchase.purchase")
        purchase = Purchase(
            company=company, party=self.party(row["supplierNumber"]), number=row["number"],
            reference=row.get("supplierReference") or row["number"], purchase_date=date(row.get("orderDate")))
        purchase.on_change_party()
        purchase.invoice_method = row.get("invoicing", "manual")
        purchase.currency = self.currency(row.get("currency") or company.currency.code)
        purchase.warehouse = self.get("stock.location").search([("type", "=", "warehouse")], limit=1)[0]
        purchase.lines = [self.order_line(company, index, line) for index, line in enumerate(row["lines"], 1)]
        return purchase

    def order_line(self, company, index, row):
        Line = self.get("purchase.line")
        product = self.product(row, {"taxRate": row.get("taxRate")})
        rate = row.get("taxRate")
        taxes = [self.tax(company, rate)] if rate is not None else list(product.supplier_taxes_used)
        return Line(
            type="line", sequence=int(row.get("line", index)), product=product, description=row.get("description"),
            quantity=float(row["quantity"]), unit=self.unit(row.get("unit", "C62")), unit_price=Decimal(row["unitPrice"]),
            taxes=taxes)

    def put_receipts(self, rows):
        Purchase = self.get("purchase.purchase")

        def companies():
            found = Purchase.search([("number", "in", [row["orderNumber"] for row in rows])])
            return {one.number: one.company.party.code for one in found}
        known = self.perform(companies, readonly=True) if rows else {}
        for row in rows:
            if row["orderNumber"] not in known:
                raise Trouble(f"there is no order {row['orderNumber']}")
        for code, group in by_company(rows, lambda row: known[row["orderNumber"]]).items():
            for batch in batches(group):
                self.in_company(code, lambda company: self.receive(company, batch))

    def receive(self, company, rows):
        Shipment, Move = self.get("stock.shipment.in"), self.get("stock.move")
        known = {one.number for one in Shipment.search([("number", "in", [row["number"] for row in rows])])}
        rows = [self.rest(row) if row["number"] in known else row for row in rows]
        shipments = [self.shipment(company, row) for row in rows if row]
        Shipment.receive(shipments)
        shipments = Shipment.browse([one.id for one in shipments])
        for shipment in shipments:
            Move.write(list(shipment.inventory_moves), {"effective_date": shipment.effective_date})
        Shipment.do(shipments)

    def rest(self, row):
        """What has come since of a receipt that is known, under a number of its own; None when nothing has."""
        number, received = row["number"], Counter()
        parts = self.get("stock.shipment.in").search(["OR", ("number", "=", number), ("number", "like", number + "/%")])
        for move in (move for part in parts for move in part.incoming_moves):
            received[move.origin.sequence] += Decimal(str(move.quantity))
        return with_rest(row, received, len(parts) + 1)

    def shipment(self, company, row):
        Purchase, Shipment = self.get("purchase.purchase"), self.get("stock.shipment.in")
        purchase, = Purchase.search([("number", "=", row["orderNumber"])])
        day = date(row.get("receiptDate"))
        shipment = Shipment(
            company=company, supplier=purchase.party, contact_address=purchase.invoice_address, warehouse=purchase.warehouse,
            warehouse_input=purchase.warehouse.input_location, warehouse_storage=purchase.warehouse.storage_location,
            number=row["number"], reference=row.get("deliveryNote"), effective_date=day, planned_date=day)
        shipment.save()
        for line in row["lines"]:
            self.receive_line(purchase, shipment, line, day)
        return Shipment(shipment.id)

    def receive_line(self, purchase, shipment, row, day):
        ordered = [line for line in purchase.lines if line.sequence == int(row["orderLine"])]
        moves = [move for line in ordered for move in line.moves if move.state == "draft" and not move.shipment]
        if not moves:
            raise Trouble(f"line {row['orderLine']} of order {purchase.number} awaits nothing")
        move = moves[0]
        move.quantity = float(row.get("accepted") or row["quantity"])
        move.shipment = shipment
        move.effective_date = day
        move.save()

    # The truth

    def bills(self):
        Invoice = self.get("account.invoice")
        return [self.bill(invoice) for invoice in Invoice.search([("type", "=", "in")], order=[("id", "ASC")])]

    def bill(self, invoice):
        def text(value):
            return None if value is None else str(value)
        return {
            "id": str(invoice.id), "number": invoice.number, "reference": invoice.reference, "state": invoice.state,
            "company": invoice.company.party.code, "supplierNumber": invoice.party.code, "supplierName": invoice.party.name,
            "supplierVatId": next((one.code for one in invoice.party.identifiers), None), "invoiceNumber": invoice.reference,
            "invoiceDate": text(invoice.invoice_date), "accountingDate": text(invoice.accounting_date),
            "dueDate": text(min((line.maturity_date for line in invoice.lines_to_pay if line.maturity_date), default=None)),
            "currency": invoice.currency.code, "description": invoice.description,
            "terms": invoice.payment_term.name if invoice.payment_term else None, "netAmount": str(invoice.untaxed_amount),
            "taxAmount": str(invoice.tax_amount), "grossAmount": str(invoice.total_amount), "createdBy": invoice.create_uid.login,
            "taxes": [
                {"name": tax.tax.name if tax.tax else tax.description, "base": str(tax.base), "amount": str(tax.amount)}
                for tax in invoice.taxes],
            "lines": [self.bill_line(index, line) for index, line in enumerate(invoice.lines, 1) if line.type == "line"],
        }

    def bill_line(self, index, line):
        origin = line.origin
        is_ordered = origin is not None and getattr(origin, "__name__", "") == "purchase.line"
        return {
            "line": index, "description": line.description, "quantity": plain(line.quantity),
            "unit": line.unit.symbol if line.unit else None,
            "unitPrice": plain(line.unit_price), "netAmount": str(line.amount),
            "account": line.account.code if line.account else None,
            "taxRates": [plain(tax.rate * 100) for tax in line.taxes],
            "orderNumber": origin.purchase.number if is_ordered else None,
            "orderLine": str(origin.sequence) if is_ordered else None,
        }

    def ledger(self):
        """Every bill, and how often each supplier and reference occurs; cancelled ones do not count."""
        def read():
            bills = self.bills()
            seen = Counter(f"{bill['supplierNumber']}/{bill['reference']}" for bill in bills if bill["state"] != "cancelled")
            return {
                "bills": bills, "count": len(bills), "distinct": len(seen),
                "posted": sum(bill["state"] in ("posted", "paid") for bill in bills),
                "doubled": sorted(key for key, times in seen.items() if times > 1)}
        return self.perform(read, readonly=True, context={"company": self.first_company()})

    # Mischief

    def edit(self, kind, number, values):
        """Changes a record behind everybody's back: an invoice by its number or reference, a party by its code."""
        models = {"invoice": ("account.invoice", ["number", "reference"]), "party": ("party.party", ["code"])}
        if kind not in models:
            raise Trouble(f"only {' and '.join(models)} can be edited, and not {kind}")
        model, keys = models[kind]

        def work():
            Model = self.get(model)
            found = Model.search(["OR", *[[(key, "=", number)] for key in keys]])
            if len(found) != 1:
                raise Trouble(f"{len(found)} records of {model} are called {number}")
            unknown = [name for name in values if name not in Model._fields]
            if unknown:
                raise Trouble(f"{model} has no {', '.join(unknown)}")
            Model.write(found, values)
            return {"id": found[0].id, "changed": sorted(values)}
        return self.perform(work, context={"company": self.first_company()})

    def set_iban(self, number, iban):
        """Replaces the supplier's accounts by one with this IBAN."""
        def work():
            party = self.party(number)
            Account = self.get("bank.account")
            for account in Account.search([("owners", "=", party.id)]):
                Account.write([account], {"owners": [("remove", [party.id])]})
            bank_account(self.pool, party, iban)
            return {"supplier": number}
        return self.perform(work)

    def close_period(self, day, code=None):
        def work(company):
            Period = self.get("account.period")
            found = Period.search([
                ("company", "=", company.id), ("start_date", "<=", day), ("end_date", ">=", day), ("type", "=", "standard")])
            if not found:
                raise Trouble(f"no period of {company.party.name} holds {day}")
            Period.close(found)
            return {"period": found[0].name, "state": "closed"}
        return self.in_company(code, work)

    def reopen_period(self, day, code=None):
        def work(company):
            Period = self.get("account.period")
            found = Period.search([
                ("company", "=", company.id), ("start_date", "<=", day), ("end_date", ">=", day), ("type", "=", "standard")])
            Period.reopen(found)
            # Closing a period closes its journals in it; reopening leaves them.
            JournalPeriod = self.get("account.journal.period")
            JournalPeriod.reopen(JournalPeriod.search([("period", "in", [one.id for one in found]), ("state", "=", "closed")]))
            return {"period": found[0].name if found else None, "state": "open"}
        return self.in_company(code, work)

    def set_password(self, login, password=None):
        """A new password; sessions that began with the old one end, as they do in Tryton."""
        password = password or secrets.token_urlsafe(PASSWORD_BYTES)

        def work():
            User = self.get("res.user")
            user, = User.search([("login", "=", login)])
            User.write([user], {"password": password})
            self.get("res.user.login.attempt").remove(login)
        self.perform(work)
        return password

    def new_key(self, login):
        """A key of the REST API, already validated."""
        def work():
            User, Application = self.get("res.user"), self.get("res.user.application")
            user, = User.search([("login", "=", login)])
            made, = Application.create([{"user": user.id, "application": "rest", "state": "validated"}])
            return made.key
        return self.perform(work)

    def expire_keys(self, login):
        def work():
            Application = self.get("res.user.application")
            found = Application.search([("user.login", "=", login), ("state", "=", "validated")])
            Application.cancel(found)
            return {"expired": len(found)}
        return self.perform(work)

    def facts(self):
        """What a mapping needs to know by name, read once for the ready line."""
        def read():
            Company = self.get("company.company")
            return [{
                "code": company.party.code, "id": company.id, "name": company.party.name, "currency": company.currency.code,
            } for company in Company.search([], order=[("id", "ASC")])]
        return self.perform(read, readonly=True)


def date(text):
    return datetime.date.fromisoformat(text) if text else datetime.date.today()


def by_company(rows, company_of):
    groups = {}
    for row in rows:
        groups.setdefault(company_of(row), []).append(row)
    return groups


def batches(rows):
    """A transaction's worth of rows at a time: large ones are quick, and one that fails loses little."""
    return [rows[start:start + BATCH_MAX] for start in range(0, len(rows), BATCH_MAX)]


def receipts_of(order):
    """What `receipt` of an order says in one word: all, half or none."""
    said = order.get("receipt", "none")
    if said == "none":
        return []
    shares = {"all": Decimal(1), "half": Decimal("0.5")}
    if said not in shares:
        raise Trouble(f"the receipt of an order is all, half or none, and not {said}")
    lines = [
        {"orderLine": str(line.get("line", index)), "quantity": str(Decimal(line["quantity"]) * shares[said])}
        for index, line in enumerate(order["lines"], 1) if line.get("receiptRequired", True)]
    return [{
        "number": "GR-" + order["number"], "orderNumber": order["number"], "deliveryNote": "DN-" + order["number"],
        "receiptDate": order.get("receiptDate"), "lines": lines}] if lines else []


def plain(number):
    """A number as people write it: no exponent, no trailing zeros."""
    if number is None:
        return None
    written = format(Decimal(repr(number)) if isinstance(number, float) else number, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written
