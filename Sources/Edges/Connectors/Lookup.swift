import Kernel

/// How a look-up's findings lie in `$found`.
enum LookupTable {
    static let values = "values"
    /// Keys that several entries share.
    static let doubled = "doubled"
}

/// What has to be known before a request can be made: the other side's own id of a company, an account, a tax. Always found by a
/// business key and never assumed, for ids are neither small nor the same in two databases.
struct Lookup: Sendable {
    static let keepSecondsMax = 3_600
    static let entriesMax = 2_000

    let name: String
    /// In words, for sentences: `expense account`.
    let title: String
    let request: RequestShape
    let paging: Paging
    let items: ValuePath?
    let matching: [Comparison]
    /// Made only when this has a value.
    let when: MappingNode?
    /// What one entry gives.
    let value: MappingNode
    /// The key of an entry, when many are read at once; nil where exactly one is looked for.
    let by: MappingNode?
    /// Entries of one key are kept as a list; else a key that several share is good for none.
    let isMany: Bool
    /// Nothing found is no reason to stop.
    let isOptional: Bool
    /// How long a finding is believed; the other side's master data changes rarely.
    let keepSeconds: Int

    static func parse(_ json: JSONValue, named name: String, at pointer: String, issues: inout [AssetIssue]) -> Lookup? {
        let also = ["title", "paging", "items", "matching", "when", "value", "by", "many", "optional", "keepSeconds"]
        guard let reader = MappingReader(json, at: pointer, "A look-up", RequestShape.members + also, issues: &issues) else {
            return nil
        }
        let request = RequestShape.parse(json, at: pointer, also: also, issues: &issues)
        let paging = Paging.parse(reader.object["paging"], at: reader.path("paging"), issues: &issues)
        let value = reader.node("value", issues: &issues)
        let title = reader.text("title", issues: &issues)
        for name in ["optional", "many"] where reader.object[name] != nil && reader.object[name]?.bool == nil {
            issues.append(
                AssetIssue(reader.path(name), "`\(name)` is true or false.", remedy: "Write `\(name): true`, or remove it."))
        }
        guard let request, let paging, let value, let title else { return nil }
        return Lookup(
            name: name, title: title, request: request, paging: paging, items: reader.valuePath("items", issues: &issues),
            matching: Comparison.list(reader, "matching", issues: &issues),
            when: reader.object["when"].flatMap { MappingNode.parse($0, at: reader.path("when"), issues: &issues) }, value: value,
            by: reader.object["by"].flatMap { MappingNode.parse($0, at: reader.path("by"), issues: &issues) },
            isMany: reader.object["many"]?.bool ?? false, isOptional: reader.object["optional"]?.bool ?? false,
            keepSeconds: reader.int("keepSeconds", in: 0...keepSecondsMax, otherwise: 0, issues: &issues))
    }
}

/// What look-ups of one connection have found lately; lives in the worker's memory.
package final class LookupMemory: Sendable {
    static let entriesMax = 512

    private let state = Locked<[String: (value: JSONValue, until: Moment)]>([:])

    package init() {}

    func value(_ key: String, at now: Moment) -> JSONValue? {
        state.withLock { kept -> JSONValue? in
            guard let known = kept[key], now < known.until else { return nil }
            return known.value
        }
    }

    func keep(_ key: String, _ value: JSONValue, until: Moment) {
        state.withLock { kept in
            if kept.count >= LookupMemory.entriesMax { kept = [:] }
            kept[key] = (value, until)
        }
    }

    /// The connection or its mapping changed, or the system declined what was found here: nothing is believed any longer.
    package func forget() { state.withLock { $0 = [:] } }
}

/// Look-ups at work, one after the other, since later ones may need what earlier ones found.
struct LookupSeries: Sendable {
    enum Step: Sendable, Equatable {
        case send(PlannedRequest)
        /// The scope, with `$found`.
        case done
        case failed(ConnectorOutcome)
    }

    private var waiting: ArraySlice<Lookup>
    private var current: (lookup: Lookup, search: ObjectSearch, key: String)?
    private(set) var scope: MappingScope
    private let origin: String
    private let memory: LookupMemory
    private let now: Moment

    init(_ lookups: [Lookup], scope: MappingScope, origin: String, memory: LookupMemory, now: Moment) {
        waiting = lookups[...]
        self.scope = scope
        self.origin = origin
        self.memory = memory
        self.now = now
    }

    mutating func begin() -> Step {
        while let lookup = waiting.popFirst() {
            do throws(MappingFailure) {
                if let when = lookup.when, try when.value(in: scope) == nil { continue }
                let planned = try lookup.request.planned(.lookup, in: scope)
                let key =
                    "\(lookup.name) \(planned.method) \(planned.target) \(planned.headers.sorted { $0.key < $1.key }) "
                    + (planned.body?.text ?? "")
                if lookup.keepSeconds > 0, let known = memory.value(key, at: now) {
                    found(lookup, known)
                    continue
                }
                var search = ObjectSearch(
                    lookup.request, paging: lookup.paging, items: lookup.items, matching: lookup.matching, scope: scope,
                    origin: origin, purpose: .lookup)
                let step = search.begin()
                current = (lookup, search, key)
                return take(step)
            } catch {
                return .failed(error.outcome("Looking for the \(lookup.title) is not possible"))
            }
        }
        return .done
    }

    mutating func handle(_ result: ExchangeResult) -> Step {
        guard let step = current?.search.handle(result) else { return begin() }
        return take(step)
    }

    private mutating func take(_ step: ObjectSearch.Step) -> Step {
        guard let (lookup, _, key) = current else { return begin() }
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome): return .failed(outcome)
        case .entries(let entries, _):
            current = nil
            do throws(MappingFailure) {
                guard let value = try read(entries, lookup) else { return begin() }
                found(lookup, value)
                if lookup.keepSeconds > 0 { memory.keep(key, value, until: now.adding(seconds: Int64(lookup.keepSeconds))) }
            } catch {
                return .failed(error.outcome("The \(lookup.title) cannot be told"))
            }
            return begin()
        }
    }

    private mutating func found(_ lookup: Lookup, _ value: JSONValue) {
        var all = scope["found"]?.object ?? [:]
        all[lookup.name] = value
        scope["found"] = .object(all)
    }

    private func read(_ entries: [JSONValue], _ lookup: Lookup) throws(MappingFailure) -> JSONValue? {
        guard let by = lookup.by else {
            guard let entry = entries.first else {
                if lookup.isOptional { return nil }
                throw MappingFailure(place: lookup.name, message: "the system has none", code: MappingFailure.unknown)
            }
            guard entries.count == 1 else {
                throw MappingFailure(
                    place: lookup.name, message: "the system has \(entries.count) of them", code: MappingFailure.unknown)
            }
            return try lookup.value.value(in: scope.focused(on: entry))
        }
        var values: [String: JSONValue] = [:]
        var doubled: Set<String> = []
        for entry in entries.prefix(Lookup.entriesMax) {
            let focused = scope.focused(on: entry)
            guard let made = try by.value(in: focused), let value = try lookup.value.value(in: focused) else { continue }
            let key = try MappingNode.text(made, lookup.name, "the key")
            if lookup.isMany {
                values[key] = .array((values[key]?.array ?? []) + [value])
            } else if values.updateValue(value, forKey: key) != nil {
                doubled.insert(key)
            }
        }
        for key in doubled { values[key] = nil }
        return [
            LookupTable.values: .object(JSONObject(values.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })),
            LookupTable.doubled: .array(doubled.sorted().map(JSONValue.string)),
        ]
    }
}
