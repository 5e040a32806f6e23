package import Kernel
internal import Logging
package import Records
internal import Telemetry
internal import Tenancy
internal import Workflows

extension LaneBatch {
    // MARK: Commands about runs

    /// A run begins; the receiver chose its id and wrote it beside the document in its own transaction.
    mutating func startRun(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.run, let context = starts[command.id] else {
            throw Refusal(.invalid, reason: "run.start", "A start needs the run's id and a published workflow.")
        }
        guard runs[id] == nil else { return ["run": JSONValue(id), "status": "running"] }
        let payload = command.payload
        let around = LaneBatch.parent(of: command)
        guard around.map({ isWanted($0, tenant: command.tenant) }) ?? true else {
            return ["run": JSONValue(id), "status": "abandoned"]
        }
        let summary = payload["input"]?["case"] ?? payload["summary"]
        let row = RunRow(
            RunSummary(
                tenant: command.tenant, id: id, workflow: context.environment.definition.name,
                workflowVersion: context.environment.definition.version,
                document: payload["document"]?.string.flatMap { DocumentID($0) },
                invoice: payload["invoice"]?.string.flatMap { InvoiceID($0) },
                subject: summary?["number"]?.string ?? "", counterparty: summary?["supplierName"]?.string ?? "",
                amountMinor: summary?["grossMinor"]?.int64, currency: summary?["currency"]?.string, startedAt: now,
                traceparent: command.traceparent),
            lane: lane, pinned: context.pinned.json, state: (around.map { RunState(inside: $0) } ?? RunState()).json)
        runs[id] = row
        newRuns.append(id)
        whole.insert(id)
        contexts[row.pinnedText] = context
        enroll(id, context.pinned.rollout)
        for fact in payload["before"]?.array ?? [] {
            note(
                id, type: fact["type"]?.string ?? "", step: "", summary: fact["summary"]?.string ?? "", by: nil,
                data: fact["data"] ?? .null)
        }
        try advance(id, .start(input: payload["input"] ?? .null), by: nil)
        tell(command.tenant, "run.started", run: id, ["workflow": .string(row.workflow), "subject": .string(row.subject)])
        return ["run": JSONValue(id), "status": .string(runs[id]?.phase ?? "running")]
    }

    mutating func cancelRun(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.run, let row = runs[id], row.tenant == command.tenant,
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        try requireSecond("cancel", command)
        try advance(id, .cancelled(by: person, reason: command.payload["reason"]?.string ?? ""), by: person)
        return ["run": JSONValue(id), "status": .string(runs[id]?.phase ?? "")]
    }

    /// A person signs, rejects, or resolves an exception.
    mutating func takeDecision(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let taskID = command.task, let task = tasks[taskID], task.tenant == command.tenant, task.taskClass == "person"
        else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        let decision = try PersonDecision(json: command.payload)
        guard let run = task.run else { return try resolveDocumentException(task, decision) }
        if GuardCase.isOne(task) { return try decideCase(task, decision, limit: command.payload["approvalLimit"]) }
        var veto: Refusal?
        if task.kind == HumanRequest.Kind.approval.rawValue, sameBytes(decision.verdict, "approve") {
            guard let written = command.payload["approvalLimit"] else {
                throw Refusal(.stale, reason: "approval.limit-form", "Decide again: your approval limit was not sent along.")
            }
            veto = ApprovalLimit.refusal(limit: try ApprovalLimit.read(written), amount: runs[run]?.amount)
        }
        try advance(run, .personDecided(decision), by: decision.person, unless: veto)
        return decided(taskID, of: run)
    }

    // MARK: The machine

