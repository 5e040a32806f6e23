package import Kernel

/// An event that a live run has taken, with its instant: what a shadow is given.
package struct RecordedEvent: Sendable, Equatable {
    package let at: Moment
    package let event: RunEvent

    package init(at: Moment, event: RunEvent) {
        self.at = at
        self.event = event
    }
}

/// What one version of a workflow did about a case, as far as it matters outside of it.
struct ShadowSide {
    /// In what respect two versions can differ.
    enum Kind: String, CaseIterable {
        case decision, approval, question, write, notice, event, child, outcome
    }

    struct Item: Equatable {
        let kind: Kind
        /// What it is about: the policy, the title of the approval, the connection.
        let name: String
        /// What is compared.
        let content: JSONValue
    }

    private(set) var items: [Item] = []
    private(set) var steps: [String] = []

    /// Takes down what a machine asked for.
    mutating func add(_ actions: [RunAction], hash: (JSONValue) -> String) {
        for action in actions {
            switch action {
            case .dispatch(let request): add(request, hash: hash)
            case .ask(let request): add(request)
            case .audit(let action, let facts): add(audit: action, facts)
            case .emit(let event):
                items.append(
                    Item(
                        kind: .event, name: event["type"]?.string ?? "",
                        content: ["data": .string(hash(event["data"] ?? .null)), "subject": event["subject"] ?? .null]))
            case .startChild(let request):
                items.append(Item(kind: .child, name: request.workflow.key, content: .string(hash(request.input))))
            case .record(let note): if note.type == "step.entered", !steps.contains(note.step) { steps.append(note.step) }
            case .finish(let outcome, _): items.append(Item(kind: .outcome, name: "", content: .string(outcome)))
            case .signed, .close, .withdraw, .setTimer, .cancelTimer, .clock, .notify, .abandonChild, .steerChild, .incident,
                .payment:
                break
            }
        }
    }

    /// Work that a person sends again is the same work.
    private mutating func add(_ request: WorkRequest, hash: (JSONValue) -> String) {
        let kind: Kind
        switch request.kind {
        case .erpWrite: kind = .write
        case .notify: kind = .notice
        case .erpRead, .documentRead: return
        }
        let item = Item(
            kind: kind, name: request.connection,
            content: ["object": request.input["object"] ?? .null, "hash": .string(hash(request.input))])
        if !items.contains(item) { items.append(item) }
    }

    /// Only the first form of a request counts: escalations add to it by the clock.
    private mutating func add(_ request: HumanRequest) {
        let kind: Kind = request.kind == .approval ? .approval : .question
        guard !isAsked.contains(request.key) else { return }
        isAsked.insert(request.key)
        let rounds = request.rounds.map { round -> JSONValue in
            ["roles": .array(round.roles.map(JSONValue.string)), "quorum": JSONValue(round.quorum)]
        }
        items.append(
            Item(
                kind: kind, name: request.code ?? request.title,
                content: ["rounds": .array(rounds), "object": .string(request.objectHash)]))
    }

    private var isAsked: Set<String> = []

    private mutating func add(audit action: String, _ facts: JSONValue) {
        switch action {
        case "policy.decided":
            let receipt = facts["receipt"] ?? .null
            items.append(
                Item(
                    kind: .decision, name: receipt["policy"]?.string ?? "",
                    content: ["outcome": receipt["outcome"] ?? .null, "rules": receipt["rules"] ?? .null]))
        case "match.decided":
            items.append(
                Item(
                    kind: .decision, name: facts["policy"]?.string ?? "",
                    content: ["outcome": facts["result"] ?? .null, "rules": facts["holds"] ?? .null]))
        default: break
        }
    }
}
