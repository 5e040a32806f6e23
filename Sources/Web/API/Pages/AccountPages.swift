internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// One's own account: password, second factor, sessions, keys, and fresh proofs.
struct AccountPages: Sendable {
    let services: Services
    let console: PageRenderer

    private var signingIn: SigningIn { services.signingIn }

    var all: [Route] {
        [
            Route(.get, "/account", access: .signedIn) { request in
                .html(console.html(try await page(try await PageKit.own(services, request), request)))
            },
            proofForm, prove, password, endSession, endOthers, enrol, confirm, removeFactor, renewRecovery, makeKey, rotateKey,
            revokeKey,
        ]
    }

    // MARK: The page

    private func page(
        _ kit: PageKit, _ request: WebRequest, refusal: String = "", secrets: ShownOnce? = nil
    ) async throws -> AccountPage {
        let me = kit.context.visitor.identity
        let factor = try await signingIn.factorState(of: me.person)
        let enrolment = try await signingIn.waitingEnrolment(me)
        let grants = kit.context.visitor.authority.grants
        return AccountPage(
            frame: try await kit.frame("Your account", section: "", crumbs: [Crumb(label: "Your account")], request: request),
            head: PageHead(title: "Your account", lead: "\(me.person.name), \(me.person.email)"), refusal: refusal,
            secrets: secrets,
            factor: factor.confirmedAt.map { StatusText(status: .done, text: "In force since \(kit.time.stamp($0).text).") }
                ?? StatusText(status: .watch, text: "None. Your password alone opens your account."),
            recovery: factor.confirmedAt == nil ? "" : "\(factor.recoveryLeft) recovery codes left.",
            hasFactor: factor.confirmedAt != nil,
            enrolment: enrolment.map {
                .init(secret: AccountPages.grouped($0.secret), address: $0.address, confirm: form("factor/confirm"))
            }, enrol: form("factor"), removeFactor: form("factor/remove"), renewRecovery: form("recovery"),
            password: form("password"),
            sessions: try await signingIn.sessions(of: me.person).map { row in
                .init(
                    agent: row.agent, address: row.address, opened: kit.time.stamp(row.createdAt),
                    seen: kit.time.stamp(row.seenAt), isThisOne: row.id == me.session, end: form("sessions/\(row.id)/end"))
            }, endOthers: form("sessions/end"),
            keys: try await signingIn.keys(of: me.person).map { row in
                kit.line(
                    row, person: "", rotate: form("keys/\(row.id)/rotate"), revoke: form("keys/\(row.id)/revoke"))
            }, makeKey: form("keys"), roles: Set(grants.map(\.role)).sorted())
    }

    private func form(_ path: String) -> FormTarget { FormTarget(action: "/account/\(path)", key: services.newKey()) }

