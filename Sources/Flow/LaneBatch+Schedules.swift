internal import Kernel
internal import Logging
internal import Records
internal import Workflows

/// Schedules in the lane. A time is settled in one transaction: what became of it, the start of its run, and the timer of the
/// next. Its run has an id made from the time, so that a retry finds what is there.
extension LaneBatch {
    static let scheduleSubject = "schedule"
    static let scheduleTimer = "next"

    private static let noSchedule = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    /// The schedule that a start is for.
    static func schedule(of command: CommandRow) -> ScheduleID? {
        command.payload["schedule"]?.string.flatMap { ScheduleID($0) }
    }

    // MARK: Commands and timers

    /// The configuration may have changed: what is new is planned, what has gone retires, and a changed rule holds from then on.
    mutating func syncSchedules(_ command: CommandRow) -> JSONValue {
        let from = min(command.createdAt, now)
        let planned = scheduling.planned[command.tenant] ?? []
        for one in planned { plan(one, of: command.tenant, from: from) }
        for row in scheduling.schedules(of: command.tenant)
        where row.state != ScheduleRow.retired && !planned.contains(where: { $0.id == row.id }) {
            retire(row)
        }
        return ["schedules": JSONValue(planned.count)]
    }

    /// A run that may be one of a schedule has ended.
    mutating func endScheduled(_ command: CommandRow) -> JSONValue {
        guard let run = command.run,
            let row = scheduling.schedules(of: command.tenant).first(where: { row in
                scheduling.open[row.id]?.contains { $0.run == run } ?? false
            }), let planned = scheduling.planned(row.id, of: command.tenant)
        else { return ["schedule": .null] }
        closeEnded(row.id)
        beginWaiting(row.id, planned)
        return ["schedule": JSONValue(row.id)]
    }

    mutating func fireSchedule(_ id: ScheduleID, tenant: TenantID) {
        guard let row = scheduling.rows[id], row.tenant == tenant, row.state != ScheduleRow.retired else { return }
        guard let planned = scheduling.planned(id, of: tenant) else { return retire(row) }
        if row.fingerprint != planned.fingerprint || row.version != planned.version {
            return plan(planned, of: tenant, from: now)
        }
        settle(id, planned.schedule, planned, through: now)
        replan(id, planned)
    }

    /// A person pauses a schedule or lets it go on. Whoever sent it has been asked whether they may.
    mutating func turnSchedule(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = LaneBatch.schedule(of: command), var row = scheduling.rows[id], row.tenant == command.tenant,
            row.state != ScheduleRow.retired, let planned = scheduling.planned(id, of: command.tenant),
            let person = command.payload["by"]?.string.flatMap({ PersonID($0) })
        else { throw LaneBatch.noSchedule }
        let isPausing = command.payload["act"]?.string == Scheduling.Act.pause.rawValue
        guard isPausing == (row.state == ScheduleRow.active) else {
            throw Refusal(
                .conflict, reason: isPausing ? "schedule.paused" : "schedule.not-paused",
                isPausing ? "The schedule is paused already: \(row.reason)" : "The schedule is not paused.",
                facts: ["workflow": row.workflow])
        }
        // Times up to now are kept or left out by what held until now.
        if planned.trouble == nil { settle(id, planned.schedule, planned, through: now) }
        row = scheduling.rows[id] ?? row
        row.settledThrough = max(row.settledThrough, now)
        row.state = isPausing ? ScheduleRow.paused : ScheduleRow.active
        row.reason = command.payload["reason"]?.string ?? ""
        row.changedBy = person
        row.changedAt = now
        scheduling.put(row)
        replan(id, planned)
        if !isPausing {
            closeEnded(id)
            beginWaiting(id, planned)
        }
        announce(
            isPausing ? "schedule.paused" : "schedule.resumed", row, by: person,
            [
                "reason": .string(row.reason), "settledThrough": JSONValue(row.settledThrough), "number": JSONValue(row.number),
            ])
        return ["schedule": JSONValue(id), "state": .string(row.state), "next": JSONValue(scheduling.rows[id]?.nextAt)]
    }

