package import Kernel

/// Carries out one attempt on one connection: makes the plan, sends what it wants at the connection's pace, and tells it what
/// came.
package struct ConnectorEngine: Sendable {
    /// A transfer ends this long before its lease, so that whoever gets the next lease never meets it.
    package static let leaseMarginSeconds: Int64 = 5
    /// Requests of one attempt; paging is bounded besides.
    static let requestsMax = 500

    let settings: ConnectionSettings
    let state: ConnectionState
    let clock: WallClock
    private let digests: RequestDigests
    private let sender: ConnectorSender

    /// `pause` waits that many milliseconds, or less when the task is given up.
    package init(
        settings: ConnectionSettings, secrets: [String: String], exchange: any HTTPExchange, state: ConnectionState,
        digests: RequestDigests, clock: WallClock = .system, entropy: Entropy = .system,
        pause: @escaping @Sendable (_ milliseconds: UInt64) async -> Void = ConnectorEngine.sleep,
        leaseExpiresAt: @escaping @Sendable () -> Moment
    ) {
        self.settings = settings
        self.state = state
        self.clock = clock
        self.digests = digests
        sender = ConnectorSender(
            settings: settings, secrets: secrets, exchange: exchange, state: state, clock: clock, entropy: entropy,
            digests: digests, pause: pause, leaseExpiresAt: leaseExpiresAt)
    }

    package static let sleep: @Sendable (_ milliseconds: UInt64) async -> Void = { milliseconds in
        try? await Task.sleep(nanoseconds: milliseconds * 1_000_000)  // a cut pause is no failure
    }

    /// `erp.read`: input `{object, key}`; with `approved` also whether the object is still what was approved; with `changedSince`
    /// instead of `key` what changed since then.
    package func read(_ input: JSONValue) async -> ConnectorOutcome {
        fingerprinted(await run(plans.read(input)), approved: input["approved"])
    }

    /// `erp.write`: input `{object, bill, key}`, and `confirmations` `[{name, decision}]` where people confirmed what the system
    /// asked. Search only looks whether an earlier attempt succeeded.
    package func write(_ input: JSONValue, isSearchOnly: Bool, idempotencyKey: String) async -> ConnectorOutcome {
        let made = plans.write(input, isSearchOnly: isSearchOnly, idempotencyKey: idempotencyKey)
        guard case .plan = made else { return await run(made) }
        await state.pace.enterWriting()
        let outcome = await run(made)
        await state.pace.leaveWriting()
        return fingerprinted(outcome, approved: nil)
    }

    var plans: PlanMaker { PlanMaker(settings: settings, memory: state.memory, now: clock.now) }

    /// Whether the other side answers as its mapping says: `{reachable, milliseconds}` or the failure.
    package func probe() async -> ConnectorOutcome {
        guard let shape = settings.mapping.probe else {
            return .refused(code: MappingFailure.mapping, message: "The mapping \(settings.mapping.name) has no probe.")
        }
        let started = clock.now
        let planned: PlannedRequest
        do throws(MappingFailure) {
            planned = try shape.planned(.probe, in: plans.scope([:]))
        } catch {
            return error.outcome("The probe cannot be made")
        }
        let result = await sender.send(planned)
        if case .reading(.absent) = result {} else if let failure = result.failure("probe") { return failure }
        return .completed(output: ["reachable": true, "milliseconds": JSONValue(clock.now.milliseconds(since: started))])
    }

    private func run(_ made: PlanMaker.Made) async -> ConnectorOutcome {
        switch made {
        case .outcome(let outcome): outcome
        case .plan(let plan): await run(plan)
        }
    }

    func send(_ request: PlannedRequest) async -> ExchangeResult { await sender.send(request) }

    func run(_ plan: any ConnectorPlan) async -> ConnectorOutcome {
        var plan = plan
        var step = plan.begin()
        var sent = 0
        while true {
            switch step {
            case .finish(let outcome): return outcome
            case .send(let request):
                sent += 1
                let result: ExchangeResult =
                    sent <= ConnectorEngine.requestsMax
                    ? await sender.send(request)
                    : .failure(
                        ExchangeFailure(code: "protocol", message: "too many requests for one task", mayHaveBeenSent: false))
                step = plan.handle(result)
            }
        }
    }

    // MARK: drift

    /// Adds the fingerprint of the fields as the system has them, and whether they are those that were approved.
    private func fingerprinted(_ outcome: ConnectorOutcome, approved: JSONValue?) -> ConnectorOutcome {
        switch outcome {
        case .completed(let output): return .completed(output: fingerprinted(output, approved))
        case .found(let output): return .found(output: fingerprinted(output, approved))
        case .absent, .refused, .failed, .inDoubt, .mismatch, .needsDecision: return outcome
        }
    }

    private func fingerprinted(_ output: JSONValue, _ approved: JSONValue?) -> JSONValue {
        guard var object = output.object else { return output }
        // Only texts, lists and objects are in it, so it always has a canonical form.
        if let fields = object["fields"], let bytes = try? fields.canonicalBytes() {
            object["fingerprint"] = .string(digests.sha256(bytes).hexText)
        }
        guard let approved else { return .object(object) }
        let known = approved["fields"]?.object ?? [:]
        let now = object["fields"]?.object ?? [:]
        let differences = known.keys.filter { known[$0] != now[$0] }.map { key -> JSONValue in
            ["field": .string(key), "asked": known[key] ?? .null, "found": now[key] ?? .null]
        }
        object["differences"] = .array(Array(differences.prefix(Comparison.differencesMax)))
        object["unchanged"] = .bool(object["fingerprint"] != nil && object["fingerprint"] == approved["fingerprint"])
        return .object(object)
    }
}
