package import Kernel

/// A finance object that is carried as JSON between processes, in the store and in workflow data.
///
/// Reading is strict: an unknown member, a wrong type or a number where text is due is refused with its RFC 6901 pointer.
/// Nothing is coerced, because a value that was guessed once is believed for ever.
package protocol JSONCoded: Sendable {
    init(json: JSONValue, at pointer: String) throws(Refusal)
    var json: JSONValue { get }
}

extension JSONCoded {
    /// Reads the object from the root of a JSON text; see `JSONCoded`.
    package init(json: JSONValue) throws(Refusal) {
        try self.init(json: json, at: "")
    }
}

/// The members of one JSON object while it is read, with the pointer to it; `finish()` refuses those nobody asked for.
package struct JSONFields {
    /// UTF-8 bytes of one text in a finance object; longer than any term of EN 16931, shorter than an abuse.
    package static let textBytesMax = 20_000
    /// Items of one list, above the lines of the longest invoices we have seen.
    package static let itemsMax = 10_000

    private let object: JSONObject
    private var known: Set<String> = []
    package let pointer: String

    package init(_ json: JSONValue, at pointer: String) throws(Refusal) {
        guard case .object(let object) = json else { throw .json("type", at: pointer, "An object is due here.") }
        self.object = object
        self.pointer = pointer
    }

    package mutating func required<T: JSONCoded>(_ name: String) throws(Refusal) -> T {
        guard let value: T = try optional(name) else { throw .json("missing", at: pointer + "/" + name, "\(name) is missing.") }
        return value
    }

    /// Absent and `null` are the same.
    package mutating func optional<T: JSONCoded>(_ name: String) throws(Refusal) -> T? {
        known.insert(name)
        guard let value = object[name], !value.isNull else { return nil }
        return try T(json: value, at: pointer + "/" + name)
    }

    /// Absent is the empty list.
    package mutating func list<T: JSONCoded>(_ name: String, max: Int = JSONFields.itemsMax) throws(Refusal) -> [T] {
        known.insert(name)
        guard let value = object[name], !value.isNull else { return [] }
        let here = pointer + "/" + name
        guard case .array(let items) = value else { throw .json("type", at: here, "A list is due here.") }
        guard items.count <= max else { throw .json("length", at: here, "A list of at most \(max) items is due here.") }
        var out: [T] = []
        out.reserveCapacity(items.count)
        for (index, item) in items.enumerated() { out.append(try T(json: item, at: here + "/\(index)")) }
        return out
    }

    package mutating func raw(_ name: String) -> JSONValue? {
        known.insert(name)
        return object[name].flatMap { $0.isNull ? nil : $0 }
    }

    /// Refuses members that were not asked for.
    package func finish() throws(Refusal) {
        for key in object.keys where !known.contains(key) {
            throw .json("unknown", at: pointer + "/" + key, "There is no member of this name here.")
        }
    }
}

extension Refusal {
    static func json(_ reason: String, at pointer: String, _ message: String) -> Refusal {
        Refusal(.invalid, reason: "json.\(reason)", message, facts: ["pointer": pointer.isEmpty ? "/" : pointer])
    }
}

extension String: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard case .string(let text) = json else { throw .json("type", at: pointer, "A text is due here.") }
        guard text.utf8.count <= JSONFields.textBytesMax else {
            throw .json("length", at: pointer, "A text of at most \(JSONFields.textBytesMax) bytes is due here.")
        }
        self = text
    }

    package var json: JSONValue { .string(self) }
}

extension Bool: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard case .bool(let value) = json else { throw .json("type", at: pointer, "true or false is due here.") }
        self = value
    }

    package var json: JSONValue { .bool(self) }
}

extension Int: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let value = json.int else { throw .json("type", at: pointer, "A whole number is due here.") }
        self = value
    }

    package var json: JSONValue { JSONValue(self) }
}

extension Int64: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let value = json.int64 else { throw .json("type", at: pointer, "A whole number is due here.") }
        self = value
    }

    package var json: JSONValue { JSONValue(self) }
}

extension CivilDate: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let date = json.string.flatMap({ CivilDate($0) }) else {
            throw .json("type", at: pointer, "A date such as 2026-07-14 is due here.")
        }
        self = date
    }

    package var json: JSONValue { .string(description) }
}

extension Currency: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let currency = json.string.flatMap({ Currency($0) }) else {
            throw .json("type", at: pointer, "A currency code of ISO 4217 such as EUR is due here.")
        }
        self = currency
    }

    package var json: JSONValue { .string(code) }
}

extension ExactDecimal: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let value = json.string.flatMap({ ExactDecimal($0) }) else {
            throw .json("type", at: pointer, "A decimal number as text, such as \"1.25\", is due here.")
        }
        self = value
    }

    package var json: JSONValue { .string(description) }
}

extension Amount: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        let text: String = try fields.required("amount")
        let currency: Currency = try fields.required("currency")
        try fields.finish()
        do {
            try self.init(text, currency: currency)
        } catch {
            throw .json("type", at: pointer + "/amount", error.message)
        }
    }

    package var json: JSONValue { .object(["amount": .string(text), "currency": .string(currency.code)]) }
}

extension ID: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let id = json.string.flatMap({ ID($0) }) else { throw .json("type", at: pointer, "An identifier is due here.") }
        self = id
    }

    package var json: JSONValue { JSONValue(self) }
}

/// Enumerations travel by their raw names.
extension JSONCoded where Self: RawRepresentable & CaseIterable, RawValue == String {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let value = json.string.flatMap({ Self(rawValue: $0) }) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw .json("type", at: pointer, "One of these is due here: \(names).")
        }
        self = value
    }

    package var json: JSONValue { .string(rawValue) }
}

extension Array where Element: JSONCoded {
    /// The list as JSON, in order.
    package var json: JSONValue { .array(map(\.json)) }
}
