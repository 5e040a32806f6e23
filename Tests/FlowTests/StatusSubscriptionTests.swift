import Incidents
import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing

@testable import Flow

/// What a story's mail server and webhooks were sent, and what they answer.
final class Letterbox: Sendable {
    private let sent = Locked<[PageDispatch]>([])
    private let answers = Locked<[(outcome: String, answer: String)]>([])

    var all: [PageDispatch] { sent.withLock { $0 } }
    var mails: [PageDispatch.Mail] {
        all.compactMap { dispatch in
            guard case .mail(let mail) = dispatch else { return nil }
            return mail
        }
    }
    var hooks: [PageDispatch.Hook] {
        all.compactMap { dispatch in
            guard case .hook(let hook) = dispatch else { return nil }
            return hook
        }
    }

    func say(_ outcome: String, _ answer: String, times: Int = 1) {
        answers.withLock { $0 += Array(repeating: (outcome, answer), count: times) }
    }

    func take(_ dispatch: PageDispatch) -> Asking.Answer {
        sent.withLock { $0.append(dispatch) }
        let (outcome, answer) = answers.withLock { $0.isEmpty ? ("accepted", "250 taken") : $0.removeFirst() }
        return .output(["outcome": .string(outcome), "answer": .string(answer)])
    }

    /// The headers of a mail and its text part, unpacked.
    static func read(_ mail: PageDispatch.Mail) -> (headers: String, text: String) {
        let whole = String(decoding: mail.message, as: UTF8.self)
        let parts = whole.pieces(by: "\r\n\r\n")
        let packed = parts.count > 2 ? parts[2].pieces(by: "\r\n--")[0] : parts.last ?? ""
        let bytes = Base64.decode(packed.filter { !$0.isNewline }) ?? []
        return (parts[0], String(decoding: bytes, as: UTF8.self))
    }

    /// The token behind `/status-mail/` in a text.
    static func token(_ text: String) -> String {
        guard let place = text.pieces(by: "/status-mail/").dropFirst().first else { return "" }
        return String(place.prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
    }
}

extension String {
    fileprivate func pieces(by separator: String) -> [String] {
        var out: [String] = []
        var rest = Substring(self)
        while let found = rest.firstRange(of: separator) {
            out.append(String(rest[..<found.lowerBound]))
            rest = rest[found.upperBound...]
        }
        return out + [String(rest)]
    }
}

@Suite("subscriptions of status pages")
struct StatusSubscriptionTests {
    struct Scene: Sendable {
        let stage: Stage
        let pages: StatusPages
        let telling: StatusTelling
        let post: Letterbox
        let ruth: Actor
        let scope: ScopeRow

