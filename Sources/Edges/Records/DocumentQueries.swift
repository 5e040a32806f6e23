package import Kernel
package import Postgres

/// A document as it came: its bytes lie in chunks beside it, its hash is its identity within the tenant.
package struct DocumentRow: Sendable {
    package let tenant: TenantID
    package let id: DocumentID
    package let sha256: [UInt8]
    package let fileName: String
    package let sizeBytes: Int32
    package let channel: String
    package let receivedAt: Moment
    package let recordedBy: PersonID?
    package var kind: String?
    package var state: String
    package var reason: String?
    package var invoice: InvoiceID?
    /// The run, once it exists: its id is chosen when the document is read, and its lane makes it a moment later.
    package var run: RunID?
    package let traceparent: String?

    package init(
        tenant: TenantID, id: DocumentID, sha256: [UInt8], fileName: String, sizeBytes: Int32, channel: String,
        receivedAt: Moment,
        recordedBy: PersonID?, traceparent: String?
    ) {
        self.tenant = tenant
        self.id = id
        self.sha256 = sha256
        self.fileName = fileName
        self.sizeBytes = sizeBytes
        self.channel = channel
        self.receivedAt = receivedAt
        self.recordedBy = recordedBy
        state = "received"
        self.traceparent = traceparent
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: DocumentID.self)
        sha256 = try row.get("sha256", as: [UInt8].self)
        fileName = try row.get("file_name", as: String.self)
        sizeBytes = try row.get("size_bytes", as: Int32.self)
        channel = try row.get("channel", as: String.self)
        receivedAt = try row.get("received_at", as: Moment.self)
        recordedBy = try row.get("recorded_by", as: PersonID?.self)
        kind = try row.get("kind", as: String?.self)
        state = try row.get("state", as: String.self)
        reason = try row.get("reason", as: String?.self)
        invoice = try row.get("invoice_id", as: InvoiceID?.self)
        run = try row.get("run_id", as: RunID?.self)
        traceparent = try row.get("traceparent", as: String?.self)
    }
}

/// An invoice in canonical form, with the columns that duplicate checks look at.
package struct InvoiceRow: Sendable {
    package let tenant: TenantID
    package let id: InvoiceID
    package let document: DocumentID
    package let entityCode: String?
    package let supplierName: String
    package let supplierVAT: String?
    package let supplierIBAN: String?
    package let number: String
    package let numberNormal: String
    package let kind: String
    package let issueDate: CivilDate?
    package let currency: String
    package let grossMinor: Int64?
    package let content: JSONValue
    package let findings: JSONValue
    package let createdAt: Moment

    package init(
        tenant: TenantID, id: InvoiceID, document: DocumentID, entityCode: String?, supplierName: String, supplierVAT: String?,
        supplierIBAN: String?, number: String, numberNormal: String, kind: String, issueDate: CivilDate?, currency: String,
        grossMinor: Int64?, content: JSONValue, findings: JSONValue, createdAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.document = document
        self.entityCode = entityCode
        self.supplierName = supplierName
        self.supplierVAT = supplierVAT
        self.supplierIBAN = supplierIBAN
        self.number = number
        self.numberNormal = numberNormal
        self.kind = kind
        self.issueDate = issueDate
        self.currency = currency
        self.grossMinor = grossMinor
        self.content = content
        self.findings = findings
        self.createdAt = createdAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: InvoiceID.self)
        document = try row.get("document_id", as: DocumentID.self)
        entityCode = try row.get("entity_code", as: String?.self)
        supplierName = try row.get("supplier_name", as: String.self)
        supplierVAT = try row.get("supplier_vat", as: String?.self)
        supplierIBAN = try row.get("supplier_iban", as: String?.self)
        number = try row.get("number", as: String.self)
        numberNormal = try row.get("number_normal", as: String.self)
        kind = try row.get("kind", as: String.self)
        issueDate = try row.get("issue_date", as: CivilDate?.self)
        currency = try row.get("currency", as: String.self)
        grossMinor = try row.get("gross_minor", as: Int64?.self)
        content = try row.get("content", as: JSONValue.self)
        findings = try row.get("findings", as: JSONValue.self)
        createdAt = try row.get("created_at", as: Moment.self)
    }
}

