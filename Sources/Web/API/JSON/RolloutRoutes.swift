internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// Versions of workflows that come into use: where they stand, what was counted, what their shadows found, and what people
/// decide.
struct RolloutRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [list, show, comparisons] + RollingOut.Act.allCases.map(turn) }

    private var list: Route {
        services.reading(
            "rollouts", .configurationRead,
            RouteDocumentation(
                "listRollouts", "Rollouts that are configured here, with the figures of both versions.",
                responseSchema: RolloutRoutes.object)
        ) { [services] _, context in
            ["items": .array(try await services.rolling.all(context.scope).map(RolloutRoutes.view))]
        }
    }

    private var show: Route {
        services.reading(
            "rollouts/{name}", .configurationRead,
            RouteDocumentation(
                "getRollout", "One rollout, by the name of its workflow: bars, figures, verdict.",
                responseSchema: RolloutRoutes.object, problems: [404])
        ) { [services] request, context in
            RolloutRoutes.view(try await services.rolling.one(try request.parameter("name"), context.scope))
        }
    }

    /// Comparisons tell what documents say, so they are for those who may see runs.
    private var comparisons: Route {
        services.reading(
            "rollouts/{name}/comparisons", .runsRead,
            RouteDocumentation(
                "listComparisons", "What shadows found, newest first, with what is at stake.",
                parameters: PageRequest.parameters + [
                    .init("verdict", "Only comparisons of this verdict: same, different, unknown or incomparable.")
                ],
                responseSchema: RolloutRoutes.object, problems: [400, 404])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let verdict = request.query("verdict")
            if let verdict, ShadowReport.Verdict(rawValue: verdict) == nil {
                throw Refusal(
                    .invalid, reason: "rollout.verdict", "A comparison is same, different, unknown or incomparable.",
                    facts: ["field": "verdict"])
            }
            let shown = try await services.rolling.one(try request.parameter("name"), context.scope)
            let rows = try await services.rolling.comparisons(
                shown.row.id, context.scope, verdict: verdict, before: try page.position(RunID.self), limit: page.limit)
            var answer = page.answer(rows.map(RolloutRoutes.view), last: rows.last.map { ($0.at, $0.run) }).object ?? [:]
            answer["stakes"] = .array(
                try await services.rolling.stakes(shown.row.id, context.scope).map { stake in
                    .object([
                        "kind": .string(stake.kind), "count": JSONValue(stake.count),
                        "amount": stake.amount.map { .string($0.description) },
                    ])
                })
            return .object(answer)
        }
    }

    private func turn(_ act: RollingOut.Act) -> Route {
        let (id, words): (String, String) =
            switch act {
            case .promote: ("promoteRollout", "Enters the next stage: from the shadow the pilot, from the pilot live.")
            case .rollback: ("rollBackRollout", "New runs go by the version that was live before, from now on.")
            case .hold: ("holdRollout", "Keeps the stage until it is released; a broken hard bar still rolls back.")
            case .release: ("releaseRollout", "Lets verdicts count again.")
            }
        let text: JSONValue = ["type": "string", "maxLength": JSONValue(RollingOut.reasonScalarsMax)]
        return services.writing(
            "rollouts/{name}/\(act.rawValue)", .configurationApply,
            RouteDocumentation(
                id, words,
                requestSchema: [
                    "type": "object", "required": ["stage", "reason"], "additionalProperties": false,
                    "properties": ["stage": text, "reason": text],
                ],
                responseSchema: RolloutRoutes.object, problems: [400, 403, 404, 409, 412])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["stage", "reason"])
            return try Views.answer(
                try await services.rolling.turn(
                    try request.parameter("name"), act, stage: try fields.text("stage"), reason: try fields.text("reason"),
                    key: try Services.idempotencyKey(request), as: context.actor, scope: context.scope))
        }
    }

    // MARK: Forms

    static func view(_ shown: RollingOut.Shown) -> JSONValue {
        let verdict = shown.verdict
        return .object([
            "name": .string(shown.rollout.name), "title": .string(shown.rollout.title),
            "candidate": .string(shown.rollout.candidate), "live": .string(shown.liveVersion),
            "stage": .string(shown.stage.rawValue), "isHeld": .bool(shown.row.isHeld), "hasBegun": .bool(shown.hasBegun),
            "share": JSONValue(shown.rollout.share), "minimum": JSONValue(shown.rollout.minimum),
            "windowHours": JSONValue(shown.rollout.windowHours),
            "promote": .string(shown.rollout.isAutomatic ? "automatic" : "propose"),
            "since": shown.hasBegun ? JSONValue(shown.row.stageSince) : .null, "reason": .string(shown.row.reason),
            "changedBy": shown.row.changedBy.map { JSONValue($0) }, "obstacle": shown.obstacle.map(JSONValue.string),
            "verdict": .string(verdict.kind.rawValue), "because": .array(verdict.reasons.map(JSONValue.string)),
            "lastVerdict": shown.row.verdict,
            "figures": ["candidate": shown.candidate.json, "live": shown.live.json],
            "bars": .array(
                shown.rollout.bars.map { bar in
                    [
                        "metric": .string(bar.metric.rawValue), "words": .string(bar.words), "hard": .bool(bar.isHard),
                        "standing": .string(
                            RolloutVerdict.standing(of: bar, candidate: shown.candidate, live: shown.live).rawValue),
                    ]
                }),
        ])
    }

    private static func view(_ row: ComparisonRow) -> JSONValue {
        .object([
            "run": JSONValue(row.run), "at": JSONValue(row.at), "verdict": .string(row.verdict), "subject": .string(row.subject),
            "amountMinor": row.amountMinor.map { JSONValue($0) }, "currency": row.currency.map(JSONValue.string),
            "report": row.report,
        ])
    }
}
