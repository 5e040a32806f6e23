internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Announced maintenance of a tenant, and corrections of its clocks that wait for a second person.
struct MaintenancePages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/service/maintenance", .serviceRead) { request, kit in
                .html(console.html(try await page(request, kit)))
            },
            services.posted("/service/maintenance", .maintenanceAnnounce) { [services] _, form, kit in
                _ = try await services.maintaining.announce(
                    title: try form.required("title", label: "The title"),
                    from: try MaintenanceRoutes.moment(form.required("start", label: "The beginning"), "start"),
                    to: try MaintenanceRoutes.moment(form.required("end", label: "The end"), "end"), as: kit.context.actor,
                    scope: kit.context.scope)
                return "\(kit.base)/service/maintenance?done=maintenance-announced"
            },
            services.posted("/service/maintenance/{id}/cancel", .maintenanceAnnounce) { [services] request, form, kit in
                _ = try await services.maintaining.cancel(
                    try request.id(), reason: try form.required("reason", label: "The reason"), as: kit.context.actor,
                    scope: kit.context.scope)
                return "\(kit.base)/service/maintenance?done=maintenance-cancelled"
            },
            services.posted("/service/corrections/{id}/confirm", .clocksCorrect) { [services] request, form, kit in
                try services.signingIn.requireFreshProof(kit.context.visitor.identity)
                _ = try await services.correcting.confirm(
                    try request.id(), hash: try form.required("hash", label: "The hash"), as: kit.context.actor,
                    scope: kit.context.scope)
                return "\(kit.base)/service/maintenance?done=clock-corrected"
            },
            services.posted("/service/corrections/{id}/withdraw", .clocksCorrect) { [services] request, _, kit in
                _ = try await services.correcting.withdraw(try request.id(), as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/service/maintenance?done=correction-withdrawn"
            },
        ]
    }

    private func page(_ request: WebRequest, _ kit: PageKit) async throws -> MaintenancePage {
        let rows = try await services.maintaining.all(kit.tenant)
        let corrections = try await services.correcting.all(kit.tenant)
        let names = try await kit.names()
        return MaintenancePage(
            frame: try await kit.frame(
                "Maintenance and corrections", section: "Service levels",
                crumbs: [Crumb(label: "Service levels", href: "\(kit.base)/service"), Crumb(label: "Maintenance")],
                topics: "service", request: request),
            head: PageHead(
                title: "Maintenance and corrections",
                lead: "What was announced and how early; which of it is not counted says each promise of the contract."),
            tabs: BudgetPages.tabs(kit, current: "Maintenance"), windows: rows.map { window($0, kit) },
            corrections: corrections.map { correction($0, names, kit) },
            announce: kit.may(.maintenanceAnnounce) ? kit.form("/service/maintenance") : nil,
            empty: rows.isEmpty ? EmptyState(why: "No maintenance is announced.") : nil)
    }

    private func window(_ row: MaintenanceRow, _ kit: PageKit) -> MaintenancePage.Window {
        let state = MaintenanceRoutes.state(row, at: kit.now)
        let isOpen = state == "announced" || state == "under-way"
        return MaintenancePage.Window(
            title: row.title,
            status: state == "cancelled" ? .cancelled : state == "under-way" ? .running : state == "over" ? .done : .notStarted,
            state: state.split(separator: "-").joined(separator: " "), start: kit.time.stamp(row.startsAt),
            end: kit.time.stamp(row.endsAt),
            notice: "told \(DurationText.text(max(0, row.startsAt.seconds - row.announcedAt.seconds))) before",
            by: row.tenant == kit.tenant ? "for this tenant" : "for all tenants of its level", reason: row.reason,
            cancel: isOpen && row.tenant == kit.tenant && kit.may(.maintenanceAnnounce)
                ? kit.form("/service/maintenance/\(row.id)/cancel") : nil)
    }

    private func correction(_ row: CorrectionRow, _ names: [PersonID: String], _ kit: PageKit) -> MaintenancePage.Correction {
        func says(_ json: JSONValue) -> String {
            let reading = json["reading"]
            let counted = DurationText.text(reading?["elapsedSeconds"]?.int64 ?? 0)
            return "\(reading?["outcome"]?.string ?? "unknown"), \(counted) counted"
        }
        let isOpen = row.state == "asked"
        return MaintenancePage.Correction(
            href: "\(kit.base)/service?clock=\(row.clock)",
            status: isOpen ? .needsPerson : row.state == "confirmed" ? .done : .cancelled, state: row.state,
            reason: row.reason, before: says(row.original), after: says(row.corrected),
            by: "\(names[row.askedBy] ?? "The operator"), \(kit.time.full(row.askedAt))"
                + (row.settledBy.map { "; \(row.state) by \(names[$0] ?? "the operator")" } ?? ""), hash: row.hash,
            confirm: isOpen && kit.may(.clocksCorrect) && row.askedNatural != kit.context.actor.natural
                ? kit.form("/service/corrections/\(row.id)/confirm") : nil,
            withdraw: isOpen && kit.may(.clocksCorrect) ? kit.form("/service/corrections/\(row.id)/withdraw") : nil)
    }
}
