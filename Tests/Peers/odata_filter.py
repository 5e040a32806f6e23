"""What the query options of OData v4 mean.

odata-query parses `$filter`, and its tree is evaluated over rows exactly, decimals as decimals.
"""
import base64
import datetime
import json
import operator
import re
from decimal import Decimal

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from odata_model import LINES, Bad, entity

COMPARATORS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge}
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod}
FUNCTIONS = {
    "contains": lambda text, part: part in text, "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part), "tolower": str.lower, "toupper": str.upper, "trim": str.strip,
    "length": len,
    "year": lambda date: int(date[:4]), "month": lambda date: int(date[5:7]), "day": lambda date: int(date[8:10]),
    "concat": lambda one, other: one + other, "indexof": str.find, "substring": lambda text, start, size=None: (
        text[start:] if size is None else text[start:start + size]),
}
EXPANDED = re.compile(r"([A-Za-z]+)(?:\(([^)]*)\))?")


def unknown(name, set_name):
    return Bad(400, "BadRequest",
        f"Could not find a property named '{name}' on type 'Microsoft.NAV.{entity(set_name).singular}'.")


def parse_filter(text):
    try:
        return ODataParser().parse(ODataLexer().tokenize(text))
    except ODataException as error:
        raise Bad(400, "BadRequest", f"Syntax error in the filter: {error}") from None


class Evaluation:
    """A filter's value for one row at a time."""

    def __init__(self, tree, set_name):
        self.tree, self.set_name = tree, set_name

    def accepts(self, row):
        value = self.value(self.tree, {"": (self.set_name, row)})
        if not isinstance(value, bool):
            raise Bad(400, "BadRequest", "The $filter expression must evaluate to a single boolean value.")
        return value

    def value(self, node, scope):
        if isinstance(node, ast.Compare):
            return self.compare(node, scope)
        if isinstance(node, ast.BoolOp):
            left = self.value(node.left, scope)
            if isinstance(node.op, ast.And):
                return left and self.value(node.right, scope)
            return left or self.value(node.right, scope)
        if isinstance(node, ast.UnaryOp):
            inner = self.value(node.operand, scope)
            return not inner if isinstance(node.op, ast.Not) else -inner
        if isinstance(node, ast.BinOp):
            return ARITHMETIC[type(node.op)](self.value(node.left, scope), self.value(node.right, scope))
        if isinstance(node, ast.Call):
            return self.function(node, scope)
        if isinstance(node, ast.CollectionLambda):
            return self.some(node, scope)
        if isinstance(node, (ast.Identifier, ast.Attribute)):
            return self.property(node, scope)
        return literal(node)

    def compare(self, node, scope):
        left = self.value(node.left, scope)
        if isinstance(node.comparator, ast.In):
            return left in [literal(item) for item in node.right.val]
        right = self.value(node.right, scope)
        if left is None or right is None:
            return {ast.Eq: left is right, ast.NotEq: left is not right}.get(type(node.comparator), False)
        try:
            return COMPARATORS[type(node.comparator)](left, right)
        except TypeError:
            raise Bad(400, "BadRequest",
                f"A binary operator with incompatible types was detected: '{left}' and '{right}'.") from None

    def function(self, node, scope):
        name = node.func.name
        if name not in FUNCTIONS:
            raise Bad(400, "BadRequest", f"An unknown function with name '{name}' was found.")
        arguments = [self.value(one, scope) for one in node.args]
        if any(one is None for one in arguments):
            return False if name in ("contains", "startswith", "endswith") else None
        try:
            return FUNCTIONS[name](*arguments)
        except (TypeError, AttributeError):
            raise Bad(400, "BadRequest", f"The arguments of '{name}' are of the wrong types.") from None

    def some(self, node, scope):
        rows = self.property(node.owner, scope)
        name = node.lambda_.identifier.name if node.lambda_ else None
        inner = [
            self.value(node.lambda_.expression, {**scope, name: (node.owner.name, row)}) if node.lambda_ else True
            for row in rows]
        return any(inner) if isinstance(node.operator, ast.Any) else all(inner)

    def property(self, node, scope):
        if isinstance(node, ast.Attribute):
            owner = node.owner.name if isinstance(node.owner, ast.Identifier) else None
            if owner not in scope:
                raise unknown(owner, self.set_name)
            (set_name, row), name = scope[owner], node.attr
        elif node.name in scope:
            return scope[node.name][1]
        else:
            (set_name, row), name = scope[""], node.name
        if name in LINES and name == entity(set_name).lines:
            return row[name]
        if name not in entity(set_name).properties:
            raise unknown(name, set_name)
        return row.get(name)


