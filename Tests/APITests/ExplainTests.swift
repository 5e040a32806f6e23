import Glibc
import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("who may do what, and why")
struct ExplainTests {
    private static func explain(
        _ office: Office, _ query: String, as token: SecretToken, at slug: String = "alpha"
    ) async -> Office.Answer {
        await office.call(.get, "/api/v1/tenants/\(slug)/authz/explain?\(query)", as: token)
    }

    @Test("an answer names the grant that allows, or the condition that is in the way")
    func answers() async throws {
        let office = try Office(store: try await TestDatabase.shared(by: "office", template: .office).store)
        let admin = try await office.session("tenant-admin", at: "alpha")
        let yes = await Self.explain(office, "person=approver&action=approvals.decide", as: admin)
        #expect(yes.json["allowed"]?.bool == true, "\(yes.text)")
        #expect(yes.json["grants"]?.array?.first?["standing"]?.string == "gives")
        let no = await Self.explain(office, "person=approver&action=audit.read", as: admin)
        #expect(no.json["allowed"]?.bool == false)
        #expect(no.json["grants"]?.array?.first?["standing"]?.string == "other")
        #expect(no.json["explanation"]?.string?.hasPrefix("No role of ") == true, "it is about somebody else")
        let typo = await Self.explain(office, "person=approver&action=approvals.decid", as: admin)
        #expect(typo.status == 400)
        #expect(typo.text.contains("Did you mean approvals.decide?"))
        #expect(await Self.explain(office, "person=nobody&action=audit.read", as: admin).status == 404)
        #expect(await Self.explain(office, "action=audit.read", as: admin).status == 404)
        #expect(await Self.explain(office, "person=approver&action=audit.read", as: admin, at: "beta").status == 404)
        let clerk = try await office.session("ap-clerk", at: "alpha")
        #expect(await Self.explain(office, "person=approver&action=audit.read", as: clerk).code == "authority.missing")
    }

