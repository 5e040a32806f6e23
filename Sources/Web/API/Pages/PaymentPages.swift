internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// What was posted and may be paid; asking for it.
struct PaymentPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/payments", .runsRead) { request, kit in .html(console.html(try await list(request, kit))) },
            services.posted("/payments/due", .paymentsPropose) { [services] _, form, kit in
                let dueBy = try PaymentRoutes.day(try form.required("due_by", label: "The day"))
                let (asked, leftOut) = try await services.releasing.ask(
                    dueBy: dueBy, as: kit.context.actor, scope: kit.context.scope)
                let new = asked.filter(\.isNew).count
                return "\(kit.base)/payments?asked=\(new)&left=\(leftOut.count)&due_by=\(dueBy)"
            },
            services.posted("/runs/{id}/payment", .paymentsPropose) { [services] request, _, kit in
                let asked = try await services.releasing.ask(try request.id(), as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/runs/\(asked.run)?done=\(asked.isNew ? "asked" : "asked-before")"
            },
        ]
    }

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> PaymentsPage {
        let isAll = request.query("state") == "all"
        let dueBy = try request.query("due_by").map { text throws(Refusal) in try PaymentRoutes.day(text) }
        let isNarrowed = dueBy != nil && request.query("asked") == nil
        let rows = try await services.releasing.payables(kit.tenant, isOpenOnly: !isAll, dueBy: isNarrowed ? dueBy : nil)
        let path = "\(kit.base)/payments"
        let today = kit.time.today
        return PaymentsPage(
            frame: try await kit.frame(
                "Payments", section: "Payments", crumbs: [Crumb(label: "Payments")], topics: "runs",
                notice: PaymentPages.notice(request), request: request),
            head: PageHead(title: "Payments"),
            tabs: [
                Tab(label: "To be asked for", href: path, isCurrent: !isAll),
                Tab(label: "All", href: "\(path)?state=all", isCurrent: isAll),
            ],
            bulk: kit.may(.paymentsPropose)
                ? .init(form: kit.form("/payments/due"), dueBy: (dueBy ?? today).description) : nil,
            rows: rows.map { row($0, today: today, kit) },
            summary: CountText.text(rows.count, "bill")
                + (rows.count == Releasing.bulkMax ? ", and there may be more" : ""),
            empty: rows.isEmpty
                ? EmptyState(why: isAll ? "Nothing has been posted yet." : "Nothing that was posted waits to be paid.") : nil)
    }

    private static func notice(_ request: WebRequest) -> Notice? {
        guard let asked = request.query("asked").flatMap({ Int($0) }), let left = request.query("left").flatMap({ Int($0) }),
            (0...Releasing.bulkMax).contains(asked), (0...Releasing.bulkMax).contains(left)
        else { return nil }
        let rest = left == 0 ? "" : " \(CountText.text(left, "bill")) could not be asked for by you."
        return Notice(
            tone: left == 0 ? .ok : .info, text: "\(CountText.text(asked, "payment")) asked for.\(rest)")
    }

    private func row(_ row: PayableRow, today: CivilDate, _ kit: PageKit) -> PaymentsPage.Row {
        let isLate = row.dueDate.map { $0 < today } ?? false && row.state != "released"
        return PaymentsPage.Row(
            status: PaymentWords.status(row.state), state: PaymentWords.state(row.state), number: row.number,
            party: row.supplier, href: "\(kit.base)/runs/\(row.postedRun)", amount: kit.amount(row.amountMinor, row.currency),
            due: row.dueDate?.description ?? "not said", dueTone: isLate ? .warn : .quiet,
            run: row.run.map { "\(kit.base)/runs/\($0)" } ?? "",
            ask: kit.may(.paymentsPropose) && ["due", "withheld"].contains(row.state)
                ? kit.form("/runs/\(row.postedRun)/payment") : nil)
    }
}

/// The states of a payment in words.
enum PaymentWords {
    static func status(_ state: String) -> Status {
        switch state {
        case "released": .done
        case "asked": .needsPerson
        case "withheld": .cancelled
        default: .notStarted
        }
    }

    static func state(_ state: String) -> String {
        switch state {
        case "released": "released"
        case "asked": "asked for"
        case "withheld": "withheld"
        default: "to be asked for"
        }
    }
}