def literal(node):
    if isinstance(node, ast.Null):
        return None
    if isinstance(node, ast.Boolean):
        return node.val == "true"
    if isinstance(node, (ast.Integer, ast.Float)):
        return Decimal(node.val)
    if isinstance(node, ast.GUID):
        return node.val.lower()
    if isinstance(node, ast.DateTime):
        return stamp(datetime.datetime.fromisoformat(node.val.replace("Z", "+00:00")))
    if isinstance(node, ast.List):
        return [literal(item) for item in node.val]
    return node.val


def stamp(moment):
    """UTC with milliseconds, so that texts compare as times do."""
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def whole(query, name, default=None, most=None):
    if name not in query:
        return default
    if not query[name].isdigit():
        raise Bad(400, "BadRequest", f"Invalid value '{query[name]}' for {name} query option found.")
    return min(int(query[name]), most) if most else int(query[name])


def sort(rows, text, set_name):
    """`$orderby`, and else the order of arrival, which also breaks ties: the last criterion is sorted first,
    and equals stay in place."""
    for part in reversed([part.split() for part in text.split(",")] if text else []):
        name, direction = part[0], part[1] if len(part) > 1 else "asc"
        if name not in entity(set_name).properties:
            raise unknown(name, set_name)
        if direction not in ("asc", "desc") or len(part) > 2:
            raise Bad(400, "BadRequest", f"Syntax error in $orderby: {text}")
        rows = sorted(rows, key=lambda row: (row.get(name) is not None, row.get(name) if row.get(name) is not None else 0),
                      reverse=direction == "desc")
    return rows


def page(rows, query, size):
    """The rows of one page, and the skip token of the next if there is one. The token names the last row and what is
    left of `$top`."""
    top, skip = whole(query, "$top"), whole(query, "$skip", 0)
    start, left = skip, top
    if "$skiptoken" in query:
        try:
            last, left = json.loads(base64.urlsafe_b64decode(query["$skiptoken"]))
        except ValueError:
            raise Bad(400, "BadRequest", "The $skiptoken is malformed.") from None
        place = next((index for index, row in enumerate(rows) if row["id"] == last), None)
        if place is None:
            raise Bad(400, "BadRequest", "The row of the $skiptoken is gone; begin again.")
        start = place + 1
    wanted = size if left is None else min(size, left)
    taken = rows[start:start + wanted]
    remaining = None if left is None else left - len(taken)
    if start + len(taken) >= len(rows) or remaining == 0 or not taken:
        return taken, None
    return taken, base64.urlsafe_b64encode(json.dumps([taken[-1]["id"], remaining]).encode()).decode()


def shape(row, set_name, query):
    """What `$select` and `$expand` leave of a row."""
    kind = entity(set_name)
    select = names_of(query.get("$select"))
    for name in select or []:
        if name not in kind.properties:
            raise unknown(name, set_name)
    shaped = {"@odata.etag": row["@odata.etag"]} if "@odata.etag" in row else {}
    shaped.update({name: row.get(name) for name in kind.properties if select is None or name in select})
    for name, inner in EXPANDED.findall(query.get("$expand", "")):
        if name != kind.lines:
            raise unknown(name, set_name)
        options = dict(part.split("=", 1) for part in inner.split(";") if "=" in part)
        if set(options) - {"$select"}:
            raise Bad(501, "NotImplemented", f"Inside $expand only $select is understood, and not {inner}.")
        shaped[name] = [shape(line, name, options) for line in row[name]]
    return shaped


def names_of(text):
    return [name.strip() for name in text.split(",")] if text else None
