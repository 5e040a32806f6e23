internal import Kernel
internal import Logging
internal import Records
internal import Workflows

extension LaneBatch {
    /// Attempts and pauses for reading a document: it is local work, so few attempts close together.
    static let readingRetry = RetryPolicy(
        attemptsMax: 4, initialSeconds: 1, factorPercent: 300, capSeconds: 30, jitterPercent: 20)
    static let readingTimeoutSeconds = 20

    // MARK: Documents

    /// A document arrived: its reading is work for the tenant's worker, before any run exists.
    mutating func createReading(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let document = command.payload["document"]?.string.flatMap({ DocumentID($0) }) else {
            throw Refusal(.invalid, reason: "document.read", "A reading needs the document's id.")
        }
        let attempt = command.payload["again"]?.string ?? "1"
        let task = TaskRow(
            tenant: command.tenant, id: newID(), lane: lane, taskClass: "worker", kind: "document.read", key: "/read#\(attempt)",
            title: "Read the document", run: nil, document: document, connection: nil, idempotencyKey: command.idempotencyKey,
            request: [
                "input": command.payload, "retry": LaneBatch.readingRetry.json,
                "timeoutSeconds": JSONValue(LaneBatch.readingTimeoutSeconds),
                "traceparent": JSONValue(command.traceparent),
            ], progress: TaskMachine().json, state: "ready", createdAt: now)
        add(task)
        ready.append((tenant: command.tenant, task: task.id, priority: 30))
        return ["task": JSONValue(task.id), "status": "ready"]
    }

    /// A document that cannot be read waits for a person; it is never lost.
    mutating func openDocumentException(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let document = command.payload["document"]?.string.flatMap({ DocumentID($0) }) else {
            throw Refusal(.invalid, reason: "exception.open", "A document exception needs the document's id.")
        }
        let id = openException(
            tenant: command.tenant, document: document, code: command.payload["code"]?.string ?? "DOC_UNREADABLE",
            message: command.payload["message"]?.string ?? "", fileName: command.payload["fileName"]?.string ?? "",
            hash: command.payload["objectHash"]?.string ?? "")
        return ["task": JSONValue(id), "status": "open"]
    }

    mutating func openException(
        tenant: TenantID, document: DocumentID, code: String, message: String, fileName: String, hash: String
    ) -> TaskID {
        let object: JSONValue = [
            "document": JSONValue(document), "fileName": .string(fileName), "code": .string(code), "message": .string(message),
        ]
        let request = HumanRequest(
            key: "/exception#\(document)", kind: .exception, title: "The document could not be read", code: code, object: object,
            objectHash: hash.isEmpty ? document.text : hash,
            rounds: [ApprovalStep(roles: ["ap-clerk", "tenant-admin"], quorum: 1, label: "AP clerk")],
            resolutions: [
                Resolution(
                    name: "read-again", label: "Read it again", consequence: "The document goes back to the reader.", duty: nil,
                    needsReason: false),
                Resolution(
                    name: "set-aside", label: "Set it aside",
                    consequence: "Nothing is posted from this file; it stays stored with this reason.",
                    duty: nil, needsReason: true),
            ], deadlines: [], evidence: ["reason": .string(message)], riskClass: "document")
        let task = TaskRow(
            tenant: tenant, id: newID(), lane: lane, taskClass: "person", kind: "exception", key: request.key,
            title: request.title, run: nil,
            document: document, connection: nil, idempotencyKey: "exception/\(document)", request: request.json,
            progress: ["signatures": []], state: "open", objectHash: request.objectHash, createdAt: now)
        add(task)
        enter(
            tenant, action: "exception.opened", object: (type: "document", id: document.text), run: nil, by: nil,
            facts: ["code": .string(code), "message": .string(message)])
        tell(tenant, "exception.opened", run: nil, ["task": JSONValue(task.id), "code": .string(code)])
        raised.append(
            RaisedAlert(
                tenant: tenant, alert: "document-unreadable-flood", facts: ["code": code, "count-window": "hour"], run: nil))
        return task.id
    }

