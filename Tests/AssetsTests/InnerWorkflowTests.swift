import Kernel
import Testing

@testable import Assets

@Suite("Workflows inside workflows, as a folder has them")
struct InnerWorkflowTests {
    private static let pay = "operator/library/workflows/pay.yaml"

    /// A workflow that does nothing but run others.
    private static func file(_ name: String, runs inner: [(name: String, version: String)]) -> String {
        let steps = inner.enumerated().map { index, target in
            """
              - step-\(index):
                  run:
                    workflow:
                      name: \(target.name)
                      version: "\(target.version)"
                      input: "${ input }"

            """
        }
        return """
            kind: workflow
            name: \(name)
            version: "1"
            title: \(name)
            outcomes: [done]
            outcome: "'done'"
            do:
            \(steps.joined())
            """
    }

    private func issues(_ files: [String: [(name: String, version: String)]], tenantRuns: String = "pay") -> [LocatedIssue] {
        var changes: [String: String?] = [:]
        for (name, inner) in files {
            changes["operator/library/workflows/\(name).yaml"] = InnerWorkflowTests.file(name, runs: inner)
        }
        let tenant = "tenants/mill/tenant.yaml"
        changes[tenant] = SampleTree.edited(tenant, "invoice: pay", "invoice: \(tenantRuns)")[tenant] ?? nil
        return SampleTree.issues(changes)
    }

    @Test("a workflow runs another one of the published version, and a tenant has what either needs")
    func sound() {
        #expect(issues(["outer": [("pay", "1")]], tenantRuns: "outer").isEmpty)
        var changes = SampleTree.edited(InnerWorkflowTests.pay, "connection: erp", "connection: bank")
        changes["operator/library/workflows/outer.yaml"] = InnerWorkflowTests.file("outer", runs: [("pay", "1")])
        let tenant = "tenants/mill/tenant.yaml"
        changes[tenant] = SampleTree.edited(tenant, "invoice: pay", "invoice: outer")[tenant] ?? nil
        let found = SampleTree.issues(changes)
        #expect(found.contains { $0.file == tenant && $0.message.contains("`outer` needs a connection `bank`") }, "\(found)")
    }

    @Test("another version, a name that leads nowhere and a workflow that contains itself are told with their places")
    func broken() {
        let version = issues(["outer": [("pay", "2")]])
        #expect(version.map(\.line) == [12] && version[0].message.contains("has version 1, not 2"), "\(version)")
        let name = issues(["outer": [("pya", "1")]])
        #expect(name.map(\.line) == [11] && name[0].remedy == "Did you mean `pay`?", "\(name)")
        let itself = issues(["outer": [("outer", "1")]])
        #expect(itself.count == 1 && itself[0].message.contains("outer → outer"), "\(itself)")
        let round = issues(["first": [("second", "1")], "second": [("first", "1")]])
        #expect(round.count == 2 && round[0].message.contains("first → second → first"), "\(round)")
    }

    @Test("workflows stand at most five deep inside one another")
    func depth() {
        func chain(_ length: Int) -> [String: [(name: String, version: String)]] {
            var out: [String: [(name: String, version: String)]] = [:]
            for level in 1..<length { out["level-\(level)"] = [(level + 1 == length ? "pay" : "level-\(level + 1)", "1")] }
            return out
        }
        #expect(issues(chain(5)).isEmpty)
        let found = issues(chain(6))
        #expect(found.count == 1 && found[0].message.contains("more than 5 deep"), "\(found)")
    }
}