    @Test("about an approval that waits, the limit and the engine are asked, and only those who may see it are told")
    func approval() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            _ = try await office.services.applying.apply(try Office.withLedgerAndLimits(), by: nil)
            try await office.fill("alpha", buyer: "Brightwater Foods GmbH")
            let scope = try await office.scope("alpha")
            let row = try #require(
                try await office.services.looking.requests(scope.id, kinds: ["approval"], limit: 10).first)
            let controller = try await office.session("controller", at: "alpha")
            let about = "action=approvals.decide&approval=\(row.id)"
            let limited = await Self.explain(office, "person=approver&\(about)", as: controller)
            #expect(limited.json["allowed"]?.bool == false)
            #expect(limited.json["rule"]?.string == "approval.limit")
            let free = await Self.explain(office, "person=colleague&\(about)", as: controller)
            #expect(free.json["allowed"]?.bool == true, "\(free.text)")
            let admin = try await office.session("tenant-admin", at: "alpha")
            #expect(await Self.explain(office, "person=approver&\(about)", as: admin).code == "authority.missing")
            let beta = try await office.session("controller", at: "beta")
            #expect(await Self.explain(office, "person=approver&\(about)", as: beta, at: "beta").status == 404)
        }
    }

    @Test("signing more than the tenant's bound takes a fresh proof; rejecting and smaller amounts do not")
    func stepUp() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let bounded = try Office.withLedgerAndLimits().map { asset -> Applying.Asset in
                guard asset.kind == "tenant", asset.name == "alpha", var members = asset.content.object else { return asset }
                members["stepUpAbove"] = ["amount": "4799.99", "currency": "EUR"]
                return Applying.Asset(
                    scope: asset.scope, kind: asset.kind, name: asset.name, version: "2", content: .object(members))
            }
            _ = try await office.services.applying.apply(bounded, by: nil)
            try await office.fill("alpha", buyer: "Brightwater Foods GmbH")
            let scope = try await office.scope("alpha")
            let row = try #require(
                try await office.services.looking.requests(scope.id, kinds: ["approval"], limit: 10).first)
            func decide(_ verdict: String, _ headers: [(name: String, value: String)]) async -> Office.Answer {
                await office.call(
                    .post, "/api/v1/tenants/alpha/approvals/\(row.id)/decision",
                    body: ["verdict": .string(verdict), "objectHash": .string(row.objectHash ?? ""), "reason": "checked"],
                    headers: headers + [(name: "Idempotency-Key", value: "k-\(office.platform.newID(SessionID.self))")])
            }
            let token = try await office.session("colleague", at: "alpha")
            let stale = [(name: "Authorization", value: "Bearer \(token.text)")]
            let person = try #require(try await office.services.looking.people(scope.id).first { $0.slug == "colleague" })
            let key = try await office.services.signingIn.makeKey(
                .init(name: "k", days: 1), for: person.id, in: scope.id, by: nil)
            office.move(seconds: 301)
            #expect(await decide("approve", stale).code == "proof.needed")
            #expect(await decide("approve", [(name: "Authorization", value: "Bearer \(key.text.text)")]).code == "proof.key")
            let fresh = try await office.session("colleague", at: "alpha")
            #expect(await decide("approve", [(name: "Authorization", value: "Bearer \(fresh.text)")]).status == 202)
            #expect(await decide("reject", stale).status == 202, "a refusal moves no money")
        }
    }

    @Test("what a key hands in is recorded by its person, so duty separation sees through the key")
    func natural() async throws {
        try await Desk.with("controller") { desk in
            let key = try await desk.office.services.signingIn.makeKey(
                .init(name: "k", days: 1), for: desk.person.id, in: desk.scope.id, by: nil)
            let answer = await desk.office.send(
                .post, "/api/v1/tenants/alpha/documents?fileName=a.xml",
                headers: [
                    (name: "Authorization", value: "Bearer \(key.text.text)"),
                    (name: "Content-Type", value: "application/octet-stream"),
                ], body: Array("an invoice".utf8))
            #expect((200..<300).contains(answer.status), "\(answer.text)")
            let recorded = try await desk.office.store.withTenant(desk.scope.id) { tx in
                try await tx.query("SELECT recorded_by FROM document WHERE tenant_id = \(desk.scope.id)").map {
                    try $0.get("recorded_by", as: PersonID?.self)
                }
            }
            #expect(recorded == [desk.person.id])
        }
    }

    @Test("each role at each kind of place holds what the committed picture shows")
    func matrix() throws {
        let roles = try OperatorRoles.roles().sorted { ($0.level, $0.name) < ($1.level, $1.name) }
        let (own, partner) = (Tenancy.Scope.tenant("alpha", partner: "harbour"), Tenancy.Scope.partner("harbour"))
        let (before, after) = (Office.start.adding(seconds: -60), Office.start.adding(seconds: 60))
        let places: [(name: String, scope: Tenancy.Scope)] = [
            ("own tenant", own), ("sibling tenant", .tenant("beta", partner: "harbour")),
            ("tenant of another partner", .tenant("gamma", partner: "quay")), ("its partner", partner),
            ("the operator", .operator),
        ]
        var lines: [String] = []
        for role in roles {
            let home: Tenancy.Scope = role.level == .tenant ? own : role.level == .partner ? partner : .operator
            func line(_ what: String, _ grant: Grant, _ scope: Tenancy.Scope, entity: String? = nil) {
                let authority = Authority(person: PersonID(high: 0, low: 1), grants: [grant], roles: roles)
                let held = Permission.allCases.filter { authority.permits($0, in: scope, entity: entity, at: Office.start) }
                lines.append("\(role.name), \(what): \(held.map(\.rawValue).sorted().joined(separator: " "))")
            }
            for place in places { line(place.name, Grant(role: role.name, scope: home), place.scope) }
            line("entity of the grant", Grant(role: role.name, scope: home, entities: ["DE01"]), own, entity: "DE01")
            line("another entity", Grant(role: role.name, scope: home, entities: ["DE01"]), own, entity: "FR01")
            line("ended", Grant(role: role.name, scope: home, until: before), own)
            line("not begun", Grant(role: role.name, scope: home, from: after), own)
        }
        let path = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/authority.golden"
        if getenv("COUNTERSIGN_REWRITE") != nil, let file = fopen(path, "w") {
            fputs(lines.joined(separator: "\n") + "\n", file)
            fclose(file)
        }
        let golden = String(decoding: try FileBytes.read(path, maxBytes: 1_000_000), as: UTF8.self)
        let kept = golden.split(separator: "\n").map(String.init)
        #expect(lines == kept, "new: \(Set(lines).subtracting(kept).sorted()), gone: \(Set(kept).subtracting(lines).sorted())")
    }
}

