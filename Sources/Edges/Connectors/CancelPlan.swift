import Kernel

/// Takes back what was written and not posted: search, cancel, search again. Nothing there is nothing left to take back.
struct CancelPlan: ConnectorPlan {
    private enum Stage: Sendable {
        case preparing(LookupSeries)
        case searching(ObjectSearch)
        case cancelling
        /// After the cancellation was sent; why it may not have worked.
        case searchingAfter(ObjectSearch, doubt: ConnectorOutcome?)
    }

    private let name: String
    private let write: WriteMapping
    private let finder: ObjectMapping.Finder
    private let origin: String
    private let isSearchOnly: Bool
    private var scope: MappingScope
    private var stage: Stage

    init(
        _ name: String, write: WriteMapping, finder: ObjectMapping.Finder, lookups: LookupSeries, origin: String,
        isSearchOnly: Bool
    ) {
        self.name = name
        self.write = write
        self.finder = finder
        self.origin = origin
        self.isSearchOnly = isSearchOnly
        scope = lookups.scope
        stage = .preparing(lookups)
    }

    mutating func begin() -> PlanStep {
        guard case .preparing(var series) = stage else { preconditionFailure("a cancellation began twice") }
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
        case .searchingAfter(var search, let doubt):
            let step = search.handle(result)
            stage = .searchingAfter(search, doubt: doubt)
            return searched(step)
        case .cancelling: return cancelled(result)
        }
    }

    private mutating func prepared(_ series: LookupSeries, _ step: LookupSeries.Step) -> PlanStep {
        stage = .preparing(series)
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome): return .finish(outcome)
        case .done:
            scope = series.scope
            var search = newSearch()
            let step = search.begin()
            stage = .searching(search)
            return searched(step)
        }
    }

    private func newSearch() -> ObjectSearch {
        ObjectSearch(
            finder.request, paging: finder.paging, items: finder.items, matching: finder.matching, scope: scope, origin: origin,
            purpose: .search)
    }

    private mutating func searched(_ step: ObjectSearch.Step) -> PlanStep {
        var isAfter = false
        var doubt: ConnectorOutcome?
        if case .searchingAfter(_, let known) = stage {
            isAfter = true
            doubt = known
        }
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome):
            return .finish(
                isAfter ? .inDoubt(message: "The \(name) was cancelled and nothing says whether it is gone.") : outcome)
        case .entries(let entries, let headers):
            guard let entry = entries.first else { return .finish(gone(nil)) }
            guard entries.count == 1 else {
                return .finish(
                    .mismatch(differences: [["field": "entries", "asked": 1, "found": JSONValue(entries.count)]]))
            }
            return consider(entry, headers: headers, isAfter: isAfter, doubt: doubt)
        }
    }

    private mutating func consider(
        _ entry: JSONValue, headers: JSONValue, isAfter: Bool, doubt: ConnectorOutcome?
    ) -> PlanStep {
        var focused = scope.focused(on: entry)
        focused["headers"] = headers
        guard let cancel = write.cancel else {
            return .finish(
                .refused(code: MappingFailure.mapping, message: "The mapping cannot take a \(name) back that is in the system."))
        }
        do throws(MappingFailure) {
            let state = try write.state?.value(in: focused)?.string ?? ""
            if cancel.done.contains(where: { sameBytes($0, state) }) {
                return .finish(gone(try write.identity?.value(in: focused)))
            }
            guard cancel.from.contains(where: { sameBytes($0, state) }) else {
                return .finish(
                    .refused(
                        code: "POSTED",
                        message: "The \(name) is in the state \(state) and cannot be taken back; reverse it there."))
            }
            if isAfter {
                return .finish(doubt ?? .inDoubt(message: "The \(name) was cancelled and is still in the state \(state)."))
            }
            // It is still there: the next full attempt cancels it.
            if isSearchOnly { return .finish(.absent) }
            if let identity = try write.identity?.value(in: focused) { scope["created"] = identity }
            scope["entry"] = entry
            let request = try cancel.request.planned(.step, in: scope)
            stage = .cancelling
            return .send(request)
        } catch {
            return .finish(error.outcome("The \(name) cannot be taken back"))
        }
    }

    /// Whatever the answer said, a search tells what became of it; a refusal is told when it is still there.
    private mutating func cancelled(_ result: ExchangeResult) -> PlanStep {
        var doubt: ConnectorOutcome?
        switch result {
        case .failure(let failure) where !failure.mayHaveBeenSent:
            return .finish(
                .failed(code: failure.code, message: failure.message, retryAfterSeconds: failure.retryAfterSeconds))
        case .reading(.refused(let code, let message)): doubt = .refused(code: code, message: message)
        case .reading(.soft(_, let message)): doubt = .refused(code: "ERP_QUESTION", message: message)
        case .reading(.auth(let message)):
            return .finish(.failed(code: "auth", message: message, retryAfterSeconds: nil))
        case .reading(.retry(let code, let message, let seconds, true)):
            return .finish(.failed(code: code, message: message, retryAfterSeconds: seconds))
        case .failure, .reading: doubt = nil
        }
        var search = newSearch()
        let step = search.begin()
        stage = .searchingAfter(search, doubt: doubt)
        return searched(step)
    }

    private func gone(_ identity: JSONValue?) -> ConnectorOutcome {
        let output: JSONValue = .object(["cancelled": true, "bill": identity])
        return isSearchOnly ? .found(output: output) : .completed(output: output)
    }
}
