import Kernel
import Postgres
import Records
import Seals
import TestKit
import Tenancy
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("links that set a password")
struct LinkTests {
    private func link(_ desk: Desk, by carer: SecretToken) async -> Office.Answer {
        await desk.call(.post, "/api/v1/tenants/alpha/people/approver/link", carer.text)
    }

    private func use(_ desk: Desk, _ link: String, _ password: String) async -> Office.Answer {
        await desk.office.call(
            .post, "/api/v1/sessions/link", body: ["link": .string(link), "password": .string(password)])
    }

    @Test("a link sets the password once and ends what was open; a weak password does not cost it")
    func once() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let open = try await desk.token()
            let made = await link(desk, by: admin)
            #expect(made.status == 201, "\(made.text)")
            let text = try #require(made.json["link"]?.string)
            #expect(await use(desk, text, "short").code == "password.short")
            #expect(await use(desk, String(text.dropLast()), "nine purple unicycles").code == "link.dead")
            #expect(await use(desk, text, "nine purple unicycles").status == 200)
            #expect(await use(desk, text, "ten orange scooters").code == "link.dead")
            #expect(await desk.call(.get, "/api/v1/me", open).status == 401)
            #expect(await desk.signIn().status == 401)
            #expect(await desk.signIn("nine purple unicycles").status == 201)
        }
    }

    @Test("of many who use one link at once, one sets the password")
    func race() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let text = try #require(await link(desk, by: admin).json["link"]?.string)
            let set = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<4 {
                    group.addTask { await use(desk, text, "password of racer \(number)").status == 200 }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(set == 1)
        }
    }

    @Test("a newer link, a day, or a password set otherwise ends it")
    func ends() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let first = try #require(await link(desk, by: admin).json["link"]?.string)
            let second = try #require(await link(desk, by: admin).json["link"]?.string)
            #expect(await use(desk, first, "nine purple unicycles").code == "link.dead")
            try await desk.office.services.signingIn.setPassword("ten orange scooters", of: desk.person.id, in: desk.scope.id)
            #expect(await use(desk, second, "nine purple unicycles").code == "link.dead")
            let third = try #require(await link(desk, by: admin).json["link"]?.string)
            desk.office.move(seconds: SigningIn.linkSeconds)
            #expect(await use(desk, third, "nine purple unicycles").code == "link.dead")
        }
    }

    @Test("only who looks after people makes one, with a fresh proof, for somebody of this tenant, and not for oneself")
    func who() async throws {
        try await Desk.with("approver") { desk in
            #expect(await link(desk, by: try await desk.office.session("controller", at: "alpha")).code == "authority.missing")
            #expect(await link(desk, by: try await desk.office.session("tenant-admin", at: "beta")).status == 404)
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let path = "/api/v1/tenants/alpha/people/"
            #expect(await desk.call(.post, path + "tenant-admin/link", admin.text).code == "link.own")
            #expect(await desk.call(.post, path + "nobody/link", admin.text).status == 404)
            // From above one may end sessions, and not come in or let a program in as one of the tenant's people.
            let above = try await desk.office.session("operator-admin", at: "operator")
            #expect(await link(desk, by: above).code == "care.elsewhere")
            #expect(await desk.call(.post, path + "approver/remove-factor", above.text).code == "care.elsewhere")
            let key = await desk.call(
                .post, "/api/v1/tenants/alpha/keys", above.text, ["person": "approver", "name": "x"])
            #expect(key.code == "care.elsewhere")
            #expect(await desk.call(.post, path + "approver/end-sessions", above.text).status == 200)
            desk.office.move(seconds: 301)
            #expect(await link(desk, by: admin).code == "proof.needed")
        }
    }

    @Test("a link does not open what a second factor keeps shut; taking that away is another deed, on record")
    func factorStays() async throws {
        try await Desk.with("approver") { desk in
            _ = try await desk.enrolled(try await desk.token())
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let text = try #require(await link(desk, by: admin).json["link"]?.string)
            #expect(await use(desk, text, "nine purple unicycles").status == 200)
            #expect(await desk.signIn("nine purple unicycles").json["isPending"]?.bool == true)
            let path = "/api/v1/tenants/alpha/people/approver/remove-factor"
            #expect(await desk.call(.post, path, admin.text).status == 200)
            #expect(await desk.signIn("nine purple unicycles").json["isPending"]?.bool == false)
            #expect(await desk.call(.post, path, admin.text).code == "factor.none")
            let actions = try await desk.office.store.withTenant(desk.scope.id) { tx in
                try await tx.query("SELECT action, actor_id FROM audit_entry WHERE object_id = \(desk.person.id.text)").map {
                    (try $0.get("action", as: String.self), try $0.get("actor_id", as: String.self))
                }
            }
            for wanted in ["link.made", "password.set", "factor.added", "factor.removed"] {
                #expect(actions.contains { $0.0 == wanted }, "\(wanted) is not on record")
            }
            #expect(actions.contains { $0.0 == "factor.removed" && $0.1 != desk.person.id.text })
        }
    }
}

