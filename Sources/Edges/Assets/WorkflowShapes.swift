internal import Tenancy

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
        "a step", "Exactly one of set, switch, do, call, fork, try, raise, wait.",
        [
            optional("title", .text(.line), "as shown on pages."),
            optional("if", expression, "whether the step is taken."),
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
            optional("fork", .object(fork), "branches side by side."),
            optional("try", steps, "steps whose errors are caught."),
            optional("catch", .object(handler), "which errors, and what then."),
            optional("raise", .object(error), "fails with this error."),
            optional("wait", .object(wait), "waits for a time."),
            optional("output", .object(output), "what the step gives on."),
            optional("export", .table(keys: .memberName, values: expression, count: 0...50), "values to keep in the context."),
            optional("measure", .object(measure), "clocks that the step starts and stops."),
            optional("then", .text(.line), "continue, exit, end, or a step of the same list."),
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
                "branches", .list(of: .table(keys: stepName, values: .object(branch), count: 1...1), count: 1...16),
                "the branches."),
            optional("onError", .choice(["cancel", "wait"]), "what a failing branch does to the others; cancel unless given."),
        ])

    private static let branch = ObjectShape(
        "a branch", "Steps of one branch.",
        [optional("title", .text(.line), "as shown on pages."), required("do", steps, "the steps, in order.")])

    private static let handler = ObjectShape(
        "a handler", "Which errors are caught, and what then.",
        [
            optional("errors", .object(filter), "which errors; all unless given."),
            optional("as", .text(.line), "name under which the steps see the error; error unless given."),
            optional("when", expression, "further condition."),
            required("do", steps, "what then."),
        ])

    private static let filter = ObjectShape(
        "a filter", "Which errors.",
        [
            optional("types", .list(of: .text(.line), count: 0...50), "exception codes."),
            optional(
                "kinds", .list(of: .choice(["refused", "mismatch", "question", "raised", "policy", "engine"]), count: 0...10),
                "kinds of errors."),
        ])

    private static let error = ObjectShape(
        "an error", "What is raised.",
        [
            required("type", value, "exception code."), required("title", value, "what went wrong, short."),
            optional("detail", value, "the particulars."),
        ])

    private static let wait = ObjectShape(
        "a wait", "One of three.",
        [
            optional("seconds", .integer(1...31_622_400), "seconds on the wall."),
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
