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
    /// Steps that were completed and can be undone, in the order in which they were.
    var undo: [UndoNote]
    /// Events that came before a step listened for them.
    var inbox: [KeptEvent]
    /// `source id` of events that came, newest last.
    var eventsSeen: [String]
    /// Set while a person has paused the run.
    var pause: PauseNote?
    /// The run that waits for this one.
    package internal(set) var parent: ParentNote?
    /// Why the run ends as soon as what it is writing has been answered.
    var ending: String?

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
        undo = []
        inbox = []
        eventsSeen = []
        pause = nil
        parent = nil
        ending = nil
    }

    /// A run inside another one, that has not started; duties done out there count in here.
    package init(inside parent: ParentNote) {
        self.init()
        self.parent = parent
        acts = parent.acts
    }

    /// A person has stopped the run for a while.
    package var isPaused: Bool { pause != nil }

    /// Paths of the steps that wait for something.
    package var waitingSteps: [String] {
        active.filter(\.waits).map(\.path)
    }

    /// Paths of all steps that are open, containers included.
    package var openSteps: [String] { active.map(\.path) }

    /// Duties done on the chain of this run so far.
    package var actsOnChain: [DutySeparation.Act] { acts }

    /// Adds what a person did about this run outside of its steps.
    package mutating func note(_ act: DutySeparation.Act) { acts.append(act) }
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
        case loop(LoopWait)
        case attempt(AttemptWait)
        case listening(ListenWait)
        case child(ChildWait)
    }

    let path: String
    let visit: Int
    var wait: Wait
    /// What the step was given (document flow).
    var data: JSONValue = .null
    /// Names that it gives to the steps inside it.
    var locals: JSONObject = [:]
    /// What branches and turns have given so far, where somebody reads it.
    var outputs: JSONObject = [:]
    /// When the step is given up.
    var timeout: TimerNote?

    init(path: String, visit: Int, wait: Wait) {
        self.path = path
        self.visit = visit
        self.wait = wait
    }
}

struct TimerNote: Sendable, Equatable {
    let key: String
    let at: Moment
}

/// A `for` that goes on.
struct LoopWait: Sendable, Equatable {
    let items: [JSONValue]
    /// The turn that comes next, counted from 0.
    var next: Int
    var done: Int
    var failure: StepError?
}

/// A `try` that may begin again, or is being undone.
struct AttemptWait: Sendable, Equatable {
    /// Attempts that failed.
    var failed: Int
    let since: Moment
    /// Why the last attempt failed, while the next is waited for or the body is undone.
    var error: StepError?
    var timer: TimerNote?
    /// Steps still to be undone, the next one last; nil while nothing is undone.
    var undoing: [UndoNote]?
}

/// A step that was completed, and what it gave.
struct UndoNote: Sendable, Equatable {
    let path: String
    let output: JSONValue
}

/// A step that waits for events.
struct ListenWait: Sendable, Equatable {
    /// By filter: the attributes as they were when the step was entered.
    let wanted: [JSONObject]
    /// By filter and name: what the correlated values have to be; null until the first event sets it.
    var expected: [JSONObject]
    /// By filter: the event that it took.
    var taken: [JSONValue]
}

struct KeptEvent: Sendable, Equatable {
    let event: JSONValue
    let at: Moment
}

struct PauseNote: Sendable, Equatable {
    let by: PersonID
    let at: Moment
    let reason: String
    /// What machines sent since, in order.
    var kept: [RunEvent]
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

extension Activation {
    /// Whether something outside has to happen before the step goes on; otherwise the steps inside it do.
    var waits: Bool {
        switch wait {
        case .inside, .loop: false
        case .attempt(let attempt): attempt.timer != nil
        case .work, .person, .timer, .listening, .child: true
        }
    }

    /// Timers that are set for the step.
    var timers: [(key: String, at: Moment)] {
        var out: [(key: String, at: Moment)] = []
        switch wait {
        case .timer(let key, let at): out.append((key, at))
        case .person(let person):
            out = person.request.deadlines.filter { !person.passed.contains($0.name) }.map { (key: $0.key, at: $0.at) }
        case .attempt(let attempt): if let timer = attempt.timer { out.append((timer.key, timer.at)) }
        case .inside, .work, .loop, .listening, .child: break
        }
        if let timeout { out.append((timeout.key, timeout.at)) }
        return out
    }
}

extension JSONValue {
    /// Bytes of text plus a small constant per node: what a bound on data counts.
    package var weight: Int {
        switch self {
        case .null, .bool: 8
        case .number(let number): 8 + number.text.utf8.count
        case .string(let text): 8 + text.utf8.count
        case .array(let items): items.reduce(16) { $0 + $1.weight }
        case .object(let object): object.members.reduce(16) { $0 + $1.key.utf8.count + $1.value.weight }
        }
    }
}
