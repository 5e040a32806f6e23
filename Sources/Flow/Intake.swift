package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Seals
package import Telemetry

/// Takes documents in: bytes are kept with their hash before anything looks at them, and nothing is ever dropped.
package struct Intake: Sendable {
    /// 25 MB; DESIGN of the product, not of a format.
    package static let documentBytesMax = 26_214_400

    /// Where a document came in.
    package enum Channel: String, Sendable { case upload, api, dropFolder = "drop-folder" }

    package struct Receipt: Sendable {
        package let document: DocumentRow
        /// False when the tenant already held exactly these bytes; `document` is then the earlier one.
        package let isNew: Bool
    }

    private let platform: Platform
    private let desk: CommandDesk

    package init(platform: Platform, desk: CommandDesk) {
        self.platform = platform
        self.desk = desk
    }

    /// Stores the document and asks for it to be read, in one transaction.
    ///
    /// The same bytes again are the same document: the earlier one is the answer, and the repetition is in the audit log.
    package func receive(
        _ bytes: [UInt8], fileName: String, channel: Channel, scope: ScopeRow, recordedBy: PersonID?, trace: TraceContext?
    ) async throws -> Receipt {
        guard !bytes.isEmpty else { throw Refusal(.invalid, reason: "document.empty", "The file is empty.") }
        guard bytes.count <= Intake.documentBytesMax else {
            throw Refusal(
                .tooLarge, reason: "document.size", "A document may have at most 25 MB; this one has \(bytes.count) bytes.")
        }
        let now = platform.clock.now
        let trace = trace ?? TraceContext(entropy: platform.entropy)
        let name = Intake.cleanName(fileName)
        let document = DocumentRow(
            tenant: scope.id, id: platform.newID(), sha256: SHA256.hash(bytes), fileName: name, sizeBytes: Int32(bytes.count),
            channel: channel.rawValue, receivedAt: now, recordedBy: recordedBy, traceparent: trace.traceparent)
        let command = CommandRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "document.read/\(document.id)",
            kind: "document.read",
            payload: [
                "document": JSONValue(document.id), "sha256": .string(document.sha256.hexText), "fileName": .string(name),
                "bytes": JSONValue(bytes.count),
            ], traceparent: trace.traceparent, createdAt: now)
        let receipt = try await platform.store.withTenant(scope.id) { tx -> Receipt in
            let added = try await tx.query(DocumentQueries.insert(document)).count == 1
            guard added else {
                guard let earlier = try await tx.query(DocumentQueries.find(tenant: scope.id, sha256: document.sha256)).first
                else {
                    throw Fault("store document", "it is neither new nor known", isRetryable: true)
                }
                let known = try DocumentRow(earlier)
                try await tx.execute(
                    AuditQueries.insert([audit(known, "document.repeated", by: recordedBy, lane: scope.lane, now: now)]))
                return Receipt(document: known, isNew: false)
            }
            var ordinal: Int32 = 0
            var at = 0
            while at < bytes.count {
                let end = min(at + DocumentQueries.chunkBytes, bytes.count)
                try await tx.execute(
                    DocumentQueries.insertChunk(
                        tenant: scope.id, document: document.id, ordinal: ordinal, bytes: Array(bytes[at..<end])))
                ordinal += 1
                at = end
            }
            _ = try await tx.query(CommandQueries.insert(command))
            try await tx.execute(
                AuditQueries.insert([audit(document, "document.received", by: recordedBy, lane: scope.lane, now: now)]))
            try await tx.execute(
                OutboxQueries.insert([
                    OutboxRow(
                        tenant: scope.id, lane: scope.lane, at: now, topic: "document.received", run: nil,
                        facts: ["document": JSONValue(document.id), "fileName": .string(name)])
                ]))
            return Receipt(document: document, isNew: true)
        }
        if receipt.isNew { desk.nudge(lane: scope.lane) }
        platform.spans.add(
            Span(
                context: trace, parentSpanID: nil, name: "intake", startedAt: now, endedAt: platform.clock.now,
                attributes: ["hop": Hop.intake.rawValue, "channel": channel.rawValue]))
        platform.logger.info(
            "document received",
            metadata: [
                "hop": "\(Hop.intake.rawValue)", "tenant": "\(scope.slug)", "document": "\(receipt.document.id)",
                "bytes": "\(bytes.count)",
                "new": "\(receipt.isNew)", "trace": "\(trace.traceIDText)",
            ])
        return receipt
    }

    private func audit(_ document: DocumentRow, _ action: String, by person: PersonID?, lane: Int32, now: Moment) -> AuditRow {
        AuditRow(
            tenant: document.tenant, id: platform.newID(), lane: lane, at: now, actorKind: person == nil ? "system" : "person",
            actor: person?.text ?? "intake", action: action, objectType: "document", objectID: document.id.text, run: nil,
            content: [
                "sha256": .string(document.sha256.hexText), "fileName": .string(document.fileName),
                "bytes": JSONValue(Int(document.sizeBytes)),
                "channel": .string(document.channel),
            ])
    }

    /// The last path part, without control characters, at most 200 scalars; never empty.
    static func cleanName(_ name: String) -> String {
        let last = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        var out = ""
        for scalar in last.unicodeScalars.prefix(200)
        where scalar.value >= 0x20 && scalar.value != 0x7F && !(0x80...0x9F).contains(scalar.value) {
            out.unicodeScalars.append(scalar)
        }
        return out.isEmpty ? "document" : out
    }
}
