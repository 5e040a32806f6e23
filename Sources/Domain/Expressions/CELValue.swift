package import Kernel

/// A value of the expression language: those of CEL, and exact `decimal` and `money`.
package enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    /// Counted and compared by code points, never by what Swift calls a character.
    case string(String)
    case bytes([UInt8])
    case list(CELList)
    case map(CELMap)
    /// A type as a value, by its CEL name.
    case type(String)
    indirect case timestamp(CELTimestamp)
    case duration(CELDuration)
    indirect case decimal(ExactDecimal)
    indirect case money(Money)
    /// A value, or none.
    indirect case optional(CELValue?)

    package var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        case .type: "type"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .decimal: "decimal"
        case .money: "money"
        case .optional: "optional_type"
        }
    }

    package static func list(_ items: [CELValue]) -> CELValue { .list(CELList(items)) }
}

/// A list: computed values, or the items of a JSON array that are lifted when they are read.
package struct CELList: Sendable, RandomAccessCollection {
    private enum Storage: Sendable {
        case values([CELValue])
        case json([JSONValue])
    }

    private let storage: Storage

    package init(_ values: [CELValue]) { storage = .values(values) }
    package init(json items: [JSONValue]) { storage = .json(items) }

    package var startIndex: Int { 0 }
    package var endIndex: Int {
        switch storage {
        case .values(let values): values.count
        case .json(let items): items.count
        }
    }

    package subscript(position: Int) -> CELValue {
        switch storage {
        case .values(let values): values[position]
        case .json(let items): CELValue(items[position])
        }
    }
}

/// A map: computed entries, or the members of a JSON object that are lifted when they are read.
package struct CELMap: Sendable {
    private final class Entries: Sendable {
        let items: [(key: CELValue, value: CELValue)]
        let index: [Key: Int]

        init(_ items: [(key: CELValue, value: CELValue)], _ index: [Key: Int]) {
            self.items = items
            self.index = index
        }
    }

    private enum Storage: Sendable {
        case entries(Entries)
        case json(JSONObject)
    }

    /// What makes two keys the same: numbers by value across types, strings by bytes.
    enum Key: Hashable, Sendable {
        case bool(Bool)
        case int(Int64)
        /// Only values above the range of `int`.
        case uint(UInt64)
        case string([UInt8])

        /// Nil for values that can be no key.
        init?(_ value: CELValue) {
            switch value {
            case .bool(let flag): self = .bool(flag)
            case .int(let number): self = .int(number)
            case .uint(let number): self = Int64(exactly: number).map(Key.int) ?? .uint(number)
            case .double(let number):
                if let whole = Int64(exactly: number) {
                    self = .int(whole)
                } else if let whole = UInt64(exactly: number) {
                    self = .uint(whole)
                } else {
                    return nil
                }
            case .string(let text): self = .string(Array(text.utf8))
            case .null, .bytes, .list, .map, .type, .timestamp, .duration, .decimal, .money, .optional: return nil
            }
        }
    }

    private let storage: Storage

    package init(json object: JSONObject) { storage = .json(object) }

    /// Nil when a key is no possible key or comes twice.
    package init?(_ items: [(key: CELValue, value: CELValue)]) {
        var index: [Key: Int] = [:]
        for (position, item) in items.enumerated() {
            if case .double = item.key { return nil }
            guard let key = Key(item.key), index.updateValue(position, forKey: key) == nil else { return nil }
        }
        storage = .entries(Entries(items, index))
    }

    /// The object that is lifted as it is read; nil for computed entries.
    var object: JSONObject? { if case .json(let object) = storage { object } else { nil } }

    package var count: Int {
        switch storage {
        case .entries(let entries): entries.items.count
        case .json(let object): object.count
        }
    }

    package subscript(key: CELValue) -> CELValue? {
        switch storage {
        case .entries(let entries): Key(key).flatMap { entries.index[$0] }.map { entries.items[$0].value }
        case .json: if case .string(let name) = key { self[member: name] } else { nil }
        }
    }

    package subscript(member name: String) -> CELValue? {
        switch storage {
        case .entries(let entries): entries.index[.string(Array(name.utf8))].map { entries.items[$0].value }
        case .json(let object): object[name].map { CELValue($0) }
        }
    }

    /// Keys with their values in the order written.
    package var items: [(key: CELValue, value: CELValue)] {
        switch storage {
        case .entries(let entries): entries.items
        case .json(let object): object.members.map { (key: .string($0.key), value: CELValue($0.value)) }
        }
    }

    package var keys: [CELValue] {
        switch storage {
        case .entries(let entries): entries.items.map(\.key)
        case .json(let object): object.members.map { .string($0.key) }
        }
    }
}

/// An instant of the years 0001 to 9999, to the nanosecond.
package struct CELTimestamp: Sendable, Hashable, Comparable {
    /// 0001-01-01T00:00:00Z.
    package static let secondsMin: Int64 = -62_135_596_800
    /// 9999-12-31T23:59:59Z.
    package static let secondsMax: Int64 = 253_402_300_799

    package let seconds: Int64
    /// From 0 to 999,999,999.
    package let nanos: Int64

    /// Nil outside the years 0001 to 9999.
    package init?(seconds: Int64, nanos: Int64) {
        guard seconds >= CELTimestamp.secondsMin, seconds <= CELTimestamp.secondsMax, nanos >= 0, nanos < 1_000_000_000 else {
            return nil
        }
        self.seconds = seconds
        self.nanos = nanos
    }

    package static func < (lhs: CELTimestamp, rhs: CELTimestamp) -> Bool { (lhs.seconds, lhs.nanos) < (rhs.seconds, rhs.nanos) }
}

/// A span of time to the nanosecond, of at most about 292 years either way (64 bits), as the conformance cases want it.
package struct CELDuration: Sendable, Hashable, Comparable {
    package let nanos: Int64

    package init(nanos: Int64) { self.nanos = nanos }

    /// Nil beyond the range.
    package init?(totalNanos: Int128) {
        guard let nanos = Int64(exactly: totalNanos) else { return nil }
        self.nanos = nanos
    }

    package var totalNanos: Int128 { Int128(nanos) }

    package static func < (lhs: CELDuration, rhs: CELDuration) -> Bool { lhs.nanos < rhs.nanos }
}