    mutating func resolveDocumentException(_ task: TaskRow, _ decision: PersonDecision) throws(Refusal) -> JSONValue {
        guard task.finishedAt == nil else {
            throw Refusal(.conflict, reason: "request.closed", "Someone resolved this first. Your answer was not recorded.")
        }
        guard decision.behalf == nil else {
            throw Refusal(
                .forbidden, reason: "delegation.approvals", "A deputy signs and rejects approvals, and resolves no exceptions.")
        }
        let request = try HumanRequest(json: task.request)
        guard let resolution = request.resolutions.first(where: { sameBytes($0.name, decision.verdict) }) else {
            throw Refusal(.unprocessable, reason: "exception.resolution", "This exception has no resolution \(decision.verdict).")
        }
        guard decision.objectHash == request.objectHash else {
            throw Refusal(.stale, reason: "request.stale", "The case has changed since it was shown. Look at it again.")
        }
        let reason = decision.reason ?? ""
        guard !resolution.needsReason || !reason.isEmpty else {
            throw Refusal(.unprocessable, reason: "request.reason", "Say why.", facts: ["field": "reason"])
        }
        var done = task
        done.state = "done"
        done.outcome = resolution.name
        done.finishedAt = now
        done.updatedAt = now
        done.progress = [
            "signatures": [
                [
                    "person": JSONValue(decision.person), "natural": JSONValue(decision.natural), "role": "",
                    "label": .string(resolution.label),
                    "at": JSONValue(now), "reason": .string(reason),
                ]
            ]
        ]
        tasks[task.id] = done
        changedTasks.insert(task.id)
        enter(
            task.tenant, action: "exception.resolved", object: (type: "document", id: task.document?.text ?? ""), run: nil,
            by: decision.person,
            facts: ["resolution": .string(resolution.name), "reason": .string(reason)])
        tell(
            task.tenant, "exception.resolved", run: nil,
            ["task": JSONValue(task.id), "outcome": .string(resolution.name)])
        if resolution.name == "read-again", let document = task.document {
            let again = CommandRow(
                tenant: task.tenant, id: newID(), lane: lane, idempotencyKey: "document.read/\(document)/\(task.id)",
                kind: "document.read",
                payload: [
                    "document": JSONValue(document), "fileName": request.object["fileName"] ?? "", "again": .string(task.id.text),
                ], createdAt: now)
            _ = try createReading(again)
        }
        return [
            "task": JSONValue(task.id), "status": "done", "outcome": .string(resolution.name), "entry": JSONValue(audit.last?.id),
        ]
    }

    // MARK: Attempts

    /// A worker's report of one attempt; the receiver has checked the lease's token and says which epoch it was.
    mutating func takeReport(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.task, let task = tasks[id], task.tenant == command.tenant,
            let epoch = command.payload["epoch"]?.int64, let outcome = command.payload["outcome"]
        else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        guard let lease = leases[id], lease.epoch == epoch else { return ["verdict": "stale"] }
        let report = try ReportedOutcome.machineReport(outcome)
        if case .failed("circuit-open", _, _) = report {
            raised.append(
                RaisedAlert(
                    tenant: task.tenant, alert: "erp-circuit-open", facts: ["connection": task.connection ?? "none"],
                    run: task.run))
        }
        dropLease(lease)
        if case .completed(let output) = report { observeSupplier(task, output) }
        step(id, .reported(epoch: epoch, report))
        if let error = outcome["message"]?.string, outcome["outcome"]?.string != "completed" {
            tasks[id]?.lastError = String(error.prefix(500))
        }
        return ["verdict": "accepted", "task": JSONValue(task.id)]
    }

    mutating func fireTaskTimer(_ id: TaskID) {
        guard tasks[id] != nil else { return }
        step(id, .timerFired)
    }

    /// A lease's time is over. Heartbeats may have moved the end since the timer was set.
    mutating func endLease(_ id: TaskID) {
        guard let lease = leases[id], let task = tasks[id] else { return }
        guard lease.expiresAt <= now else {
            setTimer(task.tenant, subject: "lease", id: id.anySubject, key: "lease", at: lease.expiresAt)
            return
        }
        dropLease(lease)
        tasks[id]?.lastError = "The worker ended or fell silent during the attempt."
        step(id, .leaseLost(epoch: lease.epoch))
    }

