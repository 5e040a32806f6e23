"""Sets up an empty Tryton database for one tenant: currencies, companies, charts, years, taxes, terms, journals, users.

Run as a program it fills a database from a catalogue's tenant and ends, so that nothing of it stays in the server's memory:

  python tryton_company.py DATABASE FILE.json        with TRYTOND_CONFIG set
"""
import datetime
import json
import os
import secrets
import sys
from decimal import Decimal

# As in tryton.py: no test asks a name server.
sys.modules["email_validator"] = None

ROOT_USER = 0
CURRENCY_DIGITS = {"JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3, "TND": 3}
COUNTRIES = {
    "AT": "Austria", "BE": "Belgium", "CH": "Switzerland", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "ES": "Spain",
    "FR": "France", "GB": "United Kingdom", "IE": "Ireland", "IT": "Italy", "LU": "Luxembourg", "NL": "Netherlands",
    "PL": "Poland",
    "PT": "Portugal", "SE": "Sweden", "US": "United States",
}
# How much of a currency one euro buys; invented, but of the right size. A catalogue may say otherwise.
RATES = {
    "EUR": "1", "GBP": "0.86", "USD": "1.09", "CHF": "0.95", "PLN": "4.28", "SEK": "11.2", "DKK": "7.46", "CZK": "25.1",
    "JPY": "162",
    "BHD": "0.41", "KWD": "0.335",
}
EU_PREFIXES = set("at be bg cy cz de dk ee el es fi fr hr hu ie it lt lu lv mt nl pl pt ro se si sk".split())
OTHER_PREFIXES = {"gb", "ch"}
CHART = "account_template_root_en"
TAX_ACCOUNT = "6.3.6"
EXPENSE_ACCOUNT = "5.1.1"
SEPA_FLAVOURS = {"sepa_payable_flavor": "pain.001.001.09", "sepa_receivable_flavor": "pain.008.001.08"}
# Tryton has no group that may only look at deliveries; whoever installs it for a robot like ours makes one.
LOOKING_AT = ("stock.shipment.in", "stock.shipment.in.return")
USERS = {
    "ap-bot": ("Accounts payable robot", [("account", "group_account"), ("account_payment", "group_payment")]),
    "approver": ("Payment approver", [
        ("account", "group_account"), ("account_payment", "group_payment"), ("account_payment", "group_payment_approval")]),
    "reader": ("Reader", []),
}


class CompanySetUp:
    """What has to be there before the first supplier."""

    def __init__(self, pool, tenant, today):
        self.pool = pool
        self.tenant = tenant
        self.today = today

    def get(self, name, kind="model"):
        return self.pool.get(name, type=kind)

    def data_id(self, module, name):
        return self.get("ir.model.data").get_id(module, name)

    def run(self):
        from trytond.transaction import Transaction
        self.countries()
        self.currencies()
        self.terms()
        companies = []
        for entity in self.tenant["companies"]:
            company = self.company(entity)
            companies.append(company)
            with Transaction().set_context(company=company.id):
                self.chart(company)
                for year in range(self.today.year - 1, self.today.year + 2):
                    self.fiscal_year(company, year)
                self.taxes(company)
                self.journals(company, entity)
        self.users(companies)

    def countries(self):
        Country = self.get("country.country")
        Country.create([{"name": name, "code": code} for code, name in COUNTRIES.items()])

    def currencies(self):
        Currency = self.get("currency.currency")
        start = datetime.date(self.today.year - 1, 1, 1)
        rows = []
        for code, rate in {**RATES, **self.tenant.get("rates", {})}.items():
            digits = CURRENCY_DIGITS.get(code, 2)
            rows.append({
                "name": code, "code": code, "symbol": code, "digits": digits, "rounding": Decimal(1).scaleb(-digits),
                "rates": [("create", [{"date": start, "rate": Decimal(rate)}])],
            })
        Currency.create(rows)

    def terms(self):
        Term = self.get("account.invoice.payment_term")
        for row in self.tenant.get("terms") or [{"name": "Net 0", "days": 0}, {"name": "30 days net", "days": 30}]:
            Term.create([{
                "name": row["name"],
                "lines": [("create", [{
                    "type": "remainder", "relativedeltas": [("create", [{"days": row["days"]}])]}])],
            }])

    def company(self, entity):
        Party, Company, Currency = self.get("party.party"), self.get("company.company"), self.get("currency.currency")
        party = Party(name=entity["name"], code=entity.get("code"))
        if entity.get("vatId"):
            party.identifiers = [identifier(self.pool, entity["vatId"])]
        party.addresses = [address(self.pool, entity)]
        party.save()
        currency, = Currency.search([("code", "=", entity["currency"])])
        company = Company(party=party, currency=currency, timezone=self.tenant.get("timezone"))
        company.save()
        return company

    def chart(self, company):
        CreateChart = self.get("account.create_chart", "wizard")
        session, _, _ = CreateChart.create()
        CreateChart.execute(
            session, {"account": {"account_template": self.data_id("account", CHART), "company": company.id}}, "create_account")
        accounts = {kind: self.account(company, [(f"type.{kind}", "=", True)]) for kind in ("receivable", "payable", "revenue")}
        accounts["expense"] = self.account(company, [("code", "=", EXPENSE_ACCOUNT)])
        CreateChart.execute(
            session, {"properties": {
                "company": company.id, "account_receivable": accounts["receivable"].id, "account_payable": accounts["payable"].id,
                "category_account_expense": accounts["expense"].id, "category_account_revenue": accounts["revenue"].id,
            }}, "create_properties")
        CreateChart.delete(session)

    def account(self, company, domain):
        return self.get("account.account").search([("company", "=", company.id), ("closed", "!=", True), *domain], limit=1)[0]

    def sequence(self, name, type_name, company):
        Sequence, Type = self.get("ir.sequence.strict"), self.get("ir.sequence.type")
        kind, = Type.search([("name", "=", type_name)], limit=1)
        sequence = Sequence(name=name, sequence_type=kind, company=company)
        sequence.save()
        return sequence

    def fiscal_year(self, company, year):
        FiscalYear, Invoices = self.get("account.fiscalyear"), self.get("account.fiscalyear.invoice_sequence")
        name = str(year)
        numbers = self.sequence(name, "Invoice", company)
        made = FiscalYear(
            name=name, company=company, start_date=datetime.date(year, 1, 1), end_date=datetime.date(year, 12, 31),
            move_sequence=self.sequence(name, "Account Move", company))
        made.invoice_sequences = [Invoices(
            company=company, in_invoice_sequence=numbers, in_credit_note_sequence=numbers, out_invoice_sequence=numbers,
            out_credit_note_sequence=numbers)]
        made.save()
        FiscalYear.create_period([made])

    def taxes(self, company):
        Tax, Category = self.get("account.tax"), self.get("product.category")
        account = self.account(company, [("code", "=", TAX_ACCOUNT)])
        expense = self.account(company, [("code", "=", EXPENSE_ACCOUNT)])
        for rate in self.tenant.get("taxRates") or ["0"]:
            name = f"VAT {rate} %"
            tax = Tax(
                name=name, description=name, type="percentage", rate=Decimal(rate) / 100, company=company,
                invoice_account=account,
                credit_note_account=account)
            tax.save()
            known = Category.search([("name", "=", name), ("accounting", "=", True)])
            category = known[0] if known else Category(name=name, accounting=True)
            category.account_expense = expense
            category.supplier_taxes = [*(category.supplier_taxes if known else ()), tax]
            category.save()

    def journals(self, company, entity):
        Journal = self.get("account.payment.journal")
        Journal.create([{
            "name": "Manual", "company": company.id, "currency": company.currency.id, "process_method": "manual"}])
        if entity.get("iban"):
            account = bank_account(self.pool, company.party, entity["iban"], entity.get("bic"))
            Journal.create([{
                "name": "SEPA", "company": company.id, "currency": company.currency.id, "process_method": "sepa",
                "sepa_bank_account_number": account.numbers[0].id, **SEPA_FLAVOURS}])

    def users(self, companies):
        User, Group = self.get("res.user"), self.get("res.group")
        onlookers, = Group.create([{
            "name": "Deliveries, reading",
            "model_access": [("create", [{
                "model": model, "perm_read": True, "perm_write": False, "perm_create": False, "perm_delete": False,
            } for model in LOOKING_AT])]}])
        for login, (name, groups) in USERS.items():
            User.create([{
                "name": name, "login": login, "password": secrets.token_urlsafe(24),
                "companies": [("add", [company.id for company in companies])], "company": companies[0].id, "company_filter": "all",
                "groups": [("add", [self.data_id(*group) for group in groups] + [onlookers.id])],
            }])
        admin, = User.search([("login", "=", "admin")])
        User.write([admin], {"companies": [("add", [company.id for company in companies])], "company": companies[0].id})


def identifier(pool, number):
    """A tax number with the kind that Tryton checks it as; of a country whose numbers it cannot check it is plain text."""
    Identifier = pool.get("party.identifier")
    country = number[:2].lower()
    kind = "eu_vat" if country in EU_PREFIXES else f"{country}_vat" if country in OTHER_PREFIXES else None
    return Identifier(type=kind, code=number)


def address(pool, row):
    Address, Country = pool.get("party.address"), pool.get("country.country")
    country = Country.search([("code", "=", row["country"])]) if row.get("country") else []
    return Address(
        street_unstructured=row.get("street"), postal_code=row.get("postCode"), city=row.get("city"),
        country=country[0] if country else None)


def bank_account(pool, party, iban, bic=None):
    """The account, made if need be, with the party as an owner."""
    Account, Number = pool.get("bank.account"), pool.get("bank.account.number")
    known = Number.search([("type", "=", "iban"), ("number_compact", "=", iban.replace(" ", ""))])
    account = known[0].account if known else Account(numbers=[Number(type="iban", number=iban)])
    if bic and not getattr(account, "bank", None):
        account.bank = bank(pool, bic)
    owners = list(getattr(account, "owners", ()))
    if party not in owners:
        account.owners = [*owners, party]
    account.save()
    return account


def bank(pool, bic):
    Bank, Party = pool.get("bank"), pool.get("party.party")
    known = Bank.search([("bic", "=", bic)])
    if known:
        return known[0]
    party = Party(name=f"Bank {bic}")
    party.save()
    made = Bank(party=party, bic=bic)
    made.save()
    return made


def main(database, file):
    with open(file, encoding="utf-8") as handle:
        tenant = json.load(handle)
    from trytond import config
    config.update_etc(os.environ["TRYTOND_CONFIG"])
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    from tryton_books import Books
    Pool.start()
    pool = Pool(database)
    with Transaction().start(database, ROOT_USER, readonly=True):
        pool.init()
    books = Books(database)
    books.perform(CompanySetUp(pool, tenant, datetime.date.today()).run)
    books.add(tenant)


if __name__ == "__main__":
    main(*sys.argv[1:])
