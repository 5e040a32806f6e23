import Kernel
import Policies
import TestBasics
import Testing

@testable import Workflows

@Suite("Histories of earlier versions")
struct HistoryTests {
    @Test("every workflow of the library has its histories")
    func complete() throws {
        let library = try FileBytes.names(in: "\(Checkout.root)/Tenants/operator/library/workflows")
        let kept = try FileBytes.names(in: "\(Checkout.root)/Tests/Fixtures/histories")
        for name in library.map({ $0.prefix { $0 != "." } }) {
            #expect(kept.contains { $0.hasPrefix("\(name)-") && $0.hasSuffix("-pinned.json") }, "\(name)")
        }
    }

    @Test(
        "runs that an earlier version took to their end take the same actions and end in the same state",
        arguments: ["accounts-payable", "payment-release"])
    func replay(workflow: String) throws {
        let folder = "\(Checkout.root)/Tests/Fixtures/histories"
        func json(_ name: String) throws -> JSONValue {
            try JSONValue(parsing: try FileBytes.read("\(folder)/\(name).json", maxBytes: 4_000_000))
        }
        let pinned = try json("\(workflow)-1.0-pinned")
        var issues: [AssetIssue] = []
        let definition = try #require(
            WorkflowDefinition.parse(pinned[workflow] ?? .null, issues: &issues), "\(issues)")
        var policies: [String: Policy] = [:]
        for name in definition.policies { policies[name] = Policy.parse(pinned[name] ?? .null, issues: &issues) }
        #expect(issues.isEmpty, "\(issues)")
        let environment = RunEnvironment(
            definition: definition, policies: policies, hash: { stableHash($0) },
            serviceInstant: { seconds, start in start.adding(seconds: seconds) })
        let runs = try json("\(workflow)-1.0")["runs"]?.array ?? []
        #expect(runs.count == 10)
        var events = 0
        for run in runs {
            var machine = RunMachine()
            for step in run["steps"]?.array ?? [] {
                let at = try #require(step["at"]?.moment)
                let actions = try machine.handle(try RunEvent(json: step["event"] ?? .null), at: at, in: environment)
                events += 1
                // The state is what a server of that version would have left behind.
                machine = RunMachine(try RunState(json: JSONValue(parsing: machine.state.json.text)))
                #expect(stableHash(.array(actions.map { .string(line($0)) })) == step["actions"]?.string, "event \(events)")
            }
            #expect(machine.state.json.bytes == run["state"]?.bytes)
        }
        print("replayed \(events) events of \(runs.count) recorded runs of \(workflow)")
    }
}
