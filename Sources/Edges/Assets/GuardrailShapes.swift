internal import Tenancy

/// The shape of guardrails, for editors; the room of policies judges what they mean.
enum GuardrailShapes {
    static let guardrails = ObjectShape(
        "guardrails", "Rules that bind every posting and payment of a tenant, whatever its workflows say.",
        AssetShapes.head("guardrails") + [
            required("rules", .list(of: .object(rule), count: 1...100), "the rules; those of all levels bind together."),
            PolicyShapes.tests(isRequired: false),
        ])

    private static let rule = ObjectShape(
        "a guardrail", "What binds, and what then happens.",
        [
            required("id", .text(.slug), "name of the rule; a lower level tightens it under the same id."),
            required("label", .text(.prose), "what it says, for people."),
            optional("acts", .list(of: .choice(["posting", "payment"]), count: 1...2), "what it is about; both unless given."),
            required(
                "check", .choice(["amount", "allowed", "order", "cooling-off", "derived", "condition"]),
                "what is looked at."),
            optional("limits", .list(of: .object(limit), count: 1...200), "for amount and order: one limit for each currency."),
            optional("per", .choice(["act", "day", "supplier-day"]), "for amount: what is summed up."),
            optional("of", .choice(["currency", "entity", "connection"]), "for allowed: what is compared."),
            optional("values", .list(of: .text(.line), count: 1...200), "for allowed: what may be."),
            optional("days", .integer(1...3650), "for cooling-off: days after the supplier's account changed."),
            optional("when", .text(.prose), "for condition: CEL over `act` and `invoice`; it binds where it is true."),
            required("effect", .choice(["approval", "hold", "forbid"]), "what happens to an act that is bound."),
            optional("role", .text(.slug), "for approval: whose signature it needs."),
            optional("quorum", .integer(1...10), "for approval: how many different people have to sign; 1 unless given."),
            required("reason", .text(.prose), "said to people: why, and what to do."),
        ])

    private static let limit = ObjectShape(
        "a limit", "An amount with its currency.",
        [
            required("amount", .text(.amount), "amount in units of the currency, quoted."),
            required("currency", .text(.currency), "ISO 4217 code."),
        ])
}
