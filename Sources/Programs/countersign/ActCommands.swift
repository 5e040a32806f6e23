import ArgumentParser
import Kernel
import Showcase

/// `countersign approve`: one signature.
struct ApproveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Sign an approval as it stands now.",
        discussion: """
            The signature binds to what the server shows at this moment; look at it first with `describe approval`.
            Exit codes: 0 signed; 1 refused, with the rule; 2 no answer.
            """)

    @Argument(help: "The approval's id.")
    var id: String

    @Option(help: "Kept with the signature.")
    var reason: String?

    @Option(help: "Sign as somebody's deputy, by this delegation.")
    var delegation: String?

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        Terminal.print("Signed: \(try await choice.decide(id, "approve", reason: reason, delegation: delegation))")
    }
}

extension ScopeChoice {
    /// Answers an approval as the server shows it at this moment; returns its title.
    fileprivate func decide(
        _ id: String, _ verdict: String, reason: String?, delegation: String?
    ) async throws -> String {
        let (place, json) = try await find("approvals/\(ServerAPI.escaped(id))", permission: "approvals.decide")
        let request = RequestView(json)
        try await place.decide(request, verdict, reason: reason, delegation: delegation)
        return request.title
    }
}

/// `countersign reject`: ends an approval.
struct RejectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Reject what an approval asks for.",
        discussion: "Exit codes: 0 rejected; 1 refused, with the rule; 2 no answer.")

    @Argument(help: "The approval's id.")
    var id: String

    @Option(help: "Why; the supplier and your colleagues will ask.")
    var reason: String

    @Option(help: "Reject as somebody's deputy, by this delegation.")
    var delegation: String?

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        Terminal.print("Rejected: \(try await choice.decide(id, "reject", reason: reason, delegation: delegation))")
    }
}

/// `countersign resolve`: ends an exception or an incident.
struct ResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Resolve an exception in one of the ways it offers, or an incident.",
        discussion: """
            countersign resolve exception ID --as retry --reason "The rest has arrived."
            countersign resolve incident ID --reason "The certificate was renewed."
            Exit codes: 0 resolved; 1 refused, with the rule; 2 no answer.
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable { case exception, incident }

    @Argument(help: "exception or incident.")
    var kind: Kind

    @Argument(help: "Its id.")
    var id: String

    @Option(name: .customLong("as"), help: "The way out, as `get exceptions` names it.")
    var resolution: String?

    @Option(help: "Why; kept with the decision.")
    var reason: String?

    @OptionGroup var choice: ScopeChoice

    func validate() throws {
        if kind == .exception, resolution == nil {
            throw ValidationError("Say how with --as; `get exceptions` names the ways out.")
        }
        if kind == .incident, reason == nil { throw ValidationError("Say why with --reason; the customer may read it one day.") }
        if kind == .incident, resolution != nil { throw ValidationError("--as is for exceptions.") }
    }

    func run() async throws {
        switch kind {
        case .exception:
            let (place, json) = try await choice.find("exceptions/\(ServerAPI.escaped(id))", permission: "exceptions.resolve")
            let request = RequestView(json)
            try await place.resolve(request, as: resolution ?? "", reason: reason)
            Terminal.print("Resolved as \(resolution ?? ""): \(request.title)")
        case .incident:
            let (place, json) = try await choice.find("incidents/\(ServerAPI.escaped(id))", permission: "incidents.manage")
            try await place.resolveIncident(id, reason: reason ?? "")
            Terminal.print("Resolved: \(IncidentView(json).title)")
        }
    }
}

/// `countersign acknowledge incident`: takes an incident on.
struct AcknowledgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge", abstract: "Take an incident on; the escalation stops.",
        discussion: "Exit codes: 0 taken on; 1 refused; 2 no answer.")

    enum Kind: String, ExpressibleByArgument { case incident }

    @Argument(help: "incident.")
    var kind: Kind

    @Argument(help: "Its id.")
    var id: String

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        let (place, json) = try await choice.find("incidents/\(ServerAPI.escaped(id))", permission: "incidents.manage")
        try await place.acknowledgeIncident(id)
        let incident = IncidentView(json)
        Terminal.print("Taken on: \(incident.title)\nThe runbook: \(incident.runbook)")
    }
}

/// `countersign retry task`: sends a dead letter again.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Attempt a task again that was given up.",
        discussion: """
            A write begins with a search, so that what was written after all is found and not written twice.
            Exit codes: 0 it is ready again; 1 refused; 2 no answer.
            """)

    enum Kind: String, ExpressibleByArgument { case task }

    @Argument(help: "task.")
    var kind: Kind

    @Argument(help: "Its id.")
    var id: String

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        try await choice.first(permission: "tasks.retry") { try await $0.retryTask(ServerAPI.escaped(id)) }
        Terminal.print("Ready again.")
    }
}

/// `countersign discard task`: gives a dead letter up for good.
struct DiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Give a task up for good that died; its step fails.",
        discussion: """
            The run goes on as its workflow says for a step that was refused, or faults. What an attempt may have written stays
            written; look there first.
            Exit codes: 0 given up; 1 refused; 2 no answer.
            """)

    @Argument(help: "task.")
    var kind: RetryCommand.Kind

    @Argument(help: "Its id.")
    var id: String

    @Option(help: "Why; kept with the run.")
    var reason: String

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        try await choice.first(permission: "runs.manage") { place in
            try await place.discardTask(ServerAPI.escaped(id), reason: reason)
        }
        Terminal.print("Given up.")
    }
}

extension ScopeChoice {
    /// Does it where the object is; ids are unique over all tenants.
    fileprivate func first(permission: String, _ act: (TenantAPI) async throws -> JSONValue) async throws {
        var last: ServerProblem?
        for place in try await scopes(permission: permission) {
            do {
                _ = try await act(place)
                return
            } catch let problem as ServerProblem where problem.status == 404 {
                last = problem
            }
        }
        throw last ?? BadAnswer("There is nothing here by that name.")
    }
}

/// `countersign submit`: hands documents in.
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Hand documents in.",
        discussion: """
            The same bytes again are the same document and start nothing new.
            Exit codes: 0 all are taken in; 1 one was refused; 2 a file is missing, or no answer.
            """)

    @Argument(help: "The documents; - for standard input.")
    var files: [String]

    @OptionGroup var choice: ScopeChoice

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one file.") }
    }

    func run() async throws {
        let places = try await choice.scopes(permission: "documents.submit")
        guard places.count == 1, let place = places.first else {
            throw BadAnswer(
                "You hand documents in for several tenants. Say which with -t: \(places.map(\.slug).joined(separator: ", ")).")
        }
        for file in files {
            let name = file == "-" ? "document" : file.split(separator: "/").last.map(String.init) ?? file
            let document = try await place.submit(try InputFile.bytes(file), fileName: name)
            Terminal.print("\(file): \(document.isNew ? "taken in" : "known already") as \(document.id)")
        }
    }
}
