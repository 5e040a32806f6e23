internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Operations in the console: asking for a preview, confirming it, and what became of each item.
struct OperationPages: Sendable {
    static let pageSize = 50

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/operations", .runsManage) { request, kit in .html(console.html(try await list(request, kit))) },
            services.posted("/operations", .runsManage) { _, form, kit in try await preview(form, kit) },
        ] + single("operations", .runsManage) + single("retries", .tasksRetry) + [
            services.posted("/retries", .tasksRetry) { _, form, kit in try await previewRetry(form, kit) }
        ]
    }

    /// Trying dead letters again is open to people who may do nothing else to runs.
    private func single(_ path: String, _ permission: Permission) -> [Route] {
        let operating = services.operating
        return [
            services.page("/\(path)/{id}", permission) { request, kit in
                .html(console.html(try await one(request, path, kit)))
            },
            services.posted("/\(path)/{id}/confirm", permission) { request, form, kit in
                let row = try await found(request, path, kit)
                _ = try await operating.confirm(
                    row.id, hash: try form.required("hash", label: "The hash"), as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/\(path)/\(row.id)?done=confirmed"
            },
            services.posted("/\(path)/{id}/withdraw", permission) { request, _, kit in
                let row = try await found(request, path, kit)
                _ = try await operating.withdraw(row.id, as: kit.context.actor, scope: kit.context.scope)
                return "\(kit.base)/\(path)/\(row.id)"
            },
        ]
    }

    static func path(of row: OperationRow) -> String {
        row.kind == Operating.Kind.retry.rawValue ? "retries" : "operations"
    }

    private func found(_ request: WebRequest, _ path: String, _ kit: PageKit) async throws -> OperationRow {
        let row = try await services.operating.find(try request.id(), scope: kit.context.scope)
        guard OperationPages.path(of: row) == path else { throw Refusal.notFound }
        return row
    }

    // MARK: Asking

    private func preview(_ form: FormFields, _ kit: PageKit) async throws -> String {
        func text(_ name: String) -> String? { form[name].flatMap { $0.isEmpty ? nil : $0 } }
        guard let kind = text("kind").flatMap(Operating.Kind.init(rawValue:)), kind.isAboutRuns else {
            throw Refusal(.unprocessable, reason: "operation.kind", "Choose what shall be done.", facts: ["field": "kind"])
        }
        var request = Operating.Request(kind: kind)
        request.runs.phases = try RunRoutes.phases(text("phase"))
        request.runs.workflow = text("workflow")
        request.runs.version = text("version")
        request.runs.search = text("q")
        request.reason = text("reason")
        request.version = text("to")
        for line in (text("mapping") ?? "").split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
            guard parts.count == 2 else {
                throw Refusal(
                    .unprocessable, reason: "migration.mapping", "Write each renamed step as old=new, one a line.",
                    facts: ["field": "mapping"])
            }
            request.mapping[parts[0]] = parts[1]
        }
        let row = try await services.operating.preview(request, as: kit.context.actor, scope: kit.context.scope)
        return "\(kit.base)/operations/\(row.id)"
    }

    private func previewRetry(_ form: FormFields, _ kit: PageKit) async throws -> String {
        func text(_ name: String) -> String? { form[name].flatMap { $0.isEmpty ? nil : $0 } }
        var request = Operating.Request(kind: .retry)
        request.letters.code = text("code")
        request.letters.kind = text("work")
        request.letters.connection = text("connection")
        let row = try await services.operating.preview(request, as: kit.context.actor, scope: kit.context.scope)
        return "\(kit.base)/retries/\(row.id)"
    }

    // MARK: Looking

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> OperationsPage {
        let page = try PageRequest(request)
        let rows = try await services.operating.page(
            kit.tenant, kinds: BulkRoutes.kinds(kit.context), before: try page.position(OperationID.self),
            limit: OperationPages.pageSize)
        let progress = try await services.operating.progress(kit.tenant, of: rows.map(\.id))
        let names = try await kit.names()
        let open = try await kit.looking.openVersions(kit.tenant)
        let known = try await services.assets.current(for: kit.tenant).all("workflow")
        let older =
            rows.count == OperationPages.pageSize
            ? rows.last.map { "\(kit.base)/operations?cursor=\($0.madeAt.microseconds)_\($0.id)" } : nil
        return OperationsPage(
            frame: try await kit.frame(
                "Operations", section: "Operations", crumbs: [Crumb(label: "Operations")], topics: "operations",
                request: request),
            head: PageHead(
                title: "Operations",
                lead: "One act on many runs: shown first, confirmed for exactly what was shown, and told for each of them."),
            rows: rows.map { row in
                let state = Views.state(row, progress[row.id], at: kit.now)
                return OperationsPage.Row(
                    status: OperationWords.status(state), state: state, title: OperationWords.title(row),
                    href: "\(kit.base)/\(OperationPages.path(of: row))/\(row.id)",
                    result: OperationWords.result(row, progress[row.id] ?? Operating.Progress(), kit),
                    who: names[row.madeBy] ?? "an engineer", at: kit.time.dayAndTime(row.madeAt))
            },
            versions: open.map { one in
                let goals = known.filter { sameBytes($0.name, one.workflow) && !sameBytes($0.version, one.version) }.map(
                    \.version)
                return OperationsPage.Version(
                    workflow: one.workflow, version: one.version, count: kit.money.count(one.count),
                    oldest: kit.time.dayAndTime(one.oldest), migrate: goals.isEmpty ? nil : kit.form("/operations"), goals: goals)
            }, ask: kit.form("/operations"), phases: ["running", "waiting", "paused", "held"],
            workflows: Array(Set(open.map(\.workflow))).sorted(),
            pager: older.map { Pager(range: CountText.text(rows.count, "operation") + " on this page", older: $0) },
            empty: rows.isEmpty ? EmptyState(why: "Nothing has been done to many runs at once yet.") : nil)
    }

    private func one(_ request: WebRequest, _ path: String, _ kit: PageKit) async throws -> OperationPage {
        let row = try await found(request, path, kit)
        guard let after = Int32(request.query("after") ?? "-1") else { throw Refusal.notFound }
        let items = try await services.operating.items(kit.tenant, row.id, after: after, limit: OperationPages.pageSize)
        let progress = try await services.operating.progress(kit.tenant, of: [row.id])[row.id] ?? Operating.Progress()
        let names = try await kit.names()
        let state = Views.state(row, progress, at: kit.now)
        let title = OperationWords.title(row)
        let older =
            items.count == OperationPages.pageSize ? items.last.map { "\(kit.base)/\(path)/\(row.id)?after=\($0.ordinal)" } : nil
        let sees = kit.may(.runsRead)
        return OperationPage(
            frame: try await kit.frame(
                title, section: "Operations",
                crumbs: (kit.may(.runsManage) ? [Crumb(label: "Operations", href: "\(kit.base)/operations")] : [])
                    + [Crumb(label: title)], topics: state == "running" ? "runs" : "", request: request),
            head: PageHead(title: title, pill: StatusText(status: OperationWords.status(state), text: state)),
            figures: OperationWords.figures(row, progress, kit), facts: facts(row, names, kit),
            risks: OperationWords.counts(row.preview["risks"], "risk", kit),
            obstacles: OperationWords.counts(row.preview["obstacles"], "reason", kit),
            items: items.map { item($0, of: row, sees: sees, kit) },
            settling: state == "previewed" ? settling(row, path, kit) : nil,
            pager: older.map { Pager(range: CountText.text(items.count, "item") + " on this page", older: $0) })
    }

    private func settling(_ row: OperationRow, _ path: String, _ kit: PageKit) -> OperationPage.Settling {
        let isOwn = row.needsSecond && row.madeByNatural == kit.context.actor.natural
        let count = row.preview["possible"]?.int ?? 0
        return OperationPage.Settling(
            confirm: kit.form("/\(path)/\(row.id)/confirm"), withdraw: kit.form("/\(path)/\(row.id)/withdraw"), hash: row.hash,
            label: "\(OperationWords.verb(row.kind)) \(kit.money.count(count))",
            blocked: isOwn
                ? "You asked for this, and the workflow wants two people: a colleague has to confirm it."
                : count == 0 ? "There is nothing to confirm: all of it would be left alone." : "",
            until: kit.time.stamp(row.expiresAt))
    }

    private func facts(_ row: OperationRow, _ names: [PersonID: String], _ kit: PageKit) -> [Fact] {
        var out = [
            Fact(label: "Asked by", value: names[row.madeBy] ?? "an engineer"),
            Fact(label: "When", value: kit.time.dayAndTime(row.madeAt).text),
        ]
        if let person = row.settledBy {
            out.append(
                Fact(label: row.state == "withdrawn" ? "Put away by" : "Confirmed by", value: names[person] ?? "an engineer"))
        }
        for (label, name) in [("Reason", "reason"), ("To version", "version")] {
            if let text = row.parameters[name]?.string { out.append(Fact(label: label, value: text)) }
        }
        for member in row.parameters["mapping"]?.object ?? [:] {
            out.append(Fact(label: member.key, value: member.value.string ?? "", isCode: true))
        }
        for member in row.selection.object ?? [:] {
            let value =
                member.value.string ?? member.value.array?.compactMap(\.string).joined(separator: ", ") ?? member.value.text
            out.append(Fact(label: "Selected by \(member.key)", value: value))
        }
        return out
    }

    private func item(_ item: OperationItemRow, of row: OperationRow, sees: Bool, _ kit: PageKit) -> OperationPage.Item {
        let refused = item.answer?["refused"]
        let (status, state): (Status, String) =
            if item.obstacle != nil {
                (.notStarted, "left alone")
            } else if refused != nil {
                (.failed, "refused")
            } else if item.answer != nil {
                (.done, "done")
            } else if row.state == "confirmed" {
                (.running, "waiting")
            } else {
                (.notStarted, "shown")
            }
        let what =
            item.obstacle?["message"]?.string ?? refused?["message"]?.string
            ?? item.answer?["status"]?.string.map { "is \($0) now" } ?? ""
        return OperationPage.Item(
            status: status, state: state, subject: sees ? item.subject : PageWords.short(item.task?.text ?? item.run?.text ?? ""),
            href: sees ? item.run.map { "\(kit.base)/runs/\($0)" } ?? "" : "", risk: item.risk, what: sees ? what : "")
    }
}

