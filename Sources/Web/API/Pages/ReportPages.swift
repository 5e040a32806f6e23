internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Reports
internal import Tenancy
internal import WebKernel

/// Monthly reports in the console: the tenant's list, one report with what may be done with it, and a month over all tenants.
struct ReportPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/sla-reports", .serviceRead) { request, kit in .html(console.html(try await list(request, kit))) },
            services.page("/sla-reports/{id}", .serviceRead) { request, kit in
                .html(console.html(try await report(request, kit)))
            },
            Route(.get, "/operator/sla-reports", access: .permission(Permission.serviceRead.rawValue)) { request in
                let kit = try await PageKit.operatorPage(services, request, .serviceRead)
                return .html(console.html(try await portfolio(request, kit)))
            },
            services.posted("/sla-reports", .reportsPrepare) { [services] _, form, kit in
                let rows = try await services.reports.draft(
                    try form.required("month", label: "The month"), as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/sla-reports\(rows.count == 1 ? "/\(rows[0].id)" : "")?done=report-drafted"
            },
        ] + ReportForm.allCases.map(file) + acts
    }

    private func file(_ form: ReportForm) -> Route {
        services.page("/sla-reports/{id}/\(form.rawValue)", .serviceRead) { [services] request, kit in
            try await form.response(try request.id(), piece: nil, kit.context, services)
        }
    }

    // MARK: Acts

    private var acts: [Route] {
        let desk = services.reports
        func posted(
            _ name: String, _ permission: Permission,
            _ act: @escaping @Sendable (SLAReportID, FormFields, PageKit) async throws -> SLAReportRow
        ) -> Route {
            services.posted("/sla-reports/{id}/\(name)", permission) { request, form, kit in
                let row = try await act(try request.id(), form, kit)
                return "\(kit.base)/sla-reports/\(row.id)?done=report-\(name)"
            }
        }
        return [
            posted("justify", .reportsPrepare) { id, form, kit in
                let one = Justification(
                    cause: try form.required("cause", label: "The cause"), text: try form.required("text", label: "The reason"),
                    isExcluded: form["excluded"] == "yes")
                return try await desk.edit(
                    id, ReportDesk.Edit(justified: [try form.required("miss", label: "The clock"): one]),
                    as: kit.context.actor, scope: kit.context.scope)
            },
            posted("words", .reportsPrepare) { id, form, kit in
                let summary = (form["summary"] ?? "").split(whereSeparator: \.isNewline).joined(separator: " ")
                let lines = (form["recommendations"] ?? "").split(whereSeparator: \.isNewline).map(String.init)
                    .filter { $0.contains { !$0.isWhitespace } }
                return try await desk.edit(
                    id,
                    ReportDesk.Edit(
                        summary: .some(summary.contains { !$0.isWhitespace } ? summary : nil),
                        recommendations: .some(lines.isEmpty ? nil : lines)), as: kit.context.actor, scope: kit.context.scope)
            },
            posted("submit", .reportsPrepare) { id, _, kit in
                try await desk.submit(id, as: kit.context.actor, scope: kit.context.scope)
            },
            posted("return", .reportsSign) { id, form, kit in
                try await desk.giveBack(
                    id, reason: try form.required("reason", label: "The reason"), as: kit.context.actor,
                    scope: kit.context.scope)
            },
            posted("sign-off", .reportsSign) { id, form, kit in
                try await desk.sign(
                    id, hash: try form.required("hash", label: "The document"), as: kit.context.actor,
                    scope: kit.context.scope)
            },
            posted("send", .reportsPrepare) { id, _, kit in
                try await desk.send(id, as: kit.context.actor, scope: kit.context.scope)
            },
            posted("archive", .reportsPrepare) { id, _, kit in
                try await desk.archive(id, as: kit.context.actor, scope: kit.context.scope)
            },
            posted("amend", .reportsPrepare) { id, form, kit in
                try await desk.amend(
                    id, reason: try form.required("reason", label: "The reason"), as: kit.context.actor,
                    scope: kit.context.scope)
            },
        ]
    }

    // MARK: Lists

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> ReportsPage {
        let rows = try await services.reports.page(kit.tenant, limit: ReportDesk.pageMax)
        let words = ReportWords.of("en")
        return ReportsPage(
            frame: try await kit.frame("Reports", section: "Reports", crumbs: [Crumb(label: "Reports")], request: request),
            head: PageHead(
                title: "Reports", lead: "What was promised, month by month, and how it went.",
                actions: [Action(label: "Credits", href: "\(kit.base)/credits", icon: .bank)]), column: "Month",
            rows: rows.map { row in
                ReportPages.row(
                    row, title: words.month(row.month), href: "\(kit.base)/sla-reports/\(row.id)",
                    second: "SR-\(row.number), revision \(row.revision), \(row.contract) \(row.contractVersion)", kit)
            },
            draft: kit.may(.reportsPrepare)
                ? ReportsPage.Draft(form: kit.form("/sla-reports"), month: ReportPages.lastMonth(kit)) : nil,
            empty: rows.isEmpty ? EmptyState(why: "No month has a report yet.") : nil)
    }

    private func portfolio(_ request: WebRequest, _ kit: PageKit) async throws -> ReportsPage {
        let month = request.query("month") ?? ReportPages.lastMonth(kit)
        let tenants = try await Portfolio.rows(month, kit.context.visitor, services)
        var rows: [ReportsPage.Row] = []
        for tenant in tenants {
            if tenant.reports.isEmpty {
                rows.append(
                    ReportsPage.Row(
                        status: .notStarted, state: "no report", title: tenant.scope.name,
                        href: "/t/\(tenant.scope.slug)/sla-reports", second: "", commitments: "", hasMissed: false, missed: "",
                        credit: ""))
            }
            for report in tenant.reports {
                rows.append(
                    ReportPages.row(
                        report, title: tenant.scope.name, href: "/t/\(tenant.scope.slug)/sla-reports/\(report.id)",
                        second: "SR-\(report.number), revision \(report.revision), \(report.contract) "
                            + report.contractVersion, kit))
            }
        }
        let signed = tenants.flatMap(\.reports).count { ["signed-off", "sent", "archived"].contains($0.phase) }
        let neighbours = [ReportPages.month(month, -1), month, ReportPages.month(month, 1)]
        return ReportsPage(
            frame: try await kit.frame("Reports", section: "Reports", crumbs: [Crumb(label: "Reports")], request: request),
            head: PageHead(
                title: "Reports of \(ReportWords.of("en").month(month))",
                lead: "\(CountText.text(tenants.count, "tenant")), \(CountText.text(signed, "report")) signed.",
                actions: [Action(label: "Credits to give", href: "/operator/credits", icon: .bank)]),
            tabs: neighbours.map {
                Tab(label: ReportWords.of("en").month($0), href: "/operator/sla-reports?month=\($0)", isCurrent: $0 == month)
            }, column: "Tenant", rows: rows,
            empty: tenants.isEmpty ? EmptyState(why: "You look after no tenant whose service levels you may see.") : nil)
    }

    private static func row(
        _ row: ReportStanding, title: String, href: String, second: String, _ kit: PageKit
    ) -> ReportsPage.Row {
        let objectives = row.standing["objectives"]?.array ?? []
        let judged = objectives.filter { $0["kept"]?.bool != nil }
        let kept = judged.count { $0["kept"]?.bool == true }
        let missed = row.standing["missed"]?.int ?? 0
        let credit =
            row.standing["creditAmount"]?.string.map {
                "\(row.standing["creditCurrency"]?.string ?? "") \(kit.money.grouped($0))"
            }
            ?? row.standing["creditPercent"]?.string.map { $0 == "0" ? "none" : "\($0) %" } ?? ""
        return ReportsPage.Row(
            status: status(row.phase), state: state(row.phase), title: title, href: href, second: second,
            commitments: objectives.isEmpty ? "" : judged.isEmpty ? "no case" : "\(kept) of \(judged.count)",
            hasMissed: missed > 0, missed: objectives.isEmpty ? "" : kit.money.count(missed), credit: credit)
    }

    static func status(_ phase: String) -> Status {
        switch ReportLife.Phase(rawValue: phase) {
        case .building?: .running
        case .draft?: .notStarted
        case .inReview?: .needsPerson
        case .signedOff?: .done
        case .sent?, .archived?: .sealed
        case nil: .failed
        }
    }

    static func state(_ phase: String) -> String {
        switch ReportLife.Phase(rawValue: phase) {
        case .building?: "rows are being read"
        case .draft?: "draft"
        case .inReview?: "waits for a signature"
        case .signedOff?: "signed off"
        case .sent?: "sent"
        case .archived?: "archived"
        case nil: phase
        }
    }

    /// The last month that is over where the reader is.
    private static func lastMonth(_ kit: PageKit) -> String {
        month(String(kit.time.today.description.prefix(7)), -1)
    }

    private static func month(_ text: String, _ step: Int) -> String {
        guard let year = Int(text.prefix(4)), let month = Int(text.suffix(2)) else { return text }
        let index = year * 12 + month - 1 + step
        let number = index % 12 + 1
        return "\(index / 12)-\(number < 10 ? "0" : "")\(number)"
    }
}
