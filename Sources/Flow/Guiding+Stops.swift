internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Workflows

/// The verbs that stop work and let it go on, and the one that gives people more time.
extension Guiding {
    /// What a verb of stopping is about, and whether it places a stop or ends one.
    private static func halt(_ verb: Runbook.Verb) -> (kind: Halting.Kind, releases: Bool) {
        switch verb {
        case .pauseTenant: (.tenant, false)
        case .resumeTenant: (.tenant, true)
        case .drainWorker: (.worker, false)
        case .releaseWorker: (.worker, true)
        case .openCircuit: (.connection, false)
        case .closeCircuit: (.connection, true)
        case .guidance, .acknowledge, .postNote, .postStatus, .testConnection, .retryStep, .replayDeadLetters, .retryRun,
            .pauseRuns, .resumeRuns, .cancelRuns, .extendDeadline, .restartWorker, .rotateSecret:
            preconditionFailure("\(verb.rawValue) stops nothing")
        }
    }

    // MARK: Showing

    func stopped(
        _ verb: Runbook.Verb, _ parameters: [String: String], of followed: Followed, as asker: Asker
    ) async throws -> Shown {
        let tenant = asker.scope.id
        let (kind, releases) = Guiding.halt(verb)
        let connection = kind == .connection ? parameters["connection"] ?? "" : nil
        if kind == .connection { try await halting.requireConnection(connection, tenant) }
        let standing = try await halting.standing(kind, connection, tenant)
        let holdsBack = if let connection { try await heldBack(connection, tenant) } else { false }
        guard releases ? standing != nil || holdsBack : standing == nil else {
            throw Refusal(
                .conflict, reason: "runbook.needless",
                releases ? "Nothing is stopped there now; skip the step." : "This is stopped already; skip the step.")
        }
        let (waiting, held) = try await halting.touched(connection, tenant)
        return Shown(
            effect: Guiding.effect(verb, connection ?? "", isOurs: standing != nil),
            counts: [("tasks that wait", waiting), ("tasks that a worker holds and finishes", held)],
            facts: standing.map { ["stoppedAt": JSONValue($0.placedAt), "because": .string($0.reason)] } ?? [:],
            needsSecond: try await halting.needsSecond(kind, releasing: releases, tenant))
    }

    private static func effect(_ verb: Runbook.Verb, _ connection: String, isOurs: Bool) -> String {
        switch verb {
        case .pauseTenant:
            "Nothing begins here and no work is given out, until somebody lets it go on. Documents are accepted and wait; people "
                + "can decide; the clocks of contracts go on."
        case .resumeTenant: "All that waits goes on in its order."
        case .drainWorker: "The worker finishes what it holds and ends; none is started here until somebody lets it."
        case .releaseWorker: "A worker is started as soon as work waits for it."
        case .openCircuit: "Nothing is sent to \(connection) until the circuit is closed. What is for it waits and is not lost."
        case .closeCircuit:
            isOurs
                ? "What waits for \(connection) is sent again."
                : "The worker holds its calls to \(connection) back by itself. It is made to try one now; an answer closes the "
                    + "circuit."
        default: ""
        }
    }

