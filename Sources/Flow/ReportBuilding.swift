package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Reports
internal import Seals
internal import ServiceLevels
internal import Telemetry

/// The bounds and paces of building reports.
package struct ReportBuildSettings: Sendable {
    /// Clocks that are looked at in one transaction: a few megabytes, some milliseconds.
    package var clocksPerPage = 2000
    package var incidentsPerPage = 5000
    /// Incidents of one month; more of one tenant are no month but a fault of a source, and the report says so.
    package var incidentsMax = 200_000
    /// Longer than any page takes; then another process takes the build up where it stands.
    package var claimSeconds: Int64 = 120
    package var pauseMilliseconds: Int64 = 2000
    /// Claims at one time.
    package var openMax = 8

    package init() {}
}

/// Reads the rows of a month into its report, page by page.
///
/// Each page of clocks is read in one transaction, computed outside of any, and stored with where it ended in a second one: no
/// transaction is long, memory does not grow with the month, and a process that dies has lost one page. Two that build the same
/// report are told apart by the count of clocks that the page began with.
package struct ReportBuilding: Sendable {
    package let settings: ReportBuildSettings
    private let platform: Platform
    private let assets: AssetLibrary

    package init(platform: Platform, assets: AssetLibrary, settings: ReportBuildSettings = ReportBuildSettings()) {
        self.platform = platform
        self.assets = assets
        self.settings = settings
    }

    /// Builds to the end; false when another process builds it, or it has been built. `going` is asked between pages.
    @discardableResult
    package func build(
        _ id: SLAReportID, of tenant: TenantID, going: @Sendable () async throws -> Void = {}
    ) async throws -> Bool {
        let found = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ReportQueries.find(tenant: tenant, id: id)).first.map(SLAReportRow.init)
        }
        guard var row = found, row.phase == "building" else { return false }
        var state = try State(row)
        if row.dataChunks == 0 {
            let end = Moment(seconds: state.terms.period.end)
            let total = try await platform.store.withTenant(tenant) { tx in
                try await tx.query(
                    ReportQueries.clockCount(tenant: tenant, before: end)
                ).only().get("n", as: Int64.self)
            }
            row.clocksTotal = total
        }
        while let read = try await page(row, state) {
            try Task.checkCancellation()
            let seen = row.clocksSeen
            var lines = row.dataChunks == 0 ? [state.terms.json] : []
            try await take(read.clocks, into: &state, &lines, of: row)
            row.clocksSeen += read.count
            row.lastClock = read.last
            guard try await store(&row, &state, lines, seen: seen) else { return false }
            try await going()
        }
        while state.terms.objectives.contains(where: { $0.terms == nil }), let runs = try await judged(row, state) {
            try Task.checkCancellation()
            let seen = row.clocksSeen
            var lines = row.dataChunks == 0 ? [state.terms.json] : []
            for run in runs {
                let line = RunLine(run: run.run.text, objective: run.objective, cause: run.cause, at: run.at)
                if state.tally.take(line, terms: state.terms) { lines.append(line.json) }
            }
            row.clocksSeen += Int64(runs.count)
            row.clocksTotal = max(row.clocksTotal, row.clocksSeen)
            row.lastRun = runs.last?.run
            guard try await store(&row, &state, lines, seen: seen) else { return false }
            try await going()
        }
        return try await finish(&row, &state)
    }

    /// The next runs of the month that were judged without a clock; nil for none.
    private func judged(_ row: SLAReportRow, _ state: State) async throws -> [JudgedRunRow]? {
        let (tenant, contract, after, limit) = (row.tenant, row.contractAsset, row.lastRun, settings.clocksPerPage)
        let (from, to) = (Moment(seconds: state.terms.period.start), Moment(seconds: state.terms.period.end))
        let rows = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                BudgetQueries.judged(tenant: tenant, contract: contract, from: from, to: to, after: after, limit: limit)
            ).map(JudgedRunRow.init)
        }
        return rows.isEmpty ? nil : rows
    }

    /// What a build carries from page to page.
    private struct State {
        let terms: ReportTerms
        var tally: MonthTally
        var chain: DataChain
        var calendars: [AssetID: ServiceCalendar] = [:]
        /// Those whose line has been written.
        var written: Set<AssetID>

        init(_ row: SLAReportRow) throws {
            terms = try ReportTerms(json: row.terms)
            tally = try MonthTally(json: row.tally)
            chain = DataChain(hash: row.dataHash, lines: row.dataLines) { SHA256.hash($0) }
            written = Set(row.calendars)
        }
    }

    private struct Clock: Sendable {
        let id: ClockID
        let subject: CaseSubject
        let objective: String
        let calendar: AssetID
        let events: JSONValue
        let breachedAt: Moment?

        init(_ row: Row) throws {
            id = try row.get("id", as: ClockID.self)
            if let number = try row.get("incident_number", as: Int64?.self) {
                subject = CaseSubject("incident", "INC-\(number)")
            } else if let run = try row.get("run_id", as: RunID?.self) {
                subject = CaseSubject("run", run.text)
            } else {
                subject = CaseSubject("onboarding", try row.get("onboarding_id", as: AnyID.self).text)
            }
            objective = try row.get("objective", as: String.self)
            calendar = try row.get("calendar_asset", as: AssetID.self)
            events = try row.get("events", as: JSONValue.self)
            breachedAt = try row.get("breached_at", as: Moment?.self)
        }
    }

    private func page(_ row: SLAReportRow, _ state: State) async throws -> (clocks: [Clock], last: ClockID, count: Int64)? {
        let (tenant, contract, after, limit) = (row.tenant, row.contractAsset, row.lastClock, settings.clocksPerPage)
        let (from, to) = (Moment(seconds: state.terms.period.start), Moment(seconds: state.terms.period.end))
        return try await platform.store.withTenant(tenant) { tx in
            let frontier = try await tx.query(ReportQueries.frontier(tenant: tenant, after: after, limit: limit)).only()
            guard let last = try frontier.get("last", as: ClockID?.self) else { return nil }
            let clocks = try await tx.query(
                ReportQueries.clocks(tenant: tenant, contract: contract, after: after, through: last, from: from, to: to)
            ).map(Clock.init)
            return (clocks, last, try frontier.get("n", as: Int64.self))
        }
    }

    private func take(
        _ clocks: [Clock], into state: inout State, _ lines: inout [JSONValue], of row: SLAReportRow
    ) async throws {
        let tenant = row.tenant
        let missing = Set(clocks.map(\.calendar)).subtracting(state.calendars.keys)
        if !missing.isEmpty {
            let rows = try await assets.rows(Array(missing), for: tenant)
            let current = try await assets.current(for: tenant)
            for id in missing {
                guard let calendar = rows[id].flatMap({ assets.calendar($0) }) else {
                    throw Fault("read calendar \(id)", "it is not published here", isRetryable: false)
                }
                // What is published while a report is built changes nothing of it.
                state.calendars[id] = current.revised(calendar, asset: id, until: row.draftedAt)
            }
        }
        for clock in clocks {
            guard let calendar = state.calendars[clock.calendar] else { continue }
            var events: [ClockEvent] = []
            for event in clock.events.array ?? [] { events.append(try ClockEvent(json: event)) }
            let line = ClockLine(
                clock: clock.id.text, subject: clock.subject, objective: clock.objective, calendar: clock.calendar.text,
                events: events, recordedBreachAt: recorded(clock, events, calendar, state))
            guard state.tally.take(line, terms: state.terms, calendar: calendar) else { continue }
            if state.written.insert(clock.calendar).inserted {
                lines.append(["kind": "calendar", "id": .string(clock.calendar.text), "calendar": calendar.json])
            }
            lines.append(line.json)
        }
    }

    /// A breach that was written down, when what is known now would not find it any more.
    private func recorded(
        _ clock: Clock, _ events: [ClockEvent], _ calendar: ServiceCalendar, _ state: State
    ) -> Moment? {
        guard let breachedAt = clock.breachedAt, let objective = state.terms.objective(clock.objective),
            let counted = objective.terms
        else { return nil }
        // At the instant itself the target is used up and not exceeded; a second later it is a fact.
        let reading = SLAClock.read(
            calendar: calendar, terms: counted, maintenance: objective.maintenance, events: events,
            asOf: breachedAt.adding(seconds: 1))
        return reading.breachedAt == nil && !reading.cycles.contains { $0.outcome == .breached } ? breachedAt : nil
    }

    /// The lines and where the page ended, in one transaction; false when another build was faster.
    private func store(
        _ row: inout SLAReportRow, _ state: inout State, _ lines: [JSONValue], seen: Int64
    ) async throws -> Bool {
        let content = try append(lines, &row, &state)
        row.calendars = state.written.sorted()
        row.tally = state.tally.json
        let stored = row
        return try await platform.store.withTenant(row.tenant) { tx in
            guard try await tx.query(ReportQueries.advance(stored, from: seen)).first != nil else { return false }
            if let content {
                _ = try await tx.execute(
                    ReportQueries.putChunk(
                        tenant: stored.tenant, report: stored.id, seq: stored.dataChunks, lines: Int32(clamping: lines.count),
                        content: content))
            }
            return true
        }
    }

    /// The lines as one piece of the data, their hash taken; nil for none.
    private func append(_ lines: [JSONValue], _ row: inout SLAReportRow, _ state: inout State) throws -> String? {
        guard !lines.isEmpty else { return nil }
        var content: [UInt8] = []
        for line in lines {
            let bytes = try line.canonicalBytes()
            state.chain.take(bytes)
            content += bytes
            content.append(0x0A)
        }
        row.dataHash = state.chain.hash
        row.dataLines = state.chain.lines
        row.dataChunks += 1
        return String(decoding: content, as: UTF8.self)
    }

    // MARK: The end

    private func finish(_ row: inout SLAReportRow, _ state: inout State) async throws -> Bool {
        let (tenant, seen) = (row.tenant, row.clocksSeen)
        let cases = try await incidents(tenant, state.terms)
        var lines = row.dataChunks == 0 ? [state.terms.json] : []
        lines += cases.map(\.json)
        let content = try append(lines, &row, &state)
        row.incidents = .array(cases.map(\.json))
        let now = platform.clock.now
        row.builtAt = now
        row.tally = state.tally.json
        let (contract, month, first) = (row.contract, row.month, ReportBuilding.yearBefore(row.month))
        let built = row
        let count = Int32(clamping: lines.count)
        return try await platform.store.withTenant(tenant) { tx in
            var row = built
            guard let held = try await tx.query(ReportQueries.lock(tenant: tenant, id: row.id)).first.map(SLAReportRow.init),
                held.phase == "building", held.clocksSeen == seen
            else { return false }
            var life = try ReportDesk.life(held)
            let action = try life.handle(.built)
            row.phase = life.phase.rawValue
            row.trend = .array(
                try await tx.query(
                    ReportQueries.earlier(tenant: tenant, contract: contract, before: month, since: first)
                ).map { line in
                    let text = try line.get("document", as: String.self)
                    return ReportDocument.trendLine(
                        try JSONValue(parsing: Array(text.utf8), maxBytes: ReportBounds.documentBytesMax))
                }.reversed())
            try await compare(&row, tx)
            // What was written about misses that are none any more goes with them.
            let known = Set(try MonthTally(json: row.tally).breaches.map(\.key))
            var texts = ReportTexts(json: row.texts)
            texts.justified = texts.justified.filter { known.contains($0.key) }
            row.texts = texts.json
            row.standing = ReportDesk.standing(try ReportDesk.document(row, name: nil))
            if let content {
                _ = try await tx.execute(
                    ReportQueries.putChunk(
                        tenant: tenant, report: row.id, seq: row.dataChunks, lines: count, content: content))
            }
            _ = try await tx.pipeline([ReportQueries.update(row), entry(row, action, at: now)])
            return true
        }
    }

    /// What an amendment changes, as the figures say it.
    private func compare(_ row: inout SLAReportRow, _ tx: Transaction) async throws {
        guard row.revision > 1 else { return }
        let (number, revision) = (row.number, row.revision)
        let earlier = try await tx.query(
            ReportQueries.revisions(tenant: row.tenant, contract: row.contractAsset, month: row.month)
        ).map(SLAReportRow.init).first { $0.number == number && $0.revision == revision - 1 }
        guard let text = earlier?.document else { return }
        let before = try JSONValue(parsing: Array(text.utf8), maxBytes: ReportBounds.documentBytesMax)
        let after = try ReportDesk.document(row, name: nil)
        row.changes = .array(
            ReportDocument.differences(from: before["figures"] ?? .null, to: after["figures"] ?? .null).map(\.json))
    }

    private func incidents(_ tenant: TenantID, _ terms: ReportTerms) async throws -> [IncidentTally.Case] {
        var cases: [IncidentTally.Case] = []
        let (from, to) = (Moment(seconds: terms.period.start), Moment(seconds: terms.period.end))
        while true {
            let (last, limit) = (cases.last?.number ?? 0, settings.incidentsPerPage)
            let page = try await platform.store.withTenant(tenant) { tx in
                try await tx.query(
                    ReportQueries.incidents(tenant: tenant, from: from, to: to, after: last, limit: limit)
                ).map { row in
                    IncidentTally.Case(
                        number: try row.get("number", as: Int64.self), alert: try row.get("alert", as: String.self),
                        severity: try row.get("severity", as: String.self), openedAt: try row.get("opened_at", as: Moment.self),
                        acknowledgedAt: try row.get("acknowledged_at", as: Moment?.self),
                        resolvedAt: try row.get("resolved_at", as: Moment?.self))
                }
            }
            cases += page
            guard cases.count <= settings.incidentsMax else {
                throw Fault(
                    "read the incidents of \(terms.month)", "there are more than \(settings.incidentsMax)", isRetryable: false)
            }
            if page.count < limit { return cases }
        }
    }

    private func entry(_ row: SLAReportRow, _ action: String, at now: Moment) -> SQL {
        AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: row.lane, at: now, actorKind: "system", actor: "reports",
                action: action, objectType: "sla-report", objectID: row.id.text, run: nil,
                content: [
                    "number": JSONValue(row.number), "revision": JSONValue(Int64(row.revision)), "month": .string(row.month),
                    "clocks": JSONValue(row.clocksSeen), "dataHash": .string(row.dataHash.hexText),
                ])
        ])
    }

    /// `2026-10` becomes `2025-10`: the trend has twelve months with this one.
    static func yearBefore(_ month: String) -> String {
        guard let year = Int(month.prefix(4)) else { return month }
        return "\(year - 1)\(month.dropFirst(4))"
    }
}
