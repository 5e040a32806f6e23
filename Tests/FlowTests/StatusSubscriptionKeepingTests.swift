import Incidents
import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("webhooks and the end of subscriptions")
struct StatusSubscriptionKeepingTests {
    private typealias Story = StatusSubscriptionTests
    private static let hook = "https://hooks.reader.example/status?x=1"

    private func check(_ hook: PageDispatch.Hook, _ secret: String, at now: Moment) throws {
        _ = try WebhookSignature.check(
            headers: hook.headers.map { (name: $0[0], value: $0[1]) }, body: hook.body.bytes, now: now.seconds,
            secrets: [try WebhookKey(secret)])
    }

    @Test(
        "a webhook confirms itself before it is told anything, every event is signed, and a new secret signs beside the old one")
    func webhook() async throws {
        try await Story.story { scene in
            let secret = try await scene.join(Self.hook, channel: "webhook")
            let asked = try #require(scene.post.hooks.first)
            #expect(asked.body["type"] == "status.confirm" && asked.allow.isEmpty)
            try check(asked, secret, at: scene.stage.now)
            _ = try await scene.publish("Postings wait.")
            #expect(try await scene.telling.look() == 1)
            let told = try #require(scene.post.hooks.last)
            #expect(told.body["type"] == "status.update")
            #expect(told.body["data"]?["notice"]?["text"] == "Postings wait." && told.url == Self.hook)
            try check(told, secret, at: scene.stage.now)
            let id = try #require(try await scene.pages.subscribers.subscribers(of: scene.scope.id, limit: 1).first?.row.id)
            let renewed = try await scene.pages.subscribers.renewSecret(of: id, as: scene.ruth, scope: scene.scope)
            _ = try await scene.pages.subscribers.test(id, as: scene.ruth, scope: scene.scope)
            #expect(try await scene.telling.look() == 1)
            let test = try #require(scene.post.hooks.last)
            #expect(test.body["type"] == "status.test")
            for key in [secret, renewed] { try check(test, key, at: scene.stage.now) }
            scene.stage.move(seconds: StatusSubscriptionBounds.overlapSeconds)
            _ = try await scene.publish("Later.")
            #expect(try await scene.telling.look() == 1)
            let later = try #require(scene.post.hooks.last)
            try check(later, renewed, at: scene.stage.now)
            #expect(throws: WebhookSignature.Flaw.signature) { try check(later, secret, at: scene.stage.now) }
            let rows = try await scene.pages.subscribers.subscribers(of: scene.scope.id, limit: 1)
            #expect(rows.map(\.address) == ["https://hooks.reader.example/…"])
            #expect(!"\(rows)".contains("x=1") && !"\(rows)".contains(renewed))
        }
    }

