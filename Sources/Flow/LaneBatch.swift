internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Telemetry
internal import Workflows

/// Everything one batch of a lane has loaded and will write. Pure but for `load` and `flush`: commands and timers change the
/// loaded rows and add new ones, and one flush writes them all.
struct LaneBatch {
    let lane: Int32
    let epoch: Int64
    let now: Moment
    let entropy: Entropy
    let margin: Int64

    /// Pinned configuration of the runs in this batch, by the text of their pins.
    var contexts: [String: RunContext] = [:]
    var starts: [CommandID: RunContext] = [:]
    /// What runs shall go over to, by the command that asks for it.
    var targets: [CommandID: RunContext] = [:]
    /// Why the pins of a run cannot be had, by their text.
    var troubles: [String: String] = [:]
    /// Why a run cannot be started now.
    var startTroubles: [CommandID: String] = [:]
    /// What is in force for the tenants of this batch.
    var assets: [TenantID: TenantAssets] = [:]

    /// From the batches before; runs that this batch writes are put back into it.
    var memory = LaneMemory()
    /// The states of runs as their machines have them: read from the row, or as the last event left them.
    var states: [RunID: RunState] = [:]
    /// Runs with all their unfinished tasks and their clocks, which may be remembered.
    var whole: Set<RunID> = []
    /// Runs whose rows this batch has written.
    var written: Set<RunID> = []
    /// The transaction, once it has written a run.
    var writer: String?

    var runs: [RunID: RunRow] = [:]
    var tasks: [TaskID: TaskRow] = [:]
    var leases: [TaskID: LeaseRow] = [:]
    var clocks: [ClockSubject: [ClockRow]] = [:]
    /// What is no run and has clocks that this batch is about.
    var others: [(TenantID, ClockSubject)] = []
    /// What clocks of such are pinned to, and what governs those that begin now.
    var promises: [PinnedPromise.Key: PinnedPromise] = [:]
    var governing: [TenantID: PinnedPromise] = [:]
    /// Incidents that timers and follow-ups are about, locked.
    var incidents: [IncidentID: IncidentRow] = [:]
    /// Their changes, sent before alerts are looked at, which may be about the same ones.
    var incidentStatements: [SQL] = []
    /// Tasks of a run by key, unfinished ones first.
    var taskByKey: [RunID: [String: TaskID]] = [:]

    var newRuns: [RunID] = []
    var changedRuns: Set<RunID> = []
    /// Runs that went over to other versions.
    var repinned: Set<RunID> = []
    var newTasks: [TaskID] = []
    var changedTasks: Set<TaskID> = []
    /// Requests to people whose shown object was replaced while they were open.
    var replacedRequests: Set<TaskID> = []
    var ready: [(tenant: TenantID, task: TaskID, priority: Int32)] = []
    var endedLeases: [(tenant: TenantID, task: TaskID)] = []
    var newLeases: [LeaseRow] = []
    var newClocks: [ClockID] = []
    var changedClocks: Set<ClockID> = []
    /// What the changed clocks add to the counts that error budgets are computed from.
    var settledCases: [DecidedCases] = []
    /// Runs that ended and were promised to go untouched.
    var judgedRuns: [JudgedRunRow] = []
    var timers: [TimerQueries.New] = []
    var cancelled: [(subject: AnyID, key: String)] = []
    var history: [HistoryRow] = []
    var audit: [AuditRow] = []
    var outbox: [OutboxRow] = []
    var raised: [RaisedAlert] = []
    /// Troubles that are over, with the words for their incidents.
    var cleared: [(alert: RaisedAlert, text: String)] = []
    var answers: [(tenant: TenantID, id: CommandID, answer: JSONValue)] = []
    /// Payments that runs released or let go, by the run; a release stands whatever comes after it.
    var payments: [RunID: RunPayment] = [:]
    /// Releases that machines want to make, until they are judged, and what the judgement said.
    var deferred: [DeferredRelease] = []
    var clearance: [RunID: ReleaseClearance] = [:]
    /// Writes that guardrails have to look at.
    var looks: [TenantID: [TaskID]] = [:]
    /// What people said about acts.
    var guardStatements: [SQL] = []
    /// Acts whose end is known: `done`, `returned` or `undone`.
    var endedActs: [(tenant: TenantID, id: AnyID, state: String)] = []
    var seenSuppliers: [SupplierAccountRow] = []
    var boundByEffect: [String: Int] = [:]
    /// Events of held runs, kept as commands that are in no queue.
    var parked: [CommandRow] = []
    /// Commands that runs give each other: workflows that begin, end and answer inside one another.
    var ordered: [CommandRow] = []
    /// Parked commands that are due again.
    var requeued: [(tenant: TenantID, id: CommandID)] = []
    /// Timers of parked commands, by the run that a retry is asked for.
    var parkedTimers: [AnyID: [String]] = [:]
    /// Events that came, and what runs wait for.
    var eventBook = EventBook()
    /// Runs that were found held in this batch; each is told once.
    var heldNow: Set<RunID> = []
    var rolling = RolloutWork()
    var scheduling = ScheduleWork()
    /// Incarnations of workers that have ended.
    var endedWorkers: [(tenant: TenantID, worker: String)] = []
    var touched: Set<TenantID> = []
    /// Events that runs have taken, and steps that they have left by them.
    var events = 0
    var transitions = 0
    var spans: [Span] = []
    var logLines: [(message: String, metadata: Logger.Metadata)] = []

