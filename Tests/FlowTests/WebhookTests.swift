import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing

@testable import Flow

/// The receivers of a story, by their address: each answers as it was told, and remembers what it got.
final class Receivers: Sendable {
    struct Got: Sendable {
        let url: String
        let headers: [(name: String, value: String)]
        let body: [UInt8]
        let tenant: TenantID

        var id: String { headers.first { $0.name == "webhook-id" }?.value ?? "" }
        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }  // a body that is no JSON fails the comparison
    }

    private let answers = Locked<[String: [JSONValue]]>([:])
    private let received = Locked<[Got]>([])

    var got: [Got] { received.withLock { $0 } }

    /// What an address answers next; when nothing is left it takes everything.
    func say(_ url: String, _ words: JSONValue...) { answers.withLock { $0[url, default: []] += words } }

    func take(_ input: JSONValue, _ tenant: TenantID) -> Asking.Answer {
        let url = input["url"]?.string ?? ""
        let headers = (input["headers"]?.array ?? []).map { (name: $0[0]?.string ?? "", value: $0[1]?.string ?? "") }
        let body = input["body"]?.string.flatMap { Base64.decode($0) } ?? []
        received.withLock { $0.append(Got(url: url, headers: headers, body: body, tenant: tenant)) }
        let next = answers.withLock { answers -> JSONValue? in
            guard answers[url]?.isEmpty == false else { return nil }
            return answers[url, default: []].removeFirst()
        }
        return .output(next ?? ["outcome": "delivered", "status": 200, "answer": "thanks"])
    }
}

@Suite("webhooks of tenants")
struct WebhookTests {
    private static let url = "https://ledger.brightwater.example/events?key=1"
    private static let down: JSONValue = ["outcome": "failed", "status": 500, "answer": "sorry\nlater"]

    private struct Scene: Sendable {
        let stage: Stage
        let desk: WebhookDesk
        let delivery: WebhookDelivery
        let receivers: Receivers
        let ruth: Actor
        let scope: ScopeRow

        func deliverAll() async throws { while try await delivery.deliverDue() > 0 {} }

        func add(_ name: String = "Ledger", _ url: String = WebhookTests.url, _ events: [String]) async throws -> WebhookDesk.Made
        {
            try await desk.add(name: name, url: url, events: events, as: ruth, scope: scope)
        }

        func states(_ id: WebhookID) async throws -> [String] {
            try await desk.deliveries(of: id, scope.id, limit: 100).map {
                "\($0.message.type) \($0.message.state) \($0.attempts.map(\.outcome).joined(separator: "+"))"
            }.sorted()
        }

        func trouble(_ key: String) async throws {
            let facts = ["source": "erp", "key": key, "summary": "db-17 of Maya Lund is down", "severity": "sev2"]
            try await stage.house.alerting.raise("inbound-alert", facts: facts, scope: scope, key: key)
            try await stage.pump()
        }
    }

