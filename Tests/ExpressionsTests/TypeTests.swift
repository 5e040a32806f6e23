import Kernel
import Testing

@testable import Expressions

@Suite("Types of expressions")
struct TypeTests {
    private static let amount = CELType.record(RecordType("amount", [.init("amount", .string), .init("currency", .string)]))
    private static let line = CELType.record(
        RecordType("line", [.init("net", amount), .init("quantity", .int), .init("note", .string, isRequired: false)]))
    private static let invoice = CELType.record(
        RecordType(
            "invoice",
            [
                .init("number", .string), .init("total", amount), .init("net", .decimal),
                .init("lines", .list(line), countMax: 10_000), .init("orderRef", .string, isRequired: false),
            ]))
    private static let scope = ExpressionScope([("invoice", invoice), ("limit", .money), ("rate", .double), ("any", .dyn)])

    private func type(_ source: String) throws -> String {
        try CompiledExpression.deducedType(source, in: TypeTests.scope).description
    }

    private func failure(_ source: String) -> ExpressionFailure? {
        do throws(ExpressionFailure) {
            _ = try CompiledExpression(source, in: TypeTests.scope)
            return nil
        } catch { return error }
    }

    @Test(
        "the type is known before there is a value",
        arguments: [
            ("invoice.number", "string"), ("invoice.lines.map(l, l.quantity)", "list(int)"), ("invoice.net * 2 + 1", "decimal"),
            ("money(invoice.total) <= limit", "bool"), ("invoice.?orderRef.orValue('none')", "string"),
            ("invoice.lines[0].net.currency", "string"), ("invoice.lines.exists(l, l.quantity > 3)", "bool"),
            ("[1, 'a']", "list(dyn)"), ("{'a': [1]}", "map(string, list(int))"), ("any.whatever + 1", "dyn"),
            ("any.whatever + 1.5", "double"),
            ("has(invoice.orderRef) ? invoice.orderRef : null", "dyn"), ("math.greatest(1, 2u)", "dyn"),
            ("invoice.lines.transformMap(i, l, l.quantity)", "map(int, int)"), ("type(1)", "type(int)"),
            ("[{'a': 1}].first().value().a", "int"), ("sum(invoice.lines.map(l, money(l.net)))", "money"),
            ("optional.of([1]).optMap(x, x[0])", "optional_type(int)"), ("cel.bind(x, invoice.lines, size(x))", "int"),
            ("any ? optional.of(dyn(1)) : optional.of(1)", "optional_type(dyn)"), ("any ? limit : null", "money"),
            ("any ? 'a' : null", "dyn"), ("[optional.of(1), null][0]", "optional_type(int)"),
            ("[duration('1s'), null][0]", "duration"),
        ])
    func deduced(source: String, expected: String) throws {
        #expect(try type(source) == expected)
    }

    @Test(
        "what can never work is told with its place, what was expected and the nearest name",
        arguments: [
            ("invoice.totl.amount == 'x'", 8, "Did you mean 'total'?"), ("invoce.net > 1", 0, "Did you mean 'invoice'?"),
            ("invoice.number > 5", 15, "There is no >(string, int)"), ("limit > 3.5", 6, "double cannot meet"),
            ("invoice.net * rate", 12, "double cannot meet"), ("invoice.lines.sise()", 14, "Did you mean 'size'?"),
            ("invoice.number.contains(5)", 15, "string.contains(string) -> bool"),
            ("invoice.number && true", 0, "has to be a bool"),
            ("invoice.lines.all(l, l.qantity > 1)", 23, "Did you mean 'quantity'?"),
            ("true ? 1 : 'a'", 5, "different types: int and string"), ("invoice.number.map(c, c)", 0, "loop goes over a list"),
            ("{1.5: 2}", 1, "A key is a string"), ("[?invoice.net]", 2, "has to be an optional"),
            ("size(1, 2)", 0, "takes 1 argument"), ("invoice.number.matches('[a')", 15, "lacks a ']'"),
            ("decimal('12,50') > 1", 0, "no decimal number"), ("money('5', 'EUX')", 0, "no currency"),
            ("has(invoice.nmber)", 12, "Did you mean 'number'?"), ("'a' in 5", 4, "There is no in(string, int)"),
            ("contains(invoice.number, 'a')", 0, "is called as x.contains()"),
        ])
    func refused(source: String, offset: Int, message: String) {
        let found = failure(source)
        #expect(found?.message.contains(message) == true, "\(source): \(found.map(String.init(describing:)) ?? "was taken")")
        #expect(found?.offset == offset, "\(source): \(found.map { "\($0.offset)" } ?? "")")
    }

    @Test("the place is a line and a column in characters, not in bytes")
    func places() throws {
        let source = "'é' == invoice.number\n  && invoice.numbr == 'x'"
        let found = try #require(failure(source))
        let place = found.place(in: source)
        #expect(place.line == 2)
        #expect(place.column == 14)
    }