@Suite("account pages")
struct AccountPageTests {
    /// A browser: keeps cookies, fills in forms with the token of the page before.
    private final class Browser: Sendable {
        private let jar = Locked<[String: String]>([:])
        private let last = Locked("")
        let office: Office

        init(_ office: Office) { self.office = office }

        var page: String { last.withLock { $0 } }

        @discardableResult
        func go(_ method: WebMethod, _ path: String, _ fields: [(String, String)] = []) async -> Office.Answer {
            let cookies = jar.withLock { $0.map { "\($0.key)=\($0.value)" }.joined(separator: "; ") }
            var headers = [(name: "Host", value: "console.example"), (name: "Referer", value: "http://console.example/account")]
            if !cookies.isEmpty { headers.append((name: "Cookie", value: cookies)) }
            var body: [UInt8] = []
            if method == .post {
                headers.append((name: "Content-Type", value: "application/x-www-form-urlencoded"))
                let token = Browser.between("name=\"csrf\" value=\"", "\"", page) ?? ""
                body = Array(
                    (fields + [("csrf", token)]).map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&").utf8)
            }
            let answer = await office.send(method, path, headers: headers, body: body)
            for header in answer.headers.all("set-cookie") {
                let pair = header.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                jar.withLock { $0[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1]) }
            }
            if answer.status != 303 { last.withLock { $0 = answer.text } }
            return answer
        }

        static func between(_ start: String, _ end: String, _ text: String) -> String? {
            guard let from = text.ranges(of: start).first?.upperBound,
                let to = text[from...].ranges(of: end).first?.lowerBound
            else { return nil }
            return String(text[from..<to])
        }
    }

