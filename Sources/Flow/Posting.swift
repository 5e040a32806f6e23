package import Handoff
package import Kernel
internal import Logging
package import Postgres
package import Records
internal import Seals
internal import Telemetry

/// What workers report: checked against the lease, stored as a command, and acknowledged after the lane has committed it.
package struct Posting: Sendable {
    private let platform: Platform
    private let desk: CommandDesk
    private let canonical: Canonical
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory

    package init(platform: Platform, desk: CommandDesk, assets: AssetLibrary, scopes: ScopeDirectory) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
        self.scopes = scopes
        canonical = Canonical(platform: platform)
    }

    /// The verdicts of reports, in their order. Repeating a report is safe: the same token is the same command.
    ///
    /// All reports of calls are one transaction. A reading has one of its own, since it brings an invoice with it.
    package func receive(_ reports: [WorkReport], from worker: WorkerIdentity) async throws -> [ReportVerdict] {
        let sheaf = reports.map { Reported($0, id: platform.newID()) }
        let ids = sheaf.map(\.id)
        // Announced before they are stored: the lane may be quicker than the rest of this call.
        desk.announce(ids)
        defer { desk.withdraw(ids) }
        let taken = try await store(sheaf, from: worker)
        var verdicts = Array(repeating: ReportVerdict.stale, count: sheaf.count)
        var stored: [(place: Int, command: CommandRow)] = []
        var readings: [Int] = []
        for (place, taking) in taken.enumerated() {
            switch taking {
            case .stale: continue
            case .repeated: verdicts[place] = .accepted
            case .stored(let command):
                if let task = sheaf[place].task { record(sheaf[place].report, task: task, worker: worker) }
                stored.append((place, command))
            case .reading: readings.append(place)
            }
        }
        let documents = readings.map { sheaf[$0] }
        async let read = receive(readings: documents, from: worker)
        let answers = try await desk.outcomes(of: stored.map(\.command))
        for (index, item) in stored.enumerated() { verdicts[item.place] = Posting.verdict(answers[index]) }
        for (index, verdict) in try await read.enumerated() { verdicts[readings[index]] = verdict }
        return verdicts
    }

    /// Readings side by side; verdicts in their order.
    private func receive(readings: [Reported], from worker: WorkerIdentity) async throws -> [ReportVerdict] {
        guard !readings.isEmpty else { return [] }
        return try await withThrowingTaskGroup(of: (Int, ReportVerdict).self) { group in
            for (place, item) in readings.enumerated() {
                group.addTask { (place, try await receive(reading: item, from: worker)) }
            }
            var verdicts = Array(repeating: ReportVerdict.stale, count: readings.count)
            for try await (place, verdict) in group { verdicts[place] = verdict }
            return verdicts
        }
    }

    /// A report as it came, and the command that it becomes.
    private struct Reported: Sendable {
        let report: WorkReport
        /// Of the token; a token that names none is stale.
        let task: TaskID?
        let hash: [UInt8]
        let key: String
        let id: CommandID

        init(_ report: WorkReport, id: CommandID) {
            self.report = report
            self.id = id
            task = report.token.split(separator: ".").first.flatMap { TaskID($0) }
            hash = SHA256.hash(Array(report.token.utf8))
            key = "task.report/\(hash.hexText)"
        }

        func command(_ lease: LeaseRow, of worker: WorkerIdentity, at now: Moment) -> CommandRow {
            CommandRow(
                tenant: worker.tenant, id: id, lane: worker.lane, idempotencyKey: key, kind: "task.report", task: lease.task,
                payload: ["epoch": JSONValue(lease.epoch), "outcome": report.outcome.json], createdAt: now)
        }
    }

    private enum Taking: Sendable {
        /// The lease is not this report's, or not any longer.
        case stale
        case repeated
        case stored(CommandRow)
        /// Not stored yet.
        case reading
    }

    private func store(_ sheaf: [Reported], from worker: WorkerIdentity) async throws -> [Taking] {
        let now = platform.clock.now
        return try await platform.store.withTenant(worker.tenant) { tx in
            let found = try await tx.pipeline([
                CommandQueries.known(tenant: worker.tenant, idempotencyKeys: sheaf.map(\.key)),
                LeaseQueries.find(tenant: worker.tenant, tasks: sheaf.compactMap(\.task)),
            ])
            let known = Set(try found[0].map { try $0.get("idempotency_key", as: String.self) })
            let rows = try found[1].map(LeaseRow.init)
            let leases = Dictionary(rows.map { ($0.task, $0) }, uniquingKeysWith: { first, _ in first })
            let taken = sheaf.map { item -> Taking in
                if known.contains(item.key) { return .repeated }
                guard let lease = item.task.flatMap({ leases[$0] }), constantTimeEqual(lease.tokenHash, item.hash) else {
                    return .stale
                }
                if lease.kind == WorkKind.documentRead.rawValue { return .reading }
                return .stored(item.command(lease, of: worker, at: now))
            }
            let commands = taken.compactMap { taking -> CommandRow? in
                guard case .stored(let command) = taking else { return nil }
                return command
            }
            if !commands.isEmpty { _ = try await tx.query(CommandQueries.insert(commands)) }
            return taken
        }
    }

    private static func verdict(_ answer: CommandDesk.Answer) -> ReportVerdict {
        switch answer {
        case .done(let answer): answer["verdict"]?.string == "stale" ? .stale : .accepted
        case .refused: .stale
        case .pending: .pending
        }
    }

    /// A reading is stored together with what it leads to: the invoice and the run's start, or the exception.
    private func receive(reading item: Reported, from worker: WorkerIdentity) async throws -> ReportVerdict {
        guard let task = item.task else { return .stale }
        let scope = try await scopes.scope(worker.tenant)
        let tenant = try await assets.current(for: worker.tenant)
        let prepared = try await platform.store.withTenant(worker.tenant) { tx -> CommandRow? in
            guard let lease = try await tx.query(LeaseQueries.find(tenant: worker.tenant, task: task)).first.map(LeaseRow.init),
                constantTimeEqual(lease.tokenHash, item.hash)
            else { return nil }
            let command = item.command(lease, of: worker, at: platform.clock.now)
            let follow = try await reading(item.report.outcome, task: task, scope: scope, tenant: tenant, tx: tx)
            _ = try await tx.query(CommandQueries.insert([command] + (follow.map { [$0] } ?? [])))
            return command
        }
        guard let command = prepared else { return .stale }
        record(item.report, task: task, worker: worker)
        return Posting.verdict(try await desk.outcome(of: command))
    }

    /// The transaction's second half for readings: the invoice and the run's start, or the exception.
    private func reading(
        _ outcome: WorkOutcome, task: TaskID, scope: ScopeRow, tenant: TenantAssets, tx: Transaction
    ) async throws -> CommandRow? {
        guard let row = try await tx.query(TaskQueries.find(tenant: scope.id, id: task)).first.map(TaskRow.init),
            let id = row.document,
            let document = try await tx.query(DocumentQueries.find(tenant: scope.id, id: id)).first.map(DocumentRow.init)
        else { return nil }
        switch outcome {
        case .completed(let output), .found(let output):
            return try await canonical.accept(output, of: document, scope: scope, tenant: tenant, tx: tx).1
        case .refused(let code, let message):
            return try await canonical.refuse(code: code, message: message, kind: nil, of: document, scope: scope, tx: tx).1
        case .absent, .failed, .inDoubt, .mismatch, .needsDecision: return nil
        }
    }

    /// The bytes of the document that this lease is about.
    package func document(leaseToken: String, worker: WorkerIdentity) async throws -> [UInt8] {
        guard let task = leaseToken.split(separator: ".").first.flatMap({ TaskID($0) }) else { throw Posting.unknownLease }
        let hash = SHA256.hash(Array(leaseToken.utf8))
        return try await platform.store.withTenant(worker.tenant) { tx in
            guard let lease = try await tx.query(LeaseQueries.find(tenant: worker.tenant, task: task)).first.map(LeaseRow.init),
                constantTimeEqual(lease.tokenHash, hash),
                let id = try await tx.query(TaskQueries.find(tenant: worker.tenant, id: task)).first.map(TaskRow.init)?.document
            else { throw Posting.unknownLease }
            var bytes: [UInt8] = []
            for row in try await tx.query(DocumentQueries.chunks(tenant: worker.tenant, document: id)) {
                bytes.append(contentsOf: try row.get("bytes", as: [UInt8].self))
            }
            return bytes
        }
    }

    private static let unknownLease = Refusal(.notFound, reason: "lease.unknown", "This lease is not known, or not any longer.")

    /// Moves the ends of the leases that the worker still works on.
    package func heartbeat(
        _ tokens: [String], from worker: WorkerIdentity, seconds: Int64
    ) async throws -> (extended: [(String, Moment)], lost: [String]) {
        guard !tokens.isEmpty else { return ([], []) }
        let byHash = Dictionary(tokens.map { (SHA256.hash(Array($0.utf8)), $0) }, uniquingKeysWith: { first, _ in first })
        let until = platform.clock.now.adding(seconds: seconds)
        let rows = try await platform.store.withLane(worker.lane) { tx in
            let moved = try await tx.pipeline([
                LeaseQueries.extend(
                    lane: worker.lane, tenant: worker.tenant, worker: worker.incarnation, tokenHashes: Array(byHash.keys),
                    until: until),
                ConnectionWriterQueries.extend(
                    lane: worker.lane, tenant: worker.tenant, worker: worker.incarnation, tokenHashes: Array(byHash.keys),
                    until: until),
            ])
            return moved[0]
        }
        var extended: [(String, Moment)] = []
        for row in rows {
            guard let token = byHash[try row.get("token_hash", as: [UInt8].self)] else { continue }
            extended.append((token, try row.get("expires_at", as: Moment.self)))
        }
        let held = Set(extended.map(\.0))
        return (extended, tokens.filter { !held.contains($0) })
    }

    /// A worker's process has ended, as the supervisor saw; said once for each incarnation.
    package func workerEnded(_ incarnation: String, of tenant: TenantID) async throws {
        let scope = try await scopes.scope(tenant)
        _ = try await desk.send(
            CommandRow(
                tenant: tenant, id: platform.newID(), lane: scope.lane, idempotencyKey: "worker.ended/\(incarnation)",
                kind: "worker.ended", payload: ["worker": .string(incarnation)], createdAt: platform.clock.now))
    }

    /// The worker's exchanges as spans of the run's trace, and one line in the log.
    private func record(_ report: WorkReport, task: TaskID, worker: WorkerIdentity) {
        for hop in report.telemetry {
            var attributes = hop.facts
            attributes["hop"] = Hop.post.rawValue
            attributes["tenant"] = worker.slug
            let own = hop.facts["traceparent"].flatMap { TraceContext(traceparent: $0) }
            let parent = hop.facts["parent"].flatMap { TraceContext(traceparent: $0) }
            attributes["traceparent"] = nil
            attributes["parent"] = nil
            platform.spans.add(
                Span(
                    context: own ?? TraceContext(entropy: platform.entropy), parentSpanID: parent?.spanID, name: hop.name,
                    startedAt: hop.startedAt,
                    endedAt: Moment(microseconds: hop.startedAt.microseconds + hop.durationMicroseconds), attributes: attributes,
                    kind: own == nil ? .internal : .client))
        }
        let trace = report.telemetry.first?.facts["traceparent"].flatMap { TraceContext(traceparent: $0) }?.traceIDText ?? ""
        platform.logger.info(
            "task reported",
            metadata: [
                "hop": "\(Hop.post.rawValue)", "tenant": "\(worker.slug)", "task": "\(task)",
                "outcome": "\(report.outcome.json["outcome"]?.string ?? "")",
                "trace": "\(trace)",
            ])
        platform.metrics.counter("countersign_task_reports_total", "Reports of workers.", labels: ["outcome"]).add(
            1, report.outcome.json["outcome"]?.string ?? "unknown")
    }
}

