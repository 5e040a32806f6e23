/// A statement with its binds. Interpolating a value binds it; interpolating another `SQL` splices it with its binds.
///
/// ```swift
/// let due: SQL = "SELECT task_id FROM queue.timer WHERE lane = \(lane) AND due_at <= \(now) LIMIT \(limit)"
/// ```
/// Pasting text needs the visible label: `\(unescaped: "…")`, and quoted names come from `SQL.identifier`. Types are sent with
/// the binds (Swift's `Int` is `bigint`), so the server guesses nothing; write a cast where a column wants another.
package struct SQL: Sendable, ExpressibleByStringInterpolation, Equatable {
    /// The protocol counts binds in 16 bits.
    package static let bindsMax = 65_535

    struct Bind: Sendable, Equatable {
        let type: SQLType
        /// Where its binary form lies in `bytes`; nil is NULL.
        let range: Range<Int>?
    }

    /// One more than the binds: the text before each, and the text after the last.
    private(set) var fragments: [String]
    private(set) var binds: [Bind] = []
    private(set) var bytes: [UInt8] = []

    package init(stringLiteral value: String) {
        fragments = [value]
    }

    package init(stringInterpolation interpolation: StringInterpolation) {
        self = interpolation.sql
    }

    /// Text that is not bound: only for what was built from constants or quoted by `SQL.identifier`.
    package init(unescaped text: String) {
        fragments = [text]
    }

    /// The statement as sent, with `$1`, `$2`, …
    package var text: String {
        guard !binds.isEmpty else { return fragments[0] }
        var text = fragments[0]
        for index in 1..<fragments.count {
            text += "$"
            text += String(index)
            text += fragments[index]
        }
        return text
    }

    /// A NUL would cut the statement short on its way through C.
    var reasonNotToSend: String? {
        if binds.count > SQL.bindsMax { return "\(binds.count) binds in one statement" }
        return fragments.contains { $0.utf8.contains(0) } ? "a NUL in the statement's text" : nil
    }

    package var bindCount: Int { binds.count }

    /// A quoted name, safe whatever it contains. A NUL, which no name may hold, is left out.
    package static func identifier(_ name: String) -> SQL {
        var quoted = "\""
        for scalar in name.unicodeScalars where scalar != "\0" {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return SQL(unescaped: quoted + "\"")
    }

    package static func joined(_ parts: [SQL], separator: SQL = ", ") -> SQL {
        var out: SQL = ""
        for (index, part) in parts.enumerated() {
            if index > 0 { out.append(separator) }
            out.append(part)
        }
        return out
    }

    package static func + (lhs: SQL, rhs: SQL) -> SQL {
        var out = lhs
        out.append(rhs)
        return out
    }

    package mutating func append(_ other: SQL) {
        let shift = bytes.count
        fragments[fragments.count - 1] += other.fragments[0]
        fragments.append(contentsOf: other.fragments.dropFirst())
        for bind in other.binds {
            binds.append(Bind(type: bind.type, range: bind.range.map { $0.lowerBound + shift..<$0.upperBound + shift }))
        }
        bytes.append(contentsOf: other.bytes)
    }

    fileprivate mutating func append(text: String) { fragments[fragments.count - 1] += text }

    fileprivate mutating func bind<Value: SQLBindable>(_ value: Value) {
        if value.isSQLNull {
            binds.append(Bind(type: Value.sqlType, range: nil))
        } else {
            let start = bytes.count
            value.encodeSQL(into: &bytes)
            binds.append(Bind(type: Value.sqlType, range: start..<bytes.count))
        }
        fragments.append("")
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var sql: SQL

        package init(literalCapacity: Int, interpolationCount: Int) {
            sql = SQL(unescaped: "")
            sql.fragments.reserveCapacity(interpolationCount + 1)
            sql.binds.reserveCapacity(interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { sql.append(text: literal) }

        package mutating func appendInterpolation<Value: SQLBindable>(_ value: Value) { sql.bind(value) }

        /// A value that may be absent. The label only keeps the compiler from asking whether the optional is meant.
        package mutating func appendInterpolation<Value: SQLBindable>(optional value: Value?) { sql.bind(value) }

        /// An overload of its own, since the compiler warns of optionals that end in an interpolation by the general one.
        package mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) { sql.bind(value) }

        /// An enumeration is bound by its raw value.
        package mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value) where Value.RawValue: SQLBindable {
            sql.bind(value.rawValue)
        }

        package mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value?) where Value.RawValue: SQLBindable {
            sql.bind(value?.rawValue)
        }

        package mutating func appendInterpolation(_ other: SQL) { sql.append(other) }

        package mutating func appendInterpolation(unescaped text: String) { sql.append(text: text) }
    }
}
