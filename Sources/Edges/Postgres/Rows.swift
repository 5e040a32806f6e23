internal import Kernel

/// The rows a statement answered with, copied out of libpq into one buffer; a value that any task may read.
package struct Rows: Sendable, RandomAccessCollection {
    /// What one statement may answer with. Whoever needs more reads in pages.
    package static let bytesMax = 256 * 1024 * 1024

    struct Column: Sendable {
        let name: String
        let type: SQLType
    }

    final class Storage: Sendable {
        let columns: [Column]
        let bytes: [UInt8]
        /// Per cell, row by row: where it starts, and its length or -1 for NULL.
        let starts: [UInt32]
        let lengths: [Int32]

        init(columns: [Column], bytes: [UInt8], starts: [UInt32], lengths: [Int32]) {
            self.columns = columns
            self.bytes = bytes
            self.starts = starts
            self.lengths = lengths
        }
    }

    let storage: Storage
    package let count: Int
    /// The command as the server names it: `SELECT 3`, `INSERT 0 1`, `COMMIT`.
    package let tag: String
    /// How many rows were written, or read.
    package let affected: Int

    init(storage: Storage, count: Int, tag: String, affected: Int) {
        self.storage = storage
        self.count = count
        self.tag = tag
        self.affected = affected
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { count }

    package subscript(position: Int) -> Row {
        precondition(position >= 0 && position < count, "row \(position) of \(count)")
        return Row(storage: storage, index: position)
    }

    /// The columns' names in the order of the statement.
    package var columnNames: [String] { storage.columns.map(\.name) }

    /// The only row; a failure when there is none or more than one.
    package func only() throws(RowFailure) -> Row {
        guard count == 1 else { throw RowFailure(column: "", row: 0, "\(count) rows where exactly one was expected") }
        return self[0]
    }

    /// The only row or none; a failure when there are more.
    package func atMostOne() throws(RowFailure) -> Row? {
        guard count <= 1 else { throw RowFailure(column: "", row: 1, "\(count) rows where at most one was expected") }
        return first
    }

    /// The first column of every row.
    package func column<Value: SQLDecodable>(as type: Value.Type = Value.self) throws(RowFailure) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for row in self { values.append(try row.get(0, as: type)) }
        return values
    }
}

/// One row; its columns are read by name or position, and a wrong type, a missing column or an unexpected NULL is an error
/// that names them.
package struct Row: Sendable {
    let storage: Rows.Storage
    let index: Int

    /// `try row["id"] as RunID`, or with the type inferred from where it goes.
    package subscript<Value: SQLDecodable>(_ column: String) -> Value {
        get throws(RowFailure) { try get(column, as: Value.self) }
    }

    package subscript<Value: SQLDecodable>(_ position: Int) -> Value {
        get throws(RowFailure) { try get(position, as: Value.self) }
    }

    package func get<Value: SQLDecodable>(_ column: String, as type: Value.Type = Value.self) throws(RowFailure) -> Value {
        guard let position = storage.columns.firstIndex(where: { sameBytes($0.name, column) }) else {
            throw RowFailure(
                column: column, row: index, "no such column among \(storage.columns.map(\.name).joined(separator: ", "))")
        }
        return try get(position, as: type)
    }

    /// An enumeration stored by its raw value; a value that no case has is an error.
    package func get<Value: RawRepresentable>(_ column: String, as type: Value.Type = Value.self) throws(RowFailure) -> Value
    where Value.RawValue: SQLDecodable {
        let raw = try get(column, as: Value.RawValue.self)
        guard let value = Value(rawValue: raw) else {
            throw RowFailure(column: column, row: index, "no \(Value.self) of that name")
        }
        return value
    }

    package func get<Value: RawRepresentable>(_ column: String, as type: Value?.Type = Value?.self) throws(RowFailure) -> Value?
    where Value.RawValue: SQLDecodable {
        guard let raw = try get(column, as: Value.RawValue?.self) else { return nil }
        guard let value = Value(rawValue: raw) else {
            throw RowFailure(column: column, row: index, "no \(Value.self) of that name")
        }
        return value
    }

    package func get<Value: SQLDecodable>(_ position: Int, as type: Value.Type = Value.self) throws(RowFailure) -> Value {
        guard storage.columns.indices.contains(position) else {
            throw RowFailure(column: "\(position)", row: index, "only \(storage.columns.count) columns")
        }
        let column = storage.columns[position]
        let cell = index * storage.columns.count + position
        let length = Int(storage.lengths[cell])
        guard length >= 0 else {
            guard let null = Value.sqlNull else {
                throw RowFailure(column: column.name, row: index, "NULL where a value was expected")
            }
            return null
        }
        let start = Int(storage.starts[cell])
        let decoded = storage.bytes.withUnsafeBytes { raw in
            Value.decodeSQL(SQLCell(type: column.type, raw: UnsafeRawBufferPointer(rebasing: raw[start..<start + length])))
        }
        guard let decoded else {
            throw RowFailure(column: column.name, row: index, "type \(column.type.oid) with \(length) bytes is no \(Value.self)")
        }
        return decoded
    }

    /// All columns in order, as many as the types: `let (id, name) = try row.decode(RunID.self, String?.self)`.
    package func decode<each Value: SQLDecodable>(_ type: repeat (each Value).Type) throws(RowFailure) -> (repeat each Value) {
        var position = -1
        func next<One: SQLDecodable>(_ type: One.Type) throws(RowFailure) -> One {
            position += 1
            return try get(position, as: type)
        }
        let values = (repeat try next(each type))
        guard position + 1 == storage.columns.count else {
            throw RowFailure(column: "", row: index, "\(storage.columns.count) columns where \(position + 1) were expected")
        }
        return values
    }
}

/// A row that is not what its reader expects: the statement and the type it fills have parted.
package struct RowFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let column: String
    /// Counted from 0.
    package let row: Int
    package let message: String

    init(column: String, row: Int, _ message: String) {
        self.column = column
        self.row = row
        self.message = message
    }

    package var description: String { "row \(row), column \"\(column)\": \(message)" }
}
