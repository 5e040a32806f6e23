internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import Workflows

/// What comes for clocks from outside of their runs: other maintenance, and corrections of their past.
extension LaneBatch {
    /// Starts the clock of a run's exceptions with the first that waits, and stops it with the last. A run that is over while one
    /// waits takes its case back: it was not answered.
    mutating func ageExceptions(of run: RunID, isOver: Bool = false) {
        let name = SLAObjective.Name.exceptionAge.rawValue
        guard let row = runs[run], let context = contexts[row.pinnedText],
            context.contract?.objectives.contains(where: { $0.name == name }) == true
        else { return }
        let waits = (taskByKey[run] ?? [:]).values.contains { id in
            tasks[id].map { $0.kind == HumanRequest.Kind.exception.rawValue && $0.finishedAt == nil } ?? false
        }
        let runs = clocks[.run(run)]?.first { $0.objective == name }.map { $0.stoppedAt == nil } ?? false
        if waits, !runs { measure(run: run, objective: name, change: .start, context: context) }
        if !waits, runs { measure(run: run, objective: name, change: isOver ? .cancel : .stop, context: context) }
    }

    /// The clocks of a run, or of what else has some, that still run are read anew.
    mutating func readClocks(_ command: CommandRow) -> JSONValue {
        guard let subject = command.run.map(ClockSubject.run) ?? LaneBatch.subject(of: command) else { return [:] }
        let open = (clocks[subject] ?? []).filter { $0.stoppedAt == nil }.map(\.id)
        for id in open { fireClock(id) }
        return ["clocks": JSONValue(open.count)]
    }

    /// Two people have agreed on what a clock's past was. What was there lies in the correction and in the audit log.
    mutating func correctClock(_ command: CommandRow) throws(Refusal) -> JSONValue {
        let subject = command.run.map(ClockSubject.run) ?? LaneBatch.subject(of: command)
        guard let subject, let id = command.payload["clock"]?.string.flatMap({ ClockID($0) }),
            let old = clocks[subject]?.first(where: { $0.id == id }), old.tenant == command.tenant
        else { throw Refusal(.notFound, reason: "not-found", "There is no clock here by that id.") }
        guard let rules = rules(of: old) else {
            throw Refusal(
                .unprocessable, reason: "correction.terms", "The contract that this clock counts under cannot be read.")
        }
        var row = old
        var events = row.events.array ?? []
        for gone in command.payload["remove"]?.array ?? [] {
            if let at = events.firstIndex(of: gone) { events.remove(at: at) }
        }
        row.events = .array(events + (command.payload["add"]?.array ?? []))
        let by = command.payload["by"]?.string.flatMap { PersonID($0) }
        recount(row, from: old, rules, asOf: now)
        let clock = clocks[subject]?.first { $0.id == id } ?? row
        if let run = old.run {
            note(
                run, type: "clock.corrected", step: "", summary: "The \(row.objective) clock was corrected by two people.",
                by: by, data: ["objective": .string(row.objective), "correction": command.payload["correction"] ?? .null])
        }
        if let incident = old.subject.incident {
            addLine("The clock \(row.objective) was corrected by two people.", to: incident, of: old.tenant, by: by)
        }
        enter(
            row.tenant, action: "clock.corrected", object: (type: "clock", id: id.text), run: old.run, by: by,
            facts: .object([
                "correction": command.payload["correction"], "second": command.payload["second"],
                "reason": command.payload["reason"], "eventsBefore": old.events, "eventsAfter": row.events,
                "outcomeBefore": .string(old.outcome), "outcomeAfter": .string(clock.outcome),
                "elapsedSecondsBefore": JSONValue(old.elapsedSeconds), "elapsedSecondsAfter": JSONValue(clock.elapsedSeconds),
            ]))
        return ["clock": JSONValue(id), "outcome": .string(clock.outcome)]
    }

    /// Nil where the contract that the clock is pinned to cannot be read.
    func rules(of row: ClockRow) -> ClockRules? {
        let (contract, calendar): (ContractDocument, ServiceCalendar)
        if let run = row.run {
            guard let pinned = runs[run]?.pinnedText, let context = contexts[pinned], let promised = context.contract,
                let counted = self.calendar(of: context, in: row.tenant)
            else { return nil }
            (contract, calendar) = (promised, counted)
        } else {
            guard let promise = promises[PinnedPromise.Key(row)] else { return nil }
            (contract, calendar) = (promise.contract, self.calendar(of: promise, in: row.tenant))
        }
        guard let objective = contract.objectives.first(where: { $0.name == row.objective }) else { return nil }
        return rules(of: objective, contract: contract, calendar: calendar, tenant: row.tenant)
    }

    func rules(
        of objective: ContractDocument.Objective, contract: ContractDocument, calendar: ServiceCalendar, tenant: TenantID
    ) -> ClockRules {
        ClockRules(
            terms: Measuring.terms(of: objective), calendar: calendar,
            maintenance: Measuring.maintenance(of: contract, objective: objective, calendar: calendar, in: assets[tenant]))
    }
}
