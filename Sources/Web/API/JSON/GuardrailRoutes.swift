internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// What binds a tenant's postings and payments, and what it bound. Guardrails are changed by publishing files, never here.
struct GuardrailRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [list, acts] }

    private var list: Route {
        services.reading(
            "guardrails", .runsRead,
            RouteDocumentation(
                "listGuardrails",
                "Rules that bind the tenant now, nearest level first, what each bound in the last 30 days, and today's sums.",
                responseSchema: GuardrailRoutes.object)
        ) { [services] _, context in
            let rules = try await services.looking.guardrails(context.scope.id)
            let today = try await services.looking.guardedToday(context.scope.id)
            return [
                "items": .array(rules.map(GuardrailRoutes.view)),
                "today": .array(
                    today.map { sum in
                        [
                            "act": .string(sum.kind),
                            "amount": ["amount": .string(sum.amount), "currency": .string(sum.currency)],
                        ]
                    }),
            ]
        }
    }

    private var acts: Route {
        services.reading(
            "guardrails/acts", .runsRead,
            RouteDocumentation(
                "listGuardedActs", "Postings and payments under guardrails, newest first; those that a rule bound unless `all`.",
                parameters: PageRequest.parameters + [
                    .init("run", "Only those of this run."), .init("all", "`true` for those that nothing bound as well."),
                ], responseSchema: GuardrailRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            var run: RunID?
            if let text = request.query("run") {
                guard let id = RunID(text) else {
                    throw Refusal(.invalid, reason: "guardrails.run", "`run` is the id of a run.", facts: ["field": "run"])
                }
                run = id
            }
            let rows = try await services.looking.guardedActs(
                context.scope.id, run: run, boundOnly: request.query("all") != "true", before: try page.position(AnyID.self),
                limit: page.limit)
            return page.answer(rows.map(GuardrailRoutes.view), last: rows.last.map { ($0.act.at, $0.act.id) })
        }
    }

    private static func view(_ rule: Looking.ListedGuardrail) -> JSONValue {
        [
            "scope": .string(rule.scope), "policy": .string(rule.policy), "version": .string(rule.version),
            "rule": .string(rule.rule), "label": .string(rule.label), "sentence": .string(rule.sentence),
            "effect": .string(rule.effect), "reason": .string(rule.reason), "bound": JSONValue(rule.bound),
            "through": JSONValue(rule.through),
        ]
    }

    private static func view(_ listed: Looking.ListedAct) -> JSONValue {
        .object([
            "id": JSONValue(listed.act.id), "at": JSONValue(listed.act.at), "run": JSONValue(listed.act.run),
            "subject": .string(listed.subject), "counterparty": .string(listed.counterparty), "state": .string(listed.act.state),
            "day": .string(listed.act.day.description), "facts": listed.act.facts, "bound": listed.act.bound,
            "verdict": listed.act.verdict,
        ])
    }
}
