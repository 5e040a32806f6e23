import Expressions
package import Kernel
import Policies

/// Bounds of definitions and of runs; each is far above what a workflow needs and far below what could hurt.
package enum RunBounds {
    package static let stepsMax = 500
    package static let depthMax = 12
    package static let branchesMax = 16
    package static let casesMax = 50
    package static let exportsMax = 50
    package static let resolutionsMax = 10
    package static let deadlinesMax = 10
    /// Steps entered or left while one event is handled.
    package static let movesPerHandleMax = 2000
    /// How often one step may be entered in a run: bounds jumps backwards.
    package static let visitsMax = 50
    /// Text and structure of `input` and `context`, in bytes as counted by `JSONValue.weight`.
    package static let dataBytesMax = 4_194_304
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
    /// What the steps look like, for diagrams and documents.
    package let steps: [StepOutline]

    /// The root is step 0.
    let nodes: [StepNode]
    let idByPath: [String: Int]
    let outcome: CompiledExpression
    let output: Template?
    /// Duties that people did before the run: `{duty, person}`, or a list of persons.
    let chain: [(duty: String, person: Template)]
    /// Name of the duty-separation policy.
    package let duties: String?

    /// Reads an asset; nil only when it is unusable. Every problem is collected, unreachable steps and endless loops included.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> WorkflowDefinition? {
        var parser = DefinitionParser()
        let definition = parser.parse(json)
        issues.append(contentsOf: parser.issues)
        return definition
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
    var condition: CompiledExpression?
    var outputAs: CompiledExpression?
    var exports: [(name: String, expression: CompiledExpression)] = []
    var then = Directive.proceed
    var onEnter: [ClockRule] = []
    var onExit: [ClockRule] = []
    var action: StepAction
}

/// A change of a clock that a step makes when it is entered or completed.
struct ClockRule: Sendable, Equatable {
    let objective: String
    let change: ClockChange
}

enum StepAction: Sendable {
    case sequence([Int])
    case set([(name: String, value: Template)])
    case choose([SwitchCase])
    case decide(policy: String, input: Template)
    case match(policy: String, input: Template)
    case work(WorkCall)
    case human(HumanCall)
    /// With `waitsForAll`, a failed branch lets the others finish; otherwise it cancels them.
    case fork([Int], waitsForAll: Bool)
    case attempt(body: Int, handler: Int, filter: ErrorFilter, errorName: String)
    case raise(type: Template, title: Template, detail: Template)
    case wait(WaitRule)
    /// Records that a payment may leave the house.
    case release(Template)
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
}

struct DeadlineRule: Sendable {
    let name: String
    let seconds: Int64
    /// Counted in the service hours of the tenant's calendar.
    let isServiceTime: Bool
    let act: Deadline.Act
}

enum WaitRule: Sendable {
    case seconds(Int64)
    case serviceSeconds(Int64)
    case until(Template)
}

/// Which errors a `catch` takes; an empty list takes all.
struct ErrorFilter: Sendable {
    let types: [String]
    let kinds: [StepError.Kind]
    let when: CompiledExpression?
}

/// Why a step failed.
struct StepError: Error, Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        /// The other side declined for a business reason.
        case refused
        /// A write was found that differs.
        case mismatch
        /// The other side would go on if a person said so.
        case question
        /// The definition raised it.
        case raised
        /// A policy gave no decision.
        case policy
        /// An expression, a bound, a missing asset: the definition does not fit the data.
        case engine
    }

    let kind: Kind
    /// An exception code such as `ERP_REJECTED`, or a word of the engine.
    let type: String
    let title: String
    let detail: String
    let step: String
    let data: JSONValue

    var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "type": .string(type), "title": .string(title), "detail": .string(detail),
            "step": .string(step), "data": data,
        ]
    }

    init(kind: Kind, type: String, title: String, detail: String, step: String, data: JSONValue = .null) {
        self.kind = kind
        self.type = type
        self.title = title
        self.detail = detail
        self.step = step
        self.data = data
    }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "error")
        guard let kind = Kind(rawValue: try fields.string("kind")) else { throw fields.refusal("names no known kind") }
        self.init(
            kind: kind, type: try fields.string("type"), title: try fields.string("title"), detail: try fields.string("detail"),
            step: try fields.string("step"), data: fields.value("data"))
    }
}
