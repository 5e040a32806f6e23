import Kernel

/// Finds the type of an expression before any value is there, and what can never work.
struct Checker {
    let scope: ExpressionScope
    var bindings = TypeBindings()
    private var locals: [(name: String, type: CELType)] = []
    private(set) var failures: [ExpressionFailure] = []

    init(scope: ExpressionScope) { self.scope = scope }

    /// The type of a whole expression; parameters that nothing decides are `dyn`.
    mutating func deduce(_ syntax: Syntax) -> CELType {
        let type = check(syntax)
        return bindings.resolved(type, unknownAsDyn: true)
    }

    mutating func fail(_ message: String, at offset: Int, _ kind: ExpressionFailure.Kind = .type) -> CELType {
        failures.append(ExpressionFailure(kind, message, at: offset))
        return .error
    }

    mutating func check(_ syntax: Syntax) -> CELType {
        switch syntax.kind {
        case .literal(let value): return value.checkedType
        case .identifier, .select: return path(syntax)
        case .optionalSelect(let operand, let field):
            let inner = bindings.resolved(check(operand))
            let found = select(inner.optionalValue ?? inner, field, at: syntax.offset)
            return found == .error ? .error : .optional(found)
        case .has(let operand, let field):
            return select(check(operand), field, at: syntax.offset) == .error ? .error : .bool
        case .list(let items): return list(items)
        case .map(let entries): return map(entries)
        case .conditional(let test, let yes, let no): return conditional(test, yes, no, at: syntax.offset)
        case .and(let operands), .or(let operands):
            for operand in operands { condition(operand) }
            return .bool
        case .call(let name, let target, let arguments): return call(name, target, arguments, at: syntax.offset)
        case .fold(let fold): return check(fold, at: syntax.offset)
        case .bind(let name, let value, let body):
            let bound = check(value)
            return with([(name, bound)]) { checker in checker.check(body) }
        case .optionalMap(let map): return optionalMap(map, at: syntax.offset)
        }
    }

    private mutating func with(_ names: [(String, CELType)], _ body: (inout Checker) -> CELType) -> CELType {
        locals += names.map { (name: $0.0, type: $0.1) }
        defer { locals.removeLast(names.count) }
        return body(&self)
    }

    /// What decides has to be a bool.
    private mutating func condition(_ syntax: Syntax) {
        let type = check(syntax)
        guard !bindings.fits(.bool, type) else { return }
        _ = fail("A condition has to be a bool, not \(shown(type)).", at: syntax.start)
    }

    /// Both answers have one type; null goes with any, since members of JSON may be null.
    private mutating func conditional(_ test: Syntax, _ yes: Syntax, _ no: Syntax, at offset: Int) -> CELType {
        condition(test)
        let (first, second) = (check(yes), check(no))
        let shared = bindings.freshParameter()
        if bindings.fits([shared, shared], [first, second]) { return bindings.resolved(shared) }
        guard bindings.resolved(first) != .null, bindings.resolved(second) != .null else { return .dyn }
        return fail("The two answers of '?:' have different types: \(shown(first)) and \(shown(second)).", at: offset)
    }

    var hiddenNames: [String] { locals.map(\.name) }

    func shown(_ type: CELType) -> String { bindings.resolved(type, unknownAsDyn: true).description }

    // MARK: names and fields

    private mutating func path(_ syntax: Syntax) -> CELType {
        guard let parts = syntax.path else {
            guard case .select(let operand, let field) = syntax.kind else { return .error }
            return select(check(operand), field, at: syntax.offset)
        }
        if !parts.isAbsolute, let local = locals.last(where: { sameBytes($0.name, parts.names[0]) }) {
            return fields(parts.names, parts.offsets, from: 1, of: local.type)
        }
        for length in stride(from: parts.names.count, to: 0, by: -1) {
            let name = parts.names[..<length].joined(separator: ".")
            for candidate in scope.candidates(name, isAbsolute: parts.isAbsolute) {
                if let slot = scope.slots[candidate] {
                    return fields(parts.names, parts.offsets, from: length, of: scope.types[slot])
                }
                if let type = CELType.ofTypeName[candidate] {
                    return fields(parts.names, parts.offsets, from: length, of: .type(type))
                }
            }
        }
        guard !scope.isOpen else { return .dyn }
        let near = nearestName(to: parts.names[0], among: scope.names + locals.map(\.name))
        let advice = near.map { "Did you mean '\($0)'?" } ?? scope.offer
        return fail("There is no '\(parts.names.joined(separator: "."))' here. \(advice)", at: syntax.start, .binding)
    }

    private mutating func fields(_ names: [String], _ offsets: [Int], from start: Int, of type: CELType) -> CELType {
        (start..<names.count).reduce(type) { select($0, names[$1], at: offsets[$1]) }
    }

