internal import Kernel
internal import Postgres
internal import Records
internal import Workflows

extension LaneBatch {
    /// Writes everything in one pipeline: state, history, audit and outbox together, and the queue rows they imply. Answers when
    /// the lane's next timer is due.
    mutating func flush(tx: Transaction, queueIDs: [Int64]) async throws -> Moment? {
        var statements: [SQL] = []
        func row<Key: Hashable, Value>(_ keys: some Sequence<Key>, in values: [Key: Value]) -> [Value] {
            keys.compactMap { values[$0] }
        }
        let started = Set(newRuns)
        rolling.appendStandings(to: &statements)
        if !newRuns.isEmpty { statements.append(RunQueries.insert(row(newRuns, in: runs))) }
        let changed = row(changedRuns.subtracting(started), in: runs)
        let moved = changed.filter(\.hasNewState)
        let touched = changed.filter { !$0.hasNewState }
        if !moved.isEmpty { statements.append(RunQueries.update(lane: lane, moved)) }
        if !touched.isEmpty { statements.append(RunQueries.touch(lane: lane, touched)) }
        let gone = row(repinned, in: runs)
        if !gone.isEmpty { statements.append(RunQueries.repin(lane: lane, gone)) }
        let made = Set(newTasks)
        if !newTasks.isEmpty { statements.append(TaskQueries.insert(row(newTasks, in: tasks))) }
        let touchedTasks = row(changedTasks.subtracting(made), in: tasks)
        if !touchedTasks.isEmpty { statements.append(TaskQueries.update(lane: lane, touchedTasks)) }
        for id in replacedRequests.subtracting(made) {
            if let task = tasks[id] { statements.append(TaskQueries.replaceRequest(lane: lane, task)) }
        }
        rolling.append(to: &statements, lane: lane, at: now)
        scheduling.append(to: &statements, lane: lane, at: now)
        if !history.isEmpty { statements.append(RunQueries.insertHistory(lane: lane, history)) }
        if !endedLeases.isEmpty {
            statements.append(LeaseQueries.delete(lane: lane, tenants: endedLeases.map(\.tenant), tasks: endedLeases.map(\.task)))
        }
        for ended in endedWorkers {
            statements.append(ConnectionWriterQueries.release(lane: lane, tenant: ended.tenant, worker: ended.worker, now: now))
        }
        appendLeases(to: &statements)
        appendPayments(to: &statements)
        appendActs(to: &statements)
        appendClocks(to: &statements)
        if !cancelled.isEmpty {
            statements.append(TimerQueries.cancel(lane: lane, subjects: cancelled.map(\.subject), keys: cancelled.map(\.key)))
        }
        if !timers.isEmpty { statements.append(TimerQueries.insert(lane: lane, timers)) }
        if !ready.isEmpty {
            statements.append(
                ReadyQueries.insert(
                    lane: lane, tenants: ready.map(\.tenant), tasks: ready.map(\.task), priorities: ready.map(\.priority), at: now
                ))
        }
        appendEvents(to: &statements)
        if !audit.isEmpty { statements.append(AuditQueries.insert(audit)) }
        if !outbox.isEmpty {
            statements.append(OutboxQueries.insert(outbox))
            statements += WebhookFeed.statements(outbox) { newID() }
        }
        appendCommands(to: &statements, queueIDs: queueIDs)
        let writesRuns = !newRuns.isEmpty || !changedRuns.isEmpty
        if writesRuns { statements.append(RunQueries.writer()) }
        statements.append(TimerQueries.next(lane: lane))
        let results = try await tx.pipeline(statements)
        let next = try results.last?.first?.get("due_at", as: Moment.self)
        if writesRuns { writer = try results[results.count - 2].only().get("writer", as: String.self) }
        written.formUnion(newRuns)
        written.formUnion(changedRuns)
        for id in started.union(changedRuns) { runs[id]?.isStored() }
        clearWrites()
        return next
    }

