package import Kernel
internal import Postgres
package import Records
internal import Seals
internal import ServiceLevels
internal import Tenancy

/// The only door by which a clock's past changes: one person asks, another confirms what was shown, and what was there is kept.
///
/// A correction takes events out and puts events in; the clock is then read anew in its lane, by the code that reads every clock.
package struct Correcting: Sendable {
    package static let eventsMax = 20

    /// What is asked for.
    package struct Change: Sendable {
        package let add: [JSONValue]
        /// Counted from 1, in the order in which the explain document lists them.
        package let remove: [Int]
        package let reason: String

        package init(add: [JSONValue], remove: [Int], reason: String) {
            self.add = add
            self.remove = remove
            self.reason = reason
        }
    }

    private let platform: Platform
    private let looking: Looking
    private let desk: CommandDesk

    package init(platform: Platform, looking: Looking, desk: CommandDesk) {
        self.platform = platform
        self.looking = looking
        self.desk = desk
    }

    /// Of one clock, or of all; the newest first.
    package func all(_ tenant: TenantID, clock: ClockID? = nil) async throws -> [CorrectionRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(CorrectionQueries.all(tenant: tenant, clock: clock)).map(CorrectionRow.init)
        }
    }

    package func find(_ id: CorrectionID, in tenant: TenantID) async throws -> CorrectionRow {
        let row = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(CorrectionQueries.find(tenant: tenant, id: id)).first.map(CorrectionRow.init)
        }
        guard let row else { throw Refusal(.notFound, reason: "not-found", "There is no correction here by that id.") }
        return row
    }

    // MARK: Asking

    /// Stores what is to change, with what the clock says and would say.
    package func ask(_ change: Change, of id: ClockID, as actor: Actor, scope: ScopeRow) async throws -> CorrectionRow {
        guard !actor.isMachine else { throw Correcting.machine(actor) }
        let reason = change.reason
        guard !reason.allSatisfy(\.isWhitespace), reason.unicodeScalars.count <= ContractLife.reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "correction.reason",
                "Say why, in 1 to \(ContractLife.reasonScalarsMax) characters.", facts: ["field": "reason"])
        }
        let now = platform.clock.now
        let clock = try await looking.clock(scope.id, id)
        let (removed, events) = try Correcting.apply(change, to: clock.events.array ?? [], at: now)
        let before = try await reading(of: clock, clock.events.array ?? [], scope: scope, at: now)
        let after = try await reading(of: clock, events, scope: scope, at: now)
        let original: JSONValue = ["events": clock.events, "reading": before, "removed": .array(removed)]
        let corrected: JSONValue = ["events": .array(events), "reading": after, "added": .array(change.add)]
        let bound: JSONValue = ["clock": JSONValue(id), "original": clock.events, "corrected": .array(events)]
        let row = CorrectionRow(
            tenant: scope.id, id: platform.newID(), clock: id, run: clock.run, original: original, corrected: corrected,
            hash: try ObjectHash.hexText(of: bound), reason: reason, askedBy: actor.person, askedNatural: actor.natural,
            askedAt: now)
        try await platform.store.withTenant(scope.id) { [self] tx in
            guard try await tx.query(CorrectionQueries.insert(row)).count == 1 else {
                throw Refusal(
                    .conflict, reason: "correction.open", "Another correction of this clock waits; settle it first.",
                    facts: ["clock": id.text])
            }
            try await tx.execute(AuditQueries.insert([entry("clock.correction-asked", row, scope, actor, at: now)]))
        }
        return row
    }

    /// The events as they are to be, and those that go.
    static func apply(
        _ change: Change, to events: [JSONValue], at now: Moment
    ) throws(Refusal) -> (removed: [JSONValue], events: [JSONValue]) {
        guard !change.add.isEmpty || !change.remove.isEmpty, change.add.count <= eventsMax else {
            throw Refusal(
                .invalid, reason: "correction.nothing", "Name 1 to \(eventsMax) events to add, or some to remove.",
                facts: ["field": "add"])
        }
        for number in change.remove where !(1...max(1, events.count)).contains(number) || events.isEmpty {
            throw Refusal(
                .invalid, reason: "correction.remove", "There is no event \(number); the clock has \(events.count).",
                facts: ["field": "remove"])
        }
        for (index, event) in change.add.enumerated() {
            var issues: [AssetIssue] = []
            let read = ClockEvent.parse(event, issues: &issues)
            guard let read, issues.isEmpty else {
                let issue = issues.first
                throw Refusal(
                    .invalid, reason: "correction.event",
                    "Event \(index + 1) does not read: \(issue?.message ?? "it has not the form of one.") \(issue?.remedy ?? "")",
                    facts: ["field": "add/\(index)\(issue?.pointer ?? "")"])
            }
            guard read.at <= now else {
                throw Refusal(
                    .invalid, reason: "correction.future", "Event \(index + 1) lies in the future.",
                    facts: ["field": "add/\(index)/at"])
            }
        }
        let gone = Set(change.remove.map { $0 - 1 })
        let kept = events.enumerated().filter { !gone.contains($0.offset) }.map(\.element) + change.add
        guard kept.filter({ $0["type"]?.string == "start" }).count == 1 else {
            throw Refusal(
                .unprocessable, reason: "correction.start", "A clock has one start. Add one where you remove the other.",
                facts: ["field": "remove"])
        }
        return (gone.sorted().map { events[$0] }, kept)
    }

    private func reading(of clock: ClockRow, _ events: [JSONValue], scope: ScopeRow, at now: Moment) async throws -> JSONValue {
        guard let rules = try await looking.rules(of: clock, tenant: scope.id) else {
            throw Refusal(
                .unprocessable, reason: "correction.terms", "The contract that this clock counts under cannot be read.",
                facts: ["clock": clock.id.text])
        }
        var copy = clock
        copy.events = .array(events)
        return Measuring.read(
            copy, terms: rules.terms, calendar: rules.calendar, maintenance: rules.maintenance, asOf: now
        ).json(trace: false)
    }

    // MARK: Settling

    /// A second person confirms what was shown; the lane then reads the clock anew.
    package func confirm(_ id: CorrectionID, hash: String, as actor: Actor, scope: ScopeRow) async throws -> CorrectionRow {
        guard !actor.isMachine else { throw Correcting.machine(actor) }
        let row = try await find(id, in: scope.id)
        guard row.askedNatural != actor.natural else {
            throw Refusal(
                .forbidden, reason: "correction.second-person", "You asked for this, so someone else has to confirm it.",
                facts: ["rule": "two-people"])
        }
        guard constantTimeEqual(Array(row.hash.utf8), Array(hash.utf8)) else {
            throw Refusal(
                .stale, reason: "correction.hash", "This is not what was shown. Look at the correction and confirm its hash.",
                facts: ["hash": row.hash])
        }
        let now = platform.clock.now
        let subject = try await looking.clock(scope.id, row.clock).subject
        let command = CommandRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "clock.correct/\(id)",
            kind: "clock.correct", run: row.run,
            payload: [
                "clock": JSONValue(row.clock), "subject": subject.json, "correction": JSONValue(id), "add": row.corrected["added"] ?? [],
                "remove": row.original["removed"] ?? [], "by": JSONValue(row.askedBy), "second": JSONValue(actor.person),
                "reason": .string(row.reason),
            ], createdAt: now)
        try await settle(row, "confirmed", actor, scope, at: now, with: command)
        desk.nudge(lane: scope.lane)
        return try await find(id, in: scope.id)
    }

    package func withdraw(_ id: CorrectionID, as actor: Actor, scope: ScopeRow) async throws -> CorrectionRow {
        let row = try await find(id, in: scope.id)
        try await settle(row, "withdrawn", actor, scope, at: platform.clock.now, with: nil)
        return try await find(id, in: scope.id)
    }

    private func settle(
        _ row: CorrectionRow, _ state: String, _ actor: Actor, _ scope: ScopeRow, at now: Moment, with command: CommandRow?
    ) async throws {
        try await platform.store.withTenant(scope.id) { [self] tx in
            let won = try await tx.query(
                CorrectionQueries.settle(tenant: scope.id, id: row.id, as: state, by: actor.person, at: now))
            guard won.count == 1 else {
                throw Refusal(.conflict, reason: "correction.settled", "This correction was settled before.", facts: [:])
            }
            if let command { _ = try await tx.query(CommandQueries.insert(command)) }
            try await tx.execute(AuditQueries.insert([entry("clock.correction-\(state)", row, scope, actor, at: now)]))
        }
    }

    private static func machine(_ actor: Actor) -> Refusal {
        Refusal(
            .forbidden, reason: "correction.machine", "This takes two people, and \(actor.name) is a machine. Sign in to do it.",
            facts: [:])
    }

    private func entry(_ deed: String, _ row: CorrectionRow, _ scope: ScopeRow, _ actor: Actor, at now: Moment) -> AuditRow {
        AuditRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person", actor: actor.person.text,
            action: deed, objectType: "clock", objectID: row.clock.text, run: row.run,
            content: [
                "correction": JSONValue(row.id), "reason": .string(row.reason), "hash": .string(row.hash),
                "original": row.original, "corrected": row.corrected,
            ])
    }
}
