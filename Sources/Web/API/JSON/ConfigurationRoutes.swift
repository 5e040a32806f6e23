internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Configuration as code: what the server has, and applying a bundle; secrets, write-only.
struct ConfigurationRoutes: Sendable {
    static let bundleBytesMax = 16_777_216

    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [current, apply, secret] }

    private var current: Route {
        Route(
            .get, "/api/v1/configuration", access: .permission(Permission.configurationRead.rawValue),
            documentation: RouteDocumentation(
                "getConfiguration", "Every current asset of every scope, for a plan.", responseSchema: ConfigurationRoutes.object)
        ) { [services] request in
            let context = try await services.access.enterOwn(request, permission: .configurationRead)
            guard context.scope.kind == "operator" else { throw Refusal.notFound }
            var items: [JSONValue] = []
            for published in try await services.applying.current() {
                let node = try await services.access.node(of: published.scope)
                let asset = published.asset
                items.append([
                    "scope": .string(node.path), "kind": .string(asset.kind), "name": .string(asset.name),
                    "version": .string(asset.version),
                    "hash": .string(asset.contentHash.hexText), "content": asset.content, "inUse": JSONValue(published.inUse),
                ])
            }
            return .json(["assets": .array(items)])
        }
    }

    private var apply: Route {
        Route(
            .post, "/api/v1/configuration", access: .permission(Permission.configurationApply.rawValue),
            documentation: RouteDocumentation(
                "applyConfiguration",
                "Publishes a bundle, and retires what its scopes had besides. Versions are immutable; applying the same bundle "
                    + "again changes nothing.",
                requestSchema: ["type": "object", "required": ["assets"], "properties": ["assets": ["type": "array"]]],
                responseSchema: ConfigurationRoutes.object,
                problems: [400, 409, 413, 422]), bodyBytesMax: ConfigurationRoutes.bundleBytesMax
        ) { [services] request in
            let context = try await services.access.enterOwn(request, permission: .configurationApply)
            guard context.scope.kind == "operator" else { throw Refusal.notFound }
            let body = try request.strictJSON(maxBytes: ConfigurationRoutes.bundleBytesMax)
            try services.checkBundle(body)
            let bundle = try ConfigurationRoutes.assets(in: body)
            let pictures = try ConfigurationRoutes.pictures(in: body)
            let outcome = try await services.applying.apply(
                bundle, pictures: pictures, by: context.visitor.identity.person.id)
            return .json(outcome.json)
        }
    }

    /// `{scopes: [{path, parent}], assets: [{scope, kind, name, version, content}]}`, as `countersign apply` sends it.
    package static func assets(in body: JSONValue) throws(Refusal) -> [Applying.Asset] {
        guard let list = body["assets"]?.array, let scopes = body["scopes"]?.array else {
            throw Refusal(
                .invalid, reason: "configuration.shape", "A bundle has a list of scopes and a list of assets.",
                facts: ["field": "assets"])
        }
        var partners: [String: String] = [:]
        for scope in scopes {
            guard let path = scope["path"]?.string, let parent = scope["parent"]?.string, parent.hasPrefix("partner/") else {
                continue
            }
            partners[path] = String(parent.dropFirst("partner/".count))
        }
        var out: [Applying.Asset] = []
        for (index, item) in list.enumerated() {
            guard let path = item["scope"]?.string, let scope = Scope(path: path, partner: partners[path]),
                let kind = item["kind"]?.string,
                let name = item["name"]?.string, let version = item["version"]?.string, let content = item["content"]
            else {
                throw Refusal(
                    .invalid, reason: "configuration.asset",
                    "Asset \(index + 1) lacks its scope, kind, name, version or content.",
                    facts: ["field": "assets/\(index)"])
            }
            out.append(Applying.Asset(scope: scope, kind: kind, name: name, version: version, content: content))
        }
        return out
    }

    /// `pictures: [{scope, name, data}]` beside them, for the brands of the bundle.
    package static func pictures(in body: JSONValue) throws(Refusal) -> [Applying.Picture] {
        var out: [Applying.Picture] = []
        for (index, item) in (body["pictures"]?.array ?? []).enumerated() {
            guard let scope = item["scope"]?.string, let name = item["name"]?.string,
                let bytes = item["data"]?.string.flatMap({ Base64.decode($0) })
            else {
                throw Refusal(
                    .invalid, reason: "configuration.picture", "Picture \(index + 1) lacks its scope, name or data.",
                    facts: ["field": "pictures/\(index)"])
            }
            out.append(Applying.Picture(scope: scope, name: name, bytes: bytes))
        }
        return out
    }

    private var secret: Route {
        services.writing(
            method: .put, "secrets/{name}", .configurationApply,
            RouteDocumentation(
                "setSecret", "Stores a connection secret. It can be replaced and used, never read.",
                requestSchema: [
                    "type": "object", "required": ["value"], "additionalProperties": false,
                    "properties": ["value": ["type": "string"]],
                ],
                responseSchema: ConfigurationRoutes.object, problems: [400, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["value"])
            try await services.applying.setSecret(
                try fields.text("value"), name: try request.parameter("name"), in: context.scope.id,
                by: context.visitor.identity.person.id)
            return (200, ["set": true])
        }
    }
}
