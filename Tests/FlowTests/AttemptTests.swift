import Handoff
import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

@Suite("attempts of a worker")
struct AttemptTests {
    /// Everything done but the posting, whose lease is the answer.
    private func leasedWrite(_ stage: Stage) async throws -> WorkLease {
        try await stage.receive(SampleDocument())
        for _ in 0..<20 {
            for lease in try await stage.lease() {
                if lease.kind == .erpWrite { return lease }
                try await stage.report(try await stage.attempt(lease))
            }
        }
        throw Fault("reaching the posting", isRetryable: false)
    }

    @Test("a report that comes twice has one effect")
    func twice() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        let report = try await stage.attempt(lease)
        try await stage.report(report)
        let before = try await stage.books()
        #expect(try await stage.report(report) == .accepted)
        try await stage.work()
        #expect(try await stage.books() == before)
        #expect(before.bills == ["R-1"])
    }

    @Test("a write whose worker died is searched after lease end and settle time, and written only after two empty searches")
    func lostWrite() async throws {
        let stage = try await Stage.make(settleSeconds: 25)
        let lease = try await leasedWrite(stage)
        #expect(lease.phase == .full)
        await stage.replaceWorker()
        let settled = lease.expiresAt.adding(seconds: 25)
        // Nothing may be leased before the transfer can no longer be under way and the ledger has settled.
        stage.move(to: lease.expiresAt.adding(seconds: -1))
        #expect(try await stage.lease().isEmpty)
        stage.move(to: lease.expiresAt.adding(seconds: 1))
        #expect(try await stage.lease().isEmpty)
        stage.move(to: settled.adding(seconds: -1))
        #expect(try await stage.lease().isEmpty)
        stage.move(to: settled.adding(seconds: 2))
        let first = try #require(try await stage.lease().first)
        #expect(first.phase == .search)
        #expect(first.idempotencyKey == lease.idempotencyKey)
        try await stage.report(try await stage.attempt(first))
        #expect(try await stage.lease().isEmpty)
        let firstSearchAt = stage.now
        stage.move(seconds: 24)
        #expect(try await stage.lease().isEmpty)
        stage.move(to: firstSearchAt.adding(seconds: 26))
        let second = try #require(try await stage.lease().first)
        #expect(second.phase == .search)
        try await stage.report(try await stage.attempt(second))
        let full = try #require(try await stage.lease().first)
        #expect(full.phase == .full)
        try await stage.report(try await stage.attempt(full))
        let books = try await stage.books()
        #expect(books.bills == ["R-1"])
        #expect(books.runs == ["R-1 completed posted"])
        #expect(
            await stage.ledger.calls(stage.firm.id).filter { $0.hasPrefix("erp.write") } == [
                "erp.write search", "erp.write search", "erp.write full",
            ])
    }

    @Test("a bill that shows late is found by the second search and not written again")
    func showsLate() async throws {
        let stage = try await Stage.make(settleSeconds: 25)
        let lease = try await leasedWrite(stage)
        let ends = lease.expiresAt.seconds(since: stage.now)
        await stage.ledger.send(lease, tenant: stage.firm.id, at: stage.now, showingAfter: ends + 25 + 10)
        await stage.replaceWorker()
        try await stage.workUntil("the bill is found") { try await stage.run().finishedAt != nil }
        let books = try await stage.books()
        #expect(books.bills == ["R-1"])
        #expect(books.runs == ["R-1 completed posted"])
    }

    @Test("a report in doubt is settled like a lost lease")
    func inDoubt() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        _ = try await stage.attempt(lease)
        try await stage.report(WorkReport(token: lease.token, outcome: .inDoubt(message: "No answer came."), telemetry: []))
        #expect(try await stage.lease().isEmpty)
        try await stage.workUntil("the bill is found") { try await stage.run().finishedAt != nil }
        let books = try await stage.books()
        #expect(books.bills == ["R-1"])
        #expect(
            await stage.ledger.calls(stage.firm.id).filter { $0.hasPrefix("erp.write") } == [
                "erp.write full", "erp.write search",
            ])
    }

    @Test("what a worker reports after its lease was lost is not used")
    func tooLate() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        stage.move(to: lease.expiresAt.adding(seconds: 1))
        try await stage.pump()
        let late = WorkReport(token: lease.token, outcome: .refused(code: "PERIOD_CLOSED", message: "closed"), telemetry: [])
        #expect(try await stage.report(late) == .stale)
        let forged = WorkReport(token: lease.task.text + ".nobody-knows-this", outcome: .absent, telemetry: [])
        #expect(try await stage.report(forged) == .stale)
        #expect(try await stage.requests("exception").isEmpty)
    }

    @Test("a report of an earlier epoch is ignored by the lane")
    func staleEpoch() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        let firm = await stage.firm
        let command = CommandRow(
            tenant: firm.id, id: await stage.house.platform.newID(), lane: firm.scope.lane, idempotencyKey: "task.report/old",
            kind: "task.report",
            task: lease.task, payload: ["epoch": 0, "outcome": ["outcome": "completed", "output": ["externalId": "X"]]],
            createdAt: stage.now)
        _ = try await stage.house.desk.send(command)
        try await stage.pump()
        guard case .done(let answer) = try await stage.house.desk.send(command) else { return #expect(Bool(false)) }
        #expect(answer["verdict"]?.string == "stale")
        #expect(try await stage.run().finishedAt == nil)
        try await stage.report(try await stage.attempt(lease))
        #expect(try await stage.books().runs == ["R-1 completed posted"])
    }

    @Test("a heartbeat keeps a lease, and only its own worker's")
    func heartbeat() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        let (posting, worker) = (await stage.house.posting, await stage.identity(stage.firm))
        stage.move(to: lease.expiresAt.adding(seconds: -2))
        let beat = try await posting.heartbeat([lease.token, "unknown.token"], from: worker, seconds: 60)
        #expect(beat.extended.map(\.0) == [lease.token])
        #expect(beat.lost == ["unknown.token"])
        stage.move(seconds: 30)
        try await stage.pump()
        await stage.replaceWorker()
        let stranger = try await posting.heartbeat([lease.token], from: await stage.identity(stage.firm), seconds: 60)
        #expect(stranger.lost == [lease.token])
        let report = try await stage.attempt(lease)
        #expect(try await posting.receive([report], from: worker) != [.stale])
        try await stage.pump()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
    }

    @Test("a new worker writes only when the hold of the former one on the connection has ended")
    func oneWriter() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        try await stage.report(try await stage.attempt(lease))
        try await stage.receive(SampleDocument(number: "R-2", gross: "853.00", order: "PO-853.00"))
        await stage.replaceWorker()
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"], "the former worker's hold lasts")
        stage.move(to: lease.expiresAt.adding(seconds: 1))
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1", "R-2"])
    }

    @Test("the hold on a connection lasts as long as its writes: a beat for a reading does not lengthen it")
    func readsHoldNothing() async throws {
        let stage = try await Stage.make()
        let write = try await leasedWrite(stage)
        let (posting, firm) = (await stage.house.posting, await stage.firm)
        let held = try await holdEnds(stage)
        #expect(held == write.expiresAt)
        try await stage.report(try await stage.attempt(write))
        // Another invoice of the same worker: its readings beat on, and nothing is written.
        try await stage.receive(SampleDocument(number: "R-2", gross: "853.00", order: "PO-853.00"))
        for lease in try await stage.lease() { try await stage.report(try await stage.attempt(lease)) }
        let read = try #require(try await stage.lease().first)
        #expect(read.kind == .erpRead)
        let beat = try await posting.heartbeat([read.token], from: await stage.identity(firm), seconds: 600)
        #expect(beat.extended.count == 1)
        #expect(try await holdEnds(stage) == held)
    }

    @Test("a beat for a write lengthens the hold with it")
    func writesHold() async throws {
        let stage = try await Stage.make()
        let write = try await leasedWrite(stage)
        let (posting, firm) = (await stage.house.posting, await stage.firm)
        let beat = try await posting.heartbeat([write.token], from: await stage.identity(firm), seconds: 600)
        #expect(try await holdEnds(stage) == beat.extended.first?.1)
        #expect(beat.extended.first.map { $0.1 > write.expiresAt } == true)
    }

    private func holdEnds(_ stage: Stage) async throws -> Moment {
        let (id, lane) = (await stage.firm.id, await stage.lane)
        return try await stage.store.withLane(lane) { tx in
            try await tx.query("SELECT expires_at FROM connection_writer WHERE lane = \(lane) AND tenant_id = \(id)").only().get(
                "expires_at", as: Moment.self)
        }
    }

    @Test("when a worker's process is seen to end, what it read is free at once and its hold on a connection with it")
    func endedReading() async throws {
        let stage = try await Stage.make()
        let write = try await leasedWrite(stage)
        try await stage.report(try await stage.attempt(write))
        try await stage.receive(SampleDocument(number: "R-2", gross: "853.00", order: "PO-853.00"))
        let read = try #require(try await stage.lease().first)
        let (posting, firm, gone) = (await stage.house.posting, await stage.firm, await stage.incarnation)
        await stage.replaceWorker()
        try await posting.workerEnded(gone, of: firm.id)
        try await posting.workerEnded(gone, of: firm.id)
        try await stage.pump()
        #expect(try await stage.report(WorkReport(token: read.token, outcome: .absent, telemetry: [])) == .stale)
        // Long before the lease would have ended by itself; only the pause between two attempts is kept.
        let before = stage.now
        try await stage.workUntil("the second bill") { try await stage.books().bills == ["R-1", "R-2"] }
        #expect(stage.now < read.expiresAt, "\(before) \(stage.now) \(read.expiresAt)")
    }

    @Test("when a worker's process is seen to end in a write, the write is settled from the end of its lease all the same")
    func endedWriting() async throws {
        let stage = try await Stage.make(settleSeconds: 25)
        let lease = try await leasedWrite(stage)
        let (posting, firm, gone) = (await stage.house.posting, await stage.firm, await stage.incarnation)
        await stage.replaceWorker()
        try await posting.workerEnded(gone, of: firm.id)
        try await stage.pump()
        #expect(try await holdEnds(stage) == lease.expiresAt)
        stage.move(to: lease.expiresAt.adding(seconds: 1))
        #expect(try await stage.lease().isEmpty)
        stage.move(to: lease.expiresAt.adding(seconds: 24))
        #expect(try await stage.lease().isEmpty)
        stage.move(to: lease.expiresAt.adding(seconds: 27))
        #expect(try await stage.lease().first?.phase == .search)
    }

    @Test("each report of one call has its own verdict, and none is in the way of another")
    func reportsOfOneCall() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(number: "R-1"))
        try await stage.receive(SampleDocument(number: "R-2", gross: "12000.00", order: "PO-12000.00"))
        let readings = try await stage.lease()
        #expect(readings.count == 2)
        let known = try await stage.attempt(readings[0])
        try await stage.report(known)
        let call = try #require(try await stage.lease().first { $0.kind == .erpRead })
        let good = try await stage.attempt(call)
        let forged = WorkReport(token: "\(call.task).wrong", outcome: .absent, telemetry: [])
        let nonsense = WorkReport(token: "nonsense", outcome: .absent, telemetry: [])
        let batch = [forged, known, good, nonsense, try await stage.attempt(readings[1]), good]
        let (posting, worker) = (await stage.house.posting, await stage.identity(stage.firm))
        // The lane has not come to what is pending.
        #expect(try await posting.receive(batch, from: worker) == [.stale, .accepted, .pending, .stale, .pending, .pending])
        try await stage.pump()
        #expect(try await posting.receive(batch, from: worker) == [.stale, .accepted, .accepted, .stale, .accepted, .accepted])
        try await stage.work()
        #expect(try await stage.books().runs.count == 2)
    }

    @Test("work is not given to the question that a dead worker left open", .timeLimit(.minutes(1)))
    func deadPoll() async throws {
        let stage = try await Stage.make()
        let (desk, dead) = (await stage.house.workers, await stage.identity(stage.firm))
        let poll = Task { await desk.lease(dead, kinds: ["erp.read"], capacity: 1, waitMilliseconds: 3_600_000) }
        while !desk.hasWaiters(lane: dead.lane) { await Task.yield() }
        desk.dismiss("another incarnation")
        #expect(desk.hasWaiters(lane: dead.lane))
        desk.dismiss(dead.incarnation)
        #expect(!desk.hasWaiters(lane: dead.lane))
        #expect(await poll.value.isEmpty)
    }

    @Test("a stop answers every open poll at once, and every later one too", .timeLimit(.minutes(1)))
    func stop() async throws {
        let stage = try await Stage.make()
        let (desk, worker) = (await stage.house.workers, await stage.identity(stage.firm))
        let poll = Task { await desk.lease(worker, kinds: ["erp.read"], capacity: 1, waitMilliseconds: 3_600_000) }
        while !desk.hasWaiters(lane: worker.lane) { await Task.yield() }
        // One is in the hands of a batch at that moment.
        let reserved = desk.reserve(lane: worker.lane)
        desk.stop()
        for waiter in reserved { desk.settle(waiter.id, []) }
        #expect(!desk.hasWaiters(lane: worker.lane))
        desk.interrupt(worker.tenant)
        #expect(await poll.value.isEmpty)
        let isAnswered = Locked(false)
        let late = Task {
            let leases = await desk.lease(worker, kinds: ["erp.read"], capacity: 1, waitMilliseconds: 3_600_000)
            isAnswered.withLock { $0 = true }
            return leases
        }
        let wasAnswered = try await eventually { isAnswered.withLock { $0 } }
        #expect(wasAnswered)
        desk.interrupt(worker.tenant)
        #expect(await late.value.isEmpty)
    }

    @Test("work that never succeeds becomes a dead letter with an incident, and a person sends it again")
    func deadLetter() async throws {
        let stage = try await Stage.make()
        stage.ledger.change { $0.failures[.erpRead] = 1000 }
        try await stage.receive(SampleDocument())
        try await stage.workUntil("the dead letter") {
            try await !stage.house.looking.deadTasks(stage.firm.id, limit: 10).isEmpty
        }
        let dead = try #require(try await stage.house.looking.deadTasks(stage.firm.id, limit: 10).first)
        #expect(dead.outcome == "CONNECT")
        #expect(dead.attemptsUsed > 1)
        #expect(dead.lastError?.contains("does not answer") == true)
        let incident = try #require(try await stage.incidents().first { $0.alert == "dead-letter" })
        #expect(incident.state == "triggered")
        stage.ledger.change { $0.failures = [:] }
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.retry(dead.id, key: "again", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        try await stage.work()
        let books = try await stage.books()
        #expect(books.runs == ["R-1 completed posted"])
        #expect(books.bills == ["R-1"])
        #expect(books.audit.contains("task.dead × 1"))
        #expect(books.audit.contains("task.retried × 1"))
        let again = try await approving.retry(dead.id, key: "once more", as: try firm.actor("ruth"), scope: firm.scope)
        #expect(again == .pending)
        try await stage.pump()
        let refused = try await approving.retry(dead.id, key: "once more", as: try firm.actor("ruth"), scope: firm.scope)
        guard case .refused(let refusal) = refused else { return #expect(Bool(false), "\(refused)") }
        #expect(refusal.reason == "task.not-dead")
    }

    @Test("a worker that does not wait is answered at once", .timeLimit(.minutes(1)))
    func noWait() async throws {
        let stage = try await Stage.make()
        let (desk, worker) = (await stage.house.workers, await stage.identity(stage.firm))
        for _ in 0..<500 {
            #expect(await desk.lease(worker, kinds: ["erp.read"], capacity: 1, waitMilliseconds: 0).isEmpty)
        }
        #expect(!desk.hasWaiters(lane: worker.lane))
    }

    @Test("a lease carries the connection with its secret")
    func secrets() async throws {
        let stage = try await Stage.make()
        let lease = try await leasedWrite(stage)
        #expect(lease.secrets == ["token": "s3cret"])
        #expect(lease.connection["name"]?.string == "erp")
        let stored = try await stage.house.looking.task(stage.firm.id, lease.task)
        #expect(!stored.request.text.contains("s3cret"))
    }
}
