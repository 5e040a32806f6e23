internal import Kernel
internal import Policies
internal import Postgres
internal import Records
internal import Telemetry
internal import Workflows

/// A release that a run's machine wants to make, before the run may have it.
struct DeferredRelease: Sendable {
    let run: RunID
    let event: RunEvent
    let person: PersonID?
    let act: GuardedAct
    /// Where the answer of the command that brought the event will stand.
    let answer: Int
}

/// Whether a run may release now.
enum ReleaseClearance: Sendable {
    case free
    case barred(Refusal)
}

extension LaneEngine {
    /// The tasks that may be leased. A write that a guardrail binds is not: it waits, and a command of its own looks at it.
    ///
    /// Every way to a write leads through here, whatever brought it: a step, a retry, a dead letter that is sent again, a skip, a
    /// rewind, another version. It is judged before each attempt that may have an effect.
    func guardWrites(
        _ ids: [TaskID], of tenant: TenantID, batch: inout LaneBatch, tx: Transaction
    ) async throws -> [TaskID] {
        var stopped: Set<TaskID> = []
        for (task, stop) in try await judge(ids, of: tenant, batch: &batch, tx: tx) where stop != nil {
            stopped.insert(task.id)
            batch.stopWrite(task)
        }
        return stopped.isEmpty ? ids : ids.filter { !stopped.contains($0) }
    }

    /// Writes that were stopped, and those that somebody wants looked at again: their cases open, or they go on, or they end.
    func guardStops(_ batch: inout LaneBatch, tx: Transaction) async throws {
        if !batch.guardStatements.isEmpty {
            _ = try await tx.pipeline(batch.guardStatements)
            batch.guardStatements = []
        }
        let looks = batch.looks
        batch.looks = [:]
        for (tenant, tasks) in looks {
            for (task, stop) in try await judge(Array(Set(tasks)), of: tenant, batch: &batch, tx: tx) {
                guard let guardrails = batch.assets[tenant]?.guardrails, let stop else {
                    batch.goOn(task)
                    continue
                }
                batch.hold(task, for: stop, by: guardrails)
            }
        }
    }

    /// Judges the writes among these tasks whose next attempt may have an effect; nil for each that is free, which has reserved
    /// what it takes by then.
    private func judge(
        _ ids: [TaskID], of tenant: TenantID, batch: inout LaneBatch, tx: Transaction
    ) async throws -> [(task: TaskRow, stop: GuardStop?)] {
        let writes = ids.compactMap { batch.tasks[$0] }.filter { LaneEngine.mayWrite($0) && batch.isPosting($0) }
        guard !writes.isEmpty else { return [] }
        guard let guardrails = batch.assets[tenant]?.guardrails else { return writes.map { ($0, nil) } }
        let acts = writes.map { task in (task: task, act: batch.posting(task)) }.map { task, act in
            (task: task, act: act, id: batch.actID(of: act, task))
        }
        var ledger = GuardLedger(
            lane: batch.lane, tenant: tenant, kind: .posting, day: guardrails.day(of: batch.now), now: batch.now)
        try await ledger.load(ids: acts.map(\.id), suppliers: Array(Set(acts.map(\.act.supplier))), tx: tx)
        var out: [(task: TaskRow, stop: GuardStop?)] = []
        for (task, bare, id) in acts {
            let act = ledger.completed(bare, id: id)
            let known = ledger.rows[id]
            let judgement = GuardJudgement(
                guardrails.findings(about: act), verdict: known?.verdict, factsHash: act.factsHash)
            let stop =
                judgement == .clear
                ? nil
                : GuardStop(
                    judgement, act: act, id: id, run: task.run, task: task.id, ledger: ledger, guardrails: guardrails)
            out.append((task, stop))
            // What the ledger has taken in already is found there by its key, and counted no second time.
            guard known?.state != "done", let run = task.run else { continue }
            ledger.keep(
                act, id: id, run: run, state: stop == nil ? "reserved" : "bound", facts: guardrails.facts(of: act),
                bound: stop?.findings ?? [])
        }
        try await ledger.save(tx: tx)
        return out
    }

