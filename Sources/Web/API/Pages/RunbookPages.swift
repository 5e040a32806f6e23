internal import Console
internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Runbooks in the console: what there is, which drills are due, and one that is followed, step by step.
struct RunbookPages: Sendable {
    static let listMax = 20

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        let guiding = services.guiding
        return [
            services.page("/runbooks", .incidentsRead) { request, kit in .html(console.html(try await list(request, kit))) },
            services.page("/runbook/{id}", .incidentsRead) { request, kit in
                .html(console.html(try await one(request, kit)))
            },
            services.posted("/incidents/{id}/runbook", .incidentsManage) { request, _, kit in
                "\(kit.base)/runbook/\(try await guiding.start(try request.id(), as: kit.context.asker).row.id)"
            },
            services.posted("/runbooks/{alert}/drill", .incidentsManage) { request, _, kit in
                let followed = try await guiding.drill(try request.parameter("alert"), as: kit.context.asker)
                return "\(kit.base)/runbook/\(followed.row.id)"
            },
            services.posted("/runbook/{id}/steps/{step}/look", .incidentsRead) { request, form, kit in
                var said: [String: String] = [:]
                for pair in form.pairs where pair.name.hasPrefix("p-") { said[String(pair.name.dropFirst(2))] = pair.value }
                let id: RunbookExecutionID = try request.id()
                _ = try await guiding.show(
                    id, step: try request.step(), saying: said, isUndo: form["undo"] == "true", as: kit.context.asker)
                return "\(kit.base)/runbook/\(id)"
            },
            services.posted("/runbook/{id}/steps/{step}/confirm", .incidentsRead) { request, form, kit in
                let id: RunbookExecutionID = try request.id()
                _ = try await guiding.confirm(
                    id, step: try request.step(), hash: try form.required("hash", label: "The hash"), secret: form["secret"],
                    as: kit.context.asker)
                return "\(kit.base)/runbook/\(id)?done=step-done"
            },
            services.posted("/runbook/{id}/steps/{step}/settle", .incidentsManage) { request, form, kit in
                let id: RunbookExecutionID = try request.id()
                let settling = try RunbookRoutes.settling(form["as"] ?? "", reason: form["reason"] ?? "")
                _ = try await guiding.settle(id, step: try request.step(), settling, as: kit.context.asker)
                return "\(kit.base)/runbook/\(id)"
            },
            services.posted("/runbook/{id}/abandon", .incidentsManage) { request, form, kit in
                let id: RunbookExecutionID = try request.id()
                _ = try await guiding.abandon(
                    id, reason: try form.required("reason", label: "The reason"), as: kit.context.asker)
                return "\(kit.base)/runbook/\(id)"
            },
        ]
    }

    // MARK: All

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> RunbooksPage {
        let today = kit.time.zone.localTime(at: kit.now).date
        let published = try await services.guiding.published(for: kit.context.scope)
        let followed = try await services.guiding.list(kit.tenant, limit: RunbookPages.listMax)
        let drills = try await services.guiding.drills(kit.tenant, limit: RunbookPages.listMax)
        let names = try await kit.names()
        let due = published.filter { $0.isDue(on: today) }
        // What is due comes first.
        let rows = (due + published.filter { !$0.isDue(on: today) }).map { found in
            let isDue = found.isDue(on: today)
            return RunbooksPage.Row(
                title: found.runbook.title, alert: found.runbook.alert.rawValue,
                severity: found.runbook.severity.rawValue.uppercased(), owner: found.runbook.owner,
                drilled: "\(found.drilled), \(RunbookPages.age(found.ageDays(on: today)))",
                due: isDue ? "due since \(found.due)" : "due on \(found.due)",
                status: isDue ? .watch : .done, isDue: isDue,
                drill: kit.may(.incidentsManage) ? kit.form("/runbooks/\(found.runbook.alert.rawValue)/drill") : nil)
        }
        return RunbooksPage(
            frame: try await kit.frame(
                "Runbooks", section: "Runbooks", crumbs: [Crumb(label: "Runbooks")], topics: "incidents", request: request),
            head: PageHead(title: "Runbooks", lead: "What to do when an alert has fired, and whether it was practised."),
            figures: published.isEmpty
                ? []
                : [
                    Figure(
                        label: "Drills due", value: kit.money.count(due.count),
                        context: "of \(kit.money.count(published.count)) runbooks",
                        status: due.isEmpty ? nil : .watch, isAlarming: !due.isEmpty)
                ], rows: rows,
            followed: followed.filter { !$0.state.isDrill }.map { RunbookPages.line($0, names, kit) },
            drills: drills.map { RunbookPages.line($0, names, kit) },
            drillsExport: drills.isEmpty
                ? "" : "/api/v1/tenants/\(kit.context.scope.slug)/drills/export?format=csv",
            empty: published.isEmpty ? EmptyState(why: "No runbook is published. The operator publishes them.") : nil)
    }

    private static func line(
        _ one: Guiding.Followed, _ names: [PersonID: String], _ kit: PageKit
    ) -> RunbooksPage.Followed {
        let settled = one.state.steps.count { $0.state.isSettled }
        return RunbooksPage.Followed(
            status: RunbookPages.status(one.state), state: RunbookPages.word(one.state), title: one.state.title,
            href: "\(kit.base)/runbook/\(one.row.id)", progress: "\(settled) of \(one.state.steps.count)",
            who: names[one.row.startedBy] ?? "an engineer", at: kit.time.dayAndTime(one.row.startedAt))
    }

    static func age(_ days: Int) -> String { days == 0 ? "today" : days == 1 ? "a day ago" : "\(days) days ago" }

    static func word(_ state: RunbookExecution) -> String {
        state.isDrill ? "drill, \(state.phase.rawValue)" : state.phase.rawValue
    }

    static func status(_ state: RunbookExecution) -> Status {
        switch state.phase {
        case .running: .running
        case .finished: state.steps.contains { $0.state == .failed } ? .watch : .done
        case .abandoned: .cancelled
        }
    }

    // MARK: One

    private func one(_ request: WebRequest, _ kit: PageKit) async throws -> RunbookPage {
        let followed = try await services.guiding.find(try request.id(), in: kit.tenant)
        let state = followed.state
        let names = try await kit.names()
        let desk = StepDesk(followed: followed, kit: kit, names: names)
        let isManager = kit.may(.incidentsManage)
        let takingBack = state.steps.first {
            $0.isCompensable && ($0.preview.map { $0.isUndo && kit.now < $0.expiresAt } ?? false)
        }
        let current = takingBack == nil ? state.current : nil
        let incident = followed.row.incident.map { "\(kit.base)/incidents/\($0)" } ?? ""
        return RunbookPage(
            frame: try await kit.frame(
                state.title, section: "Runbooks",
                crumbs: [Crumb(label: "Runbooks", href: "\(kit.base)/runbooks"), Crumb(label: state.title)], request: request),
            head: PageHead(
                title: state.title,
                pill: StatusText(status: RunbookPages.status(state), text: RunbookPages.word(state)),
                meta: "begun by \(names[state.startedBy.id] ?? "an engineer") at \(kit.time.stamp(state.startedAt).text)"),
            drill: state.isDrill ? "A drill: everything is shown, and nothing is done." : "", incident: incident,
            takingBack: takingBack.map { desk.takingBack($0) }, current: current.map { desk.current($0) },
            over: state.phase == .running
                ? ""
                : state.phase == .abandoned
                    ? "The runbook was given up."
                    : "Look whether the trouble is over, and resolve the incident or call for help.",
            ahead: state.steps.filter { !$0.state.isSettled && $0.number != current?.number }.map { desk.line($0) },
            behind: state.steps.filter(\.state.isSettled).reversed().map { desk.line($0) },
            abandon: isManager && state.phase == .running ? kit.form("/runbook/\(followed.row.id)/abandon") : nil)
    }
}