    /// The start of a run that a schedule ordered was refused, and it will not be ordered again.
    mutating func noteRefusedStart(_ command: CommandRow, _ refusal: Refusal) {
        guard let schedule = LaneBatch.schedule(of: command), let run = command.run else { return }
        scheduling.refuse(command.tenant, schedule, run, refusal.message)
        enter(
            command.tenant, action: "schedule.refused", object: (type: "schedule", id: schedule.text), run: nil, by: nil,
            facts: ["run": JSONValue(run), "reason": .string(refusal.message)])
    }

    /// Other times may wait for this end.
    mutating func orderScheduleEnd(of run: RunRow, _ definition: WorkflowDefinition) {
        guard definition.schedule != nil else { return }
        ordered.append(
            CommandRow(
                tenant: run.tenant, id: newID(), lane: lane, idempotencyKey: "schedule.ended/\(run.id)", kind: "schedule.ended",
                run: run.id, payload: [:], traceparent: run.traceparent, createdAt: now))
    }

    // MARK: Plans

    private mutating func plan(_ planned: PlannedSchedule, of tenant: TenantID, from: Moment) {
        let known = scheduling.rows[planned.id]
        if let known, known.state != ScheduleRow.retired, known.fingerprint == planned.fingerprint,
            known.version == planned.version
        {
            closeEnded(known.id)
            beginWaiting(known.id, planned)
            return
        }
        var row =
            known
            ?? ScheduleRow(
                tenant: tenant, id: planned.id, lane: lane, workflow: planned.workflow, version: planned.version,
                rule: planned.schedule.json, fingerprint: planned.fingerprint,
                zoneVersion: planned.schedule.timetable.zoneVersion, from: from)
        if let known, known.state == ScheduleRow.retired {
            row.state = ScheduleRow.active
            row.settledThrough = max(from, known.settledThrough)
        } else if let known, LaneBatch.hash(known.rule) != LaneBatch.hash(planned.schedule.json) {
            // Times up to the change were promised by the rule before it.
            if known.trouble.isEmpty, let before = Schedule.read(known.rule) {
                settle(known.id, before, planned, through: from)
            }
            row = scheduling.rows[known.id] ?? row
            row.settledThrough = max(row.settledThrough, from)
        }
        row.version = planned.version
        row.rule = planned.schedule.json
        row.fingerprint = planned.fingerprint
        row.zoneVersion = planned.schedule.timetable.zoneVersion
        row.trouble = planned.trouble ?? ""
        scheduling.put(row)
        // What is due by the rule as it is now, and the next time.
        if planned.trouble == nil { settle(row.id, planned.schedule, planned, through: now) }
        replan(row.id, planned)
        closeEnded(row.id)
        beginWaiting(row.id, planned)
        announce(
            "schedule.planned", row, by: nil,
            [
                "rule": .string(planned.schedule.timetable.words), "zoneVersion": .string(row.zoneVersion),
                "next": JSONValue(scheduling.rows[row.id]?.nextAt), "trouble": .string(row.trouble),
            ])
    }

    /// A paused schedule wakes nobody: what it left out is told in one when it is resumed.
    private mutating func replan(_ id: ScheduleID, _ planned: PlannedSchedule) {
        guard var row = scheduling.rows[id] else { return }
        row.nextAt = row.state == ScheduleRow.active ? planned.next(after: row.settledThrough) : nil
        scheduling.put(row)
        if let next = row.nextAt {
            setTimer(row.tenant, subject: LaneBatch.scheduleSubject, id: id.anySubject, key: LaneBatch.scheduleTimer, at: next)
        } else {
            cancelTimer(id: id.anySubject, key: LaneBatch.scheduleTimer)
        }
    }

    private mutating func retire(_ old: ScheduleRow) {
        var row = old
        row.state = ScheduleRow.retired
        row.nextAt = nil
        row.changedBy = nil
        row.changedAt = now
        scheduling.put(row)
        cancelTimer(id: row.id.anySubject, key: LaneBatch.scheduleTimer)
        for time in scheduling.open[row.id] ?? [] where time.outcome == ScheduleTimeRow.waiting {
            drop(time, "The schedule is not configured any more.", row)
        }
        announce("schedule.retired", row, by: nil, ["number": JSONValue(row.number)])
    }

    // MARK: Times

