package import Kernel
internal import Postgres
package import Records
internal import Reports
internal import Seals
internal import ServiceLevels
internal import Tenancy

/// Monthly service-level reports: drafting, writing on them, review, signature, sending, and revisions beside what was signed.
///
/// Every act locks the report's row, lets the pure states decide, and stores the row with its audit entry in one transaction, so
/// two who sign at once are one signature and one refusal.
package struct ReportDesk: Sendable {
    package static let reasonScalarsMax = 1000
    package static let pageMax = 200
    /// Lists over tenants end there.
    package static let portfolioMax = 5000

    /// A report as it is shown: its row, and its document as frozen or as it would be now.
    package struct Shown: Sendable {
        package let row: SLAReportRow
        /// Nil while the rows are being read.
        package let document: JSONValue?
        /// Of the document that is shown.
        package let hash: String
        /// Later revisions of it exist.
        package let isAmended: Bool
    }

    let platform: Platform
    let assets: AssetLibrary
    /// Something is to be built or sent.
    let wake: @Sendable () -> Void

    package init(platform: Platform, assets: AssetLibrary, wake: @escaping @Sendable () -> Void) {
        self.platform = platform
        self.assets = assets
        self.wake = wake
    }

    static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Reading

    package func page(
        _ tenant: TenantID, before: (month: String, id: SLAReportID)? = nil, limit: Int
    ) async throws -> [ReportStanding] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                ReportQueries.page(tenant: tenant, before: before, limit: max(1, min(limit, ReportDesk.pageMax)))
            ).map(ReportStanding.init)
        }
    }

    /// The latest revisions of a month, of all tenants; the caller leaves out whom the asker may not see.
    package func portfolio(_ month: String) async throws -> [ReportStanding] {
        try await platform.store.withReport { tx in
            try await tx.query(ReportQueries.portfolio(month: month, limit: ReportDesk.portfolioMax)).map(ReportStanding.init)
        }
    }

    package func shown(_ tenant: TenantID, _ id: SLAReportID) async throws -> Shown {
        try await platform.store.withTenant(tenant) { tx in
            guard let row = try await tx.query(ReportQueries.find(tenant: tenant, id: id)).first.map(SLAReportRow.init) else {
                throw ReportDesk.nothing
            }
            return try await ReportDesk.shown(row, tx)
        }
    }

    static func shown(_ row: SLAReportRow, _ tx: Transaction) async throws -> Shown {
        let revisions = try await tx.query(
            ReportQueries.revisions(tenant: row.tenant, contract: row.contractAsset, month: row.month)
        ).map(SLAReportRow.init)
        let isAmended = revisions.contains { $0.number == row.number && $0.revision > row.revision }
        guard row.builtAt != nil else { return Shown(row: row, document: nil, hash: "", isAmended: isAmended) }
        if let text = row.document, let hash = row.documentHash {
            let document = try JSONValue(parsing: Array(text.utf8), maxBytes: ReportBounds.documentBytesMax)
            return Shown(row: row, document: document, hash: hash.hexText, isAmended: isAmended)
        }
        let document = try ReportDesk.document(row, name: nil)
        return Shown(
            row: row, document: document, hash: try ObjectHash.hexText(of: document), isAmended: isAmended)
    }

    /// What the row says now, as the document that would be frozen.
    static func document(_ row: SLAReportRow, name: String?) throws -> JSONValue {
        let terms = try ReportTerms(json: row.terms)
        let tally = try MonthTally(json: row.tally)
        var incidents = IncidentTally()
        for item in row.incidents.array ?? [] { incidents.take(try IncidentTally.Case(json: item), terms: terms) }
        let amends: JSONValue =
            row.reason.map { reason in
                [
                    "revision": JSONValue(Int64(row.revision - 1)), "reason": .string(reason),
                    "changes": row.changes ?? .array([]),
                ]
            } ?? .null
        return try ReportDocument.json(
            ReportFacts(
                number: row.number, revision: row.revision, tenant: terms.tenant,
                tenantName: name ?? row.terms["tenantName"]?.string ?? terms.tenant, language: row.language,
                builtAt: row.builtAt ?? row.draftedAt, dataHash: row.dataHash.hexText, dataLines: row.dataLines,
                trend: row.trend.array ?? [], amends: amends), terms, tally, incidents, ReportTexts(json: row.texts))
    }

    /// One piece of the attached data; nil after the last.
    package func chunk(_ tenant: TenantID, _ id: SLAReportID, _ seq: Int32) async throws -> String? {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ReportQueries.chunk(tenant: tenant, report: id, seq: seq)).first?.get("content", as: String.self)
        }
    }

    // MARK: Drafting

    /// Drafts the reports of a month: one of each contract version by which clocks ran in it, and of the one in force at its
    /// end. Refused while the month is not over, and for what has a report already.
    package func draft(_ month: String, as actor: Actor, scope: ScopeRow) async throws -> [SLAReportRow] {
        try ReportDesk.refuseMachine(actor)
        let drafts = try await plans(month, scope: scope)
        let now = platform.clock.now
        for draft in drafts where draft.period.end > now.seconds {
            throw Refusal(
                .conflict, reason: "report.open",
                "\(month) is open until \(Moment(seconds: draft.period.end).text(fraction: 0)); its figures may still change.",
                facts: ["field": "month"])
        }
        let rows = try await begin(drafts, month, by: actor, scope: scope)
        guard !rows.isEmpty else {
            throw Refusal(
                .conflict, reason: "report.known", "\(month) has its report. Amend it if a figure was wrong.",
                facts: ["field": "month"])
        }
        return rows
    }

    /// Begins those that have no report yet, and answers them; nil for the server by itself.
    func begin(_ drafts: [Plan], _ month: String, by actor: Actor?, scope: ScopeRow) async throws -> [SLAReportRow] {
        guard !drafts.isEmpty else { return [] }
        let now = platform.clock.now
        let rows = try await platform.store.withTenant(scope.id) { tx in
            _ = try await tx.query(ReportQueries.numbering(tenant: scope.id))
            var number = try await tx.query(ReportQueries.lastNumber(tenant: scope.id)).only().get("number", as: Int64.self)
            var rows: [SLAReportRow] = []
            for draft in drafts {
                let known = try await tx.query(
                    ReportQueries.revisions(tenant: scope.id, contract: draft.contract.id, month: month))
                guard known.isEmpty else { continue }
                number += 1
                let row = try insertion(draft, number: number, revision: 1, reason: nil, texts: ReportTexts(), actor, scope, now)
                _ = try await tx.pipeline([
                    ReportQueries.insert(row),
                    ReportQueries.enqueue(lane: scope.lane, tenant: scope.id, report: row.id, at: now),
                    entry(row, "report.begun", by: actor, at: now, ["month": .string(month)]),
                ])
                rows.append(row)
            }
            return rows
        }
        if !rows.isEmpty { wake() }
        return rows
    }

    /// A new revision beside a signed report: read from the rows again, with the reason that it needs.
    package func amend(_ id: SLAReportID, reason: String, as actor: Actor, scope: ScopeRow) async throws -> SLAReportRow {
        try ReportDesk.refuseMachine(actor)
        try ReportDesk.check(reason)
        let now = platform.clock.now
        let earlier = try await shown(scope.id, id).row
        let drafts = try await plans(earlier.month, scope: scope)
        guard let draft = drafts.first(where: { $0.contract.id == earlier.contractAsset }) else { throw ReportDesk.nothing }
        let row = try await platform.store.withTenant(scope.id) { tx in
            _ = try await tx.query(ReportQueries.numbering(tenant: scope.id))
            let all = try await tx.query(
                ReportQueries.revisions(tenant: scope.id, contract: earlier.contractAsset, month: earlier.month)
            ).map(SLAReportRow.init)
            guard let latest = all.first, latest.id == id else {
                throw Refusal(.conflict, reason: "report.amended", "A later revision of this report exists; amend that one.")
            }
            guard try ReportDesk.life(latest).isAmendable else {
                throw Refusal(
                    .conflict, reason: "report.state",
                    "The report is \(latest.phase). What is not signed is changed by itself; an amendment stands beside a "
                        + "signature.", facts: ["state": latest.phase])
            }
            let texts = ReportTexts(json: latest.texts)
            let row = try insertion(
                draft, number: latest.number, revision: latest.revision + 1, reason: reason, texts: texts, actor, scope, now)
            _ = try await tx.pipeline([
                ReportQueries.insert(row),
                ReportQueries.enqueue(lane: scope.lane, tenant: scope.id, report: row.id, at: now),
                entry(row, "report.amended", by: actor, at: now, ["reason": .string(reason)]),
            ])
            return row
        }
        wake()
        return row
    }

    private func insertion(
        _ draft: Plan, number: Int64, revision: Int32, reason: String?, texts: ReportTexts, _ actor: Actor?, _ scope: ScopeRow,
        _ now: Moment
    ) throws -> SLAReportRow {
        let terms = draft.terms
        var written = terms.json.object ?? [:]
        written["tenantName"] = .string(scope.name)
        written["recipients"] = .array(draft.recipients.map(JSONValue.string))
        return SLAReportRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, number: number, revision: revision,
            contractAsset: draft.contract.id, contract: terms.contract, contractVersion: terms.version, month: terms.month,
            language: draft.language, authors: actor.map { [$0.natural] } ?? [], terms: .object(written),
            tally: MonthTally(terms).json,
            dataHash: DataChain(sha256: { SHA256.hash($0) }).hash, texts: texts.json, reason: reason,
            draftedBy: actor?.person, draftedAt: now)
    }

    /// A report that can be drafted.
    struct Plan: Sendable {
        let contract: AssetRow
        let terms: ReportTerms
        let language: String
        let recipients: [String]
        /// When the month ended it was in force.
        let isInForce: Bool
        var period: Span { terms.period }
    }

    /// The contract versions by which clocks ran in a time.
    private func versions(_ tenant: TenantID, _ span: Span) async throws -> Set<AssetID> {
        try await platform.store.withTenant(tenant) { tx in
            Set(
                try await tx.query(
                    ReportQueries.contracts(
                        tenant: tenant, from: Moment(seconds: span.start), to: Moment(seconds: span.end))
                ).map { try $0.get("contract_asset", as: AssetID.self) })
        }
    }

    private static func start(of month: String) throws -> Int64 {
        try ReportTerms.period(month, in: try ZoneRules.load("UTC")).start
    }

    /// The first second after a month by UTC.
    static func end(of month: String) throws -> Int64 { try ReportTerms.period(month, in: try ZoneRules.load("UTC")).end }

    func plans(_ month: String, scope: ScopeRow) async throws -> [Plan] {
        guard scope.kind == "tenant" else { throw ReportDesk.nothing }
        let current = try await assets.current(for: scope.id)
        let (start, end) = try (ReportDesk.start(of: month), ReportDesk.end(of: month))
        let near = try await versions(
            scope.id, Span(start: start - ReportDesk.slackSeconds, end: end + ReportDesk.slackSeconds))
        var rows = try await assets.rows(Array(near), for: scope.id)
        let governing = try await assets.governing(scope.id, at: Moment(seconds: start - ReportDesk.slackSeconds))
            .filter { $0.period.from < Moment(seconds: end + ReportDesk.slackSeconds) }
        for contract in governing { rows[contract.row.id] = contract.row }
        // A contract has the months of its own zone.
        var (plans, ran): ([Plan], [Span: Set<AssetID>]) = ([], [:])
        for row in rows.values.sorted(by: { ($0.name, $0.version) < ($1.name, $1.version) }) {
            let plan = try plan(row, month: month, governing: governing, current: current, scope: scope)
            if ran[plan.period] == nil { ran[plan.period] = try await versions(scope.id, plan.period) }
            if ran[plan.period]?.contains(row.id) == true || plan.isInForce { plans.append(plan) }
        }
        guard !plans.isEmpty else {
            throw Refusal(
                .unprocessable, reason: "report.contract", "No contract was in force in \(month), so nothing was promised.",
                facts: ["field": "month"])
        }
        return plans
    }

    /// Zones differ by at most so much, so a month of any zone lies inside.
    private static let slackSeconds: Int64 = 2 * 86_400

    private func plan(
        _ row: AssetRow, month: String, governing: [GoverningContract], current: TenantAssets, scope: ScopeRow
    ) throws -> Plan {
        var issues: [AssetIssue] = []
        guard let contract = ContractDocument.parse(row.content, issues: &issues),
            !issues.contains(where: { $0.severity == .error })
        else {
            throw Refusal(
                .unprocessable, reason: "report.unreadable",
                "The contract \(row.name) \(row.version) cannot be read any more. Publish it again.")
        }
        guard let calendar = current.row("calendar", contract.calendar).flatMap({ assets.calendar($0) }) else {
            throw Refusal(
                .unprocessable, reason: "report.calendar", "The calendar \(contract.calendar) of the contract is not published.")
        }
        let terms = try ReportTerms(
            tenant: scope.slug, contract: contract.name, version: contract.version, title: contract.title, month: month,
            zone: try Measuring.months(of: contract, calendar: calendar),
            objectives: contract.objectives.map { one in
                ReportTerms.Objective(
                    name: one.name, title: one.title, terms: one.measures.hasClock ? Measuring.terms(of: one) : nil, share: one.share, tiers: one.tiers,
                    maintenanceCapSeconds: one.maintenanceCapSeconds.map(Int64.init))
            }, maintenance: Measuring.announced(under: contract, in: current), availability: contract.availability,
            calendar: calendar, credits: contract.credits, exclusions: contract.reporting.exclusions)
        let spoken = String(scope.locale.prefix(2))
        let language = contract.reporting.language ?? (ReportPromise.languages.contains(spoken) ? spoken : "en")
        return Plan(
            contract: row, terms: terms, language: language, recipients: contract.reporting.recipients,
            isInForce: governing.contains {
                $0.row.id == row.id && $0.period.covers(Moment(seconds: terms.period.end - 1))
            })
    }

    // MARK: What acts share

    static func life(_ row: SLAReportRow) throws(Fault) -> ReportLife {
        guard let phase = ReportLife.Phase(rawValue: row.phase) else {
            throw Fault("read a report", "its state \(row.phase) is unknown", isRetryable: false)
        }
        return ReportLife(phase: phase, authors: Set(row.authors), hash: row.documentHash?.hexText)
    }

    func entry(_ row: SLAReportRow, _ action: String, by actor: Actor?, at now: Moment, _ facts: JSONObject = [:]) -> SQL {
        var content = facts
        content["number"] = JSONValue(row.number)
        content["revision"] = JSONValue(Int64(row.revision))
        content["month"] = .string(row.month)
        return AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: row.lane, at: now,
                actorKind: actor == nil ? "system" : "person", actor: actor?.person.text ?? "reports", action: action,
                objectType: "sla-report", objectID: row.id.text, run: nil, content: .object(content))
        ])
    }

    static func refuseMachine(_ actor: Actor) throws(Refusal) {
        guard !actor.isMachine else {
            throw Refusal(
                .forbidden, reason: "report.machine",
                "\(actor.name) is a machine. What is promised to a customer is a person's word.")
        }
    }

    static func check(_ reason: String) throws(Refusal) {
        guard reason.contains(where: { !$0.isWhitespace }), reason.unicodeScalars.count <= reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "report.reason", "Say why, in 1 to \(reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
    }
}
