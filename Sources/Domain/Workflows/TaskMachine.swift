package import Kernel

/// One piece of work through its attempts: leases with a fencing epoch, retries with back-off, settling of writes in doubt.
///
/// A read may always be repeated. A write may not: after an answer that cannot be trusted, or a lost lease, the machine waits
/// until the transfer can no longer be under way (lease end) plus the connection's settle time, then searches. Only two empty
/// searches, one settle time apart, allow the next full attempt, and that one begins with a search of its own.
package struct TaskMachine: Sendable, Equatable {
    /// How far the next attempt may go.
    package enum WorkPhase: String, Sendable { case full, search }

    package enum Phase: Sendable, Equatable {
        case ready(WorkPhase)
        case leased(WorkPhase, epoch: Int64, expiresAt: Moment)
        case backingOff(until: Moment, then: WorkPhase)
        case settling(until: Moment, emptySearches: Int)
        case done
        case dead(then: WorkPhase)
    }

    package enum Event: Sendable, Equatable {
        case leased(epoch: Int64, expiresAt: Moment)
        /// A heartbeat moved the end of the lease.
        case extended(epoch: Int64, expiresAt: Moment)
        case reported(epoch: Int64, Report)
        /// The lease ended without a report, or its worker is gone.
        case leaseLost(epoch: Int64)
        case timerFired
        case retriedByPerson(PersonID)
        /// It must not be done; only work that no worker holds can be ended so.
        case barred(code: String, message: String)
    }

    /// How one attempt ended, as the worker saw it.
    package enum Report: Sendable, Equatable {
        case completed(JSONValue)
        case found(JSONValue)
        case absent
        case refused(code: String, message: String)
        /// Certainly without effect.
        case failed(code: String, message: String, retryAfterSeconds: Int?)
        case inDoubt(message: String)
        case mismatch(JSONValue)
        /// The other side would go on if a person said so; the attempt had no effect that a later one would not find.
        case needsDecision(ERPQuestion)
    }

    package enum Action: Sendable, Equatable {
        /// May be leased from `notBefore` on; nil means at once.
        case ready(phase: WorkPhase, notBefore: Moment?)
        case setTimer(at: Moment)
        case finish(WorkResult)
        /// All attempts are used up: a dead letter that keeps its cause. The run hears of it as `WorkResult.dead`.
        case dead(code: String, message: String)
        case record(type: String, summary: String)
    }

    /// What stays the same over all attempts of a task.
    package struct Rules: Sendable, Equatable {
        /// A server that asks for a longer pause than this is asked again after this.
        package static let retryAfterCeilingSeconds = 3600

        package let isWrite: Bool
        package let retry: RetryPolicy
        /// How long after the end of a transfer the other side may still commit it.
        package let settleSeconds: Int

        package init(isWrite: Bool, retry: RetryPolicy, settleSeconds: Int) {
            self.isWrite = isWrite
            self.retry = retry
            self.settleSeconds = settleSeconds
        }
    }

    package private(set) var phase: Phase
    /// Leases given so far, searches included.
    package private(set) var attemptsUsed: Int
    /// Attempts that ended without an answer; `attemptsMax` bounds these.
    package private(set) var failures: Int
    /// Consecutive empty searches since the last doubt.
    private var emptySearches: Int
    package private(set) var lastEpoch: Int64

    /// A new task, ready for its first attempt.
    package init() {
        phase = .ready(.full)
        attemptsUsed = 0
        failures = 0
        emptySearches = 0
        lastEpoch = 0
    }

    /// `draw` is a random number of the caller's, used for jitter only.
    package mutating func handle(_ event: Event, at now: Moment, under rules: Rules, draw: UInt64) -> [Action] {
        switch event {
        case .leased(let epoch, let expiresAt):
            guard case .ready(let work) = phase, epoch > lastEpoch else {
                return [stale("A lease came for work that is not ready.")]
            }
            phase = .leased(work, epoch: epoch, expiresAt: expiresAt)
            lastEpoch = epoch
            attemptsUsed += 1
            return [
                .record(
                    type: "attempt.started", summary: "Attempt \(attemptsUsed) started\(work == .search ? " (search only)" : "")."
                )
            ]
        case .extended(let epoch, let expiresAt):
            guard case .leased(let work, epoch, let current) = phase else {
                return [stale("A heartbeat came for a lease that has ended.")]
            }
            phase = .leased(work, epoch: epoch, expiresAt: max(current, expiresAt))
            return []
        case .reported(let epoch, let report):
            guard case .leased(let work, epoch, let expiresAt) = phase else {
                return [stale("A report came for a lease that has ended.")]
            }
            return take(report, of: work, leasedUntil: expiresAt, at: now, under: rules, draw: draw)
        case .leaseLost(let epoch):
            guard case .leased(let work, epoch, let expiresAt) = phase else { return [stale("A lease was lost that had ended.")] }
            failures += 1
            let cause = ("LEASE_LOST", "The worker ended or fell silent during the attempt.")
            if rules.isWrite && work == .full {
                return settle(from: max(now, expiresAt), cause: cause, at: now, under: rules)
            }
            return backOff(work, cause: cause, retryAfterSeconds: nil, at: now, under: rules, draw: draw)
        case .timerFired: return wake(at: now)
        case .barred(let code, let message):
            guard case .ready = phase else { return [stale("Work was barred that is not ready.")] }
            phase = .done
            return [
                .record(type: "attempt.barred", summary: message), .finish(.refused(code: code, message: message)),
            ]
        case .retriedByPerson(let person):
            guard case .dead(let work) = phase else { return [stale("A retry was asked for work that is not dead.")] }
            phase = .ready(work)
            failures = 0
            return [
                .record(type: "task.retried", summary: "A person asked for another attempt (\(person))."),
                .ready(phase: work, notBefore: nil),
            ]
        }
    }

    private func stale(_ summary: String) -> Action { .record(type: "event.ignored", summary: summary) }

    private mutating func wake(at now: Moment) -> [Action] {
        switch phase {
        case .backingOff(let until, let work):
            guard now >= until else { return [.setTimer(at: until)] }
            phase = .ready(work)
            return [.ready(phase: work, notBefore: nil)]
        case .settling(let until, let empty):
            guard now >= until else { return [.setTimer(at: until)] }
            emptySearches = empty
            phase = .ready(.search)
            return [.ready(phase: .search, notBefore: nil)]
        case .ready, .leased, .done, .dead: return [stale("A timer fired that nothing waits for.")]
        }
    }

    private mutating func take(
        _ report: Report, of work: WorkPhase, leasedUntil: Moment, at now: Moment, under rules: Rules, draw: UInt64
    ) -> [Action] {
        switch report {
        case .completed(let output), .found(let output):
            phase = .done
            return [
                .record(type: "attempt.completed", summary: "Attempt \(attemptsUsed) completed."), .finish(.completed(output)),
            ]
        case .mismatch(let differences):
            phase = .done
            return [
                .record(type: "attempt.mismatch", summary: "What was read back differs from what was asked."),
                .finish(.mismatch(differences)),
            ]
        case .needsDecision(let question):
            phase = .done
            return [
                .record(type: "attempt.asked", summary: "The other side asks whether to go on: \(question.message)"),
                .finish(.needsDecision(question)),
            ]
        case .refused(let code, let message):
            phase = .done
            return [
                .record(type: "attempt.refused", summary: "The other side declined: \(message)"),
                .finish(.refused(code: code, message: message)),
            ]
        case .failed(let code, let message, let retryAfter):
            failures += 1
            return backOff(work, cause: (code, message), retryAfterSeconds: retryAfter, at: now, under: rules, draw: draw)
        case .inDoubt(let message):
            failures += 1
            let cause = ("IN_DOUBT", message)
            if rules.isWrite && work == .full { return settle(from: max(now, leasedUntil), cause: cause, at: now, under: rules) }
            return backOff(work, cause: cause, retryAfterSeconds: nil, at: now, under: rules, draw: draw)
        case .absent:
            guard work == .search else {
                failures += 1
                let cause = ("PROTOCOL", "A full attempt answered as if it had only searched.")
                if rules.isWrite { return settle(from: max(now, leasedUntil), cause: cause, at: now, under: rules) }
                return backOff(work, cause: cause, retryAfterSeconds: nil, at: now, under: rules, draw: draw)
            }
            return searchedInVain(at: now, under: rules)
        }
    }

    private mutating func searchedInVain(at now: Moment, under rules: Rules) -> [Action] {
        emptySearches += 1
        if emptySearches >= 2 {
            emptySearches = 0
            phase = .ready(.full)
            return [
                .record(type: "write.absent", summary: "Two searches found nothing, so the write is attempted again."),
                .ready(phase: .full, notBefore: nil),
            ]
        }
        let until = now.adding(seconds: Int64(rules.settleSeconds))
        phase = .settling(until: until, emptySearches: emptySearches)
        return [
            .record(type: "write.settling", summary: "A search found nothing; it is repeated after the settle time."),
            .setTimer(at: until),
        ]
    }

    private mutating func settle(
        from end: Moment, cause: (code: String, message: String), at now: Moment, under rules: Rules
    ) -> [Action] {
        emptySearches = 0
        guard failures < rules.retry.attemptsMax else { return die(.search, cause) }
        let until = end.adding(seconds: Int64(rules.settleSeconds))
        phase = .settling(until: until, emptySearches: 0)
        return [
            .record(
                type: "write.settling", summary: "It is open whether the write happened (\(cause.message)); a search will tell."),
            .setTimer(at: until),
        ]
    }

    private mutating func backOff(
        _ work: WorkPhase, cause: (code: String, message: String), retryAfterSeconds: Int?, at now: Moment, under rules: Rules,
        draw: UInt64
    ) -> [Action] {
        guard failures < rules.retry.attemptsMax else { return die(work, cause) }
        let wished = Int64(min(max(retryAfterSeconds ?? 0, 0), Rules.retryAfterCeilingSeconds)) * 1000
        let pause = max(wished, rules.retry.pauseMilliseconds(afterAttempt: failures, draw: draw))
        let until = now.adding(milliseconds: pause)
        phase = .backingOff(until: until, then: work)
        return [
            .record(type: "attempt.failed", summary: "Attempt \(attemptsUsed) failed: \(cause.message)"), .setTimer(at: until),
        ]
    }

    private mutating func die(_ work: WorkPhase, _ cause: (code: String, message: String)) -> [Action] {
        phase = .dead(then: work)
        return [
            .record(type: "task.dead", summary: "No attempt succeeded; the last one said: \(cause.message)"),
            .dead(code: cause.code, message: cause.message),
        ]
    }
}

