internal import Finance
internal import Kernel
internal import Postgres
internal import Records
internal import Seals
internal import Tenancy

/// Turns a reader's answer into the canonical invoice and the command that starts its run, or into an exception; in the
/// transaction in which the worker's report is stored, so neither can exist without the other.
struct Canonical: Sendable {
    /// Candidates looked at by the duplicate check; the newest come first.
    static let candidatesMax = 50

    let platform: Platform

    /// What the report of a reading leads to.
    enum Outcome: Sendable {
        case started(RunID)
        case exception(code: String)
        case known
    }

    /// The document was read: keeps the invoice with its findings, looks for duplicates, and starts the run.
    ///
    /// `tenant` was looked up before the transaction: one that waited for a second connection would hold its first meanwhile.
    func accept(
        _ output: JSONValue, of document: DocumentRow, scope: ScopeRow, tenant: TenantAssets, tx: Transaction
    ) async throws -> (Outcome, CommandRow?) {
        let now = platform.clock.now
        let invoice: Invoice
        do throws(Refusal) {
            invoice = try Invoice(json: output["invoice"] ?? .null)
        } catch {
            return try await refuse(
                code: "DOC_INVALID", message: error.message, kind: output["kind"]?.string, of: document, scope: scope, tx: tx)
        }
        let entity = Canonical.entity(of: invoice, in: tenant.tenant?.entities ?? [])
        let row = row(invoice, output: output, document: document, entity: entity, now: now)
        _ = try await tx.query(InvoiceQueries.lockDuplicates(tenant: scope.id))
        guard try await tx.query(InvoiceQueries.insert(row)).count == 1 else { return (.known, nil) }
        let duplicates = try await duplicates(of: row, invoice: invoice, tx: tx)
        let recorder = try await recorder(of: document, tx: tx)
        let run: RunID = platform.newID()
        _ = try await tx.query(
            DocumentQueries.markCanonical(
                tenant: scope.id, id: document.id, kind: output["kind"]?.string ?? "invoice", invoice: row.id, run: run))
        let workflow = tenant.tenant?.workflows[.invoice] ?? "accounts-payable"
        let command = CommandRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "run.start/\(document.id)",
            kind: "run.start", run: run,
            payload: [
                "workflow": .string(workflow), "document": JSONValue(document.id), "invoice": JSONValue(row.id),
                "before": before(document, kind: output["kind"]?.string ?? "", findings: row.findings),
                "input": input(
                    row, output: output, document: document, recorder: recorder, entity: entity, duplicates: duplicates),
            ], traceparent: document.traceparent, createdAt: now)
        try await tx.execute(
            AuditQueries.insert([
                AuditRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "worker", actor: "reader",
                    action: "document.canonical", objectType: "invoice", objectID: row.id.text, run: run,
                    content: [
                        "document": JSONValue(document.id), "number": .string(row.number), "supplier": .string(row.supplierName),
                        // Amounts are text, so the content always has a canonical form.
                        "hash": .string((try? ObjectHash.hexText(of: row.content)) ?? ""),
                    ])
            ]))
        return (.started(run), command)
    }

    /// The reader could not make an invoice of it: the reason is kept, and a person is asked.
    func refuse(
        code: String, message: String, kind: String?, of document: DocumentRow, scope: ScopeRow, tx: Transaction
    ) async throws -> (Outcome, CommandRow?) {
        _ = try await tx.query(DocumentQueries.markUnreadable(tenant: scope.id, id: document.id, kind: kind, reason: message))
        let command = CommandRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane,
            idempotencyKey: "exception.open/\(document.id)/\(platform.clock.now.microseconds)", kind: "exception.open",
            payload: [
                "document": JSONValue(document.id), "code": .string(code), "message": .string(message),
                "fileName": .string(document.fileName),
                "objectHash": .string(document.sha256.hexText),
            ], traceparent: document.traceparent, createdAt: platform.clock.now)
        return (.exception(code: code), command)
    }

    private func row(
        _ invoice: Invoice, output: JSONValue, document: DocumentRow, entity: LegalEntity?, now: Moment
    ) -> InvoiceRow {
        // An amount with more decimals than its currency has stays a finding of the reader; the column is then empty.
        let gross = try? invoice.totals.taxInclusive.money()
        return InvoiceRow(
            tenant: document.tenant, id: platform.newID(), document: document.id, entityCode: entity?.code,
            supplierName: invoice.seller.legalName, supplierVAT: invoice.seller.vatId,
            supplierIBAN: invoice.paymentInstructions.lazy.compactMap { $0.account?.id.value }.first,
            number: invoice.number, numberNormal: InvoiceNumber.normalized(invoice.number), kind: invoice.kind.rawValue,
            issueDate: invoice.issueDate, currency: invoice.currency.code, grossMinor: gross?.minorUnits,
            content: output["invoice"] ?? .null,
            findings: output["findings"] ?? [], createdAt: now)
    }

    /// The buyer on the invoice is one of the tenant's entities by VAT id, else by its name; nil leaves it to the workflow.
    static func entity(of invoice: Invoice, in entities: [LegalEntity]) -> LegalEntity? {
        if let vat = invoice.buyer.vatId.map(TaxNumber.normalized),
            let match = entities.first(where: { sameBytes(TaxNumber.normalized($0.vatID), vat) })
        {
            return match
        }
        let name = invoice.buyer.legalName.lowercased()
        return entities.first { $0.name.lowercased() == name }
    }

    private func duplicates(of row: InvoiceRow, invoice: Invoice, tx: Transaction) async throws -> JSONValue {
        let rows = try await tx.query(
            InvoiceQueries.duplicateCandidates(
                tenant: row.tenant, besides: row.document, numberNormal: row.numberNormal, currency: row.currency,
                grossMinor: row.grossMinor,
                limit: Canonical.candidatesMax)
        ).map(InvoiceRow.init)
        let earlier = rows.compactMap { candidate -> DuplicateCandidate? in
            // An invoice kept in an older shape of ours cannot be compared.
            guard let read = try? Invoice(json: candidate.content) else { return nil }
            return Canonical.candidate(read, candidate)
        }
        let found = DuplicateCheck.matches(Canonical.candidate(invoice, row), among: earlier).map(\.json)
        return .array(found)
    }

    /// The supplier is who its VAT number says, however it is spaced, else its name.
    private static func candidate(_ invoice: Invoice, _ row: InvoiceRow) -> DuplicateCandidate {
        DuplicateCandidate(
            invoice, id: row.id, entity: row.entityCode ?? "",
            supplier: row.supplierVAT.map(TaxNumber.normalized) ?? row.supplierName)
    }

    /// The human being behind the account that handed the document in: duty separation compares these, never accounts.
    private func recorder(of document: DocumentRow, tx: Transaction) async throws -> PersonID? {
        guard let account = document.recordedBy else { return nil }
        return try await tx.query(ScopeQueries.person(tenant: document.tenant, id: account)).first.map(PersonRow.init)?.natural
            ?? account
    }

    private func input(
        _ row: InvoiceRow, output: JSONValue, document: DocumentRow, recorder: PersonID?, entity: LegalEntity?,
        duplicates: JSONValue
    ) -> JSONValue {
        [
            "document": .object([
                "id": JSONValue(document.id), "sha256": .string(document.sha256.hexText), "fileName": .string(document.fileName),
                "channel": .string(document.channel), "receivedAt": JSONValue(document.receivedAt),
                "recordedBy": recorder.map { JSONValue($0) },
            ]),
            "invoice": row.content, "findings": row.findings, "duplicates": duplicates,
            "entity": entity.map { ["code": .string($0.code), "name": .string($0.name), "currency": .string($0.currency.code)] }
                ?? ["code": "", "name": "", "currency": .string(row.currency)],
            "case": .object([
                "supplierName": .string(row.supplierName), "number": .string(row.number), "currency": .string(row.currency),
                "grossMinor": row.grossMinor.map { JSONValue($0) },
                "gross": output["invoice"]?["totals"]?["taxInclusive"] ?? .null,
            ]),
        ]
    }

    /// What happened before the run, so that its timeline starts at the arrival.
    private func before(_ document: DocumentRow, kind: String, findings: JSONValue) -> JSONValue {
        let fatal = (findings.array ?? []).filter { $0["severity"]?.string == "fatal" }.count
        return [
            [
                "type": "document.received", "summary": .string("\(document.fileName) arrived by \(document.channel)."),
                "data": ["at": JSONValue(document.receivedAt), "sha256": .string(document.sha256.hexText)],
            ],
            [
                "type": "document.read",
                "summary": .string(
                    "Read as \(kind); \(fatal == 0 ? "no fatal finding" : "\(fatal) fatal finding\(fatal == 1 ? "" : "s")")."),
                "data": ["findings": findings],
            ],
        ]
    }
}
