internal import Flow
internal import Kernel
internal import Records

/// Rows as the API shows them: names first, ids where a client needs them, no column that is only the engine's business.
enum Views {
    static func run(_ row: RunSummary) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "workflow": .string("\(row.workflow)@\(row.workflowVersion)"),
            "subject": .string(row.subject),
            "counterparty": .string(row.counterparty), "amount": amount(row.amountMinor, row.currency),
            "phase": .string(row.phase),
            "step": .string(row.step), "waitingOn": .string(row.waitingOn), "outcome": row.outcome.map(JSONValue.string),
            "document": row.document.map { JSONValue($0) }, "invoice": row.invoice.map { JSONValue($0) },
            "startedAt": JSONValue(row.startedAt),
            "updatedAt": JSONValue(row.updatedAt), "finishedAt": row.finishedAt.map { JSONValue($0) },
            "trace": row.traceparent.map(JSONValue.string),
        ])
    }

    /// The same with how it was touched first, where anybody did.
    static func run(_ row: RunRow) -> JSONObject {
        var body = run(row.summary).object ?? [:]
        body["touched"] = row.touched.map(JSONValue.string)
        return body
    }

    static func amount(_ minor: Int64?, _ code: String?) -> JSONValue? {
        guard let minor, let currency = code.flatMap({ Currency($0) }),
            // An amount out of range has a finding instead.
            let money = try? Money(minorUnits: minor, currency: currency)
        else {
            return nil  // an invoice whose amount did not fit its currency has a finding instead
        }
        return ["amount": .string(money.decimalText), "currency": .string(currency.code)]
    }

    static func history(_ row: HistoryRow) -> JSONValue {
        .object([
            "seq": JSONValue(Int(row.seq)), "at": JSONValue(row.at), "type": .string(row.type), "step": .string(row.step),
            "summary": .string(row.summary), "person": row.person.map { JSONValue($0) }, "data": row.data,
        ])
    }

    /// A request to people: what is asked, the object that a signature binds to, and the signatures so far.
    static func request(_ row: TaskRow, people: [PersonID: String]) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "kind": .string(row.kind), "title": .string(row.title), "run": row.run.map { JSONValue($0) },
            "document": row.document.map { JSONValue($0) }, "code": row.request["code"], "object": row.request["object"],
            "objectHash": row.objectHash.map(JSONValue.string), "rounds": row.request["rounds"],
            "resolutions": row.request["resolutions"], "form": row.request["form"],
            "evidence": row.request["evidence"], "riskClass": row.request["riskClass"], "signatures": row.progress["signatures"],
            "state": .string(row.state), "outcome": row.outcome.map(JSONValue.string), "openedAt": JSONValue(row.createdAt),
            "claimedBy": row.claimedBy.flatMap { people[$0] }.map(JSONValue.string),
            "claimedAt": row.claimedAt.map { JSONValue($0) },
            "finishedAt": row.finishedAt.map { JSONValue($0) },
        ])
    }

    /// Without `seesPayload` as data of operation: which work, how often, how it ended, and nothing that a document said.
    static func task(_ row: TaskRow, seesPayload: Bool = true) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "kind": .string(row.kind), "title": .string(row.title), "run": row.run.map { JSONValue($0) },
            "document": row.document.map { JSONValue($0) }, "connection": row.connection.map(JSONValue.string),
            "state": .string(row.state),
            "attempts": JSONValue(Int(row.attemptsUsed)), "lastError": seesPayload ? row.lastError.map(JSONValue.string) : nil,
            "outcome": row.outcome.map(JSONValue.string), "createdAt": JSONValue(row.createdAt),
            "updatedAt": JSONValue(row.updatedAt),
        ])
    }

    static func document(_ row: DocumentRow) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "fileName": .string(row.fileName), "sha256": .string(row.sha256.hexText),
            "bytes": JSONValue(Int(row.sizeBytes)), "channel": .string(row.channel), "receivedAt": JSONValue(row.receivedAt),
            "state": .string(row.state), "kind": row.kind.map(JSONValue.string), "reason": row.reason.map(JSONValue.string),
            "invoice": row.invoice.map { JSONValue($0) }, "run": row.run.map { JSONValue($0) },
        ])
    }

    /// `run`, `incident` or `onboarding` names what the clock is about.
    static func clock(
        _ row: ClockRow, subject: String? = nil, counterparty: String? = nil, incident: Int64? = nil
    ) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "run": row.run.map { JSONValue($0) },
            "incident": row.subject.incident.map { JSONValue($0) }, "incidentNumber": incident.map { JSONValue($0) },
            "onboarding": row.subject.onboarding.map { JSONValue($0) }, "objective": .string(row.objective),
            "contract": .string(row.contractVersion),
            "targetSeconds": JSONValue(row.targetSeconds), "elapsedSeconds": JSONValue(row.elapsedSeconds),
            "state": .string(row.state),
            "outcome": .string(row.outcome), "startedAt": JSONValue(row.startedAt), "dueAt": row.dueAt.map { JSONValue($0) },
            "breachedAt": row.breachedAt.map { JSONValue($0) }, "stoppedAt": row.stoppedAt.map { JSONValue($0) },
            "subject": subject.map(JSONValue.string), "counterparty": counterparty.map(JSONValue.string),
        ])
    }

    static func incident(_ row: IncidentRow) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "number": JSONValue(row.number), "alert": .string(row.alert), "title": .string(row.title),
            "severity": .string(row.severity), "state": .string(row.state), "facts": row.facts,
            "occurrences": JSONValue(Int(row.occurrences)),
            "run": row.run.map { JSONValue($0) }, "runbook": .string("Runbooks/\(row.alert).md"),
            "openedAt": JSONValue(row.openedAt),
            "acknowledgedAt": row.acknowledgedAt.map { JSONValue($0) }, "resolvedAt": row.resolvedAt.map { JSONValue($0) },
            "mergedInto": row.mergedInto.map { JSONValue($0) },
        ])
    }

    /// `place` is where the entry is in the sealed log; none while it waits for its seal.
    static func entry(_ entry: Looking.ListedEntry, place: (seq: Int64, leaf: [UInt8])?) -> JSONValue {
        guard var body = Views.entry(entry).object else { return .null }
        body["seal"] = place.map { ["seq": JSONValue($0.seq), "leaf": .string($0.leaf.hexText)] } ?? .null
        return .object(body)
    }

    static func entry(_ entry: Looking.ListedEntry) -> JSONValue {
        .object([
            "id": JSONValue(entry.id), "number": JSONValue(entry.number), "at": JSONValue(entry.at),
            "actor": ["kind": .string(entry.actorKind), "id": .string(entry.actor)],
            "onBehalfOf": entry.onBehalfOf.map { JSONValue($0) }, "action": .string(entry.action),
            "object": ["type": .string(entry.objectType), "id": .string(entry.objectID)], "run": entry.run.map { JSONValue($0) },
            "content": entry.content,
        ])
    }

    static func summary(_ row: TenantSummaryRow?) -> JSONValue {
        guard let row else { return .null }
        return .object([
            "runsOpen": JSONValue(Int(row.runsOpen)), "waitingOnPeople": JSONValue(Int(row.waitingOnPeople)),
            "exceptionsOpen": JSONValue(Int(row.exceptionsOpen)), "incidentsOpen": JSONValue(Int(row.incidentsOpen)),
            "worstSeverity": row.worstSeverity.map(JSONValue.string), "clocksAtRisk": JSONValue(Int(row.clocksAtRisk)),
            "clocksBreached": JSONValue(Int(row.clocksBreached)), "postedToday": JSONValue(Int(row.postedToday)),
            "tasksReady": JSONValue(Int(row.tasksReady)), "deadTasks": JSONValue(Int(row.deadTasks)),
            "oldestReadyAt": row.oldestReadyAt.map { JSONValue($0) }, "updatedAt": JSONValue(row.updatedAt),
        ])
    }

    static func worker(_ row: Looking.WorkerStatus, name: String) -> JSONValue {
        .object([
            "tenant": .string(name), "state": .string(row.state), "pid": row.pid.map { JSONValue(Int($0)) },
            "level": row.level.map(JSONValue.string),
            "residentBytes": row.residentBytes.map { JSONValue($0) }, "restarts": JSONValue(Int(row.restarts)),
            "startedAt": row.startedAt.map { JSONValue($0) }, "seenAt": JSONValue(row.seenAt), "detail": .string(row.detail),
        ])
    }

    /// The answer to a command: done, or stored and pending (202).
    static func answer(_ answer: CommandDesk.Answer) throws(Refusal) -> (status: Int, body: JSONValue) {
        switch answer {
        case .done(let body): (200, body)
        case .pending: (202, ["status": "pending"])
        case .refused(let refusal): throw refusal
        }
    }
}
