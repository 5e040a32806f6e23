import Kernel
import Postgres
import Records
import Seals
import TestKit
import Testing

@testable import Flow

/// The world behind the channels, as a story wants it: it takes, refuses or says nothing, and remembers what it was sent.
final class Post: Sendable {
    private let answers = Locked<[String: [(String, String)]]>([:])
    private let received = Locked<[PageDispatch]>([])

    var sent: [PageDispatch] { received.withLock { $0 } }
    var mails: [String] {
        sent.compactMap { if case .mail(let mail) = $0 { String(decoding: mail.message, as: UTF8.self) } else { nil } }
    }
    var hooks: [PageDispatch.Hook] { sent.compactMap { if case .hook(let hook) = $0 { hook } else { nil } } }

    /// What is answered next, by verb; when nothing is left everything is taken.
    func say(_ verb: String, _ words: (String, String)...) { answers.withLock { $0[verb, default: []] += words } }

    func take(_ dispatch: PageDispatch) -> Asking.Answer {
        received.withLock { $0.append(dispatch) }
        let (outcome, answer) = answers.withLock { answers -> (String, String) in
            guard answers[dispatch.verb]?.isEmpty == false else { return ("accepted", "250 queued") }
            return answers[dispatch.verb, default: []].removeFirst()
        }
        return .output(["outcome": .string(outcome), "answer": .string(answer)])
    }
}

@Suite("pages on their way")
struct PageDeliveryTests {
    private static let mail: JSONValue = ["server": "smtps://mail.northgate.example:465", "from": "pager@northgate.example"]
    private static let webhook: JSONValue = ["url": "https://hooks.northgate.example/pages", "secret": "hook-key"]
    private static let duty: JSONValue = ["url": "https://events.pagerduty.example/v2/enqueue", "secret": "duty-key"]

