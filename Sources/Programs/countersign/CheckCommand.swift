import ArgumentParser
import Assets
import Glibc
import Kernel

/// `countersign check`: judges a configuration folder without a server.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Judge a configuration folder: form, references, rules, policy tests, runbooks.",
        discussion: """
            Each problem is one line: file:line:column: message — remedy.
            Exit codes: 0 nothing wrong (warnings may be printed); 1 problems; 2 the folder cannot be read.
            """)

    @Argument(help: "The folder that holds operator, partners and tenants.")
    var folder = "Tenants"

    @Option(help: "The folder of runbooks; by default `Runbooks` beside the folder, when it exists.")
    var runbooks: String?

    @Option(help: "The date against which review dates are judged, YYYY-MM-DD; today unless given.")
    var today: String?

    @Flag(help: "Show for each policy which rules its tests fire, and which none does.")
    var coverage = false

    @Flag(help: "Count warnings as problems.")
    var strict = false

    @OptionGroup var output: OutputOption

    func run() throws {
        let checked = try ConfigurationFolder(folder, runbooks: runbooks, today: today)
        let bad = checked.issues.filter { $0.severity == .error || strict }
        switch output.form {
        case .json:
            Terminal.print(
                JSONValue.object([
                    "isGood": .bool(bad.isEmpty), "documents": JSONValue(checked.tree.assets.count),
                    "issues": .array(checked.issues.map(\.json)),
                    "policies": .array(checked.tree.policyCoverage.map(\.json)),
                ]).prettyText)
        case .text:
            for issue in checked.issues { Terminal.print(CheckCommand.line(issue)) }
            if coverage {
                for entry in checked.tree.policyCoverage { Terminal.print("\(entry.path): \(entry.sentence)") }
            }
            let warnings = checked.issues.count - bad.count
            let tail = warnings == 0 ? "" : ", \(warnings) \(warnings == 1 ? "warning" : "warnings")"
            let verdict =
                bad.isEmpty
                ? Terminal.styled("good", .green)
                : Terminal.styled("\(bad.count) \(bad.count == 1 ? "problem" : "problems")", .red)
            Terminal.print("\(folder): \(checked.tree.assets.count) documents, \(verdict)\(tail)")
        }
        if !bad.isEmpty { throw BadAnswer() }
    }

    private static func line(_ issue: LocatedIssue) -> String {
        guard Terminal.colorsOutput else { return issue.description }
        let place = Terminal.styled("\(issue.file):\(issue.line):\(issue.column):", .bold)
        let kind = issue.severity == .error ? Terminal.styled("error:", .red) : Terminal.styled("warning:", .yellow)
        return "\(place) \(kind) \(issue.message) — \(issue.remedy)"
    }
}

/// A folder as `check`, `plan` and `apply` read it.
struct ConfigurationFolder {
    let tree: ConfigurationTree
    let issues: [LocatedIssue]

    init(_ folder: String, runbooks: String?, today: String?) throws {
        guard access(folder, R_OK) == 0 else {
            throw Refusal(
                .invalid, reason: "input.folder", "The folder \(folder) cannot be read: \(String(cString: strerror(errno))).",
                facts: ["remedy": "Give the folder that holds `operator`, `partners` and `tenants`."])
        }
        let date: CivilDate
        if let today {
            guard let given = CivilDate(today) else {
                throw Refusal(.invalid, reason: "input.date", "\(today) is not a date.", facts: ["remedy": "Write YYYY-MM-DD."])
            }
            date = given
        } else {
            date = CivilDate(daysSince1970: Int(WallClock.system.now.seconds.quotientAndRemainder(dividingBy: 86_400).quotient))
        }
        let beside = ConfigurationFolder.beside(folder)
        let chosen = runbooks ?? (access(beside, R_OK) == 0 ? beside : nil)
        (tree, issues) = ConfigurationTree.load(folder, runbooks: chosen, today: date)
    }

    /// `Runbooks` in the folder around.
    private static func beside(_ folder: String) -> String {
        let trimmed = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        guard let slash = trimmed.lastIndex(of: "/") else { return trimmed == "." ? "../Runbooks" : "Runbooks" }
        return trimmed[..<slash] + "/Runbooks"
    }

    /// The tree, when nothing is wrong with it.
    func soundTree() throws -> ConfigurationTree {
        let bad = issues.filter { $0.severity == .error }
        guard bad.isEmpty else {
            for issue in bad { Terminal.complain(issue.description) }
            throw BadAnswer("\(bad.count) \(bad.count == 1 ? "problem" : "problems"); nothing was sent.")
        }
        return tree
    }
}
