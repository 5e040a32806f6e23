import Kernel

/// Reads one object, the list of receipts, or what changed lately.
struct ReadPlan: ConnectorPlan {
    private enum Stage: Sendable {
        case preparing(LookupSeries)
        case searching(ObjectSearch)
    }

    private let name: String
    private let mapping: ObjectMapping
    private let finder: ObjectMapping.Finder
    private let changes: ObjectMapping.Changes?
    private let origin: String
    private let fetchedAt: Moment
    private var scope: MappingScope
    private var stage: Stage

    /// With `changes` the finder is that of the changes, and a list is the answer.
    init(
        _ name: String, mapping: ObjectMapping, finder: ObjectMapping.Finder, changes: ObjectMapping.Changes? = nil,
        lookups: LookupSeries, origin: String, fetchedAt: Moment
    ) {
        self.name = name
        self.mapping = mapping
        self.finder = finder
        self.changes = changes
        self.origin = origin
        self.fetchedAt = fetchedAt
        scope = lookups.scope
        stage = .preparing(lookups)
    }

    mutating func begin() -> PlanStep {
        guard case .preparing(var series) = stage else { preconditionFailure("a reading began twice") }
        let step = series.begin()
        return prepared(series, step)
    }

    mutating func handle(_ result: ExchangeResult) -> PlanStep {
        switch stage {
        case .preparing(var series):
            let step = series.handle(result)
            return prepared(series, step)
        case .searching(var search):
            let step = search.handle(result)
            stage = .searching(search)
            return searched(step)
        }
    }

    private mutating func prepared(_ series: LookupSeries, _ step: LookupSeries.Step) -> PlanStep {
        stage = .preparing(series)
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome): return .finish(outcome)
        case .done:
            scope = series.scope
            var search = ObjectSearch(
                finder.request, paging: finder.paging, items: finder.items, matching: finder.matching, scope: scope,
                origin: origin, purpose: .read)
            let step = search.begin()
            stage = .searching(search)
            return searched(step)
        }
    }

    private func searched(_ step: ObjectSearch.Step) -> PlanStep {
        switch step {
        case .send(let request): .send(request)
        case .failed(let outcome): .finish(outcome)
        case .entries(let entries, let headers): .finish(outcome(entries, headers))
        }
    }

    private func outcome(_ entries: [JSONValue], _ headers: JSONValue) -> ConnectorOutcome {
        if !mapping.isList, changes == nil, entries.count > 1 {
            return .refused(
                code: "AMBIGUOUS", message: "The system knows \(entries.count) entries under this key; exactly one was expected.")
        }
        var objects: [JSONValue] = []
        var fields: JSONValue?
        var newest: Moment?
        var unreadable: [JSONValue] = []
        for entry in entries {
            var focused = scope.focused(on: entry)
            focused["headers"] = headers
            do throws(MappingFailure) {
                if let changes { newest = [newest, try ReadPlan.moment(changes.changedAt, focused)].compactMap(\.self).max() }
                guard let object = try mapping.map?.value(in: focused) else { continue }
                objects.append(object)
                fields = mapping.write?.compare.fields(in: focused)
            } catch {
                if changes != nil {
                    // One record that is no whole supplier must not hide the others.
                    if unreadable.count < Comparison.differencesMax {
                        unreadable.append(["field": .string(error.place), "found": .string(error.message)])
                    }
                    continue
                }
                return .failed(
                    code: "protocol", message: "The system's \(name) cannot be read at \(error.place): \(error.message).",
                    retryAfterSeconds: nil)
            }
        }
        var output: JSONObject = ["found": .bool(!objects.isEmpty)]
        if mapping.isList || changes != nil {
            output[name] = .array(objects)
        } else if let object = objects.first {
            output[name] = object
        }
        if changes == nil, let fields { output["fields"] = fields }
        if changes != nil {
            output["unreadable"] = .array(unreadable)
            output["changedUntil"] = newest.map { JSONValue($0) } ?? scope["input"]?["changedSince"] ?? .null
        }
        output["fetchedAt"] = JSONValue(fetchedAt)
        return .completed(output: .object(output))
    }

    private static func moment(_ node: MappingNode, _ scope: MappingScope) throws(MappingFailure) -> Moment? {
        guard let value = try node.value(in: scope) else { return nil }
        guard let moment = value.moment else {
            throw MappingFailure(place: "changedAt", message: "a time in RFC 3339 is due")
        }
        return moment
    }
}
