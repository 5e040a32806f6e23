import Kernel
import Postgres
import Records
import Seals
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("who asks, and whether they may")
struct AccessTests {
    private func office() async throws -> Office {
        try Office(store: try await TestDatabase.shared(by: "office", template: .office).store)
    }

    @Test("a session ends after fifteen idle minutes")
    func idle() async throws {
        let office = try await office()
        let token = try await office.session("ap-clerk", at: "alpha")
        for _ in 0..<4 {
            office.move(seconds: 890)
            #expect(await office.call(.get, "/api/v1/me", as: token).status == 200)
        }
        office.move(seconds: SigningIn.idleSeconds)
        let answer = await office.call(.get, "/api/v1/me", as: token)
        #expect(answer.status == 401)
        #expect(answer.code == "sign-in.needed")
    }

    @Test("a session ends after eight hours however busy it was")
    func absolute() async throws {
        let office = try await office()
        let token = try await office.session("ap-clerk", at: "alpha")
        for _ in 0..<(SigningIn.absoluteSeconds / 600 - 1) {
            office.move(seconds: 600)
            #expect(await office.call(.get, "/api/v1/me", as: token).status == 200)
        }
        office.move(seconds: 600)
        #expect(await office.call(.get, "/api/v1/me", as: token).status == 401)
    }

    @Test("signing out ends the session at once")
    func signOut() async throws {
        let office = try await office()
        let token = try await office.session("approver", at: "alpha")
        #expect(await office.call(.delete, "/api/v1/sessions/current", as: token).status == 200)
        #expect(await office.call(.get, "/api/v1/me", as: token).status == 401)
    }

    @Test(
        "a token that is none, of another form or of another tenant's key opens nothing",
        arguments: ["", "x", "cs_prod_nope", "Bearer"])
    func strangers(token: String) async throws {
        let office = try await office()
        let answer = await office.send(.get, "/api/v1/me", headers: [(name: "Authorization", value: "Bearer \(token)")])
        #expect(answer.status == 401)
        #expect(await office.call(.get, "/api/v1/tenants/alpha/runs").status == 401)
    }

    @Test("an API key acts as its person until it ends")
    func keys() async throws {
        let office = try await office()
        let scope = try await office.scope("alpha")
        let person = try #require(try await office.services.looking.people(scope.id).first { $0.slug == "controller" })
        let key = try await office.services.signingIn.makeKey(
            .init(name: "ledger", days: 1), for: person.id, in: scope.id, by: nil
        ).text
        let headers = [(name: "Authorization", value: "Bearer \(key.text)")]
        #expect(await office.send(.get, "/api/v1/tenants/alpha/runs", headers: headers).status == 200)
        #expect(await office.send(.get, "/api/v1/tenants/beta/runs", headers: headers).status == 404)
        office.move(seconds: 86_400)
        #expect(await office.send(.get, "/api/v1/tenants/alpha/runs", headers: headers).status == 401)
    }

    @Test("a person without the permission is told so at home")
    func missingPermission() async throws {
        let office = try await office()
        let answer = await office.call(.get, "/api/v1/tenants/alpha/audit", as: try await office.session("approver", at: "alpha"))
        #expect(answer.status == 403)
        #expect(answer.code == "authority.missing")
    }

    private func byCookie(
        _ office: Office, _ token: SecretToken, _ headers: [(name: String, value: String)]
    ) async -> Office.Answer {
        await office.send(
            .delete, "/api/v1/sessions/current",
            headers: [(name: "Cookie", value: "\(Access.plainCookie)=\(token.text)"), (name: "Host", value: "console.example")]
                + headers)
    }

    @Test(
        "what a browser sends from another site is refused",
        arguments: [
            [(name: "Sec-Fetch-Site", value: "cross-site")], [(name: "Sec-Fetch-Site", value: "same-site")],
            [(name: "Origin", value: "https://evil.example")], [(name: "Origin", value: "null")],
            [(name: "Origin", value: "https://console.example.evil.example")],
        ])
    func foreignOrigin(headers: [(name: String, value: String)]) async throws {
        let office = try await office()
        let token = try await office.session("ap-clerk", at: "beta")
        let answer = await byCookie(office, token, headers)
        #expect(answer.status == 403)
        #expect(answer.code == "request.origin")
        #expect(await byCookie(office, token, [(name: "Origin", value: "https://console.example")]).status == 200)
    }

