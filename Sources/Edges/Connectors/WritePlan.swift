import Kernel

/// Writes one bill exactly once, whatever the system promises: search by business key, create, read back, compare.
///
/// The danger is a second bill, so a creation is sent only after a search of this very attempt found nothing, and everything that
/// is not a clear answer afterwards ends in a search: found and equal is done, anything else is in doubt, which the server
/// settles by waiting and searching again. "Absent" after a creation is never believed here, for the system may still be
/// committing.
struct WritePlan: ConnectorPlan {
    private enum State {
        case searching
        case creating
        case readingBack
        /// A creation was sent; `reason` is why its answer does not suffice.
        case searchingAfter(reason: String)
        case over
    }

    private let mapping: ObjectMapping
    private let write: ObjectMapping.Write
    private let scope: MappingScope
    private let origin: String
    private let finder: ObjectMapping.Finder
    private let isSearchOnly: Bool
    private let idempotencyKey: String
    private var state: State = .searching
    private var search: ObjectSearch

    init(
        mapping: ObjectMapping, write: ObjectMapping.Write, finder: ObjectMapping.Finder, scope: MappingScope, origin: String,
        isSearchOnly: Bool,
        idempotencyKey: String
    ) {
        self.mapping = mapping
        self.write = write
        self.scope = scope
        self.origin = origin
        self.finder = finder
        self.isSearchOnly = isSearchOnly
        self.idempotencyKey = idempotencyKey
        search = ObjectSearch(finder, scope: scope, origin: origin, purpose: .search)
    }

    mutating func begin() -> PlanStep { afterSearch(search.begin()) }

    mutating func handle(_ result: ExchangeResult) -> PlanStep {
        switch state {
        case .searching, .searchingAfter: return afterSearch(search.handle(result))
        case .creating: return afterCreate(result)
        case .readingBack: return afterReadBack(result)
        case .over: preconditionFailure("a finished write was told of another answer")
        }
    }

    private mutating func finish(_ outcome: ConnectorOutcome) -> PlanStep {
        state = .over
        return .finish(outcome)
    }

    // MARK: searching

    private mutating func afterSearch(_ step: ObjectSearch.Step) -> PlanStep {
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome):
            if case .searchingAfter(let reason) = state { return finish(.inDoubt(message: reason)) }
            return finish(outcome)
        case .entries(let entries, let headers):
            if let entry = entries.first, entries.count == 1 { return finish(judge(entry, headers: headers)) }
            if entries.count > 1 {
                return finish(
                    .mismatch(differences: [["field": "entries", "asked": 1, "found": JSONValue(entries.count)]]))
            }
            if case .searchingAfter(let reason) = state { return finish(.inDoubt(message: reason)) }
            return isSearchOnly ? finish(.absent) : create()
        }
    }

    /// Found in the system: is it what was asked?
    private func judge(_ entry: JSONValue, headers: JSONValue) -> ConnectorOutcome {
        var focused = scope.focused(on: entry)
        focused["headers"] = headers
        let differences = write.compare.compactMap { $0.difference(in: focused) }
        guard differences.isEmpty else { return .mismatch(differences: .array(differences)) }
        var output: JSONObject
        do throws(MappingFailure) {
            output = try write.output.value(in: focused)?.object ?? [:]
        } catch {
            // It is there and equal; only its description failed, and that must not lead to a second one.
            return .mismatch(differences: [["field": .string(error.place), "asked": "readable", "found": .string(error.message)]])
        }
        output["comparedFields"] = .array(write.compare.map { .string($0.field) })
        return isSearchOnly ? .found(output: .object(output)) : .completed(output: .object(output))
    }

    // MARK: creating

    private mutating func create() -> PlanStep {
        do throws(MappingFailure) {
            guard let body = try write.create.body?.value(in: scope) else {
                return finish(.refused(code: "mapping", message: "The mapping makes no bill of this invoice."))
            }
            let headers = write.idempotencyHeader.map { [$0: idempotencyKey] } ?? [:]
            let request = PlannedRequest(
                .create, method: write.create.method, target: try write.create.target(in: scope), headers: headers, body: body)
            state = .creating
            return .send(request)
        } catch {
            return finish(.refused(code: "mapping", message: "The bill cannot be written for this system: \(error.message)."))
        }
    }

    private mutating func afterCreate(_ result: ExchangeResult) -> PlanStep {
        switch result {
        case .failure(let failure):
            guard failure.mayHaveBeenSent else {
                return finish(.failed(code: failure.code, message: failure.message, retryAfterSeconds: failure.retryAfterSeconds))
            }
            return searchAgain("The bill was sent and no answer came (\(failure.message)).")
        case .reading(.ok(let document, let headers)): return readBack(document, headers)
        case .reading(.refused(let code, let message)): return finish(.refused(code: code, message: message))
        case .reading(.auth(let message)): return finish(.failed(code: "auth", message: message, retryAfterSeconds: nil))
        case .reading(.retry(let code, let message, let seconds, let isWithoutEffect)):
            if isWithoutEffect { return finish(.failed(code: code, message: message, retryAfterSeconds: seconds)) }
            return searchAgain("The bill was sent and the system failed: \(message)")
        case .reading(.broken(let message)): return searchAgain("The bill was sent and the answer makes no sense: \(message)")
        case .reading(.absent): return searchAgain("The bill was sent and the system knew no such place.")
        }
    }

    private mutating func readBack(_ document: JSONValue, _ headers: JSONValue) -> PlanStep {
        var focused = scope.focused(on: document)
        focused["headers"] = headers
        do throws(MappingFailure) {
            guard let shape = write.readBack, let created = try write.created.value(in: focused) else {
                return searchAgain("The bill was written; reading it back found nothing.")
            }
            focused["created"] = created
            let request = PlannedRequest(.readBack, method: shape.method, target: try shape.target(in: focused))
            state = .readingBack
            return .send(request)
        } catch {
            return searchAgain("The bill was written; the answer does not say where (\(error.message)).")
        }
    }

    private mutating func afterReadBack(_ result: ExchangeResult) -> PlanStep {
        if case .reading(.ok(let document, let headers)) = result { return finish(judge(document, headers: headers)) }
        return searchAgain("The bill was written and could not be read back.")
    }

    private mutating func searchAgain(_ reason: String) -> PlanStep {
        state = .searchingAfter(reason: reason)
        search = ObjectSearch(finder, scope: scope, origin: origin, purpose: .search)
        return afterSearch(search.begin())
    }
}