/// The steps of one execution as the page shows them to one reader.
private struct StepDesk {
    let followed: Guiding.Followed
    let kit: PageKit
    let names: [PersonID: String]

    private func form(_ step: RunbookExecution.Step, _ verb: String) -> FormTarget {
        kit.form("/runbook/\(followed.row.id)/steps/\(step.number)/\(verb)")
    }

    private func name(_ person: PersonID) -> String { names[person] ?? "an engineer" }

    /// Why this reader may not do what the verb does; empty when they may.
    private func blocked(_ verb: Runbook.Verb) -> String {
        guard Permission(rawValue: verb.permission).map({ kit.may($0) }) ?? false else {
            return
                "This needs the permission \(verb.permission), which you do not hold here. Send this page to somebody who does."
        }
        return ""
    }

    private func fields(_ step: RunbookExecution.Step) -> [RunbookPage.Field] {
        step.verb.parameters.filter { $0.form != .secret }.map { parameter in
            RunbookPage.Field(
                name: parameter.name, label: EventWords.words(parameter.name),
                value: step.preview.flatMap { $0.isUndo ? nil : $0.parameters[parameter.name] }
                    ?? step.parameters[parameter.name] ?? "",
                isRequired: parameter.isRequired, isLong: parameter.form == .text)
        }
    }

