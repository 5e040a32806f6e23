package import Incidents
package import Kernel
internal import Postgres
package import Records
internal import Tenancy

/// What readers of a status page see, as it is now. Only what a person wrote or chose to show is in it.
package struct StatusSnapshot: Sendable {
    package struct Component: Sendable, Equatable {
        package let id: StatusComponentID
        package let name: String
        package let description: String
        package let state: StatusState?
        /// Set by hand and still holding.
        package let isSet: Bool
        package let setUntil: Moment?
        package let history: StatusHistory
    }

    package struct Update: Sendable, Equatable {
        package let phase: StatusPhase
        package let text: String
        package let at: Moment
        /// When its words were last changed after they were published.
        package let editedAt: Moment?
    }

    package struct Notice: Sendable, Equatable {
        /// Nil for what a contract announces.
        package let id: StatusNoticeID?
        package let kind: StatusKind
        package let title: String
        package let impact: StatusImpact
        package let phase: StatusPhase
        package let madeAt: Moment
        package let publishedAt: Moment
        package let startsAt: Moment?
        package let endsAt: Moment?
        package let isOver: Bool
        package let components: [String]
        /// Latest first.
        package let updates: [Update]

        /// Whether its time has come and is not over.
        package func isRunning(at now: Moment) -> Bool {
            !isOver && (startsAt.map { $0 <= now } ?? true) && (endsAt.map { now < $0 } ?? true)
        }
    }

    package let page: StatusPageRow
    package let scope: ScopeRow
    package let madeAt: Moment
    package let components: [Component]
    package let open: [Notice]
    package let planned: [Notice]
    package let past: [Notice]

    package var worst: StatusState? { StatusState.worst(components.compactMap(\.state)) }
    package var language: StatusLanguage { StatusLanguage(rawValue: page.language) ?? .en }
}

