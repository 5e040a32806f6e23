internal import Kernel
internal import Records
internal import Workflows

/// Rollouts in the lane: runs that count for one, their shadows, verdicts, and what people decide.
extension LaneBatch {
    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    static func rollout(of command: CommandRow) -> RolloutID? {
        command.payload["rollout"]?.string.flatMap { RolloutID($0) }
    }

    // MARK: Runs

    mutating func enroll(_ run: RunID, _ mark: RolloutMark?) {
        guard let mark, let tenant = runs[run]?.tenant else { return }
        rolling.enroll(run, tenant, mark)
    }

    /// A live run with a shadow keeps what it is told until the two are compared.
    mutating func noteForShadow(_ run: RunID, _ event: RunEvent, _ mark: RolloutMark?) {
        // What comes late to a finished run is compared with nothing.
        guard mark?.shadow != nil, let row = runs[run], row.finishedAt == nil else { return }
        rolling.tell(run, row.tenant, event)
    }

    /// A run that goes over to another version is no measure for a candidate any longer.
    mutating func leaveShadow(_ run: RunID, _ mark: RolloutMark?) {
        guard mark?.shadow != nil, let tenant = runs[run]?.tenant else { return }
        rolling.forget(run, tenant)
    }

    /// The run has ended: its shadow is compared with it, or the pilot looked at.
    mutating func orderVerdict(on run: RunRow, _ mark: RolloutMark?) {
        guard let mark else { return }
        order(mark.shadow == nil ? "rollout.judge" : "rollout.compare", run, mark.id)
    }

    private mutating func order(_ kind: String, _ run: RunRow, _ rollout: RolloutID) {
        ordered.append(
            CommandRow(
                tenant: run.tenant, id: newID(), lane: lane, idempotencyKey: "\(kind)/\(run.id)", kind: kind, run: run.id,
                payload: ["rollout": JSONValue(rollout)], traceparent: run.traceparent, createdAt: now))
    }

    // MARK: The shadow

    /// Writes what the candidate would have done otherwise, and nothing else: its machine runs in memory.
    mutating func compareShadow(_ command: CommandRow) -> JSONValue {
        guard let id = command.run, let run = runs[id], run.tenant == command.tenant,
            let rollout = LaneBatch.rollout(of: command)
        else { return ["verdict": "incomparable"] }
        let report: ShadowReport
        if let live = contexts[run.pinnedText], let candidate = rolling.candidates[command.id] {
            report = ShadowRun.compare(
                live: live.environment, candidate: candidate.environment, journal: rolling.journals[id] ?? [])
        } else {
            report = ShadowReport(incomparable: "One of the two versions cannot be read.")
        }
        var kinds: [String] = []
        for difference in report.differences where !kinds.contains(difference.kind) { kinds.append(difference.kind) }
        rolling.add(
            ComparisonRow(
                tenant: run.tenant, run: id, lane: lane, rollout: rollout, at: now, verdict: report.verdict.rawValue,
                subject: run.subject, amountMinor: run.amountMinor, currency: run.currency, kinds: kinds, report: report.json))
        order("rollout.judge", run, rollout)
        return ["verdict": .string(report.verdict.rawValue)]
    }

    // MARK: Verdicts

