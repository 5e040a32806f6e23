internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Work that was given up: why, how often it was tried, what the other side said last; trying it again, and giving it up.
struct DeadLetterPages: Sendable {
    static let pageSize = 50

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/dead-letters", .serviceRead) { request, kit in .html(console.html(try await list(request, kit))) },
            services.posted("/dead-letters/{id}/retry", .tasksRetry) { [services] request, form, kit in
                let task = try await letter(request, kit)
                let answer = try await services.approving.retry(
                    task.id, key: try form.required("idempotency_key", label: "The form's key"), as: kit.context.actor,
                    scope: kit.context.scope)
                if case .refused(let refusal) = answer { throw refusal }
                return "\(kit.base)/dead-letters?done=\(answer == .pending ? "pending" : "letter-retried")"
            },
            services.posted("/dead-letters/{id}/discard", .runsManage) { [services] request, form, kit in
                let task = try await letter(request, kit)
                let answer = try await services.approving.discard(
                    task.id, reason: try form.required("reason", label: "The reason"),
                    key: try form.required("idempotency_key", label: "The form's key"), as: kit.context.actor,
                    scope: kit.context.scope)
                if case .refused(let refusal) = answer { throw refusal }
                return "\(kit.base)/dead-letters?done=\(answer == .pending ? "pending" : "letter-discarded")"
            },
        ]
    }

    private func letter(_ request: WebRequest, _ kit: PageKit) async throws -> TaskRow {
        let task = try await kit.looking.task(kit.tenant, try request.id())
        guard task.taskClass == "worker" else { throw Refusal.notFound }
        return task
    }

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> DeadLettersPage {
        let page = try PageRequest(request)
        let filter = try RequestRoutes.deadFilter(request)
        let rows = try await kit.looking.deadTasks(
            kit.tenant, filter, before: try page.position(TaskID.self), limit: DeadLetterPages.pageSize)
        let counts = try await kit.looking.deadCounts(kit.tenant)
        let sees = kit.may(.runsRead)
        let runs = sees ? try await kit.looking.runs(kit.tenant, ids: Set(rows.compactMap(\.run))) : [:]
        let path = "\(kit.base)/dead-letters"
        let older =
            rows.count == DeadLetterPages.pageSize
            ? rows.last.map { "\(path)?cursor=\($0.createdAt.microseconds)_\($0.id)" + (filter.code.map { "&code=\($0)" } ?? "") }
            : nil
        let total = counts.reduce(0) { $0 + $1.count }
        return DeadLettersPage(
            frame: try await kit.frame(
                "Dead letters", section: "Dead letters", crumbs: [Crumb(label: "Dead letters")], topics: "runs",
                request: request),
            head: PageHead(
                title: "Dead letters",
                lead:
                    "Work whose attempts are used up. It lies still until somebody tries it again or gives it up; a "
                    + "write begins with a search, so nothing is written twice."),
            causes: counts.map { cause($0, path, kit) },
            rows: rows.map { row($0, $0.run.flatMap { runs[$0] }, sees: sees, kit) },
            summary: filter.code.map { "with the code \($0)" } ?? CountText.text(total, "dead letter"),
            pager: older.map { Pager(range: CountText.text(rows.count, "dead letter") + " on this page", older: $0) },
            empty: rows.isEmpty
                ? EmptyState(
                    why: total == 0 ? "Nothing has been given up." : "No dead letter matches.", act: total == 0 ? "" : "Show all",
                    href: path) : nil)
    }

    private func cause(_ one: Looking.DeadCount, _ path: String, _ kit: PageKit) -> DeadLettersPage.Cause {
        DeadLettersPage.Cause(
            code: one.code, what: one.connection.map { "\(one.kind) on \($0)" } ?? one.kind, href: "\(path)?code=\(one.code)",
            count: kit.money.count(one.count), oldest: kit.time.dayAndTime(one.oldest), kind: one.kind,
            connection: one.connection ?? "", again: kit.may(.tasksRetry) ? kit.form("/retries") : nil)
    }

    private func row(_ task: TaskRow, _ run: RunSummary?, sees: Bool, _ kit: PageKit) -> DeadLettersPage.Row {
        DeadLettersPage.Row(
            id: task.id.text, title: task.title,
            subject: run.map { "\($0.subject), \($0.counterparty)" } ?? "Task \(PageWords.short(task.id.text))",
            href: run.map { "\(kit.base)/runs/\($0.id)" } ?? "", code: task.outcome ?? "",
            attempts: CountText.text(Int(task.attemptsUsed), "attempt"), answer: sees ? task.lastError ?? "" : "",
            since: kit.time.dayAndTime(task.finishedAt ?? task.updatedAt),
            retry: kit.may(.tasksRetry) ? kit.form("/dead-letters/\(task.id)/retry") : nil,
            discard: kit.may(.runsManage) ? kit.form("/dead-letters/\(task.id)/discard") : nil)
    }
}
