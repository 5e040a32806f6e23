import Curl
import Kernel
import Showcase
import Testing

extension WholeProduct {
    /// One tenant's people before every route of the API with another tenant's names and ids. The list of routes is the
    /// server's own.
    @Suite("What belongs to another tenant is not there")
    struct IsolationTests {
        /// A call as the route table describes it.
        private struct Call: Sendable {
            let method: HTTPMethod
            let pattern: String
            let permission: String?

            var isWrite: Bool { method != .get }
            var hasObject: Bool { pattern.contains("{id}") || pattern.contains("{person}") }

            /// A body that the route would accept.
            var body: JSONValue {
                switch pattern.split(separator: "/").last {
                case "decision"?: ["verdict": "approve", "objectHash": .string(String(repeating: "0", count: 64))]
                case "resolution"?: ["resolution": "retry", "objectHash": .string(String(repeating: "0", count: 64))]
                case "cancel"?, "resolve"?, "return"?, "amend"?, "reject"?: ["reason": "Because."]
                case "end"?: ["at": "2099-01-01T00:00:00Z", "reason": "Because."]
                case "corrections"?: ["remove": [2], "reason": "Because."]
                case "change"?: ["title": "Another title"]
                case "waive"?: ["reason": "Because."]
                case "apply"? where pattern.contains("credit-notes"): ["reference": "A bill"]
                case "extend"?: ["hours": 1, "reason": "Because."]
                case "sign-off"?, "sign"?: ["hash": "0"]
                case "notes"?: ["text": "A note."]
                case "pause"?, "discard"?: ["reason": "Because."]
                case "retry-step"?: ["step": "begin"]
                case "confirm"?: ["hash": "0"]
                case "skip"?, "rewind"?: ["step": "begin", "reason": "Because."]
                case "events"?: ["specversion": "1.0", "id": "1", "source": "elsewhere", "type": "org.example.happened"]
                case "{name}"?: ["value": "a secret"]
                case "evidence"?: ["pack": "people"]
                default: [:]
                }
            }

            func path(tenant: String, id: String) -> String {
                var path = replacing("{tenant}", with: tenant, in: pattern)
                for object in ["{id}", "{person}"] { path = replacing(object, with: id, in: path) }
                path = replacing("{name}", with: pattern.contains("slos/{name}") ? "posting" : "erp", in: path)
                path = replacing("{alert}", with: "queue-age", in: path)
                path = replacing("{number}", with: "1", in: replacing("{slot}", with: "light", in: path))
                path = replacing("{task}", with: IsolationTests.nobody, in: path)
                if path.hasSuffix("/audit/consistency") { return path + "?from=1&to=1" }
                let clerk = IsolationTests.shortName(SampleTenant.brightwater.clerk)
                return path.hasSuffix("explain") ? path + "?person=\(clerk)&action=runs.read" : path
            }
        }

        /// No sample tenant tries a version, has a timetable, or a brand of its own from the studio, and most have no provider.
        private static let named = ["/rollouts/{name}", "/schedules/{workflow}", "{number}", "{tenant}/identity"]
        private static let nobody = "00000000-0000-7000-8000-000000000000"

        /// What the people file calls somebody.
        private static func shortName(_ email: String) -> String {
            String(email.prefix { $0 != "@" }.map { $0 == "." ? "-" : $0 })
        }