    @Test("every function that can be called has a type, and every type a function")
    func complete() {
        let built: Set<String> = ["or", "orValue", "in", "[]", "[?]", "!"]
        let signs: Set<String> = ["+", "-", "*", "/", "%", "==", "<", "<=", ">", ">="]
        let declared = Set(Declarations.standard.all.map(\.name)).subtracting(built).subtracting(signs)
        #expect(declared == Set(FunctionTable.standard.names))
        for signature in Declarations.standard.all where declared.contains(signature.name) {
            let count = signature.parameters.count - (signature.isMember ? 1 : 0)
            let answer = FunctionTable.standard.find(signature.name, isMember: signature.isMember, argumentCount: count)
            if case .found = answer { continue }
            Issue.record("there is no body for \(signature.description)")
        }
    }

    @Test("loops inside loops cost what their lists may hold, and too much is refused before it runs")
    func estimates() throws {
        let one = try CompiledExpression("invoice.lines.all(l, l.quantity > 0)", in: TypeTests.scope)
        #expect(one.estimate > 30_000)
        #expect(one.estimate < 100_000)
        let nested = failure("invoice.lines.all(a, invoice.lines.exists(b, a.quantity == b.quantity))")
        #expect(nested?.kind == .cost)
        let bounded = ExpressionScope([("x", .record(RecordType("x", [.init("items", .list(.int), countMax: 20)])))])
        let small = try CompiledExpression("x.items.all(a, x.items.exists(b, a == b))", in: bounded)
        #expect(small.estimate < 3000)
        let generous = try? CompiledExpression(
            "invoice.lines.all(a, invoice.lines.exists(b, a.quantity == b.quantity))", in: TypeTests.scope, estimateMax: .max)
        #expect(generous != nil)
    }

    @Test(
        "a run never costs more than the estimate when the data keeps to its bounds",
        arguments: [
            "x.items.all(a, a > 0)", "x.items.map(a, a * 2).filter(b, b > 3).size()",
            "x.name.contains('ab') && x.name.matches('a+b')",
            "x.items.exists(a, x.items.exists(b, a + b == 7))", "x.name.split('a').join('-')",
            "x.items.transformMap(i, v, v + i)",
            "[1, 2, 3].exists(a, a in x.items)", "x.name + x.name == x.name",
        ])
    func honest(source: String) throws {
        let type = CELType.record(
            RecordType("x", [.init("items", .list(.int), countMax: 30), .init("name", .string, countMax: 200)]))
        let compiled = try CompiledExpression(source, in: ExpressionScope([("x", type)]))
        let items = JSONValue.array((1...30).map { JSONValue($0) })
        let name = String(repeating: "xa", count: 100)
        let spent = try compiled.measured([CELValue(["items": items, "name": .string(name)])]).cost
        #expect(spent <= compiled.estimate, "\(spent) of \(compiled.estimate)")
    }
}

@Suite("Expressions that ask for too much")
struct BudgetTests {
    private static let scope = ExpressionScope(["text", "part", "list"])
    private static let long = String(repeating: "a", count: 2_000_000)

    @Test(
        "what would take minutes is refused before it is begun, and nothing hides that",
        arguments: [
            "text.contains(part)", "text.indexOf(part) > 0", "text.matches(part)", "text.replace(part, 'x') == ''",
            "text.split(part).size() > 0", "text.matches('a{1000}b')",
        ])
    func tooDear(source: String) throws {
        let expression = try CompiledExpression(source, in: BudgetTests.scope, checking: .types)
        let part = source.contains("matches(part)") ? "(a|b){500}c" : String(repeating: "a", count: 1_000_000) + "b"
        do throws(ExpressionFailure) {
            _ = try expression.value(["text": .string(BudgetTests.long), "part": .string(part)])
            Issue.record("\(source) gave a value")
        } catch { #expect(error.kind == .cost, "\(source): \(error)") }
    }

    @Test("a text in a list many times over makes no text without end")
    func spelled() throws {
        let expression = try CompiledExpression("'%s'.format([list])", in: BudgetTests.scope, checking: .types)
        let list = CELValue.list([CELValue](repeating: .string(BudgetTests.long), count: 5000))
        do throws(ExpressionFailure) {
            _ = try expression.value(["list": list])
            Issue.record("ten gigabytes were made")
        } catch { #expect(error.message.contains("too long")) }
    }

    @Test("a limit that is reached behind an operator that hides errors is still a limit")
    func notHidden() throws {
        let expression = try CompiledExpression("text.contains(part) || true", in: BudgetTests.scope, checking: .types)
        do throws(ExpressionFailure) {
            _ = try expression.value(["text": .string(BudgetTests.long), "part": .string(String(repeating: "b", count: 90_000))])
            Issue.record("the limit was hidden")
        } catch { #expect(error.kind == .cost) }
    }
}
