internal import Tenancy
internal import Workflows

/// The shape of workflows, for editors; the room of workflows judges what they mean.
enum WorkflowShapes {
    static let workflow = ObjectShape(
        "a workflow", "The steps of a run, in the closed profile of this product.",
        AssetShapes.head("workflow") + [
            optional("duties", .text(.slug), "name of the duty-separation policy; needed where people decide."),
            optional("chain", .list(of: .object(act), count: 0...20), "duties that people did before the run."),
            required(
                "outcomes", .list(of: .text(.line), count: 1...20), "outcomes a run can have, besides cancelled and faulted."),
            required("outcome", expression, "which of them it has, at the end."),
            optional("output", value, "what the run leaves behind."),
            required("do", steps, "the steps, in order."),
            optional("timeout", limit, "after this the run is given up."),
            optional(
                "schedule", .object(ScheduleShapes.schedule(value: value, expression: expression, length: length)),
                "what begins runs by itself."),
            optional(
                "secondPerson", .list(of: .choice(WorkflowDefinition.operations), count: 0...6),
                "what is done to its runs from outside only when a second person confirms it."),
            optional("extends", patternKey, "a pattern that gives what this file does not say."),
            optional("with", arguments, "the values of the pattern's parameters."),
        ])

    /// `name@version`.
    private static let patternKey = Shape.text(
        TextRule(
            "a pattern and its version", pattern: "^[a-z][a-z0-9-]{0,62}@.{1,60}$", length: 3...124,
            remedy: "Write it as name@version, such as question@1.0."
        ) { _ in true })
    private static let arguments = Shape.table(keys: .memberName, values: value, count: 0...WorkflowPattern.parametersMax)

    static let pattern = ObjectShape(
        "a pattern of workflows", "A step, or a workflow's body, that is written once and used by name and version.",
        AssetShapes.head("pattern") + [
            optional(
                "parameters", .table(keys: .memberName, values: .object(parameter), count: 0...WorkflowPattern.parametersMax),
                "what each place of use gives."),
            optional(
                "step", .anything("a step; {parameter: name} is a value given, $[name] a part of a text."), "the step it gives."),
            optional("workflow", .anything("a workflow without its head."), "the workflow it gives."),
        ])

    private static let parameter = ObjectShape(
        "a parameter", "A value that each place of use gives.",
        [
            required(
                "type",
                .choice(["text", "name", "integer", "boolean", "choice", "expression", "list", "object", "value"]),
                "what kind of value."),
            optional("title", .text(.line), "what it is for."),
            optional("default", value, "taken where none is given."),
            optional("min", number, "the least number, characters or items."),
            optional("max", number, "the most."),
            optional("values", .list(of: .text(.line), count: 1...WorkflowPattern.choicesMax), "what may be chosen."),
        ])

    /// `steps` and `task` contain each other.
    static let definitions: [(name: String, shape: Shape)] = [
        ("steps", .list(of: .table(keys: stepName, values: .reference("task"), count: 1...1), count: 1...500)),
        ("task", .object(task)),
    ]

    private static let steps = Shape.reference("steps")
    private static let value = Shape.anything("a value; texts in ${…} are expressions.")
    private static let expression = Shape.either([.text(.prose), .boolean, .integer(Int(Int32.min)...Int(Int32.max))])

    private static let stepName = TextRule(
        "a name", pattern: "^[a-z][a-z0-9-]{0,62}$", length: 1...63, remedy: "Use lower-case letters, digits and hyphens."
    ) { _ in true }

    private static let act = ObjectShape(
        "an act", "A duty that somebody did before the run.",
        [required("duty", .text(.slug), "name of the duty."), required("person", value, "who did it.")])

    private static let task = ObjectShape(
        "a step",
        "Exactly one of set, switch, do, call, for, fork, try, raise, wait, emit, listen, run, or a pattern that has it.",
        [
            optional("title", .text(.line), "as shown on pages."),
            optional("if", expression, "whether the step is taken."),
            optional("run", .object(innerRun), "another workflow, as a run of its own that is waited for."),
            optional("extends", patternKey, "a pattern that gives the rest of the step; `with` holds its values."),
            optional("set", .table(keys: .memberName, values: value, count: 1...50), "values to keep."),
            optional(
                "switch", .list(of: .table(keys: stepName, values: .object(branchCase), count: 1...1), count: 1...50),
                "the first case that holds says where to go."),
            optional("do", steps, "steps inside."),
            optional(
                "call",
                .choice([
                    "policy.decide", "match", "human.approve", "human.task", "exception.open", "document.read", "erp.read",
                    "erp.write",
                    "notify", "payment.release",
                ]), "what is done, and by whom."),
            optional("with", .table(keys: .memberName, values: value, count: 0...20), "what the call is given."),
            optional("idempotencyKey", value, "the key under which a write happens once."),
            optional("retry", .object(retry), "how often and when a call is tried again."),
            optional("timeoutSeconds", .integer(1...600), "seconds for one attempt."),
            optional("deadlines", .list(of: .object(deadline), count: 0...10), "what happens while people are waited for."),
            optional("for", .object(loop), "goes through a list; what is done for each item is in `do`."),
            optional("while", expression, "asked before each turn of a `for`."),
            optional("fork", .object(fork), "branches side by side."),
            optional("try", steps, "steps whose errors are caught."),
            optional("catch", .object(handler), "which errors, and what then."),
            optional("raise", .object(error), "fails with this error."),
            optional("wait", .either([.object(wait), length]), "waits for a time."),
            optional("emit", .object(emission), "sends an event."),
            optional("listen", .object(listener), "waits for events."),
            optional("timeout", limit, "after this the step is given up with an error of the kind timeout."),
            optional("compensate", steps, "what undoes the step, when a `try` around it is undone; `given` is what it gave."),
            optional("output", .object(output), "what the step gives on."),
            optional("export", .table(keys: .memberName, values: expression, count: 0...50), "values to keep in the context."),
            optional("measure", .object(measure), "clocks that the step starts and stops."),
            optional("then", .text(.line), "continue, exit, end, or a step of the same list."),
        ])