    /// Whether the next attempt may have an effect; a search has none.
    private static func mayWrite(_ task: TaskRow) -> Bool {
        guard task.kind == WorkRequest.Kind.erpWrite.rawValue,
            let machine = try? TaskMachine(json: task.progress)  // a task without readable progress is not leased either
        else { return false }
        return machine.phase == .ready(.full)
    }

    /// Judges the releases that machines wanted to make in this batch, one after the other; those that are free are made.
    func guardPayments(_ batch: inout LaneBatch, tx: Transaction) async throws {
        let wanted = batch.deferred
        batch.deferred = []
        for release in wanted {
            guard let run = batch.runs[release.run], let guardrails = batch.assets[run.tenant]?.guardrails else { continue }
            let id = release.run.anySubject
            var ledger = GuardLedger(
                lane: batch.lane, tenant: run.tenant, kind: .payment, day: guardrails.day(of: batch.now), now: batch.now)
            try await ledger.load(ids: [id], suppliers: [release.act.supplier], tx: tx)
            let act = ledger.completed(release.act, id: id)
            let known = ledger.rows[id]
            let judgement = GuardJudgement(
                guardrails.findings(about: act), verdict: known?.verdict, factsHash: act.factsHash)
            let stop = GuardStop(
                judgement, act: act, id: id, run: release.run, task: nil, ledger: ledger, guardrails: guardrails)
            var state = "bound"
            switch judgement {
            case .clear:
                batch.clearance[release.run] = .free
                batch.closeCases(about: id, of: release.run, "Nothing binds it any more.", letsEventGo: false)
                batch.resume(release)
                state = batch.payments[release.run]?.record == nil ? "" : "done"
            case .barred(_, let words):
                batch.tellBound(stop, by: guardrails)
                batch.spendVerdict(stop)
                batch.clearance[release.run] = .barred(
                    Refusal(.forbidden, reason: "guardrail.barred", words, facts: ["run": release.run.text]))
                batch.resume(release)
            case .waits: batch.stopPayment(release, stop, by: guardrails)
            }
            batch.clearance[release.run] = nil
            if !state.isEmpty, known?.state != "done" {
                ledger.keep(
                    act, id: id, run: release.run, state: state, facts: guardrails.facts(of: act), bound: stop.findings)
            }
            try await ledger.save(tx: tx)
        }
    }

    func observeGuardrails(_ batch: LaneBatch) {
        let counter = platform.metrics.counter(
            "countersign_guardrail_bound_total", "Acts that guardrails bound, by what happened to them.", labels: ["effect"])
        for (effect, count) in batch.boundByEffect { counter.add(Double(count), effect) }
    }
}

/// An act that was stopped, as the case about it and the command that opens it carry it.
struct GuardStop: Sendable {
    let act: AnyID
    let run: RunID?
    /// The write that waits.
    let task: TaskID?
    /// The event that waits, for a payment.
    var parked: CommandID?
    let findings: [GuardFinding]
    /// Why it does not happen at all.
    let barred: String?
    let object: JSONValue
    let factsHash: String
    let amount: Money?
    /// When the day or the time may have lifted it.
    let again: Moment?
    /// What each policy said.
    let guarded: GuardedAct

    init(
        _ judgement: GuardJudgement, act: GuardedAct, id: AnyID, run: RunID?, task: TaskID?, ledger: GuardLedger,
        guardrails: TenantGuardrails
    ) {
        self.act = id
        self.run = run
        self.task = task
        guarded = act
        object = act.object
        factsHash = act.factsHash
        amount = act.amount
        switch judgement {
        case .clear: (findings, barred) = ([], nil)
        case .waits(let found): (findings, barred) = (found, nil)
        case .barred(let found, let words): (findings, barred) = (found, words)
        }
        var moments: [Moment] = []
        if findings.contains(where: \.isOfDay) { moments.append(guardrails.midnight(after: ledger.day)) }
        if let changed = ledger.changed(act.supplier), findings.contains(where: { $0.check == .coolingOff }) {
            // Whole days are counted from the change, so each of them may be the one that lifts it.
            let passed = max(0, ledger.now.seconds(since: changed)) / 86_400
            moments.append(changed.adding(seconds: (passed + 1) * 86_400))
        }
        again = moments.min()
    }
}