    private mutating func select(_ operand: CELType, _ field: String, at offset: Int) -> CELType {
        let type = bindings.resolved(operand)
        switch type {
        case .dyn, .error: return type
        case .map(_, let value): return value
        case .record(let record):
            if let known = record[field] { return known.type }
            guard !record.isOpen else { return .dyn }
            let near = nearestName(to: field, among: record.fields.map(\.name))
            let known = record.fields.prefix(12).map(\.name).joined(separator: ", ")
            let advice = near.map { "Did you mean '\($0)'?" } ?? (known.isEmpty ? "It has no members." : "It has: \(known).")
            return fail("There is no member '\(field)' in \(record.name). \(advice)", at: offset, .binding)
        case .parameter:
            _ = bindings.fits(.dyn, type)
            return .dyn
        default:
            if let inner = type.optionalValue {
                let found = select(inner, field, at: offset)
                return found == .error ? .error : .optional(found)
            }
            return fail("A value of type \(shown(type)) has no member '\(field)'.", at: offset)
        }
    }

    // MARK: lists, maps and loops

    private mutating func list(_ items: [Syntax.Item]) -> CELType {
        var joined: CELType?
        for item in items {
            var type = check(item.value)
            if item.isOptional { type = unwrapped(type, at: item.value.start) }
            joined = bindings.joined(joined, type)
        }
        return .list(joined ?? bindings.freshParameter())
    }

    private mutating func map(_ entries: [Syntax.Entry]) -> CELType {
        var keys: CELType?
        var values: CELType?
        for entry in entries {
            let key = check(entry.key)
            switch bindings.resolved(key) {
            case .int, .uint, .bool, .string, .dyn, .error, .parameter: break
            default: _ = fail("A key is a string, an int, a uint or a bool, not \(shown(key)).", at: entry.key.start)
            }
            keys = bindings.joined(keys, key)
            var value = check(entry.value)
            if entry.isOptional { value = unwrapped(value, at: entry.value.start) }
            values = bindings.joined(values, value)
        }
        return .map(keys ?? bindings.freshParameter(), values ?? bindings.freshParameter())
    }

    private mutating func unwrapped(_ type: CELType, at offset: Int) -> CELType {
        let resolved = bindings.resolved(type)
        if let inner = resolved.optionalValue { return inner }
        if resolved.isDynOrError { return .dyn }
        let inner = bindings.freshParameter()
        guard bindings.fits(.optional(inner), resolved) else {
            return fail("What stands behind '?' has to be an optional, not \(shown(type)).", at: offset)
        }
        return inner
    }

    private mutating func check(_ fold: Syntax.Fold, at offset: Int) -> CELType {
        let range = bindings.resolved(check(fold.range))
        guard let (first, second) = turn(of: range, isPaired: fold.second != nil, at: fold.range.start) else { return .error }
        let names = [(fold.first, first)] + (fold.second.map { [($0, second)] } ?? [])
        return with(names) { checker in
            if let condition = fold.condition { checker.condition(condition) }
            let result = fold.result.map { checker.check($0) } ?? first
            switch fold.shape {
            case .all, .exists, .existsOne: return .bool
            case .list: return .list(result)
            case .map: return .map(first, result)
            case .mapEntries:
                switch checker.bindings.resolved(result) {
                case .map, .dyn, .error: return result
                case .record: return .map(.string, .dyn)
                default: return checker.fail("transformMapEntry() makes maps, not \(checker.shown(result)).", at: offset)
                }
            }
        }
    }

    /// The types of the loop variables; nil, with the failure noted, for what no loop goes over.
    private mutating func turn(of range: CELType, isPaired: Bool, at offset: Int) -> (CELType, CELType)? {
        switch range {
        case .list(let item): return isPaired ? (.int, item) : (item, .dyn)
        case .map(let key, let value): return (key, value)
        case .record: return (.string, .dyn)
        case .dyn, .error: return (.dyn, .dyn)
        case .parameter:
            _ = bindings.fits(.dyn, range)
            return (.dyn, .dyn)
        default:
            _ = fail("A loop goes over a list or a map, not over \(shown(range)).", at: offset)
            return nil
        }
    }

    private mutating func optionalMap(_ map: Syntax.OptionalMap, at offset: Int) -> CELType {
        let name = map.isFlat ? "optFlatMap" : "optMap"
        let target = bindings.resolved(check(map.target))
        guard let inner = target.optionalValue ?? (target.isDynOrError ? .dyn : nil) else {
            return fail("\(name)() is asked of an optional, not of \(shown(target)).", at: map.target.start)
        }
        let body = with([(map.name, inner)]) { checker in checker.check(map.body) }
        guard map.isFlat else { return .optional(body) }
        return .optional(unwrapped(body, at: map.body.start))
    }
}
