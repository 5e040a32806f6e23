import Assets
import Finance
import Formats
import Kernel
import Showcase
import TestBasics
import Testing

@testable import Expressions
@testable import Policies

/// Texts that people and other systems write: whatever comes, the reader answers with a value or says what is wrong and where.
extension FuzzTests {
    @Suite("any text at all")
    struct TextFuzzTests {
        @Test("an expression is a value or a refusal with a place inside it")
        func expressions() throws {
            var samples = TextFuzzTests.expressionSamples.map { Array($0.utf8) }
            if let folder = Checkout.published("vectors/cel") {
                for name in try FileBytes.names(in: folder) where name.hasSuffix(".json") {
                    let document = try JSONValue(parsing: try FileBytes.read("\(folder)/\(name)", maxBytes: 4_000_000))
                    for section in document["sections"]?.array ?? [] {
                        samples += (section["tests"]?.array ?? []).compactMap { $0["expr"]?.string }.map { Array($0.utf8) }
                    }
                }
            }
            let scope = ExpressionScope(["input", "x"])
            let values: [CELValue?] = [CELValue(["total": "12.50", "lines": [["net": 5], ["net": 7]]]), .int(4)]
            var round = FuzzRound("cel", inputs: 4000)
            try round.run(make: { Mutator.text(from: samples, by: &$0) }) { bytes in
                let source = String(decoding: bytes, as: UTF8.self)
                do throws(ExpressionFailure) {
                    let compiled = try CompiledExpression(source, in: scope, checking: .everything)
                    _ = try compiled.value(at: values, costMax: 20_000)
                    return .taken
                } catch {
                    let isInside = error.offset >= 0 && error.offset <= source.utf8.count && !error.message.isEmpty
                    return isInside ? .refused : .broken("offset \(error.offset) of \(source.utf8.count): \(error.message)")
                }
            }
        }

        private static let expressionSamples = [
            "input.lines.exists(l, l.net > 3) && x < 5", "decimal(input.total) * decimal('1.19') > 2",
            "input.?vat.orValue('none').matches('^DE[0-9]{9}$')", "cel.bind(v, input.lines, v.map(l, l.net)).size() == 2",
            "'%s has %.2f'.format(['a', 2.5])", "[1, 2, 3].transformMap(i, v, v % 2 == 1, string(v))",
            "timestamp('2026-03-01T00:00:00Z') + duration('36h') > timestamp(0)", "x > 3 ? -x : (x * 9223372036854775807) / 0",
            "b'\\x41\\101' + bytes('Ä')", "money('12.30', 'EUR') + money(input.total, 'EUR') == money('24.80', 'EUR')",
        ]

        @Test("a decision model's words are a value or a refusal with a place inside them")
        func words() throws {
            let samples = [
                "(loan.rate*12)/(1-(1+loan.rate/12)**-360)", "if a > 2 and not(b) then \"x\" else {p: [1..3]}",
                "date(\"2026-01-31\") + duration(\"P1M\")", "for i in 1..3 return i * a", "x in (1, >= 2, [3..4])",
                "[{a: 1}, {a: 2}][a = 1].a", "@\"PT1H\" * 2.5e-3", "every x in [1,2] satisfies x > a", "function(y) y + 1",
            ].map { Array($0.utf8) }
            let context = FEELContext([(name: "a", value: .number(FEELNumber(9))), (name: "b", value: .boolean(true))])
            var round = FuzzRound("feel", inputs: 4000)
            try round.run(make: { Mutator.text(from: samples, by: &$0) }) { bytes in
                let source = String(decoding: bytes, as: UTF8.self)
                do {
                    let expression = try FEELParser.expression(source, names: ["a", "b"])
                    var evaluator = FEELEvaluator(context)
                    _ = try evaluator.value(expression)
                    _ = try FEELParser.unaryTests(source, names: ["a"])
                    return .taken
                } catch let problem as FEELProblem {
                    let isInside =
                        problem.offset >= 0 && problem.offset <= source.unicodeScalars.count && !problem.message.isEmpty
                    return isInside ? .refused : .broken("offset \(problem.offset): \(problem.message)")
                } catch is FEELOverrun {
                    return .refused
                } catch {
                    return .broken("\(error)")
                }
            }
        }