        @Test("every route answers another tenant's credentials and ids as it answers unknown ones, and lists nothing foreign")
        func everyRoute() async throws {
            let stage = try Stage.current
            let owner = SampleTenant.kestrel
            let ids = try await fill(stage, owner)
            let calls = try await routes(stage)
            let people = try await strangers(stage)
            var checked = 0
            for call in calls where call.pattern.contains("{tenant}") {
                let kind = call.pattern.split(separator: "/").drop { $0 != "{tenant}" }.dropFirst().first.map(String.init) ?? ""
                let foreign = ids[kind]?.first ?? IsolationTests.nobody
                for person in people {
                    let met = try await answer(call, tenant: owner.slug, id: foreign, as: person)
                    let unknown = try await answer(call, tenant: "no-such-tenant", id: foreign, as: person)
                    #expect(
                        met == unknown && met.status == 404, "\(call.method.rawValue) \(call.pattern): \(met) and not \(unknown)")
                    checked += 1
                }
                // The same ids below the caller's own tenant, where the caller may do what the route demands.
                guard let own = people.first(where: { $0.permissions.contains(call.permission ?? "") }),
                    call.pattern != "/api/v1/tenants/{tenant}/events"
                else { continue }
                if call.hasObject {
                    for id in ids[kind] ?? [] {
                        let met = try await answer(call, tenant: own.slug, id: id, as: own)
                        let unknown = try await answer(call, tenant: own.slug, id: IsolationTests.nobody, as: own)
                        #expect(
                            met == unknown && met.status == 404,
                            "\(call.method.rawValue) \(call.pattern): \(met) and not \(unknown)")
                        checked += 1
                    }
                } else if !call.isWrite, !IsolationTests.named.contains(where: { call.pattern.contains($0) }) {
                    let listed = try await answer(call, tenant: own.slug, id: "", as: own)
                    #expect(listed.status == 200, "\(call.pattern): \(listed)")
                    for id in ids.values.joined() { #expect(!listed.body.contains(id), "\(call.pattern) lists \(id)") }
                    checked += 1
                }
            }
            for call in calls where !call.pattern.contains("{") && !call.isWrite && call.permission == nil {
                for person in people {
                    let listed = try await answer(call, tenant: "", id: "", as: person)
                    for id in ids.values.joined() { #expect(!listed.body.contains(id), "\(call.pattern) shows \(id)") }
                    #expect(!listed.body.contains(owner.name), "\(call.pattern) names another tenant")
                    checked += 1
                }
            }
            print("isolation: \(calls.count) routes, \(checked) calls")
            #expect(calls.filter { $0.pattern.contains("{tenant}") }.count >= 25)
            #expect(checked > 100)
        }

        @Test("the console's pages answer another tenant's people as if the tenant did not exist")
        func pages() async throws {
            let stage = try Stage.current
            let owner = SampleTenant.kestrel
            let stranger = try await stage.installation.api(as: SampleTenant.brightwater.controller)
            let pages = [
                "runs", "inbox", "exceptions", "incidents", "service", "service/budgets", "documents", "audit",
                "operations", "dead-letters", "sla-reports", "credits", "webhooks", "delegations", "onboarding", "evidence",
            ]
            for page in pages {
                let met = try await stranger.exchange(.get, "/t/\(owner.slug)/\(page)", headers: [], body: nil)
                #expect(met.status == 404, "\(page): \(met.status)")
                #expect(!String(decoding: met.body, as: UTF8.self).contains(owner.name), "\(page)")
            }
        }

        // MARK: Steps

        private struct Stranger: Sendable {
            let api: ServerAPI
            let slug: String
            let permissions: Set<String>
        }

        /// What an answer says, without what differs from one request to the next.
        private struct Said: Equatable, CustomStringConvertible {
            let status: Int
            let body: String
            var description: String { "\(status) \(body.prefix(300))" }
        }

        private func routes(_ stage: Stage) async throws -> [Call] {
            let document = try await ServerAPI(stage.installation.address).get("/api/v1/openapi.json")
            var calls: [Call] = []
            for path in document["paths"]?.object ?? [:] {
                for operation in path.value.object ?? [:] {
                    guard let method = HTTPMethod(rawValue: operation.key.uppercased()) else { continue }
                    let isOpen = operation.value["security"]?.array?.isEmpty == true
                    if !isOpen {
                        calls.append(Call(method: method, pattern: path.key, permission: operation.value["x-permission"]?.string))
                    }
                }
            }
            return calls.filter { $0.method != .delete }
        }

        /// People of another tenant and of another partner.
        private func strangers(_ stage: Stage) async throws -> [Stranger] {
            let tenant = SampleTenant.brightwater
            var out: [Stranger] = []
            for email in [tenant.clerk, tenant.approvers[0], tenant.controller, tenant.admin, SampleTenant.partners[0]] {
                let api = try await stage.installation.api(as: email)
                let scopes = try await api.get("/api/v1/me")["scopes"]?.array ?? []
                let own = scopes.first { $0["scope"]?.string == tenant.slug }
                let held = Set((own?["permissions"]?.array ?? []).compactMap { $0.string })
                out.append(Stranger(api: api, slug: tenant.slug, permissions: held))
            }
            return out
        }

