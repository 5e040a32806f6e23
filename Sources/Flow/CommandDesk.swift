package import Kernel
internal import Postgres
package import Records

/// Puts commands into their lane and waits for the answers.
///
/// A command is inserted by whoever received it, in that receiver's transaction, and applied by the lane's owner. The receiver
/// replies from the answer; after the wait it says "pending", and the command is still applied once.
package final class CommandDesk: Sendable {
    /// How a command ended, as its sender learns it.
    package enum Answer: Sendable, Equatable {
        case done(JSONValue)
        case refused(Refusal)
        /// Stored, not yet applied.
        case pending
    }

    private struct State {
        var waiting: [CommandID: CheckedContinuation<Void, Never>] = [:]
        var answers: [CommandID: JSONValue] = [:]
    }

    private let state = Locked(State())
    private let platform: Platform
    /// Wakes the owner of a lane; local ones at once, others through the database.
    private let wake: @Sendable (Int32) -> Void

    package init(platform: Platform, wake: @escaping @Sendable (Int32) -> Void) {
        self.platform = platform
        self.wake = wake
    }

    /// Inserts `command` in a transaction of its own and waits for its answer.
    package func send(_ command: CommandRow) async throws -> Answer {
        expect(command.id)
        defer { forget(command.id) }
        let added = try await platform.store.withTenant(command.tenant) { tx in
            try await tx.query(CommandQueries.insert(command)).count == 1
        }
        guard added else { return try await earlier(command) }
        return try await outcome(of: command)
    }

    /// Wakes the lanes of commands that a caller inserted inside its own transaction.
    package func nudge(lane: Int32) { wake(lane) }

    /// Answers of these commands are kept from now on, until `withdraw`; to be called before the caller stores them.
    package func announce(_ ids: [CommandID]) {
        for id in ids { expect(id) }
    }

    /// Nobody waits for these any longer.
    package func withdraw(_ ids: [CommandID]) {
        for id in ids { forget(id) }
    }

    /// Wakes the lane of a command that was announced and stored, and waits: the answer as the lane tells it. Where the lane is
    /// another process's, nobody tells; then the row does, once the wait is over.
    package func outcome(of command: CommandRow) async throws -> Answer { try await outcomes(of: [command])[0] }

    /// The same for several, in their order; the wait is for all of them together. What one batch answers costs one wait.
    package func outcomes(of commands: [CommandRow]) async throws -> [Answer] {
        for lane in Set(commands.map(\.lane)) { wake(lane) }
        let end = ContinuousClock.now + .milliseconds(platform.settings.answerWaitMilliseconds)
        var answers: [Answer] = []
        for command in commands {
            let answer = await wait(for: command.id, until: end)
            answers.append(answer == .pending ? try await earlier(command) : answer)
        }
        return answers
    }

    /// Called by a lane after its commit.
    package func resolve(_ answers: [(id: CommandID, answer: JSONValue)]) {
        let waiters = state.withLock { state in
            answers.compactMap { item -> CheckedContinuation<Void, Never>? in
                guard state.answers[item.id] != nil else { return nil }
                state.answers[item.id] = item.answer
                return state.waiting.removeValue(forKey: item.id)
            }
        }
        for waiter in waiters { waiter.resume() }
    }

    private func expect(_ id: CommandID) {
        state.withLock { $0.answers[id] = .null }
    }

    private func forget(_ id: CommandID) {
        state.withLock { $0.answers[id] = nil }
    }

    private func wait(for id: CommandID, until end: ContinuousClock.Instant) async -> Answer {
        let alarm = Locked<Task<Void, Never>?>(nil)
        await withCheckedContinuation { continuation in
            let isAnswered = state.withLock { state -> Bool in
                if let answer = state.answers[id], answer != .null { return true }
                state.waiting[id] = continuation
                return false
            }
            guard !isAnswered else { return continuation.resume() }
            // Set only now: an alarm that rings before the wait has begun would wake nobody, and the wait would never end.
            let timeout = Task { [weak self] in
                // A cancelled sleep means that the answer came first.
                try? await Task.sleep(until: end, clock: .continuous)
                self?.release(id)
            }
            alarm.withLock { $0 = timeout }
        }
        alarm.withLock { $0 }?.cancel()
        let answer = state.withLock { $0.answers[id] ?? .null }
        return answer.isNull ? .pending : CommandDesk.read(answer)
    }

    private func release(_ id: CommandID) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }

    /// The same idempotency key came before: its answer, when there is one.
    private func earlier(_ command: CommandRow) async throws -> Answer {
        let rows = try await platform.store.withTenant(command.tenant) { tx in
            try await tx.query(CommandQueries.find(tenant: command.tenant, idempotencyKey: command.idempotencyKey))
        }
        guard let row = rows.first, let answer = try row.get("answer", as: JSONValue?.self) else { return .pending }
        return CommandDesk.read(answer)
    }

    static func read(_ answer: JSONValue) -> Answer {
        guard let refused = answer["refused"] else { return .done(answer) }
        let code = refused["code"]?.string.flatMap(Refusal.Code.init(rawValue:)) ?? .unprocessable
        var facts: [String: String] = [:]
        for member in refused["facts"]?.object ?? [:] { facts[member.key] = member.value.string }
        return .refused(
            Refusal(
                code, reason: refused["reason"]?.string ?? "refused", refused["message"]?.string ?? "This was refused.",
                facts: facts))
    }

    /// The stored form of a refusal.
    static func answer(for refusal: Refusal) -> JSONValue {
        let facts = refusal.facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
        return [
            "refused": [
                "code": .string(refusal.code.rawValue), "reason": .string(refusal.reason), "message": .string(refusal.message),
                "facts": .object(JSONObject(facts)),
            ]
        ]
    }
}
