import Kernel
import TestBasics
import Testing

@testable import Incidents

@Suite("alerts of other systems")
struct InboundAlertTests {
    private static let key = "0123456789abcdef0123456789abcdef"

    private func event(_ change: (inout JSONObject) -> Void = { _ in }) -> JSONValue {
        var object: JSONObject = [
            "routing_key": .string(Self.key), "event_action": "trigger", "dedup_key": "disk/7",
            "payload": ["summary": "The disk is full", "source": "erp-1", "severity": "error"],
        ]
        change(&object)
        return .object(object)
    }

    @Test("an event says what, how urgent and by which key, and its end names the same key")
    func events() throws {
        let (alert, key) = try InboundAlert.pagerDuty(event())
        #expect(
            alert == InboundAlert(deed: .trigger, source: "events", key: "disk/7", summary: "The disk is full", severity: .sev2))
        #expect(key == Self.key)
        #expect(try InboundAlert.pagerDuty(event { $0["event_action"] = "resolve" }).alert.deed == .resolve)
        let unnamed = try InboundAlert.pagerDuty(event { $0["dedup_key"] = nil }).alert
        #expect(unnamed.key == "erp-1/The disk is full")
    }

    @Test(
        "what has not the form is refused with the place",
        arguments: [
            ("routing_key", "short", "routing_key"), ("event_action", "acknowledge", "event_action"),
            ("payload", nil, "payload/summary"),
            ("payload", ["summary": "s", "source": "x", "severity": "loud"], "payload/severity"),
            ("payload", ["summary": "s", "severity": "info"], "payload/source"), ("dedup_key", "", "dedup_key"),
        ] as [(String, JSONValue, String)])
    func refused(member: String, value: JSONValue, field: String) throws {
        #expect { _ = try InboundAlert.pagerDuty(event { $0[member] = value }) } throws: {
            ($0 as? Refusal)?.reason == "alert.event" && ($0 as? Refusal)?.facts["field"] == field
        }
    }

    private func message(_ alerts: [JSONValue]) -> JSONValue {
        ["version": "4", "status": "firing", "groupKey": "g", "alerts": .array(alerts)]
    }

    @Test("each alert of a message counts by itself, with its fingerprint, its words and its severity")
    func alertmanager() throws {
        let alerts = try InboundAlert.alertmanager(
            message([
                [
                    "status": "firing", "fingerprint": "a1", "labels": ["alertname": "ErpDown", "severity": "critical"],
                    "annotations": ["summary": "nobody answers"],
                ],
                ["status": "resolved", "fingerprint": "b2", "labels": ["alertname": "Slow"]],
            ]))
        #expect(alerts.map(\.summary) == ["ErpDown: nobody answers", "Slow"])
        #expect(alerts.map(\.severity) == [.sev2, .sev3])
        #expect(alerts.map(\.deed) == [.trigger, .resolve])
        #expect(throws: Refusal.self) { try InboundAlert.alertmanager(["version": "3", "alerts": []]) }
        #expect(throws: Refusal.self) {
            try InboundAlert.alertmanager(message(Array(repeating: ["status": "firing"], count: InboundAlert.alertsMax + 1)))
        }
    }

    @Test("no garbage is more than a refusal")
    func garbage() throws {
        var dice = Seeded("inbound garbage")
        let pieces: [JSONValue] = [.null, 1, "x", [], [:], ["labels": 3], "4", "firing", ["status": "firing", "labels": [:]]]
        for _ in 0..<500 {
            func piece() -> JSONValue { pieces[dice.int(0...(pieces.count - 1))] }
            let json: JSONValue = [
                "version": "4", "alerts": [piece(), piece()], "routing_key": .string(Self.key), "event_action": piece(),
                "dedup_key": piece(), "payload": ["summary": piece(), "severity": piece(), "source": piece()],
            ]
            _ = try? InboundAlert.pagerDuty(json)
            _ = try? InboundAlert.alertmanager(json)
        }
    }
}