extension TaskMachine {
    package var json: JSONValue {
        var members: JSONObject = [
            "attempts": JSONValue(attemptsUsed), "failures": JSONValue(failures), "empty": JSONValue(emptySearches),
            "epoch": JSONValue(lastEpoch),
        ]
        switch phase {
        case .ready(let work):
            members["phase"] = "ready"
            members["work"] = .string(work.rawValue)
        case .leased(let work, _, let expiresAt):
            members["phase"] = "leased"
            members["work"] = .string(work.rawValue)
            members["expiresAt"] = expiresAt.exactJSON
        case .backingOff(let until, let work):
            members["phase"] = "backingOff"
            members["work"] = .string(work.rawValue)
            members["until"] = until.exactJSON
        case .settling(let until, let empty):
            members["phase"] = "settling"
            members["until"] = until.exactJSON
            members["searched"] = JSONValue(empty)
        case .done: members["phase"] = "done"
        case .dead(let work):
            members["phase"] = "dead"
            members["work"] = .string(work.rawValue)
        }
        return .object(members)
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "task state")
        attemptsUsed = try fields.int("attempts")
        failures = try fields.int("failures")
        emptySearches = try fields.int("empty")
        lastEpoch = Int64(try fields.int("epoch"))
        switch try fields.string("phase") {
        case "ready": phase = .ready(try TaskMachine.workPhase(fields))
        case "leased":
            phase = .leased(try TaskMachine.workPhase(fields), epoch: lastEpoch, expiresAt: try fields.moment("expiresAt"))
        case "backingOff": phase = .backingOff(until: try fields.moment("until"), then: try TaskMachine.workPhase(fields))
        case "settling": phase = .settling(until: try fields.moment("until"), emptySearches: try fields.int("searched"))
        case "done": phase = .done
        case "dead": phase = .dead(then: try TaskMachine.workPhase(fields))
        case let other: throw fields.refusal("knows no phase '\(other)'")
        }
    }

    private static func workPhase(_ fields: Fields) throws(Refusal) -> WorkPhase {
        guard let work = WorkPhase(rawValue: try fields.string("work")) else { throw fields.refusal("names no known work") }
        return work
    }
}
