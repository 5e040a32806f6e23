/// What a function takes and gives; one name may have several.
package struct FunctionSignature: Sendable, Hashable {
    package let name: String
    /// Called as `x.name()`; the first parameter is then the one before the dot.
    package let isMember: Bool
    package let parameters: [CELType]
    package let result: CELType

    package init(_ name: String, isMember: Bool, _ parameters: [CELType], _ result: CELType) {
        self.name = name
        self.isMember = isMember
        self.parameters = parameters
        self.result = result
    }

    /// `string.contains(string) -> bool`, with what stands before the dot first.
    package var description: String {
        let shown = (isMember ? parameters.dropFirst() : parameters[...]).map(\.description).joined(separator: ", ")
        return "\(isMember ? parameters[0].description + "." : "")\(name)(\(shown)) -> \(result.description)"
    }
}

/// Reads our own lines of declarations: `string.indexOf(string, int) -> int`, `size(list(A)) -> int`, `+(int, int) -> int`.
/// Several may stand in one line, parted by semicolons. A line that cannot be read is a bug of ours.
struct SignatureReader {
    private static let plain: [String: CELType] = [
        "dyn": .dyn, "null": .null, "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string,
        "bytes": .bytes, "timestamp": .timestamp, "duration": .duration, "decimal": .decimal, "money": .money,
    ]

    private var text: Substring.UTF8View

    static func signatures(_ lines: [String]) -> [FunctionSignature] {
        lines.flatMap { line in
            line.split(separator: ";").map { part in
                var reader = SignatureReader(text: part.utf8)
                return reader.signature()
            }
        }
    }

    private mutating func skipSpace() { text = text.drop { $0 == UInt8(ascii: " ") } }

    private mutating func take(_ symbol: Character) -> Bool {
        skipSpace()
        guard let wanted = symbol.asciiValue, text.first == wanted else { return false }
        text = text.dropFirst()
        return true
    }

    /// Up to the next bracket or comma.
    private mutating func word() -> String {
        skipSpace()
        let taken = text.prefix { !"(), ".utf8.contains($0) }
        text = text.dropFirst(taken.count)
        return String(decoding: taken, as: UTF8.self)
    }

    private mutating func signature() -> FunctionSignature {
        let (target, name) = head()
        let parameters = list()
        precondition(take("-") && take(">"), "a declaration without its result: \(name)")
        return FunctionSignature(name, isMember: target != nil, (target.map { [$0] } ?? []) + parameters, type())
    }

    /// `list(A).join` has a target, `math.abs` has none: what stands before the dot is one only when it is a type.
    private mutating func head() -> (target: CELType?, name: String) {
        let first = word()
        let parts = first.split(separator: ".", maxSplits: 1).map(String.init)
        if parts.count == 2, let plain = SignatureReader.plain[parts[0]] { return (plain, parts[1]) }
        guard parts.count == 1, SignatureReader.takesParameters(first) else { return (nil, first) }
        // `optional(A).value`: the parameters, then a dot and the name. `map(...)` is a type only when a dot follows.
        let target = typed(first)
        let rest = word()
        precondition(rest.utf8.first == UInt8(ascii: "."), "a declaration that begins with a type needs a name: \(first)")
        return (target, String(rest.dropFirst()))
    }

    private static func takesParameters(_ name: String) -> Bool { ["list", "map", "optional"].contains(name) }

    private mutating func list() -> [CELType] {
        var out: [CELType] = []
        precondition(take("("), "a declaration without its parameters")
        while !take(")") {
            out.append(type())
            _ = take(",")
        }
        return out
    }

    private mutating func type() -> CELType { typed(word()) }

    private mutating func typed(_ name: String) -> CELType {
        if let known = SignatureReader.plain[name] { return known }
        switch name {
        case "list": return .list(list()[0])
        case "optional": return .optional(list()[0])
        case "type": return .type(list()[0])
        case "map":
            let parts = list()
            return .map(parts[0], parts[1])
        default:
            precondition(name.utf8.count == 1, "a declaration names a type that does not exist: \(name)")
            return .parameter(name)
        }
    }
}
