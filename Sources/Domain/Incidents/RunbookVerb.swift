package import Kernel

extension Runbook {
    /// What a step asks for. `guidance` is for the reader; the others are done by the product, from a closed list.
    package enum Verb: String, Sendable, Hashable, CaseIterable {
        case guidance
        case acknowledge
        case postNote = "post-note"
        case postStatus = "post-status"
        case testConnection = "test-connection"
        case retryStep = "retry-step"
        case replayDeadLetters = "replay-dead-letters"
        case retryRun = "retry-run"
        case pauseRuns = "pause-runs"
        case resumeRuns = "resume-runs"
        case cancelRuns = "cancel-runs"
        case pauseTenant = "pause-tenant"
        case resumeTenant = "resume-tenant"
        case drainWorker = "drain-worker"
        case releaseWorker = "release-worker"
        case openCircuit = "open-circuit"
        case closeCircuit = "close-circuit"
        case extendDeadline = "extend-deadline"
        case restartWorker = "restart-worker"
        case rotateSecret = "rotate-secret"

        /// How a step of the verb is carried out.
        package enum Way: Sendable, Hashable {
            /// The reader does it and says so.
            case reader
            /// It changes nothing: it is done by looking, and its answer is kept.
            case check
            /// It is shown first and done when what was shown is confirmed.
            case effect
        }

        package var way: Way {
            switch self {
            case .guidance: .reader
            case .testConnection: .check
            case .acknowledge, .postNote, .postStatus, .retryStep, .replayDeadLetters, .retryRun, .pauseRuns, .resumeRuns,
                .cancelRuns, .pauseTenant, .resumeTenant, .drainWorker, .releaseWorker, .openCircuit, .closeCircuit,
                .extendDeadline, .restartWorker, .rotateSecret:
                .effect
            }
        }

        /// What it takes to do it, beside managing incidents; the name of a permission.
        package var permission: String {
            switch self {
            case .guidance, .acknowledge, .postNote, .restartWorker, .drainWorker, .releaseWorker, .openCircuit, .closeCircuit:
                "incidents.manage"
            case .postStatus: "status.publish"
            case .testConnection: "connections.test"
            case .retryStep, .replayDeadLetters, .retryRun: "tasks.retry"
            case .pauseRuns, .resumeRuns, .cancelRuns, .pauseTenant, .resumeTenant, .extendDeadline: "runs.manage"
            case .rotateSecret: "configuration.apply"
            }
        }

        /// Whether it always takes a second person, whatever the runbook says: what it does cannot be taken back.
        package var needsSecond: Bool { self == .cancelRuns }

        /// Whether it stops work that goes out of the house, or lets it go on.
        package var isStop: Bool {
            switch self {
            case .pauseTenant, .resumeTenant, .drainWorker, .releaseWorker, .openCircuit, .closeCircuit: true
            case .guidance, .acknowledge, .postNote, .postStatus, .testConnection, .retryStep, .replayDeadLetters, .retryRun,
                .pauseRuns, .resumeRuns, .cancelRuns, .extendDeadline, .restartWorker, .rotateSecret:
                false
            }
        }

        /// The verb that takes it back for the same runs, or lets the same work go on; nil where nothing can.
        package var opposite: Verb? {
            switch self {
            case .pauseRuns: .resumeRuns
            case .resumeRuns: .pauseRuns
            case .pauseTenant: .resumeTenant
            case .resumeTenant: .pauseTenant
            case .drainWorker: .releaseWorker
            case .releaseWorker: .drainWorker
            case .openCircuit: .closeCircuit
            case .closeCircuit: .openCircuit
            case .guidance, .acknowledge, .postNote, .postStatus, .testConnection, .retryStep, .replayDeadLetters, .retryRun,
                .cancelRuns, .extendDeadline, .restartWorker, .rotateSecret:
                nil
            }
        }

        package var parameters: [Parameter] {
            switch self {
            case .guidance, .acknowledge, .restartWorker, .resumeTenant, .releaseWorker: []
            case .pauseTenant, .drainWorker: [Parameter("reason", .text, isRequired: true)]
            case .openCircuit:
                [
                    Parameter("connection", .name, isRequired: true, fact: "connection"),
                    Parameter("reason", .text, isRequired: true),
                ]
            case .closeCircuit: [Parameter("connection", .name, isRequired: true, fact: "connection")]
            case .extendDeadline:
                [
                    Parameter("run", .identifier, isRequired: true, fact: "run"), Parameter("step", .name),
                    Parameter("hours", .name, isRequired: true), Parameter("reason", .text, isRequired: true),
                ]
            case .postNote: [Parameter("text", .text, isRequired: true)]
            case .postStatus:
                [Parameter("text", .text, isRequired: true), Parameter("title", .text), Parameter("phase", .name)]
            case .testConnection: [Parameter("connection", .name, isRequired: true, fact: "connection")]
            case .retryStep:
                [
                    Parameter("run", .identifier, fact: "run"), Parameter("connection", .name, fact: "connection"),
                    Parameter("code", .name, fact: "code"),
                ]
            case .replayDeadLetters:
                [
                    Parameter("connection", .name, fact: "connection"), Parameter("code", .name, fact: "code"),
                    Parameter("run", .identifier),
                ]
            case .retryRun: [Parameter("run", .identifier, isRequired: true, fact: "run")]
            case .pauseRuns, .cancelRuns:
                [
                    Parameter("workflow", .name, fact: "workflow"), Parameter("phase", .name),
                    Parameter("reason", .text, isRequired: true),
                ]
            case .resumeRuns: [Parameter("workflow", .name, fact: "workflow")]
            case .rotateSecret:
                [Parameter("secret", .name, isRequired: true), Parameter("value", .secret, isRequired: true)]
            }
        }
    }

