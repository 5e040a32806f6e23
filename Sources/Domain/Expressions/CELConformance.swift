package import Kernel

/// Runs the public cases of the language: files of sections of tests, each an expression with what it gives.
package enum CELConformance {
    package static let fileBytesMax = 16 * 1_048_576

    /// Files that stay out, with the reason.
    static let leftOut = [
        "block_ext": "cel.block is made by optimisers of other implementations and written by nobody",
        "network_ext": "addresses of networks are no business data",
    ]

    /// Every `.json` file of a directory, in order of names.
    package static func run(directory: String, zones: @escaping ZoneSource) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for name in try FileBytes.names(in: directory) where name.hasSuffix(".json") {
            let bytes = try FileBytes.read(directory + "/" + name, maxBytes: fileBytesMax)
            do throws(JSONParseFailure) {
                let document = try JSONValue(parsing: bytes, maxBytes: fileBytesMax)
                tally.add(run(document, file: String(name.dropLast(".json".utf8.count)), zones: zones))
            } catch {
                tally.record(name, .failed("line \(error.line), column \(error.column): \(error.message)"))
            }
        }
        return tally
    }

    /// The cases of one file; a case that cannot be read is a failure and no skip.
    package static func run(_ document: JSONValue, file: String, zones: @escaping ZoneSource) -> ConformanceTally {
        var tally = ConformanceTally()
        let file = document["file"]?.string ?? file
        for section in document["sections"]?.array ?? [] {
            for test in section["tests"]?.array ?? [] {
                let id = "\(file)/\(section["name"]?.string ?? "")/\(test["name"]?.string ?? "")"
                if let reason = leftOut[file] {
                    tally.record(id, .skipped(reason))
                } else {
                    tally.record(id, verdict(on: test, zones: zones))
                }
            }
        }
        return tally
    }

    private static func verdict(on test: JSONValue, zones: @escaping ZoneSource) -> ConformanceTally.Verdict {
        guard let source = test["expr"]?.string, let result = test["result"] else { return .failed("no expression or no result") }
        var bindings: [String: CELValue] = [:]
        for member in test["bindings"]?.object?.members ?? [] {
            guard let value = value(of: member.value) else { return .failed("a binding that cannot be read: \(member.key)") }
            bindings[member.key] = value
        }
        guard let scope = scope(of: test, bindings, zones: zones) else { return .failed("a declaration that cannot be read") }
        let isChecked = test["disable_check"]?.bool != true
        let wantsError = result["error"] != nil
        do throws(ExpressionFailure) {
            if let wanted = result["deduced_type"] {
                let found = try CompiledExpression.deducedType(source, in: scope)
                guard let wanted = type(of: wanted) else { return .failed("a type that cannot be read: \(wanted.text)") }
                guard found == wanted else { return .failed("\(source) is \(found.description), not \(wanted.description)") }
            }
            guard test["check_only"]?.bool != true else {
                guard wantsError || result["deduced_type"] == nil else { return .passed }
                _ = try CompiledExpression.deducedType(source, in: scope)
                return wantsError ? .failed("\(source) was taken") : .passed
            }
            let value = try CompiledExpression(source, in: scope, checking: isChecked ? .types : .none).value(bindings)
            guard !wantsError else { return .failed("\(source) gave \(value) instead of an error") }
            guard let wanted = result["value"].flatMap(Self.value(of:)) else { return .failed("a result that cannot be read") }
            return isSame(value, wanted) ? .passed : .failed("\(source) gave \(value), not \(wanted)")
        } catch {
            return wantsError ? .passed : .failed("\(source): \(error)")
        }
    }

    /// Variables and functions that the test declares; what is only bound may be anything.
    private static func scope(
        of test: JSONValue, _ bindings: [String: CELValue], zones: @escaping ZoneSource
    ) -> ExpressionScope? {
        var variables: [(String, CELType)] = []
        var functions: [FunctionSignature] = []
        for declaration in test["type_env"]?.array ?? [] {
            guard let name = declaration["name"]?.string else { return nil }
            if let json = declaration["type"] {
                guard let type = type(of: json) else { return nil }
                variables.append((name, type))
            }
            for overload in declaration["function"]?.array ?? [] {
                let parameters = (overload["params"]?.array ?? []).map(type(of:))
                guard let result = overload["result"].flatMap(type(of:)), !parameters.contains(nil) else { return nil }
                functions.append(
                    FunctionSignature(
                        name, isMember: overload["member"]?.bool == true, parameters.compactMap { $0 }, result))
            }
        }
        for name in bindings.keys.sorted() where !variables.contains(where: { $0.0 == name }) { variables.append((name, .dyn)) }
        return ExpressionScope(variables, functions: functions, container: test["container"]?.string ?? "", zones: zones)
    }

    // MARK: the encoding of values and types

    static func type(of json: JSONValue) -> CELType? {
        if let name = json.string { return plainTypes[name] }
        if let item = json["list"] { return type(of: item).map(CELType.list) }
        if let parts = json["map"]?.array, parts.count == 2, let key = type(of: parts[0]), let value = type(of: parts[1]) {
            return .map(key, value)
        }
        if let inner = json["type"] { return type(of: inner).map(CELType.type) }
        if let name = json["param"]?.string { return .parameter(name) }
        let parameters = (json["params"]?.array ?? json["function"]?.array ?? []).map(type(of:))
        guard !parameters.contains(nil) else { return nil }
        if let name = json["abstract"]?.string { return .abstract(name, parameters.compactMap { $0 }) }
        guard json["function"] != nil, let result = json["result"].flatMap(type(of:)) else { return nil }
        return .function(parameters.compactMap { $0 }, result: result)
    }

    private static let plainTypes: [String: CELType] = [
        "dyn": .dyn, "null": .null, "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string,
        "bytes": .bytes, "timestamp": .timestamp, "duration": .duration, "error": .error,
    ]

    static func value(of json: JSONValue) -> CELValue? {
        guard let member = json.object?.members.first else { return nil }
        let text = member.value.string ?? ""
        switch member.key {
        case "int": return Int64(text).map(CELValue.int)
        case "uint": return UInt64(text).map(CELValue.uint)
        case "double": return Double(text).map(CELValue.double)
        case "string": return .string(text)
        case "bytes": return Base64.decode(text).map(CELValue.bytes)
        case "bool": return member.value.bool.map(CELValue.bool)
        case "null": return .null
        case "list":
            let items = (member.value.array ?? []).map(value(of:))
            return items.contains { $0 == nil } ? nil : .list(items.compactMap { $0 })
        case "map":
            var entries: [(key: CELValue, value: CELValue)] = []
            for pair in member.value.array ?? [] {
                guard let key = pair[0].flatMap(value(of:)), let item = pair[1].flatMap(value(of:)) else { return nil }
                entries.append((key: key, value: item))
            }
            return CELMap(entries).map(CELValue.map)
        case "timestamp": return CELTimestamp(text).map(CELValue.timestamp)
        case "duration": return CELDuration(text).map(CELValue.duration)
        case "type": return .type(text)
        default: return nil
        }
    }

    /// Equal as the language says, and of one type; what is no number equals itself here.
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
