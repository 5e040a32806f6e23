package import Kernel
internal import Postgres
package import Records
internal import Tenancy
package import Workflows

/// Who acts: the account, the human being behind it, and the roles held in this scope at this moment.
package struct Actor: Sendable {
    package let tenant: TenantID
    package let person: PersonID
    package let natural: PersonID
    package let name: String
    package let roles: Set<String>
    /// The highest amount of one document that this person may approve; nil for no own limit.
    package let approvalLimit: Money?
    /// A program by a key that somebody made for it: it hands in and reads, and signs nothing.
    package let isMachine: Bool
    /// For whom a deputy decides; roles and limit are then theirs.
    package let behalf: PersonDecision.Behalf?

    package init(
        tenant: TenantID, person: PersonID, natural: PersonID, name: String, roles: Set<String>, approvalLimit: Money?,
        isMachine: Bool = false, behalf: PersonDecision.Behalf? = nil
    ) {
        self.behalf = behalf
        self.tenant = tenant
        self.person = person
        self.natural = natural
        self.name = name
        self.roles = roles
        self.approvalLimit = approvalLimit
        self.isMachine = isMachine
    }
}

/// What people decide: signatures, rejections, resolutions, retries. Each is a command of the run's lane, which alone enforces
/// duty separation and quorum; nothing here can wave a decision through.
package struct Approving: Sendable {
    /// What a person answered, bound to the object that was shown.
    package struct Decision: Sendable {
        package let task: TaskID
        package let verdict: String
        package let reason: String?
        package let objectHash: String
        /// The caller's idempotency key; a repetition gets the first answer.
        package let key: String
        /// What was filled in, by the names of the form's fields.
        package let values: JSONValue?

        package init(
            task: TaskID, verdict: String, reason: String?, objectHash: String, key: String, values: JSONValue? = nil
        ) {
            self.values = values
            self.task = task
            self.verdict = verdict
            self.reason = reason
            self.objectHash = objectHash
            self.key = key
        }
    }

    let platform: Platform
    let desk: CommandDesk

    package init(platform: Platform, desk: CommandDesk) {
        self.platform = platform
        self.desk = desk
    }

    package func decide(_ decision: Decision, as actor: Actor, scope: ScopeRow) async throws -> CommandDesk.Answer {
        guard (decision.reason ?? "").unicodeScalars.count <= PersonDecision.reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "request.reason", "A reason may have at most \(PersonDecision.reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        guard !actor.isMachine else {
            throw Refusal(
                .forbidden, reason: "approval.machine",
                "\(actor.name) is a machine. A decision is a person's; nobody could be asked about this one.",
                facts: ["rule": "approval.machine"])
        }
        let task = try await task(decision.task, scope: scope)
        var payload =
            PersonDecision(
                taskKey: task.key, person: actor.person, roles: actor.roles, verdict: decision.verdict, reason: decision.reason,
                objectHash: decision.objectHash, natural: actor.natural, values: decision.values, behalf: actor.behalf
            ).json.object ?? [:]
        payload["approvalLimit"] = ApprovalLimit.json(actor.approvalLimit)
        return try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane,
                idempotencyKey: "person.decide/\(actor.person)/\(decision.key)",
                kind: "person.decide", run: task.run, task: task.id, payload: .object(payload), createdAt: platform.clock.now))
    }

    /// Takes the decision for oneself, so that colleagues see it is being looked at. It gives no right and takes none.
    package func claim(_ id: TaskID, as actor: Actor, scope: ScopeRow) async throws {
        let now = platform.clock.now
        let stale = now.adding(seconds: -platform.settings.claimSeconds)
        let got = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(TaskQueries.claim(tenant: scope.id, id: id, by: actor.person, now: now, staleBefore: stale)).count
                == 1
        }
        guard got else {
            _ = try await task(id, scope: scope)
            throw Refusal(.conflict, reason: "request.claimed", "Someone else has claimed this, or it has been decided.")
        }
    }

    package func release(_ id: TaskID, as actor: Actor, scope: ScopeRow) async throws {
        let released = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(TaskQueries.releaseClaim(tenant: scope.id, id: id, by: actor.person)).count == 1
        }
        if !released {
            _ = try await task(id, scope: scope)
            throw Refusal(.conflict, reason: "request.not-claimed", "You do not hold the claim on this.")
        }
    }

    /// Sends a dead letter again.
    package func retry(_ id: TaskID, key: String, as actor: Actor, scope: ScopeRow) async throws -> CommandDesk.Answer {
        let task = try await task(id, scope: scope)
        return try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "task.retry/\(actor.person)/\(key)",
                kind: "task.retry",
                run: task.run, task: id, payload: ["by": JSONValue(actor.person)], createdAt: platform.clock.now))
    }

    /// Gives a dead letter up for good; its step fails, and the run goes on as its workflow says.
    package func discard(
        _ id: TaskID, reason: String, key: String, as actor: Actor, scope: ScopeRow
    ) async throws -> CommandDesk.Answer {
        let task = try await task(id, scope: scope)
        return try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "task.discard/\(actor.person)/\(key)",
                kind: "task.discard", run: task.run, task: id,
                payload: ["by": JSONValue(actor.person), "reason": .string(reason)], createdAt: platform.clock.now))
    }

    /// Tries a step again now: its dead letter is sent again, or its next attempt is not waited for.
    package func retryStep(
        _ step: String, of run: RunRow, key: String, as actor: Actor, scope: ScopeRow
    ) async throws -> CommandDesk.Answer {
        let dead = RunMachine.deadTasks(for: try RunState(json: run.state)).first { letter in
            sameBytes(String(letter.request.key.prefix { $0 != "#" }), step)
        }
        guard let dead else {
            return try await steer(run.id, .stepRetried(step: step, by: actor.person), key: key, as: actor, scope: scope)
        }
        let tasks = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(
                TaskQueries.dead(tenant: scope.id, TaskQueries.DeadFilter(run: run.id), before: nil, limit: Looking.pageMax)
            ).map(TaskRow.init)
        }
        guard let task = tasks.first(where: { sameBytes($0.key, dead.request.key) }) else {
            throw Refusal(.conflict, reason: "step.not-failed", "Nothing in that step waits to be tried again.")
        }
        return try await retry(task.id, key: key, as: actor, scope: scope)
    }

    package func cancel(
        _ run: RunID, reason: String, key: String, as actor: Actor, scope: ScopeRow
    ) async throws -> CommandDesk.Answer {
        try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "run.cancel/\(actor.person)/\(key)",
                kind: "run.cancel",
                run: run, payload: ["by": JSONValue(actor.person), "reason": .string(reason)], createdAt: platform.clock.now))
    }

    /// Pauses, resumes, skips a step or goes back; or hands an event over to the run.
    package func steer(
        _ run: RunID, _ event: RunEvent, key: String, as actor: Actor, scope: ScopeRow
    ) async throws -> CommandDesk.Answer {
        try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "run.steer/\(actor.person)/\(key)",
                kind: "run.steer", run: run, payload: event.json, createdAt: platform.clock.now))
    }

    /// Asks for a held run to be tried now, instead of at its next look.
    package func retryRun(_ run: RunID, key: String, as actor: Actor, scope: ScopeRow) async throws -> CommandDesk.Answer {
        try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "run.retry/\(actor.person)/\(key)",
                kind: "run.retry",
                run: run, payload: ["by": JSONValue(actor.person)], createdAt: platform.clock.now))
    }

    private func task(_ id: TaskID, scope: ScopeRow) async throws -> TaskRow {
        let row = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(TaskQueries.find(tenant: scope.id, id: id)).first.map(TaskRow.init)
        }
        guard let row else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        return row
    }
}