    private static let innerRun = ObjectShape(
        "a workflow inside", "A run of its own; what it leaves behind is what the step gives.",
        [
            required(
                "workflow",
                .object(
                    ObjectShape(
                        "a workflow and its input", "Always of one version.",
                        [
                            required("name", .text(.slug), "name of the workflow."),
                            required("version", .text(.version), "the version that this workflow was written for."),
                            required("input", value, "what the run is started with."),
                        ])), "the workflow.")
        ])

    private static let branchCase = ObjectShape(
        "a case", "Where to go, and when.",
        [
            optional("when", expression, "condition; the default case has none."),
            required("then", .text(.line), "continue, exit, end, or a step of the same list."),
        ])

    private static let retry = ObjectShape(
        "a retry rule", "Exponential back-off.",
        [
            optional("attempts", .integer(1...100), "attempts in all."),
            optional("initialSeconds", .integer(1...3600), "seconds before the second attempt."),
            optional("factorPercent", .integer(100...1000), "growth from wait to wait."),
            optional("capSeconds", .integer(1...86_400), "longest wait."),
            optional("jitterPercent", .integer(0...100), "random share taken off a wait."),
        ])

    private static let deadline = ObjectShape(
        "a deadline", "Does not interrupt; counts from the moment somebody is asked.",
        [
            required("name", .text(.slug), "name of the deadline."),
            optional("afterSeconds", .integer(1...31_622_400), "seconds on the wall."),
            optional("afterServiceSeconds", .integer(1...31_622_400), "seconds of the tenant's service time."),
            required("action", .choice(["notify", "escalate", "reassign"]), "what is done."),
            optional("role", .text(.slug), "to whom it is escalated or reassigned."),
        ])

    private static let fork = ObjectShape(
        "a fork", "Branches side by side.",
        [
            required(
                "branches", .list(of: .table(keys: stepName, values: .reference("task"), count: 1...1), count: 1...16),
                "the branches, each a step."),
            optional("compete", .boolean, "the first branch that finishes ends the others; false unless given."),
            optional("onError", .choice(["cancel", "wait"]), "what a failing branch does to the others; cancel unless given."),
        ])

    private static let loop = ObjectShape(
        "a loop", "What a `for` goes through.",
        [
            optional("each", .text(.memberName), "name of the item in the steps; item unless given."),
            optional("at", .text(.memberName), "name of its place, counted from 0; index unless given."),
            required("in", value, "the list, or an expression that gives it."),
            optional("parallel", .integer(1...16), "turns that are open side by side; 1 unless given."),
            optional("onError", .choice(["cancel", "wait"]), "what a failing turn does to the others; cancel unless given."),
        ])

    private static let number = Shape.integer(0...Int(Int32.max))

    /// `{minutes: 5, seconds: 30}`.
    private static let span = ObjectShape(
        "a length of time", "The sum of its units.",
        ["days", "hours", "minutes", "seconds", "milliseconds"].map { optional($0, number, "how many.") })

    private static let length = Shape.either([.object(span), .text(.line)])

    private static let limit = Shape.either([
        .object(
            ObjectShape("a timeout", "When it is over.", [required("after", .either([.object(wait), length]), "how long.")])),
        .object(wait), length,
    ])

    private static let emission = ObjectShape(
        "an emission", "The event that is sent.",
        [
            required(
                "event",
                .object(
                    ObjectShape(
                        "an event", "Its attributes.",
                        [
                            required(
                                "with", .table(keys: .memberName, values: value, count: 1...50),
                                "attributes by name, `type` among them, and `data`.")
                        ])), "the event."),
            optional("kept", length, "how long runs that begin to listen later may still take it; a day unless given."),
        ])

