package import Kernel

/// One value as PostgreSQL sent it, in binary form. Only valid during the call that receives it.
package struct SQLCell {
    package let type: SQLType
    package let raw: UnsafeRawBufferPointer

    package init(type: SQLType, raw: UnsafeRawBufferPointer) {
        self.type = type
        self.raw = raw
    }

    func integer<Number: FixedWidthInteger>(_ number: Number.Type) -> Number? {
        raw.count == MemoryLayout<Number>.size ? raw.bigEndian(number, at: 0) : nil
    }
}

/// What can be read from a column. `decodeSQL` answers nil when the column has another type or the bytes are malformed: nothing
/// is converted silently, except narrower integers to wider ones.
package protocol SQLDecodable: Sendable {
    static func decodeSQL(_ cell: SQLCell) -> Self?
    /// What NULL reads as; nil when NULL is an error.
    static var sqlNull: Self? { get }
    static func decodeSQL(array cell: SQLCell) -> [Self]?
}

extension SQLDecodable {
    package static var sqlNull: Self? { nil }

    package static func decodeSQL(array cell: SQLCell) -> [Self]? {
        let raw = cell.raw
        let headerBytes = 12
        guard raw.count >= headerBytes else { return nil }
        let dimensions = raw.bigEndian(Int32.self, at: 0)
        let elementType = SQLType(oid: raw.bigEndian(UInt32.self, at: 8))
        if dimensions == 0 { return [] }
        guard dimensions == 1, raw.count >= headerBytes + 8 else { return nil }
        let count = Int(raw.bigEndian(Int32.self, at: headerBytes))
        var at = headerBytes + 8
        guard count >= 0, count <= (raw.count - at) / 4 else { return nil }
        var elements: [Self] = []
        elements.reserveCapacity(count)
        for _ in 0..<count {
            guard at + 4 <= raw.count else { return nil }
            let length = Int(raw.bigEndian(Int32.self, at: at))
            at += 4
            if length < 0 {
                guard let null = sqlNull else { return nil }
                elements.append(null)
                continue
            }
            guard at + length <= raw.count else { return nil }
            let piece = UnsafeRawBufferPointer(rebasing: raw[at..<at + length])
            guard let element = decodeSQL(SQLCell(type: elementType, raw: piece)) else { return nil }
            elements.append(element)
            at += length
        }
        return elements
    }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> Wrapped?? { Wrapped.decodeSQL(cell).map { .some($0) } }
    package static var sqlNull: Wrapped?? { .some(nil) }
}

extension Array: SQLDecodable where Element: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> [Element]? { Element.decodeSQL(array: cell) }
}

extension Bool: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> Bool? {
        cell.type == .bool ? cell.integer(UInt8.self).map { $0 != 0 } : nil
    }
}

/// Alone it is not read; in an array the bytes of a `bytea`.
extension UInt8: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> UInt8? { nil }
    package static func decodeSQL(array cell: SQLCell) -> [UInt8]? { cell.type == .bytea ? Array(cell.raw) : nil }
}

extension Int64: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> Int64? {
        switch cell.type {
        case .int8: cell.integer(Int64.self)
        case .int4: cell.integer(Int32.self).map(Int64.init)
        case .int2: cell.integer(Int16.self).map(Int64.init)
        case .oidType, .xid: cell.integer(UInt32.self).map(Int64.init)
        case .xid8: cell.integer(Int64.self)
        default: nil
        }
    }
}

extension Int: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> Int? { Int64.decodeSQL(cell).map(Int.init) }
}

extension Int32: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> Int32? {
        switch cell.type {
        case .int4: cell.integer(Int32.self)
        case .int2: cell.integer(Int16.self).map(Int32.init)
        default: nil
        }
    }
}

extension String: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> String? {
        cell.type.isText ? String(decoding: cell.raw, as: UTF8.self) : nil
    }
}

extension ID: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> ID? {
        guard cell.type == .uuid, cell.raw.count == 16 else { return nil }
        return ID(high: cell.raw.bigEndian(UInt64.self, at: 0), low: cell.raw.bigEndian(UInt64.self, at: 8))
    }
}

extension Moment: SQLDecodable {
    /// The infinities are no moments.
    package static func decodeSQL(_ cell: SQLCell) -> Moment? {
        guard cell.type == .timestamptz, let value = cell.integer(Int64.self), value != .max, value != .min else { return nil }
        let (sum, overflow) = value.addingReportingOverflow(epochMicroseconds)
        return overflow ? nil : Moment(microseconds: sum)
    }
}

extension CivilDate: SQLDecodable {
    /// Only the years 1 to 9999; the infinities are no dates.
    package static func decodeSQL(_ cell: SQLCell) -> CivilDate? {
        guard cell.type == .date, let value = cell.integer(Int32.self) else { return nil }
        let days = Int(value) + epochDays
        let firstDay = -719_162  // 0001-01-01
        let lastDay = 2_932_896  // 9999-12-31
        return days >= firstDay && days <= lastDay ? CivilDate(daysSince1970: days) : nil
    }
}

extension JSONValue: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> JSONValue? {
        var raw = cell.raw
        if cell.type == .jsonb {
            guard raw.first == 1 else { return nil }
            raw = UnsafeRawBufferPointer(rebasing: raw.dropFirst())
        } else if cell.type != .json {
            return nil
        }
        // The place of a fault in a column of ours says nothing to the reader; the row's error names the column.
        return try? JSONValue(parsing: raw, maxBytes: Rows.bytesMax)
    }
}

extension ExactDecimal: SQLDecodable {
    package static func decodeSQL(_ cell: SQLCell) -> ExactDecimal? {
        cell.type == .numeric ? NumericForm.decode(cell.raw) : nil
    }
}
