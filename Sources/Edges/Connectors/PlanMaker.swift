import Kernel

/// Chooses the plan for a task's input, or says at once why there is none.
struct PlanMaker: Sendable {
    enum Made: Sendable {
        case plan(any ConnectorPlan)
        case outcome(ConnectorOutcome)
    }

    let settings: ConnectionSettings
    let memory: LookupMemory
    let now: Moment

    func read(_ input: JSONValue) -> Made {
        guard let name = input["object"]?.string, let mapping = settings.mapping.objects[name] else {
            return refused("This connection does not read \(input["object"]?.string ?? "anything without a name").")
        }
        if input["changedSince"] != nil { return changes(name, mapping, input) }
        let keys = keys(of: input)
        // Nothing to look for is nothing found: an invoice without VAT id and account names no supplier.
        if keys.isEmpty {
            var output: JSONObject = ["found": false]
            if mapping.isList { output[name] = [] }
            output["fetchedAt"] = JSONValue(now)
            return .outcome(.completed(output: .object(output)))
        }
        guard let finder = mapping.finder(for: keys) else { return noFinder(name, input) }
        return .plan(
            ReadPlan(
                name, mapping: mapping, finder: finder, lookups: lookups(finder.needs, scope(input)), origin: settings.origin,
                fetchedAt: now))
    }

    private func changes(_ name: String, _ mapping: ObjectMapping, _ input: JSONValue) -> Made {
        guard let changes = mapping.changes, let since = input["changedSince"]?.moment else {
            return refused("This connection does not read what changed of \(name).")
        }
        var asked = input.object ?? [:]
        asked["changedSince"] = JSONValue(since.adding(seconds: -Int64(changes.overlapSeconds)))
        return .plan(
            ReadPlan(
                name, mapping: mapping, finder: changes.finder, changes: changes,
                lookups: lookups(changes.finder.needs, scope(.object(asked))), origin: settings.origin, fetchedAt: now))
    }

    func write(_ input: JSONValue, isSearchOnly: Bool, idempotencyKey: String) -> Made {
        guard let name = input["object"]?.string, let mapping = settings.mapping.objects[name], let write = mapping.write else {
            return refused("This connection does not write \(input["object"]?.string ?? "anything without a name").")
        }
        guard let finder = mapping.finder(for: keys(of: input)) else { return noFinder(name, input) }
        if input["intent"]?.string == "cancel" {
            let scope = scope(input, idempotencyKey)
            return .plan(
                CancelPlan(
                    name, write: write, finder: finder, lookups: lookups(finder.needs, scope), origin: settings.origin,
                    isSearchOnly: isSearchOnly))
        }
        return .plan(
            WritePlan(
                mapping: settings.mapping, write: write, finder: finder, scope: scope(input, idempotencyKey),
                origin: settings.origin, isSearchOnly: isSearchOnly, idempotencyKey: idempotencyKey, memory: memory, now: now))
    }

    func scope(_ input: JSONValue, _ idempotencyKey: String = "") -> MappingScope {
        MappingScope(
            [
                "": .null, "key": input["key"] ?? .null, "input": input, "connection": settings.scope,
                "task": ["idempotencyKey": .string(idempotencyKey)],
            ], library: settings.mapping.library)
    }

    func lookups(_ names: [String], _ scope: MappingScope) -> LookupSeries {
        LookupSeries(
            names.compactMap { settings.mapping.lookups[$0] }, scope: scope, origin: settings.origin, memory: memory,
            now: now)
    }

    /// The keys that have a value.
    private func keys(of input: JSONValue) -> Set<String> {
        var names: Set<String> = []
        for member in input["key"]?.object ?? [:] where !member.value.isNull && member.value != .string("") {
            names.insert(member.key)
        }
        return names
    }

    private func noFinder(_ name: String, _ input: JSONValue) -> Made {
        let given = keys(of: input).sorted().joined(separator: ", ")
        return refused("The mapping cannot find \(name) by \(given.isEmpty ? "nothing" : given).")
    }

    private func refused(_ message: String) -> Made {
        .outcome(.refused(code: MappingFailure.mapping, message: message))
    }
}

extension ConnectionSettings {
    /// `$connection` in a mapping.
    var scope: JSONValue { ["name": .string(name), "settings": settings] }
}
