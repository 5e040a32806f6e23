internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Reports
internal import Tenancy
internal import WebKernel

/// One monthly report as its page in the console.
extension ReportPages {
    func report(_ request: WebRequest, _ kit: PageKit) async throws -> ReportPage {
        let id: SLAReportID = try request.id()
        let shown = try await services.reports.shown(kit.tenant, id)
        let row = shown.row
        let words = ReportWords.of("en")
        let title = "\(words.month(row.month)), SR-\(row.number)"
        let frame = try await kit.frame(
            title, section: "Reports",
            crumbs: [Crumb(label: "Reports", href: "\(kit.base)/sla-reports"), Crumb(label: title)], request: request)
        let base = "/sla-reports/\(row.id)"
        guard let document = shown.document else {
            return ReportPage(
                frame: frame,
                head: PageHead(title: title, pill: StatusText(status: .running, text: ReportPages.state(row.phase))),
                note: "\(kit.money.count(Int(row.clocksSeen))) of \(kit.money.count(Int(row.clocksTotal))) clocks are read.",
                summary: "", objectives: [], misses: [], recommendations: [], facts: facts(shown, kit), acts: [])
        }
        let sheet = try await ReportFiles.sheet(shown, scope: kit.context.scope, services: services).sheet
        let deliveries = try await services.reports.deliveries(kit.tenant, id)
        let mayEdit = row.phase == ReportLife.Phase.draft.rawValue && kit.may(.reportsPrepare)
        let listed = document["breaches"]?.array ?? []
        let first = min(max(0, request.query("from").flatMap { Int($0) } ?? 0), listed.count)
        let misses = listed.dropFirst(first).prefix(ReportPages.missesMax)
        return ReportPage(
            frame: frame,
            head: PageHead(
                title: title,
                pill: StatusText(status: ReportPages.status(row.phase), text: ReportPages.state(row.phase)),
                meta: "revision \(row.revision), \(row.contract) \(row.contractVersion)",
                actions: [
                    Action(label: "Page", href: "\(kit.base)\(base)/html", icon: .print),
                    Action(label: "PDF", href: "\(kit.base)\(base)/pdf", icon: .download, isDownload: true),
                ]),
            note: shown.isAmended ? "A later revision stands in the place of this one." : "", summary: sheet.summary,
            objectives: (document["figures"]?["objectives"]?.array ?? []).map { objective($0, kit) },
            misses: misses.map { miss($0, row: row, mayEdit: mayEdit, kit) },
            pager: pager(listed.count, of: document["breachesTotal"]?.int ?? 0, shown: first..<(first + misses.count), kit, base),
            recommendations: sheet.recommendations,
            facts: facts(shown, kit),
            texts: mayEdit
                ? ReportPage.Texts(
                    form: kit.form("\(base)/words"), summary: document["summary"]?.string ?? "",
                    recommendations: (document["recommendations"]?.array ?? []).compactMap(\.string).joined(separator: "\n"))
                : nil, acts: acts(shown, kit),
            deliveries: deliveries.map { one in
                ReportPage.Delivery(
                    status: one.delivery.state == "delivered" ? .done : one.delivery.state == "failed" ? .failed : .running,
                    state: one.delivery.state, address: one.delivery.address,
                    answer: one.attempts.last.map { "\($0.outcome): \($0.answer)" } ?? "not tried yet",
                    at: kit.time.dayAndTime(one.delivery.decidedAt))
            },
            signature: row.signedAt.map { "Signed off by \(row.signedName ?? "") on \(kit.time.full($0))." } ?? "")
    }

    /// Missed clocks of one page; the report itself lists more.
    private static let missesMax = 100

    /// Which of the missed clocks stand here, where the next ones are, and where those that the report does not list.
    private func pager(
        _ listed: Int, of total: Int, shown: Range<Int>, _ kit: PageKit, _ base: String
    ) -> Pager? {
        guard shown.lowerBound > 0 || shown.upperBound < total else { return nil }
        let count = kit.money.count
        let unlisted = total - listed
        return Pager(
            range: "\(count(shown.lowerBound + 1)) to \(count(shown.upperBound)) of \(count(total))."
                + (unlisted > 0 ? " The report lists the first \(count(listed)); all of them are in its data." : ""),
            // The earliest stand first.
            newer: shown.upperBound < listed ? "\(kit.base)\(base)?from=\(shown.upperBound)" : "",
            older: shown.lowerBound > 0
                ? "\(kit.base)\(base)?from=\(max(0, shown.lowerBound - ReportPages.missesMax))" : "")
    }

