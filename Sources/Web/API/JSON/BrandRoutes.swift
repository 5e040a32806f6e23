internal import Branding
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Brands: what holds and where it comes from, the draft and what stands in its way, publication and the way back.
struct BrandRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [show, version, save, publish, discard, share, rollBack, picture] }

    private var show: Route {
        services.reading(
            "brand", .brandRead,
            RouteDocumentation(
                "getBrand",
                "The brand of an operator, a partner or a tenant: every field with its source, the draft with what stands "
                    + "in its way, the contrast of every pair, and the versions.",
                responseSchema: BrandRoutes.object)
        ) { [services] _, context in
            BrandRoutes.view(try await services.brands.desk(context.scope, node: context.node))
        }
    }

    private var version: Route {
        services.reading(
            "brand/versions/{number}", .brandRead,
            RouteDocumentation(
                "getBrandVersion", "One version of the brand, as a file has it.", responseSchema: BrandRoutes.object,
                problems: [404])
        ) { [services] request, context in
            let desk = try await services.brands.desk(context.scope, node: context.node)
            let number = Int32(try request.parameter("number"))
            guard let row = desk.versions.first(where: { $0.number == number }) else { throw Refusal.notFound }
            return .object(["number": JSONValue(Int(row.number)), "state": .string(row.state), "content": row.content])
        }
    }

    private static func schema(_ members: JSONObject, required: [String]) -> JSONValue {
        [
            "type": "object", "additionalProperties": false, "properties": .object(members),
            "required": .array(required.map(JSONValue.string)),
        ]
    }

    private static let whole: JSONValue = ["type": "integer", "minimum": 0]

    private static func number(_ body: JSONValue, _ name: String) throws(Refusal) -> Int32 {
        guard let value = body[name]?.int.flatMap({ Int32(exactly: $0) }), value >= 0 else {
            throw Refusal(.invalid, reason: "request.member", "\(name) is missing or no whole number.", facts: ["field": name])
        }
        return value
    }

    private var save: Route {
        services.writing(
            method: .put, "brand/draft", .brandManage,
            RouteDocumentation(
                "saveBrandDraft",
                "Writes the draft, a brand as a file has it; it is judged at once. `revision` is that of the draft seen, or 0.",
                requestSchema: BrandRoutes.schema(
                    ["revision": BrandRoutes.whole, "content": BrandRoutes.object], required: ["revision", "content"]),
                responseSchema: BrandRoutes.object, problems: [400, 403, 409, 422])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: ["revision", "content"])
            _ = try await services.brands.save(
                body["content"] ?? .null, revision: try BrandRoutes.number(body, "revision"), as: context.actor,
                in: context.scope, node: context.node)
            return (200, BrandRoutes.view(try await services.brands.desk(context.scope, node: context.node)))
        }
    }

    private var publish: Route {
        services.writing(
            "brand/draft/publish", .brandManage,
            RouteDocumentation(
                "publishBrand",
                "Publishes the draft, or asks a second person where the change wants one; that person sends the same.",
                requestSchema: BrandRoutes.schema(
                    ["number": BrandRoutes.whole, "revision": BrandRoutes.whole], required: ["number", "revision"]),
                responseSchema: BrandRoutes.object, problems: [400, 403, 409, 422])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: ["number", "revision"])
            return BrandRoutes.answer(
                try await services.brands.publish(
                    number: try BrandRoutes.number(body, "number"), revision: try BrandRoutes.number(body, "revision"),
                    as: context.actor, in: context.scope, node: context.node))
        }
    }

    private var discard: Route {
        services.writing(
            "brand/draft/discard", .brandManage,
            RouteDocumentation(
                "discardBrandDraft", "Throws the draft away; what is published stays.",
                requestSchema: BrandRoutes.schema(["revision": BrandRoutes.whole], required: ["revision"]),
                responseSchema: BrandRoutes.object, problems: [400, 403, 409])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: ["revision"])
            try await services.brands.discard(
                revision: try BrandRoutes.number(body, "revision"), as: context.actor, in: context.scope)
            return (200, ["discarded": true])
        }
    }

    private var share: Route {
        services.writing(
            "brand/preview", .brandManage,
            RouteDocumentation(
                "shareBrandPreview",
                "Links under which anybody sees the draft, or what is published, for fifteen minutes; they give no other right.",
                responseSchema: BrandRoutes.object, problems: [403, 409])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: [])
            let desk = try await services.brands.desk(context.scope, node: context.node)
            guard let shown = desk.draft ?? desk.live else {
                throw Refusal(.conflict, reason: "brand.draft", "There is no version to look at yet. Save a draft first.")
            }
            let (token, until) = try await services.brands.previewToken(shown.number, as: context.actor, in: context.scope)
            return (
                200,
                .object([
                    "number": JSONValue(Int(shown.number)), "until": JSONValue(until),
                    "pages": .array(BrandPreviewPages.kinds.map { .string("/brand-preview/\(token)/\($0.path)") }),
                ])
            )
        }
    }

    private var rollBack: Route {
        services.writing(
            "brand/rollback", .brandManage,
            RouteDocumentation(
                "rollBackBrand", "Publishes an earlier version's content again, as a version of its own.",
                requestSchema: BrandRoutes.schema(["number": BrandRoutes.whole], required: ["number"]),
                responseSchema: BrandRoutes.object, problems: [400, 403, 404, 409, 422])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: ["number"])
            return BrandRoutes.answer(
                try await services.brands.rollBack(
                    to: try BrandRoutes.number(body, "number"), as: context.actor, in: context.scope, node: context.node))
        }
    }

    /// The bytes as they are; the answer names what was made of them. Sending the same again stores nothing more.
    private var picture: Route {
        let permission = Permission.brandManage
        return Route(
            .put, "/api/v1/tenants/{tenant}/brand/pictures/{slot}", access: .permission(permission.rawValue),
            documentation: RouteDocumentation(
                "putBrandPicture",
                "Judges a PNG or SVG, makes it anew and stores that; the answer is the name for the brand's file.",
                responseSchema: BrandRoutes.object, problems: [403, 404, 413, 422]), bodyBytesMax: LogoFile.bytesMax
        ) { [services] request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: permission)
            guard let slot = LogoSlot(rawValue: try request.parameter("slot")) else { throw Refusal.notFound }
            let name = try await services.brands.store(request.body, for: slot, as: context.actor, in: context.scope)
            return .json(["slot": .string(slot.rawValue), "name": .string(name), "address": .string("/brand-files/\(name)")])
        }
    }

    // MARK: Forms

    private static func answer(_ outcome: BrandStudio.Outcome) -> (status: Int, body: JSONValue) {
        switch outcome {
        case .published(let number): (200, ["state": "published", "number": JSONValue(Int(number))])
        case .asked(let number): (202, ["state": "asked", "number": JSONValue(Int(number))])
        }
    }

    private static func view(_ desk: BrandStudio.Desk) -> JSONValue {
        var out: JSONObject = ["scope": .string(desk.scope.path)]
        out["fields"] = desk.resolved.json
        out["published"] = desk.published.json
        out["own"] = desk.own?.json ?? .null
        out["draft"] = desk.draft.map { view($0, desk) } ?? .null
        out["secondPerson"] = JSONValue(desk.secondPersonReason)
        out["issues"] = .array(desk.issues.map(view))
        out["contrast"] = .array(desk.resolved.contrast.rows.map(view))
        out["versions"] = .array(desk.versions.map(view))
        return .object(out)
    }

    private static func view(_ draft: BrandVersionRow, _ desk: BrandStudio.Desk) -> JSONValue {
        var out: JSONObject = ["number": JSONValue(Int(draft.number)), "revision": JSONValue(Int(draft.revision))]
        out["state"] = .string(draft.state)
        out["content"] = draft.content
        out["askedBy"] = JSONValue(draft.askedBy)
        var changes: [JSONValue] = []
        for change in BrandCheck.changes(from: desk.own, to: desk.edited) {
            var one: JSONObject = ["field": .string(change.field), "isSensitive": .bool(change.isSensitive)]
            one["from"] = JSONValue(change.from)
            one["to"] = JSONValue(change.to)
            changes.append(.object(one))
        }
        out["changes"] = .array(changes)
        return .object(out)
    }

    private static func view(_ issue: AssetIssue) -> JSONValue {
        [
            "pointer": .string(issue.pointer), "message": .string(issue.message), "remedy": .string(issue.remedy),
            "severity": .string(issue.severity.rawValue),
        ]
    }

    private static func view(_ row: ContrastReport.Row) -> JSONValue {
        [
            "pair": .string(row.name), "needs": .string(ContrastReport.text(row.needs)),
            "light": .string(ContrastReport.text(row.light)), "dark": .string(ContrastReport.text(row.dark)),
            "passes": .bool(row.passes),
        ]
    }

    private static func view(_ row: BrandVersionRow) -> JSONValue {
        var out: JSONObject = ["number": JSONValue(Int(row.number)), "state": .string(row.state)]
        out["madeAt"] = JSONValue(row.madeAt)
        out["publishedAt"] = JSONValue(row.publishedAt)
        out["restores"] = row.restores.map { JSONValue(Int($0)) } ?? .null
        return .object(out)
    }
}