    static func grouped(_ text: String) -> String {
        let letters = Array(text)
        return stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<min($0 + 4, letters.count)]) }
            .joined(separator: " ")
    }

    // MARK: Acts

    /// A posted form of this page. A refusal is shown on the page; what is shown once comes as the answer and nowhere else.
    private func posted(
        _ pattern: String, _ act: @escaping @Sendable (WebRequest, FormFields, SigningIn.Identity) async throws -> ShownOnce?
    ) -> Route {
        Route(.post, "/account/\(pattern)", access: .signedIn, bodyBytesMax: 16_384) { request in
            let kit = try await PageKit.own(services, request)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            do {
                guard let once = try await act(request, form, kit.context.visitor.identity) else {
                    return .seeOther("/account?done=account")
                }
                return .html(console.html(try await page(kit, request, secrets: once)))
            } catch let refusal as Refusal where refusal.code != .notFound && !AccountPages.wantsProof(refusal) {
                return .html(
                    console.html(try await page(kit, request, refusal: refusal.message)), status: Problem.status(of: refusal))
            }
        }
    }

    static func wantsProof(_ refusal: Refusal) -> Bool { refusal.reason == "proof.needed" }

    private var password: Route {
        posted("password") { [signingIn] _, form, me in
            try await signingIn.changePassword(me, from: form["current"] ?? "", to: form["new"] ?? "")
            return nil
        }
    }

    private var endSession: Route {
        posted("sessions/{id}/end") { [signingIn] request, _, me in
            try await signingIn.endSession(try request.id(), of: me)
            return nil
        }
    }

    private var endOthers: Route {
        posted("sessions/end") { [signingIn] _, _, me in
            _ = try await signingIn.endOtherSessions(me)
            return nil
        }
    }

    private var enrol: Route {
        posted("factor") { [signingIn] _, _, me in
            _ = try await signingIn.enrol(me)
            return nil
        }
    }

    private static func recovery(_ codes: [String]) -> ShownOnce {
        ShownOnce(
            title: "Your recovery codes",
            advice: "Each opens your account once when the telephone is gone. Write them down now: they are not shown again.",
            lines: codes)
    }

    private var confirm: Route {
        posted("factor/confirm") { [signingIn] _, form, me in
            AccountPages.recovery(try await signingIn.confirm(me, code: form["code"] ?? ""))
        }
    }

    private var renewRecovery: Route {
        posted("recovery") { [signingIn] _, _, me in AccountPages.recovery(try await signingIn.renewRecovery(me)) }
    }

    private var removeFactor: Route {
        posted("factor/remove") { [signingIn] _, _, me in
            try await signingIn.removeFactor(me)
            return nil
        }
    }

    static func shown(_ key: SigningIn.MadeKey) -> ShownOnce {
        ShownOnce(
            title: "The new key", advice: "Copy it now: nobody can show it again. Who has it acts as its person.",
            lines: [key.text.text])
    }

    static func wish(_ form: FormFields) throws(Refusal) -> SigningIn.KeyWish {
        guard let days = Int64(form["days"] ?? "") else {
            throw Refusal(.invalid, reason: "key.days", "Say in days how long the key lives.", facts: ["field": "days"])
        }
        let role = form["role"] ?? ""
        return SigningIn.KeyWish(name: form["name"] ?? "", days: days, roles: role.isEmpty ? [] : [role])
    }

    private var makeKey: Route {
        posted("keys") { [signingIn] _, form, me in
            AccountPages.shown(
                try await signingIn.makeKey(try AccountPages.wish(form), for: me.person.id, in: me.tenant, by: me))
        }
    }

    private var rotateKey: Route {
        posted("keys/{id}/rotate") { [signingIn] request, _, me in
            AccountPages.shown(
                try await signingIn.rotateKey(
                    try request.id(), in: me.tenant, overlapHours: SigningIn.overlapHoursUsual, by: me
                ) { $0 == me.person.id })
        }
    }

    private var revokeKey: Route {
        posted("keys/{id}/revoke") { [signingIn] request, _, me in
            try await signingIn.revokeKey(try request.id(), in: me.tenant, by: me) { $0 == me.person.id }
            return nil
        }
    }

    // MARK: A fresh proof

    private func question(_ me: SigningIn.Identity) async throws -> ProofPage.Question {
        guard try await signingIn.factorState(of: me.person).confirmedAt == nil else { return .freshCode }
        let allowsPasswords = try await signingIn.identityTerms(me.tenant)?.allowsPasswords ?? true
        return allowsPasswords ? .freshPassword : .freshElsewhere
    }

    private static func isWrongProof(_ refusal: Refusal) -> Bool {
        ["sign-in.code", "sign-in.code-paused", "password.wrong", "sign-in.paused", "password.busy"].contains(refusal.reason)
    }

    private func proofPage(_ kit: PageKit, _ request: WebRequest, next: String, refusal: String = "") async throws -> ProofPage {
        let title = "Prove that it is you"
        let me = kit.context.visitor.identity
        // Only an identity that is linked to this person can prove anything for them.
        let isLinked = try await signingIn.linked(me.tenant).contains(me.person.id)
        let terms = isLinked ? try await signingIn.identityTerms(me.tenant) : nil
        return ProofPage(
            frame: try await kit.frame(title, section: "", crumbs: [Crumb(label: title)], request: request),
            form: form("proof"), question: try await question(me), next: next, refusal: refusal,
            organisation: terms == nil ? "" : "/account/proof/elsewhere?next=\(percentEncoded(next))",
            organisationName: terms?.name ?? "")
    }

    private var proofForm: Route {
        Route(.get, "/account/proof", access: .signedIn) { request in
            let kit = try await PageKit.own(services, request)
            return .html(console.html(try await proofPage(kit, request, next: SignInPages.path(request.query("next")))))
        }
    }

    private var prove: Route {
        Route(.post, "/account/proof", access: .signedIn, bodyBytesMax: 16_384) { request in
            let kit = try await PageKit.own(services, request)
            let fields = try request.form()
            try services.access.checkForm(fields, kit.context.visitor)
            let next = SignInPages.path(fields["next"])
            do {
                let token = try await signingIn.proveAnew(
                    kit.context.visitor.identity, password: fields["password"], code: fields["code"])
                return services.keeping(WebResponse.seeOther(next), session: token)
            } catch let refusal as Refusal where AccountPages.isWrongProof(refusal) {
                let page = try await proofPage(kit, request, next: next, refusal: refusal.message)
                return .html(console.html(page), status: Problem.status(of: refusal))
            }
        }
    }
}

extension Services {
    /// The answer with the session's cookie.
    func keeping(_ response: WebResponse, session token: SecretToken, seconds: Int64? = nil) -> WebResponse {
        var copy = response
        copy.headers.add(
            "Set-Cookie",
            cookie(isSecure ? Access.sessionCookie : Access.plainCookie, token.text, seconds ?? signingIn.sessionSeconds))
        return copy
    }

    func cookie(_ name: String, _ value: String, _ seconds: Int64) -> String {
        "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(seconds)" + (isSecure ? "; Secure" : "")
    }
}

extension PageKit {
    /// Whether the person belongs to the scope of the page, and does not look at it from above.
    var isAtHome: Bool { context.visitor.tenant == tenant }

    /// A key as both lists show it; acts only while it is in force.
    func line(_ row: KeyRow, person: String, rotate: FormTarget?, revoke: FormTarget?) -> KeyLine {
        let isLive = row.isLive(at: now)
        let limits = row.roles.map(PageWords.role) + row.tenants
        return KeyLine(
            name: row.name, begins: "cs_\(row.environment)_\(row.keyID)", person: person,
            limits: limits.isEmpty ? "nothing" : limits.joined(separator: ", "),
            state: row.revokedAt != nil ? "revoked" : isLive ? "in force" : "ended", status: isLive ? .done : .cancelled,
            ends: time.stamp(row.revokedAt ?? row.expiresAt), used: row.usedAt.map { time.stamp($0).text } ?? "",
            rotate: isLive ? rotate : nil, revoke: isLive ? revoke : nil)
    }
}
