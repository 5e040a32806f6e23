import Kernel
import Tenancy
import Testing

@testable import Assets

/// Not SHA-256, and enough to tell contents apart: the real one is given by the programs.
private func hash(_ bytes: [UInt8]) -> [UInt8] {
    var words: [UInt64] = [1, 2, 3, 4]
    for byte in bytes {
        for index in words.indices { words[index] = (words[index] ^ UInt64(byte)) &* (0x100_0000_01B3 + UInt64(index) * 2) }
    }
    return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
}

@Suite("Plans and bundles")
struct PlanTests {
    private func bundle(_ changes: [String: String?] = [:]) throws -> ConfigurationBundle {
        let loaded = SampleTree.load(changes)
        #expect(loaded.issues.isEmpty, "\(loaded.issues.map(\.description))")
        return try ConfigurationBundle(loaded.tree, sha256: hash)
    }

    private func plan(_ changes: [String: String?]) throws -> ConfigurationPlan {
        ConfigurationPlan(try bundle(changes), against: try bundle().entries.map(PublishedAsset.init))
    }

    private func edited(_ name: String, _ old: String, _ new: String, version: Bool = true) -> [String: String?] {
        var changes = SampleTree.edited(name, old, new)
        if version { changes[name] = changes[name]??.replacing("version: \"1\"", with: "version: \"2\"") }
        return changes
    }

    private func weakened(_ changes: [String: String?]) throws -> [String] {
        try plan(changes).items.flatMap { $0.changes.compactMap(\.weakens) }
    }

    @Test("against an empty server everything is added; against itself nothing changes")
    func emptyAndSame() throws {
        let all = try bundle()
        let fresh = ConfigurationPlan(all, against: [])
        #expect(fresh.count(.added) == all.entries.count)
        let same = try plan([:])
        #expect(same.isEmpty)
        #expect(same.text.contains("Nothing would change."))
    }

    @Test("equal folders give equal bytes, and a bundle survives the way to the server")
    func roundTrip() throws {
        let one = try bundle()
        let two = try bundle()
        #expect(one.json.bytes == two.json.bytes)
        let sent = try ConfigurationBundle(json: try JSONValue(parsing: one.json.bytes), sha256: hash)
        #expect(sent.entries == one.entries)
        #expect(sent.scopes == one.scopes)
        #expect(sent.issues().isEmpty)
        #expect(one.scopes.map(\.scope.path) == ["operator", "partner/north", "tenant/mill"])
        #expect(one.entries.contains { $0.key == "tenant/mill/contract/service" && $0.version == "1" })
        #expect(one.entries.contains { $0.key == "tenant/mill/people/people" && $0.version.hasPrefix("h-") })
    }

