internal import CPostgres

/// Copies what libpq holds into values of ours.
enum ResultReading {
    static func rows(_ result: OpaquePointer) -> Result<Rows, PostgresFailure> {
        let rowCount = Int(PQntuples(result))
        let columnCount = Int(PQnfields(result))
        let columns = (0..<columnCount).map { index in
            Rows.Column(name: String(cString: PQfname(result, Int32(index))), type: SQLType(oid: PQftype(result, Int32(index))))
        }
        let cellCount = rowCount * columnCount
        var lengths: [Int32] = []
        lengths.reserveCapacity(cellCount)
        var total = 0
        for row in 0..<Int32(rowCount) {
            for column in 0..<Int32(columnCount) {
                let length = PQgetisnull(result, row, column) == 1 ? -1 : PQgetlength(result, row, column)
                lengths.append(length)
                total += Int(max(0, length))
            }
        }
        guard total <= Rows.bytesMax else {
            return .failure(PostgresFailure(.misuse, "\(total) bytes in one answer; read in pages"))
        }
        var starts: [UInt32] = []
        starts.reserveCapacity(cellCount)
        let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, filled in
            var at = 0
            var cell = 0
            for row in 0..<Int32(rowCount) {
                for column in 0..<Int32(columnCount) {
                    starts.append(UInt32(at))
                    let length = Int(max(0, lengths[cell]))
                    if length > 0, let value = PQgetvalue(result, row, column), let base = buffer.baseAddress {
                        UnsafeMutableRawPointer(base + at).copyMemory(from: value, byteCount: length)
                    }
                    at += length
                    cell += 1
                }
            }
            filled = total
        }
        let storage = Rows.Storage(columns: columns, bytes: bytes, starts: starts, lengths: lengths)
        let tag = String(cString: PQcmdStatus(result))
        return .success(
            Rows(storage: storage, count: rowCount, tag: tag, affected: Int(String(cString: PQcmdTuples(result))) ?? 0))
    }

    /// A result without SQLSTATE is libpq's own: the connection broke under the statement.
    static func failure(_ result: OpaquePointer, isConnectionBad: Bool) -> PostgresFailure {
        func field(_ code: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        guard let state = field("C") else {
            let message = String(cString: PQresultErrorMessage(result)).trimmed
            return PostgresFailure(isConnectionBad ? .connectionLost : .statement, message)
        }
        return PostgresFailure(
            .statement, sqlState: state, field("M") ?? "", detail: field("D"), constraint: field("n"), table: field("t"),
            column: field("c"))
    }
}
