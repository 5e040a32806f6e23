import Kernel
import Records
import Testing

@testable import Flow

@Suite("alerts from outside")
struct InboundTests {
    private static let key = "0123456789abcdef0123456789abcdef"

    private func event(_ action: String = "trigger", severity: String = "critical", key: String = key) -> JSONValue {
        [
            "routing_key": .string(key), "event_action": .string(action), "dedup_key": "disk/7",
            "payload": ["summary": "The disk of the ERP is full", "source": "erp-1", "severity": .string(severity)],
        ]
    }

    @Test("what another system raises is one incident however often it comes, with its severity, and it ends with it")
    func life() async throws {
        let stage = try await Stage.make()
        let (inbound, firm) = (await stage.house.inbound, await stage.firm)
        try await stage.house.applying.setSecret(Self.key, name: Inbound.secretName, in: firm.id, by: nil)
        func send(_ action: String) async throws {
            #expect(try await inbound.event(event(action), tenant: firm.scope.slug) == "disk/7")
            try await stage.pump()
        }
        func found() async throws -> [IncidentRow] { try await stage.incidents().filter { $0.alert == "inbound-alert" } }
        try await send("trigger")
        try await send("trigger")
        let first = try #require(try await found().first)
        #expect(first.title == "The disk of the ERP is full" && first.severity == "sev1")
        #expect(first.occurrences == 1, "the same message at once is a repetition of the sender's")
        stage.move(seconds: 61)
        try await send("trigger")
        #expect(try await found().map(\.occurrences) == [2])
        try await send("resolve")
        #expect(try await found().map(\.state) == ["resolved"])
    }

    @Test("a key opens its own tenant, and nothing else tells whether a tenant is there")
    func keys() async throws {
        let stage = try await Stage.make()
        let (inbound, firm) = (await stage.house.inbound, await stage.firm)
        func reason(_ slug: String, _ key: String) async -> String? {
            do {
                _ = try await inbound.event(event(key: key), tenant: slug)
                return nil
            } catch {
                return (error as? Refusal)?.reason
            }
        }
        #expect(await reason(firm.scope.slug, Self.key) == "inbound.key", "no secret is set")
        try await stage.house.applying.setSecret(Self.key, name: Inbound.secretName, in: firm.id, by: nil)
        #expect(await reason(firm.scope.slug, String(Self.key.reversed())) == "inbound.key")
        #expect(await reason("nobody-here", Self.key) == "inbound.key")
        #expect(await reason("northgate", Self.key) == "inbound.key", "the operator has no such door")
        #expect(await reason(firm.scope.slug, Self.key) == nil)
    }
}
