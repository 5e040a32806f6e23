package import Kernel
package import Records
package import ServiceLevels
package import Tenancy
internal import Workflows

/// Service-level clocks inside a batch: their events are the truth, every stored figure is what the events evaluate to now.
extension LaneBatch {
    mutating func measure(run id: RunID, objective name: String, change: ClockChange, context: RunContext) {
        guard let run = runs[id], let contract = context.contract, let calendar = calendar(of: context, in: run.tenant),
            let objective = contract.objectives.first(where: { $0.name == name && $0.measures == .runClock }),
            let contractPin = context.pinned.contract,
            let calendarPin = context.pinned.calendar
        else { return }
        let rules = rules(of: objective, contract: contract, calendar: calendar, tenant: run.tenant)
        let known = clocks[.run(id)]?.firstIndex { $0.objective == name }
        var row: ClockRow
        switch (change, known) {
        case (.start, nil):
            row = ClockRow(
                tenant: run.tenant, id: newID(), lane: lane, subject: .run(id), objective: name, contractAsset: contractPin.asset,
                contractVersion: contractPin.version, calendarAsset: calendarPin.asset, zoneVersion: calendar.zone.version,
                targetSeconds: rules.terms.targetSeconds, events: [], startedAt: now)
            newClocks.append(row.id)
            clocks[.run(id), default: []].append(row)
        case (_, nil): return
        case (_, let index?):
            row = clocks[.run(id)]?[index] ?? clocks[.run(id), default: []][index]
        }
        let kind: ClockEvent.Kind =
            switch change {
            case .start: row.events.array?.isEmpty ?? true ? .start : .reopen
            case .stop: .stop
            case .pause(let reason): .pause(reason: reason)
            case .resume(let reason): .resume(reason: reason)
            case .cancel: .cancel
            }
        // Of one second a clock takes the stop last (R20), so what begins anew in the second of its stop begins with the next.
        let anew = kind == .reopen ? row.stoppedAt.map { Moment(seconds: $0.seconds + 1) } : nil
        let at = ((row.events.array ?? []).compactMap { $0["at"]?.moment } + [anew, now].compactMap(\.self)).max() ?? now
        var events = [ClockEvent(kind, at: at)]
        // What has to be done by a time of the day has until then.
        if change == .start, let cutOff = objective.cutOff,
            let next = CutOff.next(
                after: Moment(seconds: at.seconds), at: cutOff, leadSeconds: rules.terms.targetSeconds, calendar: calendar)
        {
            events.append(ClockEvent(.retarget(seconds: next.targetSeconds), at: at))
        }
        row.events = .array((row.events.array ?? []) + events.map(\.json))
        recount(row, from: nil, rules, asOf: at)
        enter(
            run.tenant, action: "clock.\(Measuring.word(of: change))", object: (type: "clock", id: row.id.text), run: id, by: nil,
            facts: ["objective": .string(name), "contract": .string(row.contractVersion)])
    }

    /// A warning or a breach may be due; the clock says what is true now, late after downtime but dated truly.
    mutating func fireClock(_ id: ClockID) {
        for (subject, rows) in clocks {
            guard let row = rows.first(where: { $0.id == id }) else { continue }
            if let rules = rules(of: row) { return recount(row, from: nil, rules, asOf: now) }
            if let run = subject.run {
                guard let pinned = runs[run]?.pinnedText, contexts[pinned] == nil else { continue }
                // The promise cannot be read; the clock is looked at again when the run is.
                markHeld(run)
            }
            setTimer(
                row.tenant, subject: "clock", id: id.anySubject, key: "clock", at: now.adding(seconds: LaneBatch.heldRetrySeconds)
            )
            return
        }
    }

