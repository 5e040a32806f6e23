import Kernel
import Testing

@testable import Policies

@Suite("Expressions of FEEL")
struct FEELTests {
    @Test(
        "numbers are decimals of 34 digits",
        arguments: [
            ("0.1 + 0.2", "0.3"), ("10 / 4", "2.5"), ("1 / 3", "0.3333333333333333333333333333333333"),
            ("2 / 3", "0.6666666666666666666666666666666667"), ("10 ** 5", "100000"), ("10 ** -5", "0.00001"), ("-2 ** 2", "4"),
            ("2 ** 3 ** 2", "64"), ("1.2*10**3", "1200.0"), (".872", "0.872"), ("-.872", "-0.872"), ("1e3", "1E+3"),
            ("10 + 20 / -5 - 3", "3"), ("1234567890123456789012345678901234 + 0.5", "1234567890123456789012345678901234"),
            ("1234567890123456789012345678901235 + 0.5", "1234567890123456789012345678901236"),
            ("1234567890123456789012345678901234 + 0.51", "1234567890123456789012345678901235"),
            ("9999999999999999999999999999999999 * 3", "29999999999999999999999999999999997"), ("0 ** 0", "1"),
            ("1.5e-2", "0.015"), ("9999999999999999999999999999999999 + 1", "1E+34"),
        ])
    func numbers(source: String, expected: String) throws {
        let wanted = try #require(FEELNumber(expected))
        let given = try value(source)
        #expect(given == .number(wanted), "\(source): \(given.text)")
    }

    @Test(
        "what cannot be computed is null",
        arguments: [
            "1 / 0", "null + 1", "1 - null", "null * 2", "null / 2", "\"a\" + 1", "1 < \"a\"", "not(1)", "0 ** -1", "10 ** 0.5",
            "unheard(1)", "date(\"2026-02-30\")", "-\"a\"", "1 between null and 2", "sum([])", "number(\"x\")",
        ])
    func nulls(source: String) throws {
        let given = try value(source)
        #expect(given == .null, "\(source): \(given.text)")
    }

    @Test("logic has three values")
    func ternary() throws {
        let table: [(String, FEELValue)] = [
            ("true and null", .null), ("null and false", .boolean(false)), ("null or true", .boolean(true)),
            ("false or null", .null),
            ("not(null)", .null), ("not(true)", .boolean(false)), ("null = null", .boolean(true)), ("1 = null", .boolean(false)),
            ("1 != null", .boolean(true)), ("1 = \"1\"", .null), ("false and 7", .boolean(false)),
        ]
        for (source, wanted) in table {
            let given = try value(source)
            #expect(FEELValue.isSame(given, wanted), "\(source): \(given.text)")
        }
    }

    @Test(
        "names may hold blanks and signs, and the longest that fits is meant",
        arguments: [
            ("12 * Monthly Salary", "24000"), ("Monthly   Salary", "2000"), ("Monthly - 1", "6"), ("a-b", "3"), ("a - b", "4"),
            ("loan.rate * 2", "0.08"), ("if Monthly > 5 then 1 else 2", "1"), ("{x: 2, y: x * 3}.y", "6"), ("[1, 2, 3][2]", "2"),
            ("sum(for i in 1..3 return i * i)", "14"), ("count([1, 2, 3][item > 1])", "2"),
            ("string length(\"fiance\u{301}\")", "7"),
            ("sum(list: [1, 2])", "3"), ("modulo(-7, 3)", "2"), ("decimal(2.5, 0)", "2"), ("round half up(2.5, 0)", "3"),
            ("floor(-1.5)", "-2"), ("(date(\"2026-03-01\") - date(\"2026-02-01\")).days", "28"),
        ])
    func names(source: String, expected: String) throws {
        let wanted = try #require(FEELNumber(expected))
        let given = try value(source)
        #expect(given == .number(wanted), "\(source): \(given.text)")
    }

