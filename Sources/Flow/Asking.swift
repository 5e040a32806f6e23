package import Handoff
package import Kernel

/// Questions to a worker that are answered at once and never stored: at most ten seconds, then nobody remembers them.
package final class Asking: Sendable {
    package static let waitSecondsMax: Int64 = 10

    /// A worker's answer to an ask.
    package enum Answer: Sendable, Equatable {
        case output(JSONValue)
        case failed(code: String, message: String)
    }

    private struct State {
        var queued: [TenantID: [WorkAsk]] = [:]
        var waiting: [String: CheckedContinuation<Answer?, Never>] = [:]
        var owners: [String: TenantID] = [:]
    }

    private let state = Locked(State())
    private let platform: Platform
    private let leaseFactory: LeaseFactory
    /// Starts the tenant's worker when it is not there.
    private let wanted: @Sendable (TenantID) -> Void

    package init(platform: Platform, leaseFactory: LeaseFactory, wanted: @escaping @Sendable (TenantID) -> Void) {
        self.platform = platform
        self.leaseFactory = leaseFactory
        self.wanted = wanted
    }

    /// Asks the tenant's worker to try a connection: reach it, sign in, read one page. Writes nothing.
    package func testConnection(_ name: String, tenant: TenantID) async throws -> Answer {
        let connection = try await leaseFactory.connection(name, tenant: tenant)
        let ask = WorkAsk(
            id: String(platform.entropy.next(), radix: 36), verb: "connection.test", input: ["name": .string(name)],
            connection: connection.configuration, secrets: connection.secrets)
        return try await send(ask, tenant: tenant)
    }

    /// Sends a batch of spans to the operator's collector through the platform worker.
    package func exportTelemetry(_ payload: JSONValue, endpoint: String, allow: [String], tenant: TenantID) async throws -> Answer
    {
        let ask = WorkAsk(
            id: String(platform.entropy.next(), radix: 36), verb: "telemetry.export",
            input: ["endpoint": .string(endpoint), "payload": payload, "allow": .array(allow.map(JSONValue.string))],
            connection: .null, secrets: [:])
        return try await send(ask, tenant: tenant)
    }

    /// Has the platform worker send one page. What it answers says whether the other side took it.
    package func page(_ dispatch: PageDispatch, tenant: TenantID) async throws -> Answer {
        let ask = WorkAsk(
            id: String(platform.entropy.next(), radix: 36), verb: dispatch.verb, input: dispatch.input, connection: .null,
            secrets: dispatch.secrets)
        return try await send(ask, tenant: tenant)
    }

    /// Has the tenant's own worker send one signed event. What it answers is what the receiver said.
    package func webhook(_ input: JSONValue, tenant: TenantID) async throws -> Answer {
        let ask = WorkAsk(
            id: String(platform.entropy.next(), radix: 36), verb: "webhook.send", input: input, connection: .null, secrets: [:])
        return try await send(ask, tenant: tenant)
    }

    /// Has the tenant's own worker ask its identity provider something.
    package func provider(_ question: ProviderQuestion, tenant: TenantID) async throws -> Answer {
        let ask = WorkAsk(
            id: String(platform.entropy.next(), radix: 36), verb: question.verb, input: question.input, connection: .null,
            secrets: question.secrets)
        return try await send(ask, tenant: tenant)
    }

    private func send(_ ask: WorkAsk, tenant: TenantID) async throws -> Answer {
        let alarm = Task { [weak self] in
            // A cancelled sleep means that the answer came first.
            try? await Task.sleep(for: .seconds(Asking.waitSecondsMax))
            self?.finish(ask.id, nil)
        }
        let answer: Answer? = await withCheckedContinuation { continuation in
            state.withLock { state in
                state.waiting[ask.id] = continuation
                state.owners[ask.id] = tenant
                state.queued[tenant, default: []].append(ask)
            }
            wanted(tenant)
        }
        alarm.cancel()
        guard let answer else {
            throw Refusal(
                .unavailable, reason: "worker.silent",
                "The tenant's worker did not answer within \(Asking.waitSecondsMax) s. Nothing was written.")
        }
        return answer
    }

    /// What a worker is to be asked; it takes them with its next lease.
    package func take(for worker: WorkerIdentity) -> [WorkAsk] {
        state.withLock { $0.queued.removeValue(forKey: worker.tenant) ?? [] }
    }

    package func hasQuestions(for tenant: TenantID) -> Bool { state.withLock { $0.queued[tenant]?.isEmpty == false } }

    /// A worker's answer; only the worker of the tenant that was asked is heard.
    package func answer(_ id: String, _ answer: Answer, from worker: WorkerIdentity) {
        guard state.withLock({ $0.owners[id] }) == worker.tenant else { return }
        finish(id, answer)
    }

    private func finish(_ id: String, _ answer: Answer?) {
        let waiter = state.withLock { state -> CheckedContinuation<Answer?, Never>? in
            state.owners[id] = nil
            for tenant in state.queued.keys { state.queued[tenant]?.removeAll { $0.id == id } }
            return state.waiting.removeValue(forKey: id)
        }
        waiter?.resume(returning: answer)
    }
}
