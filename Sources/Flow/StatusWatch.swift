internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
internal import Records

/// Looks at the components of every status page, so that their history has no gaps, ends planned work whose time is over, and
/// publishes what an owner's rule wants published.
package struct StatusWatch: Sendable {
    static let pauseSeconds: Int64 = 15
    /// A look later than that leaves a gap in the history: nobody knows what was.
    static let gapSeconds: Int64 = 120
    /// History is kept a little longer than it is shown.
    static let keptSeconds: Int64 = 100 * StatusHistory.daySeconds
    static let pagesMax = 10_000
    /// Notices of one page that its rule begins in one look.
    static let begunMax = 5

    private let platform: Platform
    private let scopes: ScopeDirectory
    private let desk: StatusDesk
    private let sight: StatusSight

    package init(platform: Platform, scopes: ScopeDirectory, desk: StatusDesk, sight: StatusSight) {
        self.platform = platform
        self.scopes = scopes
        self.desk = desk
        self.sight = sight
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.statusPages, every: .seconds(StatusWatch.pauseSeconds), failure: "status pages were not looked at")
        {
            try await look()
            return false
        }
    }

    /// Looks at every page once.
    package func look() async throws {
        let owners = try await platform.store.withGate { tx in
            try await tx.query(StatusQueries.shown(limit: StatusWatch.pagesMax)).map {
                try $0.get("tenant_id", as: TenantID.self)
            }
        }
        guard !owners.isEmpty else { return }
        let beats = try await sight.platformBeats()
        for owner in owners {
            do {
                try await look(at: try await scopes.scope(owner), beats: beats)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.logger.warning(
                    "a status page was not looked at", metadata: ["tenant_id": "\(owner)", "error": "\(error)"])
            }
        }
    }

    private func look(at scope: ScopeRow, beats: [HeartbeatRow]) async throws {
        let now = platform.clock.now
        do {
            try await desk.held(scope.id) { tx, page in try await publish(page, scope, tx) }
        } catch let refusal as Refusal {
            // A page that is full takes no further notice; its history goes on.
            platform.logger.warning(
                "a status page's rule published nothing", metadata: ["tenant_id": "\(scope.id)", "reason": "\(refusal.reason)"])
        }
        try await desk.held(scope.id) { tx, page in
            let open = try await endPlanned(scope.id, tx, at: now)
            try await remind(open, page, tx, at: now)
            for item in try await sight.found(scope.id, beats: beats, tx: tx) {
                guard let state = StatusSight.state(of: item, open, at: now) else { continue }
                try await tx.execute(
                    StatusQueries.look(
                        tenant: scope.id, component: item.row.id, state: state.rawValue, at: now,
                        gapSince: now.adding(seconds: -StatusWatch.gapSeconds)))
            }
            try await tx.execute(StatusQueries.forget(tenant: scope.id, before: now.adding(seconds: -StatusWatch.keptSeconds)))
        }
    }

    /// Planned work ends by itself when its time is over; answers what is still open.
    private func endPlanned(_ tenant: TenantID, _ tx: Transaction, at now: Moment) async throws -> [StatusNoticeRow] {
        let open = try await tx.query(
            StatusQueries.notices(
                tenant: tenant, openOnly: true, publishedOnly: true, before: nil, limit: StatusBounds.openMax)
        ).map(StatusNoticeRow.init)
        var rest: [StatusNoticeRow] = []
        for var row in open {
            guard let end = row.endsAt, end <= now else {
                rest.append(row)
                continue
            }
            row.resolvedAt = end
            try await tx.execute(StatusQueries.update(row))
        }
        return rest
    }

    /// Tells subscribers once more of planned work that begins soon, where it was published earlier than that.
    private func remind(_ open: [StatusNoticeRow], _ page: StatusPageRow, _ tx: Transaction, at now: Moment) async throws {
        for row in open {
            guard let starts = row.startsAt, let published = row.publishedAt, now < starts else { continue }
            let due = starts.adding(seconds: -StatusSubscriptionBounds.reminderSeconds)
            guard due <= now, published < due else { continue }
            try await tx.execute(
                StatusSubscriberQueries.tell(
                    tenant: row.tenant, kind: "reminder", key: "reminder/\(row.id.text)", notice: row.id, number: nil,
                    components: row.components, knownOnly: page.audience == StatusDesk.Audience.signedIn.rawValue, at: now))
        }
    }

    /// What the owner wants published without a person, in the owner's words; each incident once.
    private func publish(_ page: StatusPageRow, _ scope: ScopeRow, _ tx: Transaction) async throws {
        let ended = try await tx.query(StatusQueries.ended(tenant: scope.id)).map { try $0.get("id", as: StatusNoticeID.self) }
        guard let json = page.rule else { return }
        let rule = try StatusPublishingRule(json: json)
        for notice in ended {
            _ = try await desk.update(
                notice, phase: .resolved, text: rule.closing, isPublished: true, as: nil, scope: scope, tx: tx)
        }
        let rows = try await tx.query(StatusQueries.openIncidents(tenant: scope.id, limit: StatusSight.incidentsMax))
        var begun = 0
        for trouble in try rows.map(StatusSight.Trouble.init) where rule.covers(trouble.evidence.severity) {
            guard begun < StatusWatch.begunMax,
                try await tx.query(StatusQueries.notice(tenant: scope.id, incident: trouble.incident)).isEmpty
            else { continue }
            let concerned = try await desk.concerned(by: trouble.incident, scope.id, tx)
            // What none of the components is about is not the readers' concern.
            guard !concerned.components.isEmpty else { continue }
            _ = try await desk.post(
                StatusDesk.Draft(
                    title: rule.title, impact: concerned.impact, text: rule.opening,
                    components: concerned.components.map(\.text), incident: trouble.incident, isPublished: true), on: page,
                as: nil, scope: scope, tx: tx)
            begun += 1
        }
    }
}
