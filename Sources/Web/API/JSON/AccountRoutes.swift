internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import WebKernel

/// What is one's own: sessions, password, second factor, keys.
struct AccountRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private var signingIn: SigningIn { services.signingIn }

    var all: [Route] { sessions + proofs + factors + keys }

    /// A route of one's own account.
    private func own(
        _ method: WebMethod, _ pattern: String, _ operation: String, _ summary: String, request schema: JSONValue? = nil,
        status: Int = 200, problems: [Int] = [],
        _ handle: @escaping @Sendable (WebRequest, SigningIn.Identity) async throws -> JSONValue
    ) -> Route {
        let access = services.access
        return Route(
            method, "/api/v1/me/\(pattern)", access: .signedIn,
            documentation: RouteDocumentation(
                operation, summary, requestSchema: schema, responseSchema: Shapes.object, responseStatus: status,
                problems: problems), bodyBytesMax: 16_384
        ) { request in
            .json(try await handle(request, try await access.visitor(request).identity), status: status)
        }
    }

    private var sessions: [Route] {
        [
            own(.get, "sessions", "listMySessions", "Your open sessions, the last used first.") { [signingIn] _, me in
                ["items": .array(try await signingIn.sessions(of: me.person).map { Shapes.session($0, current: me.session) })]
            },
            own(.delete, "sessions", "endMyOtherSessions", "Ends every session of yours but this one.") { [signingIn] _, me in
                ["ended": JSONValue(try await signingIn.endOtherSessions(me))]
            },
            own(.delete, "sessions/{id}", "endMySession", "Ends one session of yours.") { [signingIn] request, me in
                try await signingIn.endSession(try request.id(), of: me)
                return ["status": "ended"]
            },
        ]
    }

    private var proofs: [Route] {
        [
            own(
                .post, "proof", "proveMyself",
                "Proves that you are there: by a code where you have a second factor, else by your password. The session goes on "
                    + "under the token of this answer.",
                request: Shapes.body([:], optional: ["code", "password"]), problems: [400]
            ) { [signingIn] request, me in
                let fields = try BodyFields(try request.strictJSON(), known: ["code", "password"])
                let token = try await signingIn.proveAnew(
                    me, password: try fields.textIfAny("password"), code: try fields.textIfAny("code"))
                return ["token": .string(token.text)]
            },
            own(
                .post, "password", "changeMyPassword", "Changes your password. Every other session of yours ends.",
                request: Shapes.body(["current": "text", "new": "text"]), problems: [400, 422]
            ) { [signingIn] request, me in
                let fields = try BodyFields(try request.strictJSON(), known: ["current", "new"])
                try await signingIn.changePassword(me, from: try fields.text("current"), to: try fields.text("new"))
                return ["status": "changed"]
            },
        ]
    }

    private var factors: [Route] {
        [
            own(.get, "second-factor", "getMySecondFactor", "Whether you have a second factor.") { [signingIn] _, me in
                let state = try await signingIn.factorState(of: me.person)
                return [
                    "confirmedAt": state.confirmedAt.map { .string($0.description) } ?? .null,
                    "isWaiting": .bool(state.isWaiting),
                    "recoveryCodesLeft": JSONValue(state.recoveryLeft),
                ]
            },
            own(
                .post, "second-factor", "addMySecondFactor",
                "Makes a secret for an authenticator app. It is in force once a first code confirms it. Takes a fresh proof.",
                status: 201, problems: [409]
            ) { [signingIn] _, me in
                let enrolment = try await signingIn.enrol(me)
                return ["secret": .string(enrolment.secret), "address": .string(enrolment.address)]
            },
            own(
                .post, "second-factor/confirmation", "confirmMySecondFactor",
                "Puts the waiting second factor in force by its first code; answers the recovery codes, this once.",
                request: Shapes.body(["code": "text"]), problems: [400, 409, 422]
            ) { [signingIn] request, me in
                let fields = try BodyFields(try request.strictJSON(), known: ["code"])
                let codes = try await signingIn.confirm(me, code: try fields.text("code"))
                return ["recoveryCodes": .array(codes.map(JSONValue.string))]
            },
            own(
                .post, "recovery-codes", "renewMyRecoveryCodes",
                "Makes new recovery codes, shown this once; the old ones end. Takes a fresh proof.", problems: [409]
            ) { [signingIn] _, me in
                ["recoveryCodes": .array(try await signingIn.renewRecovery(me).map(JSONValue.string))]
            },
            own(
                .delete, "second-factor", "removeMySecondFactor", "Takes your second factor away. Takes a fresh proof.",
                problems: [409]
            ) { [signingIn] _, me in
                try await signingIn.removeFactor(me)
                return ["status": "removed"]
            },
        ]
    }

    private var keys: [Route] {
        [
            own(.get, "keys", "listMyKeys", "Your API keys, the newest first; never their secrets.") { [services] _, me in
                let now = services.clock.now
                return ["items": .array(try await services.signingIn.keys(of: me.person).map { Shapes.key($0, now) })]
            },
            own(
                .post, "keys", "makeMyKey",
                "Makes an API key that acts as you; its text is answered this once. Takes a fresh proof.",
                request: Shapes.keyWish, status: 201, problems: [400, 409, 422]
            ) { [signingIn] request, me in
                let wish = try Shapes.wish(try request.strictJSON())
                return Shapes.made(try await signingIn.makeKey(wish, for: me.person.id, in: me.tenant, by: me))
            },
            own(
                .post, "keys/{id}/rotation", "rotateMyKey",
                "Makes a key's successor; the old one works on for a while. Takes a fresh proof.", request: Shapes.overlap,
                status: 201, problems: [400, 409]
            ) { [signingIn] request, me in
                let hours = try Shapes.overlapHours(request)
                return Shapes.made(
                    try await signingIn.rotateKey(try request.id(), in: me.tenant, overlapHours: hours, by: me) {
                        $0 == me.person.id
                    })
            },
            own(.delete, "keys/{id}", "revokeMyKey", "Ends a key of yours at once.") { [signingIn] request, me in
                try await signingIn.revokeKey(try request.id(), in: me.tenant, by: me) { $0 == me.person.id }
                return ["status": "revoked"]
            },
        ]
    }
}

