import Expressions
import Kernel

/// How one value is made from the data at hand; the same language maps an ERP's answer to a canonical object and a canonical
/// object to an ERP's request.
///
/// In the file: a text that begins with `$` is a path, `{take: …}`, `{each: …}`, `{first: …}`, `{cel: …}`, `{join: …}`,
/// `{base64: …}`, `{base64url: …}`, `{from: …}`, `{sum: …}`,
/// `{quote: …}`, `{object: …}` and `{literal: …}` are operators, other objects and lists are built member by
/// member, everything else is itself. A member without a value is left out.
indirect enum MappingNode: Sendable {
    case literal(JSONValue)
    case path(ValuePath)
    case take(Take)
    case each(ValuePath, max: Int, of: MappingNode)
    /// The first that has a value.
    case first([MappingNode])
    case expression(CompiledExpression)
    case object([(name: String, node: MappingNode)])
    case list([MappingNode])
    /// Texts one after the other; nothing when one of them is missing.
    case join([MappingNode])
    /// A text's UTF-8 bytes, or anything else as compact JSON, in base64.
    case encoded(Base64.Alphabet, isPadded: Bool, MappingNode)
    /// What a look-up found under a key.
    case from(Found)
    /// The exact sum over a list; entries without a value add nothing.
    case sum(ValuePath, of: MappingNode)
    /// A text between single quotes, with those inside doubled, as filters want it: a value can then not end the quotes.
    case quote(MappingNode)

    struct Found: Sendable {
        let lookup: String
        let key: MappingNode
        /// A member of what was found; all of it unless given.
        let member: String?
        /// When nothing says which entry is meant.
        let absence: Absence
        /// When the other side has no such entry.
        let unknown: Absence
    }

    static let depthMax = 12
    static let membersMax = 200
    static let eachMaxStandard = 10_000

    /// What happens when there is no value.
    enum Absence: String, Sendable, CaseIterable {
        /// The member is left out.
        case omit
        /// The enclosing object is left out, such as an identifier without its value.
        case drop
        /// The answer, or the input, is refused.
        case fail
    }
}

/// A value that could not be made: where in the mapping's result, and why.
struct MappingFailure: Error, Equatable {
    /// The mapping and the data do not fit.
    static let mapping = "mapping"
    /// A value is longer, larger or finer than the other side takes; nothing is ever cut or rounded.
    static let limit = "limit"
    /// The other side does not have what the value names.
    static let unknown = "unknown"

    let place: String
    let message: String
    let code: String

    init(place: String, message: String, code: String = MappingFailure.mapping) {
        self.place = place
        self.message = message
        self.code = code
    }
}

extension MappingNode {
    enum Made {
        case value(JSONValue)
        case nothing
        /// The enclosing object goes too.
        case dropped

        static func absent(_ absence: Absence, place: String, _ message: @autoclosure () -> String) throws(MappingFailure) -> Made
        {
            switch absence {
            case .omit: return .nothing
            case .drop: return .dropped
            case .fail: throw MappingFailure(place: place, message: message())
            }
        }
    }

    /// The value, or nil when there is none.
    func value(in scope: MappingScope) throws(MappingFailure) -> JSONValue? {
        if case .value(let value) = try make(scope, "") { return value }
        return nil
    }