    /// An alert that this batch found; incidents are opened or repeated from these before the flush.
    struct RaisedAlert {
        let tenant: TenantID
        let alert: String
        let facts: [String: String]
        let run: RunID?

        /// Tells its trouble from others; nil for a name that no alert has.
        var fingerprint: String? { AlertName(rawValue: alert).map { Alert($0, tenant: tenant, facts: facts).fingerprint } }
    }

    init(lane: Int32, epoch: Int64, now: Moment, entropy: Entropy, margin: Int64) {
        self.lane = lane
        self.epoch = epoch
        self.now = now
        self.entropy = entropy
        self.margin = margin
    }

    // MARK: Loading

    mutating func load(
        commands: [CommandRow], timers: [TimerQueries.Due], offers: [WorkOffer], tx: Transaction
    ) async throws {
        var taskIDs: [(TenantID, TaskID)] = commands.compactMap { command in command.task.map { (command.tenant, $0) } }
        var runIDs: [(TenantID, RunID)] = commands.compactMap { command in command.run.map { (command.tenant, $0) } }
        runIDs += LaneBatch.around(commands)
        runIDs += try await loadEvents(commands, tx: tx)
        var clockIDs: [(TenantID, ClockID)] = []
        var incidentIDs: [(TenantID, IncidentID)] = commands.compactMap { command in
            guard ["incident.follow", LaneBatch.incidentMeasure].contains(command.kind) else { return nil }
            return command.payload["incident"]?.string.flatMap { IncidentID($0) }.map { (command.tenant, $0) }
        }
        for timer in timers {
            let (high, low) = (timer.subjectID.high, timer.subjectID.low)
            switch timer.subject {
            case "task", "lease": taskIDs.append((timer.tenant, TaskID(high: high, low: low)))
            case "run": runIDs.append((timer.tenant, RunID(high: high, low: low)))
            case "incident": incidentIDs.append((timer.tenant, IncidentID(high: high, low: low)))
            case "event", LaneBatch.scheduleSubject: continue
            default: clockIDs.append((timer.tenant, ClockID(high: high, low: low)))
            }
        }
        others += commands.compactMap { command in LaneBatch.subject(of: command).map { (command.tenant, $0) } }
        if !incidentIDs.isEmpty {
            let locked = try await tx.query(
                IncidentQueries.lock(lane: lane, tenants: incidentIDs.map(\.0), ids: incidentIDs.map(\.1)))
            for row in try locked.map(IncidentRow.init) { incidents[row.id] = row }
        }
        let retried = commands.filter { $0.kind == "run.retry" }.compactMap { $0.run?.anySubject }
        if !retried.isEmpty {
            for row in try await tx.query(TimerQueries.parked(lane: lane, subjects: retried)) {
                parkedTimers[try row.get("subject_id", as: AnyID.self), default: []].append(try row.get("key", as: String.self))
            }
        }
        let ended = commands.compactMap { command in
            command.kind == "worker.ended" ? command.payload["worker"]?.string.map { (command.tenant, $0) } : nil
        }
        if !ended.isEmpty {
            let orphaned = LeaseQueries.ofWorkers(lane: lane, tenants: ended.map(\.0), workers: ended.map(\.1))
            for row in try await tx.query(orphaned).map(LeaseRow.init) { taskIDs.append((row.tenant, row.task)) }
        }
        let taken = offers.flatMap { offer in offer.tasks.map { (offer.waiter.worker.tenant, $0) } }
        try await load(tasks: taskIDs, taken: taken, runs: runIDs, clocks: clockIDs, tx: tx)
    }

    func tenantsOfTasks() -> Set<TenantID> { Set(tasks.values.map(\.tenant)) }

    // MARK: Dispatch of what came

    mutating func apply(_ command: CommandRow) {
        touched.insert(command.tenant)
        if command.kind == "run.start", let cause = startTroubles[command.id] { return postpone(start: command, cause: cause) }
        let answer: JSONValue
        do throws(Refusal) {
            answer = try perform(command)
        } catch {
            answer = CommandDesk.answer(for: error)
            if command.kind == "run.start" { noteRefusedStart(command, error) }
        }
        answers.append((tenant: command.tenant, id: command.id, answer: answer))
    }