    private func objective(_ one: JSONValue, _ kit: PageKit) -> ReportPage.Objective {
        func count(_ name: String) -> String { kit.money.count(one[name]?.int ?? 0) }
        let (met, n) = (one["met"]?.int64 ?? 0, one["n"]?.int64 ?? 0)
        let kept = one["kept"]?.bool
        return ReportPage.Objective(
            name: one["title"]?.string ?? "", within: DurationText.text(one["targetSeconds"]?.int64 ?? 0),
            atLeast: one["atLeast"]?.string ?? "", cases: count("n"), met: count("met"), missed: count("missed"),
            excluded: count("excluded"), share: n == 0 ? "none" : "\(met * 1000 / n / 10).\(met * 1000 / n % 10) %",
            status: kept == nil ? .notStarted : kept == true ? .done : .breached,
            outcome: kept == nil ? "no case" : kept == true ? "kept" : "missed")
    }

    private func miss(_ one: JSONValue, row: SLAReportRow, mayEdit: Bool, _ kit: PageKit) -> ReportPage.Miss {
        let (elapsed, target) = (one["elapsedSeconds"]?.int64 ?? 0, one["targetSeconds"]?.int64 ?? 0)
        let run = one["run"]?.string
        let written = one["justification"].flatMap { Justification(json: $0) }
        let exclusions = row.terms["exclusions"]?.array?.compactMap(\.string) ?? []
        return ReportPage.Miss(
            key: one["key"]?.string ?? "", title: "\(one["objective"]?.string ?? ""), "
                + (run.map { "run \(PageWords.short($0))" } ?? one["incident"]?.string ?? "setting up"),
            href: run.flatMap { kit.may(.runsRead) ? "\(kit.base)/runs/\($0)" : nil } ?? "",
            words: "missed \(one["breachedAt"]?.moment.map { kit.time.dayAndTime($0).text } ?? ""), "
                + "\(DurationText.text(elapsed)) of \(DurationText.text(target))",
            why: (one["seconds"]?.array ?? []).map {
                "\($0["reason"]?.string ?? ""): \(DurationText.text($0["seconds"]?.int64 ?? 0))"
            }.joined(separator: ", "), justification: written.map { "\($0.cause): \($0.text)" } ?? "",
            isExcluded: written?.isExcluded ?? false,
            form: mayEdit ? kit.form("/sla-reports/\(row.id)/justify") : nil,
            causes: Justification.causes.map {
                ReportPage.Choice(value: $0, label: $0, isChosen: $0 == written?.cause)
            }, text: written?.text ?? "", mayExclude: !exclusions.isEmpty)
    }

    private func facts(_ shown: ReportDesk.Shown, _ kit: PageKit) -> [Fact] {
        let row = shown.row
        let base = "\(kit.base)/sla-reports/\(row.id)"
        var facts = [
            Fact(label: "Contract", value: "\(row.contract) \(row.contractVersion)"),
            Fact(label: "Drafted", value: kit.time.full(row.draftedAt)),
        ]
        if let reason = row.reason { facts.append(Fact(label: "Amends the revision before", value: reason)) }
        guard row.builtAt != nil else { return facts }
        facts.append(Fact(label: "SHA-256", value: shown.hash, isCode: true))
        facts.append(Fact(label: "Document", value: "for checking", href: "\(base)/document"))
        facts.append(
            Fact(
                label: "Data", value: "\(kit.money.count(Int(row.dataLines))) lines, to compute every figure again",
                href: "\(base)/data"))
        facts.append(Fact(label: "Figures", value: "CSV", href: "\(base)/csv"))
        return facts
    }

    private func acts(_ shown: ReportDesk.Shown, _ kit: PageKit) -> [ReportPage.Act] {
        let row = shown.row
        func target(_ name: String) -> FormTarget { kit.form("/sla-reports/\(row.id)/\(name)") }
        let (prepares, signs) = (kit.may(.reportsPrepare), kit.may(.reportsSign))
        switch ReportLife.Phase(rawValue: row.phase) {
        case .draft? where prepares: return [ReportPage.Act(form: target("submit"), label: "Ask for the review", isPrimary: true)]
        case .inReview? where signs:
            return [
                ReportPage.Act(form: target("sign-off"), label: "Sign off", isPrimary: true, hash: shown.hash),
                ReportPage.Act(form: target("return"), label: "Give it back", asksReason: true),
            ]
        case .signedOff? where prepares:
            return [ReportPage.Act(form: target("send"), label: "Send it", isPrimary: true)] + amendment(shown, target)
        case .sent? where prepares:
            return [
                ReportPage.Act(form: target("archive"), label: "Put it into the archive"),
                ReportPage.Act(form: target("send"), label: "Send it again"),
            ] + amendment(shown, target)
        case .archived? where prepares: return amendment(shown, target)
        default: return []
        }
    }

    private func amendment(_ shown: ReportDesk.Shown, _ target: (String) -> FormTarget) -> [ReportPage.Act] {
        shown.isAmended ? [] : [ReportPage.Act(form: target("amend"), label: "Amend it", asksReason: true)]
    }
}
