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

/// Somebody's browser: it keeps cookies and goes where it is sent.
private final class Browser: Sendable {
    let office: Office
    private let cookies = Locked<[String: String]>([:])

    init(_ office: Office) { self.office = office }

    func open(_ path: String) async -> Office.Answer {
        let cookie = cookies.withLock { $0.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ") }
        let answer = await office.send(.get, path, headers: [("Cookie", cookie), ("User-Agent", "Browser")])
        for line in answer.headers.all("set-cookie") {
            let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1).map(String.init)
            cookies.withLock { $0[pair[0]] = pair.count > 1 && !line.contains("Max-Age=0") ? pair[1] : nil }
        }
        return answer
    }

    var session: String? { cookies.withLock { $0["session"] } }
    func has(_ name: String) -> Bool { cookies.withLock { $0[name] != nil } }
    func forget(_ name: String) { cookies.withLock { $0[name] = nil } }
}

/// An office whose tenant alpha signs in with a provider of its own.
private struct House: Sendable {
    let office: Office
    let provider: PretendProvider
    let scope: ScopeRow

    static func with(
        _ section: JSONObject = [:], _ body: @Sendable (House) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .office) { database in
            let provider = PretendProvider()
            let office = try Office(store: database.store) { await provider.answer($0, $1) }
            provider.tells { office.platform.clock.now.seconds }
            let scope = try await office.scope("alpha")
            let house = House(office: office, provider: provider, scope: scope)
            try await house.configure(section)
            try await office.services.applying.setSecret(
                PretendProvider.secret, name: "login-secret", in: scope.id, by: nil)
            try await body(house)
        }
    }

    /// Applies alpha's folder with these changes to its section, and without a person.
    func configure(_ changes: JSONObject = [:], version: String = "2", without dismissed: String = "") async throws {
        var section: JSONObject = [
            "name": "Alpha Login", "issuer": .string(PretendProvider.issuer), "clientId": .string(PretendProvider.client),
            "secret": "login-secret", "domains": ["alpha.example"],
        ]
        for (name, value) in changes { section[name] = value }
        let bundle = try Office.configuration().filter { $0.scope.slug == "alpha" }.map { asset -> Applying.Asset in
            var content = asset.content.object ?? [:]
            switch asset.kind {
            case "tenant": content["identity"] = .object(section)
            case "people":
                content["people"] = .array((content["people"]?.array ?? []).filter { $0["id"]?.string != dismissed })
            default: break
            }
            return Applying.Asset(
                scope: asset.scope, kind: asset.kind, name: asset.name, version: version, content: .object(content))
        }
        _ = try await office.services.applying.apply(bundle, by: nil)
    }

    func browser() -> Browser { Browser(office) }

    static func back(_ answer: [(name: String, value: String)], at slug: String = "alpha") -> String {
        "/t/\(slug)/sign-in/back?" + answer.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    /// To the provider and back.
    func signIn(_ browser: Browser, next: String = "/account") async throws -> Office.Answer {
        let there = await browser.open("/t/alpha/sign-in/with?next=\(next)")
        try #require(there.status == 303, "\(there.text)")
        return await browser.open(House.back(try provider.agrees(to: there.headers["location"] ?? "")))
    }

    /// The newest entry of that kind in alpha's audit log.
    func entry(_ action: String) async throws -> JSONValue? {
        try await office.store.withTenant(scope.id) { tx in
            try await tx.query(
                "SELECT content FROM audit_entry WHERE tenant_id = \(scope.id) AND action = \(action) ORDER BY at DESC, id DESC"
            ).first?.get("content", as: JSONValue.self)
        }
    }
}

