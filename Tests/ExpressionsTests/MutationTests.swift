import Kernel
import TestBasics
import Testing

@testable import Expressions

extension Seeded {
    fileprivate mutating func below(_ bound: Int) -> Int { Int(next() >> 33) % max(1, bound) }

    fileprivate mutating func one<Element>(of items: [Element]) -> Element { items[below(items.count)] }
}

/// Expressions made from others by chance: they are answered or refused with a place, and shortening a plan changes nothing.
@Suite("Expressions by chance")
struct MutationTests {
    private static let mutationsMax = 5000
    private static let generatedMax = 3000
    private static let names = ["input", "x", "s", "l"]
    private static let values: [CELValue?] = [
        CELValue(["total": "12.50", "count": 3, "lines": [["net": 5], ["net": 7]], "name": "Müller"]), .int(4), .string("abc"),
        .list([.int(1), .int(2), .double(2.5)]),
    ]
    private static let own = [
        "input.lines.exists(l, l.net > 3) && input.count < 5", "decimal(input.total) * decimal('1.19') > 2",
        "input.?vat.orValue('none').matches('^DE[0-9]{9}$')", "cel.bind(v, input.lines, v.map(l, l.net)).size() == 2",
        "'%s has %.2f'.format([s, 2.5])", "{'a': [1, 2u, 3.0], ?'b': optional.none()}.a[?1].value()",
        "[1, 2, 3].transformMap(i, v, v % 2 == 1, string(v) + s)",
        "timestamp('2026-03-01T00:00:00Z') + duration('36h') > timestamp(0)",
        "x > 3 ? -x : (x * 9223372036854775807) / 0", "b'\\x41\\101' + bytes('Ä')", "r'\\d' + \"\"\"a\"b\"\"\" + '\\u00e9'",
        "money('12.30', 'EUR') + money(input.total, 'EUR') == money('24.80', 'EUR')", "!(-x in [1, -4]) || s.contains('b')",
    ]

    /// Our own samples, and the public cases when they are there.
    private static func corpus() throws -> [String] {
        guard let directory = Checkout.published("vectors/cel") else { return own }
        var out = own
        for name in try FileBytes.names(in: directory) where name.hasSuffix(".json") {
            let document = try JSONValue(parsing: try FileBytes.read("\(directory)/\(name)", maxBytes: 4_000_000))
            for section in document["sections"]?.array ?? [] {
                out += (section["tests"]?.array ?? []).compactMap { $0["expr"]?.string }
            }
        }
        return out
    }

    @Test("any change of an expression is answered, or refused with a place inside it")
    func mutations() throws {
        var dice = Seeded("any change of an expression is answered or refused")
        let corpus = try MutationTests.corpus()
        let scope = ExpressionScope(MutationTests.names)
        var taken = 0
        for _ in 0..<MutationTests.mutationsMax {
            let source = mutated(dice.one(of: corpus), by: &dice, with: corpus)
            do throws(ExpressionFailure) {
                let compiled = try CompiledExpression(source, in: scope, checking: .everything)
                taken += 1
                _ = try compiled.value(at: MutationTests.values, costMax: 20_000)
            } catch {
                #expect(error.offset >= 0 && error.offset <= source.utf8.count, "\(source): \(error)")
                #expect(!error.message.isEmpty)
            }
        }
        print("expression mutations: \(taken) of \(MutationTests.mutationsMax) are expressions")
        #expect(taken > MutationTests.mutationsMax / 50)
    }

    private func mutated(_ source: String, by dice: inout Seeded, with corpus: [String]) -> String {
        var bytes = Array(source.utf8)
        for _ in 0...dice.below(3) {
            let at = dice.below(bytes.count + 1)
            switch dice.below(6) {
            case 0 where at < bytes.count: bytes.remove(at: at)
            case 1: bytes.insert(UInt8(dice.below(256)), at: at)
            case 2:
                bytes.insert(
                    contentsOf: dice.one(of: ["(", ")", "[", "?", ".", "-", "'", "1u", "&&", "\\", "💶", "in "]).utf8, at: at)
            case 3:
                let other = Array(dice.one(of: corpus).utf8)
                let from = dice.below(other.count)
                bytes.insert(contentsOf: other[from..<min(other.count, from + 1 + dice.below(12))], at: at)
            case 4 where at < bytes.count:
                let to = min(bytes.count, at + 1 + dice.below(8))
                bytes += bytes[at..<to]
            default: if at < bytes.count { bytes.swapAt(at, dice.below(bytes.count)) }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a shortened plan gives what the plain one gives, for no higher cost")
    func shortened() throws {
        var dice = Seeded("a shortened plan gives what the plain one gives")
        var sources = try MutationTests.corpus()
        for _ in 0..<MutationTests.generatedMax { sources.append(generated(&dice, depth: 4)) }
        var answered = 0
        for source in sources {
            let scope = ExpressionScope(MutationTests.names)
            guard let plain = try? CompiledExpression(source, in: scope, checking: .none, isOptimised: false),
                let short = try? CompiledExpression(source, in: scope, checking: .none)
            else { continue }
            let (first, second) = (outcome(plain), outcome(short))
            switch (first, second) {
            case (.some(let left), .some(let right)):
                answered += 1
                #expect(CELConformance.isSame(left.value, right.value), "\(source): \(left.value) and \(right.value)")
                #expect(right.cost <= left.cost, "\(source)")
            case (nil, nil): continue
            default: Issue.record("\(source): one has a value and the other has none")
            }
        }
        print("expression plans: \(answered) of \(sources.count) have a value")
        #expect(answered > sources.count / 4)
    }

    private func outcome(_ expression: CompiledExpression) -> (value: CELValue, cost: UInt64)? {
        do throws(ExpressionFailure) { return try expression.measured(MutationTests.values) } catch { return nil }
    }

    private func generated(_ dice: inout Seeded, depth: Int) -> String {
        guard depth > 0 else {
            return dice.one(of: ["1", "2", "x", "s", "l", "input.count", "input.total", "true", "'a'", "[]", "2.5", "null", "3u"])
        }
        let first = generated(&dice, depth: depth - 1 - dice.below(2))
        let second = generated(&dice, depth: depth - 1 - dice.below(3))
        switch dice.below(12) {
        case 0: return "(\(first) \(dice.one(of: ["+", "-", "*", "/", "%"])) \(second))"
        case 1: return "(\(first) \(dice.one(of: ["<", "<=", "==", "!=", ">"])) \(second))"
        case 2: return "(\(first) \(dice.one(of: ["&&", "||"])) \(second))"
        case 3: return "(true ? \(first) : \(second))"
        case 4: return "[\(first), \(second)]"
        case 5: return "[\(first), \(second)][\(dice.below(3))]"
        case 6: return "{'a': \(first), 'b': \(second)}.\(dice.one(of: ["a", "b", "c", "?a"]))"
        case 7: return "[\(first)].\(dice.one(of: ["map", "filter", "all", "exists"]))(v, v == \(second))"
        case 8: return "type(\(first))"
        case 9: return "cel.bind(y, \(first), [y, y, \(second)])"
        case 10: return "string(\(first)).size()"
        default: return "optional.of(\(first)).orValue(\(second))"
        }
    }
}
