/// A type as the checker knows it, before any value is there.
package indirect enum CELType: Sendable, Hashable {
    /// Anything: what it really is turns out when it is evaluated.
    case dyn
    /// What a mistake that is already reported would have been; fits everything, so that one mistake is told once.
    case error
    case null
    case bool
    case int
    case uint
    case double
    case string
    case bytes
    case timestamp
    case duration
    case decimal
    case money
    case list(CELType)
    case map(CELType, CELType)
    /// The type of a type: `type(1)` is a value of `type(int)`.
    case type(CELType)
    /// A named type with parameters, such as `optional_type`.
    case abstract(String, [CELType])
    /// A parameter of a function's type.
    case parameter(String)
    case function([CELType], result: CELType)
    /// An object whose members are known.
    case record(RecordType)

    package static func optional(_ inner: CELType) -> CELType { .abstract("optional_type", [inner]) }

    var optionalValue: CELType? {
        if case .abstract("optional_type", let parameters) = self, parameters.count == 1 { parameters[0] } else { nil }
    }

    var isDynOrError: Bool { self == .dyn || self == .error }

    var isNumeric: Bool {
        switch self {
        case .int, .uint, .double, .decimal: true
        default: false
        }
    }

    /// Types of which null is a value, so that a list may hold both.
    var takesNull: Bool {
        switch self {
        case .null, .timestamp, .duration, .abstract, .decimal, .money, .record: true
        default: false
        }
    }

    /// As people write it: `list(string)`.
    package var description: String {
        switch self {
        case .dyn: "dyn"
        case .error: "error"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .timestamp: "timestamp"
        case .duration: "duration"
        case .decimal: "decimal"
        case .money: "money"
        case .list(let item): "list(\(item.description))"
        case .map(let key, let value): "map(\(key.description), \(value.description))"
        case .type(let inner): "type(\(inner.description))"
        case .abstract(let name, let parameters):
            parameters.isEmpty ? name : "\(name)(\(parameters.map(\.description).joined(separator: ", ")))"
        case .parameter(let name): name
        case .function(let parameters, let result):
            "(\(parameters.map(\.description).joined(separator: ", "))) -> \(result.description)"
        case .record(let record): record.name
        }
    }
}

/// An object whose members are known: what a canonical object, or the data of a run, looks like to an expression.
package final class RecordType: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
        package let name: String
        package let type: CELType
        /// False when the member may be missing, so that it has to be asked for with has() or .?
        package let isRequired: Bool
        /// Items of a list, or bytes of a text, at most; nil when nothing says so.
        package let countMax: Int?

        package init(_ name: String, _ type: CELType, isRequired: Bool = true, countMax: Int? = nil) {
            self.name = name
            self.type = type
            self.isRequired = isRequired
            self.countMax = countMax
        }
    }

    /// As it is called in messages: `invoice`.
    package let name: String
    package let fields: [Field]
    /// True when there may be members besides those that are known.
    package let isOpen: Bool
    private let index: [String: Int]

    package init(_ name: String, isOpen: Bool = false, _ fields: [Field]) {
        self.name = name
        self.fields = fields
        self.isOpen = isOpen
        var index: [String: Int] = [:]
        for (position, field) in fields.enumerated() { index[field.name] = position }
        self.index = index
    }

    /// The member of that name.
    package subscript(name: String) -> Field? { index[name].map { fields[$0] } }

    package static func == (left: RecordType, right: RecordType) -> Bool {
        left === right || (left.name == right.name && left.isOpen == right.isOpen && left.fields == right.fields)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(fields.count)
    }
}
