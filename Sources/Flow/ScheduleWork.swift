internal import Kernel
internal import Postgres
internal import Records
internal import Seals
internal import ServiceLevels
internal import Tenancy
internal import Workflows

/// A schedule as it is configured for a tenant now.
struct PlannedSchedule: Sendable {
    let id: ScheduleID
    let workflow: String
    let version: String
    let schedule: Schedule
    /// A calendar that the tenant sees, by its name.
    let calendar: @Sendable (String) -> ServiceCalendar?
    /// Of everything that its times depend on.
    let fingerprint: String
    /// Why no time can be told; nil when it can.
    let trouble: String?

    /// A schedule of a tenant always has the same id, whatever its rule.
    static func id(_ tenant: TenantID, _ workflow: String) -> ScheduleID {
        ScheduleID.derived(from: "schedule/\(tenant)/\(workflow)") { SHA256.hash($0) }
    }

    /// The run of a time always has the same id, so that nobody begins it twice.
    static func run(_ tenant: TenantID, _ workflow: String, _ nominal: Moment) -> RunID {
        RunID.derived(from: "schedule/\(tenant)/\(workflow)/\(nominal.microseconds)") { SHA256.hash($0) }.dated(at: nominal)
    }

    /// Whether a date is a business day for a rule; none is where its calendar is not there.
    func businessDays(of timetable: Timetable) -> (CivilDate) -> Bool {
        let found = timetable.calendar.flatMap(calendar)
        return { found?.isBusinessDay($0) ?? false }
    }

    func next(after moment: Moment) -> Moment? {
        let timetable = schedule.timetable
        return trouble == nil ? timetable.next(after: moment, isBusinessDay: businessDays(of: timetable)) : nil
    }
}

/// What a batch knows of schedules, and what it will write of them.
struct ScheduleWork {
    /// Workflows of tenants that begin by themselves.
    var planned: [TenantID: [PlannedSchedule]] = [:]
    private(set) var rows: [ScheduleID: ScheduleRow] = [:]
    /// Times that wait or whose run is open, in order.
    private(set) var open: [ScheduleID: [ScheduleTimeRow]] = [:]
    /// When the runs of open times ended, as the table had it when the batch began.
    private(set) var ended: [RunID: Moment] = [:]

    private var changed: Set<ScheduleID> = []
    private var times: [ScheduleTimeRow] = []
    private var refused: [(tenant: TenantID, schedule: ScheduleID, run: RunID, reason: String)] = []
    private var settled: Set<ScheduleID> = []

    func planned(_ id: ScheduleID, of tenant: TenantID) -> PlannedSchedule? {
        planned[tenant]?.first { $0.id == id }
    }

    func schedules(of tenant: TenantID) -> [ScheduleRow] {
        rows.values.filter { $0.tenant == tenant }.sorted { $0.workflow < $1.workflow }
    }

    mutating func load(rows found: [ScheduleRow], open times: [(time: ScheduleTimeRow, finishedAt: Moment?)]) {
        for row in found { rows[row.id] = row }
        for (time, finishedAt) in times {
            open[time.schedule, default: []].append(time)
            if let run = time.run, let finishedAt { ended[run] = finishedAt }
        }
    }

    mutating func put(_ row: ScheduleRow) {
        rows[row.id] = row
        changed.insert(row.id)
    }

    mutating func put(_ time: ScheduleTimeRow) {
        let isOpen = time.outcome == ScheduleTimeRow.waiting || time.outcome == ScheduleTimeRow.started && time.endedAt == nil
        var list = open[time.schedule] ?? []
        list.removeAll { $0.nominal == time.nominal }
        if isOpen { list.append(time) }
        open[time.schedule] = list.sorted { $0.nominal < $1.nominal }
        times.removeAll { $0.schedule == time.schedule && $0.nominal == time.nominal }
        times.append(time)
        settled.insert(time.schedule)
    }

    mutating func refuse(_ tenant: TenantID, _ schedule: ScheduleID, _ run: RunID, _ reason: String) {
        refused.append((tenant, schedule, run, reason))
    }

    func append(to statements: inout [SQL], lane: Int32, at now: Moment) {
        for id in changed.sorted() { if let row = rows[id] { statements.append(ScheduleQueries.put(row)) } }
        for time in times { statements.append(ScheduleQueries.putTime(time)) }
        for item in refused {
            statements.append(
                ScheduleQueries.refuse(
                    lane: lane, tenant: item.tenant, schedule: item.schedule, run: item.run, reason: item.reason, at: now))
        }
        for id in settled.sorted() {
            guard let row = rows[id], row.number > Scheduling.timesKept else { continue }
            statements.append(
                ScheduleQueries.forget(
                    lane: lane, tenant: row.tenant, schedule: id, through: row.number - Scheduling.timesKept))
        }
    }

    mutating func clearWrites() {
        changed = []
        times = []
        refused = []
        settled = []
    }
}

extension LaneEngine {
    /// What commands and timers of schedules need. Batches without any cost nothing.
    func loadSchedules(
        _ batch: inout LaneBatch, commands: [CommandRow], timers: [TimerQueries.Due], tx: Transaction
    ) async throws {
        let tenants = Set(
            commands.filter { $0.kind.hasPrefix("schedule.") }.map(\.tenant)
                + timers.filter { $0.subject == LaneBatch.scheduleSubject }.map(\.tenant))
        guard !tenants.isEmpty else { return }
        let found = try await tx.pipeline([
            ScheduleQueries.lock(lane: batch.lane, tenants: tenants.sorted()),
            ScheduleQueries.open(lane: batch.lane, tenants: tenants.sorted()),
        ])
        batch.scheduling.load(
            rows: try found[0].map(ScheduleRow.init),
            open: try found[1].map { (try ScheduleTimeRow($0), try $0.get("finished_at", as: Moment?.self)) })
        for tenant in tenants { batch.scheduling.planned[tenant] = [] }
    }

    /// What is configured for the tenants whose schedules the batch is about. Whoever planned anew after it was read reads again.
    func equip(schedules batch: inout LaneBatch, commands: [CommandRow], missing: inout Unprepared) {
        for tenant in batch.scheduling.planned.keys {
            let asked = commands.filter { $0.kind == "schedule.sync" && $0.tenant == tenant }.map(\.createdAt).max()
            if let asked, assets.forget(tenant, readBefore: asked) {
                missing.tenants.insert(tenant)
            } else if let current = batch.assets[tenant] {
                batch.scheduling.planned[tenant] = assets.schedules(in: current)
            }
        }
    }
}
