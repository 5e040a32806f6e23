internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Payments: what was posted and may be paid, and the request to release it.
struct PaymentRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let date: JSONValue = ["type": "string", "format": "date"]

    var all: [Route] { [list, ask, askByDate] }

    private var list: Route {
        services.reading(
            "payments", .runsRead,
            RouteDocumentation(
                "listPayments",
                "Posted bills with how far their payment is, those that are due first; at most \(Releasing.bulkMax).",
                parameters: [
                    .init("dueBy", "Only what is due by this day.", schema: PaymentRoutes.date),
                    .init(
                        "state", "`open` (default) for what nobody has asked for yet, or `all`.",
                        schema: ["enum": ["open", "all"]]),
                ], responseSchema: PaymentRoutes.object, problems: [400])
        ) { [services] request, context in
            let rows = try await services.releasing.payables(
                context.scope.id, isOpenOnly: request.query("state") != "all",
                dueBy: try request.query("dueBy").map { text throws(Refusal) in try PaymentRoutes.day(text) })
            return ["items": .array(rows.map(PaymentRoutes.view))]
        }
    }

    private var ask: Route {
        services.writing(
            "runs/{id}/payment", .paymentsPropose,
            RouteDocumentation(
                "askForPayment",
                "Asks for the payment of what this run posted. The ERP is asked whether the bill is still what was approved, and "
                    + "somebody who had no other hand in it releases it. One invoice is released once.",
                requestSchema: ["type": "object", "additionalProperties": false], responseSchema: PaymentRoutes.object,
                otherStatuses: [201], problems: [400, 409, 422, 503])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let asked = try await services.releasing.ask(try request.id(), as: context.actor, scope: context.scope)
            return (asked.isNew ? 201 : 200, PaymentRoutes.view(asked))
        }
    }

    private var askByDate: Route {
        services.writing(
            "payments/ask", .paymentsPropose,
            RouteDocumentation(
                "askForPayments",
                "Asks for the payment of everything posted that is due by a day; tells what was left out, and why.",
                requestSchema: [
                    "type": "object", "required": ["dueBy"], "properties": ["dueBy": PaymentRoutes.date],
                    "additionalProperties": false,
                ],
                responseSchema: PaymentRoutes.object, problems: [400, 409, 422, 503])
        ) { [services] _, body, context in
            let dueBy = try PaymentRoutes.day(try BodyFields(body, known: ["dueBy"]).text("dueBy"))
            let (asked, leftOut) = try await services.releasing.ask(
                dueBy: dueBy, as: context.actor, scope: context.scope)
            return (
                200,
                [
                    "asked": .array(asked.map(PaymentRoutes.view)),
                    "leftOut": .array(
                        leftOut.map {
                            [
                                "postedRun": JSONValue($0.payable.postedRun), "number": .string($0.payable.number),
                                "reason": .string($0.refusal.reason), "detail": .string($0.refusal.message),
                            ]
                        }),
                ]
            )
        }
    }

    static func day(_ text: String) throws(Refusal) -> CivilDate {
        guard let day = CivilDate(text) else {
            throw Refusal(.invalid, reason: "payment.day", "Write the day as 2026-08-31.", facts: ["field": "dueBy"])
        }
        return day
    }

    private static func view(_ asked: Releasing.Asked) -> JSONValue {
        ["invoice": JSONValue(asked.invoice), "run": JSONValue(asked.run), "isNew": .bool(asked.isNew)]
    }

    private static func view(_ row: PayableRow) -> JSONValue {
        .object([
            "invoice": JSONValue(row.invoice), "postedRun": JSONValue(row.postedRun), "number": .string(row.number),
            "supplier": .string(row.supplier), "amount": Views.amount(row.amountMinor, row.currency),
            "dueDate": row.dueDate.map { .string($0.description) }, "postedAt": JSONValue(row.postedAt),
            "state": .string(row.state), "run": row.run.map { JSONValue($0) },
        ])
    }
}
