package import Kernel

/// What may stand in an interpolation of `SQL`: it becomes a bind in PostgreSQL's binary form, never a piece of the text.
package protocol SQLBindable: Sendable {
    static var sqlType: SQLType { get }
    var isSQLNull: Bool { get }
    /// Appends the binary form; not called for a null.
    func encodeSQL(into bytes: inout [UInt8])
    /// Appends the form COPY reads in text mode, escaped; not called for a null.
    func encodeCopy(into bytes: inout [UInt8])
}

/// What may be an element of a bound array.
///
/// An array's coding is a requirement of its element, because an array of bytes is no array to PostgreSQL but a `bytea`.
package protocol SQLArrayElement: SQLBindable {
    static var arraySQLType: SQLType { get }
    static func encodeSQL(array: [Self], into bytes: inout [UInt8])
    static func encodeCopy(array: [Self], into bytes: inout [UInt8])
}

extension SQLBindable {
    package var isSQLNull: Bool { false }
}

extension Optional: SQLBindable where Wrapped: SQLBindable {
    package static var sqlType: SQLType { Wrapped.sqlType }
    /// No key path: one of a generic type is made anew at every use, and this is asked of every bind.
    package var isSQLNull: Bool {
        guard let self else { return true }
        return self.isSQLNull
    }
    package func encodeSQL(into bytes: inout [UInt8]) { self?.encodeSQL(into: &bytes) }
    package func encodeCopy(into bytes: inout [UInt8]) { self?.encodeCopy(into: &bytes) }
}

extension Optional: SQLArrayElement where Wrapped: SQLArrayElement {}

extension SQLArrayElement {
    package static var arraySQLType: SQLType { sqlType.array }

    package static func encodeSQL(array: [Self], into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(array.isEmpty ? 0 : 1))
        let nullsAt = bytes.count
        bytes.appendBigEndian(Int32(0))
        bytes.appendBigEndian(sqlType.oid)
        guard !array.isEmpty else { return }
        bytes.appendBigEndian(Int32(array.count))
        bytes.appendBigEndian(Int32(1))
        for element in array {
            let lengthAt = bytes.count
            bytes.appendBigEndian(Int32(-1))
            guard !element.isSQLNull else {
                bytes.replaceBigEndian(Int32(1), at: nullsAt)
                continue
            }
            element.encodeSQL(into: &bytes)
            bytes.replaceBigEndian(Int32(bytes.count - lengthAt - 4), at: lengthAt)
        }
    }

    /// An array literal whose elements are quoted; the whole is then escaped as COPY demands.
    package static func encodeCopy(array: [Self], into bytes: inout [UInt8]) {
        var literal: [UInt8] = [UInt8(ascii: "{")]
        for (index, element) in array.enumerated() {
            if index > 0 { literal.append(UInt8(ascii: ",")) }
            guard !element.isSQLNull else {
                literal.append(contentsOf: "NULL".utf8)
                continue
            }
            var text: [UInt8] = []
            element.encodeCopy(into: &text)
            literal.append(UInt8(ascii: "\""))
            for byte in CopyText.unescaped(text) {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { literal.append(UInt8(ascii: "\\")) }
                literal.append(byte)
            }
            literal.append(UInt8(ascii: "\""))
        }
        literal.append(UInt8(ascii: "}"))
        CopyText.escape(literal, into: &bytes)
    }
}

extension Array: SQLBindable where Element: SQLArrayElement {
    package static var sqlType: SQLType { Element.arraySQLType }
    package func encodeSQL(into bytes: inout [UInt8]) { Element.encodeSQL(array: self, into: &bytes) }
    package func encodeCopy(into bytes: inout [UInt8]) { Element.encodeCopy(array: self, into: &bytes) }
}

/// For arrays of `bytea`. An array of anything else in an array traps: PostgreSQL's matrices are not for us.
extension Array: SQLArrayElement where Element: SQLArrayElement {}

/// Alone a small number; in an array the bytes of a `bytea`.
extension UInt8: SQLArrayElement {
    package static var sqlType: SQLType { .int2 }
    package static var arraySQLType: SQLType { .bytea }
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int16(self)) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: String(self).utf8) }
    package static func encodeSQL(array: [UInt8], into bytes: inout [UInt8]) { bytes.append(contentsOf: array) }
    package static func encodeCopy(array: [UInt8], into bytes: inout [UInt8]) {
        bytes.append(contentsOf: #"\\x"#.utf8)
        bytes.append(contentsOf: array.hexText.utf8)
    }
}

extension Bool: SQLArrayElement {
    package static var sqlType: SQLType { .bool }
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(UInt8(ascii: self ? "t" : "f")) }
}

extension Int: SQLArrayElement {
    package static var sqlType: SQLType { .int8 }
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int64(self)) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: String(self).utf8) }
}

extension Int64: SQLArrayElement {
    package static var sqlType: SQLType { .int8 }
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: String(self).utf8) }
}

extension Int32: SQLArrayElement {
    package static var sqlType: SQLType { .int4 }
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: String(self).utf8) }
}

extension String: SQLArrayElement {
    package static var sqlType: SQLType { .text }
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
    package func encodeCopy(into bytes: inout [UInt8]) { CopyText.escape(utf8, into: &bytes) }
}

extension ID: SQLBindable, SQLArrayElement {
    package static var sqlType: SQLType { .uuid }
    package func encodeSQL(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(high)
        bytes.appendBigEndian(low)
    }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: text.utf8) }
}

extension Moment: SQLArrayElement {
    package static var sqlType: SQLType { .timestamptz }

    /// PostgreSQL counts from 2000-01-01.
    static let epochMicroseconds: Int64 = 946_684_800_000_000

    package func encodeSQL(into bytes: inout [UInt8]) {
        let (value, overflow) = microseconds.subtractingReportingOverflow(Moment.epochMicroseconds)
        // One above minus infinity: the server refuses it as out of range, as it should an instant before all calendars.
        bytes.appendBigEndian(overflow ? Int64.min + 1 : value)
    }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: text(fraction: 6).utf8) }
}

extension CivilDate: SQLArrayElement {
    package static var sqlType: SQLType { .date }
    static let epochDays = 10_957
    package func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int32(daysSince1970 - CivilDate.epochDays)) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }
}

extension JSONValue: SQLBindable, SQLArrayElement {
    package static var sqlType: SQLType { .jsonb }
    package func encodeSQL(into bytes: inout [UInt8]) {
        bytes.append(1)  // the version of jsonb's binary form; the JSON text follows
        append(to: &bytes)
    }
    package func encodeCopy(into bytes: inout [UInt8]) { CopyText.escape(text.utf8, into: &bytes) }
}

extension ExactDecimal: SQLBindable, SQLArrayElement {
    package static var sqlType: SQLType { .numeric }
    package func encodeSQL(into bytes: inout [UInt8]) { NumericForm.encode(self, into: &bytes) }
    package func encodeCopy(into bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }
}

extension [UInt8] {
    mutating func appendBigEndian<Number: FixedWidthInteger>(_ value: Number) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func replaceBigEndian(_ value: Int32, at index: Int) {
        Swift.withUnsafeBytes(of: value.bigEndian) { raw in
            for offset in 0..<4 { self[index + offset] = raw[offset] }
        }
    }
}