    /// The process of a worker is gone, so what it only read is free at once. What it may have written is not: the other side
    /// may still take in what was sent, so these leases run to their end and are settled from there.
    mutating func endWorker(_ command: CommandRow) -> JSONValue {
        guard let worker = command.payload["worker"]?.string else { return ["released": 0] }
        var released = 0
        for lease in leases.values.sorted(by: { $0.task.text < $1.task.text })
        where lease.tenant == command.tenant && sameBytes(lease.worker, worker) && LaneBatch.repeatable.contains(lease.kind) {
            dropLease(lease)
            tasks[lease.task]?.lastError = "The worker ended during the attempt."
            step(lease.task, .leaseLost(epoch: lease.epoch))
            released += 1
        }
        endedWorkers.append((tenant: command.tenant, worker: worker))
        return ["released": JSONValue(released)]
    }

    /// Kinds of work without effect outside, which may be done twice.
    static let repeatable: Set<String> = [WorkRequest.Kind.erpRead.rawValue, "document.read"]

    private mutating func dropLease(_ lease: LeaseRow) {
        leases[lease.task] = nil
        endedLeases.append((tenant: lease.tenant, task: lease.task))
        cancelTimer(id: lease.task.anySubject, key: "lease")
    }

    mutating func retryTask(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.task, let task = tasks[id], task.tenant == command.tenant, task.taskClass == "worker",
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        guard task.state == "dead" else {
            throw Refusal(.conflict, reason: "task.not-dead", "This task is \(task.state); only a dead letter can be retried.")
        }
        try requireSecond("retry", command)
        if let run = task.run {
            // The run's machine writes the audit entry, and may decline.
            try advance(run, .retried(key: task.key, by: person), by: person)
        } else {
            enter(
                task.tenant, action: "task.retried", object: (type: "task", id: id.text), run: nil, by: person,
                facts: ["title": .string(task.title), "attempts": JSONValue(Int(task.attemptsUsed))])
        }
        if tasks[id]?.state == "dead" { revive(id, by: person) }
        return ["task": JSONValue(id), "status": .string(tasks[id]?.state ?? "ready")]
    }

    /// Puts a dead task back to work, attempts counted anew.
    mutating func revive(_ id: TaskID, by person: PersonID? = nil) {
        guard var task = tasks[id] else { return }
        task.finishedAt = nil
        task.outcome = nil
        task.state = "ready"
        tasks[id] = task
        step(id, .retriedByPerson(person ?? PersonID(high: 0, low: 0)))
    }

    func rules(of task: TaskRow) -> TaskMachine.Rules {
        let retry = task.request["retry"].flatMap { json -> RetryPolicy? in
            try? RetryPolicy(json: json)  // written by ourselves; the fallback keeps the task alive should that ever be wrong
        }
        let settle = task.connection.flatMap { assets[task.tenant]?.settleSeconds[$0] } ?? 30
        return TaskMachine.Rules(
            isWrite: task.kind == WorkRequest.Kind.erpWrite.rawValue, retry: retry ?? LaneBatch.readingRetry,
            settleSeconds: settle)
    }

    /// Gives the attempts machine an event and carries out what it asks.
    mutating func step(_ id: TaskID, _ event: TaskMachine.Event) {
        guard let task = tasks[id] else { return }
        guard task.finishedAt == nil else { return }
        var machine: TaskMachine
        do throws(Refusal) {
            machine = try TaskMachine(json: task.progress)
        } catch {
            machine = TaskMachine()
        }
        let actions = machine.handle(event, at: now, under: rules(of: task), draw: entropy.next())
        tasks[id]?.progress = machine.json
        tasks[id]?.attemptsUsed = Int32(machine.attemptsUsed)
        tasks[id]?.updatedAt = now
        changedTasks.insert(id)
        for action in actions { carryOut(action, task: id) }
    }

    private mutating func carryOut(_ action: TaskMachine.Action, task id: TaskID) {
        guard let task = tasks[id] else { return }
        switch action {
        case .ready(_, let notBefore):
            if let notBefore, notBefore > now {
                tasks[id]?.state = "waiting"
                setTimer(task.tenant, subject: "task", id: id.anySubject, key: "task", at: notBefore)
            } else {
                tasks[id]?.state = "ready"
                ready.append((tenant: task.tenant, task: id, priority: task.kind == WorkRequest.Kind.erpWrite.rawValue ? 10 : 20))
            }
        case .setTimer(let at):
            tasks[id]?.state = "waiting"
            setTimer(task.tenant, subject: "task", id: id.anySubject, key: "task", at: at)
        case .finish(let result): finish(id, result)
        case .dead(let code, let message): bury(id, code: code, message: message)
        case .record(let type, let summary):
            if let run = task.run {
                note(
                    run, type: type, step: task.key, summary: summary, by: nil,
                    data: ["task": JSONValue(id), "attempt": JSONValue(Int(task.attemptsUsed)), "title": .string(task.title)])
            }
        }
    }