/// Puts together what is known of components and told of notices.
package struct StatusSight: Sendable {
    static let incidentsMax = 500
    /// Spans of all components of a page in 90 days; a state that changes more often is drawn from the latest.
    static let spansMax = 20_000
    package static let pastMax = 20

    let platform: Platform
    let scopes: ScopeDirectory
    let assets: AssetLibrary

    package init(platform: Platform, scopes: ScopeDirectory, assets: AssetLibrary) {
        self.platform = platform
        self.scopes = scopes
        self.assets = assets
    }

    /// An open incident, without its words.
    struct Trouble: Sendable {
        let incident: IncidentID
        let evidence: StatusEvidence.Trouble
        let connection: String?
        let workflow: String?

        init(_ row: Row) throws {
            incident = try row.get("id", as: IncidentID.self)
            let state = try row.get("state", as: String.self)
            evidence = StatusEvidence.Trouble(
                Severity(rawValue: try row.get("severity", as: String.self)) ?? .sev4, isMitigated: state == "mitigated")
            connection = try row.get("connection", as: String?.self)
            workflow = try row.get("workflow", as: String?.self)
        }

        func concerns(_ source: StatusSource) -> Bool {
            switch source.kind {
            case .hand, .platform: false
            case .connection: connection == source.subject
            case .workflow: workflow == source.subject
            }
        }
    }

    // MARK: States

    /// A component with what the machine finds of it.
    struct Found: Sendable {
        let row: StatusComponentRow
        let state: StatusState?
    }

    /// Signs of life of the platform's own parts and lanes; they are the operator's.
    func platformBeats() async throws -> [HeartbeatRow] {
        guard let own = try await scopes.all().first(where: { $0.kind == "operator" }) else { return [] }
        return try await platform.store.withTenant(own.id) { tx in
            try await tx.query(HeartbeatQueries.all(tenant: own.id)).map(HeartbeatRow.init)
        }.filter { $0.kind == "part" || $0.kind == "lane" }
    }

    func found(_ tenant: TenantID, beats platformBeats: [HeartbeatRow], tx: Transaction) async throws -> [Found] {
        let rows = try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init)
        let troubles = try await tx.query(StatusQueries.openIncidents(tenant: tenant, limit: StatusSight.incidentsMax)).map(
            Trouble.init)
        let beats = try await tx.query(HeartbeatQueries.all(tenant: tenant)).map(HeartbeatRow.init)
        return rows.map { row in
            let source = row.bound
            var evidence = StatusEvidence()
            let own =
                source.kind == .platform
                ? platformBeats.filter { source.subject.isEmpty || $0.subject == source.subject }
                : beats.filter { $0.kind == "connection" && source.kind == .connection && $0.subject == source.subject }
            evidence.beats = own.count
            evidence.missed = own.count { $0.missedAt != nil }
            evidence.troubles = troubles.filter { $0.concerns(source) }.map(\.evidence)
            return Found(row: row, state: StatusRule.found(source, evidence))
        }
    }

    /// What readers are told of a component while these notices stand.
    static func state(of found: Found, _ open: [StatusNoticeRow], at now: Moment) -> StatusState? {
        let own = open.filter { $0.components.contains(found.row.id) && $0.publishedAt != nil && $0.resolvedAt == nil }
        let isWorkedOn = own.contains { notice in
            guard let from = notice.startsAt, let to = notice.endsAt else { return false }
            return from <= now && now < to
        }
        return StatusRule.state(
            found: found.state, set: found.row.override,
            disruptions: own.filter { $0.kind == StatusKind.incident.rawValue }.compactMap { StatusImpact(rawValue: $0.impact) },
            isUnderMaintenance: isWorkedOn, at: now)
    }

    /// Every component's state now, for the owner.
    package func states(of tenant: TenantID) async throws -> [StatusComponentID: StatusState] {
        let beats = try await platformBeats()
        let now = platform.clock.now
        return try await platform.store.withTenant(tenant) { tx in
            let open = try await notices(tenant, openOnly: true, before: nil, limit: StatusBounds.openMax, tx: tx)
            var out: [StatusComponentID: StatusState] = [:]
            for item in try await found(tenant, beats: beats, tx: tx) {
                out[item.row.id] = StatusSight.state(of: item, open, at: now)
            }
            return out
        }
    }

    // MARK: Reading

    private func notices(
        _ tenant: TenantID, openOnly: Bool, before: (Moment, StatusNoticeID)?, limit: Int, tx: Transaction
    ) async throws -> [StatusNoticeRow] {
        try await tx.query(
            StatusQueries.notices(tenant: tenant, openOnly: openOnly, publishedOnly: true, before: before, limit: limit)
        ).map(StatusNoticeRow.init)
    }

    /// The whole page of a tenant, partner or the operator; nil where there is none, or it is off.
    package func read(_ tenant: TenantID) async throws -> StatusSnapshot? {
        let scope = try await scopes.scope(tenant)
        let beats = try await platformBeats()
        let now = platform.clock.now
        let read = try await platform.store.withTenant(tenant) { tx -> StatusSnapshot? in
            guard let page = try await tx.query(StatusQueries.page(tenant: tenant)).first.map(StatusPageRow.init),
                page.audience != StatusDesk.Audience.off.rawValue
            else { return nil }
            let open = try await notices(tenant, openOnly: true, before: nil, limit: StatusBounds.openMax, tx: tx)
            let latest = try await notices(tenant, openOnly: false, before: nil, limit: StatusSight.pastMax, tx: tx)
            let all = open + latest.filter { $0.resolvedAt != nil }
            let updates = try await tx.query(
                StatusQueries.updates(tenant: tenant, notices: all.map(\.id), publishedOnly: true)
            ).map(StatusUpdateRow.init)
            let since = now.adding(seconds: -Int64(StatusBounds.historyDays) * StatusHistory.daySeconds)
            let spans = try await tx.query(
                StatusQueries.spans(tenant: tenant, since: since, limit: StatusSight.spansMax)
            ).map(StatusSpanRow.init)
            let history = Dictionary(grouping: spans, by: \.component)
            let components = try await found(tenant, beats: beats, tx: tx)
            let names = Dictionary(components.map { ($0.row.id, $0.row.name) }, uniquingKeysWith: { first, _ in first })
            let shown = all.compactMap { StatusSight.notice($0, updates, names, at: now) }
            return StatusSnapshot(
                page: page, scope: scope, madeAt: now,
                components: components.map {
                    StatusSight.component($0, open, history[$0.row.id] ?? [], at: now)
                },
                open: shown.filter { $0.kind == .incident && !$0.isOver },
                planned: shown.filter { $0.kind == .maintenance && !$0.isOver },
                past: shown.filter(\.isOver).sorted { $0.madeAt > $1.madeAt })
        }
        guard let read, read.page.showsAnnounced else { return read }
        let announced = try await announced(to: scope, at: now)
        return StatusSnapshot(
            page: read.page, scope: scope, madeAt: read.madeAt, components: read.components, open: read.open,
            planned: (read.planned + announced).sorted { ($0.startsAt ?? now) < ($1.startsAt ?? now) }, past: read.past)
    }

    /// Older notices that are over, latest first, with the cursor of the next page.
    package func past(
        _ tenant: TenantID, before: (Moment, StatusNoticeID)
    ) async throws -> (notices: [StatusSnapshot.Notice], next: (Moment, StatusNoticeID)?) {
        let now = platform.clock.now
        return try await platform.store.withTenant(tenant) { tx in
            let rows = try await notices(tenant, openOnly: false, before: before, limit: StatusSight.pastMax, tx: tx)
            let updates = try await tx.query(
                StatusQueries.updates(tenant: tenant, notices: rows.map(\.id), publishedOnly: true)
            ).map(StatusUpdateRow.init)
            let components = try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init)
            let names = Dictionary(components.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
            let shown = rows.compactMap { StatusSight.notice($0, updates, names, at: now) }.filter(\.isOver)
            return (shown, rows.count == StatusSight.pastMax ? rows.last.map { ($0.madeAt, $0.id) } : nil)
        }
    }

    /// Maintenance that was announced elsewhere than on the page: in a tenant's contracts, and while the server ran.
    private func announced(to scope: ScopeRow, at now: Moment) async throws -> [StatusSnapshot.Notice] {
        let all = try await assets.current(for: scope.id).announcedMaintenance
        return all.filter { $0.announcedAt <= now && now < $0.end }.prefix(StatusBounds.openMax).map { item in
            StatusSnapshot.Notice(
                id: nil, kind: .maintenance, title: item.title, impact: .none,
                phase: item.start <= now ? .inProgress : .scheduled, madeAt: item.announcedAt, publishedAt: item.announcedAt,
                startsAt: item.start, endsAt: item.end, isOver: false, components: [], updates: [])
        }
    }

    private static func component(
        _ found: Found, _ open: [StatusNoticeRow], _ spans: [StatusSpanRow], at now: Moment
    ) -> StatusSnapshot.Component {
        let holds = found.row.override.map { $0.until.map { now < $0 } ?? true } ?? false
        return StatusSnapshot.Component(
            id: found.row.id, name: found.row.name, description: found.row.description,
            state: state(of: found, open, at: now), isSet: holds, setUntil: holds ? found.row.setUntil : nil,
            history: StatusHistory(
                spans.compactMap { span in
                    StatusState(rawValue: span.state).map { StatusHistory.Span(from: span.from, to: span.to, state: $0) }
                }, days: StatusBounds.historyDays, today: now))
    }

    /// Nil where nothing of it is published.
    private static func notice(
        _ row: StatusNoticeRow, _ updates: [StatusUpdateRow], _ names: [StatusComponentID: String], at now: Moment
    ) -> StatusSnapshot.Notice? {
        guard let publishedAt = row.publishedAt, let kind = StatusKind(rawValue: row.kind) else { return nil }
        let own = updates.filter { $0.notice == row.id && $0.publishedAt != nil }
            .sorted { ($0.publishedAt ?? now, $0.number) < ($1.publishedAt ?? now, $1.number) }
        guard let last = own.last, var phase = StatusPhase(rawValue: last.phase) else { return nil }
        let isOver = row.resolvedAt != nil || (row.endsAt.map { $0 <= now } ?? false)
        if kind == .maintenance {
            phase = isOver ? .completed : (row.startsAt.map { $0 <= now } ?? false) ? .inProgress : .scheduled
        }
        return StatusSnapshot.Notice(
            id: row.id, kind: kind, title: row.title, impact: StatusImpact(rawValue: row.impact) ?? .none, phase: phase,
            madeAt: row.madeAt, publishedAt: publishedAt, startsAt: row.startsAt, endsAt: row.endsAt, isOver: isOver,
            components: row.components.compactMap { names[$0] },
            updates: own.reversed().compactMap { update in
                guard let phase = StatusPhase(rawValue: update.phase), let at = update.publishedAt else { return nil }
                return StatusSnapshot.Update(
                    phase: phase, text: update.text, at: at, editedAt: update.wordedAt > at ? update.wordedAt : nil)
            })
    }
}
