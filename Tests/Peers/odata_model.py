"""The entities of the OData peer, in the manner of Business Central's API v2.0: their properties, what a client may
write, and how long it may be."""
import datetime
import json
import re
import uuid
from decimal import Decimal, InvalidOperation

DECIMALS_MAX = 5
WHOLE_DIGITS_MAX = 15
NAMESPACE = uuid.UUID("6f9c1c0e-6a52-5d1e-9a55-0d2f6a7b1c11")
NOTHING = "00000000-0000-0000-0000-000000000000"
GUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Bad(Exception):
    """A request refused: HTTP status, code and sentence of the error body."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, list(headers)


class Property:
    """`kind` is guid, string, decimal, integer, boolean, date or datetime; what is not `writable` the server fills."""

    def __init__(self, kind, size=None, writable=False):
        self.kind, self.size, self.writable = kind, size, writable

    def read(self, name, value):
        """The value that a client sent, checked."""
        if value is None:
            return None
        if self.kind == "string":
            return self.string(name, value)
        if self.kind == "decimal":
            return self.decimal(name, value)
        if self.kind == "guid" and isinstance(value, str) and GUID.fullmatch(value):
            return value.lower()
        if self.kind == "boolean" and isinstance(value, bool):
            return value
        if self.kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
            return value
        if self.kind == "date" and isinstance(value, str):
            try:
                return datetime.date.fromisoformat(value).isoformat()
            except ValueError:
                pass
        raise Bad(400, "BadRequest",
            f"Cannot convert the literal '{value}' to the expected type of '{name}', which is {self.kind}.")

    def string(self, name, value):
        if not isinstance(value, str):
            raise Bad(400, "BadRequest", f"The value of '{name}' is no string.")
        if self.size and len(value) > self.size:
            raise Bad(400, "Application_StringExceededLength",
                      f"The length of the string is {len(value)}, but it must be less than or equal to {self.size} characters. "
                      f"Property: {name}.")
        return value

    def decimal(self, name, value):
        try:
            if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
                raise InvalidOperation
            number = Decimal(value)
        except InvalidOperation:
            raise Bad(400, "BadRequest", f"The value of '{name}' is no number.") from None
        if -number.as_tuple().exponent > DECIMALS_MAX:
            raise Bad(400, "Application_DialogException", f"The field {name} can have at most {DECIMALS_MAX} decimal places.")
        if abs(number) >= Decimal(10) ** WHOLE_DIGITS_MAX:
            raise Bad(400, "Application_DialogException", f"The value of {name} is outside of the permitted range.")
        return number


def words(text):
    """`name:kind`, with `!` behind it when a client may write it and a number when a string is bounded."""
    properties = {}
    for word in text.split():
        name, kind = word.split(":")
        size = re.search(r"\d+", kind)
        properties[name] = Property(
            re.match("[a-z]+", kind).group(), int(size.group()) if size else None, kind.endswith("!"))
    return properties


LINE = ("id:guid documentId:guid sequence:integer! lineType:string! lineObjectNumber:string20! description:string100! "
        "unitOfMeasureCode:string10! quantity:decimal! ")
TOTALS = "totalAmountExcludingTax:decimal totalTaxAmount:decimal totalAmountIncludingTax:decimal "
STAMP = "lastModifiedDateTime:datetime"


class Entity:
    def __init__(self, singular, properties, lines=None):
        self.singular, self.properties, self.lines = singular, words(properties), lines


LINES = {
    "purchaseOrderLines": Entity("purchaseOrderLine", LINE + (
        "directUnitCost:decimal! amountExcludingTax:decimal taxCode:string20! taxPercent:decimal receivedQuantity:decimal "
        "invoicedQuantity:decimal")),
    "purchaseReceiptLines": Entity("purchaseReceiptLine", LINE + "unitCost:decimal!"),
    "purchaseInvoiceLines": Entity("purchaseInvoiceLine", LINE + (
        "unitCost:decimal! amountExcludingTax:decimal taxCode:string20! taxPercent:decimal totalTaxAmount:decimal "
        "amountIncludingTax:decimal")),
}
ENTITIES = {
    "companies": Entity("company", "id:guid systemVersion:string name:string displayName:string currencyCode:string"),
    "vendors": Entity("vendor", (
        "id:guid number:string20 displayName:string100 addressLine1:string city:string country:string postalCode:string "
        "email:string "
        "taxRegistrationNumber:string20 currencyCode:string paymentTermsCode:string blocked:string balance:decimal ") + STAMP),
    # The standard API has no bank accounts of vendors; tenants publish a page of their own for them.
    "vendorBankAccounts": Entity("vendorBankAccount", (
        "id:guid vendorNumber:string20 code:string20 iban:string50 swiftCode:string20 ") + STAMP),
    "accounts": Entity("account", "id:guid number:string20 displayName:string category:string"),
    "items": Entity("item", "id:guid number:string20 displayName:string type:string baseUnitOfMeasureCode:string " + STAMP),
    "paymentTerms": Entity("paymentTerm", "id:guid code:string10 displayName:string dueDateCalculation:string"),
    "taxGroups": Entity("taxGroup", "id:guid code:string20 displayName:string taxPercent:decimal"),
    "purchaseOrders": Entity("purchaseOrder", (
        "id:guid number:string20 orderDate:date vendorId:guid vendorNumber:string20 vendorName:string currencyCode:string "
        "status:string fullyReceived:boolean ") + TOTALS + STAMP, "purchaseOrderLines"),
    "purchaseReceipts": Entity("purchaseReceipt", (
        "id:guid number:string20 postingDate:date orderNumber:string20 vendorNumber:string20 vendorName:string "
        "vendorShipmentNumber:string35 ") + STAMP, "purchaseReceiptLines"),
    "purchaseInvoices": Entity("purchaseInvoice", (
        "id:guid number:string20 invoiceDate:date! postingDate:date! dueDate:date! vendorInvoiceNumber:string35! vendorId:guid! "
        "vendorNumber:string20! vendorName:string currencyCode:string10! orderId:guid orderNumber:string20! "
        "paymentTermsCode:string10! postingDescription:string100! status:string ") + TOTALS + STAMP, "purchaseInvoiceLines"),
}
WRITABLE = {"purchaseInvoices"}


def entity(name):
    return ENTITIES.get(name) or LINES.get(name)


def guid(*parts):
    """The same id for the same thing, so that a fresh peer has the ids of the last."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def read_body(name, body, for_new=True):
    """The writable properties that a client sent for an entity of the set `name`, and its lines when they came along."""
    kind = entity(name)
    if not isinstance(body, dict):
        raise Bad(400, "BadRequest", "The body is no JSON object.")
    values, lines = {}, None
    for key, value in body.items():
        if key.startswith("@odata."):
            continue
        if key == kind.lines and for_new:
            if not isinstance(value, list):
                raise Bad(400, "BadRequest", f"'{key}' is no list.")
            lines = [read_body(kind.lines, line)[0] for line in value]
        elif key not in kind.properties:
            raise Bad(400, "BadRequest", f"The property '{key}' does not exist on type 'Microsoft.NAV.{kind.singular}'.")
        elif not kind.properties[key].writable:
            raise Bad(400, "BadRequest_InvalidOperation", f"Control '{key}' is read-only.")
        else:
            values[key] = kind.properties[key].read(key, value)
    return values, lines


def text(value):
    """JSON with decimals written digit by digit, as they are."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(text(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def parse(body):
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        raise Bad(400, "BadRequest", "Invalid request body: it is no JSON.") from None
