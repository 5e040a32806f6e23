internal import Kernel
internal import Policies
internal import Records
internal import Tenancy
internal import Workflows

/// Acts that guardrails stopped: what waits, the cases about them, and how they go on or end.
extension LaneBatch {
    /// Of the cases' keys: no step of a workflow begins so, since steps begin with a slash.
    static let guardrailPrefix = "guardrail/"
    /// The code under which a definition hears that its act does not happen.
    static let guardrailCode = "GUARDRAIL"
    /// Who looks at what nobody can sign past.
    static let holdRoles = ["controller", "treasurer"]

    // MARK: Writes

    /// A write that must not be leased now: a command looks at it in the next batch, where cases can be opened.
    mutating func stopWrite(_ task: TaskRow) {
        tasks[task.id]?.state = "waiting"
        tasks[task.id]?.updatedAt = now
        changedTasks.insert(task.id)
        let id: CommandID = newID()
        ordered.append(
            CommandRow(
                tenant: task.tenant, id: id, lane: lane, idempotencyKey: "guardrail.look/\(id)", kind: "guardrail.look",
                run: task.run, task: task.id, payload: [:], createdAt: now))
    }

    mutating func lookAtWrite(_ command: CommandRow) -> JSONValue {
        if let id = command.task, tasks[id]?.finishedAt == nil { looks[command.tenant, default: []].append(id) }
        return ["task": JSONValue(command.task)]
    }

    mutating func goOn(_ task: TaskRow) {
        if let run = task.run { closeCases(about: actID(of: posting(task), task), of: run, "Nothing binds it any more.") }
        guard tasks[task.id]?.finishedAt == nil, tasks[task.id]?.state == "waiting" else { return }
        tasks[task.id]?.state = "ready"
        tasks[task.id]?.updatedAt = now
        changedTasks.insert(task.id)
        ready.append((tenant: task.tenant, task: task.id, priority: 10))
        if let run = task.run { runs[run]?.waitingOn = "ERP" }
    }

    mutating func hold(_ task: TaskRow, for stop: GuardStop, by guardrails: TenantGuardrails) {
        guard let barred = stop.barred else {
            tasks[task.id]?.state = "waiting"
            changedTasks.insert(task.id)
            return openCase(stop, by: guardrails)
        }
        tellBound(stop, by: guardrails)
        spendVerdict(stop)
        if let run = task.run { closeCases(about: stop.act, of: run, barred) }
        step(task.id, .barred(code: LaneBatch.guardrailCode, message: barred))
    }

    // MARK: Payments

    /// The release that a machine wants to make and that has not been judged yet.
    func deferral(
        _ actions: [RunAction], _ state: RunState, of run: RunRow, _ event: RunEvent, by person: PersonID?
    ) -> DeferredRelease? {
        guard clearance[run.id] == nil, assets[run.tenant]?.guardrails != nil else { return nil }
        for case .payment(let payment) in actions {
            guard let record = payment.record else { continue }
            return DeferredRelease(
                run: run.id, event: event, person: person, act: self.payment(record, of: run, state: state),
                answer: answers.count)
        }
        return nil
    }

    /// The event again, with the judgement at hand.
    mutating func resume(_ release: DeferredRelease) {
        do throws(Refusal) {
            try advance(release.run, release.event, by: release.person)
            guard answers.indices.contains(release.answer), LaneBatch.isPersonal(release.event) else { return }
            if case .personDecided(let decision) = release.event, let task = taskByKey[release.run]?[decision.taskKey] {
                answers[release.answer].answer = decided(task, of: release.run)
            } else if case .object(var members) = answers[release.answer].answer {
                members["status"] = .string(runs[release.run]?.phase ?? "")
                answers[release.answer].answer = .object(members)
            }
        } catch {
            guard answers.indices.contains(release.answer), LaneBatch.isPersonal(release.event) else {
                return note(
                    release.run, type: "work.refused", step: "", summary: error.message, by: nil,
                    data: ["reason": .string(error.reason)])
            }
            answers[release.answer].answer = CommandDesk.answer(for: error)
        }
    }