    /// Gives the run's machine an event and carries out what it asks. A refusal leaves the run as it was; `veto` is thrown when
    /// the machine itself has nothing against the event, so that whoever may not act at all hears that first.
    mutating func advance(_ id: RunID, _ event: RunEvent, by person: PersonID?, unless veto: Refusal? = nil) throws(Refusal) {
        guard let row = runs[id] else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        // A state that does not read is as good as none, and the run is held for it.
        guard let context = contexts[row.pinnedText], let state = states[id] ?? (try? RunState(json: row.state)) else {
            return try hold(id, event)
        }
        if row.phase == LaneBatch.heldPhase { letGo(id) }
        var machine = RunMachine(state)
        var environment = context.environment
        if case .barred(let refusal)? = clearance[id] { environment.releaseBar = refusal }
        let actions = try machine.handle(event, at: now, in: environment)
        if let veto { throw veto }
        if let release = deferral(actions, machine.state, of: row, event, by: person) { return deferred.append(release) }
        events += 1
        noteForShadow(id, event, context.pinned.rollout)
        if let how = LaneBatch.touch(by: event) { touch(id, how) }
        for action in actions { carryOut(action, run: id, context: context, by: person) }
        guard var after = runs[id] else { return }
        after.put(state: machine.state.json)
        states[id] = machine.state
        after.phase = LaneBatch.phase(of: machine.state)
        after.updatedAt = now
        let isOver = ["completed", "faulted", "cancelled"].contains(after.phase)
        after.finishedAt = isOver ? (after.finishedAt ?? now) : nil
        if isOver {
            after.waitingOn = ""
            after.step = ""
        }
        runs[id] = after
        changedRuns.insert(id)
        ageExceptions(of: id, isOver: isOver)
        if isOver, row.finishedAt == nil { judge(after, machine.state, context) }
        let definition = context.environment.definition
        resubscribe(id, from: (state, definition), to: (machine.state, definition))
        tell(row.tenant, "run.changed", run: id, ["phase": .string(after.phase), "step": .string(after.step)])
        for action in actions {
            switch action {
            case .ask(let request): requireDeciders(request.key, state: machine.state, run: after, context: context)
            case .signed(let key, _): requireDeciders(key, state: machine.state, run: after, context: context)
            case .emit(let event): send(event, from: after, machine.state)
            case .finish(let outcome, let output):
                answerParent(of: after, machine.state, outcome, output)
                orderVerdict(on: after, context.pinned.rollout)
                orderScheduleEnd(of: after, definition)
            default: continue
            }
        }
    }

    /// An approval that nobody can complete is trouble from its first minute: people are told instead of left to wait for it.
    private mutating func requireDeciders(_ key: String, state: RunState, run: RunRow, context: RunContext) {
        guard let roster = assets[run.tenant]?.roster,
            let missing = Deciders(
                request: key, state: state, context: context, roster: roster, amount: run.amount, at: now)?.missing
        else { return }
        let amount = run.amount?.description ?? "an amount that cannot be told"
        note(
            run.id, type: "approval.unstaffed", step: String(key.prefix { $0 != "#" }),
            summary: "Too few people may sign this as \(missing): \(amount).", by: nil, data: ["round": .string(missing)])
        raised.append(
            RaisedAlert(
                tenant: run.tenant, alert: "approval-unstaffed",
                facts: ["round": missing, "amount": amount, "subject": run.subject, "counterparty": run.counterparty],
                run: run.id))
    }

