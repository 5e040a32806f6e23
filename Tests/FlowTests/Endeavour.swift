import Handoff
import Kernel
import Postgres
import Records
import Testing

@testable import Flow

/// One thing that goes wrong once in a passage.
struct Mishap: Sendable, CustomStringConvertible {
    enum Kind: String, Sendable, CaseIterable {
        /// The server ends at a transaction: before its commit, or after it and before anybody hears of it.
        case serverBefore = "server ends before a commit"
        case serverAfter = "server ends after a commit"
        /// The worker ends in a call: before the effect, or after it and before the report.
        case workerBefore = "worker ends before an effect"
        case workerAfter = "worker ends after an effect"
        case reportTwice = "report comes twice"
        /// A report that comes when its work was given to another attempt already.
        case reportLate = "report comes after its lease"
        case reportSwapped = "report comes after the next one"
        case startTwice = "start is asked for twice"
        case decisionTwice = "decision comes twice"
        case decisionLate = "decision comes late"
        case decisionRace = "two people decide at once"
        case timerTwice = "timers fire twice"
        case timerLate = "timers fire late"
        /// Another replica takes the lane while the former owner goes on as if nothing had happened.
        case twoOwners = "two servers hold the lane"
    }

    let kind: Kind
    /// Which of its kind: commit, call, report, decision or rest, from 1.
    let number: Int

    var description: String { "\(kind.rawValue) (\(number))" }
}

/// What everybody around the server does until a passage has come to its end, whatever goes wrong.
struct Endeavour {
    /// How much later than they are due the late things happen; far less than any promise of the contract.
    private static let lateSeconds: Int64 = 600

    let stage: Stage
    let line: CuttingLine
    let passage: Passage
    let mishap: Mishap?
    /// Reports without a verdict: the worker repeats them until it has one.
    private var unreported: [WorkReport] = []
    /// A report that is still on its way, of this task.
    private var late: (report: WorkReport, task: TaskID)?
    private var isBegun = false
    private var starts = 0
    private(set) var calls = 0
    private(set) var reports = 0
    private(set) var decisions = 0
    private(set) var rests = 0
    private(set) var crashes = 0
    /// The mishap has happened.
    private(set) var hasStruck = false

    init(stage: Stage, line: CuttingLine, passage: Passage, mishap: Mishap?) {
        self.stage = stage
        self.line = line
        self.passage = passage
        self.mishap = mishap
    }

    private mutating func strikes(_ kind: Mishap.Kind, _ number: Int) -> Bool {
        guard let mishap, mishap.kind == kind, mishap.number == number, !hasStruck else { return false }
        hasStruck = true
        return true
    }

    mutating func carryOn(roundsMax: Int = 200) async throws {
        try await passage.prepare(stage)
        switch mishap?.kind {
        case .serverBefore: line.plan(.before, at: mishap?.number ?? 0)
        case .serverAfter: line.plan(.after, at: mishap?.number ?? 0)
        default: line.plan()
        }
        for _ in 0..<roundsMax {
            do {
                if try await round() { return try await afterwards() }
            } catch is Fault {
                crashes += 1
                try await stage.restart()
            }
        }
        Issue.record("never finished: \(passage), \(mishap?.description ?? "undisturbed")")
    }

    /// True when the run has ended and nothing is left to do.
    private mutating func round() async throws -> Bool {
        if !isBegun {
            starts += 1
            try await passage.begin(stage)
            if strikes(.startTwice, starts) { try await passage.begin(stage) }
            isBegun = true
        }
        while let report = unreported.first {
            try await deliver(report)
            if unreported.first?.token == report.token { unreported.removeFirst() }
        }
        let leases = try await stage.lease()
        for lease in leases { try await call(lease) }
        guard leases.isEmpty else { return false }
        // Nothing else comes: what was to be overtaken arrives now.
        if let waiting = late, mishap?.kind == .reportSwapped {
            late = nil
            try await stage.report(waiting.report)
            return false
        }
        if try await answerRequests() { return false }
        let books = try await stage.books()
        if !books.runs.isEmpty, books.unfinished == [0, 0, 0] { return true }
        try await rest()
        return false
    }

    // MARK: Workers

    private mutating func deliver(_ report: WorkReport) async throws {
        reports += 1
        let task = try #require(report.token.split(separator: ".").first.flatMap { TaskID($0) })
        if strikes(.reportLate, reports) || strikes(.reportSwapped, reports) {
            late = (report, task)
            return
        }
        if strikes(.twoOwners, reports) {
            try await stage.reportToFormerOwner(report)
            return
        }
        let verdict = try await stage.report(report)
        if strikes(.reportTwice, reports) {
            let again = try await stage.report(report)
            #expect(again == .accepted || again == .stale, "\(verdict), then \(again)")
        }
        if let waiting = late, mishap?.kind == .reportSwapped {
            late = nil
            try await stage.report(waiting.report)
        }
    }

