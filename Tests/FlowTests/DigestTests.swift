import Incidents
import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("what can wait, told together")
struct DigestTests {
    /// A mail server as a story wants it.
    private final class Letters: Sendable {
        private let answers = Locked<[String]>([])
        private let received = Locked<[PageDispatch.Mail]>([])

        var mails: [PageDispatch.Mail] { received.withLock { $0 } }
        func say(_ words: String...) { answers.withLock { $0 += words } }

        func take(_ dispatch: PageDispatch) -> Asking.Answer {
            guard case .mail(let mail) = dispatch else { return .failed(code: "", message: "no mail") }
            received.withLock { $0.append(mail) }
            let outcome = answers.withLock { $0.isEmpty ? "accepted" : $0.removeFirst() }
            return .output(["outcome": .string(outcome), "answer": "said"])
        }

        /// What stands in a mail, line by line.
        func text(_ index: Int) -> String {
            let whole = String(decoding: mails[index].message, as: UTF8.self)
            let body = whole.split(separator: "\r\n\r\n", maxSplits: 1)
            let packed = body.last.map { $0.filter { !$0.isNewline } } ?? ""
            return Base64.decode(packed).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }

    private func story(
        except: [JSONValue] = [], _ body: @Sendable (Stage, Letters, Digesting) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            var digest: JSONObject = ["title": "Twice a day", "people": ["ines", "bela"], "at": ["07:30", "12:00"]]
            if !except.isEmpty { digest["except"] = .array(except) }
            let upper = try SampleConfiguration.upperOnCall(adding: [
                ("mail", ["server": "smtps://mail.northgate.example:465", "from": "pager@northgate.example"]),
                ("digests", [.object(digest)]),
                ("quietHours", ["from": "22:00", "to": "07:00"]),
            ])
            _ = try await stage.house.applying.apply(upper, by: nil)
            try await stage.open()
            let letters = Letters()
            try await body(stage, letters, digesting(await stage.house, letters))
        }
    }

    private func digesting(_ house: House, _ letters: Letters) -> Digesting {
        Digesting(platform: house.platform, assets: house.assets, scopes: house.scopes, alerting: house.alerting) {
            dispatch, _ in
            letters.take(dispatch)
        }
    }

    private func wait(_ stage: Stage, _ alert: String = "queue-age", key: String = "1") async throws {
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        try await alerting.raise(alert, facts: ["age": "130 s", "connection": "erp"], scope: scope, key: key)
        try await stage.pump()
    }

    private func rows(_ stage: Stage, _ digesting: Digesting) async throws -> [DigestRow] {
        let house = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
        return try await digesting.digests(in: house)
    }

    @Test("what the next digest will say is what it says when its time comes, and looking takes nothing out of it")
    func preview() async throws {
        try await story { stage, letters, digesting in
            let house = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let quiet = try await digesting.coming(in: house)
            #expect(quiet.count == 2 && quiet.allSatisfy { $0.message.count == 0 })
            try await wait(stage)
            let coming = try #require(try await digesting.coming(in: house).first)
            #expect(coming.message.count == 1 && coming.dueAt == Moment("2026-07-14T11:00:00Z"))
            #expect(try await digesting.coming(in: await stage.firm.scope).isEmpty, "they are the operator's")
            stage.move(to: coming.dueAt)
            #expect(try await digesting.look() == 2)
            let said = (0..<2).map { letters.text($0).replacing("\r\n", with: "\n") }
            #expect(said.contains(coming.message.text))
            #expect(try await digesting.coming(in: house).allSatisfy { $0.message.count == 0 }, "what was told waits no longer")
        }
    }