/// Operations in words.
enum OperationWords {
    static func verb(_ kind: String) -> String {
        switch kind {
        case "pause": "Pause"
        case "resume": "Let go on"
        case "cancel": "Cancel"
        case "migrate": "Take over"
        case "retry": "Try again"
        case "discard": "Give up"
        default: kind
        }
    }

    static func title(_ row: OperationRow) -> String {
        let count = row.preview["total"]?.int ?? 0
        let what = ["retry", "discard"].contains(row.kind) ? "dead letter" : "run"
        let goal = row.kind == "migrate" ? " to version \(row.parameters["version"]?.string ?? "")" : ""
        return "\(verb(row.kind)) \(CountText.text(count, what))\(goal)"
    }

    static func status(_ state: String) -> Status {
        switch state {
        case "previewed": .needsPerson
        case "running": .running
        case "finished": .done
        default: .cancelled
        }
    }

    static func result(_ row: OperationRow, _ progress: Operating.Progress, _ kit: PageKit) -> String {
        let left = progress.left == 0 ? "" : ", \(kit.money.count(progress.left)) left alone"
        guard row.state == "confirmed" else { return "\(kit.money.count(progress.total - progress.left)) would be done\(left)" }
        let refused = progress.refused == 0 ? "" : ", \(kit.money.count(progress.refused)) refused"
        return "\(kit.money.count(progress.done)) done\(refused)\(left)"
    }