    private func story(_ body: @Sendable (Scene) async throws -> Void) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let (house, firm, receivers) = (await stage.house, await stage.firm, Receivers())
            let delivery = WebhookDelivery(
                platform: house.platform, assets: house.assets, scopes: house.scopes, desk: house.desk
            ) { receivers.take($0, $1) }
            try await body(
                Scene(
                    stage: stage, desk: WebhookDesk(platform: house.platform, assets: house.assets), delivery: delivery,
                    receivers: receivers, ruth: try firm.actor("ruth"), scope: firm.scope))
        }
    }

    @Test("an invoice on its way through the house is told to who asked for it, signed, and says nothing that it should not")
    func delivered() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["run.started", "run.finished", "task.opened", "task.closed"])
            let deaf = try await scene.add("Reports", "https://reports.brightwater.example/in", ["report.sent"])
            _ = try await scene.stage.receive(SampleDocument(gross: "2380.00", order: "PO-2380.00"))
            try await scene.stage.workUntil("the approval is open") { try await !scene.stage.requests("approval").isEmpty }
            try await scene.deliverAll()
            #expect(try await scene.states(deaf.row.id).isEmpty)
            let states = try await scene.states(made.row.id)
            #expect(states.contains("run.started delivered delivered") && states.contains("task.opened delivered delivered"))
            let got = scene.receivers.got
            #expect(got.allSatisfy { $0.tenant == scene.scope.id && $0.url == Self.url }, "the tenant's own worker sends it")
            let opened = try #require(got.first { $0.json["type"]?.string == "countersign.task.opened.v1" })
            let now = scene.stage.now
            let checked = try WebhookSignature.check(
                headers: opened.headers, body: opened.body, now: now.seconds, secrets: [try WebhookKey(made.secret)])
            #expect(checked.id == opened.json["id"]?.string, "the message's id is the event's")
            #expect(opened.json["specversion"]?.string == "1.0" && opened.json["data"]?["kind"]?.string == "approval")
            #expect(opened.headers.contains { $0.name == "content-type" && $0.value == "application/cloudevents+json" })
            for one in got {
                let text = String(decoding: one.body, as: UTF8.self)
                for word in ["R-1", "Elbe", "Maya", "whsec_", "title"] { #expect(!text.contains(word), "\(word) in \(text)") }
            }
            // A foreign secret does not fit.
            #expect(throws: WebhookSignature.Flaw.signature) {
                try WebhookSignature.check(
                    headers: opened.headers, body: opened.body, now: now.seconds, secrets: [try WebhookKey(deaf.secret)])
            }
        }
    }

    @Test("what is not taken comes again later with the same id and body, and the log says what was answered each time")
    func again() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["incident.opened"])
            scene.receivers.say(Self.url, Self.down, ["outcome": "unreached", "answer": "timed-out: too slow"])
            try await scene.trouble("a")
            try await scene.deliverAll()
            #expect(try await scene.states(made.row.id) == ["incident.opened queued failed"])
            scene.stage.move(seconds: 4)
            #expect(try await scene.delivery.deliverDue() == 0, "five seconds are waited for")
            scene.stage.move(seconds: 2)
            try await scene.deliverAll()
            scene.stage.move(seconds: 299)
            #expect(try await scene.delivery.deliverDue() == 0)
            scene.stage.move(seconds: 40)
            try await scene.deliverAll()
            #expect(try await scene.states(made.row.id) == ["incident.opened delivered failed+unreached+delivered"])
            let got = scene.receivers.got
            #expect(got.count == 3 && Set(got.map(\.id)).count == 1 && Set(got.map(\.body)).count == 1)
            let log = try await scene.desk.deliveries(of: made.row.id, scene.scope.id, limit: 1)[0].attempts
            #expect(log.map(\.status) == [500, nil, 200] && log[0].answer == "sorry later")
            let row = try await scene.desk.one(made.row.id, scene.scope.id)
            #expect(row.failures == 0 && row.deliveredAt != nil)
        }
    }

    @Test("a receiver may ask for a longer pause")
    func paced() async throws {
        try await story { scene in
            _ = try await scene.add("Ledger", Self.url, ["incident.opened"])
            scene.receivers.say(Self.url, ["outcome": "failed", "status": 429, "retryAfterSeconds": 600, "answer": ""])
            try await scene.trouble("a")
            try await scene.deliverAll()
            scene.stage.move(seconds: 599)
            #expect(try await scene.delivery.deliverDue() == 0)
            scene.stage.move(seconds: 1)
            #expect(try await scene.delivery.deliverDue() == 1)
        }
    }

    @Test("during a renewal both secrets fit, after it the new one alone, and a second renewal waits")
    func renewed() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["incident.opened"])
            let renewed = try await scene.desk.rotate(made.row.id, as: scene.ruth, scope: scene.scope)
            #expect(renewed.secret != made.secret && renewed.secret.hasPrefix("whsec_"))
            await #expect(throws: Refusal.self) {
                try await scene.desk.rotate(made.row.id, as: scene.ruth, scope: scene.scope)
            }
            func fits(_ got: Receivers.Got, _ secret: String) async throws -> Bool {
                let now = scene.stage.now.seconds
                let key = try WebhookKey(secret)
                // The one flaw that is looked for.
                return (try? WebhookSignature.check(headers: got.headers, body: got.body, now: now, secrets: [key])) != nil
            }
            try await scene.trouble("a")
            try await scene.deliverAll()
            let during = try #require(scene.receivers.got.last)
            #expect(try await fits(during, made.secret))
            #expect(try await fits(during, renewed.secret))
            scene.stage.move(seconds: WebhookDesk.overlapSeconds)
            try await scene.trouble("b")
            try await scene.deliverAll()
            let after = try #require(scene.receivers.got.last)
            #expect(after.id != during.id)
            #expect(try await !fits(after, made.secret))
            #expect(try await fits(after, renewed.secret))
            _ = try await scene.desk.rotate(made.row.id, as: scene.ruth, scope: scene.scope)
        }
    }

    @Test("what is gone is turned off at once: its events are held, engineers and the tenant's other webhooks are told")
    func gone() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["incident.opened"])
            let other = try await scene.add("Watch", "https://watch.brightwater.example/in", ["webhook.disabled"])
            scene.receivers.say(Self.url, ["outcome": "gone", "status": 410, "answer": ""])
            try await scene.trouble("a")
            try await scene.deliverAll()
            try await scene.stage.pump()
            try await scene.deliverAll()
            let row = try await scene.desk.one(made.row.id, scene.scope.id)
            #expect(row.state == "disabled" && row.reason == "gone")
            #expect(try await scene.stage.incidents().contains { $0.alert == "webhook-disabled" })
            let told = try #require(scene.receivers.got.first { $0.url.contains("watch") })
            #expect(told.json["data"]?["webhook"]?.string == made.row.id.text && told.json["data"]?["reason"]?.string == "gone")
            #expect(try await scene.states(other.row.id) == ["webhook.disabled delivered delivered"])
            // Both alerts wait for the receiver: the one that it refused, and that of its own end.
            #expect(try await scene.states(made.row.id) == ["incident.opened held ", "incident.opened held gone"])
            let (again, sent) = try await scene.desk.resume(made.row.id, as: scene.ruth, scope: scene.scope)
            #expect(again.state == "active" && sent == 2)
            try await scene.deliverAll()
            #expect(
                try await scene.states(made.row.id) == [
                    "incident.opened delivered delivered", "incident.opened delivered gone+delivered",
                ])
            let audit = try await scene.stage.house.looking.audit(scene.scope.id, limit: 100)
            for word in ["webhook.added", "webhook.disabled", "webhook.resumed"] {
                #expect(audit.contains { $0.action == word }, "\(word)")
            }
            #expect(!audit.contains { $0.content.text.contains("key=1") || $0.content.text.contains("whsec_") })
        }
    }

    @Test("what fails for three days is turned off, and not before")
    func failing() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["incident.opened"])
            for _ in 0..<20 { scene.receivers.say(Self.url, Self.down) }
            try await scene.trouble("a")
            var attempts = 0
            while try await scene.desk.one(made.row.id, scene.scope.id).state == "active", attempts < 15 {
                attempts += try await scene.delivery.deliverDue()
                scene.stage.move(seconds: 86_400 + 8_641)
                if attempts == 9 {
                    #expect(try await scene.desk.one(made.row.id, scene.scope.id).state == "active", "nine are too few")
                }
            }
            #expect(attempts == 10)
            #expect(try await scene.desk.one(made.row.id, scene.scope.id).reason == "failing")
            #expect(try await scene.states(made.row.id).first?.hasPrefix("incident.opened failed failed+") == true)
        }
    }

    @Test("a paused webhook is sent nothing and loses nothing; a replay says first what it would send")
    func paused() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["incident.opened", "incident.resolved"])
            try await scene.trouble("a")
            try await scene.deliverAll()
            _ = try await scene.desk.pause(made.row.id, as: scene.ruth, scope: scene.scope)
            try await scene.trouble("b")
            try await scene.deliverAll()
            #expect(scene.receivers.got.count == 1)
            await #expect(throws: Refusal.self) {
                try await scene.desk.test(made.row.id, as: scene.ruth, scope: scene.scope)
            }
            #expect(try await scene.desk.resume(made.row.id, as: scene.ruth, scope: scene.scope).sent == 1)
            try await scene.deliverAll()
            #expect(scene.receivers.got.count == 2)
            let now = scene.stage.now
            let (from, to) = (now.adding(seconds: -3600), now.adding(seconds: 60))
            let seen = try await scene.desk.preview(made.row.id, from: from, to: to, states: ["delivered"], scope: scene.scope)
            #expect(seen.counts == ["delivered": 2] && seen.sent == 2 && scene.receivers.got.count == 2)
            let sent = try await scene.desk.replay(
                made.row.id, .range(from: from, to: to, states: ["delivered"]), as: scene.ruth, scope: scene.scope)
            try await scene.deliverAll()
            let ids = scene.receivers.got.map(\.id)
            #expect(sent == 2 && ids.count == 4 && Set(ids).count == 2, "the same ids again")
            let one = try #require(try await scene.desk.deliveries(of: made.row.id, scene.scope.id, limit: 1).first?.message.id)
            #expect(try await scene.desk.replay(made.row.id, .one(one), as: scene.ruth, scope: scene.scope) == 1)
            await #expect(throws: Refusal.self) {
                try await scene.desk.replay(made.row.id, .one(one), as: scene.ruth, scope: scene.scope)
            }
            await #expect(throws: Refusal.self) {
                try await scene.desk.preview(
                    made.row.id, from: now.adding(seconds: -40 * 86_400), to: to, states: ["failed"], scope: scene.scope)
            }
            let test = try await scene.desk.test(made.row.id, as: scene.ruth, scope: scene.scope)
            try await scene.deliverAll()
            let tested = try #require(scene.receivers.got.first { $0.id == test.text })
            #expect(tested.json["type"]?.string == "countersign.webhook.test.v1")
        }
    }

    @Test("a receiver that hangs holds up no other, and a worker that is away counts against nobody")
    func beside() async throws {
        try await story { scene in
            let slow = try await scene.add("Slow", "https://slow.brightwater.example/in", ["incident.opened"])
            let quick = try await scene.add("Quick", "https://quick.brightwater.example/in", ["incident.opened"])
            let (house, stalling) = (await scene.stage.house, Locked(true))
            let delivery = WebhookDelivery(
                platform: house.platform, assets: house.assets, scopes: house.scopes, desk: house.desk
            ) { input, tenant in
                if input["url"]?.string?.contains("slow") == true, stalling.withLock({ $0 }) {
                    throw Refusal(.unavailable, reason: "worker.silent", "away")
                }
                return scene.receivers.take(input, tenant)
            }
            for key in 0..<(WebhookDelivery.openPerEndpoint + 3) { try await scene.trouble("\(key)") }
            let first = try await delivery.deliverDue()
            #expect(first == 2 * WebhookDelivery.openPerEndpoint, "each endpoint has its places")
            #expect(try await delivery.deliverDue() > 0)
            while try await delivery.deliverDue() > 0 {}
            #expect(try await scene.states(quick.row.id).allSatisfy { $0 == "incident.opened delivered delivered" })
            #expect(try await scene.states(slow.row.id).allSatisfy { $0 == "incident.opened queued " })
            #expect(try await scene.desk.one(slow.row.id, scene.scope.id).failures == 0)
            stalling.withLock { $0 = false }
            scene.stage.move(seconds: WebhookDelivery.workerPauseSeconds)
            while try await delivery.deliverDue() > 0 {}
            #expect(try await scene.states(slow.row.id).allSatisfy { $0 == "incident.opened delivered delivered" })
        }
    }

    @Test("another tenant's webhook is not found, and the log is forgotten after thirty days")
    func apart() async throws {
        try await story { scene in
            let made = try await scene.add("Ledger", Self.url, ["incident.opened"])
            let stranger = WebhookID(high: 7, low: 7)
            for id in [stranger] {
                await #expect(throws: Refusal.self) { try await scene.desk.one(id, scene.scope.id) }
                await #expect(throws: Refusal.self) { try await scene.desk.rotate(id, as: scene.ruth, scope: scene.scope) }
            }
            let above = try #require(try await scene.stage.house.scopes.all().first { $0.kind == "operator" })
            await #expect(throws: Refusal.self) { try await scene.desk.one(made.row.id, above.id) }
            await #expect(throws: Refusal.self) {
                try await scene.desk.add(name: "Up", url: Self.url, events: ["run.started"], as: scene.ruth, scope: above)
            }
            await #expect(throws: Refusal.self, "the name is taken") { try await scene.add("Ledger", Self.url, ["run.started"]) }
            try await scene.trouble("a")
            try await scene.deliverAll()
            try await scene.delivery.prune()
            #expect(try await scene.states(made.row.id).count == 1)
            scene.stage.move(seconds: WebhookDesk.keptDays * 86_400 + 1)
            try await scene.delivery.prune()
            #expect(try await scene.states(made.row.id).isEmpty)
            _ = try await scene.desk.remove(made.row.id, as: scene.ruth, scope: scene.scope)
            #expect(try await scene.desk.all(scene.scope.id).isEmpty)
        }
    }
}
