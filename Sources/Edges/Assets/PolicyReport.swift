package import Kernel
internal import Policies
internal import Tenancy

/// How far the tests of one policy go.
package struct PolicyReportLine: Sendable {
    /// Of the policy's file.
    package let path: String
    /// How many of its rules the tests fire, and which none does.
    package let sentence: String
    package let json: JSONValue
}

extension ConfigurationTree {
    /// How far the tests of each sound policy go, its own and those of files beside it, in reading order.
    package var policyCoverage: [PolicyReportLine] {
        assets.compactMap { asset in
            guard asset.kind == .policy, asset.reading != nil, case .object(var members) = asset.document.json else { return nil }
            var cases = members["tests"]?.array ?? []
            for other in assets where other.kind == .policyTests && other.reading != nil {
                guard case .policyTests(let name)? = other.content, name == asset.name,
                    visible(.policy, name, from: other.scope)?.scope == asset.scope
                else { continue }
                cases += other.document.json["tests"]?.array ?? []
            }
            members["tests"] = .array(cases)
            var ignored: [AssetIssue] = []
            return Policy.parse(.object(members), issues: &ignored).map { policy in
                let coverage = policy.coverage
                return PolicyReportLine(path: asset.document.path, sentence: coverage.sentence, json: coverage.json)
            }
        }
    }
}

/// One policy in a file of its own, outside of a folder.
package enum PolicyFile {
    /// The content as it would be published, with everything that `check` has to say of it.
    package static func read(_ bytes: [UInt8], path: String) -> (content: JSONValue?, issues: [LocatedIssue]) {
        let read = YAMLReader.read(bytes, path: path)
        guard let document = read.document else { return (nil, read.issues) }
        var found: [AssetIssue] = []
        let reading = AssetKinds.read(.policy, document.json, scope: .operator, issues: &found)
        let issues = read.issues + found.map(document.located)
        return (reading == nil ? nil : document.json, issues)
    }
}

/// What a policy's change means, for plans.
enum PolicyMeaning {
    /// Sentences; empty when one of the two is no policy that can be read.
    static func sentences(from old: JSONValue, to new: JSONValue) -> [String] {
        var ignored: [AssetIssue] = []
        guard let before = Policy.parse(old, issues: &ignored), let after = Policy.parse(new, issues: &ignored) else { return [] }
        return PolicyDifference.sentences(from: before, to: after)
    }
}
