package import Kernel
internal import Postgres
package import Records
internal import Reports
internal import Tenancy

/// Credits of signed reports: proposed with the signature, in its transaction, and from then on acts of people.
package struct Crediting: Sendable {
    package static let pageMax = 200
    /// Lists over tenants end there, the oldest first.
    package static let openMax = 1000
    package static let textScalarsMax = 1000

    /// What is done with a credit.
    package enum Act: Sendable {
        case approve
        /// It stands on the bill of that number.
        case apply(reference: String)
        case waive(reason: String)
    }

    let platform: Platform

    package init(platform: Platform) { self.platform = platform }

    // MARK: Reading

    package func page(_ tenant: TenantID, before number: Int64? = nil, limit: Int) async throws -> [CreditNoteRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                CreditNoteQueries.page(tenant: tenant, before: number, limit: max(1, min(limit, Crediting.pageMax)))
            ).map(CreditNoteRow.init)
        }
    }

    /// Of the month of a report, over all of its revisions.
    package func ofMonth(_ report: SLAReportRow) async throws -> [CreditNoteRow] {
        try await platform.store.withTenant(report.tenant) { tx in
            try await tx.query(
                CreditNoteQueries.ofMonth(tenant: report.tenant, contract: report.contractAsset, month: report.month)
            ).map(CreditNoteRow.init)
        }
    }

    /// What is still to be given, over all tenants; the caller leaves out whom the asker may not see.
    package func open() async throws -> [OpenCreditRow] {
        try await platform.store.withReport { tx in
            try await tx.query(CreditNoteQueries.open(limit: Crediting.openMax)).map(OpenCreditRow.init)
        }
    }

    // MARK: Acting

    package func act(_ act: Act, on id: CreditNoteID, as actor: Actor, scope: ScopeRow) async throws -> CreditNoteRow {
        try ReportDesk.refuseMachine(actor)
        switch act {
        case .approve: break
        case .apply(let reference): try Crediting.check(reference, "reference", "Name the bill that the credit lowers")
        case .waive(let reason): try Crediting.check(reason, "reason", "Say why the credit is given up")
        }
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            guard var row = try await tx.query(CreditNoteQueries.lock(tenant: scope.id, id: id)).first.map(CreditNoteRow.init)
            else { throw ReportDesk.nothing }
            var life = try Crediting.life(row)
            let action: String
            var facts: JSONObject = [:]
            switch act {
            case .approve:
                action = try life.handle(.approved(by: actor.natural))
                row.approvedBy = actor.person
                row.approvedName = actor.name
                row.approvedAt = now
            case .apply(let reference):
                action = try life.handle(.applied(by: actor.natural))
                Crediting.settle(&row, by: actor, at: now)
                row.reference = reference
                facts["reference"] = .string(reference)
            case .waive(let reason):
                action = try life.handle(.waived(by: actor.natural))
                Crediting.settle(&row, by: actor, at: now)
                row.reason = reason
                facts["reason"] = .string(reason)
            }
            row.phase = life.phase.rawValue
            _ = try await tx.pipeline([
                CreditNoteQueries.update(row), entry(row, lane: scope.lane, action, by: actor, at: now, facts),
                told(row, lane: scope.lane, action, at: now),
            ])
            return row
        }
    }

    private static func settle(_ row: inout CreditNoteRow, by actor: Actor, at now: Moment) {
        row.settledBy = actor.person
        row.settledName = actor.name
        row.settledAt = now
    }

    /// What the signature of `report` comes to, beyond what has been decided of its month; in the signature's transaction, under
    /// the lock of its numbers. What nobody has approved yet gives way to it.
    func propose(_ report: SLAReportRow, signedBy actor: Actor, at now: Moment, in tx: Transaction) async throws {
        _ = try await tx.query(ReportQueries.numbering(tenant: report.tenant))
        let known = try await tx.query(
            CreditNoteQueries.lockMonth(tenant: report.tenant, contract: report.contractAsset, month: report.month)
        ).map(CreditNoteRow.init)
        var statements: [SQL] = []
        var decided: [CreditSum] = []
        for var earlier in known {
            var life = try Crediting.life(earlier)
            if life.phase.isDecided { decided.append(try Crediting.sum(earlier)) }
            guard life.phase == .proposed else { continue }
            let action = try life.handle(.replaced)
            earlier.phase = life.phase.rawValue
            statements += [
                CreditNoteQueries.update(earlier),
                entry(earlier, lane: report.lane, action, by: actor, at: now, ["by": JSONValue(report.id)]),
            ]
        }
        if let due = try CreditSum(standing: report.standing), let rest = try due.beyond(decided) {
            let last = try await tx.query(CreditNoteQueries.lastNumber(tenant: report.tenant)).only().get(
                "number", as: Int64.self)
            let row = CreditNoteRow(
                tenant: report.tenant, id: platform.newID(), number: last + 1, report: report.id,
                contractAsset: report.contractAsset, contract: report.contract, month: report.month, percent: rest.percent,
                amount: rest.amount, involved: Set(report.authors + [actor.natural]).sorted(), proposedAt: now)
            statements += [
                CreditNoteQueries.insert(row), entry(row, lane: report.lane, "credit.proposed", by: actor, at: now),
                told(row, lane: report.lane, "credit.proposed", at: now),
            ]
        }
        if !statements.isEmpty { _ = try await tx.pipeline(statements) }
    }

    // MARK: What acts share

    static func life(_ row: CreditNoteRow) throws(Fault) -> CreditNoteLife {
        guard let phase = CreditNoteLife.Phase(rawValue: row.phase) else {
            throw Fault("read a credit", "its state \(row.phase) is unknown", isRetryable: false)
        }
        return CreditNoteLife(phase: phase, involved: Set(row.involved))
    }

    static func sum(_ row: CreditNoteRow) throws -> CreditSum {
        guard let minor = row.amountMinor, let code = row.currency, let currency = Currency(code) else {
            return CreditSum(percent: row.percent, amount: nil)
        }
        return CreditSum(percent: row.percent, amount: try Money(minorUnits: minor, currency: currency))
    }

    private func told(_ row: CreditNoteRow, lane: Int32, _ topic: String, at now: Moment) -> SQL {
        OutboxQueries.insert([
            OutboxRow(
                tenant: row.tenant, lane: lane, at: now, topic: topic, run: nil,
                facts: ["credit": JSONValue(row.id), "month": .string(row.month)])
        ])
    }

    private func entry(
        _ row: CreditNoteRow, lane: Int32, _ action: String, by actor: Actor, at now: Moment, _ facts: JSONObject = [:]
    ) -> SQL {
        var content = facts
        content["number"] = JSONValue(row.number)
        content["report"] = JSONValue(row.report)
        content["month"] = .string(row.month)
        content["percent"] = .string(row.percent.normalized.description)
        content["amountMinor"] = row.amountMinor.map { JSONValue($0) } ?? .null
        content["currency"] = row.currency.map(JSONValue.string) ?? .null
        return AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: lane, at: now, actorKind: "person", actor: actor.person.text,
                action: action, objectType: "credit-note", objectID: row.id.text, run: nil, content: .object(content))
        ])
    }

    private static func check(_ text: String, _ field: String, _ words: String) throws(Refusal) {
        guard text.contains(where: { !$0.isWhitespace }), text.unicodeScalars.count <= textScalarsMax,
            !text.contains(where: \.isNewline)
        else {
            throw Refusal(
                .invalid, reason: "credit.\(field)", "\(words), on one line of 1 to \(textScalarsMax) characters.",
                facts: ["field": field])
        }
    }
}