@Suite("signing in with an organisation's own identity provider")
struct ProviderTests {
    @Test("a person comes in, is linked on the first time by a verified address, and afterwards by who they are alone")
    func comesIn() async throws {
        try await House.with { house in
            let browser = house.browser()
            let door = await browser.open("/t/alpha/sign-in?next=/account")
            #expect(door.text.contains("Sign in with Alpha Login") && door.text.contains("name=\"password\""))
            let there = await browser.open("/t/alpha/sign-in/with?next=/account")
            let location = there.headers["location"] ?? ""
            #expect(location.hasPrefix("\(PretendProvider.issuer)/authorize?"))
            let asked = PretendProvider.fields(location)
            #expect(asked["redirect_uri"]?.string == "https://console.example/t/alpha/sign-in/back")
            let back = await browser.open(House.back(try house.provider.agrees(to: location)))
            #expect(back.status == 303 && back.headers["location"] == "/account", "\(back.text)")
            #expect(back.headers["referrer-policy"] == "no-referrer")
            #expect(!browser.has("provider"), "what was kept for the way is gone")
            let account = await browser.open("/account")
            #expect(account.status == 200 && account.text.contains("approver@alpha.example"))
            #expect(!account.text.contains("Somebody Else"), "the people file says what people are called")
            #expect(try await house.entry("identity.linked")?["issuer"]?.string == PretendProvider.issuer)
            // Another address and an unverified one change nothing: the subject is who it is.
            house.provider.bend { plan in
                plan.claims["email"] = "clerk@alpha.example"
                plan.claims["email_verified"] = false
                plan.claims["amr"] = ["pwd", "otp"]
                plan.claims["acr"] = "urn:two"
                plan.claims["groups"] = ["tenant-admin"]
            }
            house.office.move(seconds: 5)
            let again = house.browser()
            #expect(try await house.signIn(again).status == 303)
            let whoami = await again.open("/api/v1/me")
            #expect(whoami.json["email"]?.string == "approver@alpha.example")
            let held = whoami.json["scopes"]?[0]?["roles"]?.array ?? []
            #expect(held == ["approver"], "no claim gives a role: \(held)")
            let vouched = try await house.entry("sign-in.vouched")
            #expect(vouched?["amr"] == ["pwd", "otp"] && vouched?["acr"]?.string == "urn:two")
            #expect(house.provider.count("/keys") == 1 && house.provider.count("openid-configuration") == 1)
            // The address that was linked first belongs to one identity only.
            house.provider.bend { $0.claims["sub"] = "subject-2" }
            #expect(try await house.signIn(house.browser()).status == 403)
            #expect(try await house.entry("sign-in.refused")?["reason"]?.string == "provider.linked-otherwise")
        }
    }

    @Test("whatever a hostile provider sends opens nothing, is told calmly, and stands in the audit log with its reason")
    func lies() async throws {
        try await House.with { house in
            let key = house.provider.key.publicKey.bytes
            let other = house.provider.other
            let more: [PretendProvider.Lie] = [
                (
                    "a token that nobody signed", "id-token.algorithm",
                    { plan in
                        plan.header["alg"] = "none"
                        plan.signs = { _ in [] }
                    }
                ),
                (
                    "HMAC with the public key", "id-token.algorithm",
                    { plan in
                        plan.header["alg"] = "HS256"
                        plan.signs = { HMAC.sha256(key: key, $0) }
                    }
                ),
                (
                    "another key under the same name", "id-token.signature",
                    { plan in
                        plan.signs = { other.signature(over: $0) }
                    }
                ),
                (
                    "a key that it brings along", "id-token.signature",
                    { plan in
                        plan.header["jwk"] = PretendProvider.published(other, "k1")
                        plan.header["jku"] = "https://evil.example/keys"
                        plan.signs = { other.signature(over: $0) }
                    }
                ),
                (
                    "claims changed on the way", "id-token.signature",
                    { plan in
                        plan.token = { text in
                            var parts = text.split(separator: ".").map(String.init)
                            parts[1] = Base64.encode(Array("{}".utf8), .url)
                            return parts.joined(separator: ".")
                        }
                    }
                ),
            ]
            for lie in PretendProvider.lies + more {
                house.provider.bend(lie.bend)
                // Past the pause of an address that was refused too often.
                house.office.move(seconds: 70)
                let browser = house.browser()
                let answer = try await house.signIn(browser)
                #expect(answer.status == 403, "\(lie.what): \(answer.status)")
                #expect(browser.session == nil, "\(lie.what)")
                #expect(answer.text.contains("did not succeed") && !answer.text.contains(lie.reason), "\(lie.what)")
                let entry = try await house.entry("sign-in.refused")
                #expect(entry?["reason"]?.string == lie.reason, "\(lie.what): \(entry?.text ?? "")")
                #expect(!(entry?.text ?? "").contains("alpha.example@") && !(entry?.text ?? "").contains("approver@"))
            }
            // And then it is honest again.
            house.provider.bend(nil)
            #expect(try await house.signIn(house.browser()).status == 303)
        }
    }

