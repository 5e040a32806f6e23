internal import Flow
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// Error budgets of a tenant's objectives, and the documents from which anybody can compute them again.
struct BudgetRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        [
            services.reading(
                "slos", .serviceRead,
                RouteDocumentation(
                    "listSLOs", "The objectives of the contract in force that have an error budget, each with its budget.",
                    responseSchema: BudgetRoutes.object)
            ) { [services] _, context in
                ["items": .array(try await services.budgeting.budgets(of: context.scope.id).map(BudgetRoutes.view))]
            },
            services.reading(
                "slos/{name}", .serviceRead,
                RouteDocumentation(
                    "getSLO", "One objective with its error budget and how fast each pair of windows burns.",
                    responseSchema: BudgetRoutes.object)
            ) { [services] request, context in
                BudgetRoutes.view(try await BudgetRoutes.find(request, services, context))
            },
            services.reading(
                "slos/{name}/explain", .serviceRead,
                RouteDocumentation(
                    "explainSLO", "The budget's explain document: what `countersign sla explain` computes from.",
                    responseSchema: BudgetRoutes.object)
            ) { [services] request, context in
                let budget = try await BudgetRoutes.find(request, services, context)
                return ["document": budget.document, "reading": budget.reading.json]
            },
        ]
    }

    private static func find(
        _ request: WebRequest, _ services: Services, _ context: TenantContext
    ) async throws -> ObjectiveBudget {
        let name = try request.parameter("name")
        let budgets = try await services.budgeting.budgets(of: context.scope.id)
        guard let found = budgets.first(where: { $0.objective.name == name }) else { throw Refusal.notFound }
        return found
    }

    /// An objective with what its budget was read to be.
    static func view(_ budget: ObjectiveBudget) -> JSONValue {
        var object: JSONObject = [
            "name": .string(budget.objective.name), "title": .string(budget.objective.title),
            "contract": .string(budget.contract.name), "contractVersion": .string(budget.contract.version),
            "contractFrom": JSONValue(budget.contract.effectiveFrom), "calendar": .string(budget.contract.calendar),
            "timezone": .string(budget.zone), "targetSeconds": JSONValue(budget.objective.targetSeconds),
        ]
        if budget.objective.measures != .runClock { object["measures"] = .string(budget.objective.measures.rawValue) }
        if let severities = budget.objective.severities { object["severities"] = .array(severities.map(JSONValue.string)) }
        for member in budget.reading.json.object ?? [:] { object[member.key] = member.value }
        return .object(object)
    }
}
