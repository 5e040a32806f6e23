import Kernel
import Postgres
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

    @Test("what another system dates into the future has happened when it was taken, and ends no later for it")
    func future() async throws {
        let stage = try await Stage.make()
        let (inbound, firm) = (await stage.house.inbound, await stage.firm)
        try await stage.house.applying.setSecret(Self.key, name: Inbound.secretName, in: firm.id, by: nil)
        for action in ["trigger", "resolve"] {
            var said = event(action).object ?? [:]
            var payload = said["payload"]?.object ?? [:]
            payload["timestamp"] = "2099-01-01T00:00:00Z"
            said["payload"] = .object(payload)
            stage.move(seconds: 60)
            #expect(try await inbound.event(.object(said), tenant: firm.scope.slug) == "disk/7")
            try await stage.pump()
        }
        let row = try #require(try await stage.incidents().first { $0.alert == "inbound-alert" })
        #expect(row.openedAt == Stage.start.adding(seconds: 60) && row.resolvedAt == Stage.start.adding(seconds: 120))
    }

    private func message(_ alerts: [(key: String, status: String)], summary: String = "It fails") -> JSONValue {
        [
            "version": "4",
            "alerts": .array(
                alerts.map { alert in
                    [
                        "status": .string(alert.status), "fingerprint": .string(alert.key),
                        "labels": ["alertname": "Trouble", "severity": "critical"], "annotations": ["summary": .string(summary)],
                    ]
                }),
        ]
    }

    @Test("a trouble that is over and back within a second is open, in one message and in several, and so is what was mitigated")
    func flapping() async throws {
        let stage = try await Stage.make()
        let (inbound, firm) = (await stage.house.inbound, await stage.firm)
        try await stage.house.applying.setSecret(Self.key, name: Inbound.secretName, in: firm.id, by: nil)
        func send(_ alerts: [(key: String, status: String)]) async throws {
            #expect(try await inbound.message(message(alerts), bearer: Self.key, tenant: firm.scope.slug) == alerts.count)
            try await stage.pump()
        }
        func state(_ key: String) async throws -> String? {
            try await stage.incidents().last { $0.facts["key"]?.string == key }?.state
        }
        for status in ["firing", "resolved", "firing"] { try await send([("a", status)]) }
        #expect(try await state("a") == "triggered")
        try await send([("b", "firing"), ("b", "resolved"), ("b", "firing"), ("c", "firing"), ("c", "resolved")])
        #expect(try await state("b") == "triggered")
        #expect(try await state("c") == "resolved")
    }

    @Test("a tenant's alerts are taken at a pace: a message beyond it is refused whole, and taken once it is sent again later")
    func pace() async throws {
        let stage = try await Stage.make()
        let (inbound, firm) = (await stage.house.inbound, await stage.firm)
        try await stage.house.applying.setSecret(Self.key, name: Inbound.secretName, in: firm.id, by: nil)
        func send(_ count: Int, _ prefix: String) async throws -> String {
            do {
                let alerts = (0..<count).map { (key: "\(prefix)-\($0)", status: "firing") }
                _ = try await inbound.message(message(alerts), bearer: Self.key, tenant: firm.scope.slug)
                return "taken"
            } catch let refusal as Refusal { return refusal.reason }
        }
        /// Incidents are numbered without gaps.
        func opened() async throws -> Int64 {
            try await stage.pump()
            return try await stage.store.withTenant(firm.id) { tx in
                try await tx.query(IncidentQueries.highestNumber(lane: stage.lane, tenant: firm.id)).first?.get(
                    "number", as: Int64.self) ?? 0
            }
        }
        #expect(try await send(450, "first") == "taken")
        #expect(try await send(100, "second") == "taken", "some of the allowance is left, and what goes beyond is owed")
        #expect(try await send(1, "third") == "inbound.pace")
        #expect(try await opened() == 550)
        #expect(throws: Refusal.self) { try inbound.requirePace(bearer: Self.key, tenant: firm.scope.slug) }
        #expect(throws: Never.self, "a key that opens nothing learns nothing") {
            try inbound.requirePace(bearer: String(Self.key.reversed()), tenant: firm.scope.slug)
        }
        stage.move(seconds: 1)
        #expect(try await send(1, "third") == "inbound.pace", "fifty are owed, and a second brings fifty")
        stage.move(seconds: 1)
        #expect(throws: Never.self) { try inbound.requirePace(bearer: Self.key, tenant: firm.scope.slug) }
        #expect(try await send(1, "third") == "taken")
        #expect(try await opened() == 551)
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
