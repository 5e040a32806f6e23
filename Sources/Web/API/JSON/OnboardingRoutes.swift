internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Bringing tenants in: registering those that are to come, and the steps of those that are here.
struct OnboardingRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let line: JSONValue = ["type": "string", "minLength": 1, "maxLength": 200]
    private static let reason: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": JSONValue(Onboarding.reasonCharactersMax),
    ]

    var all: [Route] { [list, show, confirm, skip, registrations, register, withdraw] }

    // MARK: Onboardings

    private var list: Route {
        services.reading(
            "onboardings", .onboardingRead,
            RouteDocumentation(
                "listOnboardings",
                "The onboardings of the tenants below this scope that one may see, those under way first; of a tenant its own.",
                responseSchema: OnboardingRoutes.object)
        ) { [services] _, context in
            let standings = try await services.onboardings.all(try await OnboardingRoutes.tenants(below: context, services))
            return ["items": .array(standings.map { OnboardingRoutes.view($0, withSteps: false) })]
        }
    }

    private var show: Route {
        services.reading(
            "onboarding", .onboardingRead,
            RouteDocumentation(
                "showOnboarding",
                "How far a tenant has come: every step, how and when it was settled, what is missing and how to go on.",
                responseSchema: OnboardingRoutes.object, problems: [404])
        ) { [services] _, context in
            OnboardingRoutes.view(try await services.onboardings.one(context.scope), withSteps: true)
        }
    }

    private var confirm: Route {
        acting(
            "confirm", "confirmOnboardingStep",
            "Says that a step is done that nothing in the product can show (access), with a reason."
        ) { [services] step, reason, context in
            try await services.onboardings.confirm(step, reason: reason, as: context.actor, scope: context.scope)
        }
    }

    private var skip: Route {
        acting(
            "skip", "skipOnboardingStep",
            "Goes on without a step (access, brand, contract), with a reason. A fact takes its place if it comes later."
        ) { [services] step, reason, context in
            try await services.onboardings.skip(step, reason: reason, as: context.actor, scope: context.scope)
        }
    }

    private func acting(
        _ verb: String, _ name: String, _ words: String,
        _ act: @escaping @Sendable (Onboarding.Step, String, TenantContext) async throws -> Onboardings.Standing
    ) -> Route {
        services.writing(
            "onboarding/\(verb)", .onboardingManage,
            RouteDocumentation(
                name, words,
                requestSchema: [
                    "type": "object", "required": ["step", "reason"], "additionalProperties": false,
                    "properties": [
                        "step": ["enum": .array(Onboarding.Step.allCases.map { .string($0.rawValue) })],
                        "reason": OnboardingRoutes.reason,
                    ],
                ], responseSchema: OnboardingRoutes.object, problems: [400, 403, 404, 409, 422])
        ) { _, body, context in
            let fields = try BodyFields(body, known: ["step", "reason"])
            let step = try OnboardingRoutes.step(try fields.text("step"))
            return (200, OnboardingRoutes.view(try await act(step, try fields.text("reason"), context), withSteps: true))
        }
    }

    static func step(_ text: String) throws(Refusal) -> Onboarding.Step {
        guard let step = Onboarding.Step(rawValue: text) else {
            throw Refusal(
                .invalid, reason: "onboarding.step",
                "step is one of \(Onboarding.Step.allCases.map(\.rawValue).joined(separator: ", ")).", facts: ["field": "step"])
        }
        return step
    }

    // MARK: Registrations

    private var registrations: Route {
        services.reading(
            "registrations", .tenantsManage,
            RouteDocumentation(
                "listRegistrations", "Tenants that are registered with the operator and not applied yet, the newest first.",
                responseSchema: OnboardingRoutes.object, problems: [404])
        ) { [services] _, context in
            guard context.scope.kind == "operator" else { throw Refusal.notFound }
            let rows = try await services.onboardings.registrations(context.scope)
            return ["items": .array(rows.map(OnboardingRoutes.view))]
        }
    }

    private var register: Route {
        services.writing(
            "registrations", .tenantsManage,
            RouteDocumentation(
                "registerTenant", "Registers a tenant before there are files of it. Its onboarding counts from now.",
                requestSchema: [
                    "type": "object", "required": ["slug", "name", "partner"], "additionalProperties": false,
                    "properties": [
                        "slug": OnboardingRoutes.line, "name": OnboardingRoutes.line, "partner": OnboardingRoutes.line,
                    ],
                ], responseSchema: OnboardingRoutes.object, responseStatus: 201, problems: [400, 404, 409, 422])
        ) { [services] _, body, context in
            guard context.scope.kind == "operator" else { throw Refusal.notFound }
            let fields = try BodyFields(body, known: ["slug", "name", "partner"])
            let row = try await services.onboardings.register(
                slug: try fields.text("slug"), name: try fields.text("name"), partner: try fields.text("partner"),
                as: context.actor, scope: context.scope)
            return (201, OnboardingRoutes.view(row))
        }
    }

    private var withdraw: Route {
        services.writing(
            "registrations/{id}/withdraw", .tenantsManage,
            RouteDocumentation(
                "withdrawRegistration", "Takes a registration back whose tenant has not come, with a reason.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["reason": OnboardingRoutes.reason],
                ], responseSchema: OnboardingRoutes.object, problems: [400, 404])
        ) { [services] request, body, context in
            guard context.scope.kind == "operator" else { throw Refusal.notFound }
            let fields = try BodyFields(body, known: ["reason"])
            let row = try await services.onboardings.withdraw(
                try request.id(), reason: try fields.text("reason"), as: context.actor, scope: context.scope)
            return (200, OnboardingRoutes.view(row))
        }
    }

    // MARK: Helpers

    /// The tenants at or below the scope of the request whose onboarding the caller may see.
    static func tenants(below context: TenantContext, _ services: Services) async throws -> [ScopeRow] {
        var out: [ScopeRow] = []
        for row in try await services.access.visibleScopes(context.visitor) where row.kind == "tenant" {
            let node = try await services.access.node(of: row)
            guard context.node.covers(node), context.visitor.authority.permits(.onboardingRead, in: node, at: context.now) else {
                continue
            }
            out.append(row)
        }
        return out
    }

    static func view(_ row: RegistrationRow) -> JSONValue {
        [
            "id": JSONValue(row.id), "slug": .string(row.slug), "name": .string(row.name), "partner": .string(row.partner),
            "registeredAt": JSONValue(row.registeredAt),
        ]
    }

    static func view(_ standing: Onboardings.Standing, withSteps: Bool) -> JSONValue {
        let state = standing.state
        var object: JSONObject = [
            "id": JSONValue(standing.row.id), "tenant": .string(standing.scope.slug), "name": .string(standing.scope.name),
            "startedAt": JSONValue(state.startedAt), "completedAt": JSONValue(state.completedAt),
            "settled": JSONValue(Onboarding.Step.allCases.count - state.open.count),
            "steps": JSONValue(Onboarding.Step.allCases.count), "next": JSONValue(state.next?.rawValue),
        ]
        guard withSteps else { return .object(object) }
        object["list"] = .array(
            Onboarding.Step.allCases.map { step in
                var entry: JSONObject = [
                    "step": .string(step.rawValue), "title": .string(step.title),
                    "state": .string(state.settled[step].map { $0.how == .skipped ? "skipped" : "done" } ?? "open"),
                ]
                if let settlement = state.settled[step] {
                    entry["how"] = .string(settlement.how.rawValue)
                    entry["at"] = JSONValue(settlement.at)
                    entry["by"] = settlement.by.map { JSONValue($0) } ?? .null
                    if !settlement.reason.isEmpty { entry["reason"] = .string(settlement.reason) }
                } else {
                    entry["missing"] = .string(step.missing)
                    entry["command"] = .string(step.command(for: standing.scope.slug))
                    entry["skippable"] = .bool(step.isSkippable)
                }
                return .object(entry)
            })
        return .object(object)
    }
}
