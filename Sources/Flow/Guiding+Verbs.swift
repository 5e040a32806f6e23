internal import Incidents
internal import Kernel
internal import Postgres
package import Records
internal import Seals
internal import Workflows

/// What the verbs of runbooks do.
extension Guiding {
    /// What a verb would do, before it is bound to a step.
    struct Shown {
        /// A sentence for people.
        var effect: String
        var counts: [(String, Int)] = []
        var examples: [String] = []
        var facts: JSONObject = [:]
        var operation: OperationRow?
        /// A workflow of the tenant asks for it, whatever the runbook says.
        var needsSecond = false

        var json: JSONValue {
            var object: JSONObject = ["effect": .string(effect)]
            object["counts"] = .array(counts.map { ["what": .string($0.0), "count": JSONValue($0.1)] })
            object["examples"] = .array(examples.map(JSONValue.string))
            for member in facts { object[member.key] = member.value }
            return .object(object)
        }
    }

    // MARK: Showing

    /// Shows what a step would do, to how much of what, and keeps it to be confirmed. Nothing else is changed; a check is done by
    /// looking.
    package func show(
        _ id: RunbookExecutionID, step number: Int, saying said: [String: String] = [:], isUndo: Bool = false,
        as asker: Asker
    ) async throws -> Followed {
        let followed = try await find(id, in: asker.scope.id)
        let step = try followed.state.step(number)
        // The machine refuses what cannot be shown now; nothing is looked up for that.
        var trial = followed.state
        try trial.handle(
            .shown(step: number, preview(of: step, [:], Shown(effect: ""), isUndo: isUndo, by: asker)), at: platform.clock.now)
        try require(isUndo ? step.verb.opposite ?? step.verb : step.verb, as: asker)
        let parameters =
            isUndo
            ? step.verb.isStop ? step.preview?.parameters ?? [:] : [:] : try followed.state.parameters(of: number, saying: said)
        let shown =
            isUndo
            ? step.verb.isStop
                ? try await stopped(step.verb.opposite ?? step.verb, parameters, of: followed, as: asker)
                : try await takingBack(step, as: asker)
            : try await look(at: step, parameters, of: followed, as: asker)
        let preview = try hashed(step, parameters, shown, of: followed, isUndo: isUndo, by: asker)
        return try await platform.store.withTenant(asker.scope.id) { [self] tx in
            try await change(id, .shown(step: number, preview), as: asker, tx: tx) { _ in
                (
                    "runbook.step-shown",
                    "Step \(number), \(step.title): \(isUndo ? "taking it back was " : "")looked at. \(shown.effect)",
                    [
                        "step": JSONValue(number), "verb": .string(step.verb.rawValue), "hash": .string(preview.hash),
                        "undo": .bool(isUndo), "parameters": Guiding.json(parameters),
                        // Its examples name invoices, which whoever reads the audit log need not see.
                        "preview": preview.content(mayReadRuns: false),
                    ]
                )
            }
        }
    }