        /// Something of every kind in the owner's tenant; answers the ids by the name their routes have.
        private func fill(_ stage: Stage, _ tenant: SampleTenant) async throws -> [String: [String]] {
            let clerk = try await stage.person(tenant)
            let controller = try await stage.person(tenant, tenant.controller)
            let posted = try await clerk.started(try await stage.deliver(try stage.trade(tenant), as: clerk))
            let waiting = try await clerk.started(try await stage.deliver(try stage.trade(tenant, .middle), as: clerk))
            let held = try await clerk.started(try await stage.deliver(try stage.trade(tenant, .middle, .dearer), as: clerk))
            let approval = try await clerk.approval(of: waiting)
            let exception = try await clerk.exception(of: held)
            let ended = try await clerk.ended(posted)
            let clocks = try await controller.items("clocks").compactMap { $0["id"]?.string }
            let invoice = try await clerk.run(ended.id)["invoice"]?.string
            let tasks = try await clerk.run(ended.id)["tasks"]?.array?.compactMap { $0["id"]?.string } ?? []
            let incident = try await incident(stage, tenant)
            let contracts = try await controller.items("contracts").compactMap { $0["id"]?.string }
            let provider = try await stage.person(tenant, SampleTenant.operatorAdmin)
            let month = WallClock.system.now.adding(seconds: 30 * 86_400)
            let announced = try await provider.post(
                "maintenance",
                ["title": "Disks", "start": JSONValue(month), "end": JSONValue(month.adding(seconds: 3600))])["id"]?.string
            let stopped = try await controller.items("clocks").first { $0["state"]?.string == "stopped" }?["id"]?.string ?? ""
            let correction = try await controller.post(
                "clocks/\(stopped)/corrections", ["remove": [2], "reason": "It was not over."])["id"]?.string
            let ids = [
                "runs": [ended.id, waiting.id], "documents": [ended.document], "approvals": [approval.id],
                "exceptions": [exception.id],
                "contracts": contracts, "maintenance": [announced].compactMap(\.self),
                "corrections": [correction].compactMap(\.self), "clocks": clocks, "tasks": tasks,
                "invoices": [invoice].compactMap(\.self), "incidents": [incident],
                "webhooks": [try await webhook(stage, tenant)],
                "evidence": [try await evidence(stage, tenant)],
                "people": [tenant.admin, tenant.clerk].map(IsolationTests.shortName),
            ]
            for (kind, found) in ids { #expect(!found.isEmpty, "there is no \(kind) to be hidden") }
            return ids
        }

        private func webhook(_ stage: Stage, _ tenant: SampleTenant) async throws -> String {
            let made = try await stage.person(tenant, tenant.admin).post(
                "webhooks",
                ["name": "Hidden", "url": "https://hidden.kestrel.example/in", "events": ["report.sent"]])
            return try #require(made["id"]?.string)
        }

        private func evidence(_ stage: Stage, _ tenant: SampleTenant) async throws -> String {
            let asked = try await stage.person(tenant, tenant.controller).post("evidence", ["pack": "people"])
            return try #require(asked["id"]?.string)
        }

        /// A missed posting target, which opens one.
        private func incident(_ stage: Stage, _ tenant: SampleTenant) async throws -> String {
            let clerk = try await stage.person(tenant)
            let run = try await clerk.started(try await stage.deliver(try stage.trade(tenant, .middle), as: clerk))
            let request = try await clerk.approval(of: run)
            let ledger = stage.installation.ledger(tenant)
            try await ledger.setFaults(["isDown": true])
            do {
                try await stage.person(tenant, tenant.approvers[0]).decide(request, "approve")
                let controller = try await stage.person(tenant, tenant.controller)
                let incident = try await Patience.wait(seconds: Stage.patienceSeconds, for: "an incident") {
                    try await controller.incidents(all: true).first { $0.alert == "sla-breach" }
                }
                try await ledger.setFaults([:])
                return incident.id
            } catch {
                try await ledger.setFaults([:])
                throw error
            }
        }

        private func answer(_ call: Call, tenant: String, id: String, as person: Stranger) async throws -> Said {
            var headers: [HTTPHeader] = []
            var body: [UInt8]?
            if call.isWrite {
                let isDocument = call.pattern.hasSuffix("/documents")
                headers = [
                    HTTPHeader("Idempotency-Key", Idempotency.newKey()),
                    HTTPHeader("Content-Type", isDocument ? "application/octet-stream" : "application/json"),
                ]
                body = isDocument ? Array("<Invoice/>".utf8) : call.body.bytes
            }
            let response = try await person.api.exchange(
                call.method, call.path(tenant: tenant, id: id), headers: headers, body: body)
            let text = String(decoding: response.body, as: UTF8.self)
            guard let json = try? JSONValue(parsing: response.body), let members = json.object else {
                return Said(status: response.status, body: text)
            }
            // The one member that has to differ.
            let kept = JSONObject(members.members.filter { $0.key != "requestId" && $0.key != "instance" })
            return Said(status: response.status, body: JSONValue.object(kept).text)
        }
    }
}
