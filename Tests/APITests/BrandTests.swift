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

@Suite("a brand from two colours to those who see it")
struct BrandTests {
    private static let logo = Array(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\"><path d=\"M0 0h40v20H0z\" fill=\"#6b2346\"/></svg>".utf8)

    private static func between(_ start: String, _ end: String, _ text: String) -> String? {
        guard let from = text.ranges(of: start).first?.upperBound, let to = text[from...].ranges(of: end).first?.lowerBound
        else { return nil }
        return String(text[from..<to])
    }

    /// Somebody at the studio, with a browser's cookie and the form that is on the screen.
    private struct Person {
        let office: Office
        let token: SecretToken
        let place: String

        init(_ office: Office, _ role: String, at home: String, on place: String = "harbour") async throws {
            self.office = office
            token = try await office.session(role, at: home)
            self.place = place
        }

        private var cookie: (name: String, value: String) { (name: "Cookie", value: "session=\(token.text)") }

        func page(_ path: String = "") async -> Office.Answer {
            await office.send(.get, "/studio/\(place)\(path)", headers: [cookie])
        }

        func hidden(_ name: String) async throws -> String {
            try #require(BrandTests.between("name=\"\(name)\" value=\"", "\"", await page().text))
        }

        func post(
            _ path: String = "", _ fields: [(String, String)], files: [(String, [UInt8])] = []
        ) async throws -> Office.Answer {
            var all = [("csrf", try await hidden("csrf"))] + fields
            if !fields.contains(where: { $0.0 == "revision" }) { all.append(("revision", try await hidden("revision"))) }
            var body: [UInt8] = []
            for (name, value) in all {
                body += Array("--B\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
            }
            for (name, bytes) in files {
                body += Array("--B\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"f\"\r\n\r\n".utf8) + bytes
                body += Array("\r\n".utf8)
            }
            body += Array("--B--\r\n".utf8)
            return await office.send(
                .post, "/studio/\(place)\(path)",
                headers: [cookie, (name: "Content-Type", value: "multipart/form-data; boundary=B")], body: body)
        }

        func api(_ method: WebMethod, _ rest: String, _ body: JSONValue? = nil) async -> Office.Answer {
            await office.call(
                method, "/api/v1/tenants/\(place)/\(rest)", as: token, body: body,
                headers: [(name: "Idempotency-Key", value: "k\(Entropy.system.next())")])
        }
    }