    private mutating func perform(_ command: CommandRow) throws(Refusal) -> JSONValue {
        switch command.kind {
        case "document.read": try createReading(command)
        case "run.start": try startRun(command)
        case "task.report": try takeReport(command)
        case "person.decide": try takeDecision(command)
        case "task.retry": try retryTask(command)
        case "task.discard": try discardTask(command)
        case "worker.ended": endWorker(command)
        case "run.cancel": try cancelRun(command)
        case "run.retry": try retryRun(command)
        case "run.event": try takeEvent(command)
        case "event.receive": try receiveEvent(command)
        case "event.offer": try offerOn(command)
        case "event.look": look(command)
        case "run.steer": try steerRun(command)
        case "clock.read": readClocks(command)
        case LaneBatch.clockMeasure: try measureSubject(command)
        case LaneBatch.incidentMeasure: try measureIncident(command)
        case "clock.correct": try correctClock(command)
        case "run.migrate": try migrateRun(command)
        case "rollout.compare": compareShadow(command)
        case "rollout.judge": judgeRollout(command)
        case "rollout.turn": try turnRollout(command)
        case "schedule.sync": syncSchedules(command)
        case "schedule.ended": endScheduled(command)
        case "schedule.turn": try turnSchedule(command)
        case "exception.open": try openDocumentException(command)
        case "guardrail.look": lookAtWrite(command)
        case "incident.raise": raiseAsked(command)
        case "incident.clear": clearAsked(command)
        case "incident.follow": try followUp(command)
        default: throw Refusal(.invalid, reason: "command.unknown", "No command is named \(command.kind).")
        }
    }

    mutating func apply(_ timer: TimerQueries.Due) {
        touched.insert(timer.tenant)
        let (high, low) = (timer.subjectID.high, timer.subjectID.low)
        switch timer.subject {
        case "run":
            let run = RunID(high: high, low: low)
            if let parked = LaneBatch.parkedCommand(timer.key) { return requeued.append((tenant: timer.tenant, id: parked)) }
            guard runs[run] != nil else { return }
            if timer.key == LaneBatch.heldTimer { return lookAgain(run) }
            if timer.key.hasPrefix(LaneBatch.guardrailPrefix) { return lookAgainAtCase(run, key: timer.key) }
            // A timer is sent by nobody, so a refusal has no one to be told; the machine records late ones itself.
            _ = try? advance(run, .timerFired(key: timer.key), by: nil)
        case "task": fireTaskTimer(TaskID(high: high, low: low))
        case "lease": endLease(TaskID(high: high, low: low))
        case "incident": fireIncident(IncidentID(high: high, low: low), key: timer.key)
        case LaneBatch.scheduleSubject: fireSchedule(ScheduleID(high: high, low: low), tenant: timer.tenant)
        case "event": eventBook.forgotten.append((tenant: timer.tenant, event: EventID(high: high, low: low)))
        default: fireClock(ClockID(high: high, low: low))
        }
    }

    // MARK: Small parts

    func newID<S>(_ kind: ID<S>.Type = ID<S>.self) -> ID<S> { ID<S>(at: now, entropy: entropy) }

    /// How logs and traces name a tenant. A batch knows the tenants of everything that it works on.
    func slug(of tenant: TenantID) -> String { assets[tenant]?.scope.slug ?? "unknown" }

    mutating func note(_ run: RunID, type: String, step: String, summary: String, by person: PersonID?, data: JSONValue = .null) {
        guard var row = runs[run] else { return }
        row.historyCount += 1
        history.append(
            HistoryRow(
                tenant: row.tenant, run: run, seq: row.historyCount, at: now, type: type, step: step, summary: summary,
                person: person,
                data: data))
        runs[run] = row
        changedRuns.insert(run)
    }

    mutating func enter(
        _ tenant: TenantID, action: String, object: (type: String, id: String), run: RunID?, by person: PersonID?,
        facts: JSONValue
    ) {
        audit.append(
            AuditRow(
                tenant: tenant, id: newID(), lane: lane, at: now, actorKind: person == nil ? "engine" : "person",
                actor: person?.text ?? "lane \(lane) epoch \(epoch)", action: action, objectType: object.type,
                objectID: object.id, run: run,
                content: facts))
    }

    mutating func tell(_ tenant: TenantID, _ topic: String, run: RunID?, _ facts: JSONValue) {
        outbox.append(OutboxRow(tenant: tenant, lane: lane, at: now, topic: topic, run: run, facts: facts))
    }

    mutating func setTimer(_ tenant: TenantID, subject: String, id: AnyID, key: String, at: Moment) {
        cancelTimer(id: id, key: key)
        timers.append(TimerQueries.New(dueAt: at, tenant: tenant, subject: subject, subjectID: id, key: key))
    }

    mutating func cancelTimer(id: AnyID, key: String) {
        timers.removeAll { $0.subjectID == id && $0.key == key }
        cancelled.append((subject: id, key: key))
    }
}

extension ID {
    /// The same id without its kind, for the timer table.
    var anySubject: AnyID { AnyID(high: high, low: low) }
}