/// Forms of requests and answers about accounts.
enum Shapes {
    static let object: JSONValue = ["type": "object"]

    /// A closed body of texts.
    static func body(_ required: KeyValuePairs<String, String>, optional: [String] = []) -> JSONValue {
        let names = required.map(\.key)
        let members = (names + optional).map { (key: $0, value: ["type": "string"] as JSONValue) }
        return [
            "type": "object", "required": .array(names.map(JSONValue.string)), "additionalProperties": false,
            "properties": .object(JSONObject(members)),
        ]
    }

    static let keyWish: JSONValue = [
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": [
            "name": ["type": "string"], "days": ["type": "integer", "minimum": 1, "maximum": 365],
            "roles": ["type": "array", "items": ["type": "string"]], "tenants": ["type": "array", "items": ["type": "string"]],
            "person": ["type": "string"],
        ],
    ]
    static let overlap: JSONValue = [
        "type": "object", "additionalProperties": false,
        "properties": ["overlapHours": ["type": "integer", "minimum": 0, "maximum": 168]],
    ]
    static let daysUsual: Int64 = 90

    static func wish(_ json: JSONValue, known: [String] = []) throws(Refusal) -> SigningIn.KeyWish {
        let fields = try BodyFields(json, known: ["name", "days", "roles", "tenants"] + known)
        return SigningIn.KeyWish(
            name: try fields.text("name"), days: try whole(json, "days") ?? daysUsual, roles: try texts(json, "roles"),
            tenants: try texts(json, "tenants"))
    }

    static func overlapHours(_ request: WebRequest) throws -> Int64 {
        guard !request.body.isEmpty else { return SigningIn.overlapHoursUsual }
        let json = try request.strictJSON()
        _ = try BodyFields(json, known: ["overlapHours"])
        return try whole(json, "overlapHours") ?? SigningIn.overlapHoursUsual
    }

    private static func whole(_ json: JSONValue, _ name: String) throws(Refusal) -> Int64? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.int64 else {
            throw Refusal(.invalid, reason: "request.member", "\(name) is no whole number.", facts: ["field": name])
        }
        return number
    }

    private static func texts(_ json: JSONValue, _ name: String) throws(Refusal) -> [String] {
        guard let value = json[name], !value.isNull else { return [] }
        guard let items = value.array, items.count <= 50, items.allSatisfy({ $0.string != nil }) else {
            throw Refusal(.invalid, reason: "request.member", "\(name) is no list of at most 50 texts.", facts: ["field": name])
        }
        return items.compactMap(\.string)
    }

    static func session(_ row: SessionRow, current: SessionID?) -> JSONValue {
        [
            "id": JSONValue(row.id), "isThisOne": .bool(row.id == current), "agent": .string(row.agent),
            "address": .string(row.address), "openedAt": .string(row.createdAt.description),
            "lastSeenAt": .string(row.seenAt.description), "endsAt": .string(row.expiresAt.description),
        ]
    }

    static func key(_ row: KeyRow, _ now: Moment) -> JSONValue {
        [
            "id": JSONValue(row.id), "name": .string(row.name), "begins": .string("cs_\(row.environment)_\(row.keyID)"),
            "roles": .array(row.roles.map(JSONValue.string)), "tenants": .array(row.tenants.map(JSONValue.string)),
            "madeAt": .string(row.createdAt.description), "endsAt": .string(row.expiresAt.description),
            "lastUsedAt": row.usedAt.map { .string($0.description) } ?? .null,
            "state": .string(row.revokedAt != nil ? "revoked" : row.isLive(at: now) ? "in force" : "ended"),
            "replaces": row.replaces.map { JSONValue($0) } ?? .null,
        ]
    }

    static func made(_ key: SigningIn.MadeKey) -> JSONValue {
        ["id": JSONValue(key.id), "key": .string(key.text.text), "endsAt": .string(key.expiresAt.description)]
    }
}
