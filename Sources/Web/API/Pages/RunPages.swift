internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel
internal import Workflows

/// The list of runs, and one run.
struct RunPages: Sendable {
    static let pageSize = 50

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/runs", .runsRead) { request, kit in .html(console.html(try await list(request, kit))) },
            services.page("/runs/{id}", .runsRead) { request, kit in .html(console.html(try await run(request, kit))) },
            services.page("/runs/{id}/data.json", .runsRead) { request, kit in
                .json(try await kit.looking.run(kit.tenant, try request.id()).state)
            },
            services.posted("/runs/{id}/retry", .runsManage) { [services] request, form, kit in
                let run = try await kit.looking.run(kit.tenant, try request.id())
                let answer = try await services.approving.retryRun(
                    run.id, key: try form.required("idempotency_key", label: "The form's key"), as: kit.context.actor,
                    scope: kit.context.scope)
                if case .refused(let refusal) = answer { throw refusal }
                return "\(kit.base)/runs/\(run.id)?done=\(answer == .pending ? "pending" : "retried")"
            },
            steering("pause") { form, person throws(Refusal) in
                .paused(by: person, reason: try form.required("reason", label: "The reason"))
            },
            steering("resume") { _, person in .resumed(by: person) },
        ]
    }

    private func steering(
        _ verb: String, event: @escaping @Sendable (FormFields, PersonID) throws(Refusal) -> RunEvent
    ) -> Route {
        services.posted("/runs/{id}/\(verb)", .runsManage) { [services] request, form, kit in
            let run = try await kit.looking.run(kit.tenant, try request.id())
            let answer = try await services.approving.steer(
                run.id, try event(form, kit.context.actor.person),
                key: try form.required("idempotency_key", label: "The form's key"), as: kit.context.actor,
                scope: kit.context.scope)
            if case .refused(let refusal) = answer { throw refusal }
            return "\(kit.base)/runs/\(run.id)?done=\(answer == .pending ? "pending" : "\(verb)d")"
        }
    }

    // MARK: The list

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> RunsPage {
        let state = request.query("state")
        let phases = try RunRoutes.phases(state)
        let page = try PageRequest(request)
        let rows = try await kit.looking.runs(
            kit.tenant, phases: phases, search: request.query("q"), before: try page.position(RunID.self),
            limit: RunPages.pageSize)
        let counts = try await kit.looking.runCounts(kit.tenant)
        let total = counts.values.reduce(0, +)
        let path = "\(kit.base)/runs"
        let tabs = [("All", nil as String?), ("Waiting", "waiting"), ("Completed", "completed"), ("Faulted", "faulted")].map {
            label, phase in
            Tab(
                label: label, count: kit.money.count(phase.map { counts[$0] ?? 0 } ?? total),
                href: path + (phase.map { "?state=\($0)" } ?? ""),
                isCurrent: state == phase)
        }
        var chips: [RunsPage.Chip] = []
        if let query = request.query("q") {
            chips.append(
                .init(
                    field: "Number or party", comparison: "contains", value: query,
                    remove: path + (state.map { "?state=\($0)" } ?? "")))
        }
        let names = RunRoutes.phaseNames
        let older =
            rows.count == RunPages.pageSize
            ? rows.last.map { "\(path)?cursor=\($0.startedAt.microseconds)_\($0.id)" + (state.map { "&state=\($0)" } ?? "") }
            : nil
        let clocks = try await clocks(of: rows, kit)
        return RunsPage(
            frame: try await kit.frame("Runs", section: "Runs", crumbs: [Crumb(label: "Runs")], topics: "runs", request: request),
            head: PageHead(title: "Runs"), tabs: tabs, chips: chips, filterAction: path, query: request.query("q") ?? "",
            states: [.init(value: "", label: "Any state", isChosen: state == nil)]
                + names.map { .init(value: $0, label: $0, isChosen: state == $0) },
            summary: CountText.text(state.flatMap { counts[$0] } ?? total, "run"), rows: rows.map { row($0, kit, clocks[$0.id]) },
            pager: Pager(range: CountText.text(rows.count, "run") + " on this page", older: older ?? ""),
            empty: rows.isEmpty
                ? EmptyState(
                    why: "No run matches.", act: kit.may(.documentsSubmit) ? "Hand in a document" : "",
                    href: "\(kit.base)/documents") : nil)
    }

    /// One clock a run: the latest that still runs, or else the latest.
    private func clocks(of rows: [RunSummary], _ kit: PageKit) async throws -> [RunID: ClockRow] {
        var out: [RunID: ClockRow] = [:]
        for clock in try await kit.looking.clocks(kit.tenant, runs: rows.map(\.id)) {
            guard let run = clock.run, clock.stoppedAt == nil || out[run].map({ $0.stoppedAt != nil }) ?? true else { continue }
            out[run] = clock
        }
        return out
    }

    private func row(_ run: RunSummary, _ kit: PageKit, _ clock: ClockRow?) -> RunsPage.Row {
        let status = PageWords.status(ofPhase: run.phase, outcome: run.outcome, waitingOn: run.waitingOn)
        let left = RunPages.left(clock, kit)
        return RunsPage.Row(
            id: run.id.text, href: "\(kit.base)/runs/\(run.id)", status: status,
            state: PageWords.state(ofPhase: run.phase, outcome: run.outcome, waitingOn: run.waitingOn), number: run.subject,
            party: run.counterparty,
            steps: StepStrip(
                current: RunPages.hop(run), status: status, label: run.step.isEmpty ? run.outcome ?? run.phase : run.step),
            amount: kit.amount(run.amountMinor, run.currency), clock: RunPages.bar(clock), left: left.text, leftTone: left.tone,
            initials: status == .needsPerson ? PageWords.letters(run.waitingOn) : "",
            waitingOn: run.waitingOn.isEmpty ? "nobody" : run.waitingOn,
            waitingTone: status == .needsPerson ? .person : .quiet, started: kit.time.dayAndTime(run.startedAt))
    }

    /// Which of the eight hops a run stands at, told by what it waits for.
    static func hop(_ run: RunSummary) -> Int {
        switch run.phase {
        case "completed": 8
        default:
            switch run.step {
            case let step where step.contains("Approve"): 4
            case let step where step.contains("Post"): 6
            case let step where step.contains("order") || step.contains("receipt") || step.contains("differs"): 3
            default: 2
            }
        }
    }

    static func bar(_ clock: ClockRow?) -> ClockBar? {
        guard let clock, clock.targetSeconds > 0 else { return nil }
        return ClockBar(
            countedPermille: Int(clock.elapsedSeconds * 1000 / clock.targetSeconds), isPaused: clock.state == "paused")
    }

    static func left(_ clock: ClockRow?, _ kit: PageKit) -> (text: String, tone: Tone) {
        guard let clock else { return ("not measured", .quiet) }
        if clock.stoppedAt != nil {
            return (clock.outcome == "breached" ? "missed" : "met", clock.outcome == "breached" ? .bad : .quiet)
        }
        if clock.outcome == "breached" { return ("late", .bad) }
        guard let due = clock.dueAt else { return ("paused", .quiet) }
        return ("due " + kit.time.stamp(due).text, clock.warnedAt == nil ? .quiet : .warn)
    }

    // MARK: One run

    private func run(_ request: WebRequest, _ kit: PageKit) async throws -> RunPage {
        let run = try await kit.looking.run(kit.tenant, try request.id())
        let history = try await kit.looking.history(kit.tenant, run: run.id)
        let tasks = try await kit.looking.tasks(kit.tenant, run: run.id)
        let clocks = try await kit.looking.clocks(kit.tenant, run: run.id)
        let entries = try await kit.looking.audit(kit.tenant, run: run.id)
        let names = try await kit.names()
        let context = try await kit.looking.context(of: run)
        let status = PageWords.status(ofPhase: run.phase, outcome: run.outcome, waitingOn: run.waitingOn)
        let open = tasks.first { $0.taskClass == "person" && $0.finishedAt == nil }
        let title = "\(run.subject), \(run.counterparty)"
        var actions: [Action] = []
        if let open, open.kind == "approval", kit.may(.approvalsRead) {
            actions.append(Action(label: "Open decision", href: "\(kit.base)/inbox/\(open.id)", key: "o", isPrimary: true))
        } else if let open, RequestRoutes.answered.contains(open.kind), kit.may(.exceptionsRead) {
            actions.append(
                Action(
                    label: open.kind == "task" ? "Open task" : "Open exception", href: "\(kit.base)/exceptions/\(open.id)",
                    key: "o", isPrimary: true))
        }
        let isHeld = try await !services.holding.holds(over: run.id, in: kit.tenant).isEmpty
        let payment = try await run.invoice.asyncMap { try await services.releasing.payment(kit.tenant, invoice: $0) } ?? nil
        let drawing = RunDrawing(run: run, history: history, tasks: tasks, names: names, context: context, kit: kit)
        return RunPage(
            frame: try await kit.frame(
                title, section: "Runs", crumbs: [Crumb(label: "Runs", href: "\(kit.base)/runs"), Crumb(label: run.subject)],
                topics: "runs", request: request),
            head: PageHead(
                title: title,
                pill: StatusText(
                    status: status, text: PageWords.state(ofPhase: run.phase, outcome: run.outcome, waitingOn: run.waitingOn)),
                meta: "\(context?.environment.definition.title ?? run.workflow), version \(run.workflowVersion)"
                    + (isHeld ? ", under legal hold" : ""),
                actions: actions),
            figures: figures(run, clocks, kit), diagram: drawing.diagram, timeline: drawing.timeline, events: drawing.events,
            eventCount: kit.money.count(history.count), json: "\(kit.base)/runs/\(run.id)/data.json", panels: drawing.panels,
            receipts: entries.suffix(30).reversed().map { receipt($0, names, kit) }, sealed: "",
            related: related(run, payment, kit) + nested(try await kit.looking.nesting(of: run), kit),
            retry: run.phase == "held" && kit.may(.runsManage) ? kit.form("/runs/\(run.id)/retry") : nil,
            payment: run.outcome == "posted" && (payment?.state ?? "withheld") == "withheld" && kit.may(.paymentsPropose)
                ? kit.form("/runs/\(run.id)/payment") : nil,
            pause: ["running", "waiting"].contains(run.phase) && kit.may(.runsManage)
                ? kit.form("/runs/\(run.id)/pause") : nil,
            resume: run.phase == "paused" && kit.may(.runsManage) ? kit.form("/runs/\(run.id)/resume") : nil,
            waits: try await kit.looking.subscriptions(kit.tenant, run: run.id).map { EventPages.wait($0, kit) },
            empty: history.isEmpty ? EmptyState(why: RunPages.withoutHistory(run)) : nil)
    }

    /// Why a run shows no history: it has not begun, or its time is over.
    private static func withoutHistory(_ run: RunRow) -> String {
        run.finishedAt == nil || run.historyCount == 0
            ? "This run has not left intake."
            : "The history of this run was removed when its time was over. Its audit entries stay."
    }

    private func figures(_ run: RunRow, _ clocks: [ClockRow], _ kit: PageKit) -> [Figure] {
        var figures = [Figure(label: "Amount", value: kit.amount(run.amountMinor, run.currency), context: run.counterparty)]
        for clock in clocks {
            let title = clock.objective == "posting" ? "Posting clock" : "Approval clock"
            let left = clock.targetSeconds - clock.elapsedSeconds
            figures.append(
                Figure(
                    label: title, value: DurationText.text(abs(left)),
                    unit: left < 0 ? "over" : clock.stoppedAt == nil ? "left" : "to spare",
                    context: "\(DurationText.text(clock.elapsedSeconds)) of \(DurationText.text(clock.targetSeconds)) counted",
                    status: clock.outcome == "breached" ? .breached : nil, isAlarming: clock.outcome == "breached",
                    href: "\(kit.base)/service?clock=\(clock.id)",
                    bar: RunPages.bar(clock)))
        }
        if let due = clocks.last(where: { $0.stoppedAt == nil })?.dueAt {
            figures.append(
                Figure(
                    label: "Due", value: kit.time.stamp(due).text, unit: kit.time.zoneName, context: "by the contract's calendar")
            )
        }
        let end = run.finishedAt ?? kit.now
        figures.append(
            Figure(
                label: run.finishedAt == nil ? "Age" : "Took", value: DurationText.text(end.seconds(since: run.startedAt)),
                context: "since it started"))
        return figures
    }

    private func receipt(_ entry: Looking.ListedEntry, _ names: [PersonID: String], _ kit: PageKit) -> RunPage.ReceiptLine {
        return RunPage.ReceiptLine(
            status: .done, act: EventWords.act(entry.action),
            detail:
                "\(kit.time.dayAndTime(entry.at).text), by \(PageWords.actor(entry, names)), "
                + "entry \(kit.money.count(Int(entry.number)))",
            reason: entry.content["reason"]?.string ?? RunPages.decided(entry.content["receipt"]))
    }

    /// A policy's receipt in one line: which version, by which rules, and the hash that binds it.
    private static func decided(_ receipt: JSONValue?) -> String {
        guard let receipt, let policy = receipt["policy"]?.string, let hash = receipt["hash"]?.string else { return "" }
        let rules = (receipt["rules"]?.array ?? []).compactMap { $0["label"]?.string }
        return
            "\(policy) \(receipt["version"]?.string ?? ""): \(rules.isEmpty ? "no rule applied" : rules.joined(separator: "; "))"
            + " (receipt \(HashText.short(hash, groups: 2)))"
    }

    /// The run around and the runs inside, each with its page.
    private func nested(_ nesting: Nesting, _ kit: PageKit) -> [RunPage.Related] {
        var out: [RunPage.Related] = []
        if let parent = nesting.parent {
            out.append(
                RunPage.Related(
                    label: "The run around this one", href: "\(kit.base)/runs/\(parent.run)", detail: "its step \(parent.step)"))
        }
        return out
            + nesting.children.map { child in
                RunPage.Related(
                    label: "The run of \(child.workflow)", href: "\(kit.base)/runs/\(child.run)", detail: "step \(child.step)")
            }
    }

    private func related(_ run: RunRow, _ payment: PaymentRow?, _ kit: PageKit) -> [RunPage.Related] {
        var out: [RunPage.Related] = []
        if let document = run.document {
            out.append(
                RunPage.Related(
                    label: "The document as it came",
                    href: "/api/v1/tenants/\(kit.context.scope.slug)/documents/\(document)/content",
                    detail: "original bytes"))
        }
        guard let payment else { return out }
        if payment.run != run.id, run.outcome == "posted" {
            out.append(
                RunPage.Related(
                    label: "The payment", href: "\(kit.base)/runs/\(payment.run)", status: PaymentWords.status(payment.state),
                    detail: PaymentWords.state(payment.state)))
        }
        if payment.postedRun != run.id {
            out.append(
                RunPage.Related(
                    label: "The posting", href: "\(kit.base)/runs/\(payment.postedRun)", status: .done, detail: "posted"))
        }
        return out
    }
}

/// Audit actions and history in words.
enum EventWords {
    static func act(_ action: String) -> String {
        switch action {
        case "document.received": "Document stored"
        case "document.canonical": "Document read"
        case "policy.decided": "Policy decided"
        case "clock.started": "Clock started"
        case "clock.stopped": "Clock stopped"
        case "sla.breached": "Target missed"
        case "run.finished": "Run ended"
        case "incident.opened": "Incident opened"
        default: words(action)
        }
    }

    /// `approval.signed` as `Approval signed`.
    static func words(_ dotted: String) -> String {
        let text = dotted.map { $0 == "." || $0 == "-" ? " " : $0 }
        return text.prefix(1).map { $0.uppercased() }.joined() + String(text.dropFirst())
    }
}
