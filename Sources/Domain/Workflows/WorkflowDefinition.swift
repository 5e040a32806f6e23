import Expressions
package import Kernel
import Policies

/// Bounds of definitions and of runs; each is far above what a workflow needs and far below what could hurt.
package enum RunBounds {
    /// The duty of who sends an event from outside.
    package static let sendingDuty = "send-event"
    package static let stepsMax = 500
    package static let depthMax = 12
    package static let branchesMax = 16
    package static let casesMax = 50
    package static let exportsMax = 50
    package static let resolutionsMax = 10
    package static let deadlinesMax = 10
    /// A month; whoever needs longer decides again then.
    package static let extensionSecondsMax: Int64 = 2_592_000
    /// Steps entered or left while one event is handled.
    package static let movesPerHandleMax = 20_000
    /// How often one step may be entered in a run: bounds jumps backwards.
    package static let visitsMax = 50
    /// Text and structure of `input` and `context`, in bytes as counted by `JSONValue.weight`.
    package static let dataBytesMax = 4_194_304
    /// Items of one `for`.
    package static let loopItemsMax = 1000
    /// Turns of one `for` that are open side by side.
    package static let loopTurnsOpenMax = 16
    /// Attempts of a `try` with `retry`.
    package static let attemptsMax = 50
    /// Filters of one `listen`.
    package static let filtersMax = 10
    /// Events that came before a step listened for them.
    package static let eventsKeptMax = 100
    /// Events by whose source and id a second delivery is known.
    package static let eventsSeenMax = 500
    /// How long an event is kept for a step that is not there yet, unless the step or the event says otherwise.
    package static let eventKeptSeconds: Int64 = 86_400
    /// Nothing keeps an event longer than this.
    package static let eventKeptSecondsMax: Int64 = 2_592_000
    /// Text and structure of one event, in bytes as counted by `JSONValue.weight`.
    package static let eventBytesMax = dataBytesMax / 4
    /// Steps that have something to undo.
    package static let undoMax = 500
    /// What machines sent while a run was paused.
    package static let pausedEventsMax = 500
    /// Runs inside one another, the outermost counted too.
    package static let runsDeepMax = 5
    /// A year: nothing a run waits for is further away.
    package static let waitSecondsMax = 31_622_400
}

/// A workflow of one version, read and checked; immutable.
package struct WorkflowDefinition: Sendable {
    package let name: String
    package let version: String
    package let title: String
    /// Names of the policies it uses; a run pins their versions when it starts.
    package let policies: [String]
    /// Names of the connections it uses.
    package let connections: [String]
    /// Outcomes a run can have, besides `cancelled` and `faulted`.
    package let outcomes: [String]
    /// Objectives whose clocks the workflow moves.
    package let objectives: [String]
    /// Roles that it names itself; those of approval matrices come on top.
    package let roles: [String]
    /// Workflows that it runs inside itself, each with the version it was written for.
    package let workflows: [WorkflowReference]
    /// What the steps look like, for diagrams and documents.
    package let steps: [StepOutline]

    /// The root is step 0.
    let nodes: [StepNode]
    let idByPath: [String: Int]
    let flow: DataFlow
    /// Nil in a definition of the document flow, which knows one outcome.
    let outcome: CompiledExpression?
    let output: Template?
    /// Duties that people did before the run: `{duty, person}`, or a list of persons.
    let chain: [(duty: String, person: Template)]
    /// Name of the duty-separation policy.
    package let duties: String?

    /// What is done to runs from outside, one by one or many at once.
    package static let operations = ["pause", "resume", "cancel", "migrate", "retry", "discard"]
    /// Those of them that take two people: one asks, another confirms.
    package internal(set) var secondPerson: Set<String> = []
    /// Events that begin a run by themselves.
    package internal(set) var beginning: EventBeginning?
    /// Times at which runs begin by themselves.
    package internal(set) var schedule: Schedule?

    /// Whether any step gives names to the steps inside it.
    let hasLocals: Bool
    /// Whether any step listens, so that events may have to be kept.
    package let listens: Bool

    /// Reads an asset; nil only when it is unusable. Every problem is collected, unreachable steps and endless loops included.
    ///
    /// A document of plain Serverless Workflow 1.0 (it has a `document`) is read as well, as far as it says what this profile
    /// can do; its expressions are in CEL.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> WorkflowDefinition? {
        var parser = DefinitionParser()
        let definition = parser.parse(json)
        issues.append(contentsOf: parser.issues)
        return definition
    }

    /// The step of a path as a run writes it: the turns of a loop (`do:3`) are one step.
    func id(of path: String) -> Int? {
        if let known = idByPath[path] { return known }
        guard path.utf8.contains(UInt8(ascii: ":")) else { return nil }
        return idByPath[WorkflowDefinition.written(path)]
    }

    /// The path as the definition has it, without the numbers of turns.
    package static func written(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { $0.prefix { $0 != ":" } }.joined(separator: "/")
    }
}

