import ArgumentParser
import Kernel
import Showcase

/// `countersign run`: what people do with one run as a whole.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Pause a run, let it go on, retry or skip a step, go back, or cancel it.",
        discussion: """
            countersign run pause ID --reason "The ERP is being moved."
            countersign run skip ID --step invoice/try/match --reason "Compared by hand, see the ticket."
            Steps are named as `describe run` and the run's history name them.
            Exit codes: 0 done; 1 refused, with the rule; 2 no answer.
            """)

    enum Verb: String, ExpressibleByArgument, CaseIterable {
        case pause, resume, skip, rewind, cancel
        case retryStep = "retry-step"

        var needsStep: Bool { self == .skip || self == .rewind || self == .retryStep }
        var needsReason: Bool { self != .resume && self != .retryStep }
    }

    @Argument(help: "\(Verb.allCases.map(\.rawValue).joined(separator: ", ")).")
    var verb: Verb

    @Argument(help: "The run's id.")
    var id: String

    @Option(help: "The step to skip, to try again, or to go back to.")
    var step: String?

    @Option(help: "Why; kept with the run.")
    var reason: String?

    @OptionGroup var choice: ScopeChoice

    func validate() throws {
        if verb.needsStep, step == nil { throw ValidationError("Say which step with --step.") }
        if !verb.needsStep, step != nil { throw ValidationError("--step is for skip, rewind and retry-step.") }
        if verb.needsReason, reason == nil { throw ValidationError("Say why with --reason; it is kept with the run.") }
        if !verb.needsReason, reason != nil { throw ValidationError("--reason is not for resume and retry-step.") }
    }

    func run() async throws {
        let (place, _) = try await choice.find(
            "runs/\(ServerAPI.escaped(id))", permission: verb == .retryStep ? "tasks.retry" : "runs.manage")
        let answer = try await place.steerRun(ServerAPI.escaped(id), verb.rawValue, step: step, reason: reason)
        Terminal.print("The run is \(answer["status"]?.string ?? "told").")
    }
}
