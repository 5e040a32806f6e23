import Kernel
import Postgres
import Records
import Seals
import Tenancy
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("bringing tenants in, and suspending them, from afar")
struct OnboardingRouteTests {
    private static let path = "/api/v1/tenants/alpha"

    private func key() -> [(name: String, value: String)] {
        [(name: "Idempotency-Key", value: "k-\(UInt64.random(in: 0 ... .max))")]
    }

    @Test("the operator follows every tenant's steps, the tenant its own, and nobody else any")
    func reading() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let house = try await office.session("operator-admin", at: "operator")
            let admin = try await office.session("tenant-admin", at: "alpha")
            let clerk = try await office.session("ap-clerk", at: "alpha")
            let all = await office.call(.get, "/api/v1/tenants/operator/onboardings", as: house)
            let names = (all.json["items"]?.array ?? []).compactMap { $0["tenant"]?.string }
            #expect(Set(names) == Set(Office.tenants), "\(all.text)")
            let own = await office.call(.get, Self.path + "/onboardings", as: admin)
            #expect(own.json["items"]?.array?.compactMap { $0["tenant"]?.string } == ["alpha"])
            let shown = await office.call(.get, Self.path + "/onboarding", as: admin)
            let steps = shown.json["list"]?.array ?? []
            #expect(steps.compactMap { $0["step"]?.string } == Onboarding.Step.allCases.map(\.rawValue))
            #expect(steps.first { $0["step"]?.string == "sign-in" }?["state"]?.string == "done", "a session is a sign-in")
            let open = steps.filter { $0["state"]?.string == "open" }
            #expect(open.allSatisfy { $0["missing"]?.string != nil && $0["command"]?.string != nil })
            #expect(await office.call(.get, Self.path + "/onboarding", as: clerk).status == 403)
            #expect(await office.call(.get, "/api/v1/tenants/beta/onboarding", as: admin).status == 404)
            for path in ["/t/alpha/onboarding", "/operator/onboardings"] {
                let page = await office.call(.get, path, as: house)
                #expect(page.status == 200 && page.text.contains("steps are settled"), "\(path): \(page.text.prefix(400))")
            }
            #expect(await office.call(.get, "/t/alpha/onboarding", as: admin).status == 200)
        }
    }

    @Test("steps are confirmed and skipped with a reason, once; what does not read is refused with its place")
    func acting() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let house = try await office.session("operator-admin", at: "operator")
            let admin = try await office.session("tenant-admin", at: "alpha")
            func act(_ verb: String, _ body: JSONValue, as token: SecretToken) async -> Office.Answer {
                await office.call(.post, Self.path + "/onboarding/\(verb)", as: token, body: body, headers: key())
            }
            let said: JSONValue = ["step": "access", "reason": "Their IT agreed."]
            #expect(await act("confirm", said, as: admin).status == 403)
            let done = await act("confirm", said, as: house)
            #expect(done.status == 200 && done.json["list"]?[4]?["how"]?.string == "confirmed", "\(done.text)")
            #expect(await act("confirm", said, as: house).code == "onboarding.settled")
            #expect(await act("skip", ["step": "brand", "reason": "Their partner's."], as: house).status == 200)
            #expect(await act("skip", ["step": "document", "reason": "No."], as: house).code == "onboarding.needed")
            #expect(await act("skip", ["step": "everything", "reason": "No."], as: house).code == "onboarding.step")
            #expect(await act("skip", ["step": "contract", "reason": " "], as: house).code == "onboarding.reason")
            #expect(await act("skip", ["step": "contract"], as: house).code == "request.member")
        }
    }

    @Test("a tenant is registered with the operator and nowhere else, and taken back")
    func registering() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let house = try await office.session("operator-admin", at: "operator")
            func register(_ body: JSONValue, at scope: String = "operator") async -> Office.Answer {
                await office.call(
                    .post, "/api/v1/tenants/\(scope)/registrations", as: house, body: body, headers: key())
            }
            let body: JSONValue = ["slug": "ostwerk", "name": "Ostwerk GmbH", "partner": "harbour"]
            let made = await register(body)
            #expect(made.status == 201, "\(made.text)")
            #expect(await register(body).code == "registration.taken")
            #expect(await register(body, at: "alpha").status == 404)
            #expect(await register(["slug": "alpha", "name": "A", "partner": "harbour"]).code == "registration.taken")
            #expect(await register(["slug": "x y", "name": "A", "partner": "harbour"]).code == "registration.slug")
            let page = await office.call(.get, "/operator/onboardings", as: house)
            #expect(page.text.contains("Ostwerk GmbH"))
            let id = try #require(made.json["id"]?.string)
            let path = "/api/v1/tenants/operator/registrations"
            let gone = await office.call(
                .post, "\(path)/\(id)/withdraw", as: house, body: ["reason": "They went elsewhere."], headers: key())
            #expect(gone.status == 200, "\(gone.text)")
            #expect(await office.call(.get, path, as: house).json["items"] == [])
            let again = await office.call(.post, "\(path)/\(id)/withdraw", as: house, body: ["reason": "Again."], headers: key())
            #expect(again.status == 404)
        }
    }

    @Test("of a suspended tenant nobody is let in, by session, key or page, and told so; strangers see no difference")
    func suspended() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let house = try await office.session("operator-admin", at: "operator")
            let admin = try await office.session("tenant-admin", at: "alpha")
            let stranger = try await office.session("tenant-admin", at: "beta")
            let partner = try await office.session("partner-admin", at: "harbour")
            func turn(_ verb: String, _ reason: String, as token: SecretToken) async -> Office.Answer {
                await office.call(
                    .post, Self.path + "/life/\(verb)", as: token, body: ["reason": .string(reason)], headers: key())
            }
            #expect(await turn("suspend", "Because.", as: admin).status == 403)
            #expect(await turn("suspend", "Because.", as: partner).status == 403)
            #expect(await turn("suspend", "Because.", as: stranger).status == 404)
            let before = await office.call(.get, Self.path + "/runs", as: stranger)
            #expect(await turn("suspend", " ", as: house).code == "tenant.reason")
            #expect(await turn("suspend", "Their board has asked.", as: house).json["state"]?.string == "suspended")
            #expect(await turn("suspend", "Again.", as: house).code == "tenant.suspended-already")

            let met = await office.call(.get, Self.path + "/runs", as: admin)
            #expect(met.status == 403 && met.code == "tenant.suspended", "\(met.text)")
            #expect(await office.call(.get, "/api/v1/me", as: admin).code == "tenant.suspended")
            let facts = ["tenant": met.json["facts"]?["tenant"]?.string ?? "alpha"]
            let shut = Refusal(.forbidden, reason: met.code, met.json["detail"]?.string ?? "", facts: facts)
            let asked = WebRequest(
                method: .get, path: "/t/alpha/runs", query: [], headers: WebHeaders([]), body: [], parameters: [:], id: "r",
                receivedAt: Office.start)
            let page = await PageErrors(services: office.services).response(shut, asked, nil)
            guard case .bytes(let bytes) = page.body else { throw Fault("reading a page", "it is none", isRetryable: false) }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(page.status == 403 && text.contains("Tenant alpha is suspended"), "\(text.prefix(500))")
            #expect(!text.contains("Their board has asked."), "why is between the operator and whoever asked")
            let after = await office.call(.get, Self.path + "/runs", as: stranger)
            #expect(before.status == after.status && before.code == after.code && after.status == 404)
            let scope = try await office.scope("alpha")
            let people = try await office.services.looking.people(scope.id)
            let person = try #require(people.first { $0.slug == "approver" })
            await #expect(throws: Refusal.self) {
                _ = try await office.services.signingIn.begin(scope.id, person, .init(), isKnown: false, by: "password")
            }
            // Whoever runs the service still sees it, and it says so.
            let fleet = await office.call(.get, "/operator", as: house)
            #expect(fleet.text.contains("suspended"))
            let shown = await office.call(.get, "/t/alpha/onboarding", as: house)
            #expect(shown.text.contains("Their board has asked.") && shown.text.contains("Resume this tenant"))
            #expect(await office.call(.get, "/t/alpha/onboarding", as: partner).status == 200)

            #expect(await turn("resume", "Agreed.", as: house).json["state"]?.string == "active")
            #expect(await turn("resume", "Again.", as: house).code == "tenant.active")
            #expect(await office.call(.get, Self.path + "/runs", as: admin).status == 200, "the session goes on")
        }
    }

    @Test("every route of the API answers a suspended tenant's own people the same, and others as it did before")
    func everyRoute() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let house = try await office.session("operator-admin", at: "operator")
            let own = try await office.session("tenant-admin", at: "alpha")
            let stranger = try await office.session("tenant-admin", at: "beta")
            let calls = RouteBook(office.services, handoff: nil).routes.filter { route in
                guard case .permission = route.access else { return false }
                return route.pattern.hasPrefix("/api/v1/") && route.pattern.contains("{tenant}")
            }.map { route in
                let parts = route.pattern.split(separator: "/").map { part -> String in
                    part == "{tenant}" ? "alpha" : part.hasPrefix("{") ? "00000000-0000-7000-8000-000000000000" : String(part)
                }
                return (method: route.method, path: "/" + parts.joined(separator: "/"))
            }
            #expect(calls.count > 100)
            func asked(_ token: SecretToken) async -> [String] {
                var out: [String] = []
                for call in calls {
                    let answer = await office.call(
                        call.method, call.path, as: token, body: call.method.isSafe ? nil : [:], headers: key())
                    out.append("\(call.method.rawValue) \(call.path): \(answer.status) \(answer.code)")
                }
                return out
            }
            let before = await asked(stranger)
            let seen = before.filter { !$0.hasSuffix(": 404 not-found") }
            #expect(seen.isEmpty, "\(seen)")
            let suspended = await office.call(
                .post, Self.path + "/life/suspend", as: house, body: ["reason": "Because."], headers: key())
            #expect(suspended.status == 200)
            #expect(await asked(stranger) == before)
            let met = await asked(own)
            let other = met.filter { !$0.hasSuffix(": 403 tenant.suspended") }
            #expect(other.isEmpty, "\(other)")
        }
    }

    @Test("an operator and a partner are not suspended")
    func onlyTenants() async throws {
        try await Desk.with("approver") { desk in
            let house = try await desk.office.session("operator-admin", at: "operator")
            for slug in ["operator", "harbour"] {
                let met = await desk.office.call(
                    .post, "/api/v1/tenants/\(slug)/life/suspend", as: house, body: ["reason": "Because."], headers: key())
                #expect(met.code == "tenant.scope", "\(met.text)")
            }
        }
    }
}
