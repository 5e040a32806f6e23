import Kernel
import Showcase
import TestBasics
import Testing

extension WholeProduct {
    @Suite("Signing in with an identity provider that nobody here wrote", .enabled(if: Stage.hasProvider))
    struct ProviderTests {
        private static let tenant = SampleTenant.kestrel
        private static let python = Checkout.root + "/.venv/bin/python"

        /// Canaille with three people, of whom only the first is named in the tenant's folder.
        private func provider(_ stage: Stage) async throws -> (child: ChildProcess, ready: JSONValue) {
            let processes = stage.installation.processes
            let child = try processes.start(
                Self.python,
                [
                    Checkout.root + "/Tests/Peers/canaille_login.py", "serve", "--state",
                    stage.installation.settings.folder + "/canaille", "--port", "\(stage.providerPort)", "--client",
                    "countersign",
                    "--redirect", stage.installation.address + "/t/\(Self.tenant.slug)/sign-in/back", "--person",
                    "priya=\(Self.tenant.approvers[0])", "--person", "stranger=stranger@kestrel-labs.example", "--person",
                    "foreigner=\(Self.tenant.approvers[0]).evil.example",
                ], name: "canaille")
            let ready = try await Patience.wait(seconds: Stage.patienceSeconds, for: "Canaille") { () -> JSONValue? in
                if let ending = child.ending {
                    throw Fault("starting Canaille", "\(ending): \(processes.logTail("canaille"))", isRetryable: false)
                }
                let lines = Folder.text(processes.log("canaille"))?.split(separator: "\n") ?? []
                // Half a line does not parse, and the next look finds it whole.
                return lines.lazy.compactMap { try? JSONValue(parsing: String($0)) }.first { $0["issuer"] != nil }
            }
            return (child, ready)
        }

        private func walk(_ stage: Stage, _ person: String, _ ready: JSONValue, isRefused: Bool = false) async throws -> JSONValue
        {
            let text = try await stage.installation.processes.run(
                Self.python,
                [
                    Checkout.root + "/Tests/Browser/sign_in_elsewhere.py", "--door",
                    stage.installation.address + "/t/\(Self.tenant.slug)/sign-in?next=/account", "--person", person,
                ] + (isRefused ? ["--refused"] : []), input: try #require(ready["passwords"]?[person]?.string))
            return try JSONValue(parsing: text)
        }

        @Test("a person signs in in a browser, proves themselves anew and leaves; those who are not named stay outside")
        func signsIn() async throws {
            let stage = try Stage.current
            let admin = try await stage.person(Self.tenant, Self.tenant.admin)
            let before = try await admin.post("identity/test", [:])
            #expect(before["good"] == false, "nobody is there yet: \(before.text)")
            let (child, ready) = try await provider(stage)
            try await stage.installation.processes.run(
                "countersignd",
                [
                    "secret", "--data", stage.installation.dataFolder, "--tenant", Self.tenant.slug, "--name", "login-secret",
                    "--log", "error",
                ], input: try #require(ready["secret"]?.string))
            let tested = try await Patience.wait(seconds: Stage.patienceSeconds, for: "a provider that is found") {
                () -> JSONValue? in
                let tested = try await admin.post("identity/test", [:])
                return tested["good"] == true ? tested : JSONValue?.none
            }
            #expect(tested.text.contains("/t/\(Self.tenant.slug)/sign-in/back"), "\(tested.text)")

            let seen = try await walk(stage, "priya", ready)
            #expect(seen["door"]?.string == "Sign in with Kestrel Login")
            #expect(seen["landed"] == "/account" && seen["me"]?["email"]?.string == Self.tenant.approvers[0], "\(seen.text)")
            let asked = seen["asked"]?.string ?? ""
            #expect(asked.contains("127.0.0.1:\(stage.providerPort)"), "\(asked)")
            #expect(seen["replayed"] == 403, "the same answer a second time")
            #expect(seen["proved"] == "/account" && seen["proof"]?.string == "Prove it with Kestrel Login")
            #expect(seen["exit"]?.string?.contains("end_session") == true && seen["after"] == 401)

            for person in ["stranger", "foreigner"] {
                let refused = try await walk(stage, person, ready, isRefused: true)
                #expect(refused["me"] == 401 && refused["words"]?.string?.contains("did not succeed") == true, "\(refused.text)")
            }
            let log = try await admin.items("audit")
            let reasons = log.filter { $0["action"] == "sign-in.refused" }.compactMap { $0["content"]?["reason"]?.string }
            #expect(Set(reasons) == ["provider.unknown", "provider.domain"], "\(reasons)")
            let actions = log.compactMap { $0["action"]?.string }
            for action in ["identity.linked", "sign-in.vouched", "sign-in.proved", "sign-in.closed"] {
                #expect(actions.contains(action), "\(action)")
            }
            #expect(!log.map(\.text).joined().contains(ready["secret"]?.string ?? "?"))
            await stage.installation.processes.end(child)
        }
    }
}
