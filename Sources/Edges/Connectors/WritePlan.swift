import Kernel

/// Writes one bill exactly once, whatever the system promises: search by business key, create, lead through its states, read back
/// and compare.
///
/// The danger is a second bill, so a creation is sent only after a search of this very attempt found nothing, and everything that
/// is not a clear answer afterwards ends in a search: found and equal is done or goes on from its state, anything else is in
/// doubt, which the server settles by waiting and searching again. "Absent" after a creation is never believed here, for the
/// system may still be committing. A transition is sent only from the state in which it is due, as just read: most systems
/// answer a repeated one with an error.
struct WritePlan: ConnectorPlan {
    /// What a request that may have changed something was.
    enum Act: Sendable, Equatable {
        case creation
        case step(Int)
    }

    /// Why the entry is read again.
    enum Reason: Sendable, Equatable {
        case done
        /// The system declined; perhaps only because it had happened before.
        case refused(code: String, message: String)
        case stale(message: String)
    }

    enum Stage: Sendable {
        case preparing(LookupSeries)
        case searching(ObjectSearch)
        case preparingCreation(LookupSeries)
        case acting(Act)
        case confirming(Act)
        case readingBack(Act, Reason)
        /// An act's answer does not suffice; `reason` is why.
        case searchingAfter(ObjectSearch, Act, reason: String)
        case over
    }

    let mapping: ConnectorMapping
    let write: WriteMapping
    let finder: ObjectMapping.Finder
    let origin: String
    let isSearchOnly: Bool
    let idempotencyKey: String
    let memory: LookupMemory
    let now: Moment
    var scope: MappingScope
    var stage: Stage = .over
    /// Requests that change something; a system whose states go in circles is not led around for ever.
    private var actsLeft = 2 * WriteMapping.stepsMax + 2
    private var confirmed: Set<String> = []
    private var staleSteps: Set<Int> = []

    init(
        mapping: ConnectorMapping, write: WriteMapping, finder: ObjectMapping.Finder, scope: MappingScope, origin: String,
        isSearchOnly: Bool, idempotencyKey: String, memory: LookupMemory, now: Moment
    ) {
        self.mapping = mapping
        self.write = write
        self.finder = finder
        self.scope = scope
        self.origin = origin
        self.isSearchOnly = isSearchOnly
        self.idempotencyKey = idempotencyKey
        self.memory = memory
        self.now = now
    }

    mutating func begin() -> PlanStep {
        var series = lookups(finder.needs)
        let step = series.begin()
        return afterPreparing(series, step)
    }

    mutating func handle(_ result: ExchangeResult) -> PlanStep {
        switch stage {
        case .preparing(var series):
            let step = series.handle(result)
            return afterPreparing(series, step)
        case .preparingCreation(var series):
            let step = series.handle(result)
            return afterPreparingCreation(series, step)
        case .searching(var search):
            let step = search.handle(result)
            stage = .searching(search)
            return afterSearch(step)
        case .searchingAfter(var search, let act, let reason):
            let step = search.handle(result)
            stage = .searchingAfter(search, act, reason: reason)
            return afterSearch(step)
        case .acting(let act): return after(act, result)
        case .confirming(let act):
            if let outcome = result.failure("confirmation") { return finish(outcome) }
            return act == .creation ? create() : transition(act)
        case .readingBack(let act, let reason): return afterReadBack(act, reason, result)
        case .over: preconditionFailure("a finished write was told of another answer")
        }
    }

    mutating func finish(_ outcome: ConnectorOutcome) -> PlanStep {
        stage = .over
        return .finish(outcome)
    }

    // MARK: searching

    private func lookups(_ names: [String]) -> LookupSeries {
        LookupSeries(names.compactMap { mapping.lookups[$0] }, scope: scope, origin: origin, memory: memory, now: now)
    }