    /// Settles every time up to an instant that is not settled yet.
    private mutating func settle(_ id: ScheduleID, _ schedule: Schedule, _ planned: PlannedSchedule, through: Moment) {
        guard var row = scheduling.rows[id], through > row.settledThrough else { return }
        let due = schedule.timetable.due(
            after: row.settledThrough, through: through, keep: ScheduleBounds.catchUpMax + Scheduling.onTimeMax,
            isBusinessDay: planned.businessDays(of: schedule.timetable))
        let before = row.number
        row.settledThrough = through
        row.number += Int64(due.count)
        scheduling.put(row)
        guard let first = due.first else { return }
        closeEnded(id)
        func number(_ place: Int) -> Int64 { before + Int64(due.count - due.last.count + place) + 1 }
        if let cause = obstacle(row) {
            let all = LeftOut(first: first, last: due.last[due.last.count - 1], count: due.count, number: row.number)
            return leaveOut(row, all, ScheduleTimeRow.skipped, cause)
        }
        let late = due.last.filter { now.seconds(since: $0) > ScheduleBounds.lateSeconds }.count
        let onTime = due.last.count - late
        var begun = late
        switch schedule.catchUp {
        case .none: break
        case .last: if onTime == 0 { begun -= 1 }
        case .all: begun = max(0, late - schedule.catchUpMax)
        }
        let left = due.count - due.last.count + begun
        if left > 0, begun > 0 {
            leaveOut(
                row, LeftOut(first: first, last: due.last[begun - 1], count: left, number: before + Int64(left)),
                ScheduleTimeRow.missed,
                "Nothing ran here when \(left == 1 ? "it" : "they") came, and \(schedule.catchUpWords).")
        }
        for place in begun..<due.last.count { offer(row, due.last[place], number(place), schedule, planned) }
    }

    private func obstacle(_ row: ScheduleRow) -> String? {
        if row.state == ScheduleRow.paused { return "The schedule is paused: \(row.reason)" }
        let state = assets[row.tenant]?.scope.state ?? "active"
        return state == "active" ? nil : "The tenant is \(state)."
    }

    /// Times that are left out together; the number is the last one's.
    private struct LeftOut {
        let first: Moment
        let last: Moment
        let count: Int
        let number: Int64
    }

    private mutating func leaveOut(_ row: ScheduleRow, _ times: LeftOut, _ outcome: String, _ reason: String) {
        scheduling.put(
            ScheduleTimeRow(
                row, nominal: times.last, number: times.number, first: times.first, count: Int32(clamping: times.count),
                outcome: outcome, reason: reason, at: now))
        tell(times, outcome, reason, of: row)
    }

    private mutating func tell(_ times: LeftOut, _ outcome: String, _ reason: String, of row: ScheduleRow) {
        announce(
            "schedule.\(outcome)", row, by: nil,
            [
                "first": JSONValue(times.first), "last": JSONValue(times.last), "count": JSONValue(times.count),
                "number": JSONValue(times.number), "reason": .string(reason),
            ])
    }

    private func alone(_ time: ScheduleTimeRow) -> LeftOut {
        LeftOut(first: time.nominal, last: time.nominal, count: 1, number: time.number)
    }

    private mutating func drop(_ waiting: ScheduleTimeRow, _ reason: String, _ row: ScheduleRow) {
        var time = waiting
        time.outcome = ScheduleTimeRow.skipped
        time.reason = reason
        time.settledAt = now
        scheduling.put(time)
        tell(alone(time), time.outcome, reason, of: row)
    }

    /// A time has come: its run begins, or waits, or is left out, as the schedule says of earlier runs that have not ended.
    private mutating func offer(
        _ row: ScheduleRow, _ nominal: Moment, _ number: Int64, _ schedule: Schedule, _ planned: PlannedSchedule
    ) {
        let open = scheduling.open[row.id] ?? []
        let running = open.filter { $0.outcome == ScheduleTimeRow.started }
        let waiting = open.filter { $0.outcome == ScheduleTimeRow.waiting }
        let wait = ScheduleTimeRow(row, nominal: nominal, number: number, outcome: ScheduleTimeRow.waiting, at: now)
        switch schedule.overlap {
        case _ where running.isEmpty && waiting.isEmpty: begin(wait, row, schedule)
        case .allow where running.count < schedule.overlapMax: begin(wait, row, schedule)
        case .allow: drop(wait, "\(running.count) runs of it are open, which is the most.", row)
        case .skip: drop(wait, "The run of \(schedule.timetable.spoken(open[0].nominal)) had not ended.", row)
        case .queue where waiting.count < schedule.overlapMax: scheduling.put(wait)
        case .queue: drop(wait, "\(waiting.count) times wait already, which is the most.", row)
        case .cancelRunning:
            for time in waiting { drop(time, "The time after it took its place.", row) }
            for time in running { if let run = time.run { end(run, of: row, nominal) } }
            if running.isEmpty { begin(wait, row, schedule) } else { scheduling.put(wait) }
        }
    }

