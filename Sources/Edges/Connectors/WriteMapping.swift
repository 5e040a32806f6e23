import Kernel

/// How a bill gets into the system: created, led through its states, read back and compared.
struct WriteMapping: Sendable {
    static let stepsMax = 8

    /// One transition, from the states in which it is due.
    struct Step: Sendable {
        let name: String
        let from: [String]
        let request: RequestShape
    }

    /// Takes a bill back that is not posted yet, from the states in which that is possible; what is in `done` is gone.
    struct Cancellation: Sendable {
        let from: [String]
        let done: [String]
        let request: RequestShape
    }

    /// Look-ups that the creation needs.
    let needs: [String]
    let create: RequestShape
    /// Header that takes the idempotency key, where the system has one.
    let idempotencyHeader: String?
    /// Made from the creation's answer (`$`, `$headers`); `$created` in later requests.
    let created: MappingNode
    /// The same made from an entry that a search found; `$created` then too.
    let identity: MappingNode?
    let readBack: RequestShape?
    /// Where in that answer the entry is; the answer itself unless given.
    let readBackEntry: ValuePath?
    /// The entry's state as a word.
    let state: MappingNode?
    let steps: [Step]
    /// States in which nothing is left to do.
    let done: [String]
    /// Tells the system that a person confirmed what it asked; `$confirm.name`, `$confirm.decision`.
    let confirm: RequestShape?
    let cancel: Cancellation?
    let compare: [Comparison]
    let output: MappingNode

    private static let members = [
        "needs", "create", "idempotencyHeader", "created", "identity", "readBack", "state", "steps", "done", "confirm", "cancel",
        "compare",
        "output",
    ]

