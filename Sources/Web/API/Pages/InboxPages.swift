internal import Console
internal import Finance
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The inbox with the open decision, and the exceptions.
struct InboxPages: Sendable {
    static let listMax = 100

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/inbox", .approvalsRead) { request, kit in
                .html(console.html(try await inbox(request, kit, open: nil)))
            },
            services.page("/inbox/{id}", .approvalsRead) { request, kit in
                let row = try await task(request, kit, ["approval"])
                let deputy = try await services.actor(kit.context, deciding: row, under: request.query("for"))
                return .html(console.html(try await inbox(request, kit, open: row, as: deputy)))
            },
            services.page("/exceptions", .exceptionsRead) { request, kit in
                .html(console.html(try await exceptions(request, kit)))
            },
            services.page("/exceptions/{id}", .exceptionsRead) { request, kit in
                .html(console.html(try await inbox(request, kit, open: try await task(request, kit, RequestRoutes.answered))))
            },
            services.posted("/inbox/{id}/decision", .approvalsDecide) { request, form, kit in
                let row = try await task(request, kit, ["approval"])
                return try await decide(row, form, kit, section: "inbox")
            },
            services.answering("/exceptions/{id}/decision", .exceptionsResolve) { request, form, kit in
                let row = try await task(request, kit, RequestRoutes.answered)
                let sheet = TaskSheet(row, form)
                guard sheet.problems.isEmpty else {
                    // What was typed is shown again with what is wrong beside it; nothing was sent to the run.
                    return .html(console.html(try await inbox(request, kit, open: row, entered: sheet)), status: 422)
                }
                return .seeOther(try await decide(row, form, kit, section: "exceptions", values: sheet.values))
            },
            claim("inbox", ["approval"], .approvalsDecide), claim("exceptions", RequestRoutes.answered, .exceptionsResolve),
            release("inbox", ["approval"], .approvalsDecide), release("exceptions", RequestRoutes.answered, .exceptionsResolve),
        ]
    }

    private func task(_ request: WebRequest, _ kit: PageKit, _ kinds: [String]) async throws -> TaskRow {
        let row = try await kit.looking.task(kit.tenant, try request.id())
        guard row.taskClass == "person", kinds.contains(row.kind) else { throw Refusal.notFound }
        return row
    }

    private func claim(_ section: String, _ kinds: [String], _ permission: Permission) -> Route {
        services.posted("/\(section)/{id}/claim", permission) { [services] request, _, kit in
            let row = try await task(request, kit, kinds)
            try await services.approving.claim(row.id, as: kit.context.actor, scope: kit.context.scope)
            return "\(kit.base)/\(section)/\(row.id)?done=claimed"
        }
    }

    private func release(_ section: String, _ kinds: [String], _ permission: Permission) -> Route {
        services.posted("/\(section)/{id}/release", permission) { [services] request, _, kit in
            let row = try await task(request, kit, kinds)
            try await services.approving.release(row.id, as: kit.context.actor, scope: kit.context.scope)
            return "\(kit.base)/\(section)/\(row.id)?done=released"
        }
    }

    private func decide(
        _ row: TaskRow, _ form: FormFields, _ kit: PageKit, section: String, values: JSONValue? = nil
    ) async throws -> String {
        let verdict = try form.required("verdict", label: "The answer")
        try await services.requireProof(signing: row, verdict, kit.context)
        let actor = try await services.actor(kit.context, deciding: row, under: form["delegation"])
        let decision = Approving.Decision(
            task: row.id, verdict: verdict, reason: form["reason"].flatMap { $0.isEmpty ? nil : $0 },
            objectHash: try form.required("object_hash", label: "The shown version"),
            key: try form.required("idempotency_key", label: "The form's key"), values: values)
        switch try await services.approving.decide(decision, as: actor, scope: kit.context.scope) {
        case .done: return "\(kit.base)/\(section)/\(row.id)?signed=1"
        case .pending: return "\(kit.base)/\(section)/\(row.id)?done=pending"
        case .refused(let refusal): throw refusal
        }
    }

    // MARK: Inbox and decision

    /// `actor` decides what is open: the person, or the person as somebody's deputy.
    private func inbox(
        _ request: WebRequest, _ kit: PageKit, open: TaskRow?, as actor: Actor? = nil, entered: TaskSheet? = nil
    ) async throws -> InboxPage {
        let isException = open.map { RequestRoutes.answered.contains($0.kind) } ?? false
        let section = isException ? "exceptions" : "inbox"
        let rows = try await kit.looking.requests(
            kit.tenant, kinds: isException ? RequestRoutes.answered : ["approval"], limit: InboxPages.listMax)
        let names = try await kit.names()
        let runs = try await runs(of: rows + (open.map { [$0] } ?? []), kit)
        let you = kit.context.visitor.identity.person.id
        let mine = rows.filter { $0.claimedBy == you }
        let rest = rows.filter { $0.claimedBy != you }
        func item(_ row: TaskRow) -> InboxList.Item {
            let run = row.run.flatMap { runs[$0] }
            return InboxList.Item(
                href: "\(kit.base)/\(section)/\(row.id)", status: .needsPerson,
                title: run?.counterparty ?? row.request["object"]?["fileName"]?.string ?? row.title,
                amount: run.map { kit.amount($0.amountMinor, $0.currency) } ?? "",
                note: (run.map { "\($0.subject), \(row.title)" } ?? row.title) + reach(row, run, kit),
                left: DurationText.text(kit.now.seconds(since: row.createdAt)), isCurrent: row.id == open?.id)
        }
        let groups = [
            InboxList.Group(title: "Claimed by you", items: mine.map(item)),
            InboxList.Group(title: "Waiting", items: rest.map(item)),
        ].filter { !$0.items.isEmpty }
        let title = isException ? "Exceptions" : "Inbox"
        let sheet = try await open.asyncMap { row in
            let run = try await row.run.asyncMap { try await kit.looking.run(kit.tenant, $0) }
            return try await DecisionSheet.make(
                row, run: run, names: names, kit: kit, section: section, entered: entered, as: actor)
        }
        return InboxPage(
            frame: try await kit.frame(
                sheet?.title ?? title, section: title,
                crumbs: [Crumb(label: title, href: "\(kit.base)/\(section)")] + (sheet.map { [Crumb(label: $0.title)] } ?? []),
                topics: isException ? "exceptions" : "inbox", receipt: sheet?.receipt(request), request: request),
            list: InboxList(
                title: title, summary: CountText.text(rows.count, "waits", "wait"),
                tabs: isException ? [] : [Tab(label: "Deputies", href: "\(kit.base)/delegations")], groups: groups),
            decision: sheet?.decision,
            exception: sheet?.exception, evidence: sheet?.evidence,
            empty: open == nil && rows.isEmpty ? EmptyState(why: isException ? "No exceptions." : "Nothing waits for you.") : nil)
    }

    /// Said in the list already: nobody should open what their limit does not reach.
    private func reach(_ row: TaskRow, _ run: RunSummary?, _ kit: PageKit) -> String {
        guard row.kind == "approval" else { return "" }
        return ApprovalLimit.refusal(limit: kit.context.actor.approvalLimit, amount: run?.amount) == nil
            ? "" : ", beyond your approval limit"
    }

    private func runs(of rows: [TaskRow], _ kit: PageKit) async throws -> [RunID: RunSummary] {
        try await kit.looking.runs(kit.tenant, ids: Set(rows.compactMap(\.run)))
    }

    // MARK: Exceptions

    private func exceptions(_ request: WebRequest, _ kit: PageKit) async throws -> ExceptionsPage {
        let all = request.query("state") == "all"
        let rows = try await kit.looking.requests(
            kit.tenant, kinds: RequestRoutes.answered, openOnly: !all, limit: InboxPages.listMax)
        let names = try await kit.names()
        let runs = try await runs(of: rows, kit)
        let path = "\(kit.base)/exceptions"
        let lines = rows.map { row -> ExceptionsPage.Row in
            let run = row.run.flatMap { runs[$0] }
            let owner = row.claimedBy.flatMap { names[$0] } ?? row.request["rounds"]?[0]?["label"]?.string ?? "AP clerk"
            let seconds = (row.finishedAt ?? kit.now).seconds(since: row.createdAt)
            return ExceptionsPage.Row(
                href: "\(path)/\(row.id)", status: row.finishedAt == nil ? .needsPerson : .done, hold: row.title,
                number: run?.subject ?? row.request["object"]?["fileName"]?.string ?? "",
                party: run?.counterparty ?? "no supplier yet",
                amount: run.map { kit.amount($0.amountMinor, $0.currency) } ?? "none", owner: owner,
                initials: PageWords.letters(owner),
                age: DurationText.text(seconds), ageTone: seconds > 8 * 3600 && row.finishedAt == nil ? .warn : .quiet,
                opened: kit.time.dayAndTime(row.createdAt))
        }
        return ExceptionsPage(
            frame: try await kit.frame(
                "Exceptions", section: "Exceptions", crumbs: [Crumb(label: "Exceptions")], topics: "exceptions",
                request: request),
            head: PageHead(title: "Exceptions"),
            tabs: [
                Tab(label: "Open", href: path, isCurrent: !all), Tab(label: "All", href: path + "?state=all", isCurrent: all),
            ], rows: lines,
            empty: rows.isEmpty ? EmptyState(why: all ? "There has been no exception." : "No exceptions are open.") : nil)
    }
}

extension Optional {
    func asyncMap<Value>(_ transform: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
