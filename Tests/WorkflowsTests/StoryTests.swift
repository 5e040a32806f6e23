import Kernel
import Testing

@testable import Workflows

@Suite("An invoice on its way")
struct StoryTests {
    @Test("a small invoice that agrees with its order is posted without a signature")
    func straightThrough() throws {
        var desk = try Desk()
        try desk.receive(gross: "952.00")
        #expect(desk.state.phase == .running)
        try desk.work()
        #expect(desk.requests.isEmpty)
        #expect(desk.tasks.map(\.kind) == [.erpWrite])
        #expect(desk.tasks.first?.idempotencyKey == "bill/0190a000-0000-7000-8000-000000000001")
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
        #expect(desk.state.phase == .completed)
        #expect(desk.clocks("approval-cycle") == [.start, .stop])
        #expect(desk.clocks("posting") == [.start, .stop])
        #expect(
            desk.actions.contains(.finish(outcome: "posted", output: ["outcome": "posted", "reason": "", "externalId": "B-1"])))
    }

    @Test("above the threshold two approvers sign, and neither may sign twice")
    func twoApprovers() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "48310.00"
        try desk.receive(gross: "48310.00")
        try desk.work()
        #expect(desk.requests.map(\.signaturesNeeded) == [2])
        #expect(desk.state.phase == .waiting)
        try desk.decide("approve", by: Person.jonas)
        #expect(desk.writes.isEmpty)
        #expect(throws: Refusal.self) { try desk.decide("approve", by: Person.jonas) }
        #expect(
            reason { () throws(Refusal) in try desk.decide("approve", by: Person.ruth, natural: Person.jonas) } == "request.role")
        try desk.decide("approve", by: Person.petra)
        #expect(desk.writes.count == 1)
        let receipts = desk.audits("approval.signed")
        #expect(receipts.count == 2)
        #expect(receipts.allSatisfy { $0["hash"]?.string != nil && $0["dutyPolicy"]?.string == "ap-duty-separation@1.1" })
    }

    @Test("two accounts of one person are one signature")
    func sameNaturalPerson() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "48310.00"
        try desk.receive(gross: "48310.00")
        try desk.work()
        try desk.decide("approve", by: Person.jonas)
        #expect(
            reason { () throws(Refusal) in try desk.decide("approve", by: Person.petra, natural: Person.jonas) }
                == "sod.distinct-signers")
        #expect(desk.writes.isEmpty)
    }

    @Test("the person who recorded an invoice cannot approve it")
    func selfApproval() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00", recordedBy: Person.jonas)
        try desk.work()
        let before = desk.state
        var message = ""
        do throws(Refusal) { try desk.decide("approve", by: Person.jonas) } catch {
            #expect(error.reason == "sod.P10")
            message = error.message
        }
        #expect(message == "You recorded this invoice, so someone else has to approve it.")
        #expect(desk.state == before)
        try desk.decide("approve", by: Person.petra)
        #expect(desk.writes.count == 1)
    }

    @Test("a price above the tolerance stops at a clerk, who may not be the one who recorded it")
    func priceMismatch() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "900.00"
        try desk.receive(gross: "952.00")
        try desk.work()
        #expect(desk.requests.map(\.code) == ["PRICE_OVER"])
        #expect(desk.requests.first?.resolutions.map(\.name) == ["accept", "retry", "reject"])
        #expect(
            reason { () throws(Refusal) in try desk.decide("accept", by: Person.maya, reason: "agreed by phone") } == "sod.P11")
        #expect(reason { () throws(Refusal) in try desk.decide("accept", by: Person.ruth, reason: "  ") } == "request.reason")
        try desk.decide("accept", by: Person.ruth, reason: "price agreed on 2 July")
        // What a person let pass is signed by another, whatever its amount.
        #expect(desk.requests.map(\.kind) == [.approval])
        try desk.decide("approve", by: Person.jonas)
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
    }

    @Test("goods that have not arrived hold the invoice until they have")
    func quantityMismatch() throws {
        var desk = try Desk()
        desk.ledger.receivedQuantity = nil
        try desk.receive()
        try desk.work()
        #expect(desk.requests.map(\.code) == ["RECEIPT_MISSING"])
        desk.ledger.receivedQuantity = "1"
        try desk.decide("retry", by: Person.maya, reason: "the receipt was recorded")
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
    }

    @Test("a duplicate is rejected with its reason, and nothing is posted")
    func duplicate() throws {
        var desk = try Desk()
        try desk.receive(duplicates: [
            [
                "invoice": "0190a000-0000-7000-8000-00000000000f", "number": "R-2026-0042", "score": 100, "reasons": [],
                "exact": true,
            ]
        ])
        #expect(desk.requests.map(\.code) == ["DUP_EXACT"])
        try desk.decide("reject", by: Person.maya, reason: "we paid this in June")
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "rejected")
        #expect(desk.writes.isEmpty)
        #expect(desk.clocks("approval-cycle") == [.start, .stop])
        #expect(desk.clocks("posting").isEmpty)
    }

    @Test("an invoice that contradicts itself goes on only when someone else accepts it")
    func fatalFindings() throws {
        var desk = try Desk()
        try desk.receive(findings: [["rule": "BR-CO-15", "severity": "fatal", "message": "112 is not 109 + 110"]])
        #expect(desk.requests.map(\.code) == ["DOC_INVALID"])
        #expect(reason { () throws(Refusal) in try desk.decide("accept", by: Person.maya, reason: "fine") } == "sod.A02")
        try desk.decide("accept", by: Person.ruth, reason: "the supplier confirmed the total")
        try desk.work()
        #expect(desk.requests.map(\.kind) == [.approval])
        #expect(desk.requests.first?.riskClass == "elevated")
    }

    @Test("an unknown supplier is asked for again once it exists")
    func unknownSupplier() throws {
        var desk = try Desk()
        let known = desk.ledger.supplier
        desk.ledger.supplier = nil
        try desk.receive()
        try desk.work()
        #expect(desk.requests.map(\.code) == ["SUPPLIER_UNKNOWN"])
        desk.ledger.supplier = known
        try desk.decide("retry", by: Person.maya, reason: "created as S-100")
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
    }

    @Test("a rejection at approval needs a reason and ends the run")
    func rejected() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00")
        try desk.work()
        #expect(reason { () throws(Refusal) in try desk.decide("reject", by: Person.jonas) } == "request.reason")
        try desk.decide("reject", by: Person.jonas, reason: "not ordered by us")
        try desk.work()
        #expect(desk.outcome == "rejected")
        #expect(desk.writes.isEmpty)
    }

    @Test("a bill that the ERP refuses is sent again by a person, under the same key")
    func erpRefusal() throws {
        var desk = try Desk()
        try desk.receive()
        try desk.work()
        let first = try #require(desk.tasks.first)
        try desk.send(.workFinished(key: first.key, .refused(code: "PERIOD_CLOSED", message: "July is closed.")))
        #expect(desk.requests.map(\.code) == ["ERP_REJECTED"])
        try desk.decide("retry", by: Person.maya, reason: "July was opened")
        let second = try #require(desk.tasks.first)
        #expect(second.key != first.key)
        #expect(second.idempotencyKey == first.idempotencyKey)
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
        #expect(desk.clocks("posting") == [.start, .stop])
    }

    @Test("a bill that differs from what was approved is judged by the controller")
    func mismatchAfterWrite() throws {
        var desk = try Desk()
        try desk.receive()
        try desk.work()
        let write = try #require(desk.tasks.first)
        #expect(write.input["accepted"] == .null)
        let differences: JSONValue = [["field": "gross", "asked": "952.00", "found": "952.01"]]
        try desk.send(.workFinished(key: write.key, .mismatch(differences)))
        #expect(desk.requests.map(\.rounds.first?.role) == ["controller"])
        try desk.decide("accept", by: Person.ruth, reason: "rounding of the old ledger")
        // The ERP is told which difference may stand, by whose decision, and posts it; the run knows the ERP's figures.
        let receipt = try #require(desk.audits("exception.resolved").last?["hash"])
        let second = try #require(desk.tasks.first)
        #expect(second.idempotencyKey == write.idempotencyKey)
        #expect(second.input["accepted"] == ["decision": receipt, "differences": differences])
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
        #expect(desk.state.context["bill"]?["externalId"] == "B-1")
    }

    @Test("a bill that differs and is not wanted is cancelled in the ERP before the run ends")
    func cancelledAfterMismatch() throws {
        var desk = try Desk()
        try desk.receive()
        try desk.work()
        let write = try #require(desk.tasks.first)
        try desk.send(.workFinished(key: write.key, .mismatch([["field": "gross", "asked": "952.00", "found": "952.01"]])))
        try desk.decide("reject", by: Person.ruth, reason: "the old ledger cannot have it")
        let undo = try #require(desk.tasks.first)
        #expect(undo.kind == .erpWrite)
        #expect(undo.input["intent"] == "cancel")
        #expect(undo.idempotencyKey == write.idempotencyKey)
        try desk.send(.workFinished(key: undo.key, .refused(code: "POSTED", message: "It is posted; reverse it there.")))
        #expect(desk.requests.map(\.title) == ["The bill stays in the ERP"])
        try desk.decide("settled", by: Person.ruth, reason: "reversed in the ledger")
        try desk.work()
        #expect(desk.outcome == "rejected")
    }

    @Test("what the ERP asks before it posts is answered by the controller, and the ERP hears the receipt of that decision")
    func questionBeforePosting() throws {
        var desk = try Desk()
        try desk.receive()
        try desk.work()
        let write = try #require(desk.tasks.first)
        #expect(write.input["confirmations"] == [])
        let question = ERPQuestion(name: "a1b2.invoice_similar", message: "There is a similar invoice.", evidence: .null)
        try desk.send(.workFinished(key: write.key, .needsDecision(question)))
        #expect(desk.requests.map(\.code) == ["ERP_QUESTION"])
        #expect(desk.requests.map(\.rounds.first?.role) == ["controller"])
        #expect(throws: Refusal.self) { try desk.decide("confirm", by: Person.maya, reason: "it is another one") }
        try desk.decide("confirm", by: Person.ruth, reason: "it is another one")
        let receipt = try #require(desk.audits("exception.resolved").last?["hash"])
        let second = try #require(desk.tasks.first)
        #expect(second.idempotencyKey == write.idempotencyKey)
        #expect(second.input["confirmations"] == [["name": "a1b2.invoice_similar", "decision": receipt]])
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
    }

    @Test("an invoice whose question is answered by a rejection is not posted")
    func questionRejected() throws {
        var desk = try Desk()
        try desk.receive()
        try desk.work()
        let write = try #require(desk.tasks.first)
        try desk.send(.workFinished(key: write.key, .needsDecision(ERPQuestion(name: "w", message: "Similar.", evidence: .null))))
        try desk.decide("reject", by: Person.ruth, reason: "it is the same one")
        let undo = try #require(desk.tasks.first)
        #expect(desk.tasks.count == 1 && undo.input["intent"] == "cancel", "what is left to write takes the draft back")
        try desk.send(.workFinished(key: undo.key, .completed(["cancelled": true])))
        try desk.work()
        #expect(desk.outcome == "rejected")
    }

    @Test("a dead letter waits for a person and goes on after the replay")
    func deadLetter() throws {
        var desk = try Desk()
        try desk.receive()
        try desk.work()
        let write = try #require(desk.tasks.first)
        try desk.send(.workFinished(key: write.key, .dead(code: "UNREACHABLE", message: "connection refused")))
        #expect(desk.state.phase == .waiting)
        #expect(desk.tasks.isEmpty)
        #expect(RunMachine.deadTasks(for: desk.state).map(\.code) == ["UNREACHABLE"])
        #expect(desk.actions.contains { if case .incident("dead-letter", _) = $0 { true } else { false } })
        #expect(reason { () throws(Refusal) in try desk.send(.cancelled(by: Person.ruth, reason: "")) } == "run.posting")
        try desk.send(.retried(key: write.key, by: Person.ruth))
        #expect(desk.tasks == [write])
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
    }

    @Test("a decision about another version of the invoice is refused")
    func staleDecision() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00")
        try desk.work()
        #expect(reason { () throws(Refusal) in try desk.decide("approve", by: Person.jonas, hash: "0") } == "request.changed")
        let key = try #require(desk.requests.first?.key)
        let hash = try #require(desk.requests.first?.objectHash)
        try desk.decide("approve", by: Person.jonas)
        #expect(
            reason { () throws(Refusal) in try desk.decide("approve", by: Person.petra, hash: hash, key: key) }
                == "request.closed")
    }

    @Test("a deadline that passes lets the controller answer too, and never answers itself")
    func escalation() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00")
        try desk.work()
        #expect(reason { () throws(Refusal) in try desk.decide("approve", by: Person.ruth) } == "request.role")
        let timers = RunMachine.timers(for: desk.state)
        #expect(timers.count == 2)
        for timer in timers { try desk.send(.timerFired(key: timer.key)) }
        #expect(desk.requests.count == 1)
        #expect(RunMachine.timers(for: desk.state).isEmpty)
        try desk.decide("approve", by: Person.ruth)
        try desk.work(includingWrites: true)
        #expect(desk.outcome == "posted")
    }

    @Test("more time moves what is still to come of the deadlines, leaves the request alone, and has to have a reason")
    func extended() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00")
        try desk.work()
        let before = RunMachine.timers(for: desk.state)
        let request = try #require(desk.requests.first)
        try desk.send(.timerFired(key: before[0].key))
        func more(_ seconds: Int64, _ why: String, step: String = "") -> RunEvent {
            .deadlinesExtended(step: step, seconds: seconds, by: Person.ruth, reason: why)
        }
        #expect(reason { () throws(Refusal) in try desk.send(more(7200, " ")) } == "run.reason")
        #expect(reason { () throws(Refusal) in try desk.send(more(0, "Holiday.")) } == "deadline.extension")
        #expect(reason { () throws(Refusal) in try desk.send(more(2_592_001, "Holiday.")) } == "deadline.extension")
        #expect(reason { () throws(Refusal) in try desk.send(more(7200, "Holiday.", step: "elsewhere")) } == "deadline.none")
        let actions = try desk.send(more(7200, "Holiday."))
        let later = before[1].at.adding(seconds: 7200)
        #expect(actions.contains(.cancelTimer(key: before[1].key)) && actions.contains(.setTimer(key: before[1].key, at: later)))
        #expect(RunMachine.timers(for: desk.state).map(\.at) == [later], "the deadline that passed stays passed")
        #expect(desk.requests.first?.objectHash == request.objectHash)
        #expect(try RunEvent(json: more(7200, "Holiday.").json) == more(7200, "Holiday."))
        try desk.send(.timerFired(key: before[1].key))
        #expect(reason { () throws(Refusal) in try desk.send(more(60, "Again.")) } == "deadline.none")
        try desk.decide("approve", by: Person.ruth)
        #expect(reason { () throws(Refusal) in try desk.send(more(60, "Too late.")) } != "")
    }

    @Test("a cancelled run takes back what is open and cancels its clocks")
    func cancelled() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00")
        try desk.work()
        let key = try #require(desk.requests.first?.key)
        let actions = try desk.send(.cancelled(by: Person.ruth, reason: "sent twice"))
        #expect(actions.contains(.withdraw(key: key, reason: "The run was cancelled.")))
        #expect(desk.clocks("approval-cycle") == [.start, .cancel])
        #expect(desk.state.phase == .cancelled)
        #expect(RunMachine.timers(for: desk.state).isEmpty)
    }

    @Test("what machines send twice changes nothing")
    func repeatedEvents() throws {
        var desk = try Desk()
        try desk.receive()
        let task = try #require(desk.tasks.first)
        try desk.send(.workFinished(key: task.key, .completed(desk.ledger.answer(task))))
        let before = desk.state
        let answer = try desk.send(.workFinished(key: task.key, .completed(desk.ledger.answer(task))))
        #expect(desk.state == before)
        #expect(answer.count == 1)
        try desk.send(.timerFired(key: "nobody"))
        #expect(desk.state == before)
    }
}