    static func parse(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> WriteMapping? {
        guard let reader = MappingReader(json, at: pointer, "The write", members, issues: &issues) else { return nil }
        let create = request("create", reader, issues: &issues)
        if reader.object["create"] == nil {
            issues.append(AssetIssue(pointer, "The write lacks `create`.", remedy: "Add the request that creates."))
        } else if let create, create.method == "GET" || create.body == nil {
            issues.append(
                AssetIssue(reader.path("create"), "A creation sends a body.", remedy: "Write `method: POST` and `body`."))
        }
        let created = reader.node("created", issues: &issues)
        let output = reader.node("output", issues: &issues)
        let compare = Comparison.list(reader, "compare", issues: &issues)
        if compare.isEmpty {
            issues.append(
                AssetIssue(
                    pointer, "The write compares nothing.",
                    remedy: "Add `compare` with the fields that have to be equal, the total among them."))
        }
        let steps = steps(reader, issues: &issues)
        checkStates(reader, steps, issues: &issues)
        let optional = { (name: String, issues: inout [AssetIssue]) -> MappingNode? in
            reader.object[name].flatMap { MappingNode.parse($0, at: reader.path(name), issues: &issues) }
        }
        let identity = optional("identity", &issues)
        let state = optional("state", &issues)
        let readBack = reader.object["readBack"].flatMap {
            RequestShape.parse($0, at: reader.path("readBack"), also: ["entry"], issues: &issues)
        }
        let entry = reader.object["readBack"]?["entry"]?.string.flatMap {
            MappingReader.valuePath($0, at: reader.path("readBack") + "/entry", issues: &issues)
        }
        let confirm = request("confirm", reader, issues: &issues)
        let header = reader.optionalText("idempotencyHeader", issues: &issues)
        guard let create, let created, let output else { return nil }
        return WriteMapping(
            needs: reader.texts("needs", upTo: 16, issues: &issues), create: create, idempotencyHeader: header, created: created,
            identity: identity, readBack: readBack, readBackEntry: entry, state: state, steps: steps,
            done: reader.texts("done", upTo: 16, issues: &issues), confirm: confirm,
            cancel: cancellation(reader, issues: &issues), compare: compare, output: output)
    }

    private static func request(_ name: String, _ reader: MappingReader, issues: inout [AssetIssue]) -> RequestShape? {
        reader.object[name].flatMap { RequestShape.parse($0, at: reader.path(name), issues: &issues) }
    }

    private static func cancellation(_ reader: MappingReader, issues: inout [AssetIssue]) -> Cancellation? {
        guard let json = reader.object["cancel"] else { return nil }
        let here = reader.path("cancel")
        guard
            let inner = MappingReader(
                json, at: here, "The cancellation", RequestShape.members + ["from", "done"], issues: &issues),
            let request = RequestShape.parse(json, at: here, also: ["from", "done"], issues: &issues)
        else { return nil }
        let from = inner.texts("from", upTo: 8, issues: &issues)
        if from.isEmpty {
            issues.append(
                AssetIssue(here, "The cancellation lacks `from`.", remedy: "List the states in which a bill can be taken back."))
        }
        if request.method == "GET" {
            issues.append(
                AssetIssue(here, "A cancellation changes something, and a GET may not.", remedy: "Write `method: POST`."))
        }
        for (name, remedy) in [
            ("state", "Add `state`, such as $.state."),
            ("identity", "Add `identity`, so that a bill that a search found can be named in the requests."),
        ] where reader.object[name] == nil {
            issues.append(AssetIssue(reader.pointer, "A write with `cancel` lacks `\(name)`.", remedy: remedy))
        }
        return Cancellation(from: from, done: inner.texts("done", upTo: 8, issues: &issues), request: request)
    }

    private static func steps(_ reader: MappingReader, issues: inout [AssetIssue]) -> [Step] {
        guard let list = reader.object["steps"] else { return [] }
        guard let entries = list.array, !entries.isEmpty, entries.count <= stepsMax else {
            issues.append(
                AssetIssue(
                    reader.path("steps"), "`steps` has to be a list of 1 to \(stepsMax) transitions.",
                    remedy: "Write each with `name`, `from` and its request."))
            return []
        }
        var out: [Step] = []
        for (index, entry) in entries.enumerated() {
            let here = "\(reader.path("steps"))/\(index)"
            guard
                let inner = MappingReader(
                    entry, at: here, "A transition", RequestShape.members + ["name", "from"], issues: &issues),
                let name = inner.text("name", issues: &issues),
                let request = RequestShape.parse(entry, at: here, also: ["name", "from"], issues: &issues)
            else { continue }
            let from = inner.texts("from", upTo: 8, issues: &issues)
            if from.isEmpty {
                issues.append(
                    AssetIssue(here, "The transition \(name) lacks `from`.", remedy: "List the states in which it is due."))
            }
            if request.method == "GET" {
                issues.append(
                    AssetIssue(here, "A transition changes something, and a GET may not.", remedy: "Write `method: POST`."))
            }
            out.append(Step(name: name, from: from, request: request))
        }
        return out
    }

    /// Transitions need to know the state before and after, or they would be repeated in vain or left out.
    private static func checkStates(_ reader: MappingReader, _ steps: [Step], issues: inout [AssetIssue]) {
        guard reader.object["steps"] != nil else { return }
        for (name, remedy) in [
            ("state", "Add `state`, such as $.state."), ("done", "Add `done`, the states in which nothing is left to do."),
            ("identity", "Add `identity`, so that a bill that a search found can be named in the requests."),
            ("readBack", "Add `readBack`; the state is read after every transition."),
        ] where reader.object[name] == nil {
            issues.append(AssetIssue(reader.pointer, "A write with `steps` lacks `\(name)`.", remedy: remedy))
        }
        var seen: Set<String> = Set((reader.object["done"]?.array ?? []).compactMap(\.string))
        for (index, step) in steps.enumerated() {
            for state in step.from where !seen.insert(state).inserted {
                issues.append(
                    AssetIssue(
                        "\(reader.path("steps"))/\(index)/from", "The state `\(state)` has two meanings.",
                        remedy: "Name every state once: in one transition's `from`, or in `done`."))
            }
        }
    }
}