    mutating func carryOut(_ action: RunAction, run id: RunID, context: RunContext, by person: PersonID?) {
        guard let row = runs[id] else { return }
        switch action {
        case .dispatch(let request): dispatch(request, run: row, by: person)
        case .ask(let request): ask(request, run: row)
        case .signed(let key, let note): sign(key, note, run: row)
        case .close(let key, let outcome, _):
            tellClosed(key, run: row, outcome: outcome)
            finishTask(key, run: id, state: "done", outcome: outcome)
        case .withdraw(let key, let reason):
            tellClosed(key, run: row, outcome: "withdrawn")
            finishTask(key, run: id, state: "withdrawn", outcome: reason)
        case .setTimer(let key, let at): setTimer(row.tenant, subject: "run", id: id.anySubject, key: key, at: at)
        case .cancelTimer(let key): cancelTimer(id: id.anySubject, key: key)
        case .record(let line):
            if line.isTransition { transitions += 1 }
            note(id, type: line.type, step: line.step, summary: line.summary, by: person, data: line.data)
            trace(line, run: row)
        case .audit(let action, let facts):
            enter(row.tenant, action: action, object: (type: "run", id: id.text), run: id, by: person, facts: facts)
        case .clock(let objective, let change): measure(run: id, objective: objective, change: change, context: context)
        case .notify(let topic, let facts): tell(row.tenant, topic, run: id, facts)
        case .emit(let event): tell(row.tenant, "run.event-emitted", run: id, event)
        case .startChild(let request): startChild(request, of: row, context)
        case .abandonChild(let key, let reason): order(.abandoned(reason: reason), about: "abandon", key, of: row)
        case .steerChild(let key, let event): order(event, about: "steer/\(row.historyCount)", key, of: row)
        case .incident(let alert, let facts): raised.append(RaisedAlert(tenant: row.tenant, alert: alert, facts: facts, run: id))
        case .payment(let payment): if payments[id]?.record == nil { payments[id] = payment }
        case .finish(let outcome, let output):
            closeAllCases(of: id)
            runs[id]?.outcome = outcome
            enter(
                row.tenant, action: "run.finished", object: (type: "run", id: id.text), run: id, by: person,
                facts: ["outcome": .string(outcome)])
            tell(row.tenant, "run.finished", run: id, ["outcome": .string(outcome), "output": output])
            logLines.append(
                (
                    message: "run finished",
                    metadata: [
                        "hop": "\(Hop.report.rawValue)", "tenant": "\(slug(of: row.tenant))", "run": "\(id)",
                        "outcome": "\(outcome)",
                        "trace": "\(row.traceparent.flatMap { TraceContext(traceparent: $0) }?.traceIDText ?? "")",
                    ]
                ))
        }
    }

    /// The hop that a line of history belongs to, as a span of the run's trace.
    private mutating func trace(_ line: HistoryNote, run: RunRow) {
        let hop: Hop
        switch line.type {
        case "run.started": hop = .start
        case "policy.decided": hop = .decide
        case "match.matched", "match.held", "match.compared": hop = .match
        case "request.signed", "request.opened", "approval.signed": hop = .approve
        default: return
        }
        guard let trace = run.traceparent.flatMap({ TraceContext(traceparent: $0) }) else { return }
        spans.append(
            Span(
                trace: trace, name: line.type, startedAt: now, endedAt: now,
                attributes: ["hop": hop.rawValue, "tenant": slug(of: run.tenant), "run": run.id.text]))
    }

    // MARK: Work and requests

    private mutating func dispatch(_ request: WorkRequest, run: RunRow, by person: PersonID?) {
        runs[run.id]?.step = request.title
        runs[run.id]?.waitingOn = request.kind == .erpWrite || request.kind == .erpRead ? "ERP" : "worker"
        if let known = taskByKey[run.id]?[request.key], let task = tasks[known], task.taskClass == "worker" {
            guard task.state == "dead" else { return }
            revive(known, by: person)
            return
        }
        let task = TaskRow(
            tenant: run.tenant, id: newID(), lane: lane, taskClass: "worker", kind: request.kind.rawValue, key: request.key,
            title: request.title, run: run.id, document: run.document,
            connection: request.connection.isEmpty ? nil : request.connection,
            idempotencyKey: request.idempotencyKey, request: request.json, progress: TaskMachine().json, state: "ready",
            createdAt: now)
        add(task)
        ready.append((tenant: run.tenant, task: task.id, priority: request.kind == .erpWrite ? 10 : 20))
    }