    /// Whether the worker itself holds calls back.
    private func heldBack(_ connection: String, _ tenant: TenantID) async throws -> Bool {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ConnectionStatusQueries.all(tenant: tenant)).map(ConnectionStatusRow.init)
                .contains { sameBytes($0.connection, connection) && $0.circuit != "closed" }
        }
    }

    /// The engine itself is asked, on a copy of the run that is thrown away.
    func extended(_ parameters: [String: String], _ tenant: TenantID) async throws -> Shown {
        let (id, event) = try Guiding.extension(parameters, by: PersonID(high: 0, low: 0))
        let row = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(RunQueries.rows(tenant: tenant, ids: [id])).first.map(RunRow.init)
        }
        guard let row else { throw Guiding.nothing }
        guard row.phase != LaneBatch.heldPhase else {
            throw Refusal(.unavailable, reason: "run.held", "The run is held, because what it is pinned to cannot be read.")
        }
        let environment = try await assets.context(for: try PinnedAssets(json: row.pinned)).environment
        var trial = RunMachine(try RunState(json: row.state))
        let actions = try trial.handle(event, at: platform.clock.now, in: environment)
        let moved = actions.compactMap { action in
            if case .setTimer(let key, let at) = action { "\(key): now at \(at.text(fraction: 0))" } else { nil }
        }
        return Shown(
            effect:
                "Those who are asked have \(parameters["hours"] ?? "") hours more before anything happens. The request and the "
                + "clocks of contracts stay as they are.", counts: [("deadlines moved", moved.count)], examples: moved,
            facts: ["stands": JSONValue(Int(row.historyCount))])
    }

    static func `extension`(
        _ parameters: [String: String], by person: PersonID
    ) throws(Refusal) -> (run: RunID, event: RunEvent) {
        guard let run = parameters["run"].flatMap({ RunID($0) }) else {
            throw Refusal(.unprocessable, reason: "runbook.parameter", "run is no id.", facts: ["field": "run"])
        }
        guard let hours = parameters["hours"].flatMap({ Int64($0) }), (1...RunBounds.extensionSecondsMax / 3600).contains(hours)
        else {
            throw Refusal(
                .unprocessable, reason: "runbook.parameter",
                "hours is a whole number from 1 to \(RunBounds.extensionSecondsMax / 3600).", facts: ["field": "hours"])
        }
        return (
            run,
            .deadlinesExtended(
                step: parameters["step"] ?? "", seconds: hours * 3600, by: person, reason: parameters["reason"] ?? "")
        )
    }

    // MARK: Doing

    func stop(
        _ verb: Runbook.Verb, _ parameters: [String: String], _ step: RunbookExecution.Step, as asker: Asker, tx: Transaction
    ) async throws {
        let (kind, releases) = Guiding.halt(verb)
        let connection = kind == .connection ? parameters["connection"] : nil
        let reason = parameters["reason"] ?? "By step \(step.number) of a runbook, \(step.title)."
        guard releases else {
            _ = try await halting.place(
                kind, connection: connection, reason: reason, as: asker.actor, scope: asker.scope, tx: tx)
            return
        }
        let open = try await tx.query(WorkStopQueries.open(tenant: asker.scope.id)).map(WorkStopRow.init)
        let standing = open.first { $0.kind == kind.rawValue && ($0.connection ?? "") == (connection ?? "") }
        // Without a stop of ours the worker's own circuit is meant, which is tried when this is stored.
        guard let standing else { return }
        _ = try await halting.release(
            standing, reason: "By step \(step.number) of a runbook, \(step.title).", as: asker.actor, scope: asker.scope, tx: tx)
    }

    /// A test passes an open circuit, and an answer closes it. What it found stands in the timeline; that it could not be asked
    /// takes nothing from what is done: the worker tries by itself later.
    func tryNow(_ connection: String, of followed: Followed, as asker: Asker) async {
        let tenant = asker.scope.id
        do {
            guard try await heldBack(connection, tenant) else { return }
            let text: String
            switch try await asking.testConnection(connection, tenant: tenant) {
            case .output(let output): text = output["reached"]?.bool ?? true ? "it answered" : "it was not reached"
            case .failed(let code, _): text = "it was not reached, \(code)"
            }
            guard let incident = followed.row.incident else { return }
            _ = try await alerting.note(
                incident, text: "\(connection) was tried now: \(text).", as: asker.actor, scope: asker.scope)
        } catch {
            platform.logger.warning("a closed circuit was not tried at once", metadata: ["error": "\(error)"])
        }
    }

    /// One command to the run's lane; the same step of the same execution at the same instant is the same command.
    func command(
        _ kind: String, _ run: RunID, _ payload: JSONValue, _ step: RunbookExecution.Step, of followed: Followed,
        as asker: Asker, tx: Transaction
    ) async throws {
        let (scope, now) = (asker.scope, platform.clock.now)
        try await tx.execute(
            CommandQueries.insert(
                CommandRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane,
                    idempotencyKey: "runbook/\(followed.row.id)/\(step.number)/\(now.microseconds)", kind: kind, run: run,
                    payload: payload, createdAt: now)))
    }
}