/// What travels from step to step.
enum DataFlow: Sendable {
    /// The input of the run stays; steps put values into the context. The form of this product.
    case context
    /// Each step gives a document to the next, as plain Serverless Workflow has it.
    case document

    /// Names that every expression may use.
    var names: [String] {
        switch self {
        case .context: ["input", "context", "run"]
        case .document: ["data", "input", "context", "workflow", "task", "runtime"]
        }
    }
}

/// One step as the console shows it.
package struct StepOutline: Sendable, Equatable {
    package let path: String
    package let name: String
    package let title: String
    /// `do`, `call`, `switch`, … for containers and steps; calls say what they call: `human.approve`.
    package let kind: String
    package let children: [StepOutline]
    /// Nothing passes without a person: an approval is in it.
    package let isGate: Bool
    /// Paths of steps that this one may jump to instead of going on.
    package let jumps: [String]

    package init(
        path: String, name: String, title: String, kind: String, children: [StepOutline], isGate: Bool, jumps: [String]
    ) {
        self.path = path
        self.name = name
        self.title = title
        self.kind = kind
        self.children = children
        self.isGate = isGate
        self.jumps = jumps
    }
}

/// Where a run goes after a step.
enum Directive: Sendable, Equatable {
    case proceed
    /// Leaves the list the step stands in.
    case exit
    /// Ends the run.
    case end
    /// A step of the same list.
    case jump(Int)
}

/// A step with everything resolved.
struct StepNode: Sendable {
    let id: Int
    let name: String
    let path: String
    let title: String
    /// Whether the author gave the title: untitled containers are transparent in diagrams.
    let isTitled: Bool
    let parent: Int?
    /// RFC 6901 pointer into the document as written.
    let pointer: String
    var condition: CompiledExpression?
    /// Makes the step's input from what the step before gave (document flow).
    var inputFrom: Template?
    var outputAs: Template?
    var exports: [(name: String, expression: CompiledExpression)] = []
    /// Makes the whole context anew (document flow).
    var exportAs: Template?
    var then = Directive.proceed
    var onEnter: [ClockRule] = []
    var onExit: [ClockRule] = []
    /// After this time the step is given up with an error of the kind `timeout`.
    var timeout: WaitRule?
    /// The steps that undo this one.
    var compensation: Int?
    /// These are the steps that undo the parent.
    var isCompensation = false
    var action: StepAction

    /// Whether somebody reads what the step gives.
    var givesOutput: Bool { outputAs != nil || exportAs != nil || !exports.isEmpty }
}

/// A change of a clock that a step makes when it is entered or completed.
struct ClockRule: Sendable, Equatable {
    let objective: String
    let change: ClockChange
}

enum StepAction: Sendable {
    /// It does nothing itself.
    var holdsSteps: Bool {
        switch self {
        case .sequence, .fork, .loop, .attempt: true
        default: false
        }
    }

    case sequence([Int])
    case set([(name: String, value: Template)])
    /// Gives a document to the next step.
    case give(Template)
    case choose([SwitchCase])
    case decide(policy: String, input: Template)
    case match(policy: String, input: Template)
    case work(WorkCall)
    case human(HumanCall)
    case fork(ForkRule)
    case loop(LoopRule)
    case attempt(AttemptRule)
    case raise(ErrorRule)
    case wait(WaitRule)
    /// Records that a payment may leave the house.
    case release(Template)
    /// The attributes, and how long the event is kept for runs that begin to listen later.
    case emit(Template, keptSeconds: Int64?)
    case listen(ListenRule)
    /// Another workflow, as a run of its own.
    case run(SubworkflowCall)
}

struct ForkRule: Sendable {
    let branches: [Int]
    /// A failed branch lets the others finish; otherwise it cancels them.
    let waitsForAll: Bool
    /// The first branch that finishes ends the others, and its output is the fork's.
    let competes: Bool
}

