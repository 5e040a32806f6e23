internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// The people of a tenant: what can be done for them, keys of machines, and who may do what.
struct PeoplePages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/people", .peopleRead) { request, kit in .html(console.html(try await page(kit, request))) },
            posted("/people/{person}/link", .peopleManage) { request, _, kit in
                let person = try await services.person(try request.parameter("person"), in: kit.context.scope)
                let token = try await services.signingIn.makeLink(
                    for: person.id, in: kit.tenant, by: kit.context.visitor.identity)
                return ShownOnce(
                    title: "A link for \(person.name)",
                    advice:
                        "It sets a password once, within a day. Add it to the address of this console, hand it over yourself, "
                        + "and to nobody else.", lines: ["/welcome?link=\(token.text)"])
            },
        ] + SigningIn.Care.allCases.map(care) + keys
    }

    private func care(_ deed: SigningIn.Care) -> Route {
        posted("/people/{person}/\(deed.rawValue)", .peopleManage) { request, _, kit in
            let person = try await services.person(try request.parameter("person"), in: kit.context.scope)
            try await services.signingIn.care(deed, for: person.id, in: kit.tenant, by: kit.context.visitor.identity)
            return nil
        }
    }

    private var keys: [Route] {
        [
            posted("/people/keys", .keysManage) { _, form, kit in
                let person = try await services.person(form["machine"] ?? "", in: kit.context.scope)
                return AccountPages.shown(
                    try await services.signingIn.makeKey(
                        try AccountPages.wish(form), for: person.id, in: kit.tenant, by: kit.context.visitor.identity))
            },
            posted("/people/keys/{id}/rotate", .keysManage) { request, _, kit in
                let machines = try await services.machines(of: kit.context.scope)
                return AccountPages.shown(
                    try await services.signingIn.rotateKey(
                        try request.id(), in: kit.tenant, overlapHours: SigningIn.overlapHoursUsual,
                        by: kit.context.visitor.identity
                    ) { machines.contains($0) })
            },
            posted("/people/keys/{id}/revoke", .keysManage) { request, _, kit in
                try await services.signingIn.revokeKey(
                    try request.id(), in: kit.tenant, by: kit.context.visitor.identity
                ) { _ in true }
                return nil
            },
        ]
    }

    /// A posted form of this page; a refusal is shown on it, and so is what is shown once.
    private func posted(
        _ pattern: String, _ permission: Permission,
        _ act: @escaping @Sendable (WebRequest, FormFields, PageKit) async throws -> ShownOnce?
    ) -> Route {
        Route(.post, "/t/{tenant}\(pattern)", access: .permission(permission.rawValue), bodyBytesMax: 16_384) { request in
            let kit = try await PageKit.tenant(services, request, permission)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            do {
                guard let once = try await act(request, form, kit) else { return .seeOther("\(kit.base)/people?done=account") }
                return .html(console.html(try await page(kit, request, secrets: once)))
            } catch let refusal as Refusal where refusal.code != .notFound && !AccountPages.wantsProof(refusal) {
                return .html(
                    console.html(try await page(kit, request, refusal: refusal.message)), status: Problem.status(of: refusal))
            }
        }
    }

    // MARK: The page

    private func page(
        _ kit: PageKit, _ request: WebRequest, refusal: String = "", secrets: ShownOnce? = nil
    ) async throws -> PeoplePage {
        let people = try await kit.looking.people(kit.tenant)
        let machines = try await services.machines(of: kit.context.scope)
        let names = Dictionary(people.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        let (terms, linked) = (
            try await services.signingIn.identityTerms(kit.tenant), try await services.signingIn.linked(kit.tenant)
        )
        let keys = kit.may(.keysManage) ? try await services.signingIn.keys(in: kit.tenant) : []
        return PeoplePage(
            frame: try await kit.frame("People", section: "People", crumbs: [Crumb(label: "People")], request: request),
            head: PageHead(
                title: "People", lead: "Named in the people file of the configuration; what they hold is changed there."),
            refusal: refusal, secrets: secrets,
            provider: terms.map { provider($0, linked: linked.count, of: people.count { $0.state == "active" }, kit) },
            rows: people.map { row($0, isMachine: machines.contains($0.id), isLinked: linked.contains($0.id), kit) },
            keys: keys.map { key in
                kit.line(
                    key, person: names[key.person] ?? "",
                    rotate: kit.isAtHome && machines.contains(key.person) ? kit.form("/people/keys/\(key.id)/rotate") : nil,
                    revoke: kit.form("/people/keys/\(key.id)/revoke"))
            },
            machines: people.filter { kit.isAtHome && machines.contains($0.id) }.map { .init(slug: $0.slug, name: $0.name) },
            makeKey: kit.may(.keysManage) ? kit.form("/people/keys") : nil,
            explain: try await explain(people, kit, request))
    }

    private func provider(_ terms: IdentityTerms, linked: Int, of people: Int, _ kit: PageKit) -> PeoplePage.Provider {
        PeoplePage.Provider(
            name: terms.name, issuer: terms.issuer, door: "\(kit.base)/sign-in",
            linked: "\(linked) of \(people) people are linked to an identity there; the others are on their first sign-in.",
            passwords: terms.allowsPasswords ? "Passwords open accounts too." : "Passwords open no account.")
    }

    private func row(_ person: PersonRow, isMachine: Bool, isLinked: Bool, _ kit: PageKit) -> PeoplePage.Row {
        let isActive = person.state == "active"
        let roles = (person.roles["grants"]?.array ?? []).compactMap { $0["role"]?.string }.map(PageWords.role)
        let cares = isActive && !isMachine && kit.may(.peopleManage) && person.id != kit.context.visitor.identity.person.id
        func form(_ deed: String) -> FormTarget? { cares ? kit.form("/people/\(person.slug)/\(deed)") : nil }
        return PeoplePage.Row(
            name: person.name, email: person.email, roles: roles.joined(separator: ", "),
            state: !isActive ? "not named any more" : isMachine ? "machine" : "active", status: isActive ? .done : .cancelled,
            link: kit.isAtHome ? form("link") : nil,
            removeFactor: kit.isAtHome ? form(SigningIn.Care.removeFactor.rawValue) : nil,
            endSessions: form(SigningIn.Care.endSessions.rawValue),
            unlink: kit.isAtHome && isLinked ? form(SigningIn.Care.unlink.rawValue) : nil)
    }

    private func explain(_ people: [PersonRow], _ kit: PageKit, _ request: WebRequest) async throws -> ExplainForm {
        let (slug, action) = (request.query("person"), request.query("permission"))
        let asked = people.first { $0.slug == slug }
        let permission = action.flatMap(Permission.init(rawValue:))
        var answer: Explanation?
        if let asked, let permission {
            answer = try await Explanation.make(
                services, person: asked, permission: permission, entity: request.query("entity"), approval: nil,
                context: kit.context)
        }
        return ExplainForm(
            action: "\(kit.base)/people",
            people: people.map { .init(value: $0.slug, label: $0.name, isChosen: $0.id == asked?.id) },
            permissions: Permission.allCases.map { .init(value: $0.rawValue, label: $0.title, isChosen: $0 == permission) },
            entity: String((request.query("entity") ?? "").prefix(8)),
            verdict: answer.map {
                StatusText(status: $0.isAllowed ? .done : .cancelled, text: ($0.isAllowed ? "Yes. " : "No. ") + $0.sentence)
            }, lines: (answer?.findings ?? []).map(\.explanation))
    }
}