@Suite("API keys")
struct KeyTests {
    private func make(_ desk: Desk, _ token: String, _ wish: JSONValue) async -> Office.Answer {
        await desk.call(.post, "/api/v1/me/keys", token, wish)
    }

    @Test("a key is shown once, acts as its person, and opens nothing when it is altered, cut, or of another environment")
    func forged() async throws {
        try await Desk.with("controller") { desk in
            let token = try await desk.token()
            let made = await make(desk, token, ["name": "month end", "days": 30])
            #expect(made.status == 201, "\(made.text)")
            let key = try #require(made.json["key"]?.string)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", key).status == 200)
            #expect(await desk.call(.get, "/api/v1/tenants/beta/runs", key).status == 404)
            let listed = await desk.call(.get, "/api/v1/me/keys", token)
            #expect(!listed.text.contains(key) && !listed.text.contains(key.suffix(36)))
            #expect(listed.json["items"]?.array?.first?["lastUsedAt"]?.string != nil)
            let parts = key.split(separator: "_")
            let other = try #require(desk.resealed(key, environment: "dev"))
            let last = key.dropLast(6).last == "a" ? "b" : "a"
            let swapped = "\(key.dropLast(7))\(last)\(key.suffix(6))"
            for forged in [
                String(key.dropLast()), key + "0", swapped, other, "cs_prod_\(parts[2])_" + String(repeating: "0", count: 36),
                key.uppercased(), " " + key, key.replacing("_", with: "\u{FF3F}"),
            ] {
                #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", forged).status == 401, "\(forged)")
            }
        }
    }

    @Test("a key limited to a role does no more than the role, and never more than its person does now")
    func scoped() async throws {
        try await Desk.with("controller") { desk in
            let token = try await desk.token()
            #expect(await make(desk, token, ["name": "x", "roles": ["tenant-admin"]]).code == "key.role")
            #expect(await make(desk, token, ["name": "x", "tenants": ["beta"]]).code == "key.tenant")
            #expect(await make(desk, token, ["name": "x", "days": 366]).code == "key.days")
            #expect(await make(desk, token, ["name": "x", "days": "30"]).code == "request.member")
            #expect(await make(desk, token, ["name": "two\nlines"]).code == "key.name")
            #expect(await make(desk, token, ["name": "x", "role": "controller"]).code == "request.unknown")
            let limited = await make(desk, token, ["name": "x", "roles": ["controller"], "tenants": ["alpha"]])
            let key = try #require(limited.json["key"]?.string)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", key).status == 200)
            // The person loses the role: the key has nothing left.
            try await desk.office.store.withTenant(desk.scope.id) { tx in
                _ = try await tx.execute(
                    "UPDATE person SET roles = '{\"grants\": []}'::jsonb WHERE id = \(desk.person.id)")
            }
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", key).status == 404)
        }
    }

    @Test("an operator's key limited to one tenant sees no other, and none of the operator's own pages")
    func oneTenant() async throws {
        try await Desk.with("operator-admin", at: "operator") { desk in
            let token = try await desk.token()
            let key = try #require(await make(desk, token, ["name": "x", "tenants": ["alpha"]]).json["key"]?.string)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/incidents", key).status == 200)
            #expect(await desk.call(.get, "/api/v1/tenants/beta/incidents", key).status == 404)
            #expect(await desk.call(.get, "/operator", key).status == 403)
            let places = await desk.call(.get, "/api/v1/me", key).json["scopes"]?.array ?? []
            #expect(places.compactMap { $0["scope"]?.string } == ["alpha"])
            #expect(await desk.call(.get, "/api/v1/tenants/beta/incidents", token).status == 200)
        }
    }