    /// Answers, and what becomes of the queue of commands.
    private func appendCommands(to statements: inout [SQL], queueIDs: [Int64]) {
        if !answers.isEmpty {
            statements.append(
                CommandQueries.answer(
                    lane: lane, tenants: answers.map(\.tenant), ids: answers.map(\.id), answers: answers.map(\.answer), at: now))
        }
        // Postponed commands leave the queue as well; their timers bring them back.
        if !queueIDs.isEmpty { statements.append(CommandQueries.dequeue(lane: lane, queueIDs: queueIDs)) }
        if !ordered.isEmpty { statements.append(CommandQueries.insert(ordered)) }
        if !parked.isEmpty { statements.append(CommandQueries.keep(parked)) }
        if !requeued.isEmpty {
            statements.append(CommandQueries.requeue(lane: lane, tenants: requeued.map(\.tenant), ids: requeued.map(\.id)))
        }
    }

    /// New leases, and the hold on a connection that those for writes need.
    private func appendLeases(to statements: inout [SQL]) {
        guard !newLeases.isEmpty else { return }
        statements.append(LeaseQueries.insert(newLeases))
        var writers: [String: LeaseRow] = [:]
        for lease in newLeases where lease.kind == WorkRequest.Kind.erpWrite.rawValue {
            guard let connection = lease.connection else { continue }
            let key = "\(lease.tenant)/\(connection)"
            if writers[key].map({ $0.expiresAt < lease.expiresAt }) ?? true { writers[key] = lease }
        }
        for lease in writers.values {
            statements.append(
                ConnectionWriterQueries.take(
                    lane: lane, tenant: lease.tenant, connection: lease.connection ?? "", worker: lease.worker, now: now,
                    until: lease.expiresAt))
        }
    }

    private func appendPayments(to statements: inout [SQL]) {
        let settled = payments.compactMap { id, payment in runs[id].map { (run: $0, payment: payment) } }
        guard !settled.isEmpty else { return }
        statements.append(
            PaymentQueries.settle(
                lane: lane, tenants: settled.map(\.run.tenant), invoices: settled.map(\.payment.invoice),
                runs: settled.map(\.run.id), records: settled.map(\.payment.record), at: now))
    }

    /// Writes what guardrails know of acts and suppliers ahead of the flush, for whoever is judged by it in this batch.
    mutating func writeActs(tx: Transaction) async throws {
        var statements: [SQL] = []
        appendActs(to: &statements)
        if !statements.isEmpty { _ = try await tx.pipeline(statements) }
        clearActs()
    }

    private func appendActs(to statements: inout [SQL]) {
        statements += guardStatements
        if !endedActs.isEmpty {
            statements.append(
                GuardrailQueries.finish(
                    lane: lane, tenants: endedActs.map(\.tenant), ids: endedActs.map(\.id), states: endedActs.map(\.state),
                    at: now))
        }
        if !seenSuppliers.isEmpty { statements.append(GuardrailQueries.observe(lane: lane, seenSuppliers, at: now)) }
    }

    private func appendClocks(to statements: inout [SQL]) {
        let rows = clocks.values.flatMap(\.self)
        let made = Set(newClocks)
        let inserted = rows.filter { made.contains($0.id) }
        let updated = rows.filter { changedClocks.contains($0.id) && !made.contains($0.id) }
        if !inserted.isEmpty { statements.append(ClockQueries.insert(inserted)) }
        if !updated.isEmpty { statements.append(ClockQueries.update(lane: lane, updated)) }
        if !judgedRuns.isEmpty { statements.append(BudgetQueries.judge(lane: lane, judgedRuns)) }
        if !settledCases.isEmpty { statements.append(BudgetQueries.count(lane: lane, settledCases)) }
    }

    private mutating func clearActs() {
        guardStatements = []
        endedActs = []
        seenSuppliers = []
    }

    /// The answers stay: they are given to their senders after the commit.
    private mutating func clearWrites() {
        newRuns = []
        changedRuns = []
        repinned = []
        newTasks = []
        changedTasks = []
        replacedRequests = []
        history = []
        payments = [:]
        clearActs()
        endedLeases = []
        newLeases = []
        endedWorkers = []
        newClocks = []
        changedClocks = []
        settledCases = []
        judgedRuns = []
        cancelled = []
        timers = []
        ready = []
        audit = []
        outbox = []
        ordered = []
        parked = []
        requeued = []
        rolling.clearWrites()
        scheduling.clearWrites()
        eventBook.clearWrites()
    }
}