    /// The payment waits with the event that would have released it: the run stays before it. What a person did is not kept but
    /// told to be done again, since their signature was for that moment.
    mutating func stopPayment(_ release: DeferredRelease, _ stop: GuardStop, by guardrails: TenantGuardrails) {
        guard let run = runs[release.run] else { return }
        var stop = stop
        if LaneBatch.isPersonal(release.event) {
            if answers.indices.contains(release.answer) {
                answers[release.answer].answer = CommandDesk.answer(
                    for: Refusal(
                        .conflict, reason: "guardrail.bound",
                        "A guardrail binds this payment: \(stop.findings.first?.label ?? ""). Nothing was recorded. "
                            + "Do this again when the case about it is closed.", facts: ["run": run.id.text]))
            }
        } else {
            let command: CommandID = newID()
            parked.append(
                CommandRow(
                    tenant: run.tenant, id: command, lane: lane, idempotencyKey: "run.event/\(command)", kind: "run.event",
                    run: run.id, payload: release.event.json, traceparent: run.traceparent, createdAt: now))
            stop.parked = command
        }
        openCase(stop, by: guardrails)
    }

    /// Events that somebody waits for an answer to.
    static func isPersonal(_ event: RunEvent) -> Bool {
        switch event {
        case .personDecided, .retried, .cancelled, .paused, .resumed, .skipped, .rewound, .discarded, .stepRetried,
            .deadlinesExtended:
            true
        case .start, .workFinished, .timerFired, .eventArrived, .eventOffered, .childEnded, .abandoned: false
        }
    }

    // MARK: What is told

    /// Receipts of the policies that bound the act, a line of the run's history, and the metric.
    mutating func tellBound(_ stop: GuardStop, by guardrails: TenantGuardrails) {
        guard let id = stop.run, let run = runs[id], let hash = contexts[run.pinnedText]?.environment.hash else { return }
        let effect = stop.barred == nil ? stop.effect.rawValue : Guardrails.Effect.forbid.rawValue
        boundByEffect[effect, default: 0] += 1
        for receipt in guardrails.receipts(about: stop.guarded, salt: id.text, hash: hash) {
            enter(
                run.tenant, action: "policy.decided", object: (type: "run", id: id.text), run: id, by: nil,
                facts: ["step": "guardrails", "act": JSONValue(stop.act), "receipt": receipt])
        }
        let labels = stop.findings.map(\.label).joined(separator: "; ")
        let word = stop.barred == nil ? (stop.effect == .hold ? "is held" : "waits for signatures") : "does not happen"
        note(
            id, type: "guardrail.bound", step: "", summary: "The \(stop.guarded.kind.rawValue) \(word): \(labels).", by: nil,
            data: [
                "act": JSONValue(stop.act), "effect": .string(effect), "rules": .array(stop.findings.map(\.json)),
                "object": stop.object,
            ])
        tell(run.tenant, "guardrail.bound", run: id, ["act": JSONValue(stop.act), "effect": .string(effect)])
    }

    /// A refusal speaks once: whoever wants the same act again may ask people again.
    mutating func spendVerdict(_ stop: GuardStop) {
        guard let run = stop.run.flatMap({ runs[$0] }) else { return }
        guardStatements.append(
            GuardrailQueries.judge(
                lane: lane, tenant: run.tenant, id: stop.act, verdict: ["decision": "spent", "facts": .string(stop.factsHash)],
                at: now))
    }

    // MARK: Cases