    private mutating func ask(_ request: HumanRequest, run: RunRow) {
        runs[run.id]?.step = request.title
        runs[run.id]?.waitingOn = request.rounds.map(\.label).joined(separator: ", ")
        if let known = taskByKey[run.id]?[request.key], var task = tasks[known], task.finishedAt == nil {
            task.request = request.json
            task.objectHash = request.objectHash
            task.updatedAt = now
            tasks[known] = task
            replacedRequests.insert(known)
            changedTasks.insert(known)
            return
        }
        var task = TaskRow(
            tenant: run.tenant, id: newID(), lane: lane, taskClass: "person", kind: request.kind.rawValue, key: request.key,
            title: request.title, run: run.id, document: run.document, connection: nil,
            idempotencyKey: "\(run.id)/\(request.key)",
            request: request.json, progress: ["signatures": []], state: "open", objectHash: request.objectHash, createdAt: now)
        task.updatedAt = now
        add(task)
        tell(
            run.tenant, "request.opened", run: run.id,
            .object([
                "task": JSONValue(task.id), "kind": .string(request.kind.rawValue), "title": .string(request.title),
                "code": request.code.map(JSONValue.string),
            ]))
    }

    /// Nothing waits for people there any longer.
    private mutating func tellClosed(_ key: String, run: RunRow, outcome: String) {
        guard let id = taskByKey[run.id]?[key], let task = tasks[id], task.taskClass == "person", task.finishedAt == nil else {
            return
        }
        tell(
            run.tenant, "request.closed", run: run.id,
            ["task": JSONValue(id), "kind": .string(task.kind), "outcome": .string(outcome)])
    }

    mutating func sign(_ key: String, _ signature: SignatureNote, run: RunRow) {
        guard let id = taskByKey[run.id]?[key], var task = tasks[id] else { return }
        var signatures = task.progress["signatures"]?.array ?? []
        signatures.append([
            "person": JSONValue(signature.person), "natural": JSONValue(signature.natural), "role": .string(signature.role),
            "label": .string(signature.label), "at": JSONValue(signature.at), "round": JSONValue(signature.round),
            "count": JSONValue(signature.count), "of": JSONValue(signature.of),
        ])
        task.progress = ["signatures": .array(signatures)]
        task.updatedAt = now
        tasks[id] = task
        changedTasks.insert(id)
        tell(
            run.tenant, "request.signed", run: run.id,
            ["task": JSONValue(id), "count": JSONValue(signature.count), "of": JSONValue(signature.of)])
    }

    mutating func finishTask(_ key: String, run: RunID, state: String, outcome: String) {
        guard let id = taskByKey[run]?[key], var task = tasks[id], task.finishedAt == nil else { return }
        task.state = state
        task.outcome = outcome
        task.finishedAt = now
        task.updatedAt = now
        tasks[id] = task
        changedTasks.insert(id)
        guard task.taskClass == "worker" else {
            // What was taken back is judged when the step is over: a run that ends has nobody left to answer.
            if state != "withdrawn" { ageExceptions(of: run) }
            return
        }
        cancelTimer(id: id.anySubject, key: "task")
        if isPosting(task) {
            returnIfUnsent(task)
            guard hasCases(run) else { return }
            closeCases(about: actID(of: posting(task), task), of: run, outcome)
        }
    }

    mutating func add(_ task: TaskRow) {
        tasks[task.id] = task
        newTasks.append(task.id)
        guard let run = task.run else { return }
        taskByKey[run, default: [:]][task.key] = task.id
        guard task.taskClass == "person" else { return }
        touch(run, "request")
        ageExceptions(of: run)
    }
}

extension RunSummary {
    /// What the run is about, exactly; nil when the document's figure does not fit its currency.
    package var amount: Money? {
        guard let amountMinor, let currency = currency.flatMap({ Currency($0) }) else { return nil }
        // The column was derived from the document; one out of range counts as untold.
        return try? Money(minorUnits: amountMinor, currency: currency)
    }
}