    @Test("a person signs in, adds a second factor, makes a key, proves anew and signs in with a code, all by forms")
    func walk() async throws {
        try await Desk.with("controller") { desk in
            let browser = Browser(desk.office)
            await browser.go(.get, "/sign-in")
            #expect(
                await browser.go(.post, "/sign-in", [("email", desk.person.email), ("password", Desk.password)]).status == 303)
            #expect(await browser.go(.get, "/account").status == 200)
            #expect(await browser.go(.post, "/account/factor").status == 303)
            await browser.go(.get, "/account")
            #expect(browser.page.contains("<svg class=\"qr\""))
            let shown = try #require(Browser.between("Secret <code data-copyable>", "</code>", browser.page))
            let secret = try #require(Desk.bytes(shown.filter { $0 != " " }))
            #expect(await browser.go(.post, "/account/factor/confirm", [("code", "000000")]).status == 422)
            let confirmed = await browser.go(.post, "/account/factor/confirm", [("code", desk.code(secret))])
            #expect(confirmed.text.contains("Your recovery codes"))
            await browser.go(.get, "/account")
            #expect(!browser.page.contains("Your recovery codes"), "shown once")
            let made = await browser.go(.post, "/account/keys", [("name", "month end"), ("days", "30")])
            let key = try #require(Browser.between("<code data-copyable>cs_", "</code>", made.text))
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", "cs_\(key)").status == 200)
            await browser.go(.get, "/account")
            #expect(!browser.page.contains(key))

            desk.office.move(seconds: 301)
            let asked = await browser.go(.post, "/account/keys", [("name", "another"), ("days", "30")])
            #expect(asked.code == "proof.needed")
            await browser.go(.get, "/account/proof?next=%2Faccount")
            #expect(await browser.go(.post, "/account/proof", [("code", "000000"), ("next", "/account")]).status == 401)
            let proved = await browser.go(.post, "/account/proof", [("code", desk.code(secret)), ("next", "/account")])
            #expect(proved.headers["location"] == "/account", "\(proved.text)")
            #expect(await browser.go(.get, "/account").status == 200)
            #expect(await browser.go(.post, "/account/keys", [("name", "another"), ("days", "30")]).status == 200)

            desk.office.move(seconds: 60)
            let other = Browser(desk.office)
            await other.go(.get, "/sign-in")
            let half = await other.go(.post, "/sign-in", [("email", desk.person.email), ("password", Desk.password)])
            #expect(half.headers["location"]?.hasPrefix("/sign-in/code") == true)
            #expect(await other.go(.get, "/account").status == 401)
            await other.go(.get, "/sign-in/code")
            let entered = await other.go(.post, "/sign-in/code", [("code", desk.code(secret)), ("next", "//evil.example")])
            #expect(entered.headers["location"] == "/", "no form leads elsewhere")
            #expect(await other.go(.get, "/account").status == 200)
        }
    }

    @Test(
        "a page that asks for a fresh proof leads to it, and from there back to a page of this server",
        arguments: [
            ("http://console.example/t/alpha/inbox/1?x=2", "/account/proof?next=%2Ft%2Falpha%2Finbox%2F1"),
            ("https://evil.example/t/alpha", "/account/proof?next=%2F"),
            ("http://console.example.evil.example/x", "/account/proof?next=%2F"),
            ("http://console.example//evil.example", "/account/proof?next=%2F"),
        ])
    func leadsToProof(referer: String, location: String) async throws {
        let office = try Office(store: Store(directDSN: "host=/nowhere"))
        let request = WebRequest(
            method: .post, path: "/account/keys", query: [],
            headers: WebHeaders([(name: "Host", value: "console.example"), (name: "Referer", value: referer)]), body: [],
            parameters: [:], id: "r", receivedAt: Office.start)
        let needed = Refusal(.forbidden, reason: "proof.needed", "Prove that it is you.")
        let answer = await PageErrors(services: office.services).response(needed, request, nil)
        #expect(answer.status == 303)
        #expect(answer.headers["location"] == location)
    }

    @Test("a form of this page without its token does nothing")
    func forged() async throws {
        try await Desk.with("controller") { desk in
            let token = try await desk.token()
            for path in ["keys", "factor", "sessions/end", "password", "recovery", "factor/remove", "proof"] {
                let answer = await desk.office.send(
                    .post, "/account/\(path)",
                    headers: [
                        (name: "Cookie", value: "session=\(token)"),
                        (name: "Content-Type", value: "application/x-www-form-urlencoded"),
                    ], body: Array("name=x&days=30".utf8))
                #expect(answer.code == "form.token", "\(path)")
            }
        }
    }

    @Test("who looks after people makes a link on their page; others see no such form and may not send it")
    func people() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            func page(_ token: SecretToken) async -> Office.Answer {
                await desk.office.send(.get, "/t/alpha/people", headers: [(name: "Cookie", value: "session=\(token.text)")])
            }
            let shown = await page(admin).text
            #expect(shown.contains("Make a link"))
            let csrf = try #require(Browser.between("name=\"csrf\" value=\"", "\"", shown))
            let headers = [
                (name: "Cookie", value: "session=\(admin.text)"),
                (name: "Content-Type", value: "application/x-www-form-urlencoded"),
            ]
            let made = await desk.office.send(
                .post, "/t/alpha/people/approver/link", headers: headers, body: Array("csrf=\(csrf)".utf8))
            let link = try #require(Browser.between("/welcome?link=", "<", made.text))
            let chosen = await desk.office.send(
                .post, "/welcome", headers: [headers[1]], body: Array("link=\(link)&password=nine+purple+unicycles".utf8))
            #expect(chosen.headers["location"] == "/sign-in", "\(chosen.text)")
            #expect(await desk.signIn("nine purple unicycles").status == 201)
            let controller = try await desk.office.session("controller", at: "alpha")
            #expect(await !page(controller).text.contains("Make a link"))
            #expect(await page(try await desk.office.session("ap-clerk", at: "alpha")).status == 403)
        }
    }
}
