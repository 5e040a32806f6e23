import Kernel
import Testing

@testable import Tenancy

@Suite("terms of webhooks")
struct WebhookTermsTests {
    private func problem(_ url: String, allow: [String] = []) -> String? {
        do throws(Refusal) {
            _ = try WebhookDraft(name: "Ledger", url: url, events: ["run.started"], allow: allow)
            return nil
        } catch {
            return error.reason + "/" + (error.facts["field"] ?? "")
        }
    }

    @Test(
        "public https is open to everybody",
        arguments: [
            "https://ledger.example/in", "https://ledger.example:8443/in?key=1&b=%20", "https://a.b-c.example",
            "https://ledger.example:443/",
        ])
    func open(_ url: String) { #expect(problem(url) == nil) }

    @Test(
        "inner networks, addresses in numbers, other schemes and hidden parts are refused with their field",
        arguments: [
            "http://ledger.example/in", "ftp://ledger.example/", "https://", "https:///x", "https://ledger.example:80/x",
            "https://ledger.example:22/", "https://127.0.0.1/x", "https://2130706433/x", "https://0x7f000001/", "https://0x7f.1/",
            "https://10.0.0.8/x", "https://169.254.169.254/latest", "https://[::1]/x", "https://[fd00::1]:443/",
            "https://localhost/x",
            "https://db.internal/x", "https://metadata.google.internal/", "https://printer.local/", "https://ledger/x",
            "https://user:word@ledger.example/", "https://ledger.example/x#y", "https://ledger.example\\@evil.example/",
            "https://ledger.example/a b", "https://ledgér.example/", "https://LEDGER.example/", "https://-x.example/",
            "https://ledger.example:99999/", "javascript:alert(1)", "", "https://ledger..example/",
        ])
    func closed(_ url: String) { #expect(problem(url) == "webhook.url/url") }

    @Test("an entry of the operator opens exactly its place")
    func entries() {
        let allow = ["127.0.0.1:7411", "ledger.corp:443/10.1.0.0/16", "169.254.169.254:80"]
        #expect(problem("http://169.254.169.254/latest", allow: allow) == "webhook.url/url", "no entry opens that")
        #expect(problem("http://127.0.0.1:7411/in", allow: allow) == nil)
        #expect(problem("https://ledger.corp/in", allow: allow) == nil)
        #expect(problem("http://127.0.0.1:7412/in", allow: allow) == "webhook.url/url")
        #expect(problem("http://ledger.corp/in", allow: allow) == "webhook.url/url")
        #expect(problem("https://x.ledger.corp/in", allow: allow) == "webhook.url/url")
    }

    @Test("events come from a closed list, each once and in its order")
    func events() throws {
        let draft = try WebhookDraft(
            name: "Ledger", url: "https://ledger.example/", events: ["sla.breached", "run.started", "sla.breached"], allow: [])
        #expect(draft.events == [.runStarted, .slaBreached])
        for events in [[], ["run.exploded"], ["webhook.test"]] {
            #expect(throws: Refusal.self) { try WebhookDraft(name: "L", url: "https://l.example/", events: events, allow: []) }
        }
        for name in ["", String(repeating: "x", count: 81), "a\u{7}b"] {
            #expect(throws: Refusal.self) {
                try WebhookDraft(name: name, url: "https://l.example/", events: ["run.started"], allow: [])
            }
        }
    }

    @Test("of what happened only the named members leave, and only plain ones")
    func told() {
        let facts: JSONValue = [
            "task": "t1", "kind": "approval", "title": "Invoice of Maya Lund", "code": ["deep": 1], "amount": 12,
        ]
        #expect(WebhookEventType(topic: "request.opened", facts: facts) == .taskOpened)
        #expect(WebhookEventType(topic: "request.opened", facts: ["kind": "exception"]) == .exceptionOpened)
        #expect(WebhookEventType(topic: "run.finished", facts: ["outcome": "faulted"]) == .runFaulted)
        #expect(WebhookEventType(topic: "run.changed", facts: [:]) == nil)
        #expect(WebhookEventType(topic: "webhook.test", facts: [:]) == nil, "no line of the outbox is a test")
        let data = WebhookEventType.taskOpened.data(facts: facts, run: "r1")
        #expect(data == ["run": "r1", "task": "t1", "kind": "approval"])
        #expect(WebhookEventType.taskOpened.subject(of: data) == "task/t1")
        #expect(WebhookEventType.exceptionOpened.data(facts: facts, run: nil)["code"] == nil)
        for type in WebhookEventType.allCases {
            let sample = WebhookEvent.sample(type)
            #expect(sample.json["type"]?.string == "countersign.\(type.rawValue).v1" && sample.subject.contains("/"))
            #expect(type.members.allSatisfy { sample.data[$0] != nil })
        }
    }

    @Test("pauses follow the published schedule, with a little chance, and a receiver may ask for longer ones")
    func pauses() {
        let plain = (1...10).map { WebhookRetry.pause(after: $0, askedSeconds: nil, chance: 0) }
        #expect(plain == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, nil])
        let whole: Int64 = plain.compactMap { $0 }.reduce(0) { $0 + $1 }
        #expect(whole == 272_105, "75 hours, 35 minutes and 5 seconds")
        for chance in [UInt64(1), 29, 30, 31, .max] {
            let pause = WebhookRetry.pause(after: 2, askedSeconds: nil, chance: chance) ?? 0
            #expect((300...330).contains(pause))
        }
        #expect(WebhookRetry.pause(after: 1, askedSeconds: 900, chance: 0) == 900)
        #expect(WebhookRetry.pause(after: 9, askedSeconds: 1, chance: 0) == 86_400)
        #expect(WebhookRetry.pause(after: 1, askedSeconds: .max, chance: 0) == WebhookRetry.askedSecondsMax)
    }

    @Test("an endpoint is turned off when nothing was taken for three days in ten attempts, or when it says that it is gone")
    func health() {
        let start = Moment(seconds: 1_000_000)
        var health = WebhookHealth()
        for attempt in 0..<9 {
            #expect(health.take(.failed, at: start.adding(seconds: Int64(attempt) * 86_400)) == .stays, "too few attempts")
        }
        #expect(health.take(.unreached, at: start.adding(seconds: 9 * 86_400)) == .turnsOff(because: "failing"))
        health = WebhookHealth()
        for attempt in 0..<50 {
            #expect(health.take(.failed, at: start.adding(seconds: Int64(attempt))) == .stays, "too short a time")
        }
        #expect(health.take(.delivered, at: start.adding(seconds: 300_000)) == .stays && health == WebhookHealth())
        #expect(health.take(.failed, at: start.adding(seconds: 300_001)) == .stays, "it begins anew")
        #expect(health.take(.gone, at: start.adding(seconds: 300_002)) == .turnsOff(because: "gone"))
    }

    @Test("which status means what")
    func statuses() {
        #expect([200, 204, 299].allSatisfy { WebhookOutcome(status: $0) == .delivered })
        #expect([100, 301, 302, 400, 401, 404, 429, 500, 503].allSatisfy { WebhookOutcome(status: $0) == .failed })
        #expect(WebhookOutcome(status: 410) == .gone)
    }
}
