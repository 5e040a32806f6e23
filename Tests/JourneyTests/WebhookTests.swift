import Glibc
import Kernel
import Seals
import Showcase
import Testing

extension WholeProduct {
    @Suite("What a tenant's own systems are told")
    struct WebhookTests {
        private func add(
            _ admin: TenantAPI, _ name: String, _ url: String, _ events: [JSONValue]
        ) async throws -> (id: String, secret: String) {
            let made = try await admin.post("webhooks", ["name": .string(name), "url": .string(url), "events": .array(events)])
            return (try #require(made["id"]?.string), try #require(made["secret"]?.string))
        }

        private func fits(_ got: EventReceiver.Got, _ secret: String) throws -> Bool {
            let (now, key) = (WallClock.system.now.seconds, try WebhookKey(secret))
            // The one flaw that is looked for.
            return (try? WebhookSignature.check(headers: got.headers, body: got.body, now: now, secrets: [key])) != nil
        }

        private func delivery(
            _ admin: TenantAPI, _ id: String, _ what: String, _ isWanted: @escaping @Sendable (JSONValue) -> Bool
        ) async throws -> JSONValue {
            try await Patience.wait(seconds: Stage.patienceSeconds, for: what) { () -> JSONValue? in
                try await admin.items("webhooks/\(id)/deliveries").first(where: isWanted)
            }
        }

        @Test("a run's end reaches a system of the tenant's, signed, after it was away, and a renewal changes nothing for it")
        func told() async throws {
            let stage = try Stage.current
            let (tenant, receiver) = (SampleTenant.brightwater, stage.receiver)
            let (clerk, admin) = (try await stage.person(tenant), try await stage.person(tenant, tenant.admin))
            receiver.say("/ledger", 500)
            let hook = try await add(
                admin, "Ledger", "http://127.0.0.1:\(receiver.port)/ledger", ["run.started", "run.finished"])
            let renewed = try await admin.post("webhooks/\(hook.id)/rotate", [:])
            let next = try #require(renewed["secret"]?.string)
            let run = try await clerk.started(try await stage.deliver(try stage.trade(tenant), as: clerk))
            #expect(try await clerk.ended(run).outcome == "posted")
            let subject = "run/\(run.id)"
            for type in ["run.started", "run.finished"] {
                _ = try await delivery(admin, hook.id, "\(type) to be taken") {
                    $0["type"]?.string == type && $0["subject"]?.string == subject && $0["state"]?.string == "delivered"
                }
            }
            let log = try await admin.items("webhooks/\(hook.id)/deliveries").filter { $0["subject"]?.string == subject }
            let outcomes = log.map { ($0["log"]?.array ?? []).compactMap { $0["outcome"]?.string } }
            #expect(outcomes.contains(["failed", "delivered"]) && outcomes.contains(["delivered"]), "\(outcomes)")
            let got = receiver.got.filter { $0.path == "/ledger" }
            #expect(got.count == 3 && Set(got.map(\.id)).count == 2, "one came twice, under one id")
            for one in got {
                #expect(try fits(one, hook.secret))
                #expect(try fits(one, next))
                let event = try JSONValue(parsing: one.body)
                #expect(event["id"]?.string == one.id && event["source"]?.string == "urn:countersign:tenant:\(tenant.slug)")
            }
            _ = try await admin.post("webhooks/\(hook.id)/remove", [:])
        }

        @Test("a worker that is killed while a receiver is silent delivers again under the same id")
        func killed() async throws {
            let stage = try Stage.current
            let (tenant, receiver) = (SampleTenant.brightwater, stage.receiver)
            let admin = try await stage.person(tenant, tenant.admin)
            receiver.say("/silent", 0)
            let hook = try await add(admin, "Silent", "http://127.0.0.1:\(receiver.port)/silent", ["report.sent"])
            let sent = try #require(try await admin.post("webhooks/\(hook.id)/test", [:])["message"]?.string)
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the message under way") { () -> Bool? in
                receiver.got.contains { $0.id == sent } ? true : nil
            }
            let worker = try #require(try await admin.get("workers")["items"]?[0]?["pid"]?.int)
            _ = Glibc.kill(Int32(worker), SIGKILL)
            let taken = try await delivery(admin, hook.id, "the second delivery") {
                $0["id"]?.string == sent && $0["state"]?.string == "delivered"
            }
            #expect(receiver.got.filter { $0.id == sent }.count == 2, "\(taken)")
            _ = try await admin.post("webhooks/\(hook.id)/remove", [:])
        }

        @Test(
            "a receiver without TLS and a name of nobody are written down as failures, and the metadata service is no address")
        func contained() async throws {
            let stage = try Stage.current
            let (tenant, receiver) = (SampleTenant.brightwater, stage.receiver)
            let admin = try await stage.person(tenant, tenant.admin)
            let places = [
                ("https://127.0.0.1:\(receiver.port)/tls", "unreached"),
                ("https://nobody.invalid/in", "unreached"),
            ]
            var hooks: [(id: String, outcome: String)] = []
            for (number, place) in places.enumerated() {
                hooks.append((try await add(admin, "Hostile \(number)", place.0, ["report.sent"]).id, place.1))
            }
            hooks.append(
                (try await add(admin, "Good", "http://127.0.0.1:\(receiver.port)/good", ["report.sent"]).id, "delivered"))
            for hook in hooks { _ = try await admin.post("webhooks/\(hook.id)/test", [:]) }
            for hook in hooks {
                _ = try await delivery(admin, hook.id, hook.outcome) { $0["log"]?[0]?["outcome"]?.string == hook.outcome }
                _ = try await admin.post("webhooks/\(hook.id)/remove", [:])
            }
            for url in ["http://169.254.169.254/", "http://localhost:\(receiver.port)/", "https://10.0.0.1/"] {
                let problem = try await refusal {
                    try await admin.post("webhooks", ["name": "X", "url": .string(url), "events": ["report.sent"]])
                }
                #expect(problem.code == "webhook.url", "\(url)")
            }
        }
    }
}
