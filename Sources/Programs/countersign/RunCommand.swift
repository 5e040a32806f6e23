import ArgumentParser
import Kernel
import Showcase

/// `countersign run`: what people do with one run as a whole.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Pause a run, let it go on, retry or skip a step, go back, give people more time, or cancel it.",
        discussion: """
            countersign run pause ID --reason "The ERP is being moved."
            countersign run skip ID --step invoice/try/match --reason "Compared by hand, see the ticket."
            countersign run extend ID --hours 24 --reason "They are on holiday until Monday."
            Steps are named as `describe run` and the run's history name them.
            Exit codes: 0 done; 1 refused, with the rule; 2 no answer.
            """)

    enum Verb: String, ExpressibleByArgument, CaseIterable {
        case pause, resume, skip, rewind, cancel, extend
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

    @Option(help: "With extend: by how many hours, from 1 to 720.")
    var hours: Int?

    @Option(help: "Why; kept with the run.")
    var reason: String?

    @OptionGroup var choice: ScopeChoice

    func validate() throws {
        if verb.needsStep, step == nil { throw ValidationError("Say which step with --step.") }
        if !verb.needsStep, verb != .extend, step != nil {
            throw ValidationError("--step is for skip, rewind, extend and retry-step.")
        }
        if (verb == .extend) != (hours != nil) { throw ValidationError("--hours is for extend, and extend needs it.") }
        if verb.needsReason, reason == nil { throw ValidationError("Say why with --reason; it is kept with the run.") }
        if !verb.needsReason, reason != nil { throw ValidationError("--reason is not for resume and retry-step.") }
    }

    func run() async throws {
        let (place, _) = try await choice.find(
            "runs/\(ServerAPI.escaped(id))", permission: verb == .retryStep ? "tasks.retry" : "runs.manage")
        if let hours {
            var body: JSONObject = ["hours": JSONValue(hours), "reason": .string(reason ?? "")]
            if let step { body["step"] = .string(step) }
            _ = try await place.post("runs/\(ServerAPI.escaped(id))/extend", .object(body))
            return Terminal.print("Those who are asked have \(hours) hours more.")
        }
        let answer = try await place.steerRun(ServerAPI.escaped(id), verb.rawValue, step: step, reason: reason)
        Terminal.print("The run is \(answer["status"]?.string ?? "told").")
    }
}
