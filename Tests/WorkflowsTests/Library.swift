import Kernel
import Policies
import Testing

@testable import Workflows

/// The library assets of this project, from the JSON twins of their YAML files.
enum Library {
    static func json(_ name: String, from file: String = #filePath) throws -> JSONValue {
        let parts = file.split(separator: "/").map(String.init)
        let folder = "/" + parts.dropLast(2).joined(separator: "/") + "/Fixtures/library"
        return try JSONValue(parsing: try FileBytes.read("\(folder)/\(name).json", maxBytes: 4_000_000))
    }

    static func workflow() throws -> WorkflowDefinition {
        var issues: [AssetIssue] = []
        let definition = WorkflowDefinition.parse(try json("accounts-payable"), issues: &issues)
        #expect(issues.isEmpty, "\(issues)")
        return try #require(definition)
    }

    static func policies() throws -> [String: Policy] {
        var out: [String: Policy] = [:]
        for name in ["ap-approval", "ap-duty-separation", "ap-route", "ap-tolerances"] {
            var issues: [AssetIssue] = []
            let policy = try #require(Policy.parse(try json(name), issues: &issues), "\(issues)")
            #expect(issues.isEmpty, "\(issues)")
            out[name] = policy
        }
        return out
    }

    /// Parsed once for all stories; what is wrong with it shows in every one of them.
    static func environment() throws -> RunEnvironment { try parsed.get() }

    private static let parsed = Result<RunEnvironment, any Error> {
        RunEnvironment(
            definition: try workflow(), policies: try policies(), hash: { stableHash($0) },
            serviceInstant: { seconds, start in start.adding(seconds: seconds) })
    }
}

/// A stand-in for SHA-256 in tests: 64-bit FNV-1a over the compact text. Equal values give equal texts here.
func stableHash(_ value: JSONValue) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in value.bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return String(hash, radix: 16)
}
