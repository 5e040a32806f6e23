internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Suspending a tenant and resuming it, by the operator.
struct TenantLifeRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [show, suspend, resume] }

    private var show: Route {
        services.reading(
            "life", .tenantsManage,
            RouteDocumentation(
                "showTenantLife", "Whether the tenant is active or suspended, since when and why.",
                responseSchema: TenantLifeRoutes.object, problems: [422])
        ) { [services] _, context in
            TenantLifeRoutes.view(try await services.suspending.standing(context.scope))
        }
    }

    private var suspend: Route {
        acting(
            "suspend", "suspendTenant",
            "Suspends the tenant: its people and keys are not let in and nothing is done for it until it is resumed. What "
                + "workers hold they finish; clocks of contracts go on. Pausing its work is another thing: see work-stops."
        ) { [services] reason, context in
            try await services.suspending.suspend(reason: reason, as: context.actor, scope: context.scope)
        }
    }

    private var resume: Route {
        acting("resume", "resumeTenant", "Resumes a suspended tenant; all goes on where it was.") { [services] reason, context in
            try await services.suspending.resume(reason: reason, as: context.actor, scope: context.scope)
        }
    }

    private func acting(
        _ verb: String, _ name: String, _ words: String,
        _ act: @escaping @Sendable (String, TenantContext) async throws -> Suspending.Standing
    ) -> Route {
        services.writing(
            "life/\(verb)", .tenantsManage,
            RouteDocumentation(
                name, words,
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": [
                        "reason": [
                            "type": "string", "minLength": 1, "maxLength": JSONValue(TenantLife.reasonCharactersMax),
                        ]
                    ],
                ], responseSchema: TenantLifeRoutes.object, problems: [400, 409, 422])
        ) { _, body, context in
            let fields = try BodyFields(body, known: ["reason"])
            return (200, TenantLifeRoutes.view(try await act(try fields.text("reason"), context)))
        }
    }

    static func view(_ standing: Suspending.Standing) -> JSONValue {
        [
            "state": .string(standing.phase.rawValue), "since": JSONValue(standing.since),
            "reason": JSONValue(standing.reason), "by": standing.by.map { JSONValue($0) } ?? .null,
        ]
    }
}