    @Test("an answer is good once, in the browser that asked, at the tenant that asked, and for ten minutes")
    func once() async throws {
        try await House.with { house in
            let (browser, thief) = (house.browser(), house.browser())
            func location(_ browser: Browser) async -> String {
                await browser.open("/t/alpha/sign-in/with").headers["location"] ?? ""
            }
            // Stolen from the address line before the rightful browser used it.
            let answer = try house.provider.agrees(to: await location(browser))
            _ = await location(thief)
            #expect(await thief.open(House.back(answer)).status == 403)
            #expect(await house.browser().open(House.back(answer)).status == 403)
            #expect(await browser.open(House.back(answer, at: "beta")).status == 404, "beta has no provider")
            #expect(house.provider.count("/token") == 0, "nobody asks for a code that is not one's own")
            #expect(await browser.open(House.back(answer)).status == 303)
            #expect(await browser.open(House.back(answer)).status == 403, "the second time")
            #expect(house.provider.count("/token") == 1)
            // Named twice.
            let twice = try house.provider.agrees(to: await location(browser))
            #expect(await browser.open(House.back(twice + [("code", "code-0")])).status == 403)
            // Too late.
            let late = try house.provider.agrees(to: await location(browser))
            house.office.move(seconds: SigningIn.visitSeconds + 1)
            #expect(await browser.open(House.back(late)).status == 403)
            #expect(house.provider.count("/token") == 1)
            // Somebody who begins a sign-in in another's browser by a link gains nothing: the code is of that browser alone.
            let mine = try house.provider.agrees(to: await location(thief))
            _ = await location(browser)
            #expect(await browser.open(House.back(mine)).status == 403)
        }
    }

    @Test(
        "afterwards people go to a page of this console and nowhere else",
        arguments: [
            "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX:y",
        ])
    func stays(next: String) async throws {
        try await House.with { house in
            let back = try await house.signIn(house.browser(), next: next)
            let location = try #require(back.headers["location"])
            #expect(location.hasPrefix("/") && !location.hasPrefix("//") && !location.contains("evil.example/"), "\(location)")
            #expect(!location.contains("\r") && !location.contains("\n"))
        }
    }

