package import Kernel
internal import Postgres
package import Records
package import Reports
internal import Seals
internal import Tenancy

/// What people do with a report once its rows have been read.
extension ReportDesk {
    /// A change of what people wrote; nil leaves a part as it is.
    package struct Edit: Sendable {
        package var summary: String??
        package var recommendations: [String]??
        /// By the key of the missed clock; nil takes a justification back.
        package var justified: [String: Justification?]

        package init(
            summary: String?? = nil, recommendations: [String]?? = nil, justified: [String: Justification?] = [:]
        ) {
            self.summary = summary
            self.recommendations = recommendations
            self.justified = justified
        }
    }

    package func edit(_ id: SLAReportID, _ edit: Edit, as actor: Actor, scope: ScopeRow) async throws -> SLAReportRow {
        try await act(id, actor, scope) { row, life, _, _ in
            let action = try life.handle(.edited(by: actor.natural))
            var texts = ReportTexts(json: row.texts)
            if let summary = edit.summary { texts.summary = summary }
            if let recommendations = edit.recommendations { texts.recommendations = recommendations }
            for (key, one) in edit.justified { texts.justified[key] = one }
            let terms = try ReportTerms(json: row.terms)
            try texts.check(breaches: try MonthTally(json: row.tally).breaches, exclusions: terms.exclusions)
            row.texts = texts.json
            row.standing = ReportDesk.standing(try ReportDesk.document(row, name: nil))
            return (action, ["justified": JSONValue(edit.justified.count)])
        }
    }

    /// Freezes the document; from here on it is what was hashed.
    package func submit(_ id: SLAReportID, as actor: Actor, scope: ScopeRow) async throws -> SLAReportRow {
        try await act(id, actor, scope) { row, life, _, now in
            guard life.phase == .draft else {
                _ = try life.handle(.submitted(by: actor.natural, hash: ""))
                return ("", [:])
            }
            let document = try ReportDesk.document(row, name: nil)
            let bytes = try document.canonicalBytes()
            let hash = SHA256.hash(bytes)
            let action = try life.handle(.submitted(by: actor.natural, hash: hash.hexText))
            row.document = String(decoding: bytes, as: UTF8.self)
            row.documentHash = hash
            row.standing = ReportDesk.standing(document)
            row.submittedBy = actor.person
            row.submittedAt = now
            return (action, ["hash": .string(hash.hexText)])
        }
    }

    package func giveBack(
        _ id: SLAReportID, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> SLAReportRow {
        try ReportDesk.check(reason)
        return try await act(id, actor, scope) { row, life, _, _ in
            let action = try life.handle(.returned(by: actor.natural, reason: reason))
            row.document = nil
            row.documentHash = nil
            row.submittedBy = nil
            row.submittedAt = nil
            return (action, ["reason": .string(reason)])
        }
    }

    /// `hash` is of the document that was on the screen. The credit that it comes to is proposed with it.
    package func sign(_ id: SLAReportID, hash: String, as actor: Actor, scope: ScopeRow) async throws -> SLAReportRow {
        try await act(id, actor, scope) { row, life, tx, now in
            let action = try life.handle(.signed(by: actor.natural, hash: hash))
            row.signedBy = actor.person
            row.signedName = actor.name
            row.signedAt = now
            try await credits.propose(row, signedBy: actor, at: now, in: tx)
            return (action, ["hash": .string(hash)])
        }
    }

    /// Puts the report on its way to the contract's recipients; sending it again is another delivery, and is seen as one.
    package func send(_ id: SLAReportID, as actor: Actor, scope: ScopeRow) async throws -> SLAReportRow {
        let row = try await act(id, actor, scope) { row, life, tx, now in
            let action = try life.handle(.sent(by: actor.natural))
            let recipients = row.terms["recipients"]?.array?.compactMap(\.string) ?? []
            guard !recipients.isEmpty else {
                throw Refusal(
                    .unprocessable, reason: "report.recipients",
                    "The contract names nobody who gets its reports. Add `reporting.recipients` to it, and amend or redraft.")
            }
            row.sentBy = actor.person
            row.sentAt = now
            for address in recipients {
                let delivery = ReportDeliveryRow(
                    tenant: row.tenant, id: platform.newID(), report: row.id, address: address, decidedAt: now)
                _ = try await tx.pipeline([
                    ReportQueries.insert(delivery),
                    ReportQueries.enqueue(
                        lane: row.lane, tenant: row.tenant, report: row.id, delivery: delivery.id, at: now),
                ])
            }
            return (action, ["recipients": JSONValue(recipients.count)])
        }
        wake()
        return row
    }

    package func archive(_ id: SLAReportID, as actor: Actor, scope: ScopeRow) async throws -> SLAReportRow {
        try await act(id, actor, scope) { row, life, _, now in
            let action = try life.handle(.archived(by: actor.natural))
            row.archivedAt = now
            return (action, [:])
        }
    }

    /// One act: the row is held, the states decide, the row and its audit entry are stored together.
    private func act(
        _ id: SLAReportID, _ actor: Actor, _ scope: ScopeRow,
        _ change: @Sendable (inout SLAReportRow, inout ReportLife, Transaction, Moment) async throws -> (String, JSONObject)
    ) async throws -> SLAReportRow {
        try ReportDesk.refuseMachine(actor)
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            guard var row = try await tx.query(ReportQueries.lock(tenant: scope.id, id: id)).first.map(SLAReportRow.init) else {
                throw ReportDesk.nothing
            }
            var life = try ReportDesk.life(row)
            let (action, facts) = try await change(&row, &life, tx, now)
            row.phase = life.phase.rawValue
            row.authors = life.authors.sorted()
            let told = OutboxRow(
                tenant: row.tenant, lane: row.lane, at: now, topic: action, run: nil,
                facts: ["report": JSONValue(row.id), "month": .string(row.month)])
            _ = try await tx.pipeline(
                [
                    ReportQueries.update(row), entry(row, action, by: actor, at: now, facts), OutboxQueries.insert([told]),
                ] + WebhookFeed.statements([told]) { platform.newID() })
            return row
        }
    }

    /// The figures in short, for lists.
    static func standing(_ document: JSONValue) -> JSONValue {
        let figures = document["figures"]
        let objectives = figures?["objectives"]?.array ?? []
        return .object([
            "objectives": .array(
                objectives.map {
                    [
                        "name": $0["name"] ?? .null, "title": $0["title"] ?? .null, "met": $0["met"] ?? .null,
                        "n": $0["n"] ?? .null, "kept": $0["kept"] ?? .null,
                    ]
                }),
            "availabilityMet": figures?["availability"]?["met"], "incidents": figures?["incidents"]?["n"],
            "creditPercent": figures?["credits"]?["percent"], "creditAmount": figures?["credits"]?["amount"],
            "creditCurrency": figures?["credits"]?["currency"], "missed": document["breachesTotal"],
        ])
    }

    /// The deliveries of a report with every try, the newest first.
    package func deliveries(
        _ tenant: TenantID, _ id: SLAReportID
    ) async throws -> [(delivery: ReportDeliveryRow, attempts: [ReportAttemptRow])] {
        try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.query(ReportQueries.deliveries(tenant: tenant, report: id)).map(ReportDeliveryRow.init)
            let tries = try await tx.query(ReportQueries.attempts(tenant: tenant, deliveries: rows.map(\.id))).map(
                ReportAttemptRow.init)
            return rows.map { row in (row, tries.filter { $0.delivery == row.id }) }
        }
    }
}