    @Test("a form needs the token of its own session")
    func formToken() async throws {
        let office = try await office()
        func visitor(_ token: SecretToken) async throws -> Visitor {
            try await office.services.access.visitor(
                WebRequest(
                    method: .get, path: "/", query: [], headers: WebHeaders([(name: "Cookie", value: "session=\(token.text)")]),
                    body: [],
                    parameters: [:], id: "r", receivedAt: office.platform.clock.now))
        }
        let (one, two) = (
            try await visitor(try await office.session("ap-clerk", at: "alpha")),
            try await visitor(try await office.session("ap-clerk", at: "alpha"))
        )
        let access = office.services.access
        try access.checkForm(try FormFields(urlEncoded: Array("csrf=\(access.formToken(one))".utf8)), one)
        for text in ["csrf=\(access.formToken(two))", "csrf=", ""] {
            let refusal = #expect(throws: Refusal.self) {
                try access.checkForm(try FormFields(urlEncoded: Array(text.utf8)), one)
            }
            #expect(refusal?.reason == "form.token")
        }
    }

    @Test("an unknown address and a wrong password get the same answer")
    func wrongPassword() async throws {
        let office = try await office()
        let scope = try await office.scope("beta")
        let person = try #require(try await office.services.looking.people(scope.id).first { $0.slug == "treasurer" })
        try await office.services.signingIn.setPassword("correct horse battery", of: person.id, in: scope.id)
        let unknown = await office.call(.post, "/api/v1/sessions", body: ["email": "nobody@beta.example", "password": "wrong"])
        let wrong = await office.call(.post, "/api/v1/sessions", body: ["email": .string(person.email), "password": "wrong"])
        #expect(unknown.status == 401)
        #expect(unknown.bytes == wrong.bytes)
        let right = await office.call(
            .post, "/api/v1/sessions", body: ["email": .string(person.email), "password": "correct horse battery"])
        #expect(right.status == 201)
        let opened = await office.send(
            .get, "/api/v1/me", headers: [(name: "Authorization", value: "Bearer \(right.json["token"]?.string ?? "")")])
        #expect(opened.json["email"]?.string == person.email)
    }
}

@Suite("a request that comes twice")
struct IdempotencyTests {
    @Test("the same key is the same act with the first answer; another request under it, or one under way, is refused")
    func keys() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            try await office.fill("alpha")
            let scope = try await office.scope("alpha")
            let incident = try #require(try await office.services.looking.incidents(scope.id, openOnly: true, limit: 1).first)
            let engineer = try await office.session("on-call", at: "operator")
            let path = "/api/v1/tenants/alpha/incidents/\(incident.id)/notes"
            func note(_ text: String, key: String?) async -> Office.Answer {
                await office.call(
                    .post, path, as: engineer, body: ["text": .string(text)],
                    headers: key.map { [(name: "Idempotency-Key", value: $0)] } ?? [])
            }
            func lines() async throws -> Int { try await office.services.looking.incidentEntries(scope.id, incident.id).count }

            let before = try await lines()
            let first = await note("It is the network.", key: "k-1")
            #expect(first.status == 200, "\(first.text)")
            let again = await note("It is the network.", key: "k-1")
            #expect(again.status == 200)
            #expect(again.json == first.json)
            #expect(try await lines() == before + 1)

            let other = await note("It is the cable.", key: "k-1")
            #expect(other.status == 422)
            #expect(other.code == "idempotency.reused")
            #expect(await note("It is the cable.", key: nil).code == "idempotency.missing")
            #expect(await note("It is the cable.", key: "with space").code == "idempotency.key")
            #expect(await note("It is the cable.", key: String(repeating: "k", count: 129)).code == "idempotency.key")

            let person = try #require(
                try await office.services.looking.people(try await office.scope("operator").id).first { $0.slug == "on-call" })
            let body = Array(path.utf8) + [0] + (["text": "Under way."] as JSONValue).bytes
            try await office.store.withTenant(scope.id) { tx in
                _ = try await tx.query(
                    IdempotencyQueries.begin(
                        tenant: scope.id, principal: person.id, route: "POST /api/v1/tenants/{tenant}/incidents/{id}/notes",
                        key: "k-2",
                        fingerprint: SHA256.hash(body), now: office.platform.clock.now))
            }
            let flying = await note("Under way.", key: "k-2")
            #expect(flying.status == 409)
            #expect(flying.code == "idempotency.in-flight")
            #expect(try await lines() == before + 1)

            // A refusal is not kept: the caller mends the request and uses the key again.
            let unmended = await office.call(
                .post, path, as: engineer, body: ["texts": "typo"], headers: [(name: "Idempotency-Key", value: "k-3")])
            #expect(unmended.status == 400)
            #expect(await note("Mended.", key: "k-3").status == 200)
        }
    }
}
