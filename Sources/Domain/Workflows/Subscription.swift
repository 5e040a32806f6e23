import Expressions
package import Kernel
import Policies

/// What a step of a run waits for from elsewhere: kept where an arriving event finds it without asking the run.
///
/// It may find a run that does not want the event, since conditions are asked of the run itself; it never misses one that does.
package struct Subscription: Sendable, Hashable {
    /// Whether an event is for every run that waits for it, or for one of them alone.
    package enum Takes: String, Sendable, CaseIterable { case all, one }

    /// The attribute that says until when an event is of use.
    package static let expiryAttribute = "expirytime"

    /// The step's path and visit, and which of its filters.
    package let step: String
    package let visit: Int
    package let place: Int
    package let type: String
    package let reading: EventReading
    /// What the reading of an event has to give.
    package let key: JSONValue
    package let takes: Takes
    /// How long before the step began to wait an event may have come.
    package let keptSeconds: Int64
}

/// Which values of an event make its key.
package struct EventReading: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case attribute(String)
        case expression(String)

        /// Nil for an expression that reads more than the event.
        var compiled: CompiledExpression? {
            guard case .expression(let source) = self else { return nil }
            // Whether it compiles in this scope is the question.
            return try? CompiledExpression(source, in: ExpressionScope(["event"]))
        }
    }

    let parts: [Part]

    package var json: JSONValue {
        .array(
            parts.map { part in
                switch part {
                case .attribute(let name): ["attribute": .string(name)]
                case .expression(let source): ["expression": .string(source)]
                }
            })
    }

    /// Nil when it is not the form of one.
    package init?(json: JSONValue) {
        guard let items = json.array else { return nil }
        var parts: [Part] = []
        for item in items {
            if let name = item["attribute"]?.string {
                parts.append(.attribute(name))
            } else if let source = item["expression"]?.string {
                parts.append(.expression(source))
            } else {
                return nil
            }
        }
        self.parts = parts
    }

    init(_ parts: [Part]) { self.parts = parts }

    /// The key of an event under this reading; nil when the event lacks something that is read.
    package func key(of event: JSONValue) -> JSONValue? {
        var values: [JSONValue] = []
        let bindings = ["event": CELValue(event)]
        for part in parts {
            switch part {
            case .attribute(let name):
                guard let value = event[name] else { return nil }
                values.append(value)
            case .expression:
                // An event that cannot be read this way is none of those that are waited for.
                guard let compiled = part.compiled, let value = try? compiled.value(bindings).json() else { return nil }
                values.append(value)
            }
        }
        return .array(values)
    }
}

extension RunMachine {
    /// What the run waits for from elsewhere; a function of its state, so that what is kept of it can be made again.
    package static func subscriptions(for state: RunState, of definition: WorkflowDefinition) -> [Subscription] {
        guard definition.listens, !state.phase.isFinal else { return [] }
        var out: [Subscription] = []
        for activation in state.active {
            guard case .listening(let listening) = activation.wait, let id = definition.id(of: activation.path),
                case .listen(let rule) = definition.nodes[id].action
            else { continue }
            for (place, filter) in rule.filters.enumerated()
            where listening.taken.indices.contains(place) && listening.taken[place] == .null {
                guard let type = listening.wanted[place]["type"]?.string else { continue }
                let (reading, key) = sought(filter, listening.wanted[place], listening.expected[place])
                out.append(
                    Subscription(
                        step: activation.path, visit: activation.visit, place: place, type: type, reading: reading, key: key,
                        takes: rule.takes, keptSeconds: rule.keptSeconds))
            }
        }
        return out
    }

    /// By attributes, and by those correlations whose value is known and which read the event alone.
    private static func sought(
        _ filter: EventFilter, _ wanted: JSONObject, _ expected: JSONObject
    ) -> (EventReading, JSONValue) {
        var parts: [EventReading.Part] = []
        var values: [JSONValue] = []
        for member in wanted.sorted(by: { $0.key < $1.key }) where member.key != "type" && member.key != "data" {
            parts.append(.attribute(member.key))
            values.append(member.value)
        }
        for correlation in filter.correlations where correlation.readsEventAlone {
            guard let value = expected[correlation.name], value != .null else { continue }
            parts.append(.expression(correlation.from.source))
            values.append(value)
        }
        return (EventReading(parts), .array(values))
    }
}

/// Which events begin a run of a workflow.
package struct EventBeginning: Sendable {
    /// Attributes and the values they have, `type` among them.
    let attributes: JSONObject
    let when: CompiledExpression?

    /// Whether the event begins a run; one that the condition cannot read begins none.
    package func takes(_ event: JSONValue) -> Bool {
        for member in attributes where event[member.key] != member.value { return false }
        guard let when else { return true }
        // A condition that cannot be asked of this event does not hold.
        return (try? when.holds(["event": event])) ?? false
    }
}

extension DefinitionParser {
    mutating func parseBeginning(_ schedule: AssetReader) -> EventBeginning? {
        let json = schedule.object["on"] ?? .null
        guard let on = AssetReader(json, at: schedule.path("on"), "beginning", issues: &issues) else { return nil }
        on.close(["with", "when"], issues: &issues)
        guard let json = on.object["with"] else {
            on.missing("with", issues: &issues)
            return nil
        }
        guard let with = AssetReader(json, at: on.path("with"), "event", issues: &issues) else { return nil }
        if with.object["type"] == nil { with.missing("type", issues: &issues) }
        for member in with.object {
            checkAttribute(member.key, at: with.path(member.key))
            if member.value.string?.contains("${") ?? (member.value.array != nil || member.value.object != nil) {
                issues.append(
                    AssetIssue(
                        with.path(member.key), "Nothing is known yet that an expression could read here.",
                        remedy: "Write the value itself, and conditions about the event in `when`."))
            }
        }
        let when = on.optionalText("when", issues: &issues).flatMap { source in
            CompiledExpression.compile(
                source, in: ExpressionScope(["event"]), wanted: .bool, pointer: on.path("when"), issues: &issues)
        }
        return EventBeginning(attributes: with.object, when: when)
    }
}