    /// Evaluates the clock, keeps the result, sets the next wake-up, and tells of a first warning or a breach. `before` is what a
    /// clock was whose past two people have corrected: then alone a breach may go.
    mutating func recount(_ old: ClockRow, from before: ClockRow?, _ rules: ClockRules, asOf: Moment) {
        var row = old
        let reading = Measuring.read(
            row, terms: rules.terms, calendar: rules.calendar, maintenance: rules.maintenance, asOf: asOf)
        row.state = reading.state.rawValue
        row.outcome = reading.outcome.rawValue
        row.elapsedSeconds = reading.elapsedSeconds
        row.targetSeconds = reading.targetSeconds
        row.dueAt = reading.dueAt
        row.breachedAt = reading.breachedAt
        // A breach is written once: maintenance that is published after it does not take it back. A cycle begun anew is another
        // promise, and keeps the earlier one's outcome in its own list.
        if let breachedAt = old.breachedAt, reading.breachedAt == nil, before == nil,
            !reading.cycles.contains(where: { $0.outcome == .breached })
        {
            row.outcome = ClockReading.Outcome.breached.rawValue
            row.breachedAt = breachedAt
        }
        let isOver = reading.state == .stopped || reading.state == .cancelled
        // What happens to an incident is told to its clocks a moment later, so they are dated by what is told.
        row.stoppedAt = isOver ? (old.stoppedAt ?? (row.run == nil ? reading.stoppedAt : asOf) ?? asOf) : nil
        if before != nil, row.stoppedAt != nil { row.stoppedAt = reading.cycles.last?.stoppedAt ?? row.stoppedAt }
        row.warnedAt = reading.warnings.compactMap(\.firedAt).min()
        if let index = clocks[row.subject]?.firstIndex(where: { $0.id == row.id }) { clocks[row.subject]?[index] = row }
        changedClocks.insert(row.id)
        // The cycle that a restart ends stays what it was; a case that goes on is decided again.
        let isAnew =
            row.stoppedAt == nil
            && old.stoppedAt.map { at in reading.cycles.contains { $0.stoppedAt.seconds == at.seconds } } ?? false
        settledCases +=
            before.map { Measuring.corrections(from: $0, to: row) } ?? Measuring.decisions(from: old, to: row, isAnew: isAnew)
        if let next = reading.nextWakeUp {
            // The reading counts whole seconds, so the wake-up is at the first instant of that second.
            setTimer(
                row.tenant, subject: "clock", id: row.id.anySubject, key: "clock", at: max(next, now.adding(milliseconds: 20)))
        } else {
            cancelTimer(id: row.id.anySubject, key: "clock")
        }
        if row.outcome == "breached", old.outcome != "breached" { breach(row) }
        if row.warnedAt != nil, old.warnedAt == nil, row.outcome == "open" { warn(row) }
    }

    private mutating func breach(_ row: ClockRow) {
        let over = ServiceDuration.text(row.elapsedSeconds - row.targetSeconds)
        let told = "The \(row.objective) target of \(ServiceDuration.text(row.targetSeconds)) was passed."
        enter(
            row.tenant, action: "sla.breached", object: (type: "clock", id: row.id.text), run: row.run, by: nil,
            facts: [
                "objective": .string(row.objective), "breachedAt": JSONValue(row.breachedAt),
                "targetSeconds": JSONValue(row.targetSeconds),
                "elapsedSeconds": JSONValue(row.elapsedSeconds),
            ])
        tell(row.tenant, "sla.breached", run: row.run, LaneBatch.facts(of: row))
        switch row.subject {
        case .run(let id):
            guard let run = runs[id] else { return }
            note(
                id, type: "clock.breached", step: "", summary: told, by: nil,
                data: ["objective": .string(row.objective), "breachedAt": JSONValue(row.breachedAt)])
            raised.append(
                RaisedAlert(
                    tenant: row.tenant, alert: "sla-breach",
                    facts: ["objective": row.objective, "subject": run.subject, "counterparty": run.counterparty, "over": over],
                    run: id))
        case .incident(let id): breach(row, of: id, told)
        case .onboarding: return
        }
    }

    private mutating func warn(_ row: ClockRow) {
        let told = "The \(row.objective) clock has reached its warning."
        tell(row.tenant, "sla.warned", run: row.run, LaneBatch.facts(of: row))
        switch row.subject {
        case .run(let id):
            guard let run = runs[id] else { return }
            note(
                id, type: "clock.warned", step: "", summary: told, by: nil,
                data: ["objective": .string(row.objective), "dueAt": JSONValue(row.dueAt)])
            raised.append(
                RaisedAlert(
                    tenant: row.tenant, alert: "sla-risk",
                    facts: ["objective": row.objective, "subject": run.subject, "counterparty": run.counterparty], run: id))
        case .incident(let id): addLine(told, to: id, of: row.tenant, by: nil)
        case .onboarding: return
        }
    }

    /// What is told of a clock: its id, its objective, and what it is about unless that is the run.
    private static func facts(of row: ClockRow) -> JSONValue {
        .object([
            "clock": JSONValue(row.id), "objective": .string(row.objective),
            "incident": row.subject.incident.map { JSONValue($0) }, "onboarding": row.subject.onboarding.map { JSONValue($0) },
        ])
    }
}