    @Test("one mail a person at the time of the rota, with a link to each; nothing twice, and none when nothing waits")
    func gathered() async throws {
        try await story { stage, letters, digesting in
            #expect(try await digesting.look() == 0 && letters.mails.isEmpty, "nothing waits, so nothing is made")
            try await wait(stage)
            try await wait(stage, "erp-budget-short")
            // What is urgent is told at once and in no digest.
            try await wait(stage, "worker-missing")
            #expect(try await digesting.look() == 0, "the stories begin at 09:30 in London; the next time is noon")
            stage.move(to: try #require(Moment("2026-07-14T11:00:00Z")))
            // Two servers look at once.
            let other = Digesting(
                platform: await stage.house.platform, assets: await stage.house.assets, scopes: await stage.house.scopes,
                alerting: await stage.house.alerting
            ) { dispatch, _ in letters.take(dispatch) }
            async let one = digesting.look()
            async let two = other.look()
            #expect(try await [one, two].reduce(0, +) == 2)
            #expect(Set(letters.mails.map(\.to)) == ["ines@northgate.example", "bela@northgate.example"])
            let (incidents, slug) = (try await stage.incidents(), await stage.firm.scope.slug)
            for index in 0..<2 {
                let text = letters.text(index)
                for incident in incidents where incident.alert != "worker-missing" {
                    #expect(text.contains("https://console.example/t/\(slug)/incidents/\(incident.id)"), "\(text)")
                }
                #expect(!text.contains("worker does not answer"))
            }
            #expect(try await digesting.look() == 0)
            stage.move(seconds: 86_400)
            #expect(try await digesting.look() == 0 && letters.mails.count == 2, "an empty digest is not sent")
            #expect(try await rows(stage, digesting).map(\.state) == ["delivered", "delivered"])
            #expect(try await rows(stage, digesting).allSatisfy { $0.items == 2 })
        }
    }

    @Test("a mail server that stalls is asked again with the same message, and what came meanwhile goes into the next digest")
    func stalls() async throws {
        try await story { stage, letters, digesting in
            try await wait(stage)
            letters.say("unreached", "unreached")
            stage.move(to: try #require(Moment("2026-07-14T11:00:00Z")))
            #expect(try await digesting.look() == 2)
            #expect(try await rows(stage, digesting).map(\.state) == ["due", "due"])
            try await wait(stage, "erp-budget-short")
            // The server that tried is gone.
            try await stage.restart()
            let next = self.digesting(await stage.house, letters)
            stage.move(seconds: 30)
            #expect(try await next.look() == 2)
            func ids(_ mails: [PageDispatch.Mail]) -> Set<String> {
                Set(
                    mails.compactMap { mail in
                        String(decoding: mail.message, as: UTF8.self).split(separator: "\r\n").first {
                            $0.hasPrefix("Message-ID")
                        }
                        .map(String.init)
                    })
            }
            #expect(ids(Array(letters.mails.prefix(2))) == ids(Array(letters.mails.suffix(2))), "a repetition is known as one")
            #expect(letters.text(2) == letters.text(0) || letters.text(2) == letters.text(1))
            stage.move(to: try #require(Moment("2026-07-15T06:30:00Z")))
            #expect(try await next.look() == 2)
            #expect(letters.mails.count == 6 && letters.text(5).contains("erp-budget") == false)
            #expect(letters.text(5).contains("run short"), "\(letters.text(5))")
            #expect(!letters.text(5).contains("has waited"), "told yesterday")
        }
    }

    @Test("a bounce gives a digest up, and an incident of the operator says so")
    func bounces() async throws {
        try await story { stage, letters, digesting in
            try await wait(stage)
            letters.say("refused", "refused")
            stage.move(to: try #require(Moment("2026-07-14T11:00:00Z")))
            #expect(try await digesting.look() == 2)
            #expect(try await rows(stage, digesting).map(\.state) == ["failed", "failed"])
            stage.move(seconds: 3600)
            #expect(try await digesting.look() == 0)
            let house = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let commands = try await stage.store.withTenant(house.id) { tx in
                try await tx.query(
                    "SELECT payload FROM command WHERE tenant_id = \(house.id) AND kind = 'incident.raise'"
                ).map { try $0.get("payload", as: JSONValue.self)["alert"]?.string ?? "" }
            }
            #expect(commands.contains("page-undelivered"))
        }
    }

    @Test("a tenant that is left out of the digests is told of as the rota says otherwise")
    func leftOut() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let slug = await stage.firm.scope.slug
            let upper = try SampleConfiguration.upperOnCall(
                channels: ["console", "mail"],
                adding: [
                    ("mail", ["server": "smtps://mail.northgate.example:465", "from": "pager@northgate.example"]),
                    ("digests", [["title": "All", "people": ["ines"], "at": ["07:30"], "except": [.string(slug)]]]),
                    ("quietHours", ["from": "22:00", "to": "07:00"]),
                ])
            _ = try await stage.house.applying.apply(upper, by: nil)
            try await wait(stage)
            let incident = try #require(try await stage.incidents().first)
            let pages = try await stage.house.onCalling.pages(of: incident.id, tenant: incident.tenant).map(\.page)
            #expect(pages.map(\.kind) == ["notice"] && pages.map(\.personName) == ["Tomas Reyl"])
        }
    }

    @Test("of several rotas the one that names the tenant answers, and the one that names nobody for all others")
    func routed() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let slug = await stage.firm.scope.slug
            func rota(
                _ name: String, _ version: Int, _ person: String, _ serves: JSONValue?
            ) throws -> Applying.Asset {
                let whole = try SampleConfiguration.upperOnCall().last { $0.kind == "on-call" }
                var members = whole?.content.object ?? [:]
                members["name"] = .string(name)
                members["people"] = [.string(person)]
                members["serves"] = serves
                return Applying.Asset(
                    scope: .operator, kind: "on-call", name: name, version: "\(version)", content: .object(members))
            }
            let upper = try SampleConfiguration.upperOnCall().filter { $0.kind != "on-call" }
            func answering(_ version: Int, _ serves: JSONValue?) async throws -> String? {
                _ = try await stage.house.applying.apply(
                    upper + [try rota("a-first", version, "saskia", serves), try rota("platform", 1, "tomas", nil)], by: nil)
                let onCall = try await stage.house.onCalling.rota(for: await stage.firm.id)
                return onCall.person(onTurnIn: 0, at: stage.now)?.slug
            }
            #expect(try await answering(1, ["tenants": [.string(slug)]]) == "saskia")
            #expect(try await answering(2, ["partners": [.string(SampleConfiguration.partner)]]) == "saskia")
            #expect(
                try await answering(3, ["partners": [.string(SampleConfiguration.partner)], "except": [.string(slug)]]) == "tomas"
            )
            #expect(try await answering(4, ["tenants": ["elsewhere"]]) == "tomas")
        }
    }
}
