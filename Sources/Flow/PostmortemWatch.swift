internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Tenancy

/// Reminds those who answer for a severe incident of its post-mortem, and owners of what they have promised.
///
/// A reminder is a page that can wait, by every channel of the rota and with the proof of every attempt; it goes again each week
/// until the thing is done. Noting it and writing its pages are one transaction, so several servers remind once.
package struct PostmortemWatch: Sendable {
    /// A day is what is counted in; an hour later is early enough.
    static let pauseSeconds: Int64 = 3600
    /// Things of one scope that one look reminds of; the rest is for the next.
    static let perLookMax = 200

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory

    package init(platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(
            .postmortems, every: .seconds(PostmortemWatch.pauseSeconds), failure: "post-mortems were not looked at"
        ) {
            _ = try await look()
            return false
        }
    }

    /// Everybody once; answers how many were reminded.
    package func look() async throws -> Int {
        var reminded = 0
        for scope in try await scopes.all() where scope.kind != "partner" {
            do {
                reminded += try await look(at: scope)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.logger.warning(
                    "post-mortems of one scope were not looked at", metadata: ["tenant": "\(scope.slug)", "error": "\(error)"])
            }
        }
        return reminded
    }

    /// What somebody is to be reminded of.
    private struct Due {
        let incident: IncidentID
        /// 0 is the post-mortem itself.
        let action: Int
        let person: PersonID?
        let why: String
    }

    private func look(at scope: ScopeRow) async throws -> Int {
        let now = platform.clock.now
        let current = try await assets.current(for: scope.id)
        guard let onCall = OnCall(current) else { return 0 }
        return try await platform.store.withTenant(scope.id) { [platform] tx in
            var reminded = 0
            for due in try await PostmortemWatch.due(in: scope.id, at: now, tx) {
                // What nobody answers for is the duty manager's.
                let person = current.staff.values.first { $0.id == due.person } ?? onCall.manager
                guard let person else { continue }
                let isNew = try await !tx.query(
                    PostmortemQueries.remind(
                        tenant: scope.id, incident: due.incident, action: due.action, now: now,
                        again: now.adding(seconds: -PostmortemRule.remindAgainDays * 86_400))
                ).isEmpty
                guard isNew else { continue }
                let pages = onCall.document.channels.map { channel in
                    var page = PageRow(
                        tenant: scope.id, id: platform.newID(), lane: scope.lane, incident: due.incident, person: person.id,
                        personName: person.name, channel: channel.rawValue, kind: Paging.Kind.notice.rawValue,
                        layer: PageDelivery.assignee, reason: due.why, decidedAt: now,
                        dueAt: onCall.document.quietUntil(now, zone: onCall.zone) ?? now)
                    if channel == .console {
                        page.state = "delivered"
                        page.endedAt = now
                    }
                    return page
                }
                var statements = pages.map(PageQueries.insert)
                statements += pages.filter { $0.state == "queued" }.map(PageQueries.enqueue)
                statements.append(IncidentQueries.lock(tenant: scope.id, id: due.incident))
                statements.append(
                    IncidentQueries.append(
                        lane: scope.lane, tenant: scope.id, incident: due.incident, at: now,
                        kind: TimelineEntry.Kind.postmortem.rawValue, person: nil,
                        text: "\(person.name) is reminded: \(due.why)."))
                _ = try await tx.pipeline(statements)
                reminded += 1
            }
            return reminded
        }
    }

    private static func due(in tenant: TenantID, at now: Moment, _ tx: Transaction) async throws -> [Due] {
        let today = CivilDate(utc: now)
        var out: [Due] = []
        let severe = Severity.allCases.filter { PostmortemRule.dueDays($0) != nil }.map(\.rawValue)
        let since = now.adding(seconds: -PostmortemRule.lookbackDays * 86_400)
        for row in try await tx.query(
            PostmortemQueries.untold(tenant: tenant, since: since, severities: severe, limit: perLookMax))
        {
            let resolvedAt = try row.get("resolved_at", as: Moment.self)
            guard let severity = Severity(rawValue: try row.get("severity", as: String.self)),
                let day = PostmortemRule.due(severity, resolvedAt: resolvedAt), day < today
            else { continue }
            let machine = try Incident(json: try row.get("machine", as: JSONValue.self))
            let isBegun = try row.get("postmortem_id", as: PostmortemID?.self) != nil
            out.append(
                Due(
                    incident: try row.get("id", as: IncidentID.self), action: 0,
                    person: machine.assignee ?? machine.acknowledgedBy?.person ?? machine.resolvedBy?.person,
                    why: "the post-mortem was due on \(day) and is \(isBegun ? "not published" : "not begun")"))
        }
        let soon = today.adding(days: PostmortemRule.noticeDays)
        for row in try await tx.query(PostmortemQueries.due(tenant: tenant, by: soon, limit: perLookMax)).map(PostmortemRow.init)
        {
            let state = try Postmortem(json: row.machine)
            guard
                let incident = try await tx.query(PostmortemQueries.incidents(of: row.id, tenant: tenant)).first?.get(
                    "incident_id", as: IncidentID.self)
            else { continue }
            out += state.actions.filter { $0.state == .open && $0.due <= soon }.map { action in
                Due(
                    incident: incident, action: action.number, person: action.owner,
                    why: "action \(action.number) of the post-mortem \(action.isOverdue(on: today) ? "was" : "is") due on "
                        + "\(action.due): \(action.title)")
            }
        }
        return Array(out.prefix(perLookMax))
    }
}
