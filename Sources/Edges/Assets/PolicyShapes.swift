internal import Tenancy

/// The shapes of policies and their tests, for editors; the room of policies judges what they mean.
enum PolicyShapes {
    static let decisionTable = ObjectShape(
        "a decision table", "Rules over named inputs, in the shape of DMN.",
        AssetShapes.head("decision-table") + [
            optional(
                "hitPolicy",
                .choice([
                    "UNIQUE", "ANY", "PRIORITY", "FIRST", "COLLECT", "RULE ORDER", "OUTPUT ORDER", "U", "A", "P", "F", "R", "O",
                    "C",
                    "C+", "C<", "C>", "C#",
                ]),
                "what happens when several rules apply, in words or as DMN prints it; UNIQUE unless given."),
            optional("aggregate", .choice(["list", "sum", "min", "max", "count"]), "what COLLECT makes of the outcomes."),
            required("inputs", .list(of: .object(input), count: 1...12), "the columns that are asked."),
            required("outputs", .list(of: .object(output), count: 1...12), "the columns that are answered."),
            required("rules", .list(of: .object(rule), count: 1...500), "one entry a row."),
            optional("otherwise", outcome, "the outcome when no rule applies."),
            optional(
                "monotone", .list(of: .object(promise), count: 0...10),
                "outcomes that never fall, or never rise, while an input rises; proven at every check."),
            given, terms, tests(isRequired: false),
        ])

    static let formula = ObjectShape(
        "a formula", "One expression of FEEL, for what is computed and not looked up.",
        AssetShapes.head("formula") + [
            required("feel", .text(.prose), "the expression, over what is given and the terms."), given, terms,
            tests(isRequired: false),
        ])

    private static let given = optional(
        "given",
        .list(
            of: .object(
                ObjectShape(
                    "a given", "A member of the input that FEEL may use.",
                    [
                        required("name", .text(.line), "name of the member, which may hold blanks."),
                        optional("type", .choice(["decimal", "string", "bool", "date", "any"]), "its type; any unless given."),
                    ])), count: 0...200),
        "members of the input that FEEL may use.")

    private static let terms = optional(
        "terms",
        .list(
            of: .object(
                ObjectShape(
                    "a term", "A value computed once, under a name.",
                    [
                        required("name", .text(.line), "name of the term."),
                        required("feel", .text(.prose), "the expression, over what is given and the terms before."),
                    ])), count: 0...50),
        "values computed before the columns, in order.")

    private static let promise = ObjectShape(
        "a promise", "An outcome that follows an input.",
        [
            required("input", .text(.line), "a column of numbers, dates or money."),
            required("output", .text(.line), "the outcome."),
            optional("direction", .choice(["rising", "falling"]), "how the outcome may go; rising unless given."),
        ])

    private static let input = ObjectShape(
        "an input", "A column that is asked.",
        [
            required("name", .text(.line), "name of the column."),
            required(
                "type", .choice(["decimal", "string", "bool", "date", "money", "number", "boolean", "enum"]),
                "type of its values; number and boolean are other names, an enum is a string with `values`."),
            optional("expression", .text(.prose), "what it reads, in CEL over `input`."),
            optional("feel", .text(.prose), "what it reads, in FEEL; instead of `expression`."),
            optional("values", .list(of: .text(.line), count: 0...200), "all words that a string column can hold."),
            optional("personal", .boolean, "whether receipts keep a fingerprint instead of the value."),
        ])

    private static let output = ObjectShape(
        "an output", "A column that is answered.",
        [
            required("name", .text(.line), "name of the column."),
            optional("values", .list(of: .anything("a value."), count: 1...200), "possible values in order of priority."),
        ])

    private static let columnName = TextRule(
        "a column name", pattern: "^[^\\u0000-\\u001f]+$", length: 1...200, remedy: "Use the name of a column."
    ) { _ in true }

    private static let cell = Shape.either([.text(.line), .boolean, .integer(Int(Int32.min)...Int(Int32.max)), .nothing])
    private static let outcome = Shape.table(keys: columnName, values: .anything("a value."), count: 0...12)

    private static let rule = ObjectShape(
        "a rule", "A row of the table.",
        [
            required("id", .text(.slug), "name of the rule; receipts say which rules fired."),
            required("label", .text(.prose), "what it says, for people."),
            required(
                "when", .table(keys: columnName, values: cell, count: 0...12),
                "a test for each input: - for any, a value, a comparison such as >= 100, [0..100], not(…)."),
            required("then", outcome, "a value for each output."),
        ])

    static let approvalMatrix = ObjectShape(
        "an approval matrix", "Who has to sign, by amount, currency, entity, category and risk.",
        AssetShapes.head("approval-matrix") + [
            required("rows", .list(of: .object(row), count: 0...500), "bands; they may not overlap."),
            required("otherwise", .object(otherwise), "who signs what no row covers."),
            tests(isRequired: false),
        ])