    @Test("a rotated key and its successor work together for the overlap, then the successor alone")
    func rotation() async throws {
        try await Desk.with("controller") { desk in
            let token = try await desk.token()
            let made = await make(desk, token, ["name": "ledger", "days": 90, "roles": ["controller"]])
            let (old, id) = (try #require(made.json["key"]?.string), try #require(made.json["id"]?.string))
            let path = "/api/v1/me/keys/\(id)/rotation"
            #expect(await desk.call(.post, path, token, ["overlapHours": 169]).code == "key.overlap")
            let next = await desk.call(.post, path, token, ["overlapHours": 2])
            let new = try #require(next.json["key"]?.string)
            #expect(await desk.call(.post, path, token).code == "key.rotating")
            for key in [old, new] { #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", key).status == 200) }
            desk.office.move(seconds: 7200)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", old).status == 401)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", new).status == 200)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/audit", new).status == 200, "it has the roles of the old one")
        }
    }

    @Test("a key makes no key, ends at a word, and a colleague's key is not there")
    func bounds() async throws {
        try await Desk.with("controller") { desk in
            let token = try await desk.token()
            let made = await make(desk, token, ["name": "x"])
            let (key, id) = (try #require(made.json["key"]?.string), try #require(made.json["id"]?.string))
            #expect(await make(desk, key, ["name": "y"]).code == "proof.key")
            #expect(await desk.call(.post, "/api/v1/me/proof", key, ["password": .string(Desk.password)]).code == "proof.key")
            #expect(await desk.call(.post, "/api/v1/me/second-factor", key).code == "proof.key")
            let colleague = try await desk.office.session("approver", at: "alpha")
            #expect(await desk.call(.delete, "/api/v1/me/keys/\(id)", colleague.text).status == 404)
            #expect(await desk.call(.delete, "/api/v1/me/keys/\(id)", token).status == 200)
            #expect(await desk.call(.delete, "/api/v1/me/keys/\(id)", token).status == 404)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/runs", key).status == 401)
        }
    }

    @Test("many keys at once do not pass the bound")
    func many() async throws {
        try await Desk.with("controller") { desk in
            let token = try await desk.token()
            for number in 0..<SigningIn.keysMax - 2 {
                #expect(await make(desk, token, ["name": .string("key \(number)")]).status == 201)
            }
            let made = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<4 {
                    group.addTask { await make(desk, token, ["name": .string("racer \(number)")]).status == 201 }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 2)
        }
    }

    @Test("keys are made for machines and for no other human being; a machine hands in and signs nothing")
    func machines() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let path = "/api/v1/tenants/alpha/keys"
            let refused = await desk.call(.post, path, admin.text, ["person": "approver", "name": "x"])
            #expect(refused.code == "key.of-another")
            // From now on the approver is named without sign-in: a machine.
            try await desk.office.store.withTenant(desk.scope.id) { tx in
                _ = try await tx.query(SignInQueries.dropAccounts(tenant: desk.scope.id, people: [desk.person.id]))
            }
            let made = await desk.call(.post, path, admin.text, ["person": "approver", "name": "x"])
            let key = try #require(made.json["key"]?.string, "\(made.text)")
            let request = WebRequest(
                method: .get, path: "/", query: [], headers: WebHeaders([(name: "Authorization", value: "Bearer \(key)")]),
                body: [], parameters: [:], id: "r", receivedAt: desk.office.platform.clock.now)
            let context = try await desk.office.services.access.enter(request, slug: "alpha", permission: .approvalsDecide)
            let decision = Approving.Decision(
                task: desk.office.platform.newID(), verdict: "approve", reason: nil, objectHash: "x", key: "m-1")
            await #expect {
                _ = try await desk.office.services.approving.decide(decision, as: context.actor, scope: context.scope)
            } throws: {
                ($0 as? Refusal)?.reason == "approval.machine"
            }
            // Whoever holds the tenant's keys ends any of them.
            let id = try #require(made.json["id"]?.string)
            #expect(await desk.call(.delete, "\(path)/\(id)", admin.text).status == 200)
            #expect(await desk.call(.get, "/api/v1/me", key).status == 401)
        }
    }
}

extension Desk {
    /// The same key under another environment's prefix, with the checksum that goes with it.
    fileprivate func resealed(_ key: String, environment: String) -> String? {
        let parts = key.split(separator: "_").map(String.init)
        guard parts.count == 4 else { return nil }
        let body = "cs_\(environment)_\(parts[2])_\(parts[3].dropLast(6))"
        let text = body + Base62.text(UInt64(CRC32.of(body.utf8)), count: 6)
        return APIKeyText(text) == nil ? nil : text
    }
}
