internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// The contracts of a tenant, one of them, and the acts of both sides.
struct ContractPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/service/contracts", .serviceRead) { request, kit in
                .html(console.html(try await list(request, kit)))
            },
            services.page("/service/contracts/{id}", .serviceRead) { request, kit in
                .html(console.html(try await one(request, kit)))
            },
            act("submit", .contractsManage) { _ in .submit },
            act("sign", .contractsSign) { .sign(hash: try $0.required("hash", label: "The hash")) },
            act("reject", .contractsSign) { .reject(reason: try $0.required("reason", label: "The reason")) },
            act("end", .contractsSign) { form in
                .end(
                    at: try ContractRoutes.instant(try form.required("at", label: "The last instant")),
                    reason: try form.required("reason", label: "The reason"))
            },
        ]
    }

    private func act(
        _ name: String, _ permission: Permission, _ read: @escaping @Sendable (FormFields) throws -> Contracting.Act
    ) -> Route {
        services.posted("/service/contracts/{id}/\(name)", permission) { [services] request, form, kit in
            if name != "submit" { try services.signingIn.requireFreshProof(kit.context.visitor.identity) }
            let id: AssetID = try request.id()
            _ = try await services.contract(try read(form), id, kit.context)
            return "\(kit.base)/service/contracts/\(id)?done=contract-\(name)"
        }
    }

    // MARK: The list

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> ContractsPage {
        let versions = try await services.contracting.all(kit.tenant)
        let gaps = try await services.contractWatch.gaps(of: kit.tenant)
        let titles = try await services.contracting.titles(kit.tenant)
        return ContractsPage(
            frame: try await kit.frame(
                "Contracts", section: "Service levels",
                crumbs: [Crumb(label: "Service levels", href: "\(kit.base)/service"), Crumb(label: "Contracts")],
                topics: "service", request: request),
            head: PageHead(
                title: "Contracts", lead: "What was promised from when on. A version governs once both sides have signed it."),
            tabs: BudgetPages.tabs(kit, current: "Contracts"),
            gaps: gaps.map { gap in
                gap.from <= kit.now
                    ? "No signed contract governs runs of \(gap.workflow): nothing is promised for them now."
                    : "No signed contract governs runs of \(gap.workflow) from \(kit.time.full(gap.from)) on."
            }, line: line(versions, kit),
            versions: versions.map { version in
                ContractsPage.Version(
                    title: titles[version.row.asset] ?? version.row.name, name: "\(version.row.name) \(version.row.version)",
                    href: "\(kit.base)/service/contracts/\(version.row.asset)",
                    status: Self.status(version.standing(at: kit.now)), standing: Self.words(version, at: kit.now),
                    governs: version.periods.map { span($0, kit) }.joined(separator: "; "),
                    signed: version.life.signatures.map(\.name).joined(separator: ", "))
            },
            empty: versions.isEmpty ? EmptyState(why: "No contract is drafted here. It is a file in the tenant's folder.") : nil)
    }

    private func span(_ period: ContractPeriodRow, _ kit: PageKit) -> String {
        let from = kit.time.full(period.from)
        return period.to.map { "\(from) to \(kit.time.full($0))" } ?? "from \(from) on"
    }

    /// From the first period's beginning to a quarter of a year ahead of the last thing that is known.
    private func line(_ versions: [Contracting.Version], _ kit: PageKit) -> ContractLine? {
        let periods = versions.flatMap(\.periods).sorted { $0.from < $1.from }.suffix(ContractLine.barsMax)
        guard let start = periods.first?.from else { return nil }
        let last = periods.map { $0.to ?? $0.from }.max() ?? kit.now
        let begin = min(start, kit.now)
        let end = max(last, kit.now).adding(seconds: 92 * 86_400)
        let whole = max(1, end.seconds - begin.seconds)
        func place(_ moment: Moment) -> Int { Int(min(1000, max(0, (moment.seconds - begin.seconds) * 1000 / whole))) }
        let ticks = (0..<4).map { index -> TimelineTick in
            let at = begin.adding(seconds: whole * Int64(index) / 4)
            return TimelineTick(at: index * 250, label: String(at.text(fraction: 0).prefix(10)))
        }
        return ContractLine(
            bars: periods.map { period in
                ContractLine.Bar(
                    name: "\(period.name) \(period.version)", from: place(period.from), to: place(period.to ?? end),
                    isInForce: period.from <= kit.now && (period.to.map { kit.now < $0 } ?? true), words: span(period, kit))
            }, ticks: ticks, now: place(kit.now))
    }

    private static func status(_ standing: Contracting.Standing) -> Status {
        switch standing {
        case .drafted: .notStarted
        case .inReview: .needsPerson
        case .rejected: .failed
        case .awaited: .sealed
        case .inForce: .done
        case .over: .cancelled
        }
    }

    private static func words(_ version: Contracting.Version, at now: Moment) -> String {
        switch version.standing(at: now) {
        case .drafted: "draft"
        case .inReview:
            "waits for " + version.life.awaited.map { "the \($0.rawValue)'s" }.joined(separator: " and ") + " signature"
        case .rejected: "turned down"
        case .awaited: "signed, not yet begun"
        case .inForce: version.life.ending == nil ? "in force" : "in force, its end is asked for"
        case .over: "over"
        }
    }

    // MARK: One

    private func one(_ request: WebRequest, _ kit: PageKit) async throws -> ContractPage {
        let id: AssetID = try request.id()
        let found = try await services.contracting.find(id, in: kit.tenant)
        let (version, row) = (found.version, found.version.row)
        var issues: [AssetIssue] = []
        guard let document = ContractDocument.parse(found.content, issues: &issues) else { throw Refusal.notFound }
        let changes = found.earlier.map { JSONDifference.changes(from: $0.content, to: found.content).map(\.sentence) } ?? []
        return ContractPage(
            frame: try await kit.frame(
                "Contract \(row.name) \(row.version)", section: "Service levels",
                crumbs: [
                    Crumb(label: "Service levels", href: "\(kit.base)/service"),
                    Crumb(label: "Contracts", href: "\(kit.base)/service/contracts"), Crumb(label: "\(row.name) \(row.version)"),
                ], topics: "service", request: request),
            head: PageHead(title: document.title, lead: found.content["description"]?.string ?? ""),
            status: Self.status(version.standing(at: kit.now)), standing: Self.words(version, at: kit.now),
            facts: facts(version, document, kit), promises: document.objectives.map(promise),
            calendar: try await calendar(document, kit), signatures: ContractSide.allCases.map { signature($0, version, kit) },
            changes: changes.isEmpty ? ["Nothing but its number."] : changes,
            changesHead: found.earlier.map { "What differs from version \($0.version.row.version)" } ?? "",
            acts: acts(version, kit))
    }

    private func facts(_ version: Contracting.Version, _ document: ContractDocument, _ kit: PageKit) -> [Fact] {
        let row = version.row
        var facts = [
            Fact(label: "Version", value: "\(row.name) \(row.version)"),
            Fact(label: "Governs runs of", value: document.workflow ?? "every workflow without a contract of its own"),
            Fact(label: "Begins", value: kit.time.full(document.effectiveFrom)),
            Fact(label: "Ends", value: document.effectiveTo.map { kit.time.full($0) } ?? "open"),
            Fact(
                label: "Governs",
                value: version.periods.isEmpty ? "never so far" : version.periods.map { span($0, kit) }.joined(separator: "; ")),
            Fact(label: "Hash of the text", value: row.hash, isCode: true),
        ]
        if let ending = version.life.ending {
            facts.append(
                Fact(
                    label: "End asked for",
                    value: "by \(ending.name) for \(kit.time.full(ending.at)): \(ending.reason)"))
        }
        if !row.rejection.isEmpty { facts.append(Fact(label: "Turned down because", value: row.rejection)) }
        return facts
    }

    private func promise(_ objective: ContractDocument.Objective) -> ContractPage.Promise {
        guard objective.measures.hasClock else {
            let share = objective.share.map { "\($0.text) of a month's" } ?? "A month's"
            return ContractPage.Promise(
                title: objective.title, words: ["\(share) runs have to complete without anybody having touched them."])
        }
        let target = DurationText.text(Int64(objective.targetSeconds))
        var words = [
            objective.cutOff.map {
                "By \(ServiceWindow.text($0)), the first time that lies at least \(target) of service time ahead."
            } ?? "Within \(target) of service time."
        ]
        if objective.measures.isAboutIncidents {
            let which = objective.severities.map { "of \($0.joined(separator: ", "))" } ?? "of any severity"
            words.insert(
                objective.measures == .firstResponse
                    ? "Incidents \(which) are answered by a person." : "Incidents \(which) are resolved.", at: 0)
        }
        if let share = objective.share { words.append("\(share.text) of a month's cases have to meet it.") }
        if !objective.warnPercents.isEmpty {
            words.append("People are warned at \(objective.warnPercents.map { "\($0) %" }.joined(separator: ", ")) of it.")
        }
        if objective.measures == .firstResponse { return ContractPage.Promise(title: objective.title, words: words) }
        switch objective.pauseReasons {
        case nil where objective.measures.isAboutIncidents: words.append("Nothing stops the clock before.")
        case nil: words.append("The clock stands still for any reason that is named.")
        case []?: words.append("Nothing stops the clock.")
        case let reasons?:
            let named = reasons.map { $0.split(separator: "_").joined(separator: " ") }.joined(separator: ", ")
            words.append("The clock stands still while \(named).")
        }
        switch objective.reopen {
        case "restart": words.append("A case that is opened again begins anew.")
        case "count_through": words.append("A case that is opened again counts the time in between.")
        default: words.append("A case that is opened again goes on where it stopped.")
        }
        if let notice = objective.maintenanceNoticeSeconds {
            words.append("Maintenance announced \(DurationText.text(Int64(notice))) before it begins is not counted.")
            if let cap = objective.maintenanceCapSeconds {
                words.append("At most \(DurationText.text(Int64(cap))) of a month are left out so.")
            }
        }
        return ContractPage.Promise(title: objective.title, words: words)
    }

    private func calendar(_ document: ContractDocument, _ kit: PageKit) async throws -> [String] {
        guard let row = try await services.assets.current(for: kit.tenant).row("calendar", document.calendar),
            let calendar = services.assets.calendar(row)
        else { return ["The calendar \(document.calendar) is not published."] }
        let week = calendar.json["week"]
        let days = ServiceCalendar.weekdays.compactMap { day -> String? in
            let windows = (week?[day]?.array ?? []).map { ($0.array ?? []).compactMap(\.string).joined(separator: "–") }
            return windows.isEmpty ? nil : "\(day) \(windows.joined(separator: ", "))"
        }
        return [
            "\(row.content["title"]?.string ?? document.calendar), in the time of \(calendar.zone.identifier).",
            days.joined(separator: "; "),
        ]
            + (calendar.overrides.isEmpty ? [] : ["\(calendar.overrides.count) dates have hours of their own."])
    }

    private func signature(_ side: ContractSide, _ version: Contracting.Version, _ kit: PageKit) -> ContractPage.Signature {
        let title = side == .provider ? "Operator or partner" : kit.context.scope.name
        guard let signature = version.life.signatures.first(where: { $0.side == side }) else {
            let isBefore = version.life.phase == .signed && version.life.signatures.isEmpty
            return ContractPage.Signature(
                side: title, status: isBefore ? .sealed : .notStarted,
                words: isBefore ? "in force before signatures were kept" : "not signed",
                proof: "")
        }
        let isGood = signature.seal != nil && Contracting.isSealGood(signature, of: version.row)
        return ContractPage.Signature(
            side: title, status: signature.seal == nil || isGood ? .done : .failed,
            words: "\(signature.name), \(kit.time.full(signature.at))",
            proof: signature.seal == nil
                ? "Signed on paper; recorded when the file was applied."
                : isGood ? "Signed here; the seal over this hash is good." : "The seal does not fit this text.")
    }

    private func acts(_ version: Contracting.Version, _ kit: PageKit) -> [ContractPage.Act] {
        let path = "/service/contracts/\(version.row.asset)"
        let side = ContractRoutes.side(of: kit.context)
        var acts: [ContractPage.Act] = []
        if version.life.phase == .drafted, kit.may(.contractsManage) {
            acts.append(
                .init(
                    form: kit.form(path + "/submit"), label: "Hand in for review",
                    words: "From then on both sides may sign this text. To change it, apply another version."))
        }
        guard kit.may(.contractsSign) else { return acts }
        if version.life.awaited.contains(side) {
            acts.append(
                .init(
                    form: kit.form(path + "/sign"),
                    label: side == .tenant ? "Sign for \(kit.context.scope.name)" : "Sign for the operator",
                    words: "You sign the text with the hash \(version.row.hash).", hash: version.row.hash))
        }
        if version.life.phase == .inReview {
            acts.append(
                .init(
                    form: kit.form(path + "/reject"), label: "Turn down", words: "Another text is another version.",
                    asksReason: true))
        }
        if version.life.phase == .signed {
            let asked = version.life.ending
            acts.append(
                .init(
                    form: kit.form(path + "/end"),
                    label: asked.map { $0.side != side } ?? false ? "Agree to its end" : "Ask for its end",
                    words: "A contract ends when both sides have named the same instant.", asksReason: true,
                    end: (asked?.at ?? kit.now.adding(seconds: 30 * 86_400)).text(fraction: 0)))
        }
        return acts
    }
}
