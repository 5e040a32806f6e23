package import Kernel
internal import Policies

/// Decision models of DMN as files. The XML is outlined by another process; what comes here is its outline.
package enum DMNFile {
    package static let fileBytesMax = DMNConformance.fileBytesMax

    /// Opens XML elsewhere and gives the outline, as `{tree}` or `{failure}`.
    package typealias Outliner = ([UInt8]) throws(Fault) -> JSONValue

    /// The policies of a model, each with its content; empty with issues when something is wrong. `decision` picks one.
    ///
    /// What was made is read back as a policy, with all checks of publishing, so that a table with a gap is told here.
    package static func policies(
        _ bytes: [UInt8], path: String, decision: String?, outline: Outliner
    ) throws(Fault) -> (policies: [(name: String, content: JSONValue)], issues: [LocatedIssue]) {
        func located(_ problem: DMNProblem) -> LocatedIssue {
            LocatedIssue(
                file: path, mark: Mark(line: problem.line, column: problem.column), message: problem.message,
                remedy: problem.remedy)
        }
        let root: XMLOutline
        switch read(try outline(bytes)) {
        case .success(let made): root = made
        case .failure(let problem): return ([], [located(problem)])
        }
        var problems: [DMNProblem] = []
        guard let model = DMNModel.parse(root, problems: &problems) else { return ([], problems.map(located)) }
        let made = DMNImport.policies(of: model, decision: decision, problems: &problems)
        var issues = problems.map(located)
        for policy in made {
            var found: [AssetIssue] = []
            _ = Policy.parse(policy.content, issues: &found)
            issues += found.map { issue in
                LocatedIssue(
                    file: path, message: "\(policy.name)\(issue.pointer): \(issue.message)", remedy: issue.remedy,
                    severity: issue.severity)
            }
        }
        return (made, issues)
    }

    /// Runs published test cases.
    package static func conformance(_ folder: String, outline: Outliner) throws(Fault) -> ConformanceTally {
        try DMNConformance.run(directory: folder) { (bytes: [UInt8]) throws(Fault) in read(try outline(bytes)) }
    }

    private static func read(_ json: JSONValue) -> Result<XMLOutline, DMNProblem> {
        if let tree = json["tree"], let root = XMLOutline(json: tree) { return .success(root) }
        let failure = json["failure"]
        return .failure(
            DMNProblem(
                line: failure?["line"]?.int ?? 1, column: failure?["column"]?.int ?? 1,
                "The XML cannot be read: \(failure?["message"]?.string ?? "there is no outline of it") "
                    + "(\(failure?["reason"]?.string ?? "xml.outline")).",
                remedy: "Export the model again; DOCTYPE and entities are never read."))
    }
}
