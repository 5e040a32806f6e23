import Connectors
import Kernel
import Testing

@testable import WorkerLoop

/// What the library's samples were recorded with. Run with COUNTERSIGN_RECORD_SAMPLES=<folder of samples> they are recorded anew;
/// without it the same reads and writes are made and nothing is kept.
@Suite("Recording samples of real ERPs", .serialized, .timeLimit(.minutes(6)))
struct RecordingTests {
    static let reads: [(String, String, JSONValue)] = [
        ("supplier-by-vat", "A supplier found by its VAT id", ["object": "supplier", "key": ["vatId": "DE813045774"]]),
        (
            "supplier-by-account", "A supplier found by its account",
            ["object": "supplier", "key": ["iban": "DE44500105175407324931"]]
        ),
        ("supplier-unknown", "Nobody has this number", ["object": "supplier", "key": ["number": "S-9999"]]),
        ("order", "An order with its lines", ["object": "order", "key": ["number": "PO-1002"]]),
        ("receipts", "What came in for an order", ["object": "receipts", "key": ["orderNumber": "PO-1002"]]),
    ]

    private func record(_ make: () async throws -> PeerWorld?) async throws {
        let clock = WallClock { PeerWorld.recordedAt }
        for (name, title, input) in RecordingTests.reads {
            guard let world = try await make() else { return }
            let outcome = await world.engine(fresh: true, clock: clock).read(input)
            guard case .completed = outcome else { return #expect(Bool(false), "\(name): \(outcome)") }
            try world.record(name, title, input, outcome)
        }
        guard let world = try await make() else { return }
        let number = "REC-\(Entropy.system.bytes(4).hexText)"
        let bill = PeerWorld.bill(number)
        let outcome = await world.engine(fresh: true, clock: clock).write(
            bill, isSearchOnly: false, idempotencyKey: "bill/\(number)")
        guard case .completed = outcome else { return #expect(Bool(false), "\(outcome)") }
        try world.record("bill-posted", "A bill, from the empty search to the posted entry", bill, key: "bill/\(number)", outcome)
    }

    @Test("Tryton answers what the samples say")
    func tryton() async throws { try await record { try await PeerWorld.tryton() } }

    @Test("the OData peer answers what the samples say")
    func odata() async throws { try await record { try await PeerWorld.businessCentral() } }
}
