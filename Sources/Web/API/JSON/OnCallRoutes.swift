internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// Who is on call: the rota with its coverage, exchanges of shifts, and test pages.
struct OnCallRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        [
            services.reading(
                "on-call", .incidentsRead,
                RouteDocumentation(
                    "getOnCall", "Who answers now, the gaps of the next 52 weeks, and exchanges of shifts.",
                    responseSchema: OnCallRoutes.object, problems: [404])
            ) { [services] _, context in
                let rota = try await services.onCalling.rota(for: context.scope.id)
                let swaps = context.scope.kind == "operator" ? try await services.onCalling.swaps(in: context.scope) : []
                return OnCallRoutes.view(rota, swaps: swaps, at: context.now)
            },
            services.writing(
                "on-call/test-page", .incidentsManage,
                RouteDocumentation(
                    "testPage", "Pages you by every channel of the rota.", responseSchema: OnCallRoutes.object,
                    problems: [404, 422])
            ) { [services] _, body, context in
                _ = try BodyFields(body, known: [])
                let pages = try await services.onCalling.testPage(as: context.actor, scope: context.scope)
                return (200, ["pages": .array(pages.map { OnCallRoutes.page($0, []) })])
            },
            services.reading(
                "on-call/test-pages", .incidentsRead,
                RouteDocumentation(
                    "listTestPages", "The last test pages with every attempt.", responseSchema: OnCallRoutes.object)
            ) { [services] _, context in
                let tests = try await services.onCalling.tests(in: context.scope)
                return ["items": .array(tests.map { OnCallRoutes.page($0.page, $0.attempts) })]
            },
            services.reading(
                "on-call/digests", .incidentsRead,
                RouteDocumentation(
                    "listDigests",
                    "The last digests of what can wait with what became of each, and what the next ones say; the operator's.",
                    responseSchema: OnCallRoutes.object)
            ) { [services] _, context in
                let found = try await services.digesting.digests(in: context.scope)
                let coming = try await services.digesting.coming(in: context.scope)
                return [
                    "items": .array(found.map(OnCallRoutes.digest)),
                    "coming": .array(
                        coming.map {
                            [
                                "person": .string($0.person), "rota": .string($0.rota), "dueAt": JSONValue($0.dueAt),
                                "items": JSONValue($0.message.count),
                                "text": $0.message.count == 0 ? "" : .string($0.message.text),
                            ]
                        }),
                ]
            },
            ask,
        ] + OnCalling.SwapAnswer.allCases.map(answer)
    }

    private var ask: Route {
        let text: JSONValue = ["type": "string", "maxLength": 500]
        return services.writing(
            "on-call/swaps", .incidentsManage,
            RouteDocumentation(
                "askSwap", "Asks a colleague to take your turns; times are wall times of the rota's zone.",
                requestSchema: [
                    "type": "object", "required": ["from", "to", "taker", "reason"], "additionalProperties": false,
                    "properties": [
                        "layer": ["type": "string", "pattern": "^[1-5]$"], "from": text, "to": text, "taker": text,
                        "reason": text,
                    ],
                ],
                responseSchema: OnCallRoutes.object, responseStatus: 201, problems: [400, 404, 409, 422])
        ) { [services] _, body, context in
            let fields = try BodyFields(body, known: ["layer", "from", "to", "taker", "reason"])
            let row = try await OnCallRoutes.ask(
                services, layer: try fields.textIfAny("layer") ?? "1", from: try fields.text("from"), to: try fields.text("to"),
                taker: try fields.text("taker"), reason: try fields.text("reason"), context)
            return (201, OnCallRoutes.swap(row))
        }
    }

    /// What a form and a request have in common: texts that people wrote.
    static func ask(
        _ services: Services, layer: String, from: String, to: String, taker: String, reason: String, _ context: TenantContext
    ) async throws -> SwapRow {
        let zone = try await services.onCalling.rota(for: context.scope.id).zone
        func instant(_ text: String, _ field: String) throws(Refusal) -> Moment {
            guard let local = Rota.LocalTime(text) else {
                throw Refusal(
                    .invalid, reason: "on-call.time",
                    "\(field) is a wall time of \(zone.identifier) without offset, such as 2026-12-24T18:00.",
                    facts: ["field": field])
            }
            return zone.instant(of: local.date, secondOfDay: local.secondOfDay)
        }
        return try await services.onCalling.askSwap(
            layer: (Int(layer) ?? 0) - 1, from: try instant(from, "from"), to: try instant(to, "to"), taker: taker,
            reason: reason, as: context.actor, scope: context.scope)
    }

    private func answer(_ answer: OnCalling.SwapAnswer) -> Route {
        let (verb, id, words): (String, String, String) =
            switch answer {
            case .agreed: ("agree", "agreeToSwap", "Takes the shift; it is yours from then on.")
            case .declined: ("decline", "declineSwap", "Declines; the shift stays where it is.")
            case .withdrawn: ("withdraw", "withdrawSwap", "Takes your own request back while it is open.")
            }
        return services.writing(
            "on-call/swaps/{id}/\(verb)", .incidentsManage,
            RouteDocumentation(id, words, responseSchema: OnCallRoutes.object, problems: [403, 404, 409, 422])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let row = try await services.onCalling.answerSwap(
                try request.id(), answer, as: context.actor, scope: context.scope)
            return (200, OnCallRoutes.swap(row))
        }
    }

    // MARK: Forms

    static func page(_ page: PageRow, _ attempts: [PageAttemptRow]) -> JSONValue {
        .object([
            "id": JSONValue(page.id), "person": .string(page.personName), "channel": .string(page.channel),
            "kind": .string(page.kind), "layer": .string(page.layer), "reason": .string(page.reason),
            "state": .string(page.state), "decidedAt": JSONValue(page.decidedAt), "dueAt": JSONValue(page.dueAt),
            "endedAt": page.endedAt.map { JSONValue($0) },
            "attempts": .array(
                attempts.map {
                    [
                        "attempt": JSONValue(Int($0.attempt)), "at": JSONValue($0.at), "outcome": .string($0.outcome),
                        "answer": .string($0.answer), "milliseconds": JSONValue(Int($0.milliseconds)),
                    ]
                }),
        ])
    }

    static func swap(_ row: SwapRow) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "rota": .string(row.rota), "layer": JSONValue(Int(row.layer) + 1),
            "from": JSONValue(row.from), "to": JSONValue(row.to), "giver": JSONValue(row.giver), "taker": JSONValue(row.taker),
            "reason": .string(row.reason), "state": .string(row.state), "askedAt": JSONValue(row.askedAt),
            "answeredAt": row.answeredAt.map { JSONValue($0) },
        ])
    }

    static func digest(_ row: DigestRow) -> JSONValue {
        [
            "id": JSONValue(row.id), "rota": .string(row.rota), "person": .string(row.personName),
            "dueAt": JSONValue(row.dueAt), "state": .string(row.state), "items": JSONValue(Int(row.items)),
            "attempts": JSONValue(Int(row.attemptsUsed)), "answer": .string(row.answer), "endedAt": JSONValue(row.endedAt),
        ]
    }

    /// Gaps beyond so many are counted and not listed.
    static let gapsMax = 100

    private static func view(_ rota: OnCall, swaps: [SwapRow], at now: Moment) -> JSONValue {
        let coverage = rota.coverage(from: now)
        let layers = rota.document.layers.indices.map { index -> JSONValue in
            let layer = rota.document.layers[index]
            return .object([
                "title": .string(layer.title), "now": JSONValue(rota.person(onTurnIn: index, at: now)?.name),
                "until": coverage.layers[index].shifts.first.map { JSONValue($0.end) },
                "next": coverage.layers[index].shifts.dropFirst().first.map { JSONValue($0.user.map(rota.name)) },
                "tell": .string(layer.telling.rawValue), "answerWithinSeconds": JSONValue(layer.answerSeconds),
                "gapSeconds": JSONValue(coverage.layers[index].gapSeconds),
                "load": .array(
                    coverage.layers[index].load.map {
                        ["person": .string(rota.name($0.user)), "seconds": JSONValue($0.seconds)]
                    }),
            ])
        }
        return .object([
            "name": .string(rota.document.name), "title": .string(rota.document.title),
            "timezone": .string(rota.document.timeZone), "zoneData": .string(rota.zone.version),
            "channels": .array(rota.document.channels.map { .string($0.rawValue) }),
            "repeats": JSONValue(rota.document.repeats), "dutyManager": JSONValue(rota.manager?.name), "layers": .array(layers),
            "coverage": [
                "from": JSONValue(coverage.from), "to": JSONValue(coverage.to), "gapSeconds": JSONValue(coverage.gapSeconds),
                "gaps": JSONValue(coverage.gaps.count),
                "first": .array(
                    coverage.gaps.prefix(gapsMax).map {
                        ["from": JSONValue(Moment(seconds: $0.start)), "to": JSONValue(Moment(seconds: $0.end))]
                    }),
            ], "swaps": .array(swaps.map(swap)),
        ])
    }
}
