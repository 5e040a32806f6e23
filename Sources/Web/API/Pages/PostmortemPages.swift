internal import Console
internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Post-mortems in the console: all of a scope, and one that is written, reviewed and followed up.
struct PostmortemPages: Sendable {
    static let listMax = 100

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/postmortems", .incidentsRead) { request, kit in .html(console.html(try await list(request, kit))) },
            services.page("/postmortem/{id}", .incidentsRead) { request, kit in
                .html(console.html(try await one(request, kit)))
            },
            services.page("/postmortem/{id}/document", .incidentsRead) { [services] request, kit in
                try await PostmortemRoutes.document(services, try request.id(), kit.context)
            },
            services.posted("/incidents/{id}/postmortem", .incidentsManage) { [services] request, _, kit in
                let incident: IncidentID = try request.id()
                // Whoever is second takes up what the first has begun.
                if let found = try await services.postmortems.of(incident, in: kit.tenant) {
                    return "\(kit.base)/postmortem/\(found.row.id)"
                }
                let found = try await services.postmortems.draft([incident], as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/postmortem/\(found.row.id)"
            },
            posted("sections") { form, _, _ in
                .write(
                    try PostmortemRoutes.section(try form.required("section", label: "The section")),
                    text: try form.required("text", label: "The text"))
            },
            posted("actions") { [services] form, _, kit in
                .promise(
                    title: try form.required("title", label: "The action"),
                    owner: try await services.onCalling.engineer(
                        try form.required("owner", label: "The owner"), for: kit.tenant
                    ).id, due: try PostmortemRoutes.day(try form.required("due", label: "The day")))
            },
            posted("actions/{step}/settle") { form, request, _ in
                .settle(
                    action: try request.step(),
                    as: try PostmortemRoutes.ending(try form.required("as", label: "What became of it")),
                    note: try form.required("note", label: "The note"))
            },
            posted("submit") { _, _, _ in .submit },
            posted("return") { form, _, _ in .giveBack(reason: try form.required("reason", label: "The reason")) },
            posted("publish") { _, _, _ in .publish },
        ]
    }

    private func posted(
        _ path: String, _ read: @escaping @Sendable (FormFields, WebRequest, PageKit) async throws -> Postmortems.Change
    ) -> Route {
        services.posted("/postmortem/{id}/\(path)", .incidentsManage) { [services] request, form, kit in
            let found = try await services.postmortems.change(
                try request.id(), try await read(form, request, kit), as: kit.context.actor, scope: kit.context.scope)
            return "\(kit.base)/postmortem/\(found.row.id)?done=postmortem"
        }
    }

    static func status(_ state: Postmortem, on today: CivilDate) -> Status {
        if state.actions.contains(where: { $0.isOverdue(on: today) }) { return .watch }
        switch state.phase {
        case .draft: return .running
        case .inReview: return .needsPerson
        case .published: return .done
        }
    }

    private static func numbers(_ state: Postmortem) -> String {
        (state.facts["incidents"]?.array ?? []).compactMap { $0["number"]?.string }.joined(separator: ", ")
    }

    // MARK: All

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> PostmortemsPage {
        let today = kit.time.zone.localTime(at: kit.now).date
        let found = try await services.postmortems.list(kit.tenant, limit: PostmortemPages.listMax)
        let names = try await services.postmortems.names(for: kit.tenant)
        let open = found.flatMap(\.state.actions).filter { $0.state == .open }
        let overdue = open.filter { $0.isOverdue(on: today) }.count
        return PostmortemsPage(
            frame: try await kit.frame(
                "Post-mortems", section: "Incidents",
                crumbs: [Crumb(label: "Incidents", href: "\(kit.base)/incidents"), Crumb(label: "Post-mortems")],
                request: request),
            head: PageHead(title: "Post-mortems", lead: "What severe trouble has taught, and what was promised after it."),
            figures: found.isEmpty
                ? []
                : [
                    Figure(
                        label: "Open actions", value: kit.money.count(open.count),
                        context: "\(kit.money.count(overdue)) overdue", status: overdue > 0 ? .watch : nil,
                        isAlarming: overdue > 0)
                ],
            rows: found.map { one in
                PostmortemsPage.Row(
                    href: "\(kit.base)/postmortem/\(one.row.id)", numbers: PostmortemPages.numbers(one.state),
                    status: PostmortemPages.status(one.state, on: today), state: one.row.state,
                    open: kit.money.count(one.state.actions.count { $0.state == .open }),
                    overdue: kit.money.count(one.state.actions.count { $0.isOverdue(on: today) }),
                    who: names[one.row.draftedBy] ?? "an engineer", at: kit.time.dayAndTime(one.row.draftedAt))
            },
            empty: found.isEmpty
                ? EmptyState(why: "None is written. Begin one from an incident that is resolved.") : nil)
    }

    // MARK: One

    private func one(_ request: WebRequest, _ kit: PageKit) async throws -> PostmortemPage {
        let found = try await services.postmortems.find(try request.id(), in: kit.tenant)
        let (row, state) = (found.row, found.state)
        let today = kit.time.zone.localTime(at: kit.now).date
        let names = try await services.postmortems.names(for: kit.tenant)
        let mayWrite = kit.may(.incidentsManage)
        let isDraft = mayWrite && state.phase == .draft
        func form(_ verb: String) -> FormTarget { kit.form("/postmortem/\(row.id)/\(verb)") }
        let people = isDraft ? try await services.onCalling.engineers(for: kit.tenant) : []
        return PostmortemPage(
            frame: try await kit.frame(
                "Post-mortem of \(PostmortemPages.numbers(state))", section: "Incidents",
                crumbs: [
                    Crumb(label: "Incidents", href: "\(kit.base)/incidents"),
                    Crumb(label: "Post-mortems", href: "\(kit.base)/postmortems"), Crumb(label: PostmortemPages.numbers(state)),
                ], request: request),
            head: PageHead(
                title: "Post-mortem of \(PostmortemPages.numbers(state))",
                pill: StatusText(status: PostmortemPages.status(state, on: today), text: row.state),
                meta: state.publishedAt.map {
                    "published by \(state.publishedBy.flatMap { names[$0] } ?? "an engineer") at \(kit.time.stamp($0).text)"
                } ?? "begun by \(names[row.draftedBy] ?? "an engineer") at \(kit.time.stamp(row.draftedAt).text)"),
            returned: state.returnedBecause.isEmpty ? "" : "It came back from its review: \(state.returnedBecause)",
            incidents: zip(found.incidents, state.facts["incidents"]?.array ?? []).map { _, one in
                Fact(
                    label: one["number"]?.string ?? "", value: one["title"]?.string ?? "",
                    href: "\(kit.base)/incidents/\(one["id"]?.string ?? "")")
            },
            document: "\(kit.base)/postmortem/\(row.id)/document",
            parts: Postmortem.Section.allCases.map { section in
                PostmortemPage.Part(
                    name: section.rawValue, title: section.title, text: state.sections[section] ?? "",
                    body: Markdown.html(state.sections[section] ?? "", topLevel: 3),
                    isMissing: state.missing.contains(section), form: isDraft ? form("sections") : nil)
            },
            actions: state.actions.map { action in
                PostmortemPage.Action(
                    number: "\(action.number)", title: action.title, owner: names[action.owner] ?? "somebody who has left",
                    due: action.isOverdue(on: today) ? "was due on \(action.due)" : "due on \(action.due)",
                    status: action.state == .done
                        ? .done : action.state == .dropped ? .cancelled : action.isOverdue(on: today) ? .watch : .notStarted,
                    state: action.state.rawValue, note: action.note,
                    form: mayWrite && action.state == .open ? form("actions/\(action.number)/settle") : nil)
            },
            promise: isDraft
                ? PostmortemPage.Promise(
                    form: form("actions"), people: people.map { FieldChoice(value: $0.slug, label: $0.name) }) : nil,
            acts: mayWrite ? acts(state, kit, form) : [],
            timeline: (state.facts["timeline"]?.array ?? []).compactMap { line in
                line["at"]?.moment.map { at in
                    PostmortemPage.Line(
                        time: kit.time.stamp(at, seconds: true), text: line["text"]?.string ?? "",
                        detail: line["who"]?.string ?? "")
                }
            })
    }

    private func acts(_ state: Postmortem, _ kit: PageKit, _ form: (String) -> FormTarget) -> [PostmortemPage.Act] {
        switch state.phase {
        case .draft:
            let missing = state.missing.map(\.title).joined(separator: ", ")
            let blocked =
                missing.isEmpty ? (state.actions.isEmpty ? "Nothing is promised yet." : "") : "Still to be written: \(missing)."
            return [.init(form: form("submit"), label: "Submit it for review", isPrimary: true, blocked: blocked)]
        case .inReview:
            let isAuthor = state.authors.contains(kit.context.actor.natural)
            return [
                .init(
                    form: form("publish"), label: "Publish it", isPrimary: true,
                    blocked: isAuthor ? "You have written part of it, so someone else has to review it." : ""),
                .init(form: form("return"), label: "Make it a draft again", reasonLabel: "What is missing"),
            ]
        case .published: return []
        }
    }
}
