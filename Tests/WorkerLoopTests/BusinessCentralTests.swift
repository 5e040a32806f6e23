import Connectors
import Finance
import Kernel
import Testing

@testable import WorkerLoop

/// The second shape of ERP: the same engine and another mapping, nothing else.
@Suite("Bills in an OData v4 ERP (Business Central's manner)", .serialized, .timeLimit(.minutes(3)))
struct BusinessCentralTests {
    private func number(_ word: String) -> String { "\(word)-\(Entropy.system.bytes(4).hexText)" }

    @Test("suppliers come with their accounts, whose text cannot leave its quotes in a filter")
    func suppliers() async throws {
        guard let world = try await PeerWorld.businessCentral() else { return }
        for key: JSONValue in [["number": "S-1001"], ["vatId": "DE813045774"], ["iban": "DE44500105175407324931"]] {
            guard case .completed(let output) = await world.engine().read(["object": "supplier", "key": key]) else {
                return #expect(Bool(false), "\(key)")
            }
            let supplier = try Supplier(json: try #require(output["supplier"], "\(key)"))
            #expect(supplier.number == "S-1001")
            #expect(supplier.bankAccounts == [Identifier(scheme: "iban", value: "DE44500105175407324931")])
        }
        for hostile in ["O'Brien", "x' or 1 eq 1 or number eq 'y"] {
            let asked: JSONValue = ["object": "supplier", "key": ["number": .string(hostile)]]
            guard case .completed(let output) = await world.engine().read(asked) else {
                return #expect(Bool(false), "\(hostile)")
            }
            #expect(output["found"] == false)
        }
        #expect(world.sent.withLock { $0.filter { $0 == "login" }.count } == 1, "one token for all")
    }

    @Test("orders and receipts become canonical ones")
    func orders() async throws {
        guard let world = try await PeerWorld.businessCentral() else { return }
        guard case .completed(let found) = await world.engine().read(["object": "order", "key": ["number": "PO-1002"]]),
            case .completed(let came) = await world.engine().read(["object": "receipts", "key": ["orderNumber": "PO-1002"]])
        else { return #expect(Bool(false)) }
        let order = try PurchaseOrder(json: try #require(found["order"]))
        #expect(order.lines.map(\.lineNo) == ["1"])
        #expect(order.lines[0].unitPrice.text == "0.8475")
        #expect(order.lines[0].receivedQty == ExactDecimal("200"))
        let receipts = try (came["receipts"]?.array ?? []).map { try GoodsReceipt(json: $0) }
        #expect(receipts.flatMap(\.lines).map(\.poRef) == [OrderLineRef(number: "PO-1002", lineNo: "1")])
    }

    static let crashes: [PeerWorld.Mishap] = [
        .none, .loseAnswer(.create, 1), .dieBefore(.step, 1), .loseAnswer(.step, 1), .loseAnswer(.readBack, 2),
    ]

    @Test("a bill is drafted, posted and read back once, whatever is lost on the way", arguments: crashes)
    func posted(mishap: PeerWorld.Mishap) async throws {
        guard let world = try await PeerWorld.businessCentral() else { return }
        let number = number("B")
        let bill = PeerWorld.bill(number)
        _ = await world.engine(mishap).write(bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
        let outcome = await world.engine(fresh: true).write(bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(output["state"] == "Open")
        let ledger = try await world.control("ledger")["bills"]?.array ?? []
        #expect(ledger.filter { $0["invoiceNumber"]?.string == number }.count == 1)
    }

    @Test("what the mapping does not write is refused before anything is sent, and what the ERP declines keeps its words")
    func refusals() async throws {
        guard let world = try await PeerWorld.businessCentral() else { return }
        let cases: [(JSONValue, String)] = [
            (PeerWorld.bill(number("N"), kind: "credit_note"), "mapping"),
            (PeerWorld.bill(String(repeating: "9", count: 36)), "limit"),
            (PeerWorld.bill(number("N"), supplier: "S-9999"), "unknown"),
            (PeerWorld.bill(number("N"), entity: "XX99"), "unknown"),
            (PeerWorld.bill(number("N"), account: "12345"), "Internal_RecordNotFound"),
        ]
        for (bill, code) in cases {
            let outcome = await world.engine().write(bill, isSearchOnly: false, idempotencyKey: "k")
            guard case .refused(let found, let message) = outcome else { return #expect(Bool(false), "\(outcome)") }
            #expect(found == code, "\(message)")
        }
    }

    @Test("a wrong client secret opens the circuit at once, and no second token is asked for")
    func wrongSecret() async throws {
        guard let world = try await PeerWorld.businessCentral() else { return }
        var secrets = world.secrets
        secrets["clientSecret"] = "wrong"
        for code in ["auth", "auth"] {
            let outcome = await world.engine(secrets: secrets).read(["object": "order", "key": ["number": "PO-1002"]])
            guard case .failed(code, _, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
        }
        #expect(world.sent.withLock { $0 } == ["login"])
        #expect(await world.state.pace.condition.circuit == .open)
    }

    @Test("a connection is compared with live objects")
    func connectionTest() async throws {
        guard let world = try await PeerWorld.businessCentral() else { return }
        guard case .completed(let report) = await world.engine().test(until: WallClock.system.now.adding(seconds: 30)) else {
            return #expect(Bool(false))
        }
        #expect(report["good"] == true, "\(report.text)")
    }
}
