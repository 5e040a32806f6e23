internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import Workflows

/// Workflows inside runs. Each is a run of its own in the same lane; what they tell each other are commands, written in the
/// transaction of whoever tells it and applied once.
extension LaneBatch {
    /// The run that a step began always has the same id, so that whoever asks again asks about the same one. It bears the time of
    /// the run around it, beside whose history its own lies.
    static func child(_ key: String, of run: RunID) -> RunID {
        RunID.derived(from: "run/\(run)/\(key)") { SHA256.hash($0) }.dated(as: run)
    }

    /// The run around the one that a command starts; nil for one that stands by itself.
    static func parent(of command: CommandRow) -> ParentNote? {
        // A note that does not read would be the engine's own mistake; such a run stands by itself and is seen in the list.
        command.payload["parent"].flatMap { try? ParentNote(json: $0) }
    }

    /// The runs around those that are to begin: they tell whether that is still wanted.
    static func around(_ commands: [CommandRow]) -> [(TenantID, RunID)] {
        commands.compactMap { command in
            command.kind == "run.start" ? parent(of: command).map { (command.tenant, $0.run) } : nil
        }
    }

    /// Whether the run around still waits for the one that is to begin.
    func isWanted(_ note: ParentNote, tenant: TenantID) -> Bool {
        guard let around = runs[note.run], around.tenant == tenant,
            let state = states[note.run] ?? (try? RunState(json: around.state))  // one that does not read is held, and waits
        else { return runs[note.run] != nil }
        return state.waitsForChild(note.key)
    }

    mutating func startChild(_ request: ChildRequest, of run: RunRow, _ context: RunContext) {
        let id = LaneBatch.child(request.key, of: run.id)
        runs[run.id]?.step = request.title
        runs[run.id]?.waitingOn = request.workflow.name
        guard let pin = context.pinned.workflows[request.workflow.key] else {
            let problem: JSONValue = [
                "error": [
                    "type": "CONFIGURATION", "title": .string(request.title),
                    "detail": .string("\(request.workflow.key) is not among the versions pinned for this run."),
                ]
            ]
            let result = ChildResult(run: id, outcome: "faulted", output: problem, state: RunState())
            return tell(run, .childEnded(key: request.key, result), unique: "run.answer/\(id)")
        }
        note(
            run.id, type: "run.child-started", step: String(request.key.prefix { $0 != "#" }),
            summary: "\(request.workflow.key) begins as a run of its own.", by: nil,
            data: ["run": JSONValue(id), "workflow": .string(request.workflow.key)])
        ordered.append(
            CommandRow(
                tenant: run.tenant, id: newID(), lane: lane, idempotencyKey: "run.start/\(id)", kind: "run.start", run: id,
                payload: .object([
                    "workflow": .string(request.workflow.name), "pin": pin.json, "input": request.input,
                    "parent": ParentNote(run: run.id, request: request).json,
                    "document": run.document.map { JSONValue($0) },
                    // Lists and approval limits go by what the run around is about, unless the input has a case of its own.
                    "summary": .object([
                        "number": .string(run.subject), "supplierName": .string(run.counterparty),
                        "grossMinor": run.amountMinor.map { JSONValue($0) }, "currency": run.currency.map(JSONValue.string),
                    ]),
                ]), traceparent: run.traceparent, createdAt: now))
    }

    /// Tells the run that a step began something.
    mutating func order(_ event: RunEvent, about what: String, _ key: String, of run: RunRow) {
        let id = LaneBatch.child(key, of: run.id)
        ordered.append(
            CommandRow(
                tenant: run.tenant, id: newID(), lane: lane, idempotencyKey: "run.\(what)/\(id)", kind: "run.event", run: id,
                payload: event.json, traceparent: run.traceparent, createdAt: now))
    }

    /// Tells the run around how this one ended.
    mutating func answerParent(of run: RunRow, _ state: RunState, _ outcome: String, _ output: JSONValue) {
        guard let parent = state.parent else { return }
        let result = ChildResult(run: run.id, outcome: outcome, output: output, state: state)
        tell(run, .childEnded(key: parent.key, result), unique: "run.answer/\(run.id)", to: parent.run)
    }

    private mutating func tell(_ run: RunRow, _ event: RunEvent, unique key: String, to other: RunID? = nil) {
        ordered.append(
            CommandRow(
                tenant: run.tenant, id: newID(), lane: lane, idempotencyKey: key, kind: "run.event", run: other ?? run.id,
                payload: payload(of: event, touched: runs[run.id]?.touched), traceparent: run.traceparent, createdAt: now))
    }

    /// The touch of a run inside is one of the run around.
    private func payload(of event: RunEvent, touched: String?) -> JSONValue {
        guard case .childEnded = event, let touched, var payload = event.json.object else { return event.json }
        payload[LaneBatch.touchedMember] = .string(touched)
        return .object(payload)
    }
}
