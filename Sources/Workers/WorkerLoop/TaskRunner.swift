import Connectors
import Curl
import Finance
import Handoff
import Kernel

/// A lease in hand. Heartbeats move its end, which the transfers of its task look at anew each time.
final class HeldLease: Sendable {
    let lease: WorkLease
    private let end: Locked<Moment>

    init(_ lease: WorkLease) {
        self.lease = lease
        end = Locked(lease.expiresAt)
    }

    var expiresAt: Moment { end.withLock { $0 } }

    func extend(to moment: Moment) { end.withLock { $0 = max($0, moment) } }
}

/// Carries out one lease or answers one ask.
actor TaskRunner {
    /// Connections kept parsed, with their pace and breaker; a tenant has few.
    static let connectionsMax = 64
    /// An ask is answered within ten seconds or not at all.
    static let askSeconds: Int64 = 9
    /// A test of a connection begins nothing new after this, so that what it has found so far is still heard.
    static let testSeconds: Int64 = 7

    private struct Line {
        let document: JSONValue
        let settings: ConnectionSettings
        let state: ConnectionState
    }

    private let client: CurlClient
    private let handoff: HandoffClient
    private let documents: any DocumentOpening
    private let log: WorkerLog
    private let clock: WallClock
    private let entropy: Entropy
    private var lines: [String: Line] = [:]
    /// The day of the last warning, by connection.
    private var budgetWarnings: [String: Int64] = [:]
    private var openCircuits: Set<String> = []

    init(
        client: CurlClient, handoff: HandoffClient, documents: any DocumentOpening, log: WorkerLog, clock: WallClock,
        entropy: Entropy
    ) {
        self.client = client
        self.handoff = handoff
        self.documents = documents
        self.log = log
        self.clock = clock
        self.entropy = entropy
    }

    func run(_ held: HeldLease) async -> WorkReport {
        let hops = Locked<[HopTelemetry]>([])
        let lease = held.lease
        let outcome: WorkOutcome
        switch lease.kind {
        case .documentRead: outcome = await readDocument(lease, hops)
        case .erpRead, .erpWrite: outcome = await callSystem(held, hops)
        case .notify: outcome = notify(lease.input)
        case .telemetryExport: outcome = await exportTelemetry(lease.input)
        }
        return WorkReport(token: lease.token, outcome: outcome, telemetry: hops.withLock { $0 })
    }

    func answer(_ ask: WorkAsk) async -> AskAnswer {
        let result: AskAnswer.Result
        switch ask.verb {
        case "connection.test":
            let until = clock.now.adding(seconds: TaskRunner.askSeconds + ConnectorEngine.leaseMarginSeconds)
            do throws(Refusal) {
                let engine = try await engine(
                    ask.connection, ask.secrets, trace: nil, hops: Locked([]), leaseExpiresAt: { until })
                let lastStart = clock.now.adding(seconds: TaskRunner.testSeconds)
                result = TaskRunner.result(of: WorkOutcome(await engine.test(until: lastStart)))
            } catch {
                result = .error(code: error.reason, message: error.message)
            }
        case WorkKind.telemetryExport.rawValue: result = TaskRunner.result(of: await exportTelemetry(ask.input))
        case "page.mail": result = .output(await PageSender(client: client).mail(ask.input, password: ask.secrets["password"]))
        case "page.hook": result = .output(await PageSender(client: client).hook(ask.input))
        case "webhook.send": result = .output(await WebhookSender(client: client).send(ask.input))
        case "provider.get": result = .output(await ProviderCaller(client: client).get(ask.input))
        case "provider.redeem":
            result = .output(await ProviderCaller(client: client).redeem(ask.input, secret: ask.secrets["secret"]))
        default: result = .error(code: "ask.unknown", message: "This worker does not know \(ask.verb.prefix(60)).")
        }
        return AskAnswer(id: ask.id, result: result)
    }

    private static func result(of outcome: WorkOutcome) -> AskAnswer.Result {
        switch outcome {
        case .completed(let output), .found(let output): .output(output)
        case .refused(let code, let message), .failed(let code, let message, _): .error(code: code, message: message)
        case .inDoubt(let message): .error(code: "in-doubt", message: message)
        case .needsDecision(let name, let message, _): .error(code: name, message: message)
        case .absent, .mismatch: .error(code: "protocol", message: "The answer does not fit the question.")
        }
    }

    // MARK: kinds of work

    private func readDocument(_ lease: WorkLease, _ hops: Locked<[HopTelemetry]>) async -> WorkOutcome {
        let bytes: [UInt8]
        do throws(HandoffClient.Failure) {
            bytes = try await handoff.document(leaseToken: lease.token)
        } catch {
            return .failed(code: "document-missing", message: "The document did not arrive (\(error)).", retryAfterSeconds: nil)
        }
        if let expected = lease.input["bytes"]?.int, expected != bytes.count {
            return .failed(
                code: "document-cut", message: "\(bytes.count) of \(expected) bytes of the document arrived.",
                retryAfterSeconds: nil)
        }
        let started = clock.now
        do throws(Fault) {
            let reading = try await documents.open(bytes)
            var facts = ["kind": reading.kind.description, "bytes": String(bytes.count)]
            if let trace = lease.traceparent.flatMap(TraceParent.init) {
                facts.merge(trace.facts(of: trace.child(entropy))) { first, _ in first }
            }
            let hop = HopTelemetry(
                name: "document.open", startedAt: started, durationMicroseconds: clock.now.microseconds - started.microseconds,
                facts: facts)
            hops.withLock { $0.append(hop) }
            switch WorkOutcomeOfReading.output(of: reading) {
            case .success(let output): return .completed(output: output)
            case .failure(let refused): return .refused(code: refused.code, message: refused.message)
            }
        } catch {
            return .failed(code: "reader", message: "\(error)", retryAfterSeconds: nil)
        }
    }

    private func callSystem(_ held: HeldLease, _ hops: Locked<[HopTelemetry]>) async -> WorkOutcome {
        let lease = held.lease
        let engine: ConnectorEngine
        do throws(Refusal) {
            let trace = lease.traceparent.flatMap(TraceParent.init)
            engine = try await self.engine(
                lease.connection, lease.secrets, trace: trace, hops: hops, leaseExpiresAt: { held.expiresAt })
        } catch {
            return .failed(code: error.reason, message: error.message, retryAfterSeconds: nil)
        }
        if lease.kind == .erpRead { return WorkOutcome(await engine.read(lease.input)) }
        return WorkOutcome(
            await engine.write(lease.input, isSearchOnly: lease.phase == .search, idempotencyKey: lease.idempotencyKey))
    }

    /// Channel `console` is this line and the page that shows it; other channels need a sender this worker does not have.
    private func notify(_ input: JSONValue) -> WorkOutcome {
        guard let channel = input["channel"]?.string, channel == "console" else {
            return .refused(
                code: "CHANNEL_UNKNOWN",
                message: "This worker cannot send by \(input["channel"]?.string?.prefix(40) ?? "no channel").")
        }
        log(.info, "notification", ["hop": "notify", "channel": channel, "subject": input["subject"]?.string])
        return .completed(output: ["channel": .string(channel), "deliveredAt": JSONValue(clock.now)])
    }

    private func exportTelemetry(_ input: JSONValue) async -> WorkOutcome {
        guard let endpoint = input["endpoint"]?.string, let payload = input["payload"] else {
            return .refused(code: "telemetry.input", message: "Telemetry needs an endpoint and a payload.")
        }
        let entries = (input["allow"]?.array ?? []).compactMap { $0.string.flatMap { EgressPolicy.Entry($0) } }
        let path = "/v1/traces"
        let url = endpoint.hasSuffix(path) ? endpoint : (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + path
        do throws(CurlFailure) {
            // A collector takes the same batch twice without harm, so a kept connection may be used.
            let response = try await client.perform(
                HTTPRequest(
                    .post, url, headers: [HTTPHeader("Content-Type", "application/json")], body: payload.bytes,
                    connectTimeoutMilliseconds: 3_000,
                    totalTimeoutMilliseconds: 8_000, maxBodyBytes: 65_536, egress: EgressPolicy(entries: entries),
                    isRepeatable: true))
            guard (200...299).contains(response.status) else {
                return .failed(
                    code: "http-\(response.status)", message: "The collector answered with status \(response.status).",
                    retryAfterSeconds: response.header("retry-after").flatMap { Int($0) })
            }
            return .completed(output: ["status": JSONValue(response.status)])
        } catch {
            return .failed(code: error.kind.rawValue, message: error.detail, retryAfterSeconds: nil)
        }
    }

    // MARK: connections

    private func engine(
        _ document: JSONValue, _ secrets: [String: String], trace: TraceParent?, hops: Locked<[HopTelemetry]>,
        leaseExpiresAt: @escaping @Sendable () -> Moment
    ) async throws(Refusal) -> ConnectorEngine {
        let line = try await line(document)
        return ConnectorEngine(
            settings: line.settings, secrets: secrets,
            exchange: CurlExchange(client: client, trace: trace, entropy: entropy, hops: hops), state: line.state,
            digests: TaskRunner.digests, clock: clock, entropy: entropy, leaseExpiresAt: leaseExpiresAt)
    }

    private static let digests = RequestDigests(
        sha256: { RequestDigest.sha256($0) }, hmacSHA256: { RequestDigest.hmacSHA256(key: $0, $1) })

    /// The connection parsed, with what all its tasks share. A new version keeps the pace of the old one and nothing else: a
    /// session was opened at the address and in the company that the old one named, and what was looked up came from there.
    private func line(_ document: JSONValue) async throws(Refusal) -> Line {
        let name = document["name"]?.string ?? ""
        if let known = lines[name], let version = document["version"]?.string, let old = known.document["version"]?.string,
            sameBytes(version, old)
        {
            return known
        }
        var plain = document.object ?? [:]
        plain["spent"] = nil
        if let known = lines[name], known.document == .object(plain) { return known }
        let settings = try ConnectionSettings(json: document)
        let known = lines[name]?.state.pace
        await known?.allowTrial()
        let state = ConnectionState(pace: known ?? ConnectionPace(limits: settings.limits, clock: clock))
        if lines.count >= TaskRunner.connectionsMax, lines[name] == nil { lines.removeAll() }
        let line = Line(document: .object(plain), settings: settings, state: state)
        lines[name] = line
        await state.pace.adopt(settings.limits)
        if let spent = settings.spent { await state.pace.adoptSpent(spent.count, on: spent.day) }
        return line
    }

    /// How the connections are that this worker has used.
    func news() async -> [ConnectionNews] {
        var out: [ConnectionNews] = []
        for (name, line) in lines.sorted(by: { $0.key < $1.key }).prefix(ConnectionNews.countMax) {
            let condition = await line.state.pace.condition
            let circuit: ConnectionNews.Circuit =
                switch condition.circuit {
                case .closed: .closed
                case .open: .open
                case .probing: .probing
                }
            if condition.isBudgetShort { warnOfBudget(name, condition) }
            tellOfCircuit(name, circuit, condition)
            out.append(
                ConnectionNews(
                    name: name, circuit: circuit, code: condition.code, since: condition.since, retryAt: condition.retryAt,
                    spentToday: condition.spentToday, perDay: condition.perDay, day: condition.day))
        }
        return out
    }

    /// Once a day and connection, from four fifths on.
    private func warnOfBudget(_ name: String, _ condition: ConnectionCondition) {
        let day = clock.now.seconds.floorDivided(by: 86_400)
        guard budgetWarnings.updateValue(day, forKey: name) != day else { return }
        log(
            .warning, "the day's requests of a connection run short",
            ["connection": name, "spent": "\(condition.spentToday)", "perDay": "\(condition.perDay)"])
    }

    /// Once when it opens and once when it closes.
    private func tellOfCircuit(_ name: String, _ circuit: ConnectionNews.Circuit, _ condition: ConnectionCondition) {
        let isOpen = circuit != .closed
        guard isOpen != openCircuits.contains(name) else { return }
        if isOpen { openCircuits.insert(name) } else { openCircuits.remove(name) }
        log(
            isOpen ? .warning : .info, isOpen ? "a connection's circuit is open" : "a connection's circuit is closed again",
            ["connection": name, "code": condition.code])
    }
}

extension WorkOutcome {
    init(_ outcome: ConnectorOutcome) {
        switch outcome {
        case .completed(let output): self = .completed(output: output)
        case .found(let output): self = .found(output: output)
        case .absent: self = .absent
        case .refused(let code, let message): self = .refused(code: code, message: message)
        case .failed(let code, let message, let seconds): self = .failed(code: code, message: message, retryAfterSeconds: seconds)
        case .inDoubt(let message): self = .inDoubt(message: message)
        case .mismatch(let differences): self = .mismatch(differences: differences)
        case .needsDecision(let name, let message, let evidence):
            self = .needsDecision(name: name, message: message, evidence: evidence)
        }
    }
}