    @Test("addresses that are none, that would break out of a line, or that lead inside are refused with what is wrong")
    func hostile() async throws {
        let mails = [
            "", "maya", "@reader.example", "maya@", "maya@localhost", "maya@127.0.0.1", "maya@[::1]", "a@b@reader.example",
            "maya@reader.example\r\nBcc: all@reader.example", "maya\u{0}@reader.example", "\"maya\"@reader.example",
            "maya@reader.example>", "ma ya@reader.example", "..@reader.example", "mаya@reader.example",
            String(repeating: "m", count: 10_000) + "@reader.example", "m@" + String(repeating: "r.", count: 5000) + "example",
        ]
        for typed in mails {
            #expect(throws: Refusal.self, "\(typed.prefix(40))") { try StatusSubscribers.Target(channel: "mail", typed: typed) }
        }
        let fancy = try StatusSubscribers.Target(channel: "mail", typed: " Maya.Lund@Bücher.Example ")
        let plain = try MailAddress(typed: "maya.lund@xn--bcher-kva.example")
        #expect(fancy == .mail(plain))
        let hooks = [
            "http://hooks.reader.example", "https://127.0.0.1/x", "https://[::1]/x", "https://localhost/x", "ftp://x.example",
            "https://user@hooks.reader.example", "https://10.0.0.1:443/", "https://hooks.reader.example/#x",
            "https://hooks.reader.example/\r\nX: y", "https://169.254.169.254/latest", "https://",
        ]
        try await Story.story { scene in
            for typed in hooks {
                await #expect(throws: Refusal.self, "\(typed)") { try await scene.ask(typed, channel: "webhook") }
                await #expect(throws: Refusal.self, "\(typed)") {
                    try await scene.pages.subscribers.add(
                        try StatusSubscribers.Target(channel: "webhook", typed: typed), components: [], as: scene.ruth,
                        scope: scene.scope)
                }
            }
            let counts = try await scene.pages.subscribers.counts(of: scene.scope.id)
            #expect(counts.asked + counts.active + counts.stopped == 0)
        }
    }

    @Test("a page that is off tells nobody and takes nobody, and what nobody needs any more is erased when its time is over")
    func forgotten() async throws {
        try await Story.story { scene in
            try await scene.join("maya@reader.example")
            try await scene.join("noor@reader.example")
            try await scene.ask("new@reader.example")
            let rows = try await scene.pages.subscribers.subscribers(of: scene.scope.id, limit: 5)
            let noor = try #require(rows.first { $0.address.hasPrefix("n") && $0.row.state == "active" })
            _ = try await scene.pages.subscribers.remove(noor.row.id, as: scene.ruth, scope: scene.scope)
            let house = await scene.stage.house
            let keeping = Keeping(platform: house.platform, scopes: house.scopes, assets: house.assets, alerting: nil)
            func states() async throws -> [String] {
                _ = try await keeping.look()
                return try await scene.pages.subscribers.subscribers(of: scene.scope.id, limit: 5).map(\.row.state).sorted()
            }
            #expect(try await states() == ["active", "asked", "stopped"])
            scene.stage.move(seconds: StatusSubscriptionBounds.confirmSeconds + 1)
            #expect(try await states() == ["active", "stopped"], "who never confirmed goes with the link")
            scene.stage.move(seconds: Int64(StatusSubscriptionBounds.forgetDays) * 86_400)
            #expect(try await states() == ["active"])
            _ = try await scene.publish("Postings wait.")
            let page = try #require(try await scene.pages.desk.page(of: scene.scope.id))
            _ = try await scene.pages.desk.save(
                StatusDesk.Settings(audience: .off, title: "Brightwater"), revision: page.revision, as: scene.ruth,
                scope: scene.scope)
            let count = scene.post.all.count
            _ = try await scene.telling.look()
            #expect(scene.post.all.count == count)
            let sent = try await scene.pages.subscribers.deliveries(of: scene.scope.id, limit: 1)
            #expect(sent.map(\.row.state) == ["withdrawn"])
            await #expect(throws: Refusal.self) { try await scene.ask("late@reader.example") }
            #expect(try await states() == ["active"])
            scene.stage.move(seconds: Int64(StatusSubscriptionBounds.forgetDays) * 86_400 + 1)
            #expect(try await states() == [], "a page that stays off takes its subscribers along")
        }
    }

    @Test("who is on call is before who has subscribed")
    func pagesFirst() async throws {
        try await Story.story { scene in
            try await scene.join("maya@reader.example")
            _ = try await scene.publish("Postings wait.")
            let alerting = await scene.stage.house.alerting
            try await alerting.raise(
                "worker-missing", facts: ["age": "130 s", "connection": "erp"], scope: scene.scope, key: "1")
            try await scene.stage.pump()
            #expect(try await scene.telling.look() == 0, "somebody on call has not been paged yet")
            let house = await scene.stage.house
            let pager = PageDelivery(
                platform: house.platform, assets: house.assets, scopes: house.scopes, alerting: house.alerting,
                send: { _, _ in .output(["outcome": "accepted", "answer": "250"]) })
            while try await pager.deliverDue() > 0 {}
            #expect(try await scene.telling.look() == 1)
        }
    }

    @Test("a page for people who are signed in tells its people at their own address, and nobody who has left")
    func signedIn() async throws {
        try await Story.story(audience: .signedIn) { scene in
            let subscribers = scene.pages.subscribers
            let known = StatusSubscribers.Reader(caller: "a", person: scene.ruth.person, home: scene.scope.id)
            let nowhere = try #require(TenantID("00000000-0000-7000-8000-000000000001"))
            let gone = StatusSubscribers.Reader(caller: "b", person: scene.ruth.natural, home: nowhere)
            for (address, reader) in [("ruth@reader.example", known), ("gone@reader.example", gone)] {
                _ = try await subscribers.ask(
                    try StatusSubscribers.Target(channel: "mail", typed: address), components: [], of: scene.scope.id, by: reader)
            }
            while try await scene.telling.look() > 0 {}
            #expect(scene.post.mails.map(\.to) == ["ruth@reader.example"])
            let states = try await subscribers.subscribers(of: scene.scope.id, limit: 5).map(\.row.why).sorted()
            #expect(states == ["", "left"])
        }
    }
}
