import Kernel

/// Which overload a call means, and what is wrong when there is none.
extension Checker {
    private static let shownMax = 5

    mutating func call(_ name: String, _ target: Syntax?, _ arguments: [Syntax], at offset: Int) -> CELType {
        let hidden = hiddenNames
        if let qualified = scope.function(name, on: target, hiding: hidden) {
            return call(qualified, isMember: false, arguments, at: offset)
        }
        if let target { return call(name, isMember: true, [target] + arguments, at: offset) }
        return call(scope.function(name, isAbsolute: false) ?? name, isMember: false, arguments, at: offset)
    }

    mutating func call(_ written: String, isMember: Bool, _ operands: [Syntax], at offset: Int) -> CELType {
        let name = written == "!=" ? "==" : written
        let known = scope.signatures(name)
        let types = operands.map { check($0) }
        guard !known.isEmpty else {
            let near = nearestName(to: name, among: FunctionTable.standard.names + scope.functions.map(\.name))
            return fail(
                "There is no function '\(name)'.\(near.map { " Did you mean '\($0)'?" } ?? "")", at: offset, .binding)
        }
        if name == "math.greatest" || name == "math.least" { return extreme(name, types, operands, at: offset) }
        let styled = known.filter { $0.isMember == isMember }
        guard !styled.isEmpty else {
            let way = isMember ? "\(name)(x)" : "x.\(name)()"
            return fail("'\(name)' is called as \(way).", at: offset, .binding)
        }
        let candidates = styled.filter { $0.parameters.count == operands.count }
        guard !candidates.isEmpty else {
            return fail(arity(name, styled, isMember: isMember, given: operands.count), at: offset, .binding)
        }
        if types.contains(.error) { return soleResult(candidates) }
        guard let result = resolve(candidates, types) else {
            return fail(mismatch(written, candidates, types, isMember: isMember), at: offset)
        }
        return result
    }

    /// Every overload that fits; several of them with different results give `dyn`.
    private mutating func resolve(_ candidates: [FunctionSignature], _ types: [CELType]) -> CELType? {
        var result: CELType?
        for candidate in candidates {
            let fresh = bindings.instantiated(candidate.parameters + [candidate.result])
            guard bindings.fits(Array(fresh.dropLast()), types), let last = fresh.last else { continue }
            let found = bindings.resolved(last)
            if let known = result, known != found { result = .dyn } else { result = found }
        }
        return result
    }

    /// Something inside is wrong already: the result when there is no doubt about it.
    private func soleResult(_ candidates: [FunctionSignature]) -> CELType {
        let results = Set(candidates.map(\.result))
        guard results.count == 1, let only = results.first else { return .error }
        return bindings.resolved(only, unknownAsDyn: true)
    }

    /// `math.greatest` and `math.least` take any number of numbers, or one list of them.
    private mutating func extreme(_ name: String, _ types: [CELType], _ operands: [Syntax], at offset: Int) -> CELType {
        guard !types.isEmpty else { return fail("\(name)() needs at least one number.", at: offset, .binding) }
        var numbers = types.map { bindings.resolved($0) }
        if numbers.count == 1, case .list(let item) = numbers[0] { numbers = [bindings.resolved(item)] }
        for (position, type) in numbers.enumerated() {
            if case .parameter = type { continue }
            guard type.isDynOrError || type.isNumeric else {
                return fail(
                    "\(name)() compares numbers, not \(shown(type)).", at: operands[min(position, operands.count - 1)].start)
            }
        }
        let kinds = Set(numbers)
        guard kinds.count == 1, let only = kinds.first else { return .dyn }
        return only == .error ? .dyn : only
    }

    private func arity(_ name: String, _ known: [FunctionSignature], isMember: Bool, given: Int) -> String {
        let hidden = isMember ? 1 : 0
        let wanted = Set(known.map { $0.parameters.count - hidden }).sorted().map(String.init)
        let noun = wanted == ["1"] ? "argument" : "arguments"
        return "'\(name)' takes \(wanted.joined(separator: " or ")) \(noun), not \(given - hidden)."
    }

    private func mismatch(
        _ name: String, _ candidates: [FunctionSignature], _ types: [CELType], isMember: Bool
    ) -> String {
        let resolved = types.map { bindings.resolved($0, unknownAsDyn: true) }
        if resolved.contains(.double), resolved.contains(where: { $0 == .decimal || $0 == .money }) {
            return "A double cannot meet a decimal or money in '\(name)'; write the number as decimal(\"…\")."
        }
        let given = resolved.map(\.description)
        let shown =
            isMember
            ? "\(given[0]).\(name)(\(given.dropFirst().joined(separator: ", ")))" : "\(name)(\(given.joined(separator: ", ")))"
        let offered = candidates.prefix(Checker.shownMax).map(\.description).joined(separator: "; ")
        let more = candidates.count > Checker.shownMax ? "; …" : ""
        return "There is no \(shown). Expected: \(offered)\(more)."
    }
}

extension CELType {
    /// The names by which an expression speaks of types.
    static let ofTypeName: [String: CELType] = [
        "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string, "bytes": .bytes,
        "list": .list(.dyn), "map": .map(.dyn, .dyn), "null_type": .null, "type": .type(.dyn),
        "google.protobuf.Timestamp": .timestamp, "google.protobuf.Duration": .duration,
        "optional_type": .abstract("optional_type", [.dyn]), "decimal": .decimal, "money": .money,
    ]
}

extension CELValue {
    /// The type of a literal.
    var checkedType: CELType {
        switch self {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .list: .list(.dyn)
        case .map: .map(.dyn, .dyn)
        case .type: .type(.dyn)
        case .timestamp: .timestamp
        case .duration: .duration
        case .decimal: .decimal
        case .money: .money
        case .optional: .optional(.dyn)
        }
    }
}
