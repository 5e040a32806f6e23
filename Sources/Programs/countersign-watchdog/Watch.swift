import Curl
import Glibc
import Incidents
import Kernel
import Logging
import Postgres
import Records

/// Looks round after round until the process is ended.
struct Watch: Sendable {
    let settings: WatchSettings
    let client: CurlClient
    let store: Store?
    let probe = DatabaseProbe()
    let calling: Calling
    let logger: Logger

    /// Longer than a database that lives needs for one small question.
    static let databaseSeconds: Int64 = 8

    func run() async {
        var watch = PlatformWatch(settings.terms)
        var signedAt: Moment?
        while !Task.isCancelled {
            let begun = WallClock.system.now
            let findings = await look()
            for message in watch.take(findings, at: begun) where await calling.tell(message, at: WallClock.system.now) {
                watch.said(message, at: WallClock.system.now)
            }
            if let deadMan = settings.deadMan, signedAt.map({ begun.seconds(since: $0) >= deadMan.everySeconds }) ?? true {
                await calling.signOfLife(deadMan.url)
                signedAt = begun
            }
            let spent = WallClock.system.now.milliseconds(since: begun)
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(max(100, settings.everySeconds * 1000 - spent)))
        }
    }

    /// Everything once, all at the same time.
    func look() async -> [PlatformWatch.Finding] {
        await withTaskGroup(of: [PlatformWatch.Finding].self) { group in
            for server in settings.servers { group.addTask { [await ask(server)] } }
            if let store, let limit = settings.beatSecondsMax { group.addTask { await beat(store, limit: limit) } }
            return await group.reduce([], +)
        }
    }

    private func ask(_ server: String) async -> PlatformWatch.Finding {
        let subject = "server \(server)"
        do throws(CurlFailure) {
            let response = try await client.perform(calling.make(.get, server + "/readyz"))
            return .init(subject, trouble: response.status == 200 ? nil : "it says that it is not ready (\(response.status))")
        } catch {
            return .init(subject, trouble: "it does not answer (\(error.kind.rawValue))")
        }
    }

    /// The database, and by its newest sign of life the parts of the platform. Of parts nothing is known while it is away.
    private func beat(_ store: Store, limit: Int64) async -> [PlatformWatch.Finding] {
        guard case .answered(let newest)? = await probe.ask(store, seconds: Watch.databaseSeconds) else {
            logger.warning("the database does not answer")
            return [.init("the database", trouble: "it does not answer")]
        }
        let age = newest.map { WallClock.system.now.seconds(since: $0) }
        let trouble =
            age.map { $0 > limit ? "no part has shown for \($0) s that it lives" : nil } ?? "no part has ever shown that it lives"
        return [.init("the database", trouble: nil), .init("the platform", trouble: trouble)]
    }
}

/// Asks the database one thing at a time, and waits for no answer longer than it is told to.
///
/// A machine that is frozen answers nothing and closes nothing; a question to it may stay open for as long as its network likes.
/// So the question has a task of its own, and while one is open the next look finds the database silent at once.
final class DatabaseProbe: Sendable {
    enum Answer: Sendable {
        /// The newest sign of life of any part; nil when none has ever shown one.
        case answered(Moment?)
        case failed
    }

    private enum State: Sendable {
        case idle
        case asking(since: Moment)
        case done(Answer)
    }

    private static let lookMilliseconds: Int64 = 50
    /// A question that has been open for so long is given up, and another one asked by another connection.
    private static let givenUpSeconds: Int64 = 60

    private let state = Locked(State.idle)

    /// Nil when nothing came in time, or an earlier question is still open.
    func ask(_ store: Store, seconds: Int64) async -> Answer? {
        let now = WallClock.system.now
        let isFree = state.withLock { state -> Bool in
            if case .asking(let since) = state, now.seconds(since: since) < DatabaseProbe.givenUpSeconds { return false }
            state = .asking(since: now)
            return true
        }
        guard isFree else { return nil }
        Task { [state] in
            let answer: Answer
            do {
                answer = .answered(
                    try await store.withReport { tx in
                        try await tx.query(HeartbeatQueries.platformBeat()).first?.get("beaten_at", as: Moment?.self) ?? nil
                    })
            } catch {
                answer = .failed
            }
            state.withLock { $0 = .done(answer) }
        }
        for _ in 0..<(seconds * 1000 / DatabaseProbe.lookMilliseconds) {
            if case .done(let answer) = state.withLock(\.self) { return answer }
            // Cancellation ends the waiting with the loop.
            try? await Task.sleep(for: .milliseconds(DatabaseProbe.lookMilliseconds))
        }
        return nil
    }
}