    private func shown(_ preview: RunbookExecution.Preview) -> RunbookPage.Shown {
        RunbookPage.Shown(
            effect: preview.content["effect"]?.string ?? "",
            counts: (preview.content["counts"]?.array ?? []).map {
                "\(kit.money.count($0["count"]?.int ?? 0)) \($0["what"]?.string ?? "")"
            },
            examples: (preview.content(mayReadRuns: kit.may(.runsRead))["examples"]?.array ?? []).compactMap(\.string),
            facts: preview.parameters.sorted { $0.key < $1.key }.filter { $0.key != "text" }.map {
                Fact(label: EventWords.words($0.key), value: $0.value)
            } + [Fact(label: "Looked at by", value: "\(name(preview.by.id)), \(kit.time.stamp(preview.at).text)")])
    }

    func current(_ step: RunbookExecution.Step) -> RunbookPage.Step {
        let isDrill = followed.state.isDrill
        let look = RunbookPage.Act(
            form: form(step, "look"), label: step.verb.way == .check ? "Do the check" : "Show what it would do",
            fields: fields(step), isMain: step.preview == nil, blocked: blocked(step.verb))
        var act = look
        var note = ""
        if step.verb.way == .reader {
            act = RunbookPage.Act(
                form: form(step, "settle"), label: "Done, go on", word: "done", blocked: blocked(step.verb))
        } else if let preview = step.preview {
            (act, note) = settling(step, preview, isDrill: isDrill)
        }
        return RunbookPage.Step(
            place: "Step \(step.number) of \(followed.state.steps.count)", title: step.title,
            verb: step.verb == .guidance ? "" : step.verb.rawValue, text: Markdown.html(step.text, topLevel: 4),
            shown: step.preview.map(shown), note: note, act: act, again: step.preview == nil ? nil : look,
            settle: kit.may(.incidentsManage) ? form(step, "settle") : nil)
    }

    private func settling(
        _ step: RunbookExecution.Step, _ preview: RunbookExecution.Preview, isDrill: Bool
    ) -> (act: RunbookPage.Act, note: String) {
        if isDrill || step.verb.way == .check {
            let act = RunbookPage.Act(
                form: form(step, "settle"), label: "Seen, go on", word: "done", blocked: blocked(.guidance))
            return (act, isDrill ? "Nothing was done, and nothing will be." : "")
        }
        var why = blocked(step.verb)
        if why.isEmpty, preview.needsSecond, preview.by.natural == kit.context.actor.natural {
            why = "You asked for this, so someone else has to confirm it. Send them this page."
        }
        if why.isEmpty, kit.now >= preview.expiresAt { why = "This was shown too long ago. Look again." }
        let act = RunbookPage.Act(
            form: form(step, "confirm"), label: "Confirm: \(preview.isUndo ? "take it back" : "do it")", hash: preview.hash,
            asksSecret: step.verb == .rotateSecret, blocked: why)
        return (act, preview.needsSecond ? "Two people: one has asked for it, another confirms it." : "")
    }

    func takingBack(_ step: RunbookExecution.Step) -> RunbookPage.Step {
        let (act, note) = step.preview.map { settling(step, $0, isDrill: false) } ?? (current(step).act, "")
        return RunbookPage.Step(
            place: "Taking back step \(step.number)", title: step.title, verb: step.verb.opposite?.rawValue ?? "",
            text: Markdown.html("What this step did is undone for the same runs.", topLevel: 4), shown: step.preview.map(shown),
            note: note, act: act, again: nil, settle: nil)
    }

    func line(_ step: RunbookExecution.Step) -> RunbookPage.Line {
        let ending = step.ending
        let isManager = kit.may(.incidentsManage)
        let when = ending.map { "\(name($0.by.id)), \(kit.time.stamp($0.at).text)" } ?? ""
        let why = ending.flatMap { $0.reason.isEmpty ? nil : ": \($0.reason)" } ?? ""
        let path = step.verb == .retryStep || step.verb == .replayDeadLetters ? "retries" : "operations"
        let mayFollow = kit.may(path == "retries" ? .tasksRetry : .runsManage)
        return RunbookPage.Line(
            number: "\(step.number)", title: step.title, status: StepDesk.status(step.state), state: step.state.rawValue,
            detail: when + why,
            operation: ending?.operation.flatMap { mayFollow ? "\(kit.base)/\(path)/\($0)" : nil } ?? "",
            undo: step.isCompensable && blocked(step.verb).isEmpty ? form(step, "look") : nil,
            again: isManager && followed.state.phase == .running && [.skipped, .failed, .undone].contains(step.state)
                ? form(step, "settle") : nil)
    }

    private static func status(_ state: RunbookExecution.State) -> Status {
        switch state {
        case .open: .notStarted
        case .shown: .needsPerson
        case .done: .done
        case .skipped, .undone: .cancelled
        case .failed: .failed
        }
    }
}
