import Kernel
import Testing

@testable import Expressions

@Suite("Expressions over business data")
struct ExpressionTests {
    private func value(_ source: String, _ input: JSONValue = .null) throws -> JSONValue {
        try CompiledExpression(source, in: ExpressionScope(["input"])).json(["input": input])
    }

    @Test(
        "money and decimals are exact",
        arguments: [
            ("decimal('0.1') + decimal('0.2') == decimal('0.3')", "true"), ("decimal('1.50') == decimal('1.5')", "true"),
            ("decimal('19.99') * decimal('3')", "\"59.97\""), ("div(decimal('10'), 3, 2, 'half-up')", "\"3.33\""),
            ("round(decimal('2.345'), 2, 'half-even')", "\"2.34\""),
            ("money('12.30', 'EUR') + money('0.70', 'EUR')", #"{"amount":"13.00","currency":"EUR"}"#),
            ("money('12.30', 'EUR') > money('12.29', 'EUR')", "true"),
            ("money({'amount': '5.00', 'currency': 'GBP'}).currency()", "\"GBP\""),
            ("decimal(3) > 2", "true"), ("-decimal('1.5') < 0", "true"), ("sum([decimal('0.1'), decimal('0.2')])", "\"0.3\""),
            ("abs(decimal('-4'))", "\"4\""),
        ])
    func exact(source: String, expected: String) throws {
        #expect(try value(source).text == expected)
    }

    @Test(
        "a double never meets money",
        arguments: [
            "decimal('1.5') < 1.6", "decimal('1.5') == 1.5", "decimal('1') + 1.0", "decimal(1.5)", "money('1.00', 'EUR') * 2.0",
            "double(decimal('1'))",
        ])
    func noDoubles(source: String) {
        #expect(throws: ExpressionFailure.self) { try value(source) }
    }

    @Test("amounts of two currencies are never added, and one beyond its minor unit is refused")
    func currencies() {
        #expect(throws: ExpressionFailure.self) { try value("money('1.00', 'EUR') + money('1.00', 'GBP')") }
        #expect(throws: ExpressionFailure.self) { try value("money('1.005', 'EUR')") }
        #expect(throws: ExpressionFailure.self) { try value("money('1', 'XYZ')") }
    }

    @Test("JSON numbers with a fraction are exact decimals")
    func jsonNumbers() throws {
        let input = try JSONValue(parsing: #"{"price": 12.10, "count": 3, "huge": 12345678901234567890123}"#)
        #expect(try value("input.price", input).text == "\"12.10\"")
        #expect(try value("input.price == decimal('12.1')", input) == true)
        #expect(try value("input.count + 1", input) == 4)
        #expect(try value("input.huge > 5", input) == true)
        #expect(throws: ExpressionFailure.self) { try value("input.price > 12.0", input) }
    }

    @Test("text is counted and compared by code points")
    func codePoints() throws {
        #expect(try value("size('fiance\\u0301')") == 7)
        #expect(try value("'Am\\u00e9lie' == 'Ame\\u0301lie'") == false)
        #expect(try value("'fiance\\u0301'.contains('fiance')") == true)
        #expect(try value("'a\\u0301'.substring(0, 1)") == "a")
        #expect(try value("'\\r\\n'.indexOf('\\n')") == 1)
        #expect(try value("input['e\\u0301']", ["é": 1, "e\u{301}": 2]) == 2)
    }

    @Test(
        "what does not exist is found at publish time, with its place",
        arguments: [
            ("inptu.total > 3", 0, "no 'inptu.total'"), ("input.x && foo(1)", 12, "no function 'foo'"),
            ("size(1, 2, 3)", 4, "takes 1 argument"),
            ("input.total >", 13, "found the end"), ("'open", 0, "does not end"), ("a ? b", 5, "Expected ':'"),
            ("1 + ++2", 4, "Expected a value"),
            ("input.map(1, x)", 10, "simple name"), ("has(input)", 0, "asks for a field"), ("9223372036854775808", 0, "64 bits"),
            ("#", 0, "no expression can hold"),
        ])
    func located(source: String, offset: Int, message: String) {
        do throws(ExpressionFailure) {
            _ = try CompiledExpression(source, in: ExpressionScope(["input"]))
            Issue.record("\(source) was taken")
        } catch {
            #expect(error.message.contains(message), "\(error)")
            if !message.hasPrefix("no function"), !message.hasPrefix("takes") { #expect(error.offset == offset, "\(error)") }
        }
    }

    @Test("an issue names the place in the asset and a way out")
    func issues() {
        var issues: [AssetIssue] = []
        let compiled = CompiledExpression.compile(
            "contxt.x", in: ExpressionScope(["context"]), pointer: "/do/0/a/if", issues: &issues)
        #expect(compiled == nil)
        #expect(issues.map(\.pointer) == ["/do/0/a/if"])
        #expect(issues.first?.message.contains("Did you mean 'context'?") ?? false)
    }

    @Test("size, depth and cost of an expression are bounded")
    func bounds() throws {
        let deep = String(repeating: "(", count: 300) + "1" + String(repeating: ")", count: 300)
        #expect(throws: ExpressionFailure.self) { try value(deep) }
        #expect(throws: ExpressionFailure.self) { try value(String(repeating: "-", count: 300) + "x") }
        #expect(throws: ExpressionFailure.self) { try value(String(repeating: "1 + ", count: 9000) + "1") }
        let wide = String(repeating: "true && ", count: 3000) + "true"
        #expect(try value(wide) == true)
        let list = JSONValue.array((0..<2000).map { JSONValue($0) })
        do throws(ExpressionFailure) {
            _ = try CompiledExpression("input.all(a, input.all(b, a + b >= 0) || true)", in: ExpressionScope(["input"])).value([
                "input": CELValue(list)
            ])
            Issue.record("four million turns were taken")
        } catch { #expect(error.kind == .cost) }
    }

    @Test("costs add up as the units say")
    func cost() throws {
        let expression = try CompiledExpression("input.total > 3 && input.name == 'x'", in: ExpressionScope(["input"]))
        let measured = try expression.measured([CELValue(["total": 5, "name": "x"])])
        #expect(measured.cost == 6)
    }

    @Test("a pattern is matched in linear time, whatever it says")
    func linear() throws {
        let text = String(repeating: "a", count: 5000)
        #expect(try value("input.matches('^(a+)+$')", .string(text)) == true)
        #expect(try value("input.matches('^(a+)+$')", .string(text + "!")) == false)
        #expect(throws: ExpressionFailure.self) { try value("'x'.matches('(((){1000}){1000}){1000}')") }
        #expect(throws: ExpressionFailure.self) { try value("'x'.matches('(a{1000}){1000}')") }
    }

    @Test(
        "patterns mean what RE2 says",
        arguments: [
            ("^\\d{3}-\\d{2}$", "123-45", true), ("^\\d{3}-\\d{2}$", "123-4", false), ("(?i)invoice", "INVOICE 7", true),
            ("a|bc", "xbcx", true),
            ("^(DE|AT)[0-9]{8,9}$", "ATU12345678", false), ("^(DE|AT)U?[0-9]{8,9}$", "ATU12345678", true),
            ("[^a-z]", "abc", false), ("[a\\-z]", "-", true),
            ("\\bfoo\\b", "a foo b", true), ("\\bfoo\\b", "afoo", false), ("a.c", "a\nc", false), ("(?s)a.c", "a\nc", true),
            ("[[:alpha:]]+$", "12ab", true),
            ("x{0}y", "y", true), ("^$", "", true), ("é+", "caféé", true), ("a{,2}", "a{,2}", true), ("(?:ab)*?c", "ababc", true),
            ("\\x41", "A", true),
        ])
    func patterns(pattern: String, text: String, expected: Bool) throws {
        #expect(try LinearPattern(pattern).matches(text) == expected)
    }

    @Test(
        "what is no pattern is refused",
        arguments: ["(", ")", "[", "a**", "*", "\\", "\\q", "(?=a)", "(?P<n", "[z-a]", "a{2000}", "\\1"])
    func badPatterns(pattern: String) {
        #expect(throws: NoValue.self) { try LinearPattern(pattern) }
    }

    @Test("any text is answered or refused, never a crash")
    func fuzz() {
        let seed: UInt64 = 7
        print("expression fuzz seed \(seed)")
        var state = seed
        let parts = [
            "input", ".", "x", "(", ")", "[", "]", "{", "}", "?", ":", ",", "1", "2u", "1.5", "'a'", "b'z'", "+", "-", "*", "/",
            "%", "==", "<", "&&", "||", "!",
            "in", "map", "all", "size", "decimal", "timestamp", "null", "true", "matches", "'['", "has", " ",
        ]
        for _ in 0..<20_000 {
            var source = ""
            state = state &* 6_364_136_223_846_793_005 &+ 1
            for _ in 0...Int((state >> 33) % 12) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                source += parts[Int((state >> 33) % UInt64(parts.count))]
            }
            do { _ = try value(source, ["x": [1, 2, 3]]) } catch { continue }
        }
    }
}