    @Test("a new key of the provider is found by one more look, and an unknown one makes nobody look without end")
    func rotation() async throws {
        try await House.with { (house: House) async throws -> Void in
            let other = house.provider.other
            #expect(try await house.signIn(house.browser()).status == 303)
            house.provider.publish([
                PretendProvider.published(house.provider.key, "k1"), PretendProvider.published(other, "k2"),
            ])
            house.provider.bend { plan in
                plan.header["kid"] = "k2"
                plan.signs = { other.signature(over: $0) }
            }
            #expect(try await house.signIn(house.browser()).status == 403, "read a moment ago")
            #expect(house.provider.count("/keys") == 1)
            house.office.move(seconds: IdentityProviders.keysPauseSeconds + 1)
            #expect(try await house.signIn(house.browser()).status == 303)
            #expect(house.provider.count("/keys") == 2)
            house.provider.bend { $0.header["kid"] = "k3" }
            for _ in 0..<5 { #expect(try await house.signIn(house.browser()).status == 403) }
            #expect(house.provider.count("/keys") == 2)
            // Without a name only one key may be meant.
            house.provider.bend { $0.header["kid"] = nil }
            #expect(try await house.signIn(house.browser()).status == 403)
            house.office.move(seconds: 3601)
            house.provider.publish([PretendProvider.published(house.provider.key, nil)])
            #expect(try await house.signIn(house.browser()).status == 303)
            // A key that is taken back signs nothing any more once the hour is over.
            house.office.move(seconds: 3601)
            house.provider.publish([PretendProvider.published(other, "k2")])
            house.provider.bend(nil)
            #expect(try await house.signIn(house.browser()).status == 403)
        }
    }

    @Test(
        "a provider that calls itself otherwise, or gives addresses that are none, is not gone to",
        arguments: [
            ("issuer", "https://login.alpha.example/tenant/"), ("issuer", "https://evil.example"),
            ("authorization_endpoint", "javascript:alert(1)"), ("authorization_endpoint", "http://login.alpha.example/authorize"),
            ("authorization_endpoint", "https://login.alpha.example@evil.example/"),
            ("authorization_endpoint", "https://login.alpha.example/a\r\nSet-Cookie: x=y"),
            ("token_endpoint", "file:///etc/passwd"),
            ("jwks_uri", ""), ("code_challenge_methods_supported", "plain"), ("response_types_supported", "id_token"),
            ("id_token_signing_alg_values_supported", "HS256"), ("token_endpoint_auth_methods_supported", "none"),
        ])
    func metadata(member: String, value: String) async throws {
        try await House.with { house in
            house.provider.say(member, member.hasSuffix("supported") ? [.string(value)] : .string(value))
            let there = await house.browser().open("/t/alpha/sign-in/with")
            #expect(there.status == 503 && there.headers["location"] == nil, "\(member)")
            #expect(there.text.contains("cannot be reached") && !there.text.contains("evil"))
            let found = try await house.office.services.signingIn.testProvider(house.scope)
            #expect(found.last?.verdict == .wrong, "\(found)")
        }
    }

    @Test("our own second factor is asked for after the provider, unless the configuration trusts its word")
    func secondFactor() async throws {
        try await House.with { house in
            let person = try #require(
                try await house.office.services.looking.people(house.scope.id).first { $0.slug == "approver" })
            try await house.office.services.signingIn.setPassword(Desk.password, of: person.id, in: house.scope.id)
            let desk = Desk(office: house.office, scope: house.scope, person: person)
            _ = try await desk.enrolled(try #require(await desk.signIn().json["token"]?.string))
            house.provider.bend { $0.claims["amr"] = ["mfa"] }
            let browser = house.browser()
            let back = try await house.signIn(browser)
            #expect(back.headers["location"]?.hasPrefix("/sign-in/code") == true && browser.session == nil)
            #expect(browser.has("pending"))
            try await house.configure(["trustedMethods": ["mfa"]], version: "3")
            let trusted = house.browser()
            #expect(try await house.signIn(trusted).headers["location"] == "/account")
            house.provider.bend { $0.claims["amr"] = ["pwd"] }
            #expect(try await house.signIn(house.browser()).headers["location"]?.hasPrefix("/sign-in/code") == true)
        }
    }

    @Test("where passwords are not let in, a right one opens nothing, and the provider gives the fresh proof")
    func withoutPasswords() async throws {
        try await House.with(["passwords": false]) { house in
            let person = try #require(
                try await house.office.services.looking.people(house.scope.id).first { $0.slug == "approver" })
            try await house.office.services.signingIn.setPassword(Desk.password, of: person.id, in: house.scope.id)
            let desk = Desk(office: house.office, scope: house.scope, person: person)
            #expect(await desk.signIn().code == "sign-in.organisation")
            #expect(await desk.signIn("a wrong password").code == "sign-in.wrong", "who does not know it learns nothing")
            let browser = house.browser()
            #expect(!(await browser.open("/t/alpha/sign-in")).text.contains("name=\"password\""))
            _ = try await house.signIn(browser)
            let proof = await browser.open("/account/proof?next=/account")
            #expect(proof.text.contains("Prove it with Alpha Login") && !proof.text.contains("name=\"password\""))
            let before = try #require(browser.session)
            house.office.move(seconds: 600)
            func prove(_ bend: PretendProvider.Bend?) async throws -> Office.Answer {
                house.office.move(seconds: 1)
                house.provider.bend(bend)
                let there = await browser.open("/account/proof/elsewhere?next=/account")
                let location = there.headers["location"] ?? ""
                #expect(location.contains("prompt=login") && location.contains("max_age=60"))
                return await browser.open(House.back(try house.provider.agrees(to: location)))
            }
            #expect(try await prove { $0.claims["auth_time"] = nil }.status == 403)
            #expect(try await house.entry("sign-in.refused")?["reason"]?.string == "id-token.proof")
            #expect(try await prove { $0.shift("auth_time", by: -120) }.status == 403, "asked, but not anew")
            #expect(try await prove { $0.claims["sub"] = "subject-2" }.status == 403)
            #expect(try await house.entry("sign-in.refused")?["reason"]?.string == "provider.somebody-else")
            let proved = try await prove { plan in
                // Some providers write a fraction of a second.
                plan.claims["auth_time"] = .number(JSONNumber(unchecked: (plan.claims["auth_time"]?.text ?? "") + ".25"))
            }
            #expect(proved.status == 303 && proved.headers["location"] == "/account")
            #expect(browser.session != before, "the session goes on under another token")
            let identity = try await house.office.services.signingIn.identity(sessionToken: browser.session ?? "")
            #expect(identity?.provedAt == house.office.platform.clock.now)
        }
    }