/// The directory of scopes in memory: small, read by everything, refreshed when it is older than a few seconds or misses a name.
package final class ScopeDirectory: Sendable {
    private struct State {
        var scopes: [TenantID: ScopeRow] = [:]
        var readAt = Moment(microseconds: 0)
    }

    private let state = Locked(State())
    private let store: Store
    private let clock: WallClock
    private static let freshSeconds: Int64 = 5

    package init(store: Store, clock: WallClock) {
        self.store = store
        self.clock = clock
    }

    package func all() async throws -> [ScopeRow] {
        let now = clock.now
        let known = state.withLock { $0 }
        if now.seconds(since: known.readAt) < ScopeDirectory.freshSeconds { return Array(known.scopes.values) }
        let rows = try await store.withGate { tx in try await tx.query(ScopeQueries.all()).map(ScopeRow.init) }
        state.withLock {
            $0 = State(scopes: Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }), readAt: now)
        }
        return rows
    }

    package func scope(_ id: TenantID) async throws -> ScopeRow {
        if let known = state.withLock({ $0.scopes[id] }) { return known }
        guard let row = try await all().first(where: { $0.id == id }) else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        return row
    }

    /// Whether its people are kept out; known within the seconds that the directory is fresh.
    package func isSuspended(_ id: TenantID) async throws -> Bool {
        try await all().first { $0.id == id }.map { $0.state != "active" } ?? false
    }

    package func scope(slug: String) async throws -> ScopeRow? { try await all().first { sameBytes($0.slug, slug) } }

    package func invalidate() { state.withLock { $0.readAt = Moment(microseconds: 0) } }
}
