import Connectors
import Finance
import Handoff
import Kernel
import Testing

@testable import WorkerLoop

@Suite("Bills in a real ERP (Tryton)", .serialized, .timeLimit(.minutes(6)))
struct TrytonTests {
    private func number(_ word: String) -> String { "\(word)-\(Entropy.system.bytes(4).hexText)" }

    @Test("suppliers are found by number, VAT id and account, with their accounts and their standing")
    func suppliers() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        for key: JSONValue in [["number": "S-1001"], ["vatId": "DE813045774"], ["iban": "DE44500105175407324931"]] {
            guard case .completed(let output) = await world.engine().read(["object": "supplier", "key": key]) else {
                return #expect(Bool(false), "\(key)")
            }
            let supplier = try Supplier(json: try #require(output["supplier"]))
            #expect(supplier.number == "S-1001")
            #expect(supplier.vatId == "DE813045774")
            #expect(supplier.bankAccounts == [Identifier(scheme: "iban", value: "DE44500105175407324931")])
            #expect(supplier.status == .active)
            #expect(supplier.paymentTermsId == "30 days net")
        }
        guard case .completed(let blocked) = await world.engine().read(["object": "supplier", "key": ["number": "S-1091"]]),
            case .completed(let nobody) = await world.engine().read(["object": "supplier", "key": ["vatId": "DE000000000"]])
        else { return #expect(Bool(false)) }
        #expect(try Supplier(json: try #require(blocked["supplier"])).status == .blocked)
        #expect(nobody["found"] == false)
    }

    @Test("an order comes with its lines and what was received, its receipts one by one, in every company of the tenant")
    func orders() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        guard case .completed(let output) = await world.engine().read(["object": "order", "key": ["number": "PO-1002"]]) else {
            return #expect(Bool(false))
        }
        let order = try PurchaseOrder(json: try #require(output["order"]))
        #expect(order.supplier == "S-1002")
        #expect(order.status == .open)
        #expect(order.lines.map(\.unitPrice.text) == ["0.8475"], "four decimals, as Tryton has them")
        #expect(order.lines[0].grRequired)
        #expect(order.lines[0].receivedQty == ExactDecimal("200"))
        let asked: JSONValue = ["object": "receipts", "key": ["orderNumber": "PO-1002"]]
        guard case .completed(let found) = await world.engine().read(asked) else { return #expect(Bool(false)) }
        let receipts = try (found["receipts"]?.array ?? []).map { try GoodsReceipt(json: $0) }
        #expect(receipts.flatMap(\.lines).map(\.poRef) == [OrderLineRef(number: "PO-1002", lineNo: "1")])
        #expect(receipts.flatMap(\.lines).map { String(describing: $0.quantity.value) } == ["200.0"])
        guard case .completed(let other) = await world.engine().read(["object": "order", "key": ["number": "PO-1004"]]) else {
            return #expect(Bool(false))
        }
        #expect(other["found"] == true, "the order of the second company")
    }

    @Test("a bill is created, validated, posted and read back once, and found the second time")
    func posted() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        let number = number("R")
        let bill = PeerWorld.bill(number, order: "PO-1003")
        let outcome = await world.engine().write(bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(output["state"] == "posted")
        #expect(output["ledgerNumber"]?.string?.isEmpty == false)
        let mine = try await world.bills(number)
        #expect(mine.count == 1)
        #expect(mine.first?["grossAmount"] == "66.40")
        #expect(mine.first?["supplierNumber"] == "S-1001")
        #expect(mine.first?["invoiceDate"] == "2026-07-14")
        #expect(mine.first?["lines"]?[0]?["orderNumber"] == "PO-1003")
        #expect(mine.first?["lines"]?[0]?["quantity"] == "3")
        let again = await world.engine(fresh: true).write(bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed(let second) = again else { return #expect(Bool(false), "\(again)") }
        #expect(second["externalId"] == output["externalId"])
        #expect(second["fingerprint"] == output["fingerprint"])
        #expect(try await world.bills(number).count == 1)
    }

    @Test("a credit note, a line whose amount is not quantity times price, and another company are posted to the cent")
    func shapes() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        let cases = [
            PeerWorld.bill(number("C"), kind: "credit_note"),
            PeerWorld.bill(number("P"), lines: [("3", "33.34", "100.00")], net: "100.00", tax: "19.00", gross: "119.00"),
            PeerWorld.bill(
                number("A"), lines: [("10", "0.0735", "0.74")], net: "0.74", tax: "0.15", gross: "0.89", supplier: "S-1003",
                entity: "AT01", rate: "20"),
        ]
        for bill in cases {
            let outcome = await world.engine().write(bill, isSearchOnly: false, idempotencyKey: "shape/\(bill["key"]!.text)")
            guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
            #expect(output["state"] == "posted")
        }
    }

    static let crashes: [PeerWorld.Mishap] = [
        .loseAnswer(.create, 1), .dieBefore(.create, 1), .dieBefore(.readBack, 1), .loseAnswer(.readBack, 1),
        .dieBefore(.step, 1),
        .loseAnswer(.step, 1), .dieBefore(.readBack, 2), .dieBefore(.step, 2), .loseAnswer(.step, 2), .loseAnswer(.readBack, 3),
        .loseAnswer(.search, 1), .loseAnswer(.lookup, 2),
    ]

    @Test(
        "a worker that dies, or an answer that is lost, at any step leaves one bill, posted by the next attempt",
        arguments: crashes)
    func crash(mishap: PeerWorld.Mishap) async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        let number = number("X")
        let bill = PeerWorld.bill(number)
        let key = "bill/\(number)"
        let first = await world.engine(mishap).write(bill, isSearchOnly: false, idempotencyKey: key)
        switch first {
        case .completed, .inDoubt, .failed: break
        case .absent, .found, .refused, .mismatch, .needsDecision: return #expect(Bool(false), "\(first)")
        }
        let search = await world.engine(fresh: true).write(bill, isSearchOnly: true, idempotencyKey: key)
        let bills = try await world.bills(number)
        switch search {
        case .found: #expect(bills.map { $0["state"] } == ["posted"])
        case .absent: #expect(bills.count <= 1 && bills.allSatisfy { $0["state"] != "posted" })
        default: return #expect(Bool(false), "\(search)")
        }
        let second = await world.engine(fresh: true).write(bill, isSearchOnly: false, idempotencyKey: key)
        guard case .completed = second else { return #expect(Bool(false), "\(second)") }
        #expect(try await world.bills(number).map { $0["state"] } == ["posted"])
    }

    @Test("a bill like another is posted only with a person's decision, named in the task")
    func similar() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        let number = number("S")
        let entered = await world.engine().write(PeerWorld.bill(number), isSearchOnly: false, idempotencyKey: "by-hand")
        guard case .completed = entered else { return #expect(Bool(false), "\(entered)") }
        let asked = await world.engine().write(PeerWorld.bill(number), isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .needsDecision(let name, let message, let evidence) = asked else { return #expect(Bool(false), "\(asked)") }
        #expect(name.hasSuffix(".invoice_similar"))
        #expect(message.contains(number))
        #expect(evidence["bill"]?["id"] != nil)
        for wrong: JSONValue in [
            [["name": "another.question", "decision": "d-1"]], [["name": .string(name), "decision": ""]],
            [["name": .string(name)]],
        ] {
            let bill = PeerWorld.bill(number, confirmations: wrong)
            let again = await world.engine().write(bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
            guard case .needsDecision = again else { return #expect(Bool(false), "\(again)") }
        }
        let bill = PeerWorld.bill(number, confirmations: [["name": .string(name), "decision": "d-1"]])
        let done = await world.engine().write(bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed(let output) = done else { return #expect(Bool(false), "\(done)") }
        #expect(output["state"] == "posted")
        #expect(try await world.bills(number).count == 2, "the one that was there and ours, never a third")
    }

    @Test("what was changed in a posted bill behind our back is seen before it is paid")
    func drift() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        let number = number("D")
        let outcome = await world.engine().write(PeerWorld.bill(number), isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed(let output) = outcome, let id = output["externalId"] else {
            return #expect(Bool(false), "\(outcome)")
        }
        let asked: JSONValue = [
            "object": "bill", "key": ["externalId": .string(id.text.filter { $0 != "\"" })],
            "approved": ["fingerprint": output["fingerprint"] ?? .null, "fields": output["fields"] ?? .null],
        ]
        guard case .completed(let same) = await world.engine().read(asked) else { return #expect(Bool(false)) }
        #expect(same["unchanged"] == true)
        #expect(same["differences"] == [])
        _ = try await world.control(
            "edit", ["kind": "invoice", "number": .string(number), "set": ["reference": .string("\(number)-B")]])
        guard case .completed(let other) = await world.engine().read(asked) else { return #expect(Bool(false)) }
        #expect(other["unchanged"] == false)
        #expect(other["differences"] == [["field": "number", "asked": .string(number), "found": .string("\(number)-B")]])
    }

    @Test(
        "what Tryton or the mapping cannot take is refused with its reason, and nothing is left behind by our side of the check")
    func refusals() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        func refusal(_ bill: JSONValue, _ key: String) async -> (String, String) {
            let outcome = await world.engine().write(bill, isSearchOnly: false, idempotencyKey: key)
            guard case .refused(let code, let message) = outcome else { return ("\(outcome)", "") }
            return (code, message)
        }
        let fine = number("F")
        let price = await refusal(
            PeerWorld.bill(fine, lines: [("10", "1.23456", "12.35")], net: "12.35", tax: "2.35", gross: "14.70"), "f1")
        #expect(price.0 == "limit" && price.1.contains("1.23456") && price.1.contains("takes 4"), "\(price)")
        let long = String(repeating: "9", count: 140)
        let reference = await refusal(PeerWorld.bill(long), "f2")
        #expect(reference.0 == "limit" && reference.1.contains("140") && reference.1.contains("128"), "\(reference)")
        let account = await refusal(PeerWorld.bill(fine, account: "99999"), "f3")
        #expect(account.0 == "unknown" && account.1.contains("99999"), "\(account)")
        let rate = await refusal(PeerWorld.bill(fine, rate: "3"), "f4")
        #expect(rate.0 == "unknown" && rate.1.contains("0.03"), "\(rate)")
        let supplier = await refusal(PeerWorld.bill(fine, supplier: "S-9999"), "f5")
        #expect(supplier.0 == "unknown" && supplier.1.contains("supplier"), "\(supplier)")
        let entity = await refusal(PeerWorld.bill(fine, entity: "XX99"), "f6")
        #expect(entity.0 == "unknown" && entity.1.contains("company"), "\(entity)")
        #expect(try await world.bills(fine).isEmpty)
        #expect(try await world.bills(long).isEmpty)
    }

    @Test("a closed period refuses the bill for a person to see, and once it is open the same bill goes on from where it was")
    func closedPeriod() async throws {
        guard let world = try await PeerWorld.tryton("kestrel-labs") else { return }
        let number = number("K")
        let bill = PeerWorld.bill(number, supplier: "S-2002", entity: "GB01", rate: "20")
        var parts = try #require(bill.object)
        parts["bill"] = try JSONValue(
            parsing: (bill["bill"]?.text ?? "").replacing("\"EUR\"", with: "\"GBP\"").replacing("10.60", with: "11.16")
                .replacing("66.40", with: "66.96"))
        _ = try await world.control("close-period", ["date": "2026-07-14"])
        let refused = await world.engine().write(.object(parts), isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .refused(let code, let message) = refused else { return #expect(Bool(false), "\(refused)") }
        #expect(code == "ERP_REFUSED" && !message.isEmpty)
        _ = try await world.control("reopen-period", ["date": "2026-07-14"])
        let done = await world.engine().write(.object(parts), isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed = done else { return #expect(Bool(false), "\(done)") }
        #expect(try await world.bills(number).count == 1)
    }

    @Test("a refused password is tried once, stops the writing at once, and is not tried again before it is renewed")
    func refusedPassword() async throws {
        guard let world = try await PeerWorld.tryton("kestrel-labs") else { return }
        var wrong = world.secrets
        wrong["password"] = "not-the-password"
        for attempt in 1...3 {
            let outcome = await world.engine(secrets: wrong).write(
                PeerWorld.bill(number("W"), entity: "GB01"), isSearchOnly: false, idempotencyKey: "w\(attempt)")
            guard case .failed(let code, _, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
            #expect(code == "auth" || attempt > 1 && code == "circuit-open", "\(attempt): \(code)")
        }
        #expect(world.sent.withLock { $0.filter { $0 == "login" }.count } == 1)
        let condition = await world.state.pace.condition
        #expect(condition.circuit == .open && condition.code == "auth")
    }

    @Test("a key that has expired stops the reading at once, is not tried again, and the new one reads on")
    func expiredKey() async throws {
        guard let world = try await PeerWorld.tryton("solara-energia") else { return }
        let asked: JSONValue = ["object": "supplier", "key": ["number": "S-3001"]]
        _ = try await world.control("expire-key", [:])
        for attempt in 1...3 {
            guard case .failed(let code, _, _) = await world.engine().read(asked) else { return #expect(Bool(false)) }
            #expect(code == "auth" || attempt > 1 && code == "circuit-open", "\(attempt): \(code)")
        }
        let renewed = try await world.control("new-key", [:])
        var secrets = world.secrets
        secrets["key"] = try #require(renewed["key"]?.string)
        guard case .completed(let output) = await world.engine(secrets: secrets, fresh: true).read(asked) else {
            return #expect(Bool(false))
        }
        #expect(output["fetchedAt"] != nil)
    }

    @Test("a session that has ended is renewed once, and the bill is posted")
    func endedSession() async throws {
        guard let world = try await PeerWorld.tryton("kestrel-labs") else { return }
        guard case .completed = await world.engine().read(["object": "bill", "key": ["externalId": "999999"]]) else {
            return #expect(Bool(false))
        }
        // A new password ends the sessions that began with the old one; the worker gets it with its next lease.
        let renewed = try await world.control("rotate-password", [:])
        var secrets = world.secrets
        secrets["password"] = renewed["password"]?.string
        guard
            case .completed(let output) = await world.engine(secrets: secrets).read([
                "object": "bill", "key": ["externalId": "999999"],
            ])
        else { return #expect(Bool(false)) }
        #expect(output["found"] == false)
        #expect(world.sent.withLock { $0.filter { $0 == "login" }.count } == 2)
        guard case .completed = await world.engine(secrets: secrets).read(["object": "supplier", "key": ["number": "S-2001"]])
        else {
            return #expect(Bool(false))
        }
        let elsewhere = try #require(try await PeerWorld.tryton())
        let foreign = await elsewhere.engine(secrets: secrets, fresh: true).read([
            "object": "supplier", "key": ["number": "S-1001"],
        ])
        guard case .failed("auth", _, _) = foreign else { return #expect(Bool(false), "\(foreign)") }
    }

    @Test("many bills posted at one time end posted, each once, though the ERP turns all but one away")
    func together() async throws {
        guard let world = try await PeerWorld.tryton(limits: ["writers": 4]) else { return }
        let numbers = (0..<6).map { number("T\($0)") }
        let outcomes = await withTaskGroup(of: ConnectorOutcome.self) { group in
            for number in numbers {
                group.addTask {
                    await world.engine().write(PeerWorld.bill(number), isSearchOnly: false, idempotencyKey: "bill/\(number)")
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for outcome in outcomes {
            switch outcome {
            case .completed, .failed("contention", _, _): break
            default: #expect(Bool(false), "\(outcome)")
            }
        }
        for number in numbers {
            let again = await world.engine().write(PeerWorld.bill(number), isSearchOnly: false, idempotencyKey: "bill/\(number)")
            guard case .completed = again else { return #expect(Bool(false), "\(again)") }
            #expect(try await world.bills(number).map { $0["state"] } == ["posted"])
        }
    }

    @Test("answers that lie about being packed, that are huge, cut or a page of HTML are failures of their kind")
    func mischief() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        for (mishap, code) in [
            ("wrongGzip", "bad-encoding"), ("huge", "too-large"), ("cut", "broken-answer"), ("html", "protocol"),
        ] {
            _ = try await world.control("faults", ["next": [["mishap": .string(mishap), "path": "/rest/"]]], put: true)
            let outcome = await world.engine(fresh: true).read(["object": "supplier", "key": ["number": "S-1001"]])
            guard case .failed(let found, _, _) = outcome else { return #expect(Bool(false), "\(mishap): \(outcome)") }
            #expect(found == code, "\(mishap)")
        }
        _ = try await world.control("faults", [:], put: true)
    }

    @Test("what changed lately is read, new records too, from a little before the time asked for")
    func changes() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        guard
            case .completed(let all) = await world.engine().read(["object": "supplier", "changedSince": "2020-01-01T00:00:00Z"]),
            let until = all["changedUntil"]?.string
        else { return #expect(Bool(false)) }
        #expect((all["supplier"]?.array ?? []).contains { $0["number"] == "S-1001" })
        guard
            case .completed(let later) = await world.engine().read(["object": "supplier", "changedSince": "2099-01-01T00:00:00Z"])
        else { return #expect(Bool(false)) }
        #expect(later["supplier"] == [])
        #expect(Moment(until) != nil)
    }

    @Test("a connection is compared with live objects, and a misspelt field is told with its place")
    func connectionTest() async throws {
        guard let world = try await PeerWorld.tryton() else { return }
        guard case .completed(let report) = await world.engine().test(until: WallClock.system.now.adding(seconds: 30)) else {
            return #expect(Bool(false))
        }
        #expect(report["reachable"] == true)
        #expect(report["good"] == true, "\(report.text)")
        let objects = report["objects"]?.array ?? []
        #expect(objects.map { $0["object"] } == ["supplier", "order", "receipts", "bill"])
        #expect(world.sent.withLock { $0.allSatisfy { !["create", "step", "confirm"].contains($0) } })
        let supplier = objects[0]["fields"]?.array ?? []
        #expect(supplier.contains { $0["field"] == "number" && $0["result"] == "found" })
        #expect((report["lookups"]?.array ?? []).contains { $0["name"] == "journal" && $0["result"] == "found" })
    }
}