    private static let listener = ObjectShape(
        "a listener", "Which events are waited for.",
        [
            required(
                "to",
                .object(
                    ObjectShape(
                        "needs", "One of three.",
                        [
                            optional("one", .object(eventFilter), "this event."),
                            optional("any", .list(of: .object(eventFilter), count: 1...10), "the first of these."),
                            optional("all", .list(of: .object(eventFilter), count: 1...10), "one of each."),
                        ])), "the events."),
            optional("read", .choice(["data", "envelope"]), "what the step gives of each event; data unless given."),
            optional("kept", length, "how long before the step an event may have come; a day unless given."),
            optional("consume", .choice(["one", "all"]), "whether an event is for one run alone; for all unless given."),
        ])

    private static let eventFilter = ObjectShape(
        "a filter of events", "Which events.",
        [
            required("with", .table(keys: .memberName, values: value, count: 1...50), "attributes and the values they have."),
            optional("when", expression, "further condition about `event`."),
            optional(
                "correlate",
                .table(
                    keys: .memberName,
                    values: .object(
                        ObjectShape(
                            "a correlation", "What makes the event one of this run.",
                            [
                                required("from", expression, "read from `event`."),
                                optional("expect", value, "what it has to be; what the first event says unless given."),
                            ])), count: 0...10), "correlations by name."),
        ])

    private static let repetition = ObjectShape(
        "a repetition", "When the body is tried again.",
        [
            optional("when", expression, "only then."), optional("exceptWhen", expression, "not then."),
            optional("delay", length, "the first pause."), optional("backoff", .object(backoff), "how pauses grow."),
            optional(
                "jitter",
                .object(
                    ObjectShape(
                        "a jitter", "What is added to a pause by the run's own seed.",
                        [optional("from", length, "at least."), required("to", length, "at most.")])), "spread of the pauses."),
            required(
                "limit",
                .object(
                    ObjectShape(
                        "a limit", "When no attempt follows.",
                        [
                            optional(
                                "attempt",
                                .object(
                                    ObjectShape(
                                        "attempts", "How many.", [required("count", .integer(1...50), "attempts in all.")])),
                                "number of attempts."),
                            optional("duration", length, "since the first attempt."),
                        ])), "the end of it."),
        ])

    private static let growth = ObjectShape(
        "a growth", "How fast and how far.",
        [
            optional("factorPercent", .integer(101...1000), "growth from pause to pause; 200 unless given."),
            optional("cap", length, "the longest pause; an hour unless given."),
        ])

    private static let backoff = ObjectShape(
        "a back-off", "One of three.",
        [
            optional("constant", .object(ObjectShape("nothing", "No settings.", [])), "pauses stay as they are."),
            optional("linear", .object(growth), "pauses grow by the first."),
            optional("exponential", .object(growth), "pauses are multiplied."),
        ])

    private static let handler = ObjectShape(
        "a handler", "Which errors are caught, and what then.",
        [
            optional("errors", .object(filter), "which errors; all unless given."),
            optional("as", .text(.line), "name under which the steps see the error; error unless given."),
            optional("when", expression, "further condition."),
            optional("exceptWhen", expression, "not then."),
            optional("retry", .object(repetition), "the body is tried again before anything else is done."),
            optional("compensate", .boolean, "what the body had done is undone, the last step first."),
            optional("do", steps, "what then; needed without `retry` and `compensate`."),
        ])

    private static let filter = ObjectShape(
        "a filter", "Which errors.",
        [
            optional("types", .list(of: .text(.line), count: 0...50), "exception codes."),
            optional(
                "kinds",
                .list(of: .choice(["refused", "mismatch", "question", "raised", "policy", "engine", "timeout"]), count: 0...10),
                "kinds of errors."),
            optional(
                "with", .table(keys: .memberName, values: value, count: 0...5),
                "members of the problem: type, status, title, detail, instance."),
        ])

    private static let error = ObjectShape(
        "an error", "What is raised.",
        [
            required("type", value, "exception code."), required("title", value, "what went wrong, short."),
            optional("detail", value, "the particulars."), optional("status", value, "number of the problem."),
        ])

    private static let wait = ObjectShape(
        "a wait", "A length of time, a time in service hours, or an instant.",
        ["days", "hours", "minutes", "seconds", "milliseconds"].map { optional($0, number, "how many, on the wall.") } + [
            optional("serviceSeconds", .integer(1...31_622_400), "seconds of the tenant's service time."),
            optional("until", value, "an instant."),
        ])

    private static let output = ObjectShape(
        "an output", "What the step gives on.", [required("as", expression, "made from `output`.")])

    private static let measure = ObjectShape(
        "a measure", "Clocks that move with the step.",
        [
            optional("enter", .list(of: .object(clockChange), count: 0...10), "when the step is entered."),
            optional("exit", .list(of: .object(clockChange), count: 0...10), "when it is completed."),
        ])

    private static let clockChange = ObjectShape(
        "a clock change", "One verb and the clock's name.",
        ["start", "stop", "pause", "resume"].map { optional($0, .text(.slug), "name of the objective.") }
            + [optional("reason", .text(.reason), "why it pauses or resumes.")])
}