    /// One thing that a verb wants to know.
    package struct Parameter: Sendable, Hashable {
        package enum Form: String, Sendable, Hashable {
            /// A sentence or two.
            case text
            /// A short name of something in the product, such as a connection or a code.
            case name
            case identifier
            /// Asked for at the moment of doing and kept nowhere.
            case secret
        }

        package static let nameBytesMax = 200
        package static let textScalarsMax = 2000
        /// What may follow `=` in a step.
        static let valueBytesMax = 120

        package let name: String
        package let form: Form
        package let isRequired: Bool
        /// The fact of the incident that it is taken from unless the step or the person says otherwise.
        package let fact: String?

        init(_ name: String, _ form: Form, isRequired: Bool = false, fact: String? = nil) {
            self.name = name
            self.form = form
            self.isRequired = isRequired
            self.fact = fact
        }

        /// Refuses what is no value of this form; empty is none.
        package func check(_ value: String) throws(Refusal) {
            let fits =
                switch form {
                case .text, .secret: value.unicodeScalars.count <= Parameter.textScalarsMax
                case .name, .identifier:
                    value.utf8.count <= Parameter.nameBytesMax && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
                }
            guard fits else {
                throw Refusal(
                    .unprocessable, reason: "runbook.parameter",
                    form == .text || form == .secret
                        ? "\(name) may have at most \(Parameter.textScalarsMax) characters."
                        : "\(name) is one word of at most \(Parameter.nameBytesMax) bytes.",
                    facts: ["field": name])
            }
        }
    }

    /// What stands in a step's backticks: a verb, what it is given, and whether a second person has to confirm it.
    struct Invocation {
        let verb: Verb
        /// By the name of the parameter: a value, or the name of a fact in braces. Empty takes the fact away.
        let arguments: [String: String]
        let needsSecond: Bool

        /// `verb`, `key=value` as often as it takes, and `second-person`; a value has no spaces.
        static func read(_ text: String) -> (invocation: Invocation?, problem: (message: String, remedy: String)?) {
            let words = text.split(separator: " ").map(String.init)
            guard let verb = words.first.flatMap(Verb.init(rawValue:)) else {
                return (
                    nil,
                    (
                        "\(cut(words.first ?? text, 60)) is no verb of a runbook.",
                        "Use \(Verb.allCases.map(\.rawValue).joined(separator: ", "))."
                    )
                )
            }
            var arguments: [String: String] = [:]
            var needsSecond = verb.needsSecond
            for word in words.dropFirst() {
                if word == "second-person" {
                    guard verb.way == .effect else {
                        return (nil, ("\(verb.rawValue) changes nothing.", "Leave second-person out."))
                    }
                    needsSecond = true
                    continue
                }
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let known = verb.parameters.filter { $0.form != .secret }
                guard parts.count == 2, known.contains(where: { $0.name == parts[0] }), arguments[parts[0]] == nil else {
                    let names = known.map { "\($0.name)=…" } + (verb.way == .effect ? ["second-person"] : [])
                    return (
                        nil,
                        (
                            "\(cut(word, 60)) is no parameter of \(verb.rawValue), or stands twice.",
                            names.isEmpty ? "It takes none." : "Use \(names.joined(separator: ", "))."
                        )
                    )
                }
                guard parts[1].utf8.count <= Parameter.valueBytesMax,
                    !parts[1].contains("{") || (parts[1].hasPrefix("{") && parts[1].hasSuffix("}") && parts[1].count > 2)
                else {
                    return (
                        nil,
                        (
                            "\(cut(word, 60)) has no value that can be read.",
                            "Write a word of at most \(Parameter.valueBytesMax) bytes, or a fact in braces such as {connection}."
                        )
                    )
                }
                arguments[parts[0]] = parts[1]
            }
            return (Invocation(verb: verb, arguments: arguments, needsSecond: needsSecond), nil)
        }
    }
}