    private static let steps = required(
        "steps", .list(of: .object(step), count: 0...10), "the signatures, one step after the other.")
    private static let scopes: [ObjectShape.Member] = ["currencies", "entities", "categories", "risks"].map {
        optional($0, .list(of: .text(.line), count: 0...200), "values that the row covers; all unless given.")
    }

    private static let row = ObjectShape(
        "a band", "A band of amounts and who signs in it.",
        [
            required("id", .text(.slug), "name of the band."), required("label", .text(.prose), "what it says, for people."),
            optional("over", .text(.amount), "amounts above this, exclusive."),
            optional("upTo", .text(.amount), "amounts up to this, inclusive."),
        ] + scopes + [steps])

    private static let otherwise = ObjectShape(
        "the rest", "What no band covers.", [required("label", .text(.prose), "what it says, for people."), steps])

    private static let step = ObjectShape(
        "a step", "Signatures of one role.",
        [
            required("role", .text(.slug), "name of a role of the operator's file."),
            optional("quorum", .integer(1...10), "how many different people have to sign; 1 unless given."),
            required("label", .text(.prose), "what it is called on pages."),
        ])

    static let tolerances = ObjectShape(
        "a table of tolerances", "How far an invoice may differ from order and receipt.",
        AssetShapes.head("tolerances") + [
            required("rows", .list(of: .object(tolerance), count: 0...500), "the most specific row of a check holds."),
            tests(isRequired: false),
        ])

    private static let tolerance = ObjectShape(
        "a tolerance", "One check. A bound that is null is not checked, which is not the same as zero.",
        [
            required("id", .text(.slug), "name of the row."), required("label", .text(.prose), "what it says, for people."),
            optional("version", .integer(1...1_000_000), "version of the row; 1 unless given."),
            required(
                "check", .choice(["price", "quantityOrder", "quantityReceipt", "noReceipt", "blanket", "early"]),
                "what is compared."),
            optional("scope", .object(scope), "for whom it holds; everybody unless given."),
            optional("direction", .choice(["over", "under", "both"]), "which differences count; over unless given."),
            optional(
                "absMinor", .either([.integer(0...1_000_000_000_000), .nothing]), "bound in minor units of the currency, or null."
            ),
            optional("pct", .either([.text(percent), .nothing]), "bound in per cent, quoted, or null."),
            optional("combine", .choice(["any", "all"]), "whether one bound exceeded is enough; any unless given."),
            optional("action", .choice(["pass", "hold", "reject"]), "what exceeding does; hold unless given."),
        ])

    private static let percent = TextRule(
        "a per cent", pattern: "^(0|[1-9][0-9]*)(\\.[0-9]+)?$", length: 1...20, remedy: "Write digits in quotes, such as \"2.5\"."
    ) { _ in true }

    private static let scope = ObjectShape(
        "a scope", "For whom the row holds.",
        ["entity", "supplier", "category", "currency"].map { optional($0, .text(.line), "this one only.") })

    static let dutySeparation = ObjectShape(
        "rules of duty separation", "Which duties one natural person may not combine.",
        AssetShapes.head("duty-separation") + [
            required("rules", .list(of: .object(pair), count: 1...200), "pairs of duties."), tests(isRequired: false),
        ])

    private static let pair = ObjectShape(
        "a pair of duties", "Two duties that one person may not combine.",
        [
            required("id", .text(.line), "identifier in the library of pairs."),
            required("duty", .text(.slug), "the one duty."), required("conflicts", .text(.slug), "the other."),
            optional("mode", .choice(["dynamic", "static"]), "on one chain of objects, or at all; dynamic unless given."),
            optional("severity", .choice(["critical", "high", "medium"]), "how much it matters; high unless given."),
            required("message", .text(.prose), "said to who did the one and wants the other: what happened and the way out."),
            optional("reverseMessage", .text(.prose), "said the other way round; `message` unless given."),
        ])

    static let tests = ObjectShape(
        "a file of policy tests", "Further cases for a policy that the tenant uses, run at every check.",
        [
            required("kind", .choice(["policy-tests"]), "always `policy-tests`."),
            required("name", .text(.slug), "the file's name."),
            required("policy", .text(.slug), "name of the policy."),
            tests(isRequired: true),
        ])

    static func tests(isRequired: Bool) -> ObjectShape.Member {
        let note = "cases that have to come out as written; run at every check."
        let list = Shape.list(of: .object(test), count: (isRequired ? 1 : 0)...500)
        return isRequired ? required("tests", list, note) : optional("tests", list, note)
    }

    private static let test = ObjectShape(
        "a test", "An input and what has to come out.",
        [
            required("name", .text(.prose), "a sentence about the business."),
            required("input", .anything("what the policy is asked."), "what the policy is asked."),
            required("expect", .object(expectation), "what has to come out; at least one member."),
        ])

    private static let expectation = ObjectShape(
        "an expectation", "What has to come out.",
        [
            optional("outcome", .anything("the whole outcome."), "the whole outcome."),
            optional("rules", .list(of: .text(.line), count: 0...200), "ids of the rules that fire, in order."),
            optional("refused", .text(.line), "the reason code of the refusal."),
        ])
}