    static func figures(_ row: OperationRow, _ progress: Operating.Progress, _ kit: PageKit) -> [Figure] {
        var out: [Figure] =
            row.state == "confirmed"
            ? [
                Figure(
                    label: "Done", value: kit.money.count(progress.done),
                    unit: "of \(kit.money.count(progress.total - progress.left))"),
                Figure(label: "Waiting", value: kit.money.count(progress.waiting), context: "for their lane"),
                Figure(
                    label: "Refused", value: kit.money.count(progress.refused), context: "changed since they were shown",
                    status: progress.refused > 0 ? .watch : nil),
            ]
            : [
                Figure(
                    label: "Would be done", value: kit.money.count(progress.total - progress.left),
                    unit: "of \(kit.money.count(progress.total))")
            ]
        out.append(Figure(label: "Left alone", value: kit.money.count(progress.left), context: "for the reasons below"))
        if kit.may(.runsRead) {
            out += (row.preview["amounts"]?.array ?? []).map { sum in
                Figure(
                    label: "Amounts", value: sum["amount"]?.string ?? "", unit: sum["currency"]?.string ?? "",
                    context: "in \(kit.money.count(sum["count"]?.int ?? 0)) of these")
            }
        }
        return out
    }

    static func counts(_ json: JSONValue?, _ name: String, _ kit: PageKit) -> [OperationPage.Count] {
        (json?.array ?? []).map {
            OperationPage.Count(word: $0[name]?.string ?? "", count: kit.money.count($0["count"]?.int ?? 0))
        }
    }
}