package enum DocumentQueries {
    /// Bytes per chunk: small enough that a 25 MB document is read and written in pieces, large enough that most are one.
    package static let chunkBytes = 262_144

    private static let columns: SQL = """
        d.tenant_id, d.id, d.sha256, d.file_name, d.size_bytes, d.channel, d.received_at, d.recorded_by, d.kind, d.state,
            d.reason,
        d.invoice_id, (SELECT r.id FROM run r WHERE r.tenant_id = d.tenant_id AND r.id = d.run_id) AS run_id, d.traceparent
        """

    /// One row (`id`) when the tenant did not hold these bytes yet.
    package static func insert(_ document: DocumentRow) -> SQL {
        """
        INSERT INTO document (tenant_id, id, sha256, file_name, size_bytes, channel, received_at, recorded_by, state, traceparent)
        VALUES (\(document.tenant), \(document.id), \(document.sha256), \(document.fileName), \(document.sizeBytes),
                \(document.channel), \(document.receivedAt), \(optional: document.recordedBy), \(document.state),
                    \(optional: document.traceparent))
        ON CONFLICT (tenant_id, sha256) DO NOTHING RETURNING id
        """
    }

    package static func insertChunk(tenant: TenantID, document: DocumentID, ordinal: Int32, bytes: [UInt8]) -> SQL {
        """
        INSERT INTO document_chunk (tenant_id, document_id, ordinal, bytes)
        VALUES (\(tenant), \(document), \(ordinal), \(bytes))
        """
    }

    package static func chunks(tenant: TenantID, document: DocumentID) -> SQL {
        "SELECT bytes FROM document_chunk WHERE tenant_id = \(tenant) AND document_id = \(document) ORDER BY ordinal"
    }

    package static func find(tenant: TenantID, id: DocumentID) -> SQL {
        "SELECT \(columns) FROM document d WHERE d.tenant_id = \(tenant) AND d.id = \(id)"
    }

    package static func find(tenant: TenantID, sha256: [UInt8]) -> SQL {
        "SELECT \(columns) FROM document d WHERE d.tenant_id = \(tenant) AND d.sha256 = \(sha256)"
    }

    package static func markCanonical(tenant: TenantID, id: DocumentID, kind: String, invoice: InvoiceID, run: RunID) -> SQL {
        """
        UPDATE document SET state = 'canonical', kind = \(kind), invoice_id = \(invoice), run_id = \(run), reason = NULL
        WHERE tenant_id = \(tenant) AND id = \(id) AND state <> 'canonical' RETURNING id
        """
    }

    package static func markUnreadable(tenant: TenantID, id: DocumentID, kind: String?, reason: String) -> SQL {
        """
        UPDATE document SET state = 'unreadable', kind = \(optional: kind), reason = \(reason)
        WHERE tenant_id = \(tenant) AND id = \(id) AND state = 'received' RETURNING id
        """
    }

    package static func page(tenant: TenantID, before: (Moment, DocumentID)?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND (d.received_at, d.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM document d WHERE d.tenant_id = \(tenant) \(cursor)
            ORDER BY d.received_at DESC, d.id DESC LIMIT \(limit)
            """
    }
}

package enum InvoiceQueries {
    private static let columns: SQL = """
        v.tenant_id, v.id, v.document_id, v.entity_code, v.supplier_name, v.supplier_vat, v.supplier_iban, v.number,
            v.number_normal,
        v.kind, v.issue_date, v.currency, v.gross_minor, v.content, v.findings, v.created_at
        """

    package static func insert(_ row: InvoiceRow) -> SQL {
        """
        INSERT INTO invoice (tenant_id, id, document_id, entity_code, supplier_name, supplier_vat, supplier_iban, number,
            number_normal,
                             kind, issue_date, currency, gross_minor, content, findings, created_at)
        VALUES (\(row.tenant), \(row.id), \(row.document), \(optional: row.entityCode), \(row.supplierName),
            \(optional: row.supplierVAT),
                \(optional: row.supplierIBAN), \(row.number), \(row.numberNormal), \(row.kind), \(optional: row.issueDate),
                    \(row.currency),
                \(optional: row.grossMinor), \(row.content), \(row.findings), \(row.createdAt))
        ON CONFLICT (tenant_id, document_id) DO NOTHING RETURNING id
        """
    }

    package static func find(tenant: TenantID, id: InvoiceID) -> SQL {
        "SELECT \(columns) FROM invoice v WHERE v.tenant_id = \(tenant) AND v.id = \(id)"
    }

    /// Serialises the duplicate check of one tenant until the transaction ends: two copies that arrive together see each other.
    package static func lockDuplicates(tenant: TenantID) -> SQL {
        "SELECT pg_advisory_xact_lock(4711, hashtext(\(tenant.text)))"
    }

    /// Earlier invoices that could be the same one: equal normalised number, or equal gross amount near the date.
    package static func duplicateCandidates(
        tenant: TenantID, besides document: DocumentID, numberNormal: String, currency: String, grossMinor: Int64?, limit: Int
    ) -> SQL {
        """
        SELECT \(columns) FROM invoice v
        WHERE v.tenant_id = \(tenant) AND v.document_id <> \(document)
          AND (v.number_normal = \(numberNormal) OR (v.currency = \(currency) AND v.gross_minor = \(optional: grossMinor)))
        ORDER BY v.created_at DESC LIMIT \(limit)
        """
    }
}
