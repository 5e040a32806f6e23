package import Kernel

/// Carries out one attempt on one connection: makes the plan, sends what it wants at the connection's pace, and tells it what
/// came.
package struct ConnectorEngine: Sendable {
    /// A transfer ends this long before its lease, so that whoever gets the next lease never meets it.
    package static let leaseMarginSeconds: Int64 = 5
    /// Requests of one attempt; paging is bounded besides.
    static let requestsMax = 500

    private let settings: ConnectionSettings
    private let secrets: [String: String]
    private let exchange: any HTTPExchange
    private let pace: ConnectionPace
    private let clock: WallClock
    /// When the lease ends, as of now: heartbeats move it.
    private let leaseExpiresAt: @Sendable () -> Moment

    package init(
        settings: ConnectionSettings, secrets: [String: String], exchange: any HTTPExchange, pace: ConnectionPace,
        clock: WallClock = .system,
        leaseExpiresAt: @escaping @Sendable () -> Moment
    ) {
        self.settings = settings
        self.secrets = secrets
        self.exchange = exchange
        self.pace = pace
        self.clock = clock
        self.leaseExpiresAt = leaseExpiresAt
    }

    /// `erp.read`: input `{object, key}`.
    package func read(_ input: JSONValue) async -> ConnectorOutcome {
        guard let name = input["object"]?.string, let mapping = settings.mapping.objects[name] else {
            return .refused(
                code: "mapping", message: "This connection does not read \(input["object"]?.string ?? "anything without a name")."
            )
        }
        let scope = scope(input)
        let keys = keys(of: input)
        // Nothing to look for is nothing found: an invoice without VAT id and account names no supplier.
        if keys.isEmpty {
            var output: JSONObject = ["found": false]
            if mapping.isList { output[name] = [] }
            output["fetchedAt"] = JSONValue(clock.now)
            return .completed(output: .object(output))
        }
        guard let finder = mapping.finder(for: keys) else { return noFinder(name, input) }
        return await run(
            ReadPlan(name, mapping: mapping, finder: finder, scope: scope, origin: settings.origin, fetchedAt: clock.now))
    }

    /// `erp.write`: input `{object, bill, key}`. Search only looks whether an earlier attempt succeeded.
    package func write(_ input: JSONValue, isSearchOnly: Bool, idempotencyKey: String) async -> ConnectorOutcome {
        guard let name = input["object"]?.string, let mapping = settings.mapping.objects[name], let write = mapping.write else {
            return .refused(
                code: "mapping",
                message: "This connection does not write \(input["object"]?.string ?? "anything without a name").")
        }
        guard let finder = mapping.finder(for: keys(of: input)) else { return noFinder(name, input) }
        await pace.enterWriting()
        let outcome = await run(
            WritePlan(
                mapping: mapping, write: write, finder: finder, scope: scope(input), origin: settings.origin,
                isSearchOnly: isSearchOnly,
                idempotencyKey: idempotencyKey))
        await pace.leaveWriting()
        return outcome
    }

    /// Whether the other side answers as its mapping says: `{reachable, milliseconds}` or the failure.
    package func probe() async -> ConnectorOutcome {
        guard let shape = settings.mapping.probe else {
            return .refused(code: "mapping", message: "The mapping \(settings.mapping.name) has no probe.")
        }
        let started = clock.now
        let target: String
        do throws(MappingFailure) {
            target = try shape.target(in: scope([:]))
        } catch {
            return .refused(code: "mapping", message: error.message)
        }
        switch await send(PlannedRequest(.probe, method: shape.method, target: target)) {
        case .failure(let failure):
            return .failed(code: failure.code, message: failure.message, retryAfterSeconds: failure.retryAfterSeconds)
        case .reading(.ok), .reading(.absent):
            return .completed(output: ["reachable": true, "milliseconds": JSONValue(clock.now.milliseconds(since: started))])
        case .reading(.refused(let code, let message)): return .refused(code: code, message: message)
        case .reading(.retry(let code, let message, let seconds, _)):
            return .failed(code: code, message: message, retryAfterSeconds: seconds)
        case .reading(.auth(let message)): return .failed(code: "auth", message: message, retryAfterSeconds: nil)
        case .reading(.broken(let message)): return .failed(code: "protocol", message: message, retryAfterSeconds: nil)
        }
    }

    private func run(_ plan: some ConnectorPlan) async -> ConnectorOutcome {
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
                    ? await send(request)
                    : .failure(
                        ExchangeFailure(code: "protocol", message: "too many requests for one task", mayHaveBeenSent: false))
                step = plan.handle(result)
            }
        }
    }

    private func send(_ planned: PlannedRequest) async -> ExchangeResult {
        guard let credentials = settings.mapping.auth.header(secrets) else {
            return .failure(
                ExchangeFailure(code: "secret-missing", message: "The connection's secret is not set.", mayHaveBeenSent: false))
        }
        let deadline = leaseExpiresAt().adding(seconds: -ConnectorEngine.leaseMarginSeconds)
        do throws(ExchangeFailure) {
            try await pace.enter(until: deadline)
        } catch {
            return .failure(error)
        }
        var headers = credentials + planned.headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        headers.append((name: "Accept", value: settings.mapping.answers.contentTypes.joined(separator: ", ")))
        if planned.body != nil { headers.append((name: "Content-Type", value: "application/json")) }
        let request = ExchangeRequest(
            purpose: planned.purpose, method: planned.method,
            url: (planned.isFromRoot ? settings.origin : settings.baseURL) + planned.target,
            headers: headers, body: planned.body?.bytes, deadline: deadline,
            connectTimeoutMilliseconds: settings.limits.connectTimeoutSeconds * 1000,
            totalTimeoutMilliseconds: settings.limits.totalTimeoutSeconds * 1000, answerBytesMax: settings.limits.answerBytesMax,
            allow: settings.allow)
        do throws(ExchangeFailure) {
            let answer = try await exchange.exchange(request)
            let reading = settings.mapping.answers.read(answer, now: clock.now)
            await pace.leave(ConnectorEngine.event(for: reading))
            return .reading(reading)
        } catch {
            await pace.leave(ConnectorEngine.event(for: error))
            return .failure(error)
        }
    }

    private static func event(for reading: AnswerRules.Reading) -> CircuitBreaker.Event {
        switch reading {
        case .ok, .absent, .refused, .broken: .answered
        case .retry: .overloaded
        case .auth: .loginRejected
        }
    }

    private static func event(for failure: ExchangeFailure) -> CircuitBreaker.Event {
        switch failure.code {
        case "cancelled", "client-stopped", "invalid-request", "too-large", "bad-encoding": .inconclusive
        default: .unreachable
        }
    }

    private func scope(_ input: JSONValue) -> MappingScope {
        MappingScope(["": .null, "key": input["key"] ?? .null, "input": input, "connection": ["name": .string(settings.name)]])
    }

    /// The keys that have a value.
    private func keys(of input: JSONValue) -> Set<String> {
        var names: Set<String> = []
        for member in input["key"]?.object ?? [:] where !member.value.isNull && member.value != .string("") {
            names.insert(member.key)
        }
        return names
    }

    private func noFinder(_ name: String, _ input: JSONValue) -> ConnectorOutcome {
        let given = keys(of: input).sorted().joined(separator: ", ")
        return .refused(code: "mapping", message: "The mapping cannot find \(name) by \(given.isEmpty ? "nothing" : given).")
    }
}
