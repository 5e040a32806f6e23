package import Kernel
package import Policies

/// Everything a run remembers: the snapshot that is stored beside its history. Grows with the work that is open, not with time.
package struct RunState: Sendable, Equatable {
    package enum Phase: String, Sendable, CaseIterable {
        case pending
        /// A machine is at work.
        case running
        /// A person, a time or a replay is waited for.
        case waiting
        case completed, faulted, cancelled

        package var isFinal: Bool { self == .completed || self == .faulted || self == .cancelled }
    }

    package internal(set) var phase: Phase
    package internal(set) var input: JSONValue
    /// What the steps have exported.
    package internal(set) var context: JSONObject
    package internal(set) var startedAt: Moment?
    package internal(set) var outcome: String?
    /// Hash of the input: what makes the keys of this run's effects its own.
    var seed: String
    var active: [Activation]
    var visits: [String: Int]
    var acts: [DutySeparation.Act]
    var clocks: [String: ClockStanding]

    /// A run that has not started.
    package init() {
        phase = .pending
        input = .null
        context = [:]
        startedAt = nil
        outcome = nil
        seed = ""
        active = []
        visits = [:]
        acts = []
        clocks = [:]
    }

    /// Paths of the steps that wait for something.
    package var waitingSteps: [String] {
        active.filter { if case .inside = $0.wait { false } else { true } }.map(\.path)
    }

    /// Paths of all steps that are open, containers included.
    package var openSteps: [String] { active.map(\.path) }

    /// Duties done on the chain of this run so far.
    package var actsOnChain: [DutySeparation.Act] { acts }
}

enum ClockStanding: String, Sendable { case running, paused, stopped }

/// A step that has been entered and not left.
struct Activation: Sendable, Equatable {
    enum Wait: Sendable, Equatable {
        /// A container; for a fork, which branches are done and why one failed.
        case inside(done: [String], failure: StepError?)
        case work(WorkRequest, dead: DeadCause?)
        case person(PersonWait)
        case timer(key: String, at: Moment)
    }

    let path: String
    let visit: Int
    var wait: Wait
}

struct DeadCause: Sendable, Equatable {
    let code: String
    let message: String
}

/// A request that is open, and who has answered so far.
struct PersonWait: Sendable, Equatable {
    /// With the roles that escalations added.
    var request: HumanRequest
    let duty: String?
    /// Index of the round that is being signed.
    var round: Int
    var signatures: [SignatureNote]
    /// Names of deadlines that have passed.
    var passed: [String]
}

extension JSONValue {
    /// Bytes of text plus a small constant per node: what a bound on data counts.
    var weight: Int {
        switch self {
        case .null, .bool: 8
        case .number(let number): 8 + number.text.utf8.count
        case .string(let text): 8 + text.utf8.count
        case .array(let items): items.reduce(16) { $0 + $1.weight }
        case .object(let object): object.members.reduce(16) { $0 + $1.key.utf8.count + $1.value.weight }
        }
    }
}