    /// What the run is writing is not cut off; it ends when that has been answered.
    private mutating func end(_ run: RunID, of row: ScheduleRow, _ nominal: Moment) {
        ordered.append(
            CommandRow(
                tenant: row.tenant, id: newID(), lane: lane, idempotencyKey: "schedule.end/\(run)/\(nominal.microseconds)",
                kind: "run.event", run: run,
                payload: RunEvent.abandoned(reason: "The next time of its schedule has come.").json, createdAt: now))
    }

    private mutating func begin(_ waiting: ScheduleTimeRow, _ row: ScheduleRow, _ schedule: Schedule) {
        var time = waiting
        let run = PlannedSchedule.run(row.tenant, row.workflow, time.nominal)
        let spoken = schedule.timetable.spoken(time.nominal)
        time.settledAt = now
        do throws(Refusal) {
            let input = try schedule.input(nominal: time.nominal, number: time.number)
            time.outcome = ScheduleTimeRow.started
            time.run = run
            ordered.append(
                CommandRow(
                    tenant: row.tenant, id: newID(), lane: lane, idempotencyKey: "run.start/\(run)", kind: "run.start", run: run,
                    payload: [
                        "workflow": .string(row.workflow), "input": input, "schedule": JSONValue(row.id),
                        "summary": ["number": .string(String(spoken.prefix(16))), "supplierName": ""],
                        "before": [
                            [
                                "type": "schedule.began",
                                "summary": .string("Begun by its schedule for \(spoken), time \(time.number)."),
                                "data": [
                                    "nominal": JSONValue(time.nominal), "number": JSONValue(time.number),
                                    "lateSeconds": JSONValue(now.seconds(since: time.nominal)),
                                    "zoneVersion": .string(row.zoneVersion),
                                ],
                            ]
                        ],
                    ], createdAt: now))
        } catch {
            time.outcome = ScheduleTimeRow.refused
            time.reason = error.message
            time.endedAt = now
            tell(alone(time), time.outcome, error.message, of: row)
        }
        scheduling.put(time)
        tell(row.tenant, "schedule.settled", run: nil, ["workflow": .string(row.workflow), "outcome": .string(time.outcome)])
    }

    /// Runs that have ended make room for times that wait.
    private mutating func closeEnded(_ id: ScheduleID) {
        for time in scheduling.open[id] ?? [] {
            guard time.outcome == ScheduleTimeRow.started, let run = time.run,
                let ended = runs[run]?.finishedAt ?? scheduling.ended[run]
            else { continue }
            var closed = time
            closed.endedAt = ended
            scheduling.put(closed)
        }
    }

    private mutating func beginWaiting(_ id: ScheduleID, _ planned: PlannedSchedule) {
        guard let row = scheduling.rows[id], obstacle(row) == nil else { return }
        let most = planned.schedule.overlap == .allow ? planned.schedule.overlapMax : 1
        for time in scheduling.open[id] ?? [] where time.outcome == ScheduleTimeRow.waiting {
            let running = (scheduling.open[id] ?? []).filter { $0.outcome == ScheduleTimeRow.started }
            guard running.count < most else { return }
            begin(time, row, planned.schedule)
        }
    }

    private mutating func announce(_ action: String, _ row: ScheduleRow, by person: PersonID?, _ facts: JSONObject) {
        var whole = facts
        whole["workflow"] = .string(row.workflow)
        whole["version"] = .string(row.version)
        enter(
            row.tenant, action: action, object: (type: "schedule", id: row.id.text), run: nil, by: person, facts: .object(whole))
        tell(row.tenant, action, run: nil, ["workflow": .string(row.workflow)])
    }
}
