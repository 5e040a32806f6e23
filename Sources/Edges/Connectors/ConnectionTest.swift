import Finance
package import Kernel

extension ConnectorEngine {
    /// Live objects looked at for each kind.
    static let sampleObjectsMax = 3

    /// Tries the connection out without writing: is it there, does it let us in, is there what the look-ups look for, and do live
    /// objects have the members that the mapping reads?
    ///
    /// `{reachable, milliseconds, good, lookups: [{name, title, result, detail}], objects: [{object, result, entries, detail,
    /// fields: [{field, path, result, detail}]}]}`, or the failure when nobody answers.
    package func test(until end: Moment) async -> ConnectorOutcome {
        await state.credentials.forgetRefusals()
        await state.pace.allowTrial()
        let reached = await probe()
        guard case .completed(let probe) = reached, var report = probe.object else { return reached }
        var scope = plans.scope([:])
        var isGood = true
        var lookups: [JSONValue] = []
        for lookup in settings.mapping.lookupsInOrder {
            let (result, detail) = clock.now < end ? await look(for: lookup, &scope) : ("no-time", "")
            if result == "absent" || result == "failed" { isGood = false }
            lookups.append([
                "name": .string(lookup.name), "title": .string(lookup.title), "result": .string(result),
                "detail": .string(detail),
            ])
        }
        var objects: [JSONValue] = []
        for name in ConnectorMapping.objectNames {
            guard let mapping = settings.mapping.objects[name] else { continue }
            let (row, isFine) =
                clock.now < end ? await look(at: name, mapping, scope) : (ConnectorEngine.row(name, "no-time", ""), true)
            isGood = isGood && isFine
            objects.append(row)
        }
        report["good"] = .bool(isGood)
        report["lookups"] = .array(lookups)
        report["objects"] = .array(objects)
        return .completed(output: .object(report))
    }

    private func look(for lookup: Lookup, _ scope: inout MappingScope) async -> (String, String) {
        var series = LookupSeries([lookup], scope: scope, origin: settings.origin, memory: LookupMemory(), now: clock.now)
        guard !settings.mapping.needsTask(lookup) else { return ("needs-a-task", "") }
        var step = series.begin()
        while case .send(let request) = step { step = series.handle(await send(request)) }
        switch step {
        case .done:
            scope = series.scope
            return scope["found"]?[lookup.name] == nil ? ("absent", "") : ("found", "")
        case .failed(.refused(let code, let message)): return (code == MappingFailure.unknown ? "absent" : "failed", message)
        case .failed(let outcome): return ("failed", outcome.json["message"]?.string ?? outcome.json["outcome"]?.string ?? "")
        case .send: return ("failed", "")
        }
    }

    private func look(at name: String, _ mapping: ObjectMapping, _ scope: MappingScope) async -> (JSONValue, Bool) {
        guard let sample = mapping.sample else { return (ConnectorEngine.row(name, "no-sample", ""), true) }
        var search = ObjectSearch(
            sample.request, paging: sample.paging, items: sample.items, matching: [], scope: scope, origin: settings.origin,
            purpose: .probe)
        var step = search.begin()
        while case .send(let request) = step { step = search.handle(await send(request)) }
        switch step {
        case .failed(let outcome):
            let words = outcome.json["message"]?.string ?? outcome.json["outcome"]?.string ?? ""
            return (ConnectorEngine.row(name, "failed", words), false)
        case .send: return (ConnectorEngine.row(name, "failed", ""), false)
        case .entries(let entries, _):
            guard !entries.isEmpty else { return (ConnectorEngine.row(name, "nothing-there", ""), true) }
            var check = FieldCheck()
            var trouble = ""
            for entry in entries.prefix(ConnectorEngine.sampleObjectsMax) {
                let focused = scope.focused(on: entry)
                if let map = mapping.map { check.look(at: map, in: focused) }
                for comparison in mapping.write?.compare ?? [] {
                    check.look(at: .object([(name: "compare \(comparison.field)", node: comparison.found)]), in: focused)
                }
                if trouble.isEmpty { trouble = unreadable(name, mapping, focused) ?? "" }
            }
            let isGood = check.isGood && trouble.isEmpty
            var row = ConnectorEngine.row(name, isGood ? "checked" : "differs", trouble).object ?? [:]
            row["entries"] = JSONValue(min(entries.count, ConnectorEngine.sampleObjectsMax))
            row["fields"] = .array(check.rows)
            return (.object(row), isGood)
        }
    }

    private static func row(_ name: String, _ result: String, _ detail: String) -> JSONValue {
        ["object": .string(name), "result": .string(result), "detail": .string(detail), "entries": 0, "fields": []]
    }

    /// Why a live object does not become a canonical one; nil when it does, or when its mapping needs a task's keys.
    private func unreadable(_ name: String, _ mapping: ObjectMapping, _ scope: MappingScope) -> String? {
        guard mapping.finders.allSatisfy(\.needs.isEmpty), name != "bill" else { return nil }
        do {
            guard let object = try mapping.map?.value(in: scope) else { return nil }
            switch name {
            case "supplier": _ = try Supplier(json: object)
            case "order": _ = try PurchaseOrder(json: object)
            default: _ = try GoodsReceipt(json: object)
            }
            return nil
        } catch let failure as MappingFailure {
            return "\(failure.place): \(failure.message)"
        } catch let refusal as Refusal {
            return "\(refusal.facts["pointer"] ?? ""): \(refusal.message)"
        } catch {
            return "\(error)"
        }
    }
}

extension ConnectorMapping {
    /// Those that others need come first.
    var lookupsInOrder: [Lookup] {
        var out: [Lookup] = []
        func add(_ lookup: Lookup, depth: Int) {
            guard depth < ConnectorMapping.lookupsMax, !out.contains(where: { $0.name == lookup.name }) else { return }
            for other in needed(by: lookup) { add(other, depth: depth + 1) }
            out.append(lookup)
        }
        for lookup in lookups.values.sorted(by: { $0.name < $1.name }) { add(lookup, depth: 0) }
        return out
    }

    private func needed(by lookup: Lookup) -> [Lookup] {
        lookups.values.filter { $0.name != lookup.name && lookup.request.speaks(of: "found.\($0.name)") }.sorted {
            $0.name < $1.name
        }
    }

    /// Whether the request, or one that it needs, speaks of an invoice or its key: without one it would find nothing and say
    /// nothing.
    func needsTask(_ lookup: Lookup, depth: Int = 0) -> Bool {
        lookup.request.roots.contains("key") || lookup.request.roots.contains("input") || lookup.when != nil
            || depth < ConnectorMapping.lookupsMax && needed(by: lookup).contains { needsTask($0, depth: depth + 1) }
    }
}
