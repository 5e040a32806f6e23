import Kernel

/// Reads one object, or the list of receipts, by its keys.
struct ReadPlan: ConnectorPlan {
    private let name: String
    private let mapping: ObjectMapping
    private let scope: MappingScope
    private let fetchedAt: Moment
    private var search: ObjectSearch

    init(
        _ name: String, mapping: ObjectMapping, finder: ObjectMapping.Finder, scope: MappingScope, origin: String,
        fetchedAt: Moment
    ) {
        self.name = name
        self.mapping = mapping
        self.scope = scope
        self.fetchedAt = fetchedAt
        search = ObjectSearch(finder, scope: scope, origin: origin, purpose: .read)
    }

    mutating func begin() -> PlanStep { step(search.begin()) }
    mutating func handle(_ result: ExchangeResult) -> PlanStep { step(search.handle(result)) }

    private func step(_ step: ObjectSearch.Step) -> PlanStep {
        switch step {
        case .send(let request): .send(request)
        case .failed(let outcome): .finish(outcome)
        case .entries(let entries, let headers): .finish(outcome(entries, headers))
        }
    }

    private func outcome(_ entries: [JSONValue], _ headers: JSONValue) -> ConnectorOutcome {
        if !mapping.isList, entries.count > 1 {
            return .refused(
                code: "AMBIGUOUS", message: "The system knows \(entries.count) entries under this key; exactly one was expected.")
        }
        var objects: [JSONValue] = []
        for entry in entries {
            var focused = scope.focused(on: entry)
            focused["headers"] = headers
            do throws(MappingFailure) {
                guard let object = try mapping.map?.value(in: focused) else { continue }
                objects.append(object)
            } catch {
                return .failed(
                    code: "protocol", message: "The system's \(name) cannot be read at \(error.place): \(error.message).",
                    retryAfterSeconds: nil)
            }
        }
        var output: JSONObject = ["found": .bool(!objects.isEmpty)]
        if mapping.isList { output[name] = .array(objects) } else if let object = objects.first { output[name] = object }
        output["fetchedAt"] = JSONValue(fetchedAt)
        return .completed(output: .object(output))
    }
}
