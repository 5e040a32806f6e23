internal import Kernel
internal import Postgres
internal import Records
internal import Workflows

extension LaneBatch {
    /// The rows of tasks, runs and clocks that commands and timers are about, and of each run all that its machine may touch.
    /// `taken` came out of the queue and has no lease.
    mutating func load(
        tasks leased: [(TenantID, TaskID)], taken: [(TenantID, TaskID)], runs runIDs: [(TenantID, RunID)],
        clocks clockIDs: [(TenantID, ClockID)], tx: Transaction
    ) async throws {
        let taskIDs = leased + taken
        guard !taskIDs.isEmpty || !runIDs.isEmpty || !clockIDs.isEmpty else { return }
        let named = runIDs + taskIDs.compactMap { tenant, task in memory.run(of: task).map { (tenant, $0) } }
        let asked = memories(of: named)
        let first = try await tx.pipeline([
            asked.isEmpty ? nil : LaneBatch.unchanged(lane: lane, asked),
            leased.isEmpty ? nil : LeaseQueries.load(lane: lane, tenants: leased.map(\.0), tasks: leased.map(\.1)),
            clockIDs.isEmpty ? nil : ClockQueries.subjects(lane: lane, tenants: clockIDs.map(\.0), clocks: clockIDs.map(\.1)),
        ])
        if let unchanged = first[0] { try recall(asked, unchanged) }
        for row in try first[1]?.map(LeaseRow.init) ?? [] { leases[row.task] = row }
        var wanted = runIDs
        for row in first[2].map(Array.init) ?? [] {
            let (tenant, subject) = (try row.get("tenant_id", as: TenantID.self), try ClockSubject(row))
            if let run = subject.run { wanted.append((tenant, run)) } else { others.append((tenant, subject)) }
        }
        let unknown = taskIDs.filter { tasks[$0.1] == nil }
        if !unknown.isEmpty {
            let rows = try await tx.query(TaskQueries.load(lane: lane, tenants: unknown.map(\.0), ids: unknown.map(\.1)))
            for row in try rows.map(TaskRow.init) {
                tasks[row.id] = row
                if let run = row.run { wanted.append((row.tenant, run)) }
            }
        }
        try await load(runs: wanted.filter { !whole.contains($0.1) }, tx: tx)
        for task in tasks.values { index(task) }
    }

    private mutating func load(runs named: [(TenantID, RunID)], tx: Transaction) async throws {
        guard !named.isEmpty else { return }
        let remembered = memories(of: named)
        if !remembered.isEmpty { try recall(remembered, await tx.query(LaneBatch.unchanged(lane: lane, remembered))) }
        let wanted = Dictionary(named.map { ($0.1, $0.0) }, uniquingKeysWith: { first, _ in first })
            .filter { !whole.contains($0.key) }
        guard !wanted.isEmpty else { return }
        let found = try await tx.query(
            RunQueries.load(lane: lane, tenants: Array(wanted.values), ids: Array(wanted.keys))
        ).map(RunRow.init)
        whole.formUnion(wanted.keys)
        // Most that are not remembered are about to begin, and have nothing yet.
        guard !found.isEmpty else { return }
        for row in found { runs[row.id] = row }
        let (ids, tenants) = (found.map(\.summary.id), found.map(\.summary.tenant))
        let rest = try await tx.pipeline([
            TaskQueries.loadOpen(lane: lane, tenants: tenants, runs: ids),
            ClockQueries.load(lane: lane, tenants: tenants, runs: ids),
        ])
        for row in try rest[0].map(TaskRow.init) where tasks[row.id] == nil { tasks[row.id] = row }
        for row in try rest[1].map(ClockRow.init) { clocks[row.subject, default: []].append(row) }
    }

    /// What is remembered of runs that are not in the batch yet.
    private func memories(of named: [(TenantID, RunID)]) -> [RunID: LaneMemory.Remembered] {
        var found: [RunID: LaneMemory.Remembered] = [:]
        for (_, id) in named where !whole.contains(id) { found[id] = memory.runs[id] }
        return found
    }

    private static func unchanged(lane: Int32, _ asked: [RunID: LaneMemory.Remembered]) -> SQL {
        let remembered = Array(asked.values)
        return RunQueries.unchanged(
            lane: lane, tenants: remembered.map(\.run.tenant), ids: remembered.map(\.run.id), writers: remembered.map(\.writer))
    }

    /// Brings remembered runs into the batch whose rows nobody else has written meanwhile, and forgets the others.
    private mutating func recall(_ asked: [RunID: LaneMemory.Remembered], _ unchanged: Rows) throws {
        var asked = asked
        for row in unchanged {
            let id = try row.get("id", as: RunID.self)
            guard let found = asked.removeValue(forKey: id) else { continue }
            runs[id] = found.run
            states[id] = found.machine
            clocks[.run(id)] = found.clocks
            for task in found.tasks {
                tasks[task.id] = task
                index(task)
            }
            whole.insert(id)
        }
        for id in asked.keys { memory.forget(id) }
    }

    /// A dead task keeps its key, so that a retry finds it; an unfinished one of the same key comes before it.
    private mutating func index(_ task: TaskRow) {
        guard let run = task.run else { return }
        if let known = taskByKey[run]?[task.key], tasks[known]?.finishedAt == nil { return }
        taskByKey[run, default: [:]][task.key] = task.id
    }

    /// What the next batch need not read again: runs that this one wrote, and those that it looked at and left as they were.
    /// To be called when everything is written and before the commit is known.
    func remembering() -> LaneMemory {
        var memory = memory
        var open: [RunID: [TaskRow]] = [:]
        for task in tasks.values where task.finishedAt == nil {
            if let run = task.run { open[run, default: []].append(task) }
        }
        for id in whole {
            guard let run = runs[id], run.finishedAt == nil, run.phase != LaneBatch.heldPhase, let machine = states[id],
                let writer = written.contains(id) ? writer : memory.runs[id]?.writer
            else {
                memory.forget(id)
                continue
            }
            memory.keep(
                LaneMemory.Remembered(
                    run: run, machine: machine, tasks: open[id] ?? [], clocks: clocks[.run(id)] ?? [], writer: writer))
        }
        return memory
    }
}