    private func story(
        channels: [JSONValue], adding members: [(String, JSONValue)],
        _ body: @Sendable (Stage, Post, PageDelivery) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let upper = try SampleConfiguration.upperOnCall(channels: channels, adding: members)
            _ = try await stage.house.applying.apply(upper, by: nil)
            let scope = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            try await stage.house.applying.setSecret(
                "whsec_" + Base64.encode(Array(0..<24)), name: "hook-key", in: scope.id, by: nil)
            try await stage.house.applying.setSecret("0123456789abcdef0123456789abcdef", name: "duty-key", in: scope.id, by: nil)
            try await stage.open()
            let post = Post()
            let house = await stage.house
            let pager = PageDelivery(
                platform: house.platform, assets: house.assets, scopes: house.scopes, alerting: house.alerting
            ) { dispatch, tenant in
                #expect(tenant == scope.id, "all pages are the operator's worker's")
                return post.take(dispatch)
            }
            try await body(stage, post, pager)
        }
    }

    private func trouble(_ stage: Stage, _ alert: String = "worker-missing") async throws -> IncidentRow {
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        try await alerting.raise(alert, facts: ["age": "3 min"], scope: scope, key: alert)
        try await stage.pump()
        return try #require(try await stage.incidents().first { $0.alert == alert })
    }

    private func pages(_ stage: Stage, _ incident: IncidentRow) async throws -> [String] {
        try await stage.house.onCalling.pages(of: incident.id, tenant: incident.tenant).map {
            "\($0.page.channel) \($0.page.state) \($0.attempts.map(\.outcome).joined(separator: "+"))"
        }.sorted()
    }

    private func lines(_ stage: Stage, _ incident: IncidentRow, kinds: [String]) async throws -> [String] {
        try await stage.house.looking.incidentEntries(incident.tenant, incident.id).filter { kinds.contains($0.kind) }.map(\.text)
    }

    @Test("a page goes by every channel at once, and what each answered is kept and said in the timeline")
    func delivered() async throws {
        let settings = [("mail", Self.mail), ("webhook", Self.webhook), ("pagerduty", Self.duty)]
        try await story(channels: ["console", "mail", "webhook", "pagerduty"], adding: settings) { stage, post, pager in
            let incident = try await trouble(stage)
            #expect(try await pager.deliverDue() > 0)
            while try await pager.deliverDue() > 0 {}
            #expect(
                try await pages(stage, incident) == [
                    "console delivered ", "mail delivered accepted", "pagerduty delivered accepted", "webhook delivered accepted",
                ])
            let told = try await lines(stage, incident, kinds: ["delivered"])
            #expect(told.contains("Tomas Reyl was reached by mail: 250 queued."), "\(told)")
            let mail = try #require(post.mails.first)
            #expect(mail.contains("To: <tomas@northgate.example>") && mail.contains("Subject: [sev2] INC-1"))
            let hook = try #require(post.hooks.first { $0.url.contains("hooks") })
            let headers = hook.headers.map { (name: $0[0], value: $0[1]) }
            #expect(headers.contains { $0.name == "webhook-signature" && $0.value.hasPrefix("v1,") })
            let event = try #require(post.hooks.first { $0.url.contains("pagerduty") }?.body)
            #expect(event["event_action"]?.string == "trigger" && event["payload"]?["severity"]?.string == "error")
            #expect(event["routing_key"]?.string == "0123456789abcdef0123456789abcdef")
            // What keeps incidents itself hears of the end under the same key.
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            _ = try await alerting.resolve(incident.id, reason: "It is back.", as: try firm.actor("ruth"), scope: firm.scope)
            try await stage.pump()
            while try await pager.deliverDue() > 0 {}
            let end = try #require(post.hooks.last?.body)
            #expect(end["event_action"]?.string == "resolve" && end["dedup_key"] == event["dedup_key"])
        }
    }

    @Test("a channel that does not answer for one tenant holds up no page of another")
    func beside() async throws {
        let settings = [("mail", Self.mail), ("webhook", Self.webhook)]
        try await story(channels: ["mail", "webhook"], adding: settings) { stage, post, _ in
            let house = await stage.house
            let stalling = Locked(true)
            let pager = PageDelivery(
                platform: house.platform, assets: house.assets, scopes: house.scopes, alerting: house.alerting
            ) { dispatch, _ in
                if case .mail = dispatch { _ = try await eventually { !stalling.withLock { $0 } } }
                return post.take(dispatch)
            }
            _ = try await trouble(stage)
            let running = Task { await pager.run() }
            #expect(try await eventually { post.hooks.count == 1 })
            let neighbour = try await stage.open()
            try await house.alerting.raise(
                "worker-missing", facts: ["age": "3 min"], scope: neighbour.scope, key: "worker-missing")
            try await stage.pump()
            #expect(try await eventually { post.hooks.count == 2 }, "the first mail is still under way")
            #expect(post.mails.isEmpty)
            stalling.withLock { $0 = false }
            #expect(try await eventually { post.mails.count >= 2 })
            running.cancel()
            await running.value
        }
    }

    @Test("a server that stalls is tried again, later each time, and a page that arrives late says how late it is")
    func stalls() async throws {
        try await story(channels: ["mail"], adding: [("mail", Self.mail)]) { stage, post, pager in
            post.say("page.mail", ("unreached", "timed-out"), ("unreached", "421 busy"))
            let incident = try await trouble(stage)
            #expect(try await pager.deliverDue() == 1)
            #expect(try await pager.deliverDue() == 0, "not before its time")
            stage.move(seconds: 15)
            #expect(try await pager.deliverDue() == 1)
            stage.move(seconds: 29)
            #expect(try await pager.deliverDue() == 0)
            stage.move(seconds: 600)
            #expect(try await pager.deliverDue() == 1)
            #expect(try await pages(stage, incident) == ["mail delivered unreached+unreached+accepted"])
            let told = try await lines(stage, incident, kinds: ["delivered"])
            #expect(told == ["Tomas Reyl was reached by mail at attempt 3: 250 queued. It was due 644 s earlier."])
            #expect(Set(post.mails.map { $0.split(separator: "\r\n").first { $0.hasPrefix("Message-ID:") } }).count == 1)
        }
    }

    @Test("a bounce is not tried again: the channel is a trouble of its own, and the next layer is told all the same")
    func bounces() async throws {
        try await story(channels: ["mail"], adding: [("mail", Self.mail)]) { stage, post, pager in
            post.say("page.mail", ("refused", "550 no such mailbox"))
            let incident = try await trouble(stage)
            #expect(try await pager.deliverDue() == 1)
            try await stage.pump()
            #expect(try await pages(stage, incident) == ["mail failed refused"])
            let told = try await stage.incidents().first { $0.alert == "page-undelivered" }
            #expect(told?.title == "Pages by mail do not arrive: 550 no such mailbox" && told?.severity == "sev3")
            stage.move(seconds: 901)
            try await stage.pump()
            #expect(try await pager.deliverDue() == 1)
            #expect(post.mails.last?.contains("To: <bela@northgate.example>") == true)
        }
    }

    @Test("a server that died with a page in hand costs a page twice at most, and nobody is woken for what was answered")
    func taken() async throws {
        try await story(channels: ["mail"], adding: [("mail", Self.mail)]) { stage, post, pager in
            let incident = try await trouble(stage)
            let now = stage.now
            let claimed = try await stage.store.withLane(0) { tx in
                try await tx.query(PageQueries.claim(now: now, until: now.adding(seconds: 30), perTenant: 2, limit: 5)).count
            }
            #expect(claimed == 1)
            #expect(try await pager.deliverDue() == 0, "somebody has it in hand")
            stage.move(seconds: 30)
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            _ = try await alerting.acknowledge(incident.id, as: try firm.actor("ruth"), scope: firm.scope)
            #expect(try await pager.deliverDue() == 1)
            #expect(post.sent.isEmpty)
            #expect(try await pages(stage, incident) == ["mail withdrawn "])
        }
    }

    @Test("what can wait is told outside of the quiet hours, and inside at their end")
    func quietHours() async throws {
        let settings: [(String, JSONValue)] = [("mail", Self.mail), ("quietHours", ["from": "20:00", "to": "07:00"])]
        try await story(channels: ["console", "mail"], adding: settings) { stage, post, pager in
            stage.move(to: try #require(Moment("2026-07-14T21:00:00Z")))
            _ = try await trouble(stage, "queue-age")
            #expect(try await pager.deliverDue() == 0)
            stage.move(to: try #require(Moment("2026-07-15T05:59:59Z")))
            #expect(try await pager.deliverDue() == 0, "half past five by Greenwich is not yet seven in London")
            stage.move(to: try #require(Moment("2026-07-15T06:00:00Z")))
            #expect(try await pager.deliverDue() == 1)
            stage.move(seconds: 3600)
            try await stage.pump()
            #expect(post.sent.count == 1, "nobody is told after them")
        }
    }

    @Test("the flood of one tenant never stands before another's page")
    func flood() async throws {
        try await story(channels: ["mail"], adding: [("mail", Self.mail)]) { stage, post, pager in
            let flooded = try await trouble(stage)
            let firm = await stage.firm
            let person = try #require(try await stage.house.onCalling.pages(of: flooded.id, tenant: firm.id).first?.page.person)
            let platform = await stage.house.platform
            let (lane, now) = (firm.scope.lane, stage.now)
            let upper = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            @Sendable func page(_ scope: ScopeRow, _ at: Moment) -> PageRow {
                PageRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane, incident: nil, person: person, personName: "Tomas",
                    channel: "mail", kind: "test", layer: "Platform", reason: "r", decidedAt: at, dueAt: at)
            }
            try await stage.store.withLane(lane) { tx in
                for _ in 0..<300 {
                    let row = page(firm.scope, now.adding(seconds: -60))
                    _ = try await tx.pipeline([PageQueries.insert(row), PageQueries.enqueue(row)])
                }
            }
            let other = page(upper, now)
            try await stage.store.withLane(upper.lane) { tx in
                _ = try await tx.pipeline([PageQueries.insert(other), PageQueries.enqueue(other)])
            }
            #expect(try await pager.deliverDue() == PageDelivery.openPerTenant + 1)
            let state = try await stage.house.onCalling.tests(in: upper).first?.page.state
            #expect(state == "delivered", "it came last and went with the first")
            #expect(post.sent.count == 3)
        }
    }

    @Test("a test page says that nothing is wrong, goes by every channel, and is written into the audit log")
    func testPage() async throws {
        try await story(channels: ["console", "mail"], adding: [("mail", Self.mail)]) { stage, post, pager in
            let upper = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let person = try #require(try await stage.house.looking.people(upper.id).first { $0.slug == "bela" })
            let actor = Actor(
                tenant: upper.id, person: person.id, natural: person.natural, name: person.name, roles: [], approvalLimit: nil)
            let calling = await stage.house.onCalling
            _ = try await calling.testPage(as: actor, scope: upper)
            #expect(try await pager.deliverDue() == 1)
            #expect(post.mails.first?.contains("Subject: Test page: nothing is wrong") == true)
            #expect(post.mails.first?.contains("To: <bela@northgate.example>") == true)
            let states = try await calling.tests(in: upper).map { "\($0.page.channel) \($0.page.state)" }.sorted()
            #expect(states == ["console delivered", "mail delivered"])
            let firm = await stage.firm.scope
            await #expect { _ = try await calling.testPage(as: actor, scope: firm) } throws: {
                ($0 as? Refusal)?.reason == "on-call.scope"
            }
        }
    }
}
