import Kernel
import Tenancy
import Testing

@Suite("approval limits")
struct ApprovalLimitTests {
    private static func money(_ text: String) throws -> Money {
        let parts = text.split(separator: " ").map(String.init)
        return try Amount(parts[1], currency: try #require(Currency(parts[0]))).money()
    }

    @Test(
        "a limit reaches its own amount and less, either way, in its own currency",
        arguments: [
            ("EUR 100.00", "EUR 100.00", nil), ("EUR 100.00", "EUR 100.01", "approval.limit"),
            ("EUR 100.00", "EUR -100.00", nil), ("EUR 100.00", "EUR -100.01", "approval.limit"),
            ("EUR 100.00", "USD 0.01", "approval.limit-currency"), ("JPY 100", "JPY 101", "approval.limit"),
            ("EUR 0.00", "EUR 0.01", "approval.limit"),
        ])
    func table(limit: String, amount: String, reason: String?) throws {
        let refusal = ApprovalLimit.refusal(limit: try Self.money(limit), amount: try Self.money(amount))
        #expect(refusal?.reason == reason)
        #expect(refusal?.message.contains(limit) ?? true)
    }

    @Test("an amount that cannot be told is beyond every limit, and within none")
    func untold() throws {
        #expect(ApprovalLimit.refusal(limit: try Self.money("EUR 9.00"), amount: nil)?.reason == "approval.limit-unknown")
        #expect(ApprovalLimit.refusal(limit: nil, amount: nil) == nil)
    }

    @Test("a stored limit that cannot be read is not taken for none")
    func stored() throws {
        let limit = try Self.money("EUR 12.30")
        #expect(try ApprovalLimit.read(ApprovalLimit.json(limit)) == limit)
        #expect(try ApprovalLimit.read(ApprovalLimit.json(nil)) == nil)
        for broken: JSONValue in [[:], ["minorUnits": 1], ["minorUnits": "1", "currency": "EUR"], "EUR 1"] {
            #expect(throws: Refusal.self) { try ApprovalLimit.read(broken) }
        }
    }
}