    @Test("an address that the provider says nothing of counts only where the configuration trusts it, and a no stays a no")
    func addresses() async throws {
        try await House.with { house in
            house.provider.bend { $0.claims["email_verified"] = nil }
            #expect(try await house.signIn(house.browser()).status == 403)
            #expect(try await house.entry("sign-in.refused")?["reason"]?.string == "provider.email")
            try await house.configure(["trustsAddresses": true], version: "3")
            house.provider.bend { $0.claims["email_verified"] = false }
            #expect(try await house.signIn(house.browser()).status == 403)
            house.provider.bend { $0.claims["email_verified"] = nil }
            #expect(try await house.signIn(house.browser()).status == 303)
        }
    }

    @Test("a person who is not named any more is out, and a colleague with people.manage takes a link away")
    func endings() async throws {
        try await House.with { house in
            let browser = house.browser()
            _ = try await house.signIn(browser)
            let signingIn = house.office.services.signingIn
            let person = try #require(
                try await house.office.services.looking.people(house.scope.id).first { $0.slug == "approver" })
            #expect(try await signingIn.linked(house.scope.id) == [person.id])
            let admin = try await house.office.session("tenant-admin", at: "alpha")
            let path = "/api/v1/tenants/alpha/people/approver/unlink-identity"
            house.office.move(seconds: 400)
            let refused = await house.office.call(.post, path, as: admin)
            #expect(refused.code == "proof.needed")
            let carer = try #require(try await signingIn.identity(sessionToken: admin.text))
            let fresh = SigningIn.Identity(
                tenant: carer.tenant, person: carer.person, session: carer.session, provedAt: house.office.platform.clock.now,
                key: nil)
            try await signingIn.care(.unlink, for: person.id, in: house.scope.id, by: fresh)
            #expect(await browser.open("/account").status == 401, "the session of the old identity has ended")
            house.provider.bend { $0.claims["sub"] = "subject-2" }
            #expect(try await house.signIn(house.browser()).status == 303, "another identity is linked by the address")
            // Not named any more: the link stays and opens nothing.
            try await house.configure(version: "3", without: "approver")
            #expect(try await house.signIn(house.browser()).status == 403)
            #expect(try await house.entry("sign-in.refused")?["reason"]?.string == "provider.person")
        }
    }

    @Test("the way to one's organisation is found by the mail domain, and says nothing about people")
    func door() async throws {
        try await House.with { house in
            let browser = house.browser()
            #expect(await browser.open("/sign-in").text.contains("/sign-in/organisation"))
            func find(_ email: String) async -> Office.Answer {
                await house.office.send(
                    .post, "/sign-in/organisation",
                    headers: [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")],
                    body: Array("email=\(email)&next=%2Fruns".utf8))
            }
            for email in ["approver%40alpha.example", "nobody%40ALPHA.example"] {
                let found = await find(email)
                #expect(found.status == 303 && found.headers["location"] == "/t/alpha/sign-in?next=%2Fruns", "\(found.text)")
            }
            for email in ["approver%40beta.example", "", "%40", "alpha"] { #expect(await find(email).status == 422) }
            for path in ["/t/beta/sign-in", "/t/nobody/sign-in", "/t/beta/sign-in/with", "/t/harbour/sign-in"] {
                #expect(await browser.open(path).status == 404, "\(path)")
            }
        }
    }

    @Test("an administrator is shown what to register, and is told what is wrong and how it is mended")
    func shown() async throws {
        try await House.with { house in
            let admin = try await house.office.session("tenant-admin", at: "alpha")
            let shown = await house.office.call(.get, "/api/v1/tenants/alpha/identity", as: admin)
            #expect(shown.json["redirect"]?.string == "https://console.example/t/alpha/sign-in/back")
            #expect(shown.json["secret"]?.string == "login-secret" && !shown.text.contains(PretendProvider.secret))
            func test() async -> JSONValue {
                await house.office.call(
                    .post, "/api/v1/tenants/alpha/identity/test", as: admin, body: [:],
                    headers: [("Idempotency-Key", SecretToken().text)]
                ).json
            }
            let good = await test()
            #expect(good["good"]?.bool == true, "\(good.text)")
            house.provider.say("issuer", "https://login.alpha.example/tenant/")
            house.office.move(seconds: IdentityProviders.failureSeconds + 1)
            let wrong = await test()
            #expect(wrong["good"]?.bool == false && wrong.text.contains("slash for slash"), "\(wrong.text)")
            let none = await house.office.call(
                .get, "/api/v1/tenants/beta/identity", as: try await house.office.session("tenant-admin", at: "beta"))
            #expect(none.code == "identity.none")
        }
    }
}
