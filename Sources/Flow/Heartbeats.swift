internal import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Seals
internal import ServiceLevels
internal import Telemetry

/// Signs of life: writes down those of the platform's parts, lanes, workers and connections, takes those of jobs outside, and
/// tells engineers once when one is missed and once when it is back.
///
/// Every server that runs work looks. Who finds a beat missed marks its row and sends the command in one transaction, so it is
/// told of once. Nobody is judged for a time in which no server listened.
package struct Heartbeats: Sendable {
    package static let pauseSeconds: Int64 = 10
    /// What stays silent is told again after so long, in case somebody ended the incident and not the trouble.
    static let tellAgainSeconds: Int64 = 3600
    /// The watch writes each worker's state every two seconds, and a worker its connections' every minute.
    static let workerPromise: (every: Int32, grace: Int32) = (15, 45)
    static let connectionPromise: (every: Int32, grace: Int32) = (60, 240)
    static let lanePromise: (every: Int32, grace: Int32) = (10, 50)
    /// A server that is replaced by the next one leaves a shorter gap between their signs of life.
    static let gapSeconds: Int64 = 120
    private static let never = Moment(seconds: 0)

    private let platform: Platform
    private let scopes: ScopeDirectory
    private let desk: CommandDesk
    private let begunAt: Moment
    /// The time before the start in which no server listened; set once, and then empty where one did.
    private let deaf = Locked<(from: Moment, to: Moment)?>(nil)

    package init(platform: Platform, scopes: ScopeDirectory, desk: CommandDesk) {
        self.platform = platform
        self.scopes = scopes
        self.desk = desk
        begunAt = platform.clock.now
    }

    /// Finds out, before this server writes anything, since when none had listened.
    func listen() async throws {
        guard deaf.withLock({ $0 == nil }) else { return }
        let last = try await platform.store.withReport { tx in
            try await tx.query(HeartbeatQueries.platformBeat()).first?.get("beaten_at", as: Moment?.self) ?? nil
        }
        let isGap = last.map { begunAt.seconds(since: $0) > Heartbeats.gapSeconds } ?? true
        deaf.withLock { $0 = isGap ? (last ?? Heartbeats.never, begunAt) : (Heartbeats.never, Heartbeats.never) }
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.heartbeats, every: .seconds(Heartbeats.pauseSeconds), failure: "signs of life were not looked at")
        {
            // Written down by this very look.
            platform.beats.note(.heartbeats, at: platform.clock.now)
            try await look()
            return false
        }
    }

    /// Writes what is known and judges everybody once.
    package func look() async throws {
        try await listen()
        let now = platform.clock.now
        let all = try await scopes.all()
        let (workers, rows) = try await platform.store.withReport { tx in
            (
                try await tx.query(OverviewQueries.workers()).map(WorkerLife.init),
                try await tx.query(HeartbeatQueries.everybody()).map(HeartbeatRow.init)
            )
        }
        let lives = Dictionary(workers.map { ($0.tenant, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Set(rows.map(\.tenant))
        var missed: [String: Int] = [:]
        for scope in all where scope.kind == "operator" || lives[scope.id] != nil || known.contains(scope.id) {
            do {
                for row in try await look(at: scope, worker: lives[scope.id], now: now) { missed[row.kind, default: 0] += 1 }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.logger.warning(
                    "signs of life of one scope were not looked at", metadata: ["tenant": "\(scope.slug)", "error": "\(error)"])
            }
        }
        let gauge = platform.metrics.gauge(
            "countersign_heartbeats_missed", "Promised signs of life that are missed.", labels: ["kind"])
        for kind in HeartbeatKind.allCases { gauge.set(Double(missed[kind.rawValue] ?? 0), kind.rawValue) }
    }

    /// One scope; answers what is missed there.
    func look(at scope: ScopeRow, worker: WorkerLife?, now: Moment) async throws -> [HeartbeatRow] {
        var lanes: [NewBeat] = []
        if scope.kind == "operator" {
            lanes = try await platform.store.withLane(0) { tx in
                try await tx.query(HeartbeatQueries.ownedLanes(now: now)).filter { try $0.get("is_owned", as: Bool.self) }
                    .map { row in
                        NewBeat(
                            kind: "lane", subject: "lane \(try row.get("lane", as: Int32.self))",
                            everySeconds: Heartbeats.lanePromise.every, graceSeconds: Heartbeats.lanePromise.grace, at: now)
                    }
            }
        }
        let deaf = deaf.withLock(\.self) ?? (Heartbeats.never, Heartbeats.never)
        let fixed = scope.kind == "operator" ? lanes + platform.beats.all() : []
        let (standing, told) = try await platform.store.withTenant(scope.id) { [self] tx in
            let connections = try await tx.query(ConnectionStatusQueries.all(tenant: scope.id)).map(ConnectionStatusRow.init)
            let beats = fixed + (worker?.beats(connections) ?? [])
            if !beats.isEmpty {
                _ = try await tx.query(HeartbeatQueries.beat(tenant: scope.id, ids: beats.map { _ in platform.newID() }, beats))
            }
            var over: [HeartbeatRow] = []
            // What a worker's promise ends with goes without a word; what was missed and ends so is over.
            if scope.kind == "operator" {
                // Parts of an earlier version are no longer there to be missed.
                over += try await tx.query(
                    HeartbeatQueries.withdraw(tenant: scope.id, kind: "part", besides: Beats.Part.allCases.map(\.rawValue))
                ).map(HeartbeatRow.init).filter { $0.missedAt != nil }
            } else {
                let names = worker?.promises(connections) ?? []
                over += try await tx.query(
                    HeartbeatQueries.withdraw(
                        tenant: scope.id, kind: "worker", besides: worker?.isPromised == true ? ["worker"] : [])
                ).map(HeartbeatRow.init).filter { $0.missedAt != nil }
                over += try await tx.query(HeartbeatQueries.withdraw(tenant: scope.id, kind: "connection", besides: names))
                    .map(HeartbeatRow.init).filter { $0.missedAt != nil }
            }
            over += try await tx.query(HeartbeatQueries.takeReturned(tenant: scope.id)).map(HeartbeatRow.init)
            let silent = try await tx.query(
                HeartbeatQueries.takeMissed(
                    tenant: scope.id, now: now, judgedFrom: begunAt, deaf: deaf,
                    tellBefore: now.adding(seconds: -Heartbeats.tellAgainSeconds))
            ).map(HeartbeatRow.init)
            let commands =
                over.map { command("clear", $0, scope: scope, now: now) }
                + silent.map { command("raise", $0, scope: scope, now: now) }
            for command in commands { _ = try await tx.query(CommandQueries.insert(command)) }
            let standing = try await tx.query(HeartbeatQueries.all(tenant: scope.id)).map(HeartbeatRow.init)
            return (standing.filter { $0.missedAt != nil }, commands.count)
        }
        if told > 0 { desk.nudge(lane: scope.lane) }
        return standing
    }

    private func command(_ deed: String, _ row: HeartbeatRow, scope: ScopeRow, now: Moment) -> CommandRow {
        let isJob = row.kind == HeartbeatKind.job.rawValue
        var facts = ["subject": row.subject]
        if !isJob { facts["kind"] = row.kind }
        if deed == "raise" { facts["silence"] = ServiceDuration.wallText(now.seconds(since: row.beatenAt ?? row.since)) }
        let alert: AlertName = isJob ? .jobSilent : .heartbeatMissed
        return platform.incidentCommand(
            deed, alert.rawValue, facts,
            text: deed == "clear" ? "It has shown that it lives again, or no longer promises to." : nil,
            scope: scope, key: "\(row.id)/\(now.microseconds)", at: now)
    }

    /// The promises of one scope, missed ones first.
    package func all(_ scope: TenantID) async throws -> [HeartbeatRow] {
        let rows = try await platform.store.withTenant(scope) { tx in
            try await tx.query(HeartbeatQueries.all(tenant: scope)).map(HeartbeatRow.init)
        }
        return rows.filter { $0.missedAt != nil } + rows.filter { $0.missedAt == nil }
    }
}

/// Who promises signs of life.
package enum HeartbeatKind: String, Sendable, CaseIterable {
    case part, lane, worker, connection, job
}

/// A worker as the watch last saw it.
struct WorkerLife: Sendable {
    let tenant: TenantID
    let state: String
    let startedAt: Moment?
    let seenAt: Moment

    init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        state = try row.get("state", as: String.self)
        startedAt = try row.get("started_at", as: Moment?.self)
        seenAt = try row.get("seen_at", as: Moment.self)
    }

    /// A worker that was sent home, or finishes, promises nothing; one that does not come up has an alert of its own.
    var isPromised: Bool { ["running", "starting"].contains(state) }

    /// Connections that this worker has told of.
    private func told(_ connections: [ConnectionStatusRow]) -> [ConnectionStatusRow] {
        guard isPromised, let startedAt else { return [] }
        return connections.filter { $0.seenAt >= startedAt }
    }

    func promises(_ connections: [ConnectionStatusRow]) -> [String] { told(connections).map(\.connection) }

    func beats(_ connections: [ConnectionStatusRow]) -> [NewBeat] {
        guard state == "running" else { return [] }
        let (worker, link) = (Heartbeats.workerPromise, Heartbeats.connectionPromise)
        return [NewBeat(kind: "worker", subject: "worker", everySeconds: worker.every, graceSeconds: worker.grace, at: seenAt)]
            + told(connections).map {
                NewBeat(
                    kind: "connection", subject: $0.connection, everySeconds: link.every, graceSeconds: link.grace, at: $0.seenAt)
            }
    }
}
