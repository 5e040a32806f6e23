package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Seals
internal import ServiceLevels
internal import Tenancy
package import Workflows

/// What people see of schedules and do with them, and what keeps the plans of tenants in step with their configuration.
package struct Scheduling: Sendable {
    package static let reasonScalarsMax = 1000
    /// Times whose outcome is kept of each schedule.
    package static let timesKept: Int64 = 1000
    package static let timesPageMax = 200
    /// Times ahead that are shown.
    package static let nextMax = 50
    /// Times that can be settled together without one of them being late: one a minute, and one to spare.
    static let onTimeMax = Int(ScheduleBounds.lateSeconds / 60) + 2
    /// A change that nobody told the lane of is seen after this.
    static let lookSeconds: Int64 = 60

    package enum Act: String, Sendable, CaseIterable {
        case pause, resume
    }

    /// A schedule of a tenant: what is configured, and how far it has been kept.
    package struct Shown: Sendable {
        package let row: ScheduleRow
        /// Nil for one that is not configured any more.
        package let schedule: Schedule?
        package let title: String
        /// The next times, as the configuration has them now; none while it is paused.
        package let next: [Moment]

        /// A time as its clocks show it.
        package func spoken(_ moment: Moment) -> String { (schedule?.timetable ?? Timetable(.every(minutes: 1))).spoken(moment) }
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let desk: CommandDesk
    private let scopes: ScopeDirectory

    package init(platform: Platform, assets: AssetLibrary, desk: CommandDesk, scopes: ScopeDirectory) {
        self.platform = platform
        self.assets = assets
        self.desk = desk
        self.scopes = scopes
    }

    // MARK: People

    /// The schedules of a tenant by the name of their workflow, with so many times ahead; those that retired come last.
    package func all(_ scope: ScopeRow, next count: Int) async throws -> [Shown] {
        let planned = assets.schedules(in: try await assets.current(for: scope.id))
        let current = try await assets.current(for: scope.id)
        let rows = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(ScheduleQueries.all(tenant: scope.id)).map(ScheduleRow.init)
        }
        let now = platform.clock.now
        return rows.map { row in
            let found = planned.first { $0.id == row.id }
            let timetable = found?.schedule.timetable
            return Shown(
                row: row, schedule: found?.schedule ?? Schedule.read(row.rule),
                title: current.row("workflow", row.workflow)?.content["title"]?.string ?? row.workflow,
                next: row.state != ScheduleRow.active || found?.trouble != nil
                    ? []
                    : timetable?.times(
                        after: max(now, row.settledThrough), count: min(count, Scheduling.nextMax),
                        isBusinessDay: found.map { $0.businessDays(of: $0.schedule.timetable) } ?? { _ in false }) ?? [])
        }.sorted { left, right in
            let (isLeft, isRight) = (left.row.state == ScheduleRow.retired, right.row.state == ScheduleRow.retired)
            return isLeft == isRight ? left.row.workflow < right.row.workflow : isRight
        }
    }

    package func one(_ workflow: String, _ scope: ScopeRow, next count: Int) async throws -> Shown {
        guard let found = try await all(scope, next: count).first(where: { sameBytes($0.row.workflow, workflow) }) else {
            throw Refusal(.notFound, reason: "schedule.none", "No workflow of that name has a schedule here.")
        }
        return found
    }

    /// What became of its times, latest first.
    package func times(
        _ schedule: ScheduleID, _ scope: ScopeRow, before: Moment? = nil, limit: Int
    ) async throws -> [ScheduleTimeRow] {
        let limit = max(1, min(limit, Scheduling.timesPageMax))
        return try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(ScheduleQueries.times(tenant: scope.id, schedule: schedule, before: before, limit: limit))
                .map(ScheduleTimeRow.init)
        }
    }

    /// A person pauses a schedule or lets it go on. Times that come while it is paused are left out for good.
    package func turn(
        _ workflow: String, _ act: Act, reason: String, key: String, as actor: Actor, scope: ScopeRow
    ) async throws -> CommandDesk.Answer {
        guard !actor.isMachine else {
            throw Refusal(
                .forbidden, reason: "schedule.machine", "\(actor.name) is a machine. Whether runs begin is a person's decision.")
        }
        guard !reason.allSatisfy(\.isWhitespace), reason.unicodeScalars.count <= Scheduling.reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "schedule.reason", "Say why, in 1 to \(Scheduling.reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        let shown = try await one(workflow, scope, next: 1)
        return try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane,
                idempotencyKey: "schedule.turn/\(actor.person)/\(key)", kind: "schedule.turn",
                payload: [
                    "schedule": JSONValue(shown.row.id), "act": .string(act.rawValue), "by": JSONValue(actor.person),
                    "reason": .string(reason),
                ], createdAt: platform.clock.now))
    }

    // MARK: Plans

    /// Looks at all tenants until cancelled: a library's new version, new zone data or a command that was lost is seen.
    package func run() async {
        while !Task.isCancelled {
            var pause = Scheduling.lookSeconds * 1000
            do {
                let tenants = try await scopes.all().filter { $0.kind == "tenant" }
                // One after the other over the whole minute, so that many tenants are no burst.
                pause /= Int64(max(1, tenants.count))
                for scope in tenants.dropLast() where !Task.isCancelled {
                    try await look(scope)
                    try await Task.sleep(for: .milliseconds(pause))
                }
                if let last = tenants.last { try await look(last) }
            } catch is CancellationError {
                return
            } catch {
                platform.logger.warning("schedules not looked at", metadata: ["error": "\(error)"])
                pause = Scheduling.lookSeconds * 1000
            }
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(pause))
        }
    }

    /// Tells the lane of a tenant when its plans are not those of its configuration.
    package func look(_ scope: ScopeRow) async throws {
        let planned = assets.schedules(in: try await assets.current(for: scope.id))
        let rows = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(ScheduleQueries.all(tenant: scope.id)).map(ScheduleRow.init)
        }
        let wanted = Set(planned.map { "\($0.id) \($0.version) \($0.fingerprint)" })
        let known = Set(
            rows.filter { $0.state != ScheduleRow.retired }.map { "\($0.id) \($0.version) \($0.fingerprint)" })
        guard wanted != known else { return }
        let command = Scheduling.sync(scope, id: platform.newID(), at: platform.clock.now)
        try await platform.store.withTenant(scope.id) { tx in _ = try await tx.query(CommandQueries.insert(command)) }
        desk.nudge(lane: scope.lane)
    }

    /// Asks the lane to plan what is configured now.
    static func sync(_ scope: ScopeRow, id: CommandID, at now: Moment) -> CommandRow {
        CommandRow(
            tenant: scope.id, id: id, lane: scope.lane, idempotencyKey: "schedule.sync/\(id)", kind: "schedule.sync",
            payload: [:], createdAt: now)
    }
}

extension AssetLibrary {
    /// The workflows in force for a tenant that begin at times; never waits for the database.
    func schedules(in current: TenantAssets) -> [PlannedSchedule] {
        guard current.scope.kind == "tenant" else { return [] }
        return current.all("workflow").compactMap { row in
            guard let schedule = schedule(of: row) else { return nil }
            let timetable = schedule.timetable
            let calendar = timetable.calendar.flatMap { current.row("calendar", $0) }
            var trouble: String?
            if let name = timetable.calendar, calendar.flatMap({ self.calendar($0) }) == nil {
                trouble = "The calendar \(name) is not published here, or cannot be read."
            }
            let parts = [
                schedule.json.text, timetable.zoneVersion, calendar?.id.text ?? "", trouble ?? "",
            ]
            return PlannedSchedule(
                id: PlannedSchedule.id(current.scope.id, row.name), workflow: row.name, version: row.version, schedule: schedule,
                calendar: { name in current.row("calendar", name).flatMap { self.calendar($0) } },
                fingerprint: LaneBatch.hash(.array(parts.map(JSONValue.string))), trouble: trouble)
        }
    }
}
