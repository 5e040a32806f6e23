package import Finance
package import Kernel

/// Opens an untrusted document somewhere else: the reader's process in a worker, a script in tests.
package protocol DocumentOpening: Sendable {
    /// Always a reading, be it a rejection; throws only when there is no reader to ask.
    func open(_ bytes: [UInt8]) async throws(Fault) -> DocumentReading
}

extension WorkOutcomeOfReading {
    /// Findings told in a refusal; the rest is more of the same.
    static let findingsTold = 3
}

/// What a reading means for the task.
enum WorkOutcomeOfReading {
    static func output(of reading: DocumentReading) -> Result<JSONValue, Refused> {
        if let rejection = reading.rejection {
            var place = ""
            if let line = rejection.line { place = rejection.column.map { " (line \(line), column \($0))" } ?? " (line \(line))" }
            return .failure(Refused(code: rejection.code.rawValue, message: rejection.message + place))
        }
        guard let invoice = reading.invoice else {
            let told = reading.findings.prefix(findingsTold).map(\.message).joined(separator: " ")
            return .failure(
                Refused(
                    code: ExceptionCode.documentInvalid.rawValue,
                    message: told.isEmpty ? "The document is no invoice that can be read (\(reading.kind))." : told))
        }
        return .success(["kind": .string(reading.kind.description), "invoice": invoice.json, "findings": reading.findings.json])
    }

    struct Refused: Error, Equatable {
        let code: String
        let message: String
    }
}