        /// Asks for an address and confirms by the link that came.
        @discardableResult
        func join(_ address: String, channel: String = "mail", components: [StatusComponentID] = []) async throws -> String {
            let secret = try await ask(address, channel: channel, components: components)
            while try await telling.look() > 0 {}
            let token =
                channel == "mail"
                ? Letterbox.token(Letterbox.read(try #require(post.mails.last { $0.to == address })).text)
                : Letterbox.token(try #require(post.hooks.last { $0.url == address }).body.text)
            #expect(try await pages.subscribers.answer(token)?.kind == .confirm)
            return secret
        }

        @discardableResult
        func ask(_ address: String, channel: String = "mail", components: [StatusComponentID] = []) async throws -> String {
            try await pages.subscribers.ask(
                try StatusSubscribers.Target(channel: channel, typed: address), components: components, of: scope.id,
                by: StatusSubscribers.Reader(caller: address))
        }

        func publish(_ text: String, components: [String] = []) async throws -> StatusDesk.Told {
            try await pages.desk.post(
                StatusDesk.Draft(title: "Posting is late", text: text, components: components, isPublished: true), as: ruth,
                scope: scope)
        }

        func texts(to address: String) -> [String] { post.mails.filter { $0.to == address }.map { Letterbox.read($0).text } }
    }

    static func telling(_ house: House, _ pages: StatusPages, _ post: Letterbox) -> StatusTelling {
        StatusTelling(
            platform: house.platform, assets: house.assets, scopes: house.scopes, pages: pages,
            write: { letter, _ in
                StatusTelling.Mail(
                    subject: letter.subject,
                    text: (letter.paragraphs + [letter.link, letter.goodbye]).joined(separator: "\n\n"),
                    html: "<p>\(letter.subject)</p>", sender: ("Brightwater", "", ""))
            },
            send: { dispatch, _ in post.take(dispatch) })
    }

    static func story(
        audience: StatusDesk.Audience = .anybody, _ body: @Sendable (Scene) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let upper = try SampleConfiguration.upperOnCall(
                channels: ["console", "mail"],
                adding: [
                    ("mail", ["server": "smtps://mail.northgate.example:465", "from": "pager@northgate.example"])
                ])
            _ = try await stage.house.applying.apply(upper, by: nil)
            try await stage.open()
            let (house, firm, post) = (await stage.house, await stage.firm, Letterbox())
            let pages = StatusPages(house.platform, house.scopes, house.assets)
            let ruth = try firm.actor("ruth")
            _ = try await pages.desk.save(
                StatusDesk.Settings(audience: audience, title: "Brightwater"), revision: 0, as: ruth, scope: firm.scope)
            for name in ["Posting", "Approvals"] {
                _ = try await pages.desk.add(StatusDesk.ComponentEdit(name: name), as: ruth, scope: firm.scope)
            }
            try await body(
                Scene(
                    stage: stage, pages: pages, telling: telling(house, pages, post), post: post, ruth: ruth, scope: firm.scope))
        }
    }

    private static let maya = "maya@reader.example"

    @Test("nobody is told before the address says yes; then an update is told once, and after the end nothing more")
    func whole() async throws {
        try await Self.story { scene in
            try await scene.ask(Self.maya)
            _ = try await scene.publish("Postings wait.")
            #expect(try await scene.telling.look() == 1)
            let asked = Letterbox.read(scene.post.mails[0])
            #expect(asked.headers.contains("Please confirm") && !asked.headers.contains("List-Unsubscribe"))
            #expect(!asked.text.contains("Postings wait"))
            let link = Letterbox.token(asked.text)
            #expect(try await scene.pages.subscribers.question(behind: link)?.address == "m…@reader.example")
            #expect(try await scene.pages.subscribers.answer(link)?.kind == .confirm)
            #expect(try await scene.pages.subscribers.answer(link) == nil, "a link confirms once")
            _ = try await scene.publish("The ERP is away.")
            // The server that published is gone; another tells.
            try await scene.stage.restart()
            let next = Self.telling(await scene.stage.house, scene.pages, scene.post)
            #expect(try await next.look() == 1)
            #expect(try await next.look() == 0 && scene.post.mails.count == 2)
            let told = Letterbox.read(scene.post.mails[1])
            #expect(told.text.contains("Investigating: Posting is late") && told.text.contains("The ERP is away."))
            #expect(told.text.contains("https://console.example/status/"))
            #expect(told.headers.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
            let stop = Letterbox.token(told.headers)
            #expect(stop == Letterbox.token(told.text.split(separator: "\n").last.map(String.init) ?? ""))
            for _ in 0..<2 { #expect(try await scene.pages.subscribers.answer(stop)?.kind == .stopped) }
            _ = try await scene.publish("Still away.")
            #expect(try await next.look() == 0 && scene.post.mails.count == 2)
            #expect(try await scene.pages.subscribers.counts(of: scene.scope.id) == .init(asked: 0, active: 0, stopped: 1))
        }
    }

    @Test("whoever types an address fills no box: it is asked three times a day, known or not, and a link ends after two days")
    func asking() async throws {
        try await Self.story { scene in
            try await scene.join(Self.maya)
            for _ in 0..<5 {
                for address in [Self.maya, "new@reader.example"] { try await scene.ask(address) }
                while try await scene.telling.look() > 0 {}
            }
            #expect(scene.texts(to: Self.maya).count == 3 && scene.texts(to: "new@reader.example").count == 3)
            #expect(try await scene.pages.subscribers.counts(of: scene.scope.id) == .init(asked: 1, active: 1, stopped: 0))
            let late = Letterbox.token(try #require(scene.texts(to: "new@reader.example").last))
            for guess in [
                "", "x", String(late.dropLast()), String(repeating: "A", count: 43), String(repeating: "A", count: 9000),
            ] {
                #expect(try await scene.pages.subscribers.answer(guess) == nil)
            }
            let first = Letterbox.token(try #require(scene.texts(to: "new@reader.example").first))
            #expect(try await scene.pages.subscribers.answer(first) == nil, "only the last link is good")
            scene.stage.move(seconds: StatusSubscriptionBounds.confirmSeconds)
            #expect(try await scene.pages.subscribers.answer(late) == nil)
            await #expect(throws: Refusal.self, "one caller asks so often in an hour and no more") {
                for _ in 0...StatusSubscriptionBounds.asksOfCallerMax {
                    _ = try await scene.pages.subscribers.ask(
                        try StatusSubscribers.Target(channel: "mail", typed: Self.maya), components: [], of: scene.scope.id,
                        by: StatusSubscribers.Reader(caller: "192.0.2.1"))
                }
            }
        }
    }

    @Test("a sender that dies is followed by another with the same message, and a mail server that stalls is nobody's fault")
    func stalls() async throws {
        try await Self.story { scene in
            try await scene.join(Self.maya)
            _ = try await scene.publish("Postings wait.")
            scene.post.say("unreached", "curl: no answer")
            #expect(try await scene.telling.look() == 1)
            #expect(try await scene.telling.look() == 0, "it is not tried again at once")
            scene.stage.move(seconds: 15)
            #expect(try await scene.telling.look() == 1)
            let ids = scene.post.mails.suffix(2).map { mail in
                Letterbox.read(mail).headers.split(separator: "\r\n").first { $0.hasPrefix("Message-ID") }
            }
            #expect(ids[0] == ids[1] && ids[0] != nil)
            let sent = try #require(try await scene.pages.subscribers.deliveries(of: scene.scope.id, limit: 5).first)
            #expect(sent.row.state == "delivered" && sent.attempts.map(\.outcome) == ["unreached", "accepted"])
            #expect(sent.attempts.map(\.code) == ["curl", "250"])
            let shown = try await scene.pages.subscribers.subscribers(of: scene.scope.id, limit: 5)
            #expect(shown.map(\.row.failures) == [0] && shown.map(\.address) == ["m…@reader.example"])
        }
    }

    @Test("an address that bounces five times in a row is told nothing more, and its words are in no proof")
    func bounces() async throws {
        try await Self.story { scene in
            try await scene.join(Self.maya)
            for count in 0..<5 {
                let told = try await scene.publish("\(count)")
                scene.post.say("refused", "550 5.1.1 <\(Self.maya)> unknown")
                #expect(try await scene.telling.look() == 1)
                _ = try await scene.pages.desk.update(
                    told.notice.id, phase: .resolved, text: "Over.", isPublished: false, as: scene.ruth, scope: scene.scope)
            }
            let shown = try await scene.pages.subscribers.subscribers(of: scene.scope.id, limit: 5)
            #expect(shown.map(\.row.state) == ["stopped"] && shown.map(\.row.why) == ["failing"])
            let sent = try await scene.pages.subscribers.deliveries(of: scene.scope.id, limit: 50)
            #expect(sent.flatMap(\.attempts).map(\.code).contains("550") && !"\(sent)".contains("maya"))
            _ = try await scene.publish("More.")
            #expect(try await scene.telling.look() == 0)
        }
    }

    @Test("a subscriber to one component hears of it and of the whole page; other words are told only when somebody wants that")
    func chosen() async throws {
        try await Self.story { scene in
            let components = try await scene.pages.desk.components(of: scene.scope.id)
            let posting = try #require(components.first { $0.name == "Posting" })
            try await scene.join(Self.maya, components: [posting.id])
            _ = try await scene.publish("Approvals are slow.", components: ["Approvals"])
            #expect(try await scene.telling.look() == 0)
            let told = try await scene.publish("Letterbox is lat.", components: ["Posting", "Approvals"])
            _ = try await scene.publish("Everything is slow.")
            while try await scene.telling.look() > 0 {}
            #expect(scene.texts(to: Self.maya).count == 3)
            _ = try await scene.pages.desk.edit(
                told.notice.id, update: 1, text: "Letterbox is late.", as: scene.ruth, scope: scene.scope)
            #expect(try await scene.telling.look() == 0)
            _ = try await scene.pages.desk.edit(
                told.notice.id, update: 1, text: "Posting is late.", tellsSubscribers: true, as: scene.ruth, scope: scene.scope)
            #expect(try await scene.telling.look() == 1)
            #expect(scene.texts(to: Self.maya).last?.contains("Posting is late.") == true)
            let draft = try await scene.pages.desk.post(
                StatusDesk.Draft(title: "Plan", text: "Not yet.", isPublished: false), as: scene.ruth, scope: scene.scope)
            #expect(try await scene.telling.look() == 0, "a draft is told to nobody")
            _ = try await scene.pages.desk.publish(draft.notice.id, update: 1, as: scene.ruth, scope: scene.scope)
            #expect(try await scene.telling.look() == 1)
        }
    }

    @Test("planned work is told of once more, a day before it begins")
    func reminded() async throws {
        try await Self.story { scene in
            try await scene.join(Self.maya)
            let from = scene.stage.now.adding(seconds: 3 * 86_400)
            _ = try await scene.pages.desk.post(
                StatusDesk.Draft(
                    kind: .maintenance, title: "ERP upgrade", impact: .none, text: "As told.", startsAt: from,
                    endsAt: from.adding(seconds: 3600), isPublished: true), as: scene.ruth, scope: scene.scope)
            #expect(try await scene.telling.look() == 1)
            try await scene.pages.watch.look()
            #expect(try await scene.telling.look() == 0)
            scene.stage.move(to: from.adding(seconds: -StatusSubscriptionBounds.reminderSeconds))
            for _ in 0..<3 { try await scene.pages.watch.look() }
            #expect(try await scene.telling.look() == 1)
            #expect(Letterbox.read(try #require(scene.post.mails.last)).headers.contains("Subject: Soon: ERP upgrade"))
        }
    }
}