    @Test("two colours and a logo, sent once, are a brand that its tenants wear")
    func oneForm() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            let sent = try await partner.post(
                "", [("primary", "#6b2346"), ("accent", "#b88a2e"), ("act", "publish")], files: [("logoLight", BrandTests.logo)])
            #expect(sent.status == 303, "\(sent.text)")
            #expect(sent.headers["Location"] == "/studio/harbour?done=brand-published")
            let clerk = try await office.session("ap-clerk", at: "alpha")
            let page = await office.send(.get, "/t/alpha/runs", headers: [(name: "Cookie", value: "session=\(clerk.text)")])
            let style = try #require(BrandTests.between("<link rel=\"stylesheet\" href=\"/brand/", "\"", page.text))
            #expect(await office.send(.get, "/brand/\(style)", headers: []).text.contains("--primary:#6b2346;"))
            let picture = try #require(BrandTests.between("<img class=\"logo day\" src=\"", "\"", page.text))
            let served = await office.send(.get, picture, headers: [])
            #expect(served.headers["Content-Type"] == "image/svg+xml" && served.headers["X-Content-Type-Options"] == "nosniff")
            #expect(served.headers["Content-Security-Policy"]?.contains("sandbox") == true)
            #expect(picture == "/brand-files/\(SHA256.hexText(served.bytes)).svg")
            let fields = await partner.api(.get, "brand").json["fields"]
            #expect(fields?["primary"]?["source"] == "partner/harbour" && fields?["radius"]?["source"] == .null)
            #expect(await office.send(.get, "/brand-files/\(String(repeating: "0", count: 64)).png", headers: []).status == 404)
        }
    }

    @Test("a colour that cannot be read stops publication with its figures, and the repair that is offered mends it")
    func gate() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            let stopped = try await partner.post(
                "", [("primary", "#6b2346"), ("accent", "#b88a2e"), ("lightAccent", "#d9b44a"), ("act", "publish")])
            #expect(stopped.status == 422)
            #expect(stopped.text.contains("/palette/light/accent") && stopped.text.contains("and needs 3.00"), "\(stopped.text)")
            let draft = await partner.api(.get, "brand").json["draft"]
            #expect(draft?["state"] == "draft")
            let repair = try #require(BrandTests.between("name=\"repair\" value=\"", "\"", await partner.page().text))
            #expect(try await partner.post("", [("repair", repair)]).status == 303)
            #expect(await partner.api(.get, "brand").json["draft"]?["state"] == "validated")
            #expect(try await partner.post("", [("act", "publish")]).headers["Location"]?.contains("published") == true)
        }
    }

    @Test("a change of legal texts waits for a second natural person, and the first one does not count twice")
    func secondPerson() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            let asked = try await partner.post("", [("legalNotice", "Harbour Ltd, London."), ("act", "publish")])
            #expect(asked.headers["Location"]?.contains("brand-asked") == true, "\(asked.text)")
            let draft = try #require(await partner.api(.get, "brand").json["draft"])
            let body: JSONValue = ["number": draft["number"] ?? 0, "revision": draft["revision"] ?? 0]
            let again = await partner.api(.post, "brand/draft/publish", body)
            #expect(again.status == 403 && again.code == "brand.second", "\(again.text)")
            let keeper = try await Person(office, "operator-admin", at: "operator")
            let confirmed = await keeper.api(.post, "brand/draft/publish", body)
            #expect(confirmed.status == 200 && confirmed.json["state"] == "published", "\(confirmed.text)")
            let harbour = try await office.scope("harbour")
            let entries = try await office.store.withTenant(harbour.id) { tx in
                try await tx.query(
                    "SELECT action FROM audit_entry WHERE tenant_id = \(harbour.id) AND object_type = 'brand' ORDER BY at"
                )
                .map { try $0.get("action", as: String.self) }
            }
            #expect(Set(entries) == ["brand.asked", "brand.published"])
        }
    }

    @Test("an earlier version comes back as a version of its own, and what was published stays as it was")
    func rollBack() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            for color in ["#6b2346", "#1d4e63"] {
                #expect(try await partner.post("", [("primary", color), ("act", "publish")]).status == 303)
                office.move(seconds: 10)
            }
            let back = await partner.api(.post, "brand/rollback", ["number": 1])
            #expect(back.status == 200 && back.json["number"] == 3, "\(back.text)")
            let brand = await partner.api(.get, "brand").json
            #expect(brand["fields"]?["primary"]?["value"] == "#6b2346")
            #expect(
                (brand["versions"]?.array ?? []).map { $0["state"]?.string } == ["published", "superseded", "superseded"])
            #expect(await partner.api(.post, "brand/rollback", ["number": 9]).status == 404)
            let again = await partner.api(.get, "brand/versions/2")
            #expect(again.json["content"]?["primary"] == "#1d4e63")
        }
    }

    @Test("two people at one draft: who saw an older one is told, and nothing of theirs is written")
    func race() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            let first: JSONValue = ["revision": 0, "content": ["kind": "brand", "primary": "#6b2346"]]
            #expect(await partner.api(.put, "brand/draft", first).status == 200)
            let second = await partner.api(.put, "brand/draft", first)
            #expect(second.status == 409 && second.code == "brand.changed")
        }
    }

    @Test("a preview link shows the draft until its time is over, sends nothing, and opens nothing else")
    func preview() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            _ = try await partner.post("", [("primary", "#6b2346"), ("act", "save")])
            let shared = await partner.api(.post, "brand/preview", [:])
            let pages = (shared.json["pages"]?.array ?? []).compactMap(\.string)
            #expect(pages.count == 6, "\(shared.text)")
            for path in pages {
                let page = await office.send(.get, path, headers: [])
                #expect(page.status == 200, "\(path): \(page.text)")
                #expect(page.headers["Content-Security-Policy"]?.contains("form-action 'none'") == true)
                #expect(page.headers["X-Robots-Tag"] == "noindex, nofollow")
            }
            let first = try #require(pages.first)
            let token = try #require(first.split(separator: "/").dropFirst().first.map(String.init))
            #expect(await office.send(.get, "/brand-preview/\(token)/style.css", headers: []).text.contains("#6b2346"))
            #expect(await office.send(.get, "/brand-preview/\(token)/account", headers: []).status == 404)
            let altered = String(token.dropLast(2)) + (token.hasSuffix("AA") ? "BB" : "AA")
            #expect(await office.send(.get, "/brand-preview/\(altered)/runs", headers: []).status == 404)
            let alpha = try await office.scope("alpha")
            let stolen = "\(alpha.id)~\(token.split(separator: "~")[1])"
            #expect(await office.send(.get, "/brand-preview/\(stolen)/runs", headers: []).status == 404)
            let asKey = await office.send(
                .get, "/api/v1/tenants/harbour/brand", headers: [(name: "Authorization", value: "Bearer \(token)")])
            #expect(asKey.status == 401)
            office.move(seconds: BrandStudio.previewSeconds)
            #expect(await office.send(.get, first, headers: []).status == 404)
        }
    }

    @Test("hostile words and pictures are refused with what is wrong")
    func hostile() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            let cases: [(JSONValue, String)] = [
                (["kind": "brand", "primary": "red;background:url(//evil.example)"], "/primary"),
                (["kind": "brand", "primary": "#6B2346"], "/primary"),
                (["kind": "brand", "mail": ["fromName": "Harbour\r\nBcc: all@evil.example"]], "/mail/fromName"),
                (["kind": "brand", "texts": ["termsUrl": "javascript:alert(1)"]], "/texts/termsUrl"),
                (["kind": "brand", "texts": ["termsUrl": "https://harbour.example\u{430}/x"]], "/texts/termsUrl"),
                (["kind": "brand", "supportEmail": "a@b.example>, x@evil.example"], "/supportEmail"),
                (["kind": "brand", "css": "body{}"], "/css"),
                (["kind": "brand", "logos": ["light": "../../../etc/passwd.png"]], "/logos/light"),
                (["kind": "brand", "displayName": "Har\u{202E}bour"], "/displayName"),
            ]
            for (content, pointer) in cases {
                let answer = await partner.api(.put, "brand/draft", ["revision": 0, "content": content])
                #expect(answer.status == 422 && answer.json["detail"]?.string?.hasPrefix(pointer) == true, "\(answer.text)")
            }
            let template: JSONValue = [
                "kind": "brand",
                "mail": ["templates": ["sign-in-link": ["en": ["subject": "{{7*7}}", "body": "{{link}}"]]]],
            ]
            let draft = await partner.api(.put, "brand/draft", ["revision": 0, "content": template])
            #expect(draft.json["draft"]?["state"] == "draft")
            #expect(draft.text.contains("no variable of this mail"), "\(draft.text)")
            for picture in ["<svg xmlns=\"http://www.w3.org/2000/svg\"><script>1</script></svg>", "GIF89a", "<html>"] {
                let answer = await office.send(
                    .put, "/api/v1/tenants/harbour/brand/pictures/light",
                    headers: [(name: "Authorization", value: "Bearer \(partner.token.text)")], body: Array(picture.utf8))
                #expect(answer.status == 422 && answer.code == "brand.picture", "\(answer.text)")
            }
        }
    }

    @Test("what the operator locked, a partner cannot set, and a tenant's clerk changes no brand")
    func locks() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let keeper = try await Person(office, "operator-admin", at: "operator", on: "operator")
            let content: JSONValue = ["kind": "brand", "texts": ["footer": "Run by us."], "locks": ["footer"]]
            let saved = await keeper.api(.put, "brand/draft", ["revision": 0, "content": content])
            #expect(saved.json["draft"]?["state"] == "validated", "\(saved.text)")
            // Locks are sensitive, so somebody else has to confirm; the partner's manager is none of the operator's.
            _ = try await office.services.applying.apply(
                try Office.configuration().filter { $0.scope == .operator } + [
                    Applying.Asset(scope: .operator, kind: "brand", name: "brand", version: "h-1", content: content)
                ], by: nil)
            let partner = try await Person(office, "partner-admin", at: "harbour")
            let tried = await partner.api(
                .put, "brand/draft", ["revision": 0, "content": ["kind": "brand", "texts": ["footer": "Ours."]]])
            #expect(tried.json["draft"]?["state"] == "draft")
            #expect(tried.text.contains("is locked by the operator"), "\(tried.text)")
            let clerk = try await Person(office, "ap-clerk", at: "alpha", on: "alpha")
            #expect([403, 404].contains(await clerk.api(.put, "brand/draft", ["revision": 0, "content": content]).status))
            #expect(await clerk.api(.get, "brand").status != 500)
            let other = try await Person(office, "tenant-admin", at: "beta", on: "alpha")
            #expect(await other.api(.get, "brand").status == 404)
        }
    }
}
