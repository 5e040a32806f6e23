import Expressions
import Kernel

/// How one value is made from the data at hand; the same language maps an ERP's answer to a canonical object and a canonical
/// object to an ERP's request.
///
/// In the file: a text that begins with `$` is a path, `{take: …}`, `{each: …}`, `{first: …}`, `{cel: …}` and `{literal: …}` are
/// operators, other objects and lists are built member by member, everything else is itself. A member without a value is left
/// out.
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

    struct Take: Sendable {
        let path: ValuePath
        let form: ScalarForm
        let currency: ValuePath?
        let unit: ValuePath?
        /// Value as text → value; a text that is not listed fails, unless `otherwise` is given.
        let words: [String: JSONValue]
        let otherwise: JSONValue?
        let absence: Absence
        /// UTF-8 bytes; a longer text is refused and never cut.
        let bytesMax: Int?
    }
}

/// A value that could not be made: where in the mapping's result, and why.
struct MappingFailure: Error, Equatable {
    let place: String
    let message: String
}

extension MappingNode {
    private enum Made {
        case value(JSONValue)
        case nothing
        /// The enclosing object goes too.
        case dropped
    }

    /// The value, or nil when there is none.
    func value(in scope: MappingScope) throws(MappingFailure) -> JSONValue? {
        if case .value(let value) = try make(scope, "") { return value }
        return nil
    }

    private func make(_ scope: MappingScope, _ place: String) throws(MappingFailure) -> Made {
        switch self {
        case .literal(let value): return .value(value)
        case .path(let path): return path.value(in: scope).map(Made.value) ?? .nothing
        case .take(let take): return try MappingNode.take(take, scope, place)
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
        case .each(let path, let max, let node):
            guard let list = path.value(in: scope) else { return .nothing }
            guard let items = list.array else { throw MappingFailure(place: place, message: "a list is due at \(path)") }
            guard items.count <= max else {
                throw MappingFailure(place: place, message: "\(items.count) entries at \(path); at most \(max) are read")
            }
            var out: [JSONValue] = []
            out.reserveCapacity(items.count)
            for (index, item) in items.enumerated() {
                if case .value(let value) = try node.make(scope.entering(item), place + "/\(index)") { out.append(value) }
            }
            return .value(.array(out))
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
        }
    }

    private static func take(_ take: Take, _ scope: MappingScope, _ place: String) throws(MappingFailure) -> Made {
        guard let raw = take.path.value(in: scope), raw != .string("") else {
            if let otherwise = take.otherwise { return .value(otherwise) }
            switch take.absence {
            case .omit: return .nothing
            case .drop: return .dropped
            case .fail: throw MappingFailure(place: place, message: "\(take.path) has no value")
            }
        }
        let value: JSONValue
        do {
            value = try take.form.read(raw).get()
        } catch {
            throw MappingFailure(place: place, message: "\(error.message) at \(take.path)")
        }
        if let most = take.bytesMax, let text = value.string, text.utf8.count > most {
            throw MappingFailure(
                place: place, message: "the text at \(take.path) has \(text.utf8.count) bytes, and the other side takes \(most)")
        }
        if !take.words.isEmpty {
            guard let word = value.string ?? value.bool.map({ $0 ? "true" : "false" }) ?? value.int.map(String.init) else {
                throw MappingFailure(place: place, message: "a word is due at \(take.path)")
            }
            guard let mapped = take.words[word] ?? take.otherwise else {
                throw MappingFailure(place: place, message: "the word at \(take.path) is not among those the mapping knows")
            }
            return .value(mapped)
        }
        return .value(try qualified(value, take, scope, place))
    }

    private static func qualified(
        _ value: JSONValue, _ take: Take, _ scope: MappingScope, _ place: String
    ) throws(MappingFailure) -> JSONValue {
        if let currency = take.currency {
            guard let code = currency.value(in: scope)?.string.flatMap({ Currency($0) }) else {
                throw MappingFailure(place: place, message: "no currency of ISO 4217 at \(currency)")
            }
            return ["amount": value, "currency": .string(code.code)]
        }
        if let unit = take.unit {
            guard let code = unit.value(in: scope)?.string else {
                throw MappingFailure(place: place, message: "no unit at \(unit)")
            }
            return ["value": value, "unit": .string(code)]
        }
        return value
    }
}
