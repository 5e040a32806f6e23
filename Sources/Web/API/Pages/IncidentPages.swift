internal import Console
internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The incident board, and one incident with its runbook.
struct IncidentPages: Sendable {
    static let listMax = 100
    /// Linked runs on the page of an incident; the API has all of them.
    static let runsShownMax = 5

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/incidents", .incidentsRead) { request, kit in .html(console.html(try await board(request, kit))) },
            services.page("/incidents/{id}", .incidentsRead) { request, kit in
                .html(console.html(try await incident(request, kit)))
            },
            services.posted("/incidents/{id}/acknowledge", .incidentsManage) { [services] request, _, kit in
                let row = try await services.alerting.acknowledge(
                    try request.id(), as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/incidents/\(row.id)?done=acknowledged"
            },
            services.posted("/incidents/{id}/resolve", .incidentsManage) { [services] request, form, kit in
                let reason = try form.required("note", label: "What ended it")
                let row = try await services.alerting.resolve(
                    try request.id(), reason: reason, as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/incidents/\(row.id)?done=resolved"
            },
            services.posted("/incidents/{id}/note", .incidentsManage) { [services] request, form, kit in
                let text = try form.required("note", label: "The note")
                let row = try await services.alerting.note(
                    try request.id(), text: text, as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/incidents/\(row.id)?done=noted"
            },
            services.posted("/incidents/stops/{id}/release", .incidentsRead) { [services] request, form, kit in
                let halting = services.guiding.halting
                let found = try await halting.find(try request.id(), in: kit.tenant)
                if let kind = Halting.Kind(rawValue: found.kind) { try StopRoutes.require(kind, kit.context) }
                _ = try await halting.release(
                    found.id, reason: try form.required("note", label: "The reason"), as: kit.context.actor,
                    scope: kit.context.scope)
                return "\(kit.base)/incidents?done=changed"
            },
            services.posted("/incidents/{id}/merge", .incidentsManage) { [services] request, form, kit in
                guard let survivor = IncidentID(try form.required("choice", label: "The other incident")) else {
                    throw Refusal.notFound
                }
                let both = try await services.alerting.merge(
                    try request.id(), into: survivor, reason: try form.required("note", label: "The reason"),
                    as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/incidents/\(both.survivor.id)?done=changed"
            },
            services.posted("/incidents/{id}/unmerge", .incidentsManage) { [services] request, form, kit in
                let both = try await services.alerting.unmerge(
                    try request.id(), reason: try form.required("note", label: "The reason"), as: kit.context.actor,
                    scope: kit.context.scope)
                return "\(kit.base)/incidents/\(both.merged.id)?done=changed"
            },
            changed("mitigate") { form, _ in .mitigated(text: try form.required("note", label: "What helps")) },
            changed("reopen") { form, _ in .reopened(reason: try form.required("note", label: "The reason")) },
            changed("severity") { form, _ in
                .severity(
                    try IncidentRoutes.severity(try form.required("choice", label: "The severity")),
                    reason: try form.required("note", label: "The reason"))
            },
            changed("assign") { [services] form, kit in
                let slug = try form.required("choice", label: "The person")
                return .assigned(try await services.onCalling.engineer(slug, for: kit.tenant).id)
            },
        ]
    }

    private func changed(
        _ verb: String, _ read: @escaping @Sendable (FormFields, PageKit) async throws -> Alerting.Change
    ) -> Route {
        services.posted("/incidents/{id}/\(verb)", .incidentsManage) { [services] request, form, kit in
            let row = try await services.alerting.change(
                try request.id(), try await read(form, kit), as: kit.context.actor, scope: kit.context.scope)
            return "\(kit.base)/incidents/\(row.id)?done=changed"
        }
    }

    /// What may be changed of an incident as it stands.
    private func changes(_ row: IncidentRow, _ kit: PageKit) async throws -> [IncidentPage.Change] {
        guard kit.may(.incidentsManage) else { return [] }
        func form(_ verb: String) -> FormTarget { kit.form("/incidents/\(row.id)/\(verb)") }
        if row.mergedInto != nil {
            return [
                .init(
                    form: form("unmerge"), name: "unmerge", noteLabel: "Why it is a trouble of its own",
                    button: "Take it out again")
            ]
        }
        let telling = try await telling(row, kit)
        guard row.state != "resolved" else {
            return telling + [
                .init(form: form("reopen"), name: "reopen", noteLabel: "Why it is not over", button: "Reopen the incident")
            ]
        }
        let severities = Severity.allCases.filter { $0.rawValue != row.severity }.map {
            FieldChoice(value: $0.rawValue, label: $0.rawValue.uppercased())
        }
        let people = try await services.onCalling.engineers(for: kit.tenant).map {
            FieldChoice(value: $0.slug, label: $0.name)
        }
        var changes: [IncidentPage.Change] = []
        if row.state != "mitigated" {
            changes.append(
                .init(
                    form: form("mitigate"), name: "mitigate", noteLabel: "Why the tenant no longer suffers",
                    button: "Say that it is mitigated"))
        }
        changes.append(
            .init(
                form: form("severity"), name: "severity", choiceLabel: "Severity, now \(row.severity.uppercased())",
                choices: severities, noteLabel: "Why", button: "Change the severity"))
        if !people.isEmpty {
            changes.append(
                .init(form: form("assign"), name: "assign", choiceLabel: "Give it to", choices: people, button: "Assign it"))
        }
        let others = try await kit.looking.incidents(kit.tenant, openOnly: true, limit: IncidentPages.listMax)
            .filter { $0.id != row.id }
        if !others.isEmpty {
            changes.append(
                .init(
                    form: form("merge"), name: "merge", choiceLabel: "It is the same trouble as",
                    choices: others.map {
                        FieldChoice(value: $0.id.text, label: "\(IncidentPages.number($0)) \($0.title)")
                    }, noteLabel: "Why they are one", button: "Merge it into that one"))
        }
        return telling + changes
    }

    /// Telling the readers of the status page, where there is one.
    private func telling(_ row: IncidentRow, _ kit: PageKit) async throws -> [IncidentPage.Change] {
        guard kit.may(.statusPublish), try await services.status.desk.outlook(for: row.id, of: kit.tenant).isShown else {
            return []
        }
        return [
            .init(
                form: kit.form("/incidents/\(row.id)/status"), name: "status", choiceLabel: "On the status page it is",
                choices: StatusKind.incident.phases.map { FieldChoice(value: $0.rawValue, label: $0.rawValue) },
                noteLabel: "What readers are told; they see these words and nothing else of the incident",
                button: "Publish on the status page")
        ]
    }

    private func board(_ request: WebRequest, _ kit: PageKit) async throws -> IncidentsPage {
        let rows = try await kit.looking.incidents(kit.tenant, openOnly: false, limit: IncidentPages.listMax)
        let names = try await kit.names()
        let groups = ["triggered", "acknowledged", "mitigated", "resolved"].compactMap { state -> IncidentsPage.Group? in
            let inState = rows.filter { $0.state == state }
            guard !inState.isEmpty else { return nil }
            return IncidentsPage.Group(
                title: EventWords.words(state), count: kit.money.count(inState.count), rows: inState.map { row($0, names, kit) })
        }
        return IncidentsPage(
            frame: try await kit.frame(
                "Incidents", section: "Incidents", crumbs: [Crumb(label: "Incidents")], topics: "incidents", request: request),
            head: PageHead(title: "Incidents"), stops: try await stops(names, kit), postmortems: "\(kit.base)/postmortems",
            figures: rows.isEmpty ? [] : try await figures(kit), groups: groups,
            empty: rows.isEmpty ? EmptyState(why: "Quiet. No incident has been opened.") : nil)
    }

    private func stops(_ names: [PersonID: String], _ kit: PageKit) async throws -> [IncidentsPage.Stop] {
        try await services.guiding.halting.open(kit.tenant).map { row in
            let kind = Halting.Kind(rawValue: row.kind)
            let title = kind == .tenant ? "Everything" : kind == .worker ? "The worker" : row.connection ?? ""
            let may = kind.flatMap { Permission(rawValue: $0.permission) }.map { kit.may($0) } ?? false
            return IncidentsPage.Stop(
                title: title, reason: row.reason, who: names[row.placedBy] ?? "an engineer",
                since: kit.time.dayAndTime(row.placedAt),
                release: may ? kit.form("/incidents/stops/\(row.id)/release") : nil)
        }
    }

    private func figures(_ kit: PageKit) async throws -> [Figure] {
        let figures = try await kit.looking.responseFigures(kit.tenant, at: kit.now)
        func figure(_ label: String, _ interval: ResponseFigures.Interval) -> Figure {
            let decile = interval.ninthDecileSeconds.map(DurationText.text) ?? "none"
            let out = interval.excluded > 0 ? ", \(kit.money.count(interval.excluded)) not yet" : ""
            return Figure(
                label: label, value: interval.medianSeconds.map(DurationText.text) ?? "none",
                context: "median of \(kit.money.count(interval.n)) in \(Looking.figuresDays) days, nine of ten in \(decile)\(out)"
            )
        }
        return [figure("To acknowledge", figures.toAcknowledge), figure("To resolve", figures.toResolve)]
    }

    static func number(_ row: IncidentRow) -> String { "INC-\(row.number)" }

    /// A merged one is at rest like a resolved one, and is called what it is.
    static func state(_ row: IncidentRow) -> String { row.mergedInto == nil ? row.state : "merged" }

    static func status(_ row: IncidentRow) -> Status {
        switch row.state {
        case "triggered": row.severity <= "sev2" ? .failed : .watch
        case "acknowledged": .needsPerson
        case "mitigated": .running
        default: .done
        }
    }

    private func row(_ row: IncidentRow, _ names: [PersonID: String], _ kit: PageKit) -> IncidentsPage.Row {
        let seconds = (row.resolvedAt ?? kit.now).seconds(since: row.openedAt)
        return IncidentsPage.Row(
            href: "\(kit.base)/incidents/\(row.id)", number: IncidentPages.number(row), title: row.title,
            tenant: kit.context.scope.name,
            priority: row.severity.uppercased(), status: IncidentPages.status(row), state: IncidentPages.state(row),
            clock: DurationText.text(seconds),
            clockTone: row.resolvedAt == nil && row.severity <= "sev2" ? .bad : .quiet,
            who: (row.resolvedBy ?? row.acknowledgedBy).flatMap { names[$0] }
                ?? (row.acknowledgedBy == nil ? "nobody yet" : "an engineer"), opened: kit.time.dayAndTime(row.openedAt),
            acknowledge: row.state == "triggered" && kit.may(.incidentsManage)
                ? kit.form("/incidents/\(row.id)/acknowledge") : nil)
    }

    private func incident(_ request: WebRequest, _ kit: PageKit) async throws -> IncidentPage {
        let row = try await kit.looking.incident(kit.tenant, try request.id())
        let lines = try await kit.looking.incidentEntries(kit.tenant, row.id)
        let names = try await kit.names()
        let number = IncidentPages.number(row)
        var acts: [IncidentPage.Act] = []
        if row.state == "triggered" {
            acts.append(
                .init(
                    form: kit.form("/incidents/\(row.id)/acknowledge"), label: "Acknowledge \(number)", key: "a", isPrimary: true,
                    blocked: kit.may(.incidentsManage) ? "" : "Your roles do not manage incidents."))
        }
        let end = row.resolvedAt ?? kit.now
        let facts = (row.facts.object ?? [:]).members.filter { $0.key != "task" }.map {
            Fact(label: EventWords.words($0.key), value: $0.value.string ?? "")
        }
        return IncidentPage(
            frame: try await kit.frame(
                "\(number) \(row.title)", section: "Incidents",
                crumbs: [Crumb(label: "Incidents", href: "\(kit.base)/incidents"), Crumb(label: number)],
                topics: "incidents", request: request),
            head: PageHead(
                title: row.title, pill: StatusText(status: IncidentPages.status(row), text: IncidentPages.state(row)),
                meta: "\(number), \(row.severity.uppercased())"),
            figures: [
                Figure(
                    label: row.resolvedAt == nil ? "Open for" : "Took",
                    value: DurationText.text(end.seconds(since: row.openedAt)),
                    context: "since \(kit.time.stamp(row.openedAt).text)"),
                Figure(
                    label: "Acknowledged",
                    value: row.acknowledgedAt.map { DurationText.text($0.seconds(since: row.openedAt)) } ?? "not yet",
                    context: row.acknowledgedBy.flatMap { names[$0] } ?? ""),
                Figure(label: "Alerts", value: kit.money.count(Int(row.occurrences)), context: "of this trouble"),
            ],
            facts: facts + (try await links(row, kit)),
            runbook: try await runbook(row, kit),
            pages: try await pages(row, lines, kit),
            timeline: lines.reversed().map { line in
                IncidentPage.Entry(
                    time: kit.time.stamp(line.at, seconds: true), text: line.text,
                    detail: line.person.flatMap { names[$0] } ?? EventWords.words(line.kind))
            }, acts: acts, note: kit.may(.incidentsManage) ? kit.form("/incidents/\(row.id)/note") : nil,
            resolve: row.state != "resolved" && kit.may(.incidentsManage) ? kit.form("/incidents/\(row.id)/resolve") : nil,
            changes: try await changes(row, kit),
            postmortem: row.state == "resolved" && row.mergedInto == nil && kit.may(.incidentsManage)
                ? kit.form("/incidents/\(row.id)/postmortem") : nil)
    }

    /// The runs that its alerts were about, its clocks, and its post-mortem.
    private func links(_ row: IncidentRow, _ kit: PageKit) async throws -> [Fact] {
        let runs = try await kit.looking.runs(of: row.id, kit.tenant)
        var facts = runs.prefix(IncidentPages.runsShownMax).enumerated().map { index, run in
            Fact(
                label: index == 0 ? "Run" : "", value: "open run \(PageWords.short(run.text))",
                href: kit.may(.runsRead) ? "\(kit.base)/runs/\(run)" : "")
        }
        if runs.count > IncidentPages.runsShownMax {
            facts.append(Fact(label: "", value: "and \(kit.money.count(runs.count - IncidentPages.runsShownMax)) more"))
        }
        for clock in try await kit.looking.clocks(kit.tenant, incident: row.id) where clock.state != "cancelled" {
            let counted = "\(DurationText.text(clock.elapsedSeconds)) of \(DurationText.text(clock.targetSeconds))"
            facts.append(
                Fact(
                    label: PageWords.objective(clock.objective),
                    value: (clock.outcome == "breached" ? "missed, " : clock.outcome == "met" ? "met, " : "") + counted,
                    href: kit.may(.serviceRead) ? "\(kit.base)/service?clock=\(clock.id)" : ""))
        }
        if let merge = row.machine["merge"], let survivor = row.mergedInto {
            facts.append(
                Fact(
                    label: "Merged into", value: "INC-\(merge["number"]?.int ?? 0)",
                    href: "\(kit.base)/incidents/\(survivor)"))
        }
        for one in row.machine["absorbed"]?.array ?? [] where one["via"] == nil {
            let since = one["alerts"]?.int ?? 0
            facts.append(
                Fact(
                    label: "Same trouble",
                    value: "INC-\(one["number"]?.int ?? 0)" + (since > 0 ? ", \(kit.money.count(since)) alerts since" : ""),
                    href: "\(kit.base)/incidents/\(one["incident"]?.string ?? "")"))
        }
        if let told = try await services.postmortems.of(row.id, in: kit.tenant) {
            facts.append(
                Fact(label: "Post-mortem", value: told.row.state, href: "\(kit.base)/postmortem/\(told.row.id)"))
        }
        return facts
    }

    /// Every page with what became of it, and every time that nobody could be told.
    private func pages(_ row: IncidentRow, _ lines: [IncidentEntryRow], _ kit: PageKit) async throws -> [IncidentPage.Page] {
        let found = try await services.onCalling.pages(of: row.id, tenant: kit.tenant)
        let told = found.filter { ["page", "notice"].contains($0.page.kind) }.map { item -> (Moment, IncidentPage.Page) in
            let (status, words) = PageProof.words(item.page, item.attempts)
            let page = IncidentPage.Page(
                status: status, title: "\(item.page.personName) by \(item.page.channel) as \(item.page.layer): \(words)",
                detail: kit.time.stamp(item.page.decidedAt, seconds: true).text)
            return (item.page.decidedAt, page)
        }
        let gaps = lines.filter { $0.kind == "unpaged" }.map { line in
            (line.at, IncidentPage.Page(status: .failed, title: line.text, detail: kit.time.stamp(line.at, seconds: true).text))
        }
        return (told + gaps).sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// The runbook as it was published; one that is overdue for review is shown with that word above it, never hidden.
    private func runbook(_ incident: IncidentRow, _ kit: PageKit) async throws -> IncidentPage.RunbookPanel? {
        let alert = incident.alert
        guard let asset = try await services.assets.current(for: kit.tenant).row("runbook", alert),
            let body = asset.content["body"]?.string
        else { return nil }
        let matter = asset.content["matter"] ?? .null
        let expires = matter["expires"]?.string.flatMap { CivilDate($0) }
        let today = kit.time.zone.localTime(at: kit.now).date
        return IncidentPage.RunbookPanel(
            name: matter["title"]?.string ?? alert,
            meta: "owner \(matter["owner"]?.string ?? "nobody"), reviewed \(matter["reviewed"]?.string ?? "never")",
            body: Markdown.html(body, topLevel: 3),
            overdue: expires.map { $0 <= today } ?? false
                ? "This runbook is overdue for review since \(expires.map { "\($0)" } ?? "")." : "",
            follow: kit.may(.incidentsManage) && incident.state != "resolved"
                ? kit.form("/incidents/\(incident.id)/runbook") : nil)
    }
}
