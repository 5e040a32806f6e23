import Expressions
import Kernel
import Policies

/// Events: what a run sends, and what it waits for.
extension RunPass {
    /// The event as CloudEvents writes it; it is what the step gives, too.
    mutating func emit(_ template: Template, _ kept: Int64?, _ path: String, _ visit: Int) throws(StepError) {
        guard case .object(let written) = try evaluated(template, bindings(at: path), at: path),
            let type = written["type"]?.string, !type.isEmpty
        else { throw engineError("EXPRESSION", "The event has no type.", step: path) }
        var event: JSONObject = [
            "specversion": "1.0",
            "id": written["id"]
                ?? .string(environment.hash(["run": .string(state.seed), "step": .string(path), "visit": JSONValue(visit)])),
            "source": written["source"] ?? .string("/workflows/\(definition.name)"), "type": .string(type),
            "time": written["time"] ?? now.exactJSON,
        ]
        for member in written where event[member.key] == nil { event[member.key] = member.value }
        if let kept { event[Subscription.expiryAttribute] = now.adding(seconds: kept).exactJSON }
        record("event.emitted", path, "An event of type \(type) was sent.", ["id": event["id"] ?? .null])
        actions.append(.emit(event: .object(event)))
        moves.append(.leave(path: path, output: .object(event), nil))
    }

    // MARK: Listening

    mutating func listen(_ rule: ListenRule, _ path: String) throws(StepError) {
        var wanted: [JSONObject] = []
        var expected: [JSONObject] = []
        for filter in rule.filters {
            var attributes: [(key: String, value: JSONValue)] = []
            for (name, template) in filter.attributes {
                attributes.append((key: name, value: try evaluated(template, bindings(at: path), at: path)))
            }
            wanted.append(JSONObject(attributes))
            var values: [(key: String, value: JSONValue)] = []
            for correlation in filter.correlations {
                let value = try correlation.expect.map { expect throws(StepError) in
                    try evaluated(expect, bindings(at: path), at: path)
                }
                values.append((key: correlation.name, value: value ?? .null))
            }
            expected.append(JSONObject(values))
        }
        wait(
            .listening(
                ListenWait(wanted: wanted, expected: expected, taken: Array(repeating: .null, count: wanted.count))),
            at: path)
        forgetOldEvents()
        // What came before, oldest first, as far as the step looks back.
        for kept in state.inbox where now.seconds(since: kept.at) <= rule.keptSeconds {
            guard let listening = listening(at: path), hear(kept.event, listening, rule, path) else { continue }
            state.inbox.removeAll { $0 == kept }
        }
    }

    private func listening(at path: String) -> ListenWait? {
        guard case .listening(let wait) = activation(at: path)?.wait else { return nil }
        return wait
    }

    /// An event from outside: a step that waits takes it, or it is kept for one that will.
    mutating func take(_ event: JSONValue) {
        guard let id = event["id"]?.string, let source = event["source"]?.string, let type = event["type"]?.string else {
            return ignore("Something came that is no event.")
        }
        guard !state.phase.isFinal, state.phase != .pending else { return ignore("An event of type \(type) came too late.") }
        guard event.weight <= RunBounds.eventBytesMax else {
            return ignore("An event of type \(type) was too large.")
        }
        let mark = "\(source) \(id)"
        guard !state.eventsSeen.contains(mark) else { return ignore("The event \(id) came twice.") }
        state.eventsSeen.append(mark)
        if state.eventsSeen.count > RunBounds.eventsSeenMax { state.eventsSeen.removeFirst() }
        for activation in state.active {
            guard case .listening(let listening) = activation.wait,
                case .listen(let rule) = node(at: activation.path)?.action
            else { continue }
            if hear(event, listening, rule, activation.path) { return }
        }
        forgetOldEvents()
        guard definition.listens, couldTake(type), state.inbox.count < RunBounds.eventsKeptMax else {
            return ignore("No step takes an event of type \(type).")
        }
        state.inbox.append(KeptEvent(event: event, at: now))
        record("event.kept", "", "An event of type \(type) is kept for a step that will wait for it.", ["id": .string(id)])
    }