        @Test("a decision model is policies or problems with their lines")
        func models() throws {
            var samples = [Array(TextFuzzTests.model.utf8)]
            if let folder = Checkout.published("vectors/dmn") {
                for name in try FileBytes.names(in: folder).sorted() where access("\(folder)/\(name)/\(name).dmn") {
                    samples.append(try FileBytes.read("\(folder)/\(name)/\(name).dmn", maxBytes: 1_000_000))
                }
            }
            samples.removeAll { $0.count > Mutator.bytesMax }
            var round = FuzzRound("dmn", inputs: 500)
            try round.run(make: { Mutator.text(from: samples, by: &$0) }) { bytes in
                do {
                    let read = try DMNFile.policies(bytes, path: "m.dmn", decision: nil) { XMLOutlining.outline($0) }
                    if let wrong = read.issues.first(where: { $0.line < 1 || $0.column < 1 || $0.message.isEmpty }) {
                        return .broken("\(wrong)")
                    }
                    if read.policies.isEmpty && read.issues.isEmpty { return .broken("neither policies nor problems") }
                    return read.issues.contains { $0.severity == .error } ? .refused : .taken
                } catch {
                    return .broken("\(error)")
                }
            }
        }

        /// A folder without a model, or with one that is too large, gives no sample.
        private func access(_ path: String) -> Bool { (try? FileBytes.read(path, maxBytes: 1_000_000)) != nil }

        private static let model = """
            <?xml version="1.0" encoding="UTF-8"?>
            <definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Freight">
              <inputData id="w" name="Weight"><variable name="Weight" typeRef="number"/></inputData>
              <decision id="band" name="Band"><variable name="Band" typeRef="string"/>
                <informationRequirement><requiredInput href="#w"/></informationRequirement>
                <decisionTable hitPolicy="UNIQUE">
                  <input><inputExpression typeRef="number"><text>Weight</text></inputExpression></input>
                  <output><outputValues><text>"heavy", "light"</text></outputValues></output>
                  <rule><inputEntry><text>&gt; 30</text></inputEntry><outputEntry><text>"heavy"</text></outputEntry></rule>
                  <rule><inputEntry><text>&lt;= 30</text></inputEntry><outputEntry><text>"light"</text></outputEntry></rule>
                </decisionTable>
              </decision>
            </definitions>
            """

        @Test("JSON is a value that reads the same again, or a refusal with its line and column")
        func json() throws {
            let folder = "\(Checkout.root)/Tests/Fixtures/library"
            let samples =
                try FileBytes.names(in: folder).map { try FileBytes.read("\(folder)/\($0)", maxBytes: 1_000_000) }
                .filter { $0.count < 16_384 } + [Array("[1.50, -0, 1e2, \"a\\u00e9\\n\", {\"b\": [null, true]}]".utf8)]
            var round = FuzzRound("json", inputs: 2000)
            try round.run(make: { Mutator.text(from: samples, by: &$0) }) { bytes in
                do throws(JSONParseFailure) {
                    let value = try JSONValue(parsing: bytes)
                    let again = try JSONValue(parsing: value.text)
                    return again == value && again.text == value.text ? .taken : .broken("it reads otherwise the second time")
                } catch {
                    let isInside = error.offset >= 0 && error.offset <= bytes.count && error.line >= 1 && error.column >= 1
                    return isInside && !error.message.isEmpty ? .refused : .broken("\(error)")
                }
            }
        }

        @Test("an invoice is read or rejected with a reason, and its findings have places")
        func invoices() throws {
            let invoice = SampleInvoice(
                number: "F-1", issueDate: try #require(CivilDate("2026-06-01")), dueDate: CivilDate("2026-07-01"),
                seller: .nordhafenCold, buyer: .brightwaterGermany, orderRef: "PO-1", currency: try #require(Currency("EUR")),
                lines: [
                    SampleLine(
                        id: "1", name: "Lagerung & Umschlag", quantity: try #require(ExactDecimal("12.5")), unit: "HUR",
                        price: try #require(ExactDecimal("48.90")), orderLineRef: "10", itemCode: "KL-1")
                ], kind: .invoice, note: "Danke")
            let samples = try [invoice.bytes(.ubl), invoice.bytes(.cii)]
            var round = FuzzRound("invoice", inputs: 1500)
            try round.run(make: { Mutator.text(from: samples, by: &$0) }) { bytes in
                let reading = DocumentOpener.open(bytes)
                if (reading.invoice == nil) == (reading.rejection == nil) { return .broken("neither read nor rejected, or both") }
                if let wrong = reading.findings.first(where: { ($0.line ?? 1) < 1 || $0.message.isEmpty }) {
                    return .broken("\(wrong)")
                }
                return reading.invoice == nil ? .refused : .taken
            }
        }
    }
}