    mutating func judgeRollout(_ command: CommandRow) -> JSONValue {
        guard let id = LaneBatch.rollout(of: command), let known = rolling.known[id],
            let stage = Rollout.Stage(rawValue: known.row.stage), let figures = rolling.figures[id]
        else { return ["verdict": "over"] }
        var row = known.row
        let verdict = RolloutVerdict(
            of: known.rollout, in: stage, candidate: figures.candidate, live: figures.live, isHeld: row.isHeld)
        let before = row.verdict["verdict"]?.string
        row.verdict = [
            "verdict": .string(verdict.kind.rawValue), "at": JSONValue(now),
            "reasons": .array(verdict.reasons.map(JSONValue.string)), "candidate": figures.candidate.json,
            "live": figures.live.json,
        ]
        switch verdict.kind {
        case .hold: rolling.put(row)
        case .propose:
            rolling.put(row)
            if before != verdict.kind.rawValue { announce("rollout.proposed", row, by: nil) }
        case .promote: change(row, to: stage.next ?? stage, because: verdict.reasons.joined(separator: "; "), by: nil)
        case .rollBack:
            let bars = verdict.reasons.joined(separator: "; ")
            change(row, to: .rolledBack, because: bars, by: nil)
            raised.append(
                RaisedAlert(
                    tenant: row.tenant, alert: "rollout-rolled-back",
                    facts: ["workflow": row.workflow, "version": row.version, "bars": bars], run: command.run))
        }
        return ["verdict": .string(verdict.kind.rawValue)]
    }

    /// Everything that was counted belongs to the stage before.
    private mutating func change(_ old: RolloutRow, to stage: Rollout.Stage, because reason: String, by person: PersonID?) {
        var row = old
        row.stage = stage.rawValue
        row.isHeld = false
        row.reason = reason
        row.changedBy = person
        row.stageSince = now
        rolling.put(row)
        rolling.figures[row.id] = nil
        announce(stage == .rolledBack ? "rollout.rolled-back" : "rollout.promoted", row, by: person, from: old.stage)
    }

    private mutating func announce(_ action: String, _ row: RolloutRow, by person: PersonID?, from: String? = nil) {
        let facts = JSONValue.object([
            "workflow": .string(row.workflow), "version": .string(row.version), "stage": .string(row.stage),
            "from": from.map(JSONValue.string), "reason": .string(row.reason), "verdict": row.verdict,
        ])
        enter(row.tenant, action: action, object: (type: "rollout", id: row.id.text), run: nil, by: person, facts: facts)
        tell(
            row.tenant, action, run: nil,
            ["workflow": .string(row.workflow), "version": .string(row.version), "stage": .string(row.stage)])
    }

    // MARK: People

    /// A person promotes, rolls back, holds or lets go. Whoever sent it has been asked whether they may.
    mutating func turnRollout(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = LaneBatch.rollout(of: command), let known = rolling.known[id], known.row.tenant == command.tenant,
            let stage = Rollout.Stage(rawValue: known.row.stage),
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw LaneBatch.nothing }
        guard command.payload["stage"]?.string == known.row.stage else {
            throw Refusal(
                .stale, reason: "rollout.changed", "The rollout is in \(known.row.stage) by now. Look at it again.",
                facts: ["stage": known.row.stage])
        }
        var row = known.row
        let reason = command.payload["reason"]?.string ?? ""
        switch command.payload["act"]?.string {
        case "promote":
            guard let next = stage.next else {
                throw Refusal(
                    .conflict, reason: "rollout.over",
                    stage == .live
                        ? "The version is live already." : "It was rolled back. Give the candidate a new version, and begin anew."
                )
            }
            change(row, to: next, because: reason, by: person)
        case "rollback":
            guard stage != .rolledBack else {
                throw Refusal(.conflict, reason: "rollout.over", "It was rolled back already.")
            }
            change(row, to: .rolledBack, because: reason, by: person)
        case "hold", "release":
            let isHeld = command.payload["act"]?.string == "hold"
            guard stage.next != nil, row.isHeld != isHeld else {
                throw Refusal(
                    .conflict, reason: "rollout.held", isHeld ? "It is held or over already." : "It is not held.")
            }
            row.isHeld = isHeld
            row.reason = reason
            row.changedBy = person
            rolling.put(row)
            announce(isHeld ? "rollout.held" : "rollout.released", row, by: person)
        default: throw Refusal(.invalid, reason: "rollout.act", "A rollout is promoted, rolled back, held or released.")
        }
        return ["rollout": JSONValue(id), "stage": .string(rolling.known[id]?.row.stage ?? "")]
    }
}