    func make(_ scope: MappingScope, _ place: String) throws(MappingFailure) -> Made {
        switch self {
        case .literal(let value): return .value(value)
        case .path(let path): return path.value(in: scope).map(Made.value) ?? .nothing
        case .take(let take): return try take.make(scope, place)
        case .first(let nodes):
            for node in nodes {
                if case .value(let value) = try node.make(scope, place) { return .value(value) }
            }
            return .nothing
        case .expression(let expression):
            do {
                let value = try expression.json(scope.bindings)
                return value.isNull ? .nothing : .value(value)
            } catch {
                throw MappingFailure(place: place, message: error.message)
            }
        case .each(let path, let max, let node): return try MappingNode.each(path, max, node, scope, place)
        case .object(let members):
            var out: [(key: String, value: JSONValue)] = []
            for member in members {
                switch try member.node.make(scope, place + "/" + AssetIssue.token(member.name)) {
                case .value(let value): out.append((key: member.name, value: value))
                case .nothing: continue
                case .dropped: return .nothing
                }
            }
            return .value(.object(JSONObject(out)))
        case .list(let nodes):
            var out: [JSONValue] = []
            for (index, node) in nodes.enumerated() {
                if case .value(let value) = try node.make(scope, place + "/\(index)") { out.append(value) }
            }
            return .value(.array(out))
        case .join(let nodes):
            var out = ""
            for (index, node) in nodes.enumerated() {
                guard case .value(let value) = try node.make(scope, place) else { return .nothing }
                out += try MappingNode.text(value, place, "part \(index + 1)")
            }
            return .value(.string(out))
        case .encoded(let alphabet, let isPadded, let node):
            guard case .value(let value) = try node.make(scope, place) else { return .nothing }
            var text = Base64.encode(value.string.map { Array($0.utf8) } ?? value.bytes, alphabet)
            while isPadded, text.utf8.count % 4 != 0 { text += "=" }
            return .value(.string(text))
        case .from(let found): return try found.make(scope, place)
        case .sum(let path, let node): return try MappingNode.sum(path, node, scope, place)
        case .quote(let node):
            guard case .value(let value) = try node.make(scope, place) else { return .nothing }
            return .value(.string("'" + (try MappingNode.text(value, place, "the text")).replacing("'", with: "''") + "'"))
        }
    }

    private static func each(
        _ path: ValuePath, _ max: Int, _ node: MappingNode, _ scope: MappingScope, _ place: String
    ) throws(MappingFailure) -> Made {
        guard let list = path.value(in: scope) else { return .nothing }
        guard let items = list.array else { throw MappingFailure(place: place, message: "a list is due at \(path)") }
        guard items.count <= max else {
            throw MappingFailure(
                place: place, message: "\(items.count) entries at \(path); at most \(max) are taken", code: MappingFailure.limit)
        }
        var out: [JSONValue] = []
        out.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            if case .value(let value) = try node.make(scope.entering(item), place + "/\(index)") { out.append(value) }
        }
        return .value(.array(out))
    }

    private static func sum(
        _ path: ValuePath, _ node: MappingNode, _ scope: MappingScope, _ place: String
    ) throws(MappingFailure) -> Made {
        guard case .value(let list) = try each(path, eachMaxStandard, node, scope, place) else { return .nothing }
        var total = ExactDecimal.zero
        for value in list.array ?? [] {
            // A sum of more digits than any number of ours has is told like a number that is none.
            guard let number = Take.number(value), let next = try? total.adding(number) else {
                throw MappingFailure(place: place, message: "what is added up at \(path) has to be exact numbers")
            }
            total = next
        }
        return .value(.string(String(describing: total.normalized)))
    }

    static func text(_ value: JSONValue, _ place: String, _ what: String) throws(MappingFailure) -> String {
        do {
            return try ScalarForm.text.read(value).get().string ?? ""
        } catch {
            throw MappingFailure(place: place, message: "\(what): \(error.message)")
        }
    }
}

extension MappingNode.Found {
    func make(_ scope: MappingScope, _ place: String) throws(MappingFailure) -> MappingNode.Made {
        let title = scope.library.titles[lookup] ?? lookup
        guard case .value(let made) = try key.make(scope, place) else {
            return try .absent(absence, place: place, "nothing says which \(title) is meant")
        }
        let name = try MappingNode.text(made, place, "the key")
        let table = scope["found"]?[lookup]
        if let value = table?[LookupTable.values]?[name] {
            guard let member else { return .value(value) }
            guard let part = value[member], !part.isNull else {
                return try .absent(unknown, place: place, "the \(title) \(shown(name)) has no \(member)")
            }
            return .value(part)
        }
        let isDoubled = table?[LookupTable.doubled]?.array?.contains(.string(name)) == true
        guard unknown == .fail || isDoubled else { return try .absent(unknown, place: place, "") }
        throw MappingFailure(
            place: place, message: "the system has \(isDoubled ? "several of" : "no") \(title) \(shown(name))",
            code: MappingFailure.unknown)
    }

    private func shown(_ name: String) -> String { AnswerRules.tidy(String(name.prefix(60))) }
}
