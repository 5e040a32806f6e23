package import Kernel
internal import Postgres
package import Records
internal import Tenancy

/// Maintenance announced while the server runs: to one tenant, or by a partner or the operator to all of theirs.
///
/// Clocks that run are read anew with it, in their lanes. A breach that was told stays told.
package struct Maintaining: Sendable {
    /// How long clocks are read with what is over.
    package static let keptDays: Int64 = 400
    /// Runs of one tenant whose clocks are read anew at once; the others' are read when something happens to them.
    static let rereadMax = 5000

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let desk: CommandDesk

    package init(platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory, desk: CommandDesk) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
        self.desk = desk
    }

    // MARK: Looking

    /// What concerns a scope: its own, its partner's and the operator's, the latest first, the cancelled too.
    package func all(_ scope: TenantID) async throws -> [MaintenanceRow] {
        let since = platform.clock.now.adding(seconds: -Maintaining.keptDays * 86_400)
        return try await rows(scope) { MaintenanceQueries.all(tenant: $0, since: since) }.sorted { $0.startsAt > $1.startsAt }
    }

    /// What goes on or is to come for a scope in a stretch of time, the earliest first.
    package func between(_ from: Moment, _ to: Moment, for scope: TenantID) async throws -> [MaintenanceRow] {
        try await rows(scope) { MaintenanceQueries.between(tenant: $0, from: from, to: to) }
            .sorted { $0.startsAt < $1.startsAt }
    }

    private func rows(_ scope: TenantID, _ sql: @Sendable (TenantID) -> SQL) async throws -> [MaintenanceRow] {
        var out: [MaintenanceRow] = []
        for id in try await line(of: scope) {
            let query = sql(id)
            out += try await platform.store.withTenant(id) { tx in try await tx.query(query).map(MaintenanceRow.init) }
        }
        return out
    }

    private func line(of scope: TenantID) async throws -> [TenantID] {
        let all = try await scopes.all()
        var out: [TenantID] = []
        var next: TenantID? = scope
        while let id = next, out.count < 4, let row = all.first(where: { $0.id == id }) {
            out.append(id)
            next = row.parent
        }
        return out
    }

    // MARK: Acts

    package func announce(
        title: String, from start: Moment, to end: Moment, as actor: Actor, scope: ScopeRow
    ) async throws -> MaintenanceRow {
        let now = platform.clock.now
        let notice = try MaintenanceNotice.announced(from: start, to: end, at: now)
        let row = MaintenanceRow(
            tenant: scope.id, id: platform.newID(), title: try Maintaining.checked(title), announcedAt: now,
            startsAt: notice.start, endsAt: notice.end, announcedBy: actor.person)
        try await platform.store.withTenant(scope.id) { [self] tx in
            try await tx.execute(MaintenanceQueries.insert(row))
            try await tx.execute(AuditQueries.insert([entry("maintenance.announced", row, scope, actor, at: now)]))
        }
        try await tellClocks(of: row, below: scope, at: now)
        return row
    }

    /// Another title or another time, before it begins. A nil keeps what was.
    package func change(
        _ id: MaintenanceID, title: String?, from start: Moment?, to end: Moment?, as actor: Actor, scope: ScopeRow
    ) async throws -> MaintenanceRow {
        let now = platform.clock.now
        let heading = try title.map { title throws(Refusal) in try Maintaining.checked(title) }
        return try await act(id, "maintenance.changed", actor, scope, at: now) { row in
            let notice = try Maintaining.notice(row).moved(from: start ?? row.startsAt, to: end ?? row.endsAt, at: now)
            row.title = heading ?? row.title
            (row.announcedAt, row.startsAt, row.endsAt) = (notice.announcedAt, notice.start, notice.end)
        }
    }

    /// Takes it back before it begins, or ends it where it has begun.
    package func cancel(_ id: MaintenanceID, reason: String, as actor: Actor, scope: ScopeRow) async throws -> MaintenanceRow {
        let now = platform.clock.now
        guard !reason.allSatisfy(\.isWhitespace), reason.unicodeScalars.count <= ContractLife.reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "maintenance.reason",
                "Say why, in 1 to \(ContractLife.reasonScalarsMax) characters.", facts: ["field": "reason"])
        }
        return try await act(id, "maintenance.cancelled", actor, scope, at: now) { row in
            row.reason = reason
            switch try Maintaining.notice(row).cancelled(at: now) {
            case .before: row.cancelledAt = now
            case .during(let notice): row.endsAt = notice.end
            }
        }
    }

    private func act(
        _ id: MaintenanceID, _ deed: String, _ actor: Actor, _ scope: ScopeRow, at now: Moment,
        _ change: @Sendable (inout MaintenanceRow) throws -> Void
    ) async throws -> MaintenanceRow {
        let changed = try await platform.store.withTenant(scope.id) { [self] tx in
            guard var row = try await tx.query(MaintenanceQueries.lock(tenant: scope.id, id: id)).first.map(MaintenanceRow.init)
            else { throw Refusal(.notFound, reason: "not-found", "There is no maintenance here by that id.") }
            guard row.cancelledAt == nil else {
                throw Refusal(.conflict, reason: "maintenance.cancelled", "It was cancelled before.", facts: [:])
            }
            try change(&row)
            row.changedAt = now
            row.revision += 1
            try await tx.execute(MaintenanceQueries.update(row))
            try await tx.execute(AuditQueries.insert([entry(deed, row, scope, actor, at: now)]))
            return row
        }
        try await tellClocks(of: changed, below: scope, at: now)
        return changed
    }

    private static func notice(_ row: MaintenanceRow) -> MaintenanceNotice {
        MaintenanceNotice(announcedAt: row.announcedAt, start: row.startsAt, end: row.endsAt)
    }

    private static func checked(_ title: String) throws(Refusal) -> String {
        guard !title.allSatisfy(\.isWhitespace), title.count <= MaintenanceNotice.titleCharactersMax,
            title.utf8.count <= 4 * MaintenanceNotice.titleCharactersMax, title.allSatisfy({ !$0.isNewline })
        else {
            throw Refusal(
                .invalid, reason: "maintenance.title",
                "Say what is worked on, in one line of at most \(MaintenanceNotice.titleCharactersMax) characters.",
                facts: ["field": "title"])
        }
        return title
    }

    private func tellClocks(of row: MaintenanceRow, below scope: ScopeRow, at now: Moment) async throws {
        assets.invalidate()
        let lanes = try await Maintaining.reread(
            below: scope.id, because: "\(row.id)/\(row.revision)", platform: platform, scopes: scopes)
        for lane in lanes { desk.nudge(lane: lane) }
    }

    /// The clocks that run below a scope are read anew, each in its lane; answers the lanes that have to. `cause` is the same
    /// for what is told twice.
    static func reread(
        below scope: TenantID, because cause: String, platform: Platform, scopes: ScopeDirectory
    ) async throws -> Set<Int32> {
        let now = platform.clock.now
        var lanes: Set<Int32> = []
        let all = try await scopes.all()
        let partners = Set(all.filter { $0.parent == scope }.map(\.id))
        for tenant in all where tenant.kind == "tenant" {
            guard tenant.id == scope || tenant.parent == scope || tenant.parent.map(partners.contains) == true else {
                continue
            }
            let told = try await platform.store.withTenant(tenant.id) { tx in
                let runs = try await tx.query(
                    MaintenanceQueries.runsWithOpenClocks(tenant: tenant.id, limit: Maintaining.rereadMax)
                ).map { try $0.get("run_id", as: RunID.self) }
                let others = try await tx.query(
                    MaintenanceQueries.othersWithOpenClocks(tenant: tenant.id, limit: Maintaining.rereadMax)
                ).map(ClockSubject.init)
                var commands = runs.map { run in
                    CommandRow(
                        tenant: tenant.id, id: platform.newID(), lane: tenant.lane,
                        idempotencyKey: "clock.read/\(run)/\(cause)", kind: "clock.read", run: run, payload: [:],
                        createdAt: now)
                }
                commands += others.map { other in
                    CommandRow(
                        tenant: tenant.id, id: platform.newID(), lane: tenant.lane,
                        idempotencyKey: "clock.read/\(other.json.text)/\(cause)", kind: "clock.read",
                        payload: ["subject": other.json], createdAt: now)
                }
                if !commands.isEmpty { _ = try await tx.query(CommandQueries.insert(commands)) }
                return commands.count
            }
            if told > 0 { lanes.insert(tenant.lane) }
        }
        return lanes
    }

    private func entry(_ deed: String, _ row: MaintenanceRow, _ scope: ScopeRow, _ actor: Actor, at now: Moment) -> AuditRow {
        AuditRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person", actor: actor.person.text,
            action: deed, objectType: "maintenance", objectID: row.id.text, run: nil,
            content: .object([
                "title": .string(row.title), "announcedAt": JSONValue(row.announcedAt), "start": JSONValue(row.startsAt),
                "end": JSONValue(row.endsAt), "reason": row.reason.isEmpty ? nil : .string(row.reason),
            ]))
    }
}