/// Reading stored clocks; pages, the explain document and the lane use the same code.
package enum Measuring {
    package static func terms(of objective: ContractDocument.Objective) -> ClockTerms {
        ClockTerms(
            targetSeconds: Int64(objective.targetSeconds), warnPercents: objective.warnPercents,
            pauseReasons: objective.pauseReasons.map(Set.init),
            // The contract's shape knows no other word.
            reopening: ClockTerms.Reopening(rawValue: objective.reopen) ?? .resume,
            metric: objective.metric,
            maintenanceNoticeSeconds: objective.maintenanceNoticeSeconds.map(Int64.init))
    }

    /// The zone in which the months of a contract begin: that of its reports, else of its service time. Budgets and reports ask
    /// here, so that their months are the same.
    package static func months(of contract: ContractDocument, calendar: ServiceCalendar) throws(Refusal) -> ZoneRules {
        guard let named = contract.reporting.timeZone else { return calendar.zone }
        return try ZoneRules.load(named)
    }

    /// What of the announced maintenance an objective may leave out; cut where a month has used up what the contract allows.
    package static func maintenance(
        of contract: ContractDocument, objective: ContractDocument.Objective, calendar: ServiceCalendar,
        in current: TenantAssets?
    ) -> [MaintenanceWindow] {
        MaintenanceWindow.leftOut(
            of: announced(under: contract, in: current), by: terms(of: objective),
            capSeconds: objective.maintenanceCapSeconds.map(Int64.init), calendar: calendar)
    }

    /// All maintenance that was announced under a contract: as its pinned version says and the current file has added since, and
    /// what was announced while the server ran.
    package static func announced(under contract: ContractDocument, in current: TenantAssets?) -> [MaintenanceWindow] {
        let told = (current?.maintenance ?? []).filter { $0.cancelledAt == nil }.map {
            MaintenanceWindow(announcedAt: $0.announcedAt, start: $0.startsAt, end: $0.endsAt)
        }
        return Set(written(under: contract, in: current) + told).sorted {
            ($0.start, $0.end, $0.announcedAt) < ($1.start, $1.end, $1.announcedAt)
        }
    }

    private static func written(under contract: ContractDocument, in current: TenantAssets?) -> [MaintenanceWindow] {
        var issues: [AssetIssue] = []
        let newer = current?.row("contract", contract.name).flatMap { row in
            row.version == contract.version ? nil : ContractDocument.parse(row.content, issues: &issues)
        }
        return (contract.maintenance + (newer?.maintenance ?? [])).map {
            MaintenanceWindow(announcedAt: $0.announcedAt, start: $0.start, end: $0.end)
        }
    }

    package static func read(
        _ row: ClockRow, terms: ClockTerms, calendar: ServiceCalendar, maintenance: [MaintenanceWindow], asOf now: Moment,
        isTraced: Bool = false
    ) -> ClockReading {
        var issues: [AssetIssue] = []
        let events = (row.events.array ?? []).compactMap { ClockEvent.parse($0, issues: &issues) }
        precondition(issues.isEmpty, "a clock event that we wrote does not read: \(issues)")
        return SLAClock.read(
            calendar: calendar, terms: terms, maintenance: maintenance, events: events, asOf: now, isTraced: isTraced)
    }

    /// What a change of a clock adds to the count of decided cases, and what it takes back there. A breach stays; a clock that
    /// begins anew after it was decided is another case.
    static func decisions(from old: ClockRow, to row: ClockRow, isAnew: Bool = false) -> [DecidedCases] {
        guard old.outcome != row.outcome || isAnew else { return [] }
        var out: [DecidedCases] = []
        if !isAnew, let before = decided(old), before.isMet {
            out.append(DecidedCases(tenant: row.tenant, objective: row.objective, at: before.at, good: -1, bad: 0))
        }
        if let now = decided(row) {
            out.append(
                DecidedCases(
                    tenant: row.tenant, objective: row.objective, at: now.at, good: now.isMet ? 1 : 0, bad: now.isMet ? 0 : 1))
        }
        return out
    }

    private static func decided(_ row: ClockRow) -> DecidedCase? {
        ClockReading.Outcome(rawValue: row.outcome).flatMap {
            DecidedCase($0, breachedAt: row.breachedAt, stoppedAt: row.stoppedAt)
        }
    }

    /// The same for a correction, which alone takes a breach back: what was counted goes, and what is so now is counted.
    static func corrections(from old: ClockRow, to row: ClockRow) -> [DecidedCases] {
        func counted(_ clock: ClockRow, _ sign: Int64) -> DecidedCases? {
            decided(clock).map {
                DecidedCases(
                    tenant: clock.tenant, objective: clock.objective, at: $0.at, good: $0.isMet ? sign : 0,
                    bad: $0.isMet ? 0 : sign)
            }
        }
        return [counted(old, -1), counted(row, 1)].compactMap(\.self)
    }

    static func word(of change: ClockChange) -> String {
        switch change {
        case .start: "started"
        case .stop: "stopped"
        case .pause: "paused"
        case .resume: "resumed"
        case .cancel: "cancelled"
        }
    }
}

extension TenantAssets {
    /// All maintenance that was announced and not taken back: in the contracts that are published, and while the server ran.
    var announcedMaintenance: [ContractDocument.Maintenance] {
        let written = all("contract").flatMap { row -> [ContractDocument.Maintenance] in
            var issues: [AssetIssue] = []
            return ContractDocument.parse(row.content, issues: &issues)?.maintenance ?? []
        }
        let told = maintenance.filter { $0.cancelledAt == nil }.map {
            ContractDocument.Maintenance(title: $0.title, announcedAt: $0.announcedAt, start: $0.startsAt, end: $0.endsAt)
        }
        return written + told
    }

    /// That of it which goes on at an instant.
    func maintenance(at moment: Moment) -> [ContractDocument.Maintenance] {
        announcedMaintenance.filter { $0.announcedAt <= moment && $0.start <= moment && moment < $0.end }
    }
}
