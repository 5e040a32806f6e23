import ArgumentParser
import Kernel
import Showcase

/// `countersign pay`: asks for the release of payments; it pays nothing itself.
struct PayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pay", abstract: "Ask for the payment of what was posted.",
        discussion: """
            countersign pay RUN
            countersign pay --due-by 2026-08-31
            The ERP is asked whether each bill is still what was approved, and somebody who had no other hand in it releases the \
            payment. One invoice is released once, however often it is asked for; `get payments` lists what waits.
            Exit codes: 0 all are asked for; 1 one was refused or left out, with the rule; 2 no answer.
            """)

    @Argument(help: "Runs that posted, by their ids.")
    var runs: [String] = []

    @Option(name: .customLong("due-by"), help: "Everything that is due by this day, such as 2026-08-31.")
    var dueBy: String?

    @OptionGroup var choice: ScopeChoice

    func validate() throws {
        if runs.isEmpty == (dueBy == nil) { throw ValidationError("Name runs, or a day with --due-by.") }
        if let dueBy, CivilDate(dueBy) == nil { throw ValidationError("Write the day as 2026-08-31.") }
    }

    func run() async throws {
        if let dueBy { return try await ask(dueBy: dueBy) }
        for id in runs {
            let (place, json) = try await choice.find("runs/\(ServerAPI.escaped(id))", permission: "payments.propose")
            let asked = try await place.askForPayment(id)
            Terminal.print(
                "\(json["subject"]?.string ?? id): \(asked.isNew ? "asked for" : "asked for before"), run \(asked.run)")
        }
    }

    private func ask(dueBy: String) async throws {
        var isComplete = true
        for place in try await choice.scopes(permission: "payments.propose") {
            let answer = try await place.askForPayments(dueBy: dueBy)
            Terminal.print("\(place.slug): \(answer["asked"]?.array?.count ?? 0) asked for")
            for left in answer["leftOut"]?.array ?? [] {
                isComplete = false
                Terminal.print("  \(left["number"]?.string ?? ""): \(left["detail"]?.string ?? "")")
            }
        }
        if !isComplete { throw BadAnswer("Some payments could not be asked for by you.") }
    }
}
