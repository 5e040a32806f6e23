internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Reports
internal import Tenancy
internal import WebKernel

/// Credits of signed reports in the console: lists, their place on the page of their report, and what is done with them there.
struct CreditPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/credits", .serviceRead) { request, kit in .html(console.html(try await list(request, kit))) },
            Route(.get, "/operator/credits", access: .permission(Permission.serviceRead.rawValue)) { request in
                let kit = try await PageKit.operatorPage(services, request, .serviceRead)
                return .html(console.html(try await open(request, kit)))
            },
            posted("approve", .creditsApprove) { _ in .approve },
            posted("apply", .creditsApprove) { .apply(reference: try $0.required("reference", label: "The bill")) },
            posted("waive", .reportsSign) { .waive(reason: try $0.required("reason", label: "The reason")) },
        ]
    }

    private func posted(
        _ name: String, _ permission: Permission, _ act: @escaping @Sendable (FormFields) throws -> Crediting.Act
    ) -> Route {
        services.posted("/credits/{id}/\(name)", permission) { [services] request, form, kit in
            let row = try await services.reports.credits.act(
                try act(form), on: try request.id(), as: kit.context.actor, scope: kit.context.scope)
            return "\(kit.base)/sla-reports/\(row.report)?done=credit-\(name)"
        }
    }

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> CreditsPage {
        let before = try CreditPages.before(request)
        let rows = try await services.reports.credits.page(kit.tenant, before: before, limit: CreditPages.pageSize)
        let words = ReportWords.of("en")
        let older = rows.count == CreditPages.pageSize ? rows.last.map { "\(kit.base)/credits?before=\($0.number)" } ?? "" : ""
        return CreditsPage(
            frame: try await kit.frame(
                "Credits", section: "Reports",
                crumbs: [Crumb(label: "Reports", href: "\(kit.base)/sla-reports"), Crumb(label: "Credits")], request: request),
            head: PageHead(title: "Credits", lead: "What missed commitments have earned, from the signature to the bill."),
            column: "Month",
            rows: rows.map { row in
                CreditsPage.Row(
                    status: CreditPages.status(row.phase), state: CreditPages.state(row.phase), title: words.month(row.month),
                    href: "\(kit.base)/sla-reports/\(row.report)", second: "CN-\(row.number), \(row.contract)",
                    credit: CreditPages.credit(row.percent, row.amountMinor, row.currency, kit),
                    since: kit.time.dayAndTime(row.settledAt ?? row.approvedAt ?? row.proposedAt))
            }, pager: older.isEmpty && before == nil ? nil : Pager(range: "", newer: "", older: older),
            empty: rows.isEmpty ? EmptyState(why: "No signed report has earned a credit.") : nil)
    }

    private func open(_ request: WebRequest, _ kit: PageKit) async throws -> CreditsPage {
        let rows = try await OpenCredits.rows(kit.context.visitor, services)
        let words = ReportWords.of("en")
        return CreditsPage(
            frame: try await kit.frame(
                "Credits to give", section: "Reports",
                crumbs: [Crumb(label: "Reports", href: "/operator/sla-reports"), Crumb(label: "Credits to give")],
                request: request),
            head: PageHead(
                title: "Credits to give",
                lead: "\(CountText.text(rows.count { $0.row.phase == "proposed" }, "credit")) to approve, "
                    + "\(CountText.text(rows.count { $0.row.phase == "approved" }, "credit")) to put on a bill. Oldest first."),
            column: "Tenant",
            rows: rows.map { one in
                CreditsPage.Row(
                    status: CreditPages.status(one.row.phase), state: CreditPages.state(one.row.phase), title: one.scope.name,
                    href: "/t/\(one.scope.slug)/sla-reports/\(one.row.report)",
                    second: "CN-\(one.row.number), \(words.month(one.row.month)), \(one.row.contract)",
                    credit: CreditPages.credit(one.row.percent, one.row.amountMinor, one.row.currency, kit),
                    since: kit.time.dayAndTime(one.row.proposedAt))
            }, empty: rows.isEmpty ? EmptyState(why: "Every credit of the tenants that you look after is settled.") : nil)
    }

    private static let pageSize = 50

    private static func before(_ request: WebRequest) throws(Refusal) -> Int64? {
        guard let text = request.query("before") else { return nil }
        guard let number = Int64(text) else {
            throw Refusal(.invalid, reason: "page.cursor", "This page does not exist.", facts: ["field": "before"])
        }
        return number
    }

    /// The credits of a report's month, with what this person may do.
    static func credits(of row: SLAReportRow, _ kit: PageKit) async throws -> [ReportCredit] {
        var out: [ReportCredit] = []
        for note in try await kit.services.reports.credits.ofMonth(row) {
            func target(_ name: String) -> FormTarget { kit.form("/credits/\(note.id)/\(name)") }
            let phase = CreditNoteLife.Phase(rawValue: note.phase)
            let isOwn = note.involved.contains(kit.context.actor.natural)
            out.append(
                ReportCredit(
                    status: status(note.phase), state: state(note.phase), number: "CN-\(note.number)",
                    credit: credit(note.percent, note.amountMinor, note.currency, kit), story: story(note, isOwn: isOwn, kit),
                    approve: phase == .proposed && kit.may(.creditsApprove) && !isOwn ? target("approve") : nil,
                    apply: phase == .approved && kit.may(.creditsApprove) ? target("apply") : nil,
                    waive: (phase == .proposed || phase == .approved) && kit.may(.reportsSign) ? target("waive") : nil))
        }
        return out
    }

    private static func story(_ note: CreditNoteRow, isOwn: Bool, _ kit: PageKit) -> String {
        var words = ["Proposed by the signature on \(kit.time.full(note.proposedAt))."]
        if let at = note.approvedAt { words.append("Approved by \(note.approvedName ?? "") on \(kit.time.full(at)).") }
        if let at = note.settledAt {
            let who = "\(note.settledName ?? "") on \(kit.time.full(at))"
            words.append(
                note.reference.map { "Put on bill \($0) by \(who)." } ?? "Waived by \(who): \(note.reason ?? "")")
        }
        switch CreditNoteLife.Phase(rawValue: note.phase) {
        case .proposed?:
            words.append(
                isOwn
                    ? "You had a part in this report, so somebody else approves its credit."
                    : "Somebody who had no part in the report approves it.")
        case .replaced?: words.append("A later revision of the report was signed.")
        case .approved?, .applied?, .waived?, nil: break
        }
        return words.joined(separator: " ")
    }

    /// `5 %, EUR 96.04`.
    static func credit(_ percent: ExactDecimal, _ minor: Int64?, _ code: String?, _ kit: PageKit) -> String {
        let share = "\(percent.normalized.description) %"
        guard let amount = CreditRoutes.amount(minor, code).string, let code else { return share }
        return "\(share), \(code) \(kit.money.grouped(amount))"
    }

    static func status(_ phase: String) -> Status {
        switch CreditNoteLife.Phase(rawValue: phase) {
        case .proposed?, .approved?: .needsPerson
        case .applied?: .done
        case .waived?, .replaced?: .cancelled
        case nil: .failed
        }
    }

    static func state(_ phase: String) -> String {
        switch CreditNoteLife.Phase(rawValue: phase) {
        case .proposed?: "to be approved"
        case .approved?: "to be billed"
        case .applied?: "on a bill"
        case .waived?: "waived"
        case .replaced?: "replaced"
        case nil: phase
        }
    }
}