    private static func json(_ table: [String: String]) -> JSONValue {
        .object(JSONObject(table.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }

    private func require(_ verb: Runbook.Verb, as asker: Asker) throws(Refusal) {
        guard asker.may(verb.permission) else {
            throw Refusal(
                .forbidden, reason: "permission.missing",
                "\(verb.rawValue) needs the permission \(verb.permission), which you do not hold here.",
                facts: ["permission": verb.permission])
        }
    }

    private func preview(
        of step: RunbookExecution.Step, _ parameters: [String: String], _ shown: Shown, hash: String = "", isUndo: Bool,
        by asker: Asker
    ) -> RunbookExecution.Preview {
        RunbookExecution.Preview(
            hash: hash, parameters: parameters, content: shown.json, operation: shown.operation?.id.text,
            needsSecond: step.needsSecond || shown.needsSecond || shown.operation?.needsSecond ?? false,
            isUndo: isUndo, at: platform.clock.now,
            by: asker.person)
    }

    /// The hash covers the step, what it was given and all that was shown; of many runs, each run as it stood.
    private func hashed(
        _ step: RunbookExecution.Step, _ parameters: [String: String], _ shown: Shown, of followed: Followed, isUndo: Bool,
        by asker: Asker
    ) throws -> RunbookExecution.Preview {
        let bound: JSONValue = [
            "execution": JSONValue(followed.row.id), "step": JSONValue(step.number), "verb": .string(step.verb.rawValue),
            "undo": .bool(isUndo), "parameters": Guiding.json(parameters), "shown": shown.json,
            "operation": JSONValue(shown.operation?.hash),
        ]
        let made = preview(of: step, parameters, shown, hash: try ObjectHash.hexText(of: bound), isUndo: isUndo, by: asker)
        guard !made.needsSecond || !asker.actor.isMachine else { throw Operating.machine(asker.actor) }
        return made
    }

    private func look(
        at step: RunbookExecution.Step, _ parameters: [String: String], of followed: Followed, as asker: Asker
    ) async throws -> Shown {
        let tenant = asker.scope.id
        switch step.verb {
        case .guidance: return Shown(effect: "")
        case .acknowledge:
            let incident = try await incident(followed, tenant)
            guard incident.map({ $0.state == "triggered" }) ?? true else {
                throw Refusal(
                    .conflict, reason: "runbook.needless", "The incident is \(incident?.state ?? "") already; skip the step.")
            }
            return Shown(effect: "The incident is yours, and nobody else is paged for it.")
        case .postNote: return Shown(effect: "A line is added to the timeline: \(parameters["text"] ?? "")")
        case .postStatus: return try await told(parameters, of: followed, tenant)
        case .testConnection: return try await tested(parameters["connection"] ?? "", tenant)
        case .retryStep, .replayDeadLetters, .pauseRuns, .resumeRuns, .cancelRuns:
            return try await many(step, parameters, isDrill: followed.state.isDrill, as: asker)
        case .retryRun: return try await held(parameters["run"] ?? "", tenant)
        case .pauseTenant, .resumeTenant, .drainWorker, .releaseWorker, .openCircuit, .closeCircuit:
            return try await stopped(step.verb, parameters, of: followed, as: asker)
        case .extendDeadline: return try await extended(parameters, tenant)
        case .restartWorker:
            let row = try await platform.store.withTenant(tenant) { tx in
                try await tx.query(OverviewQueries.worker(tenant: tenant)).first?.get("state", as: String.self)
            }
            guard let row else {
                throw Refusal(
                    .unprocessable, reason: "runbook.no-worker",
                    "No worker was ever started here; one is started when work waits.")
            }
            return Shown(
                effect:
                    "The worker finishes what it holds, ends and is started anew; what it cannot finish goes back to the queue.",
                counts: [("worker, \(row) now", 1)])
        case .rotateSecret:
            let name = parameters["secret"] ?? ""
            let version = try await platform.store.withTenant(tenant) { tx in
                try await tx.query(SecretQueries.version(tenant: tenant, name: name)).first?.get("version", as: Int32.self)
            }
            guard let version else {
                throw Refusal(
                    .unprocessable, reason: "runbook.no-secret", "There is no secret \(name) to be replaced.",
                    facts: ["field": "secret"])
            }
            return Shown(
                effect: "The secret \(name) gets version \(version + 1), which you are asked for when you confirm. Work that "
                    + "begins afterwards uses it.", counts: [("secret", 1)])
        }
    }

    /// What readers of the status page would be told; without a page that is shown the text stays with the incident.
    private func told(_ parameters: [String: String], of followed: Followed, _ tenant: TenantID) async throws -> Shown {
        _ = try Guiding.phase(parameters)
        let text = parameters["text"] ?? ""
        let outlook = try await status.outlook(for: followed.row.incident, of: tenant)
        guard outlook.isShown else {
            return Shown(effect: "No status page is shown here; the tenant reads this with the incident: \(text)")
        }
        return Shown(
            effect: "Readers of the status page are told\(outlook.isFirst ? ", in a new notice" : ", in its notice"): \(text)",
            facts: ["published": true])
    }

    private static func phase(_ parameters: [String: String]) throws(Refusal) -> StatusPhase? {
        guard let word = parameters["phase"], !word.isEmpty else { return nil }
        guard let phase = StatusPhase(rawValue: word), StatusKind.incident.phases.contains(phase) else {
            throw Refusal(
                .unprocessable, reason: "runbook.parameter",
                "phase is \(StatusKind.incident.phases.map(\.rawValue).joined(separator: ", ")); leave it out to keep it.",
                facts: ["field": "phase"])
        }
        return phase
    }

    private func incident(_ followed: Followed, _ tenant: TenantID) async throws -> IncidentRow? {
        guard let id = followed.row.incident else { return nil }
        return try await platform.store.withTenant(tenant) { tx in
            try await tx.query(IncidentQueries.find(tenant: tenant, id: id)).first.map(IncidentRow.init)
        }
    }

    private func tested(_ name: String, _ tenant: TenantID) async throws -> Shown {
        guard try await assets.current(for: tenant).row("connection", name) != nil else {
            throw Refusal(
                .unprocessable, reason: "runbook.no-connection", "There is no connection \(name).",
                facts: ["field": "connection"])
        }
        switch try await asking.testConnection(name, tenant: tenant) {
        case .output(let output):
            let reached = output["reached"]?.bool ?? true
            return Shown(
                effect: reached
                    ? "\(name) was reached and answered; nothing was written."
                    : "\(name) was not reached: \(output["message"]?.string ?? output["code"]?.string ?? "no reason given").",
                facts: ["reached": .bool(reached)])
        case .failed(let code, let message):
            return Shown(
                effect: "\(name) was not reached: \(message) (\(code)).", facts: ["reached": false, "code": .string(code)])
        }
    }

    private func held(_ text: String, _ tenant: TenantID) async throws -> Shown {
        guard let id = RunID(text) else {
            throw Refusal(.unprocessable, reason: "runbook.parameter", "run is no id.", facts: ["field": "run"])
        }
        let row = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(RunQueries.rows(tenant: tenant, ids: [id])).first.map(RunRow.init)
        }
        guard let row else { throw Guiding.nothing }
        guard row.phase == LaneBatch.heldPhase else {
            throw Refusal(
                .conflict, reason: "runbook.needless", "The run is not held: it is \(row.phase). Skip the step.",
                facts: ["field": "run"])
        }
        return Shown(
            effect:
                "The run is looked at again now, with all that came for it; what still cannot be read keeps it held.",
            counts: [("held run", 1)])
    }

    // MARK: Many runs and dead letters

    private func many(
        _ step: RunbookExecution.Step, _ parameters: [String: String], isDrill: Bool, as asker: Asker
    ) async throws -> Shown {
        let request = try await request(step.verb, parameters, as: asker)
        do {
            let row = try await operating.preview(
                request, needsSecond: step.needsSecond, as: asker.actor, scope: asker.scope)
            // What a drill shows nobody can confirm, not even elsewhere.
            if isDrill { _ = try await operating.withdraw(row.id, as: asker.actor, scope: asker.scope) }
            return Guiding.shown(row, of: step.verb, isDrill: isDrill)
        } catch let refusal as Refusal where isDrill && refusal.reason == "operation.empty" {
            return Shown(effect: "Nothing matches now, so nothing would be done.", counts: [("matching", 0)])
        }
    }

    private static func shown(_ row: OperationRow, of verb: Runbook.Verb, isDrill: Bool) -> Shown {
        let count = row.preview["possible"]?.int ?? 0
        let left = row.preview["left"]?.int ?? 0
        let what = row.kind == Operating.Kind.retry.rawValue ? "dead letters" : "runs"
        let effect =
            switch verb {
            case .retryStep: "The oldest of them is tried again, its attempts counted anew. A write begins with a search."
            case .replayDeadLetters: "They are tried again, oldest first, attempts counted anew. A write begins with a search."
            case .pauseRuns: "They take no step until somebody lets them go on; what comes meanwhile is kept."
            case .resumeRuns: "They go on, with all that came meanwhile."
            case .cancelRuns: "They end for good. What is posted stays posted; signatures are lost."
            case .guidance, .acknowledge, .postNote, .postStatus, .testConnection, .retryRun, .pauseTenant, .resumeTenant,
                .drainWorker, .releaseWorker, .openCircuit, .closeCircuit, .extendDeadline, .restartWorker, .rotateSecret:
                ""
            }
        return Shown(
            effect: effect, counts: [("\(what) touched", count), ("\(what) left alone", left)],
            examples: (row.preview["examples"]?.array ?? []).compactMap { example in
                let subject = example["subject"]?.string ?? ""
                return (example["effect"] ?? example["obstacle"]?["message"])?.string.map { "\(subject): \($0)" }
            }, operation: isDrill ? nil : row)
    }

    private func request(
        _ verb: Runbook.Verb, _ parameters: [String: String], as asker: Asker
    ) async throws -> Operating.Request {
        func run() throws(Refusal) -> RunID? {
            guard let text = parameters["run"] else { return nil }
            guard let id = RunID(text) else {
                throw Refusal(.unprocessable, reason: "runbook.parameter", "run is no id.", facts: ["field": "run"])
            }
            return id
        }
        switch verb {
        case .retryStep, .replayDeadLetters:
            var request = Operating.Request(kind: .retry)
            request.letters = TaskQueries.DeadFilter(
                connection: parameters["connection"], code: parameters["code"], run: try run())
            guard verb == .retryStep else { return request }
            let (tenant, filter) = (asker.scope.id, request.letters)
            let oldest = try await platform.store.withTenant(tenant) { tx in
                try await tx.query(
                    TaskQueries.dead(tenant: tenant, filter, before: nil, limit: Operating.itemsMax + 1)
                ).map(TaskRow.init)
            }.last
            // With nothing found the filter stays, and the preview says so.
            if let oldest { request.letters = TaskQueries.DeadFilter(ids: [oldest.id]) }
            return request
        case .pauseRuns, .resumeRuns, .cancelRuns:
            var request = Operating.Request(kind: verb == .pauseRuns ? .pause : verb == .resumeRuns ? .resume : .cancel)
            request.runs.workflow = parameters["workflow"]
            request.runs.phases = verb == .resumeRuns ? ["paused"] : parameters["phase"].map { [$0] } ?? []
            request.reason = parameters["reason"]
            return request
        case .guidance, .acknowledge, .postNote, .postStatus, .testConnection, .retryRun, .pauseTenant, .resumeTenant,
            .drainWorker, .releaseWorker, .openCircuit, .closeCircuit, .extendDeadline, .restartWorker, .rotateSecret:
            preconditionFailure("\(verb.rawValue) is not about many")
        }
    }

    /// The same runs, the other way about.
    private func takingBack(_ step: RunbookExecution.Step, as asker: Asker) async throws -> Shown {
        guard let opposite = step.verb.opposite, let id = step.ending?.operation.flatMap({ OperationID($0) }) else {
            throw Guiding.nothing
        }
        let tenant = asker.scope.id
        let items = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                OperationQueries.items(tenant: tenant, operation: id, state: nil, after: -1, limit: Operating.itemsMax)
            ).map(OperationItemRow.init)
        }
        var request = Operating.Request(kind: opposite == .resumeRuns ? .resume : .pause)
        request.runs.ids = items.filter { $0.obstacle == nil }.compactMap(\.run)
        request.reason = "Taken back: step \(step.number) of a runbook, \(step.title)."
        let row = try await operating.preview(
            request, needsSecond: step.needsSecond, as: asker.actor, scope: asker.scope)
        return Guiding.shown(row, of: opposite, isDrill: false)
    }

    // MARK: Doing

    /// Does what was shown, by its hash. `secret` is what a step asks for that is kept nowhere else.
    package func confirm(
        _ id: RunbookExecutionID, step number: Int, hash: String, secret: String? = nil, as asker: Asker
    ) async throws -> Followed {
        let followed = try await find(id, in: asker.scope.id)
        let step = try followed.state.step(number)
        // Whoever sends the same confirmation twice is told what the first has done.
        if step.state == .done, step.ending?.hash == hash, step.preview?.isUndo != true { return followed }
        let event = RunbookExecution.Event.confirmed(step: number, hash: hash, by: asker.person)
        var trial = followed.state
        try trial.handle(event, at: platform.clock.now)
        let preview = step.preview
        guard !(preview?.needsSecond ?? false) || !asker.actor.isMachine else { throw Operating.machine(asker.actor) }
        let isUndo = preview?.isUndo ?? false
        try require(isUndo ? step.verb.opposite ?? step.verb : step.verb, as: asker)
        let told: @Sendable (RunbookExecution) -> Told = { _ in
            (
                isUndo ? "runbook.step-undone" : "runbook.step-confirmed",
                "Step \(number), \(step.title): \(isUndo ? "taken back" : "done").",
                [
                    "step": JSONValue(number), "verb": .string(step.verb.rawValue), "hash": .string(hash),
                    "operation": JSONValue(preview?.operation), "shownBy": JSONValue(preview?.by.id),
                    "parameters": Guiding.json(preview?.parameters ?? [:]),
                ]
            )
        }
        if let operation = preview?.operation.flatMap({ OperationID($0) }) {
            let row = try await operating.find(operation, scope: asker.scope)
            _ = try await operating.confirm(operation, hash: row.hash, as: asker.actor, scope: asker.scope) { [self] tx in
                _ = try await change(id, event, as: asker, tx: tx, told)
            }
        } else {
            try await platform.store.withTenant(asker.scope.id) { [self] tx in
                // The execution first: of two who confirm at once the second finds the step settled, and nothing is done twice.
                _ = try await change(id, event, as: asker, tx: tx, told)
                try await carryOut(
                    step, isUndo ? step.verb.opposite ?? step.verb : step.verb, preview?.parameters ?? [:], of: followed,
                    secret: secret, as: asker, tx: tx)
            }
            desk.nudge(lane: asker.scope.lane)
            if (isUndo ? step.verb.opposite : step.verb) == .closeCircuit {
                await tryNow(preview?.parameters["connection"] ?? "", of: followed, as: asker)
            }
        }
        return try await find(id, in: asker.scope.id)
    }

    private func carryOut(
        _ step: RunbookExecution.Step, _ verb: Runbook.Verb, _ parameters: [String: String], of followed: Followed,
        secret: String?,
        as asker: Asker, tx: Transaction
    ) async throws {
        let (scope, now) = (asker.scope, platform.clock.now)
        let person = IncidentActor.person(asker.actor.person)
        func tell(_ event: Incident.Event, _ action: String) async throws {
            guard let incident = followed.row.incident else { throw Guiding.nothing }
            _ = try await alerting.change(incident, event, action: action, as: asker.actor, scope: scope, at: now, tx: tx)
        }
        switch verb {
        case .acknowledge: try await tell(.acknowledged(by: person), "incident.acknowledged")
        case .postNote: try await tell(.noted(by: person, text: parameters["text"] ?? ""), "incident.noted")
        case .postStatus:
            let text = parameters["text"] ?? ""
            guard let incident = followed.row.incident else { throw Guiding.nothing }
            let told = try await status.tell(
                about: incident, phase: try Guiding.phase(parameters), title: parameters["title"] ?? "", text: text,
                as: asker.actor, scope: scope, tx: tx)
            let words = told == nil ? "Told to the tenant" : "Told on the status page"
            try await tell(.noted(by: person, text: "\(words): \(text)"), "incident.noted")
        case .retryRun:
            guard let run = parameters["run"].flatMap({ RunID($0) }) else { throw Guiding.nothing }
            try await command("run.retry", run, ["by": JSONValue(asker.actor.person)], step, of: followed, as: asker, tx: tx)
        case .extendDeadline:
            let (run, event) = try Guiding.extension(parameters, by: asker.actor.person)
            try await command("run.steer", run, event.json, step, of: followed, as: asker, tx: tx)
        case .pauseTenant, .resumeTenant, .drainWorker, .releaseWorker, .openCircuit, .closeCircuit:
            try await stop(verb, parameters, step, as: asker, tx: tx)
        case .restartWorker:
            guard try await tx.query(OverviewQueries.askRestart(tenant: scope.id, at: now)).count == 1 else {
                throw Guiding.nothing
            }
        case .rotateSecret:
            try await applying.setSecret(
                secret ?? "", name: parameters["secret"] ?? "", in: scope.id, by: asker.actor.person, at: now, tx: tx)
        case .guidance, .testConnection, .retryStep, .replayDeadLetters, .pauseRuns, .resumeRuns, .cancelRuns:
            preconditionFailure("\(verb.rawValue) is carried out elsewhere")
        }
    }
}
