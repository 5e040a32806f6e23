internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Deputies in the console: who decides for whom, naming one, and taking it back.
struct DelegationPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/delegations", .approvalsRead) { request, kit in
                .html(console.html(try await page(request, kit)))
            },
            services.posted("/delegations", .approvalsRead) { [services] _, form, kit in
                _ = try await services.looking.delegating.make(
                    try wish(form, kit), as: kit.context.actor, mayForOthers: kit.may(.peopleManage), scope: kit.context.scope)
                return "\(kit.base)/delegations?done=delegation-made"
            },
            services.posted("/delegations/{id}/revoke", .approvalsRead) { [services] request, _, kit in
                _ = try await services.looking.delegating.revoke(
                    try request.id(), as: kit.context.actor, mayForOthers: kit.may(.peopleManage), scope: kit.context.scope)
                return "\(kit.base)/delegations?done=delegation-revoked"
            },
        ]
    }

    private static let pageSize = 50

    private func page(_ request: WebRequest, _ kit: PageKit) async throws -> DelegationsPage {
        let desk = services.looking.delegating
        let cursor = try PageRequest(request)
        let rows = try await desk.page(kit.tenant, before: try cursor.position(), limit: DelegationPages.pageSize)
        let names = try await kit.names()
        let older =
            rows.count == DelegationPages.pageSize
            ? rows.last.map { "\(kit.base)/delegations?cursor=\($0.madeAt.microseconds)_\($0.id)" } ?? "" : ""
        return DelegationsPage(
            frame: try await kit.frame(
                "Deputies", section: "Inbox",
                crumbs: [Crumb(label: "Inbox", href: "\(kit.base)/inbox"), Crumb(label: "Deputies")], request: request),
            head: PageHead(
                title: "Deputies",
                lead: "A deputy signs with the giver's roles and limit as they are at that moment. Both count as one person, and "
                    + "rules about duties look at both."),
            rows: try rows.map { try row($0, names, kit) }, make: try await make(kit),
            pager: older.isEmpty && cursor.cursor == nil ? nil : Pager(range: "", older: older),
            empty: rows.isEmpty ? EmptyState(why: "Everybody decides for themselves.") : nil)
    }

    private func row(
        _ row: DelegationRow, _ names: [PersonID: String], _ kit: PageKit
    ) throws(Refusal) -> DelegationsPage.Row {
        let terms = try row.terms()
        let state = terms.state(at: kit.now)
        let isOpen = state == .planned || state == .active
        let you = kit.context.actor.person
        let mayRevoke = isOpen && (row.giver == you || row.deputy == you || kit.may(.peopleManage))
        let reach =
            (row.workflows.isEmpty ? "every approval" : row.workflows.joined(separator: ", "))
            + (terms.cap.map { ", up to \(kit.money.text($0))" } ?? "")
        return DelegationsPage.Row(
            status: state == .active ? .running : state == .planned ? .notStarted : state == .ended ? .done : .cancelled,
            state: state == .revoked ? "taken back" : state.rawValue,
            title: "\(names[row.deputy] ?? "somebody") for \(names[row.giver] ?? "somebody")", second: "\(reach). \(row.reason)",
            from: kit.time.dayAndTime(row.startsAt), until: kit.time.dayAndTime(row.revokedAt ?? row.endsAt),
            revoke: mayRevoke ? kit.form("/delegations/\(row.id)/revoke") : nil)
    }

    /// Nil for whoever has no decisions to give and may name no deputy for others.
    private func make(_ kit: PageKit) async throws -> DelegationsPage.Make? {
        let people = try await services.looking.delegating.deciders(in: kit.tenant)
        let you = kit.context.actor.person
        let looksAfter = kit.may(.peopleManage)
        guard looksAfter || people.contains(where: { $0.id == you }), people.count > 1 else { return nil }
        func choice(_ row: PersonRow) -> DelegationsPage.Choice { DelegationsPage.Choice(value: row.slug, label: row.name) }
        let today = kit.time.today
        return DelegationsPage.Make(
            form: kit.form("/delegations"),
            givers: looksAfter ? people.map(choice) : [],
            deputies: people.filter { $0.id != you }.map(choice), today: today.description,
            latest: today.adding(days: Int(Delegation.daysMax) - 1).description,
            currencies: try await currencies(kit))
    }

    /// Of the books of the tenant's entities.
    private func currencies(_ kit: PageKit) async throws -> [DelegationsPage.Choice] {
        let entities = try await services.assets.current(for: kit.tenant).tenant?.entities ?? []
        return Set(entities.map(\.currency.code)).sorted().map { DelegationsPage.Choice(value: $0, label: $0) }
    }

    /// Days are those of the tenant's zone: from the first instant of the first to the last of the last.
    private func wish(_ form: FormFields, _ kit: PageKit) throws -> Delegating.Wish {
        let zone = try ZoneRules.load(kit.context.scope.timeZone)
        func day(_ name: String, _ label: String) throws -> CivilDate {
            guard let day = CivilDate(try form.required(name, label: label)) else {
                throw Refusal(
                    .invalid, reason: "request.member", "\(label) is a day, such as 2026-12-05.", facts: ["field": name])
            }
            return day
        }
        let (first, last) = (try day("first", "The first day"), try day("last", "The last day"))
        let amount = (form["amount"] ?? "").filter { !$0.isWhitespace }
        return Delegating.Wish(
            giver: form["from"].flatMap { $0.isEmpty ? nil : $0 }, deputy: try form.required("to", label: "The deputy"),
            startsAt: max(zone.instant(of: first, secondOfDay: 0), kit.now),
            endsAt: zone.instant(of: last.adding(days: 1), secondOfDay: 0), workflows: [],
            cap: amount.isEmpty
                ? nil : try DelegationRoutes.money(amount, try form.required("currency", label: "The currency")),
            reason: try form.required("reason", label: "The reason"))
    }
}