    @Test("dates and durations keep to the calendar")
    func temporal() throws {
        let table = [
            ("date(\"2026-01-31\") + duration(\"P1M\")", "2026-02-28"),
            ("date(\"2026-01-31\") + duration(\"P1D\")", "2026-02-01"),
            ("date and time(\"2026-01-31T23:30:00Z\") + duration(\"PT45M\")", "2026-02-01T00:15:00Z"),
            ("string(duration(\"P1DT2H3M4.5S\"))", "P1DT2H3M4.5S"), ("duration(\"P14M\")", "P1Y2M"),
            ("@\"10:20:30\"", "10:20:30"),
            ("years and months duration(date(\"2020-03-31\"), date(\"2021-01-01\"))", "P9M"),
        ]
        for (source, wanted) in table { #expect(try value(source).text == wanted, "\(source)") }
        #expect(try value("date(\"2026-01-01\") < date(\"2026-01-02\")") == .boolean(true))
    }

    @Test(
        "a cell takes what it says",
        arguments: [
            ("-", "5", true), (">= 18", "18", true), ("< 18", "18", false), ("[1..5]", "5", true), ("[1..5[", "5", false),
            ("]1..5]", "1", false), ("(1..5)", "3", true), ("1, 2, 3", "2", true), ("not(1, 2)", "2", false),
            ("not(1, 2)", "3", true),
            ("? > 2 and ? < 4", "3", true), ("? > 2 and ? < 4", "4", false), ("-3", "-3", true), ("[1, 2]", "2", true),
            ("!= 4", "4", false), ("Monthly", "7", true),
        ])
    func cells(cell: String, given: String, expected: Bool) throws {
        let tests = try FEELParser.unaryTests(cell, names: FEELTests.scope.entries.map(\.name))
        var evaluator = FEELEvaluator(FEELTests.scope)
        #expect(try evaluator.holds(tests, for: .number(try #require(FEELNumber(given)))) == expected)
    }

    @Test(
        "what is no expression is told with its place",
        arguments: [
            ("1 +", 3), ("(1", 2), ("\"open", 0), ("if a then b", 11), ("[1, 2", 5), ("1 2", 2), ("a..b", 1), ("f(x: 1, 2)", 10),
            ("{a 1}", 4), ("in", 0), ("", 0),
        ])
    func problems(source: String, offset: Int) {
        let problem = #expect(throws: FEELProblem.self) { try FEELParser.expression(source, names: ["a", "b", "a-b"]) }
        #expect(problem?.offset == offset, "\(source): \(String(describing: problem))")
    }

    @Test("no expression nests, chains or runs without an end")
    func bounds() throws {
        for source in [
            String(repeating: "(", count: 5000), String(repeating: "-", count: 9000) + "1",
            "1" + String(repeating: "+1", count: 4000),
            "a" + String(repeating: ".a", count: 4000), String(repeating: "x in (", count: 1000),
            String(repeating: "a", count: 20_000), String(repeating: "not(", count: 2000),
        ] {
            #expect(throws: FEELProblem.self) { try FEELParser.expression(source, names: ["a", "x"]) }
        }
        for source in [
            "for a in 1..9999, b in 1..9999 return a", "some a in 1..9999, b in 1..9999, c in 1..9999 satisfies false",
        ] {
            #expect(throws: FEELOverrun.self) { try value(source) }
        }
    }

    @Test("any bytes give an answer or a place, over seeded changes of sound expressions")
    func mutated() throws {
        let seed: UInt64 = 0x5EED_FEE1
        var dice = Dice(seed: seed)
        let corpus = [
            "(loan.rate*12)/(1-(1+loan.rate/12)**-360)", "if a > 2 and not(b) then \"x\" else {p: [1..3]}",
            "date(\"2026-01-31\") + duration(\"P1M\")",
            "for i in 1..3 return i * Monthly Salary", "x in (1, >= 2, [3..4])", "[{a: 1}, {a: 2}][a = 1].a",
            "@\"PT1H\" * 2.5e-3",
        ]
        for turn in 0..<4000 {
            let source = dice.changed(corpus[turn % corpus.count])
            do {
                _ = try value(source)
                _ = try FEELParser.unaryTests(source, names: ["a"])
            } catch is FEELProblem {
            } catch is FEELOverrun {
            } catch { Issue.record("seed \(seed), turn \(turn): \(source): \(error)") }
        }
    }

    static let scope = FEELContext([
        (name: "Monthly Salary", value: .number(FEELNumber(2000))), (name: "Monthly", value: .number(FEELNumber(7))),
        (name: "a-b", value: .number(FEELNumber(3))), (name: "a", value: .number(FEELNumber(9))),
        (name: "b", value: .number(FEELNumber(5))),
        (name: "loan", value: .context(FEELContext([(name: "rate", value: .number(FEELNumber("0.04") ?? .zero))]))),
    ])

    private func value(_ source: String) throws -> FEELValue {
        let expression = try FEELParser.expression(source, names: FEELTests.scope.entries.map(\.name))
        var evaluator = FEELEvaluator(FEELTests.scope)
        return try evaluator.value(expression)
    }
}

extension FEELValue {
    /// Null is the same as null here, and nothing else is.
    static func isSame(_ left: FEELValue, _ right: FEELValue) -> Bool {
        if case .null = left, case .null = right { return true }
        return FEELValue.equality(left, right) == true
    }
}

/// Seeded changes of a text: one to four scalars replaced, dropped, doubled or put in.
struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }

    mutating func changed(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        let signs = Array("()[]{}\"\\.,:+-*/<>=!?@ \n019azT\u{301}\u{1F4B6}".unicodeScalars)
        for _ in 0...next(4) {
            guard !scalars.isEmpty else { break }
            let at = next(scalars.count)
            switch next(4) {
            case 0: scalars[at] = signs[next(signs.count)]
            case 1: scalars.remove(at: at)
            case 2: scalars.insert(contentsOf: scalars[at..<min(scalars.count, at + 1 + next(8))], at: at)
            default: scalars.insert(signs[next(signs.count)], at: at)
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