    @Test("a bundle whose content does not fit its hash is refused")
    func tampered() throws {
        let text = try bundle().json.text
        for (old, new) in [
            ("\"amount\":\"5000.00\"", "\"amount\":\"9000.00\""), ("countersign.bundle/1", "countersign.bundle/2"),
            ("\"scope\":\"tenant/mill\"", "\"scope\":\"tenant/hill\""),
            ("\"kind\":\"contract\",\"name\"", "\"kind\":\"contrast\",\"name\""),
        ] {
            #expect(text.contains(old), "\(old)")
            #expect(throws: Refusal.self, "\(old)") {
                try ConfigurationBundle(json: try JSONValue(parsing: text.replacing(old, with: new)), sha256: hash)
            }
        }
    }

    @Test("a published version with other content is refused")
    func immutable() throws {
        let changes = edited("tenants/mill/contracts/service.yaml", "target: 8h", "target: 6h", version: false)
        let plan = try plan(changes)
        #expect(plan.isRefused)
        #expect(plan.text.contains("Raise `version`"))
        #expect(!(try self.plan(edited("tenants/mill/contracts/service.yaml", "target: 8h", "target: 6h")).isRefused))
    }

    @Test("changes are told field by field, entries by their names")
    func sentences() throws {
        let plan = try plan(edited("tenants/mill/people.yaml", "amount: \"5000.00\"", "amount: \"7500.00\""))
        let sentences = plan.items.flatMap(\.changes).map(\.change.sentence)
        #expect(sentences == ["people › cleo-marr › approvalLimit › amount: \"5000.00\" becomes \"7500.00\""])
        #expect(plan.count(.changed) == 1)
        #expect(plan.count(.unchanged) == plan.items.count - 1)
        #expect(plan.json["summary"]?["weakened"]?.int == 1)
    }

    @Test("whatever lets an identity provider say more is marked, and what shuts it out is not")
    func identityProvider() throws {
        let file = "tenants/mill/tenant.yaml"
        let section = """
            identity:
              name: Mill Login
              issuer: https://login.mill.example
              clientId: countersign
              secret: login-secret
              domains: [mill.example]
              passwords: false
              algorithms: [ES256]

            """
        let plain = try #require(SampleTree.files[file])
        func marks(_ old: String, _ new: String) throws -> [String] {
            let before = try bundle([file: plain + old]).entries.map(PublishedAsset.init)
            return ConfigurationPlan(try bundle([file: plain + new]), against: before).items
                .flatMap { $0.changes.compactMap(\.weakens) }
        }
        #expect(try marks("", section) == ["another system says who comes in"])
        #expect(try marks(section, "").isEmpty)
        let changes = [
            ("https://login.mill", "https://other.mill", "another system says who comes in"),
            ("login-secret", "other-secret", "another system says who comes in"),
            ("[mill.example]", "[mill.example, other.example]", "the identity provider is trusted with more"),
            ("  passwords: false\n", "", "passwords open accounts again"),
            ("  algorithms: [ES256]\n", "", "the identity provider is trusted with more"),
            ("passwords: false", "passwords: false\n  trustedMethods: [mfa]", "the identity provider is trusted with more"),
            ("passwords: false", "passwords: false\n  trustsAddresses: true", "mail addresses count that nobody made sure of"),
        ]
        for (old, new, mark) in changes {
            let changed = section.replacing(old, with: new)
            #expect(try marks(section, changed) == [mark], "\(new)")
        }
        for (weak, strong) in [("passwords: false", "passwords: true"), ("[mill.example]", "[mill.example, other.example]")] {
            #expect(try marks(section.replacing(weak, with: strong), section).isEmpty, "\(strong)")
        }
        #expect(try marks(section, section.replacing("Mill Login", with: "The mill")).isEmpty)
    }

    @Test("weakened controls are marked, strengthened ones are not")
    func weakening() throws {
        let people = "tenants/mill/people.yaml"
        let policy = "operator/library/policies/who-signs.yaml"
        let contract = "tenants/mill/contracts/service.yaml"
        #expect(try weakened(edited(people, "\"5000.00\"", "\"7500.00\"")) == ["an approval limit is raised"])
        #expect(try weakened(edited(people, "\"5000.00\"", "\"2500.00\"")).isEmpty)
        #expect(
            try weakened(edited(people, "    approvalLimit: {amount: \"5000.00\", currency: EUR}\n", "")) == [
                "an approval limit is lifted"
            ])
        #expect(
            try weakened(edited(people, "roles: [clerk]", "roles: [clerk, approver]")) == ["a person gains the role approver"])
        #expect(try weakened(edited(policy, "over: \"1000.00\"", "over: \"2000.00\"")) == ["a threshold is raised"])
        #expect(try weakened(edited(policy, "over: \"1000.00\"", "over: \"500.00\"")).isEmpty)
        #expect(try weakened(edited(policy, "quorum: 2", "quorum: 1")) == ["fewer signatures are needed"])
        #expect(try weakened(edited(contract, "target: 8h", "target: 12h")) == ["a promise is given more time"])
        #expect(try weakened(edited(contract, "target: 8h", "target: 4h")).isEmpty)
        #expect(try weakened(edited(contract, "[50, 80]", "[80]")) == ["a warning is dropped"])
        #expect(
            try weakened(
                edited(
                    "tenants/mill/connections/erp.yaml", "allow: [\"127.0.0.1:7999\"]",
                    "allow: [\"127.0.0.1:7999\", \"127.0.0.1:22\"]"))
                == ["the worker may dial another place"])
        #expect(
            try weakened(
                edited(
                    "operator/operator.yaml", "permissions: [documents.submit, runs.read]",
                    "permissions: [documents.submit, runs.read, approvals.decide]"))
                == ["a role gains approvals.decide"])
    }

    @Test("what the server has and the folder has not is removed")
    func removal() throws {
        let extra = PublishedAsset(
            scope: "tenant/mill", kind: "contract", name: "old", version: "1", hash: "00", content: ["kind": "contract"])
        let all = try bundle()
        let plan = ConfigurationPlan(all, against: all.entries.map(PublishedAsset.init) + [extra])
        #expect(plan.count(.removed) == 1)
        #expect(plan.weakened == 1)
        #expect(plan.text.contains("- tenant/mill  contract/old 1"))
    }

    @Test("the order of entries is a change of its own, and equal documents have none")
    func differences() {
        let old: JSONValue = ["rows": [["id": "a", "x": 1], ["id": "b", "x": 2]]]
        let swapped: JSONValue = ["rows": [["id": "b", "x": 2], ["id": "a", "x": 1]]]
        #expect(JSONDifference.changes(from: old, to: swapped).map(\.sentence) == ["rows: the order changes"])
        #expect(JSONDifference.changes(from: old, to: old).isEmpty)
        let nulled: JSONValue = ["rows": [["id": "a", "x": nil], ["id": "b", "x": 2]]]
        #expect(JSONDifference.changes(from: old, to: nulled).map(\.sentence) == ["rows › a › x: 1 becomes null"])
    }
}