struct LoopRule: Sendable {
    let body: Int
    let items: Template
    /// Name of the item, and of its place counted from 0.
    let each: String
    let at: String
    /// Asked before each turn.
    let whileHolds: CompiledExpression?
    /// Turns side by side; 1 is one after the other, each seeing what the one before gave.
    let turnsOpenMax: Int
    /// A failed turn lets those that are open finish, but starts no other.
    let waitsForAll: Bool
}

struct AttemptRule: Sendable {
    let body: Int
    /// Nil when nothing is done about an error but to go on, or to try again.
    let handler: Int?
    let filter: ErrorFilter
    let errorName: String
    let retry: RetryRule?
    /// What the body had done is undone before the handler is asked.
    let undoes: Bool
}

/// When and how often a `try` begins again.
struct RetryRule: Sendable {
    enum Growth: Sendable, Equatable { case constant, linear, exponential }

    let when: CompiledExpression?
    let exceptWhen: CompiledExpression?
    let delayMilliseconds: Int64
    let growth: Growth
    let factorPercent: Int64
    let capMilliseconds: Int64
    /// Bounds of what is added at random, by the run's own seed.
    let jitterMilliseconds: ClosedRange<Int64>
    let attemptsMax: Int
    /// After this time since the first attempt there is no other.
    let durationMilliseconds: Int64?

    /// The pause after so many failed attempts; `draw` is the run's own number for it.
    func pauseMilliseconds(afterAttempt attempt: Int, draw: UInt64) -> Int64 {
        var pause = min(delayMilliseconds, capMilliseconds)
        switch growth {
        case .constant: break
        case .linear: pause = min(delayMilliseconds * Int64(attempt), capMilliseconds)
        case .exponential:
            var step = 1
            while step < attempt, pause < capMilliseconds {
                pause = min(pause * factorPercent / 100, capMilliseconds)
                step += 1
            }
        }
        let span = UInt64(jitterMilliseconds.upperBound - jitterMilliseconds.lowerBound)
        return pause + jitterMilliseconds.lowerBound + Int64(draw % (span + 1))
    }
}

struct ErrorRule: Sendable {
    let type: Template
    let title: Template
    let detail: Template
    let status: Template?
}

struct ListenRule: Sendable {
    enum Need: String, Sendable { case one, any, all }

    let need: Need
    let filters: [EventFilter]
    /// What the step gives of each event: its `data`, or the whole event.
    let readsData: Bool
    /// How long before the step an event may have come.
    let keptSeconds: Int64
    /// Whether other runs that wait for an event get it as well.
    let takes: Subscription.Takes
}

/// Which events a listener takes.
struct EventFilter: Sendable {
    /// Attributes by name; evaluated when the step is entered.
    let attributes: [(name: String, value: Template)]
    /// Asked about each event, which is `event` there.
    let when: CompiledExpression?
    let correlations: [EventCorrelation]
}

/// What makes an event one of this run.
struct EventCorrelation: Sendable {
    let name: String
    /// Read from the event.
    let from: CompiledExpression
    /// What it has to be; without it, the first event sets it.
    let expect: Template?
    /// Whether `from` can be read where no run is known.
    let readsEventAlone: Bool
}

struct SwitchCase: Sendable {
    let name: String
    /// Nil for the default.
    let when: CompiledExpression?
    var then: Directive
}

struct WorkCall: Sendable {
    let kind: WorkRequest.Kind
    let connection: String
    let input: Template
    let idempotencyKey: Template?
    let retry: RetryPolicy
    let timeoutSeconds: Int
}

struct HumanCall: Sendable {
    let kind: HumanRequest.Kind
    /// Rounds of an approval as a list of `{role, quorum, label}`.
    let rounds: Template
    /// The duty that a signature is; nil for exceptions, whose resolutions name theirs.
    let duty: String?
    let code: Template?
    let title: Template?
    let object: Template
    let evidence: Template
    let riskClass: Template
    let resolutions: [Resolution]
    let deadlines: [DeadlineRule]
    var form: TaskForm?
}

struct DeadlineRule: Sendable {
    let name: String
    let seconds: Int64
    /// Counted in the service hours of the tenant's calendar.
    let isServiceTime: Bool
    let act: Deadline.Act
}

enum WaitRule: Sendable {
    case milliseconds(Int64)
    case serviceSeconds(Int64)
    case until(Template)
}

/// Which errors a `catch` takes; an empty list takes all.
struct ErrorFilter: Sendable {
    let types: [String]
    let kinds: [StepError.Kind]
    /// Members of the problem and the values they must have.
    let members: [(name: String, value: JSONValue)]
    let when: CompiledExpression?
    let exceptWhen: CompiledExpression?
}
