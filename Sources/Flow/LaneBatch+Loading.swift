internal import Kernel
internal import Postgres
internal import Records
internal import Workflows

extension LaneBatch {
    /// The rows of tasks, runs and clocks that commands and timers are about, and of each run all that its machine may touch.
    mutating func load(
        tasks taskIDs: [(TenantID, TaskID)], runs runIDs: [(TenantID, RunID)], clocks clockIDs: [(TenantID, ClockID)],
        tx: Transaction
    ) async throws {
        guard !taskIDs.isEmpty || !runIDs.isEmpty || !clockIDs.isEmpty else { return }
        let named = runIDs + taskIDs.compactMap { tenant, task in memory.run(of: task).map { (tenant, $0) } }
        let known = try await recall(named, tx: tx)
        let asked = taskIDs.filter { tasks[$0.1] == nil }
        let second = try await tx.pipeline([
            TaskQueries.load(lane: lane, tenants: asked.map(\.0), ids: asked.map(\.1)),
            LeaseQueries.load(lane: lane, tenants: taskIDs.map(\.0), tasks: taskIDs.map(\.1)),
            ClockQueries.runs(lane: lane, tenants: clockIDs.map(\.0), clocks: clockIDs.map(\.1)),
        ])
        var wanted = runIDs
        for row in try second[0].map(TaskRow.init) {
            tasks[row.id] = row
            if let run = row.run { wanted.append((row.tenant, run)) }
        }
        for row in try second[1].map(LeaseRow.init) { leases[row.task] = row }
        for row in second[2] {
            wanted.append((try row.get("tenant_id", as: TenantID.self), try row.get("run_id", as: RunID.self)))
        }
        try await load(runs: wanted.filter { !known.contains($0.1) }, tx: tx)
        for task in tasks.values { index(task) }
    }

    private mutating func load(runs named: [(TenantID, RunID)], tx: Transaction) async throws {
        let recalled = try await recall(named, tx: tx)
        let wanted = Dictionary(named.map { ($0.1, $0.0) }, uniquingKeysWith: { first, _ in first })
            .filter { !recalled.contains($0.key) }
        guard !wanted.isEmpty else { return }
        let (ids, tenants) = (Array(wanted.keys), Array(wanted.values))
        let third = try await tx.pipeline([
            RunQueries.load(lane: lane, tenants: tenants, ids: ids),
            TaskQueries.loadOpen(lane: lane, tenants: tenants, runs: ids),
            ClockQueries.load(lane: lane, tenants: tenants, runs: ids),
        ])
        for row in try third[0].map(RunRow.init) { runs[row.id] = row }
        for row in try third[1].map(TaskRow.init) where tasks[row.id] == nil { tasks[row.id] = row }
        for row in try third[2].map(ClockRow.init) { clocks[row.run, default: []].append(row) }
        whole.formUnion(ids)
    }

    /// Brings remembered runs into the batch whose rows nobody else has written meanwhile, and forgets the others. The ids of
    /// those that are now in the batch.
    mutating func recall(_ named: [(TenantID, RunID)], tx: Transaction) async throws -> Set<RunID> {
        var here: Set<RunID> = []
        var asked: [RunID: LaneMemory.Remembered] = [:]
        for (_, id) in named {
            if whole.contains(id) { here.insert(id) } else if let remembered = memory.runs[id] { asked[id] = remembered }
        }
        guard !asked.isEmpty else { return here }
        let remembered = Array(asked.values)
        let unchanged = try await tx.query(
            RunQueries.unchanged(
                lane: lane, tenants: remembered.map(\.run.tenant), ids: remembered.map(\.run.id),
                writers: remembered.map(\.writer)))
        for row in unchanged {
            let id = try row.get("id", as: RunID.self)
            guard let found = asked.removeValue(forKey: id) else { continue }
            runs[id] = found.run
            states[id] = found.machine
            clocks[id] = found.clocks
            for task in found.tasks {
                tasks[task.id] = task
                index(task)
            }
            whole.insert(id)
            here.insert(id)
        }
        for id in asked.keys { memory.forget(id) }
        return here
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
                    run: run, machine: machine, tasks: open[id] ?? [], clocks: clocks[id] ?? [], writer: writer))
        }
        return memory
    }
}
