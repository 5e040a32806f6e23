import Kernel

@testable import Expressions

/// Runs the cases of one conformance file.
enum CELCases {
    static func run(_ document: JSONValue, file: String) -> ConformanceTally {
        var tally = ConformanceTally()
        for section in document["sections"]?.array ?? [] {
            for test in section["tests"]?.array ?? [] {
                let id = "\(file)/\(section["name"]?.string ?? "")/\(test["name"]?.string ?? "")"
                judge(test, id, &tally)
            }
        }
        return tally
    }

    private static func judge(_ test: JSONValue, _ id: String, _ tally: inout ConformanceTally) {
        let source = test["expr"]?.string ?? ""
        if test["check_only"] != nil {
            tally.record(id, .skipped("asks for a deduced type only"))
            return
        }
        let bindings = bindings(of: test)
        let declared = (test["type_env"]?.array ?? []).compactMap { $0["function"] == nil ? $0["name"]?.string : nil }
        let scope = ExpressionScope(
            Array(Set(declared + bindings.keys)).sorted(), container: test["container"]?.string ?? "",
            zones: { name throws(Refusal) in try ZoneRules.load(name) })
        let wantsError = test["result"]?["error"] != nil
        do throws(ExpressionFailure) {
            let value = try CompiledExpression(unchecked: source, in: scope).value(bindings)
            guard !wantsError else {
                tally.record(id, isPassed: false, "\(source) gave \(value) instead of an error")
                return
            }
            guard let wanted = test["result"]?["value"].flatMap(value(of:)) else {
                tally.record(id, .skipped("names a value this language has not"))
                return
            }
            tally.record(id, isPassed: isSame(value, wanted), "\(source) gave \(value), not \(wanted)")
        } catch {
            tally.record(id, isPassed: wantsError, "\(source): \(error)")
        }
    }

    private static func bindings(of test: JSONValue) -> [String: CELValue] {
        var out: [String: CELValue] = [:]
        for member in test["bindings"]?.object?.members ?? [] { out[member.key] = value(of: member.value) }
        return out
    }

    static func value(of json: JSONValue) -> CELValue? {
        guard let member = json.object?.members.first else { return nil }
        let text = member.value.string ?? ""
        switch member.key {
        case "int": return Int64(text).map(CELValue.int)
        case "uint": return UInt64(text).map(CELValue.uint)
        case "double": return .double(text == "NaN" ? .nan : Double(text.replacingInfinity) ?? .nan)
        case "string": return .string(text)
        case "bytes": return Base64.decode(text).map(CELValue.bytes)
        case "bool": return member.value.bool.map(CELValue.bool)
        case "null": return .null
        case "list": return .list((member.value.array ?? []).compactMap(value(of:)))
        case "map":
            let pairs = (member.value.array ?? []).compactMap { pair -> (key: CELValue, value: CELValue)? in
                guard let key = pair[0].flatMap(value(of:)), let item = pair[1].flatMap(value(of:)) else { return nil }
                return (key: key, value: item)
            }
            return CELMap(pairs).map(CELValue.map)
        case "timestamp": return CELTimestamp(text).map(CELValue.timestamp)
        case "duration": return CELDuration(text).map(CELValue.duration)
        case "type": return .type(text)
        default: return nil
        }
    }

    static func isSame(_ left: CELValue, _ right: CELValue) -> Bool {
        guard left.typeName == right.typeName else { return false }
        switch (left, right) {
        case (.double(let first), .double(let second)): return first == second || (first.isNaN && second.isNaN)
        case (.list(let first), .list(let second)):
            return first.count == second.count && zip(first, second).allSatisfy { isSame($0, $1) }
        case (.map(let first), .map(let second)):
            return first.count == second.count
                && first.items.allSatisfy { item in second[item.key].map { isSame(item.value, $0) } ?? false }
        default:
            var cost: UInt64 = 0
            do { return try left.isEqual(to: right, &cost) } catch { return false }
        }
    }
}

extension String {
    fileprivate var replacingInfinity: String { self == "Infinity" ? "inf" : self == "-Infinity" ? "-inf" : self }
}