    private mutating func afterPreparing(_ series: LookupSeries, _ step: LookupSeries.Step) -> PlanStep {
        stage = .preparing(series)
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome): return finish(outcome)
        case .done:
            scope = series.scope
            var search = newSearch()
            let step = search.begin()
            stage = .searching(search)
            return afterSearch(step)
        }
    }

    private func newSearch() -> ObjectSearch {
        ObjectSearch(
            finder.request, paging: finder.paging, items: finder.items, matching: finder.matching, scope: scope, origin: origin,
            purpose: .search)
    }

    private mutating func afterSearch(_ step: ObjectSearch.Step) -> PlanStep {
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome):
            if case .searchingAfter(_, _, let reason) = stage { return finish(.inDoubt(message: reason)) }
            return finish(outcome)
        case .entries(let entries, let headers):
            if entries.count > 1 {
                return finish(
                    .mismatch(differences: [["field": "entries", "asked": 1, "found": JSONValue(entries.count)]]))
            }
            var doubt: (act: Act, reason: String)?
            if case .searchingAfter(_, let act, let reason) = stage { doubt = (act, reason) }
            if let entry = entries.first { return consider(entry, headers: headers, doubt: doubt) }
            if let doubt { return finish(.inDoubt(message: doubt.reason)) }
            if isSearchOnly { return finish(.absent) }
            var series = lookups(write.needs.filter { !finder.needs.contains($0) })
            let step = series.begin()
            return afterPreparingCreation(series, step)
        }
    }

    /// Found in the system: is it what was asked, and what is left to do?
    private mutating func consider(_ entry: JSONValue, headers: JSONValue, doubt: (act: Act, reason: String)?) -> PlanStep {
        var focused = scope.focused(on: entry)
        focused["headers"] = headers
        focused["entry"] = entry
        let found = write.compare.differences(in: focused)
        let differences = found.filter { !isAccepted($0) }
        guard differences.isEmpty else { return finish(.mismatch(differences: .array(differences))) }
        do throws(MappingFailure) {
            if let identity = try write.identity?.value(in: focused) {
                focused["created"] = identity
                scope["created"] = identity
            }
            scope["entry"] = entry
            guard !write.steps.isEmpty else { return finish(try done(focused)) }
            let state = try write.state?.value(in: focused)?.string ?? ""
            if write.done.contains(where: { sameBytes($0, state) }) { return finish(try done(focused)) }
            guard let next = write.steps.firstIndex(where: { $0.from.contains { sameBytes($0, state) } }) else {
                return finish(
                    .mismatch(
                        differences: [
                            ["field": "state", "asked": write.done.first.map(JSONValue.string) ?? .null, "found": .string(state)]
                        ]))
            }
            // It is there and not yet where it belongs: the next full attempt goes on from here.
            if isSearchOnly { return finish(.absent) }
            // The transition whose answer was lost may still be under way.
            if let doubt, doubt.act == .step(next) { return finish(.inDoubt(message: doubt.reason)) }
            return transition(.step(next))
        } catch {
            // It is there and equal; only its description failed, and that must not lead to a second one.
            return finish(
                .mismatch(
                    differences: [["field": .string(error.place), "asked": "readable", "found": .string(error.message)]]))
        }
    }

    /// A person has said that this very difference stands: of this field, with this value in the system.
    private func isAccepted(_ difference: JSONValue) -> Bool {
        guard let accepted = scope["input"]?["accepted"], accepted["decision"]?.string?.isEmpty == false else { return false }
        return (accepted["differences"]?.array ?? []).contains {
            $0["field"] == difference["field"] && $0["found"] == difference["found"] && $0["asked"] == difference["asked"]
        }
    }

    private func done(_ focused: MappingScope) throws(MappingFailure) -> ConnectorOutcome {
        var output = try write.output.value(in: focused)?.object ?? [:]
        output["comparedFields"] = .array(write.compare.map { .string($0.field) })
        output["fields"] = write.compare.fields(in: focused)
        let accepted = write.compare.differences(in: focused).filter { isAccepted($0) }
        if !accepted.isEmpty { output["accepted"] = .array(accepted) }
        return isSearchOnly ? .found(output: .object(output)) : .completed(output: .object(output))
    }

    // MARK: creating and leading on

    private mutating func afterPreparingCreation(_ series: LookupSeries, _ step: LookupSeries.Step) -> PlanStep {
        stage = .preparingCreation(series)
        switch step {
        case .send(let request): return .send(request)
        case .failed(let outcome): return finish(outcome)
        case .done:
            scope = series.scope
            return create()
        }
    }

    private mutating func create() -> PlanStep {
        do throws(MappingFailure) {
            var request = try write.create.planned(.create, in: scope)
            guard request.body != nil else {
                return finish(.refused(code: MappingFailure.mapping, message: "The mapping makes no bill of this invoice."))
            }
            if let header = write.idempotencyHeader { request.headers[header] = idempotencyKey }
            return act(.creation, request)
        } catch {
            return finish(error.outcome("The bill cannot be written for this system"))
        }
    }

    private mutating func transition(_ act: Act) -> PlanStep {
        guard case .step(let index) = act else { return create() }
        do throws(MappingFailure) {
            return self.act(act, try write.steps[index].request.planned(.step, in: scope))
        } catch {
            return finish(error.outcome("The bill cannot be led on (\(write.steps[index].name))"))
        }
    }

    private mutating func act(_ act: Act, _ request: PlannedRequest) -> PlanStep {
        guard actsLeft > 0 else {
            return finish(.failed(code: "protocol", message: "The bill's states go in circles.", retryAfterSeconds: nil))
        }
        actsLeft -= 1
        stage = .acting(act)
        return .send(request)
    }

    private mutating func after(_ act: Act, _ result: ExchangeResult) -> PlanStep {
        let what = name(of: act)
        switch result {
        case .failure(let failure):
            guard failure.mayHaveBeenSent else {
                return finish(.failed(code: failure.code, message: failure.message, retryAfterSeconds: failure.retryAfterSeconds))
            }
            return searchAgain(act, "\(what) was sent and no answer came (\(failure.message)).")
        case .reading(.ok(let document, let headers)): return accepted(act, document, headers)
        case .reading(.refused(let code, let message)):
            memory.forget()
            if act == .creation { return finish(.refused(code: code, message: message)) }
            return readBack(act, .refused(code: code, message: message))
        case .reading(.soft(let name, let message)): return ask(act, name, message)
        case .reading(.stale(let message)):
            guard case .step(let index) = act, staleSteps.insert(index).inserted else {
                return finish(.failed(code: "stale", message: message, retryAfterSeconds: nil))
            }
            return readBack(act, .stale(message: message))
        case .reading(.auth(let message)): return finish(.failed(code: "auth", message: message, retryAfterSeconds: nil))
        case .reading(.retry(let code, let message, let seconds, let isWithoutEffect)):
            if isWithoutEffect { return finish(.failed(code: code, message: message, retryAfterSeconds: seconds)) }
            return searchAgain(act, "\(what) was sent and the system failed: \(message)")
        case .reading(.broken(let message, let isWithoutEffect)):
            if isWithoutEffect { return finish(.failed(code: "protocol", message: message, retryAfterSeconds: nil)) }
            return searchAgain(act, "\(what) was sent and the answer makes no sense: \(message)")
        case .reading(.absent): return searchAgain(act, "\(what) was sent and the system knew no such place.")
        }
    }

    private func name(of act: Act) -> String {
        if case .step(let index) = act { return "The transition `\(write.steps[index].name)`" }
        return "The bill"
    }

    /// The system asks for a person. One who has decided is named in the task's input; only then is the question answered, once.
    private mutating func ask(_ act: Act, _ name: String, _ message: String) -> PlanStep {
        let decision = (scope["input"]?["confirmations"]?.array ?? []).first {
            $0["name"]?.string.map { sameBytes($0, name) } ?? false
        }
        if let id = decision?["decision"]?.string, !id.isEmpty, let confirm = write.confirm, confirmed.insert(name).inserted {
            var asked = scope
            asked["confirm"] = ["name": .string(name), "decision": .string(id)]
            do throws(MappingFailure) {
                let request = try confirm.planned(.confirm, in: asked)
                stage = .confirming(act)
                return .send(request)
            } catch {
                return finish(error.outcome("The confirmation cannot be sent"))
            }
        }
        var evidence: JSONObject = ["act": .string(word(of: act))]
        if let created = scope["created"], !created.isNull { evidence["bill"] = created }
        return finish(.needsDecision(name: name, message: message, evidence: .object(evidence)))
    }

    private func word(of act: Act) -> String {
        if case .step(let index) = act { return write.steps[index].name }
        return "create"
    }

    private mutating func accepted(_ act: Act, _ document: JSONValue, _ headers: JSONValue) -> PlanStep {
        guard act == .creation else { return readBack(act, .done) }
        var focused = scope.focused(on: document)
        focused["headers"] = headers
        do throws(MappingFailure) {
            guard let created = try write.created.value(in: focused) else {
                return searchAgain(act, "The bill was written; the answer does not say where.")
            }
            scope["created"] = created
        } catch {
            return searchAgain(act, "The bill was written; the answer does not say where (\(error.message)).")
        }
        return readBack(act, .done)
    }

    private mutating func readBack(_ act: Act, _ reason: Reason) -> PlanStep {
        do throws(MappingFailure) {
            guard let request = try write.readBack?.planned(.readBack, in: scope) else {
                return searchAgain(act, "The bill was written; reading it back found nothing.")
            }
            stage = .readingBack(act, reason)
            return .send(request)
        } catch {
            return searchAgain(act, "The bill was written and cannot be named (\(error.message)).")
        }
    }

    private mutating func afterReadBack(_ act: Act, _ reason: Reason, _ result: ExchangeResult) -> PlanStep {
        guard case .reading(.ok(let document, let headers)) = result,
            let entry = write.readBackEntry.map({ $0.value(in: MappingScope([:]).focused(on: document)) }) ?? document
        else {
            switch reason {
            // Declined and not readable: the next attempt begins with a search and sees what there is.
            case .refused(_, let message), .stale(let message):
                return finish(.failed(code: "protocol", message: message, retryAfterSeconds: nil))
            case .done: return searchAgain(act, "The bill was written and could not be read back.")
            }
        }
        if case .refused(let code, let message) = reason, isStillDue(act, entry) {
            return finish(.refused(code: code, message: message))
        }
        if case .done = reason, case .step = act, isStillDue(act, entry) {
            return searchAgain(act, "\(name(of: act)) was accepted and the state did not change.")
        }
        return consider(entry, headers: headers, doubt: nil)
    }

    private func isStillDue(_ act: Act, _ entry: JSONValue) -> Bool {
        guard case .step(let index) = act else { return false }
        // A state that cannot be read is told by `consider`, which reads it again.
        let state = (try? write.state?.value(in: scope.focused(on: entry)))??.string ?? ""
        return write.steps[index].from.contains { sameBytes($0, state) }
    }

    private mutating func searchAgain(_ act: Act, _ reason: String) -> PlanStep {
        var search = newSearch()
        let step = search.begin()
        stage = .searchingAfter(search, act, reason: reason)
        return afterSearch(step)
    }
}