    private mutating func openCase(_ stop: GuardStop, by guardrails: TenantGuardrails) {
        guard let id = stop.run, let run = runs[id] else { return }
        let prefix = LaneBatch.guardrailPrefix + stop.act.text + "#"
        let request = stop.request(key: prefix + newID(TaskID.self).text, about: run)
        runs[id]?.waitingOn = "guardrail"
        changedRuns.insert(id)
        if let again = stop.again {
            setTimer(run.tenant, subject: "run", id: id.anySubject, key: LaneBatch.guardrailPrefix + stop.act.text, at: again)
        }
        if let known = openCases(about: stop.act, of: id).first {
            if known.objectHash == request.objectHash {
                // The same case: only what waits for it may be another event by now.
                tasks[known.id]?.request = request.json
                tasks[known.id]?.updatedAt = now
                replacedRequests.insert(known.id)
                changedTasks.insert(known.id)
                return
            }
            closeCases(about: stop.act, of: id, "Something else binds it by now.", keepsTimer: true)
        }
        tellBound(stop, by: guardrails)
        var task = TaskRow(
            tenant: run.tenant, id: newID(), lane: lane, taskClass: "person", kind: request.kind.rawValue, key: request.key,
            title: request.title, run: id, document: run.document, connection: nil, idempotencyKey: "\(id)/\(request.key)",
            request: request.json, progress: ["signatures": []], state: "open", objectHash: request.objectHash, createdAt: now)
        task.updatedAt = now
        add(task)
        enter(
            run.tenant, action: "guardrail.opened", object: (type: "run", id: id.text), run: id, by: nil,
            facts: [
                "act": JSONValue(stop.act), "title": .string(request.title), "objectHash": .string(request.objectHash),
                "rules": .array(stop.findings.map { .string($0.key) }),
            ])
        tell(
            run.tenant, "request.opened", run: id,
            ["task": JSONValue(task.id), "kind": .string(request.kind.rawValue), "title": .string(request.title)])
    }

    func openCases(about act: AnyID, of run: RunID) -> [TaskRow] {
        let prefix = LaneBatch.guardrailPrefix + act.text + "#"
        return (taskByKey[run] ?? [:]).filter { $0.key.hasPrefix(prefix) }.compactMap { tasks[$0.value] }
            .filter { $0.finishedAt == nil }
    }

    func hasCases(_ run: RunID) -> Bool {
        taskByKey[run]?.contains { $0.key.hasPrefix(LaneBatch.guardrailPrefix) } ?? false
    }

    /// Takes back cases that nobody has to answer any more. An event that waits for one of them is let go.
    mutating func closeCases(
        about act: AnyID, of run: RunID, _ reason: String, keepsTimer: Bool = false, letsEventGo: Bool = true
    ) {
        let open = openCases(about: act, of: run)
        guard !open.isEmpty else { return }
        for task in open {
            finishTask(task.key, run: run, state: "withdrawn", outcome: reason)
            if letsEventGo { letEventGo(task) }
        }
        if !keepsTimer { cancelTimer(id: run.anySubject, key: LaneBatch.guardrailPrefix + act.text) }
    }

    /// A run that ended needs no case.
    mutating func closeAllCases(of run: RunID) {
        for (key, id) in taskByKey[run] ?? [:] where key.hasPrefix(LaneBatch.guardrailPrefix) {
            guard let task = tasks[id], task.finishedAt == nil, let act = GuardStop.act(of: task) else { continue }
            closeCases(about: act, of: run, "The run has ended.")
        }
    }

    mutating func letEventGo(_ task: TaskRow) {
        guard let parked = task.request["evidence"]?["guardrail"]?["parked"]?.string.flatMap({ CommandID($0) }) else { return }
        requeued.append((tenant: task.tenant, id: parked))
    }

    /// The day is over, or the time: whatever waits for it is judged again.
    mutating func lookAgainAtCase(_ run: RunID, key: String) {
        guard let act = AnyID(key.dropFirst(LaneBatch.guardrailPrefix.count)), let row = runs[run] else { return }
        for task in openCases(about: act, of: run) {
            letEventGo(task)
            if let write = GuardStop.write(of: task) { looks[row.tenant, default: []].append(write) }
        }
    }
}
