import ArgumentParser
import Glibc
import Kernel
import Showcase

/// The command line of Countersign.
@main
struct Countersign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "countersign",
        abstract: "Governed finance automation: configuration, service levels, documents, evidence.",
        discussion: """
            Exit codes: 0 the answer is good; 1 the answer is bad (problems found, cases failed, a change refused);
            2 the command could not answer (wrong usage, unreadable input, no server).
            Colour is used on a screen only; set NO_COLOR to switch it off.
            """,
        version: "0.1.0",
        subcommands: [
            CheckCommand.self, WorkflowCommand.self, SchemaCommand.self, PlanCommand.self, ApplyCommand.self, SLACommand.self,
            SLOCommand.self, HeartbeatCommand.self, WebhookCommand.self, IdentityCommand.self,
            DocumentCommand.self,
            ConformanceCommand.self, LoginCommand.self, ProveCommand.self, SessionCommand.self, KeyCommand.self,
            PersonCommand.self,
            AuthzCommand.self, GetCommand.self, DescribeCommand.self, ApproveCommand.self,
            RejectCommand.self,
            ResolveCommand.self, AcknowledgeCommand.self, ConnectionCommand.self, PolicyCommand.self, RetryCommand.self,
            DiscardCommand.self, RunCommand.self, OperationCommand.self, BrandCommand.self,
            RolloutCommand.self, EventCommand.self,
            ScheduleCommand.self,
            SubmitCommand.self,
            PayCommand.self,
            LogsCommand.self, OnCallCommand.self, IncidentCommand.self, PostmortemCommand.self, RunbookCommand.self,
            AuditCommand.self, EvidenceCommand.self, ContractCommand.self, MaintenanceCommand.self, DelegationCommand.self,
            HoldCommand.self, RetentionCommand.self, StatusCommand.self, WorkStopCommand.self, OnboardingCommand.self,
            TenantCommand.self, DemoCommand.self, ChaosCommand.self, BenchCommand.self, ManualCommand.self,
        ])

    static func main() async {
        Glibc.exit(await code(of: Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs one command line and gives its exit code.
    static func code(of arguments: [String]) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            if var waiting = command as? any AsyncParsableCommand { try await waiting.run() } else { try command.run() }
            return 0
        } catch let answer as BadAnswer {
            if let text = answer.text { Terminal.complain(text) }
            return 1
        } catch let problem as ServerProblem {
            return complain(problem)
        } catch let refusal as Refusal {
            complain(refusal.message, refusal.facts["remedy"])
            return 2
        } catch let fault as Fault {
            complain(fault.description, nil)
            return 2
        } catch {
            let code = exitCode(for: error)
            if code == .success {
                Terminal.print(fullMessage(for: error))
                return 0
            }
            Terminal.complain(fullMessage(for: error))
            return 2
        }
    }

    /// A refusal of the server is a bad answer; a server that is away, busy or does not know us gave none.
    private static func complain(_ problem: ServerProblem) -> Int32 {
        var facts = problem.rule.map { "rule \($0), " } ?? ""
        facts += "code \(problem.code)" + (problem.requestId.isEmpty ? "" : ", request \(problem.requestId)")
        complain(problem.detail, facts)
        return problem.status == 401 || problem.status == 429 || problem.status >= 500 ? 2 : 1
    }

    private static func complain(_ message: String, _ remedy: String?) {
        Terminal.complain("\(Terminal.styled("error:", .red, for: STDERR_FILENO)) \(message)")
        if let remedy { Terminal.complain("  \(remedy)") }
    }
}

/// The command worked and its answer is no: exit code 1.
struct BadAnswer: Error {
    /// Said on standard error; nil when everything has been said.
    let text: String?

    init(_ text: String? = nil) { self.text = text }
}

/// How an answer is written.
enum OutputForm: String, ExpressibleByArgument, CaseIterable { case text, json }

/// `-o`, which most commands take.
struct OutputOption: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "How to write the answer.")
    var form: OutputForm = .text
}
