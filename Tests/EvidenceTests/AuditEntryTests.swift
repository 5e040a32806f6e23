import Evidence
import Kernel
import Testing

@Suite("Audit entries")
struct AuditEntryTests {
    private let now = Moment(seconds: 1_780_000_000)

    private func entry(reason: String? = "Agrees with the order", facts: JSONValue = [:]) -> AuditEntry {
        AuditEntry(
            id: AuditEntryID(high: 1, low: 2), tenant: TenantID(high: 3, low: 4), occurredAt: now,
            recordedAt: now.adding(milliseconds: 7),
            actor: AuditEntry.Actor(
                .person, id: "maya", session: SessionID(high: 5, low: 6), address: "192.0.2.7", userAgent: "Firefox"),
            onBehalfOf: PersonID(high: 7, low: 8), action: "approval.decide",
            object: AuditEntry.AuditObject(type: "invoice", id: "INV-1", versionHash: String(repeating: "ab", count: 32)),
            decision: AuditEntry.Decision(policy: "ap-approval", version: "1.0", rule: "standard-large", outcome: "approved"),
            beforeHash: "00", afterHash: "01", reason: reason,
            correlation: AuditEntry.Correlation(run: RunID(high: 9, low: 10), requestID: "r-1", traceID: "t-1"), facts: facts)
    }

    @Test("an entry comes back from its envelope as it was")
    func roundTrip() throws {
        let full = entry(facts: ["signature": 2, "of": 2])
        #expect(try AuditEntry(json: try JSONValue(parsing: full.json.bytes)) == full)
        let plain = AuditEntry(
            id: AuditEntryID(high: 1, low: 2), tenant: TenantID(high: 3, low: 4), occurredAt: now, recordedAt: now,
            actor: AuditEntry.Actor(.engine, id: "lane-3"), action: "run.finished",
            object: AuditEntry.AuditObject(type: "run", id: "r"))
        #expect(try AuditEntry(json: plain.json) == plain)
        #expect(!plain.json.text.contains("null"), "absent members are left out, so that old bytes never change")
    }

    @Test("the hashed bytes do not depend on the order of facts")
    func canonical() throws {
        let one = try entry(facts: ["b": 1, "a": 2]).canonicalBytes()
        let two = try entry(facts: ["a": 2, "b": 1]).canonicalBytes()
        #expect(one == two)
        #expect(try entry(reason: "Other").canonicalBytes() != one)
    }

    @Test("an entry beyond its bound is refused before it is written")
    func bound() {
        #expect(throws: Refusal.self) { try entry(reason: String(repeating: "x", count: AuditEntry.bytesMax)).canonicalBytes() }
        #expect(throws: Refusal.self) { try entry(facts: ["n": .number(JSONNumber(unchecked: "1e400"))]).canonicalBytes() }
    }

    @Test("an unknown or missing member, a foreign version, a broken id: each is refused")
    func strict() throws {
        func refused(_ change: (inout JSONObject) -> Void) {
            guard case .object(var members) = entry().json else { return }
            change(&members)
            #expect(throws: Refusal.self) { try AuditEntry(json: .object(members)) }
        }
        refused { $0["note"] = "x" }
        refused { $0["v"] = 2 }
        refused { $0["id"] = "1" }
        refused { $0["action"] = nil }
        refused { $0["actor"] = ["type": "robot", "id": "x"] }
        refused { $0["actor"] = ["type": "person", "id": "x", "shoe": 42] }
        refused { $0["occurredAt"] = "yesterday" }
        refused { $0["decision"] = ["policy": "p"] }
    }
}
