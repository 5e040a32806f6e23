internal import Console
internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// The rota as the operator's engineers use it.
struct OnCallPages: Sendable {
    static let shiftsMax = 20
    static let digestsMax = 10
    static let shiftDays: Int64 = 28

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            Route(.get, "/operator/on-call", access: .permission(Permission.incidentsRead.rawValue)) { request in
                let kit = try await PageKit.operatorPage(services, request, .incidentsRead)
                return .html(console.html(try await rota(request, kit)))
            },
            posted("/operator/on-call/test-page") { _, _, kit in
                _ = try await services.onCalling.testPage(as: kit.context.actor, scope: kit.context.scope)
                return "page-sent"
            },
            posted("/operator/on-call/swaps") { _, form, kit in
                _ = try await OnCallRoutes.ask(
                    services, layer: try form.required("layer", label: "The layer"),
                    from: try form.required("from", label: "The beginning"), to: try form.required("to", label: "The end"),
                    taker: try form.required("taker", label: "The colleague"),
                    reason: try form.required("reason", label: "The reason"), kit.context)
                return "swap-asked"
            },
        ]
            + OnCalling.SwapAnswer.allCases.map { answer in
                posted("/operator/on-call/swaps/{id}/\(answer.rawValue)") { request, _, kit in
                    _ = try await services.onCalling.answerSwap(
                        try request.id(), answer, as: kit.context.actor, scope: kit.context.scope)
                    return "swap-\(answer.rawValue)"
                }
            }
    }

    private func posted(
        _ path: String, _ act: @escaping @Sendable (WebRequest, FormFields, PageKit) async throws -> String
    ) -> Route {
        Route(
            .post, path, access: .permission(Permission.incidentsManage.rawValue), bodyBytesMax: 65_536
        ) { request in
            let kit = try await PageKit.operatorPage(services, request, .incidentsManage)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            return .seeOther("/operator/on-call?done=\(try await act(request, form, kit))")
        }
    }

    private func form(_ action: String) -> FormTarget { FormTarget(action: action, key: services.newKey()) }

    private func rota(_ request: WebRequest, _ kit: PageKit) async throws -> OnCallPage {
        let frame = try await kit.frame("On call", section: "On call", crumbs: [Crumb(label: "On call")], request: request)
        guard let rota = OnCall(try await services.assets.current(for: kit.tenant)) else {
            return OnCallPage(
                frame: frame, head: PageHead(title: "On call"),
                empty: EmptyState(why: "No rota is published. Write one in operator/on-call and apply the folder."))
        }
        let coverage = rota.coverage(from: kit.now)
        let isOperator = kit.context.scope.kind == "operator"
        let mayAct = isOperator && kit.may(.incidentsManage)
        let swaps = isOperator ? try await services.onCalling.swaps(in: kit.context.scope) : []
        let names = try await kit.names()
        return OnCallPage(
            frame: frame,
            head: PageHead(
                title: "On call",
                lead: "\(rota.document.title). All hand-overs are wall times of \(rota.document.timeZone)."),
            figures: [
                Figure(
                    label: "Answers now", value: rota.person(onTurnIn: 0, at: kit.now)?.name ?? "nobody",
                    context: rota.document.layers[0].title, isAlarming: rota.person(onTurnIn: 0, at: kit.now) == nil),
                Figure(
                    label: "Hours with nobody", value: kit.money.count(Int((coverage.gapSeconds + 3599) / 3600)),
                    context: "in the next \(OnCallDocument.coverageWeeks) weeks", isAlarming: coverage.gapSeconds > 0),
                Figure(
                    label: "Duty manager", value: rota.manager?.name ?? "nobody",
                    context: "when nobody answers \(rota.document.repeats + 1) times"),
                Figure(
                    label: "Channels", value: rota.document.channels.map(\.rawValue).joined(separator: ", "),
                    context: "all of them at once"),
            ],
            layers: rota.document.layers.indices.map { layer($0, rota, coverage, kit) }, shifts: shifts(rota, kit),
            swaps: swaps.map { swap($0, names, mayAct, kit) }, tests: try await tests(kit),
            digests: try await digests(kit), asking: mayAct ? asking(rota, kit) : nil,
            testing: mayAct ? OnCallPage.Act(form: form("/operator/on-call/test-page"), label: "Send me a test page") : nil)
    }

    private func layer(_ index: Int, _ rota: OnCall, _ coverage: RotaCoverage, _ kit: PageKit) -> OnCallPage.Layer {
        let layer = rota.document.layers[index]
        let (shifts, gaps) = (coverage.layers[index].shifts, coverage.layers[index].gapSeconds)
        let person = rota.person(onTurnIn: index, at: kit.now)
        let words: String =
            switch layer.telling {
            case .turn: person?.name ?? "nobody"
            case .roundRobin: "one after the other"
            case .everyone: "everyone"
            }
        return OnCallPage.Layer(
            title: layer.title, status: person == nil && layer.telling == .turn ? .failed : .done, now: words,
            until: shifts.count > 1 ? kit.time.dayAndTime(shifts[0].end) : nil,
            next: shifts.dropFirst().first.map { $0.user.map(rota.name) ?? "nobody" } ?? "",
            answerWithin: DurationText.text(Int64(layer.answerSeconds)),
            gaps: gaps == 0 ? "none" : "\(kit.money.count(Int((gaps + 3599) / 3600))) h", hasGaps: gaps > 0)
    }

    private func shifts(_ rota: OnCall, _ kit: PageKit) -> [OnCallPage.Shift] {
        let end = kit.now.adding(seconds: OnCallPages.shiftDays * 86_400)
        let found = rota.document.layers.indices.flatMap { index in
            rota.shifts(ofLayer: index, from: kit.now, to: end).map { (index, $0) }
        }
        return found.sorted { ($0.1.start, $0.0) < ($1.1.start, $1.0) }.prefix(OnCallPages.shiftsMax).map { index, shift in
            OnCallPage.Shift(
                from: kit.time.dayAndTime(shift.start), to: kit.time.dayAndTime(shift.end),
                layer: rota.document.layers[index].title, person: shift.user.map(rota.name) ?? "nobody", isGap: shift.user == nil)
        }
    }

    private func swap(_ row: SwapRow, _ names: [PersonID: String], _ mayAct: Bool, _ kit: PageKit) -> OnCallPage.Swap {
        let me = kit.context.actor.person
        func act(_ answer: OnCalling.SwapAnswer, _ label: String) -> OnCallPage.Act {
            OnCallPage.Act(form: form("/operator/on-call/swaps/\(row.id)/\(answer.rawValue)"), label: label)
        }
        let isOpen = row.state == "asked" && mayAct
        let acts: [OnCallPage.Act] =
            isOpen && row.taker == me
            ? [act(.agreed, "Take the shift"), act(.declined, "Decline")]
            : isOpen && row.giver == me ? [act(.withdrawn, "Take it back")] : []
        let status: Status =
            switch row.state {
            case "asked": .needsPerson
            case "agreed": .done
            default: .cancelled
            }
        return OnCallPage.Swap(
            status: StatusText(status: status, text: row.state),
            words: "\(names[row.taker] ?? "somebody") for \(names[row.giver] ?? "somebody")",
            time: "\(kit.time.dayAndTime(row.from).text) to \(kit.time.dayAndTime(row.to).text)", reason: row.reason, acts: acts)
    }

    private func tests(_ kit: PageKit) async throws -> [OnCallPage.Test] {
        try await services.onCalling.tests(in: kit.context.scope).map { item in
            let (status, words) = PageProof.words(item.page, item.attempts)
            return OnCallPage.Test(
                status: status, title: "\(item.page.channel) to \(item.page.personName): \(words)",
                detail: kit.time.stamp(item.page.decidedAt, seconds: true).text)
        }
    }

    private func digests(_ kit: PageKit) async throws -> [OnCallPage.Digest] {
        let coming = try await services.digesting.coming(in: kit.context.scope).map { one in
            let count = one.message.count
            return OnCallPage.Digest(
                status: count == 0 ? .notStarted : .running,
                title: "To \(one.person): \(count == 0 ? "nothing waits" : one.message.subject)",
                detail: "next at \(kit.time.dayAndTime(one.dueAt).text)", text: count == 0 ? "" : one.message.text)
        }
        let sent = try await services.digesting.digests(in: kit.context.scope).prefix(OnCallPages.digestsMax).map { row in
            let status: Status = row.state == "delivered" ? .done : row.state == "failed" ? .failed : .retrying
            let items = row.items == 1 ? "1 incident" : "\(kit.money.count(Int(row.items))) incidents"
            return OnCallPage.Digest(
                status: status, title: "To \(row.personName): \(items), \(row.state)",
                detail: kit.time.stamp(row.dueAt, seconds: false).text + (row.answer.isEmpty ? "" : ", \(row.answer)"))
        }
        return coming + sent
    }

    private func asking(_ rota: OnCall, _ kit: PageKit) -> OnCallPage.Asking {
        var people: [String] = []
        for slug in rota.document.layers.flatMap(\.people)
        where !people.contains(slug) && rota.name(slug) != kit.context.visitor.name {
            people.append(slug)
        }
        return OnCallPage.Asking(
            form: form("/operator/on-call/swaps"), zone: rota.document.timeZone,
            layers: rota.document.layers.enumerated().map { .init(value: "\($0.offset + 1)", label: $0.element.title) },
            people: people.map { .init(value: $0, label: rota.name($0)) })
    }
}

/// What became of a page, in words.
enum PageProof {
    static func words(_ page: PageRow, _ attempts: [PageAttemptRow]) -> (status: Status, words: String) {
        let last = attempts.last?.answer ?? ""
        switch page.state {
        case "delivered": return (.done, last.isEmpty ? "shown" : "taken, \(last)")
        case "failed": return (.failed, "given up after \(attempts.count) attempts, \(last)")
        case "withdrawn": return (.cancelled, "not sent, since somebody had answered")
        default: return attempts.isEmpty ? (.running, "on its way") : (.retrying, "\(attempts.count) attempts, \(last)")
        }
    }
}