    private mutating func call(_ lease: WorkLease) async throws {
        calls += 1
        if strikes(.workerBefore, calls) { return await stage.replaceWorker() }
        if strikes(.workerAfter, calls) {
            _ = try await stage.attempt(lease)
            return await stage.replaceWorker()
        }
        if let waiting = late, waiting.task == lease.task {
            // Another attempt has the work: what the first one says has no weight any longer.
            let verdict = try await stage.report(waiting.report)
            #expect(verdict == .stale, "\(passage), \(mishap?.description ?? "")")
        }
        unreported.append(try await stage.attempt(lease))
    }

    /// Reports that were on their way to the end: nobody takes them any more.
    private mutating func afterwards() async throws {
        guard let waiting = late else { return }
        let verdict = try await stage.report(waiting.report)
        #expect(verdict == .stale || verdict == .accepted)
    }

    // MARK: People

    /// True when somebody answered something.
    private mutating func answerRequests() async throws -> Bool {
        for kind in ["approval", "exception"] {
            for request in try await stage.requests(kind) {
                guard stage.now >= request.createdAt.adding(seconds: passage.patienceSeconds) else { continue }
                let reply = try #require(passage.reply(to: request), "\(passage): nobody answers \(request.request.text)")
                try await answer(request, reply)
                return true
            }
        }
        return false
    }

    private mutating func answer(_ request: TaskRow, _ reply: Passage.Reply) async throws {
        decisions += 1
        stage.ledger.change(reply.first)
        if strikes(.decisionLate, decisions) {
            stage.move(seconds: Endeavour.lateSeconds)
            try await stage.pump()
        }
        if let rival = reply.rival, strikes(.decisionRace, decisions) {
            let taken = try await stage.decideAtOnce(reply.verdict, on: request, by: [reply.by, rival], reason: reply.reason)
            #expect(taken == 1, "\(passage): \(taken) of two decisions were taken")
            return
        }
        let key = "answer/\(request.id)"
        let answer = try await stage.decide(reply.verdict, on: request, by: reply.by, reason: reply.reason, key: key)
        guard case .done = answer else {
            Issue.record("\(passage): \(answer)")
            return
        }
        if strikes(.decisionTwice, decisions) {
            let again = try await stage.decide(reply.verdict, on: request, by: reply.by, reason: reply.reason, key: key)
            #expect(again == answer)
            let anew = try await stage.decide(reply.verdict, on: request, by: reply.by, reason: reply.reason)
            guard case .refused = anew else {
                Issue.record("\(passage): decided twice, \(anew)")
                return
            }
        }
    }

    // MARK: Time

    private mutating func rest() async throws {
        rests += 1
        if strikes(.timerTwice, rests) { try await stage.repeatNextTimers() }
        let lateSeconds = strikes(.timerLate, rests) ? Endeavour.lateSeconds : 0
        let isPatient = passage.patienceSeconds > 0
        try await stage.rest(atMost: isPatient ? 3600 : 60, otherwise: isPatient ? 1800 : 5, late: lateSeconds)
    }
}

extension Stage {
    /// The report reaches a server that has just lost its lane: its own batch is fenced off, and the new owner's takes it.
    func reportToFormerOwner(_ report: WorkReport) async throws {
        let former = (house: house, epoch: epoch)
        _ = try await former.house.posting.receive([report], from: identity(firm))
        try await restart()
        await #expect(throws: LaneLost.self) {
            _ = try await former.house.engine.applyBatch(lane: self.lane, epoch: former.epoch)
        }
        try await pump()
    }

    /// All decide before the lane looks; answers how many of them were taken.
    func decideAtOnce(_ verdict: String, on task: TaskRow, by people: [String], reason: String?) async throws -> Int {
        let decision = Approving.Decision(
            task: task.id, verdict: verdict, reason: reason, objectHash: task.objectHash ?? "", key: "at-once/\(task.id)")
        for person in people {
            _ = try await house.approving.decide(decision, as: try firm.actor(person), scope: firm.scope)
        }
        try await pump()
        var taken = 0
        for person in people {
            let answer = try await house.approving.decide(decision, as: try firm.actor(person), scope: firm.scope)
            if case .done = answer { taken += 1 }
        }
        return taken
    }

    /// The next wake-ups stand in the queue a second time.
    func repeatNextTimers() async throws {
        let lane = lane
        try await store.withLane(lane) { tx in
            _ = try await tx.execute(
                """
                INSERT INTO queue.timer (lane, due_at, tenant_id, subject, subject_id, key)
                SELECT lane, due_at, tenant_id, subject, subject_id, key FROM queue.timer
                WHERE lane = \(lane) AND due_at = (SELECT min(due_at) FROM queue.timer WHERE lane = \(lane))
                """)
        }
    }
}
