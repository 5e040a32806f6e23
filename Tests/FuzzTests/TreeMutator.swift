import Kernel
import TestBasics

/// Changes a JSON value in its structure: members go, come twice as often, change their type, their name or their place, so that
/// what a reader of assets sees is well written and still wrong.
struct TreeMutator {
    private static let changesMax = 3
    private static let depthMax = 60

    private static let odd: [JSONValue] = [
        .null, true, false, 0, -1, 9_007_199_254_740_993, "", " ", "${", "${ input }", "${ 1 / 0 }", "-", "NaN", "1e999",
        "a\u{0}b",
        "\u{202E}", [], [:], [[]], ["": ""], ["name": .null], "kind", "../x", "*",
    ]

    static func value(from samples: [JSONValue], by dice: inout Seeded) -> JSONValue {
        var value = dice.pick(samples) ?? .null
        for _ in 0..<dice.int(1...changesMax) {
            let donor = part(of: dice.pick(samples) ?? .null, &dice)
            value = changed(value, donor, &dice, depth: 0)
        }
        return value
    }

    private static func part(of value: JSONValue, _ dice: inout Seeded) -> JSONValue {
        var value = value
        for _ in 0..<dice.int(0...6) {
            switch value {
            case .object(let members): value = dice.pick(members.keys.compactMap { members[$0] }) ?? value
            case .array(let items): value = dice.pick(items) ?? value
            case .null, .bool, .number, .string: return value
            }
        }
        return value
    }

    /// Walks down by chance and changes what it comes to.
    private static func changed(_ value: JSONValue, _ donor: JSONValue, _ dice: inout Seeded, depth: Int) -> JSONValue {
        let goesOn = depth < depthMax && !dice.isLucky(oneIn: 5)
        switch value {
        case .object(let members) where goesOn && !members.isEmpty:
            guard let name = dice.pick(Array(members.keys)), let member = members[name] else { return value }
            var out = members
            out[name] = changed(member, donor, &dice, depth: depth + 1)
            return .object(out)
        case .array(let items) where goesOn && !items.isEmpty:
            var out = items
            let at = dice.int(0...items.count - 1)
            out[at] = changed(items[at], donor, &dice, depth: depth + 1)
            return .array(out)
        case .object(let members): return object(members, donor, &dice)
        case .array(let items): return array(items, donor, &dice)
        case .null, .bool, .number, .string: return dice.isLucky(oneIn: 2) ? donor : dice.pick(odd) ?? .null
        }
    }

    private static func object(_ members: JSONObject, _ donor: JSONValue, _ dice: inout Seeded) -> JSONValue {
        var out = members
        let name = dice.pick(Array(members.keys)) ?? "name"
        switch dice.int(0...4) {
        case 0: out[name] = nil
        case 1: out[name] = donor
        case 2: out[dice.pick(["extra", "", "NAME", "na\u{301}me", "then", "for", "catch", "if"]) ?? "extra"] = donor
        case 3:
            out[name + "x"] = members[name]
            out[name] = nil
        default: return dice.pick(odd) ?? .null
        }
        return .object(out)
    }

    private static func array(_ items: [JSONValue], _ donor: JSONValue, _ dice: inout Seeded) -> JSONValue {
        switch dice.int(0...4) {
        case 0: return .array(items + items)
        case 1: return .array(items.shuffled(using: &dice))
        case 2: return .array(items + [donor])
        case 3: return .array(Array(items.dropFirst()))
        default: return .array(Array(repeating: items.first ?? donor, count: dice.pick([2, 50, 600]) ?? 2))
        }
    }
}