    private mutating func finish(_ id: TaskID, _ result: WorkResult) {
        guard let task = tasks[id] else { return }
        tasks[id]?.state = "done"
        tasks[id]?.finishedAt = now
        switch result {
        case .completed: tasks[id]?.outcome = "completed"
        case .refused(let code, _): tasks[id]?.outcome = code
        case .mismatch: tasks[id]?.outcome = "mismatch"
        case .needsDecision(let question): tasks[id]?.outcome = question.name
        case .dead(let code, _): tasks[id]?.outcome = code
        }
        settleAct(of: task, result)
        guard let run = task.run else { return }
        resume(run, after: task, result)
    }

    /// Results come from machines, so nobody can be refused; a run that cannot take its result says so to the people on duty.
    private mutating func resume(_ run: RunID, after task: TaskRow, _ result: WorkResult) {
        do throws(Refusal) {
            try advance(run, .workFinished(key: task.key, result), by: nil)
        } catch {
            note(
                run, type: "work.refused", step: task.key, summary: error.message, by: nil,
                data: ["task": JSONValue(task.id), "reason": .string(error.reason)])
            logLines.append(
                (
                    message: "a result was not taken",
                    metadata: [
                        "hop": "\(Hop.report.rawValue)", "tenant": "\(slug(of: task.tenant))", "run": "\(run)",
                        "task": "\(task.id)",
                        "reason": "\(error.reason)",
                    ]
                ))
        }
    }

    /// A dead letter: it keeps its cause and its attempts, and a person may send it again.
    private mutating func bury(_ id: TaskID, code: String, message: String) {
        guard let task = tasks[id] else { return }
        tasks[id]?.state = "dead"
        tasks[id]?.finishedAt = now
        tasks[id]?.outcome = code
        tasks[id]?.lastError = String(message.prefix(500))
        settleAct(of: task, .dead(code: code, message: message))
        enter(
            task.tenant, action: "task.dead", object: (type: "task", id: id.text), run: task.run, by: nil,
            facts: ["code": .string(code), "message": .string(message), "attempts": JSONValue(Int(task.attemptsUsed))])
        raised.append(
            RaisedAlert(
                tenant: task.tenant, alert: "dead-letter",
                facts: [
                    "kind": task.kind, "connection": task.connection ?? "none", "code": code, "title": task.title,
                    "task": id.text,
                ],
                run: task.run))
        if let run = task.run {
            resume(run, after: task, .dead(code: code, message: message))
        } else if let document = task.document {
            _ = openException(
                tenant: task.tenant, document: document, code: "DOC_UNREADABLE", message: message,
                fileName: task.request["input"]?["fileName"]?.string ?? "", hash: "")
        }
    }
}

/// The reported outcome in the words of the attempts machine.
enum ReportedOutcome {
    static func machineReport(_ json: JSONValue) throws(Refusal) -> TaskMachine.Report {
        let message = json["message"]?.string ?? ""
        let code = json["code"]?.string ?? "UNKNOWN"
        switch json["outcome"]?.string {
        case "completed": return .completed(json["output"] ?? .null)
        case "found": return .found(json["output"] ?? .null)
        case "absent": return .absent
        case "refused": return .refused(code: code, message: message)
        case "failed": return .failed(code: code, message: message, retryAfterSeconds: json["retryAfterSeconds"]?.int)
        case "inDoubt": return .inDoubt(message: message)
        case "mismatch": return .mismatch(json["differences"] ?? .null)
        case "needsDecision":
            guard let name = json["name"]?.string else {
                throw Refusal(.invalid, reason: "report.outcome", "A question of another system needs a name.")
            }
            return .needsDecision(ERPQuestion(name: name, message: message, evidence: json["evidence"] ?? .null))
        default: throw Refusal(.invalid, reason: "report.outcome", "The report's outcome is not known.")
        }
    }
}
