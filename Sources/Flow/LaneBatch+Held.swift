internal import Kernel
internal import Records
internal import Workflows

/// Runs that cannot be taken further because what they are pinned to cannot be read: they are held where everybody sees it,
/// nothing that happens meanwhile is lost, and they are looked at again by themselves and when a person asks.
extension LaneBatch {
    static let heldPhase = "held"
    static let heldTimer = "held"
    /// Configuration is mended by people, so a look every five minutes is soon enough.
    static let heldRetrySeconds: Int64 = 300
    private static let parkedPrefix = "parked/"

    static func parkedCommand(_ key: String) -> CommandID? {
        key.hasPrefix(parkedPrefix) ? CommandID(String(key.dropFirst(parkedPrefix.count))) : nil
    }

    /// People are told that nothing was recorded; what machines say is kept until the run can take it.
    mutating func hold(_ id: RunID, _ event: RunEvent) throws(Refusal) {
        markHeld(id)
        switch event {
        case .personDecided, .retried, .cancelled, .paused, .resumed, .skipped, .rewound, .discarded, .stepRetried,
            .deadlinesExtended:
            throw Refusal(
                .unavailable, reason: "run.held",
                "This run is held, because what it is pinned to cannot be read. Nothing was recorded, and the engineers know.",
                facts: ["run": id.text, "retryAfterSeconds": "\(LaneBatch.heldRetrySeconds)"])
        case .start, .workFinished, .timerFired, .eventArrived, .eventOffered, .childEnded, .abandoned:
            guard let run = runs[id] else { return }
            let command: CommandID = newID()
            parked.append(
                CommandRow(
                    tenant: run.tenant, id: command, lane: lane, idempotencyKey: "run.event/\(command)", kind: "run.event",
                    run: id, payload: event.json, traceparent: run.traceparent, createdAt: now))
            setParked(command, run: id, tenant: run.tenant)
        }
    }

    /// The start of a run that cannot be pinned now stays unanswered and comes again: its document names the run already.
    mutating func postpone(start command: CommandRow, cause: String) {
        guard let run = command.run else { return }
        setParked(command.id, run: run, tenant: command.tenant)
        let subject = command.payload["input"]?["case"]?["number"]?.string ?? ""
        raiseHeld(run, tenant: command.tenant, subject: subject, cause: cause, isThere: false)
    }

    private mutating func setParked(_ command: CommandID, run: RunID, tenant: TenantID) {
        setTimer(
            tenant, subject: "run", id: run.anySubject, key: LaneBatch.parkedPrefix + command.text,
            at: now.adding(seconds: LaneBatch.heldRetrySeconds))
    }

    private func cause(_ run: RunRow) -> String? {
        if contexts[run.pinnedText] == nil { return troubles[run.pinnedText] ?? "Its configuration cannot be read." }
        // Only whether it reads is asked here.
        return states[run.id] == nil && (try? RunState(json: run.state)) == nil ? "Its stored state cannot be read." : nil
    }

    mutating func markHeld(_ id: RunID) {
        guard var run = runs[id], run.finishedAt == nil, let cause = cause(run), heldNow.insert(id).inserted else { return }
        if run.phase != LaneBatch.heldPhase {
            run.phase = LaneBatch.heldPhase
            run.updatedAt = now
            runs[id] = run
            changedRuns.insert(id)
            note(id, type: "run.held", step: "", summary: "The run is held: \(cause)", by: nil)
            enter(
                run.tenant, action: "run.held", object: (type: "run", id: id.text), run: id, by: nil,
                facts: ["cause": .string(cause)])
            tell(run.tenant, "run.changed", run: id, ["phase": .string(run.phase), "step": .string(run.step)])
        }
        setTimer(
            run.tenant, subject: "run", id: id.anySubject, key: LaneBatch.heldTimer,
            at: now.adding(seconds: LaneBatch.heldRetrySeconds))
        raiseHeld(id, tenant: run.tenant, subject: run.subject, cause: cause, isThere: true)
    }

    private mutating func raiseHeld(_ run: RunID, tenant: TenantID, subject: String, cause: String, isThere: Bool) {
        raised.append(
            RaisedAlert(
                tenant: tenant, alert: "run-held", facts: ["run": run.text, "subject": subject, "cause": cause],
                run: isThere ? run : nil))
    }

    /// What was missing is there again.
    mutating func letGo(_ id: RunID) {
        guard var run = runs[id], run.phase == LaneBatch.heldPhase,
            let state = try? RunState(json: run.state)  // asked before; a run whose state does not read stays held
        else { return }
        run.phase = LaneBatch.phase(of: state)
        run.updatedAt = now
        runs[id] = run
        changedRuns.insert(id)
        cancelTimer(id: id.anySubject, key: LaneBatch.heldTimer)
        orderLook(id, tenant: run.tenant)
        note(id, type: "run.released", step: "", summary: "What the run is pinned to can be read again.", by: nil)
        tell(run.tenant, "run.changed", run: id, ["phase": .string(run.phase), "step": .string(run.step)])
    }

    /// The timer of a held run: nobody has to remember it.
    mutating func lookAgain(_ id: RunID) {
        guard let run = runs[id], run.phase == LaneBatch.heldPhase else { return }
        if cause(run) == nil { letGo(id) } else { markHeld(id) }
    }

    /// A person asks for the look now; what was kept for the run comes with it.
    mutating func retryRun(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.run, let run = runs[id], run.tenant == command.tenant,
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        guard run.phase == LaneBatch.heldPhase else {
            throw Refusal(.conflict, reason: "run.not-held", "This run is \(run.phase); only a held run can be tried again.")
        }
        touch(id, "retried")
        enter(run.tenant, action: "run.retried", object: (type: "run", id: id.text), run: id, by: person, facts: [:])
        if let cause = cause(run) {
            markHeld(id)
            throw Refusal(.unavailable, reason: "run.held", "The run is still held: \(cause)", facts: ["run": id.text])
        }
        letGo(id)
        for key in parkedTimers[id.anySubject] ?? [] {
            guard let parked = LaneBatch.parkedCommand(key) else { continue }
            cancelTimer(id: id.anySubject, key: key)
            requeued.append((tenant: run.tenant, id: parked))
        }
        return ["run": JSONValue(id), "status": .string(runs[id]?.phase ?? "")]
    }

    /// An event that was kept while the run was held.
    mutating func takeEvent(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.run, let run = runs[id], run.tenant == command.tenant else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        if let how = command.payload[LaneBatch.touchedMember]?.string { touch(id, how) }
        try advance(id, try RunEvent(json: command.payload), by: nil)
        return ["run": JSONValue(id), "status": .string(runs[id]?.phase ?? "")]
    }
}
