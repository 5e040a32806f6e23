internal import Console
internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The desk of whoever owns a status page: the operator, a partner or a tenant.
struct StatusDeskPages: Sendable {
    static let noticesMax = 20

    let services: Services
    let console: PageRenderer

    private var desk: StatusDesk { services.status.desk }

    var all: [Route] { [show, save, renew, add, set, retire, post, update, edit, publish, tell] }

    private var show: Route {
        Route(.get, "/status-desk/{tenant}", access: .permission(Permission.statusRead.rawValue)) { request in
            let kit = try await PageKit.scope(services, request, .statusRead)
            return .html(console.html(try await page(request, kit)))
        }
    }

    /// A posted form; a refusal is said above the page.
    private func posted(
        _ path: String, _ permission: Permission, done: String,
        _ act: @escaping @Sendable (WebRequest, FormFields, PageKit) async throws -> Void
    ) -> Route {
        let pattern = path.isEmpty ? "/status-desk/{tenant}" : "/status-desk/{tenant}/\(path)"
        return Route(.post, pattern, access: .permission(permission.rawValue), bodyBytesMax: 65_536) { request in
            let kit = try await PageKit.scope(services, request, permission)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            do {
                try await act(request, form, kit)
                services.status.board.forget(kit.tenant)
                return .seeOther("/status-desk/\(kit.context.scope.slug)?done=\(done)")
            } catch let refusal as Refusal where refusal.code != .notFound {
                let page = try await page(request, kit, notice: Notice(tone: .bad, text: refusal.message))
                return .html(console.html(page), status: Problem.status(of: refusal))
            }
        }
    }

    private static func revision(_ form: FormFields) throws(Refusal) -> Int32 {
        guard let revision = form["revision"].flatMap({ Int32($0) }) else {
            throw Refusal(.invalid, reason: "form.required", "The page's revision is missing.", facts: ["field": "revision"])
        }
        return revision
    }

