internal import Glibc

/// A JSON value as our strict profile reads it: numbers keep their exact text, objects keep their order, keys are unique.
///
/// Keys and strings compare by their UTF-8 bytes wherever meaning depends on it: Swift's `==` on `String` folds canonical
/// equivalents and PostgreSQL does not, so `JSONObject` looks keys up by bytes.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// By structure; strings by their bytes, numbers by their text (`1.0` is not `1`), objects without regard to order.
    package static func == (lhs: JSONValue, rhs: JSONValue) -> Bool {
        switch (lhs, rhs) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): sameBytes(left, right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .number(let number): hasher.combine(number)
        case .string(let text): hasher.combine(ByteText(text: text))
        case .array(let items): hasher.combine(items)
        case .object(let object): hasher.combine(object)
        }
    }
}

/// A number as written, valid by RFC 8259; compare by text or convert.
package struct JSONNumber: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// The caller promises that `text` is a valid JSON number.
    package init(unchecked text: String) { self.text = text }
    package init(_ value: Int64) { text = String(value) }
    package init(_ value: Int) { text = String(value) }

    /// The value when the text is an integer without fraction or exponent that fits.
    package var int64: Int64? { Int64(text) }
    package var description: String { text }
}

/// Members in the order they were written.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
    package private(set) var members: [(key: String, value: JSONValue)]

    package init(_ members: [(key: String, value: JSONValue)] = []) { self.members = members }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { members = elements.map { (key: $0.0, value: $0.1) } }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.key) }

    /// Reads the member of that name, by bytes; setting nil removes it, setting a new name appends.
    package subscript(key: String) -> JSONValue? {
        get { members.first { sameBytes($0.key, key) }?.value }
        set {
            if let index = members.firstIndex(where: { sameBytes($0.key, key) }) {
                if let newValue { members[index].value = newValue } else { members.remove(at: index) }
            } else if let newValue {
                members.append((key: key, value: newValue))
            }
        }
    }

    package func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> { members.makeIterator() }

    /// The same members in whatever order.
    package static func == (lhs: JSONObject, rhs: JSONObject) -> Bool {
        guard lhs.members.count == rhs.members.count else { return false }
        if zip(lhs.members, rhs.members).allSatisfy({ sameBytes($0.key, $1.key) && $0.value == $1.value }) { return true }
        let theirs = Dictionary(rhs.members.map { (ByteText(text: $0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
        return lhs.members.allSatisfy { member in theirs[ByteText(text: member.key)] == member.value }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        // A sum, since equality does not depend on the order of members.
        var sum = 0
        for key in keys { sum &+= ByteText(text: key).hashValue }
        hasher.combine(sum)
    }
}

/// Lengths first: most keys that differ differ in that, and the rest is one comparison of memory.
package func sameBytes(_ lhs: String, _ rhs: String) -> Bool {
    guard lhs.utf8.count == rhs.utf8.count else { return false }
    let isSame = lhs.utf8.withContiguousStorageIfAvailable { left in
        rhs.utf8.withContiguousStorageIfAvailable { right in
            guard let first = left.baseAddress, let second = right.baseAddress else { return left.isEmpty }
            return memcmp(first, second, left.count) == 0
        }
    }
    return isSame.flatMap { $0 } ?? lhs.utf8.elementsEqual(rhs.utf8)
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { (key: $0.0, value: $0.1) }))
    }
    package init(nilLiteral: ()) { self = .null }

    package init(_ value: Int) { self = .number(JSONNumber(value)) }
    package init(_ value: Int64) { self = .number(JSONNumber(value)) }
    package init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }
    package init(_ value: Moment?) { self = value.map { .string($0.text(fraction: 3)) } ?? .null }
    package init<S>(_ value: ID<S>?) { self = value.map { .string($0.text) } ?? .null }

    package subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    package subscript(index: Int) -> JSONValue? {
        if case .array(let items) = self, items.indices.contains(index) { items[index] } else { nil }
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int: Int? { if case .number(let value) = self { Int(value.text) } else { nil } }
    package var int64: Int64? { if case .number(let value) = self { value.int64 } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }
    package var moment: Moment? { string.flatMap { Moment($0) } }

    /// Leaves out members whose value is nil.
    package static func object(_ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(JSONObject(pairs.compactMap { pair in pair.value.map { (key: pair.key, value: $0) } }))
    }
}