    /// An event for whoever waits for it. Every step that waits for it now takes it, or one of them when it is for one alone; a
    /// run takes an event once. Where no step takes it nothing changes: it is kept elsewhere for a step that will wait for it.
    mutating func takeOffered(_ event: JSONValue, for takes: Subscription.Takes) {
        guard let id = event["id"]?.string, let source = event["source"]?.string, !state.phase.isFinal,
            state.phase != .pending, event.weight <= RunBounds.eventBytesMax
        else { return }
        let mark = "\(source) \(id)"
        guard !state.eventsSeen.contains(mark) else { return }
        var isTaken = false
        for activation in state.active where !isTaken || takes == .all {
            guard case .listening(let listening) = activation.wait,
                case .listen(let rule) = node(at: activation.path)?.action, rule.takes == takes
            else { continue }
            if hear(event, listening, rule, activation.path) { isTaken = true }
        }
        guard isTaken else { return }
        state.eventsSeen.append(mark)
        if state.eventsSeen.count > RunBounds.eventsSeenMax { state.eventsSeen.removeFirst() }
    }

    private mutating func forgetOldEvents() {
        let longest = definition.nodes.reduce(Int64(0)) { most, node in
            if case .listen(let rule) = node.action { max(most, rule.keptSeconds) } else { most }
        }
        state.inbox.removeAll { now.seconds(since: $0.at) > longest }
    }

    /// Whether some step names the type, or computes it.
    private func couldTake(_ type: String) -> Bool {
        definition.nodes.contains { node in
            guard case .listen(let rule) = node.action, rule.keptSeconds > 0 else { return false }
            return rule.filters.contains { filter in
                guard let named = filter.attributes.first(where: { $0.name == "type" }) else { return false }
                if case .literal(let value) = named.value { return value.string == type }
                return true
            }
        }
    }

    /// Gives the event to the first filter of a waiting step that takes it; the step is left when it has what it needs.
    private mutating func hear(_ event: JSONValue, _ known: ListenWait, _ rule: ListenRule, _ path: String) -> Bool {
        var listening = known
        // A step that has all it needs is about to be left.
        let isDone = rule.need == .all ? !listening.taken.contains(.null) : listening.taken.contains { $0 != .null }
        guard !isDone else { return false }
        for (place, filter) in rule.filters.enumerated()
        where listening.taken.indices.contains(place) && listening.taken[place] == .null {
            guard let found = correlated(event, filter, listening.wanted[place], listening.expected[place], path) else {
                continue
            }
            listening.taken[place] = event
            listening.expected[place] = found
            // What the first event set binds the other filters that correlate by the same name.
            for other in listening.expected.indices {
                for member in found where listening.expected[other][member.key] == .null {
                    listening.expected[other][member.key] = member.value
                }
            }
            wait(.listening(listening), at: path)
            record(
                "event.taken", path, "An event of type \(event["type"]?.string ?? "") arrived.", ["id": event["id"] ?? .null])
            if rule.need != .all || !listening.taken.contains(.null) {
                let outputs = listening.taken.filter { $0 != .null }.map { rule.readsData ? $0["data"] ?? .null : $0 }
                moves.append(.leave(path: path, output: .array(outputs), nil))
            }
            return true
        }
        return false
    }

    /// The correlated values, when the event fits the filter; nil when it does not.
    private func correlated(
        _ event: JSONValue, _ filter: EventFilter, _ wanted: JSONObject, _ expected: JSONObject, _ path: String
    ) -> JSONObject? {
        for member in wanted where event[member.key] != member.value { return nil }
        var bindings = bindings(at: path)
        bindings["event"] = CELValue(event)
        var values = expected
        do throws(ExpressionFailure) {
            if let when = filter.when, try !holds(when, bindings) { return nil }
            for correlation in filter.correlations {
                let value = try correlation.from.value(bindings).json()
                let known = expected[correlation.name] ?? .null
                guard known == .null || known == value else { return nil }
                values[correlation.name] = value
            }
            return values
        } catch {
            // An event that a filter cannot read is none of those it takes.
            return nil
        }
    }
}