    private var save: Route {
        posted("", .statusManage, done: "status-saved") { [desk] _, form, kit in
            var rule: StatusPublishingRule?
            if let from = form["rule_from"], !from.isEmpty {
                rule = try StatusPublishingRule(json: [
                    "from": .string(from), "title": .string(form["rule_title"] ?? ""),
                    "opening": .string(form["rule_opening"] ?? ""), "closing": .string(form["rule_closing"] ?? ""),
                ])
            }
            let settings = StatusDesk.Settings(
                audience: try StatusRoutes.read(form["audience"] ?? "", "audience"), title: form["title"] ?? "",
                intro: form["intro"] ?? "", language: try StatusRoutes.read(form["language"] ?? "", "language"), rule: rule,
                showsAnnounced: form["announced"] == "true")
            _ = try await desk.save(
                settings, revision: try StatusDeskPages.revision(form), as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var renew: Route {
        posted("address", .statusManage, done: "status-saved") { [desk] _, form, kit in
            _ = try await desk.renewAddress(
                revision: try StatusDeskPages.revision(form), as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var add: Route {
        posted("components", .statusManage, done: "status-saved") { [desk] _, form, kit in
            let edit = StatusDesk.ComponentEdit(
                name: form["name"] ?? "", description: form["description"] ?? "",
                source: try StatusSource(text: form["source"] ?? "hand"))
            _ = try await desk.add(edit, as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var set: Route {
        posted("components/{id}/set", .statusPublish, done: "status-saved") { [desk] request, form, kit in
            let word = form["state"] ?? ""
            let state: StatusState? = word.isEmpty ? nil : try StatusRoutes.read(word, "state")
            let hours = form["hours"] ?? ""
            guard hours.isEmpty || Int64(hours) != nil else {
                throw Refusal(.unprocessable, reason: "status.until", "Give the hours as a whole number, or none.")
            }
            let until = Int64(hours).map { kit.now.adding(seconds: min(max($0, 0), 10_000) * 3600) }
            _ = try await desk.set(
                try request.id(), state.map { StatusOverride($0, until: until) }, as: kit.context.actor,
                scope: kit.context.scope)
        }
    }

    private var retire: Route {
        posted("components/{id}/retire", .statusManage, done: "status-saved") { [desk] request, _, kit in
            _ = try await desk.retire(try request.id(), as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var post: Route {
        posted("notices", .statusPublish, done: "status-told") { [desk] _, form, kit in
            let kind: StatusKind = try StatusRoutes.read(form["kind"] ?? "", "kind")
            func moment(_ name: String) throws(Refusal) -> Moment? {
                guard let text = form[name], !text.isEmpty else { return nil }
                guard let moment = Moment(text) else {
                    throw Refusal(
                        .unprocessable, reason: "status.\(name)", "Write a time such as 2026-07-14T08:30:00Z.")
                }
                return moment
            }
            let names = (form["components"] ?? "").split(separator: ",").map { part in
                part.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            }
            _ = try await desk.post(
                StatusDesk.Draft(
                    kind: kind, title: form["title"] ?? "", impact: try StatusRoutes.read(form["impact"] ?? "", "impact"),
                    text: form["text"] ?? "", components: names.filter { !$0.isEmpty }, startsAt: try moment("starts"),
                    endsAt: try moment("ends"), isPublished: form["act"] == "publish"), as: kit.context.actor,
                scope: kit.context.scope)
        }
    }

    private var update: Route {
        posted("notices/{id}/updates", .statusPublish, done: "status-told") { [desk] request, form, kit in
            _ = try await desk.update(
                try request.id(), phase: try StatusRoutes.read(form["phase"] ?? "", "phase"), text: form["text"] ?? "",
                isPublished: form["act"] == "publish", as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var edit: Route {
        posted("notices/{id}/updates/{number}/edit", .statusPublish, done: "status-told") { [desk] request, form, kit in
            guard let number = Int32(try request.parameter("number")) else { throw Refusal.notFound }
            _ = try await desk.edit(
                try request.id(), update: number, text: form["text"] ?? "", tellsSubscribers: form["notify"] == "true",
                as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var publish: Route {
        posted("notices/{id}/updates/{number}/publish", .statusPublish, done: "status-told") { [desk] request, _, kit in
            guard let number = Int32(try request.parameter("number")) else { throw Refusal.notFound }
            _ = try await desk.publish(
                try request.id(), update: number, as: kit.context.actor, scope: kit.context.scope)
        }
    }

    /// From the page of an incident.
    private var tell: Route {
        services.posted("/incidents/{id}/status", .statusPublish) { [services] request, form, kit in
            let incident: IncidentID = try request.id()
            let phase: StatusPhase = try StatusRoutes.read(try form.required("choice", label: "The phase"), "phase")
            let text = try form.required("note", label: "What readers are told")
            _ = try await services.status.desk.tell(
                about: incident, phase: phase, text: text, as: kit.context.actor, scope: kit.context.scope)
            services.status.board.forget(kit.tenant)
            return "\(kit.base)/incidents/\(incident)?done=status-told"
        }
    }

    // MARK: The page

    private func page(_ request: WebRequest, _ kit: PageKit, notice: Notice? = nil) async throws -> StatusDeskPage {
        let row = try await desk.page(of: kit.tenant)
        let sheets = StatusSheets(services: services, kit: kit)
        let components = row == nil ? [] : try await desk.components(of: kit.tenant)
        let states = row == nil ? [:] : try await services.status.sight.states(of: kit.tenant)
        let notices = row == nil ? [] : try await desk.notices(of: kit.tenant, openOnly: false, limit: StatusDeskPages.noticesMax)
        var shown: [StatusDeskPage.Notice] = []
        for item in notices {
            shown.append(sheets.notice(try await desk.notice(item.notice.id, of: kit.tenant)))
        }
        let audience = row.flatMap { StatusDesk.Audience(rawValue: $0.audience) }
        let counts = try await services.status.subscribers.counts(of: kit.tenant)
        let told = Action(
            label: counts.active == 1 ? "1 subscriber" : "\(counts.active) subscribers",
            href: "/status-desk/\(kit.context.scope.slug)/subscribers")
        return StatusDeskPage(
            frame: try await kit.frame(
                "Status page", section: "Status page", crumbs: [Crumb(label: "Status page")], notice: notice, request: request),
            head: PageHead(
                title: "Status page",
                pill: audience.map { audience in
                    switch audience {
                    case .off: StatusText(status: .paused, text: "off: nobody finds it")
                    case .anybody: StatusText(status: .running, text: "for anybody with the address")
                    case .signedIn: StatusText(status: .running, text: "for people who are signed in")
                    }
                }, lead: "What your readers are told when something does not work, and what is planned."),
            address: audience == .off ? "" : row.map { "/status/\($0.address)" } ?? "",
            subscribers: row.map { _ in told }, sheets: sheets.page(row),
            components: components.map { sheets.component($0, states[$0.id]) }, notices: shown,
            empty: row == nil ? EmptyState(why: "There is no status page here yet. Set one up below.") : nil)
    }
}

/// The forms of the desk.
private struct StatusSheets {
    let services: Services
    let kit: PageKit

    private typealias Control = StatusDeskPage.Control
    private typealias Sheet = StatusDeskPage.Sheet

    private func target(_ path: String) -> FormTarget {
        FormTarget(
            action: "/status-desk/\(kit.context.scope.slug)" + (path.isEmpty ? "" : "/" + path), key: services.newKey())
    }

    private static func choices(_ values: [String], none: String? = nil) -> [FieldChoice] {
        (none.map { [FieldChoice(value: "", label: $0)] } ?? [])
            + values.map { FieldChoice(value: $0, label: $0.split(separator: "-").joined(separator: " ")) }
    }

    private static let publishing = [
        FieldChoice(value: "publish", label: "Publish"), FieldChoice(value: "draft", label: "Keep as a draft"),
    ]

    func page(_ row: StatusPageRow?) -> [StatusDeskPage.Sheet] {
        var sheets: [Sheet] = []
        if row != nil, kit.may(.statusPublish) { sheets.append(begin()) }
        guard kit.may(.statusManage) else { return sheets }
        if row != nil { sheets.append(component()) }
        sheets.append(settings(row))
        if let row {
            sheets.append(
                Sheet(
                    label: "New address", form: target("address"),
                    controls: [
                        Control(
                            .choice, id: "renew-revision", name: "revision", label: "Under the old address there is nothing then",
                            value: "\(row.revision)",
                            choices: [FieldChoice(value: "\(row.revision)", label: "I have told my readers")])
                    ], acts: [FieldChoice(value: "renew", label: "Make a new address")]))
        }
        return sheets
    }

    private func settings(_ row: StatusPageRow?) -> StatusDeskPage.Sheet {
        let rule = row?.rule
        let audiences = [
            FieldChoice(value: "off", label: "Nobody: the page is off"),
            FieldChoice(value: "anybody", label: "Anybody who has the address"),
            FieldChoice(value: "signed-in", label: "People who are signed in"),
        ]
        return Sheet(
            label: row == nil ? "Set it up" : "Settings", form: target(""),
            controls: [
                Control(.line, id: "s-title", name: "title", label: "Title", value: row?.title ?? ""),
                Control(.paragraph, id: "s-intro", name: "intro", label: "Introduction", value: row?.intro ?? ""),
                Control(
                    .choice, id: "s-audience", name: "audience", label: "Who may read it", value: row?.audience ?? "off",
                    choices: audiences),
                Control(
                    .choice, id: "s-language", name: "language", label: "Language", value: row?.language ?? "en",
                    choices: [
                        FieldChoice(value: "en", label: "English"), FieldChoice(value: "de", label: "Deutsch"),
                        FieldChoice(value: "fr", label: "Français"),
                    ]),
                Control(
                    .check, id: "s-announced", name: "announced", label: "Show maintenance that the contract announces",
                    value: row?.showsAnnounced == true ? "true" : ""),
                Control(
                    .choice, id: "s-rule", name: "rule_from", label: "Publish incidents without a person",
                    value: rule?["from"]?.string ?? "",
                    choices: StatusSheets.choices(Severity.allCases.map(\.rawValue), none: "Never"),
                    help: "From this severity on, in your words below, and only what a component is about."),
                Control(
                    .line, id: "s-rule-title", name: "rule_title", label: "Its title", value: rule?["title"]?.string ?? ""),
                Control(
                    .paragraph, id: "s-rule-opening", name: "rule_opening", label: "What it says first",
                    value: rule?["opening"]?.string ?? ""),
                Control(
                    .paragraph, id: "s-rule-closing", name: "rule_closing", label: "What it says when it is over",
                    value: rule?["closing"]?.string ?? ""),
                Control(
                    .choice, id: "s-revision", name: "revision", label: "Version of these settings",
                    value: "\(row?.revision ?? 0)",
                    choices: [
                        FieldChoice(value: "\(row?.revision ?? 0)", label: row.map { "Changed \($0.revision) times" } ?? "New")
                    ]),
            ], acts: [FieldChoice(value: "save", label: "Save")])
    }

    private func component() -> StatusDeskPage.Sheet {
        Sheet(
            label: "Add a component", form: target("components"),
            controls: [
                Control(.line, id: "c-name", name: "name", label: "Name"),
                Control(.line, id: "c-description", name: "description", label: "What readers know it as"),
                Control(
                    .line, id: "c-source", name: "source", label: "Its state is taken from", value: "hand",
                    help: "hand, platform, platform:PART, connection:NAME or workflow:NAME."),
            ], acts: [FieldChoice(value: "add", label: "Add")])
    }

    private func begin() -> StatusDeskPage.Sheet {
        Sheet(
            label: "Tell readers something new", form: target("notices"),
            controls: [
                Control(
                    .choice, id: "n-kind", name: "kind", label: "Kind", value: "incident",
                    choices: [
                        FieldChoice(value: "incident", label: "Disruption"),
                        FieldChoice(value: "maintenance", label: "Planned maintenance"),
                    ]), Control(.line, id: "n-title", name: "title", label: "Title"),
                Control(
                    .choice, id: "n-impact", name: "impact", label: "How much is felt of it", value: "minor",
                    choices: StatusSheets.choices(StatusImpact.allCases.map(\.rawValue))),
                Control(
                    .line, id: "n-components", name: "components", label: "Components",
                    help: "Their names, with commas between them."),
                Control(
                    .line, id: "n-starts", name: "starts", label: "Of maintenance: starts",
                    help: "A time such as 2026-07-14T08:30:00Z."),
                Control(.line, id: "n-ends", name: "ends", label: "Of maintenance: ends"),
                Control(.paragraph, id: "n-text", name: "text", label: "What readers are told"),
            ], acts: StatusSheets.publishing)
    }

    func component(_ row: StatusComponentRow, _ state: StatusState?) -> StatusDeskPage.Component {
        var sheets: [Sheet] = []
        let name = row.id.text
        if kit.may(.statusPublish) {
            sheets.append(
                Sheet(
                    label: "Set \(row.name) by hand", form: target("components/\(name)/set"),
                    controls: [
                        Control(
                            .choice, id: "set-\(name)", name: "state", label: "State", value: row.setState ?? "",
                            choices: StatusSheets.choices(
                                StatusState.allCases.map(\.rawValue), none: "As the rule finds it")),
                        Control(
                            .line, id: "hours-\(name)", name: "hours", label: "For how many hours",
                            help: "Empty: until it is taken back."),
                    ], acts: [FieldChoice(value: "set", label: "Set")]))
        }
        if kit.may(.statusManage) {
            sheets.append(
                Sheet(
                    label: "Take \(row.name) off the page", form: target("components/\(name)/retire"), controls: [],
                    acts: [FieldChoice(value: "retire", label: "Take it off")]))
        }
        let note = row.setByName.map { person in
            "Set by \(person)" + (row.setUntil.map { " until \(kit.time.stamp($0).text)" } ?? ", until it is taken back")
        }
        return StatusDeskPage.Component(
            name: row.name, source: "From \(row.bound.text)",
            status: StatusText(
                status: StatusBook.status(state), text: StatusWords(.en).word(state)), note: note ?? "", sheets: sheets)
    }

    func notice(_ told: StatusDesk.Told) -> StatusDeskPage.Notice {
        let row = told.notice
        let may = kit.may(.statusPublish)
        let path = "notices/\(row.id.text)"
        var meta = ["\(row.kind), \(row.impact)"]
        if row.madeBy == nil { meta.append("begun by your rule") }
        if let from = row.startsAt, let to = row.endsAt {
            meta.append("\(kit.time.stamp(from).text) to \(kit.time.stamp(to).text)")
        }
        let phases = (StatusKind(rawValue: row.kind) ?? .incident).phases.map(\.rawValue)
        let next = told.latest.last?.phase ?? phases[0]
        return StatusDeskPage.Notice(
            title: row.title,
            status: row.publishedAt == nil
                ? StatusText(status: .notStarted, text: "draft")
                : row.resolvedAt == nil ? StatusText(status: .watch, text: "open") : StatusText(status: .done, text: "over"),
            meta: meta.joined(separator: ", "),
            updates: told.latest.reversed().map { update in self.update(update, told, path: path, may: may) },
            sheets: may
                ? [
                    Sheet(
                        label: "Another update", form: target("\(path)/updates"),
                        controls: [
                            Control(
                                .choice, id: "phase-\(row.id.text)", name: "phase", label: "Where it stands", value: next,
                                choices: StatusSheets.choices(phases)),
                            Control(.paragraph, id: "text-\(row.id.text)", name: "text", label: "What readers are told"),
                        ], acts: StatusSheets.publishing)
                ] : [])
    }

    private func update(
        _ update: StatusUpdateRow, _ told: StatusDesk.Told, path: String, may: Bool
    ) -> StatusDeskPage.Update {
        let place = "\(path)/updates/\(update.number)"
        var sheets: [Sheet] = []
        if may {
            if update.publishedAt == nil {
                sheets.append(
                    Sheet(
                        label: "Publish this draft", form: target("\(place)/publish"), controls: [],
                        acts: [FieldChoice(value: "publish", label: "Publish")]))
            }
            sheets.append(
                Sheet(
                    label: "Say it in other words", form: target("\(place)/edit"),
                    controls: [
                        Control(
                            .paragraph, id: "edit-\(told.notice.id.text)-\(update.number)", name: "text",
                            label: "What readers are told", value: update.text),
                        Control(
                            .check, id: "notify-\(told.notice.id.text)-\(update.number)", name: "notify",
                            label: "Tell subscribers again"),
                    ], acts: [FieldChoice(value: "edit", label: "Save the words")]))
        }
        return StatusDeskPage.Update(
            title: update.phase + (update.publishedAt == nil ? ", draft" : ""), text: update.text,
            time: kit.time.stamp(update.publishedAt ?? update.madeAt),
            before: told.updates.filter { $0.number == update.number && $0.wording < update.wording }.map {
                StatusDeskPage.Wording(time: kit.time.stamp($0.wordedAt), text: $0.text)
            }, sheets: sheets)
    }
}
