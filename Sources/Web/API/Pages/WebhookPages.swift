internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Webhooks in the console: the list, and one with its log; forms for whoever may manage them.
struct WebhookPages: Sendable {
    static let pageSize = 25

    let services: Services
    let console: PageRenderer

    private var desk: WebhookDesk { services.webhooks }

    var all: [Route] { [list, one, add, change, rotate, pause, resume, remove, test, replay, again] }

    private var list: Route {
        services.page("/webhooks", .webhooksRead) { request, kit in
            .html(console.html(try await webhooks(request, kit)))
        }
    }

    private var one: Route {
        services.page("/webhooks/{id}", .webhooksRead) { request, kit in
            .html(console.html(try await webhook(request, try request.id(), kit)))
        }
    }

    /// A posted form of one webhook; a refusal, and what is shown once, is shown on its page.
    private func posted(
        _ verb: String, _ act: @escaping @Sendable (WebhookID, WebRequest, FormFields, PageKit) async throws -> ShownOnce?
    ) -> Route {
        Route(
            .post, "/t/{tenant}/webhooks/{id}/\(verb)", access: .permission(Permission.webhooksManage.rawValue),
            bodyBytesMax: 16_384
        ) { request in
            let kit = try await PageKit.tenant(services, request, .webhooksManage)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            let id: WebhookID = try request.id()
            do {
                guard let once = try await act(id, request, form, kit) else {
                    let target = verb == "remove" ? "" : "/\(id)"
                    return .seeOther("\(kit.base)/webhooks\(target)?done=webhook-saved")
                }
                return .html(console.html(try await webhook(request, id, kit, secrets: once)))
            } catch let refusal as Refusal where refusal.code != .notFound {
                return .html(
                    console.html(try await webhook(request, id, kit, refusal: refusal.message)),
                    status: Problem.status(of: refusal))
            }
        }
    }

    private static func once(_ made: WebhookDesk.Made) -> ShownOnce {
        ShownOnce(
            title: "The secret of \(made.row.name)",
            advice: "Set it at the receiver, which checks every message with it. It is not shown again.", lines: [made.secret])
    }

    // MARK: Acts

    private var add: Route {
        Route(
            .post, "/t/{tenant}/webhooks", access: .permission(Permission.webhooksManage.rawValue), bodyBytesMax: 16_384
        ) { request in
            let kit = try await PageKit.tenant(services, request, .webhooksManage)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            do {
                let made = try await desk.add(
                    name: form["name"] ?? "", url: form["url"] ?? "", events: WebhookPages.events(form), as: kit.context.actor,
                    scope: kit.context.scope)
                return .html(console.html(try await webhook(request, made.row.id, kit, secrets: WebhookPages.once(made))))
            } catch let refusal as Refusal where refusal.code != .notFound {
                return .html(
                    console.html(try await webhooks(request, kit, refusal: refusal.message)), status: Problem.status(of: refusal))
            }
        }
    }

    private var change: Route {
        posted("change") { id, _, form, kit in
            // The page does not show what may be a key in the address, so an empty field leaves the address as it is.
            let url = form["url"].flatMap { $0.isEmpty ? nil : $0 }
            _ = try await desk.change(
                id, name: form["name"], url: url, events: WebhookPages.events(form), as: kit.context.actor,
                scope: kit.context.scope)
            return nil
        }
    }

    private var rotate: Route {
        posted("rotate") { id, _, _, kit in
            WebhookPages.once(try await desk.rotate(id, as: kit.context.actor, scope: kit.context.scope))
        }
    }

    private var pause: Route {
        posted("pause") { id, _, _, kit in
            _ = try await desk.pause(id, as: kit.context.actor, scope: kit.context.scope)
            return nil
        }
    }

    private var resume: Route {
        posted("resume") { id, _, _, kit in
            _ = try await desk.resume(id, as: kit.context.actor, scope: kit.context.scope)
            return nil
        }
    }

    private var remove: Route {
        posted("remove") { id, _, _, kit in
            _ = try await desk.remove(id, as: kit.context.actor, scope: kit.context.scope)
            return nil
        }
    }

    private var test: Route {
        posted("test") { id, _, _, kit in
            _ = try await desk.test(id, as: kit.context.actor, scope: kit.context.scope)
            return nil
        }
    }

    /// First says what would be sent; the second button sends it.
    private var replay: Route {
        posted("replay") { id, _, form, kit in
            func moment(_ name: String) throws(Refusal) -> Moment {
                guard let moment = form[name].flatMap({ Moment($0) }) else {
                    throw Refusal(.unprocessable, reason: "webhook.time", "Write a time such as 2026-11-17T08:30:00Z.")
                }
                return moment
            }
            let (from, to) = (try moment("from"), try moment("to"))
            let states = WebhookRoutes.states.filter { form["state-\($0)"] == "true" }
            guard form["act"] == "send" else {
                let seen = try await desk.preview(id, from: from, to: to, states: states, scope: kit.context.scope)
                return ShownOnce(
                    title: "A replay would send \(CountText.text(Int(seen.sent), "message"))",
                    advice: "Nothing was sent. In that time there are, by their state:",
                    lines: WebhookRoutes.states.map { "\($0): \(seen.counts[$0] ?? 0)" })
            }
            _ = try await desk.replay(
                id, .range(from: from, to: to, states: states), as: kit.context.actor, scope: kit.context.scope)
            return nil
        }
    }

    private var again: Route {
        posted("deliveries/{message}/replay") { id, request, _, kit in
            guard let message = WebhookMessageID(try request.parameter("message")) else { throw Refusal.notFound }
            _ = try await desk.replay(id, .one(message), as: kit.context.actor, scope: kit.context.scope)
            return nil
        }
    }

    private static func events(_ form: FormFields) -> [String] {
        WebhookEventType.offered.map(\.rawValue).filter { form["event-\($0)"] == "true" }
    }

    // MARK: Pages

    private func webhooks(
        _ request: WebRequest, _ kit: PageKit, refusal: String = ""
    ) async throws -> WebhooksPage {
        let rows = try await desk.all(kit.tenant)
        return WebhooksPage(
            frame: try await kit.frame(
                "Webhooks", section: "Webhooks", crumbs: [Crumb(label: "Webhooks")], request: request),
            head: PageHead(
                title: "Webhooks",
                lead: "Where this tenant's events are sent, signed. They tell ids and states, never what a document says."),
            refusal: refusal, rows: rows.map { row($0, kit) },
            sheets: kit.may(.webhooksManage) ? [WebhookSheets(kit: kit).add()] : [],
            empty: rows.isEmpty ? EmptyState(why: "No system of this tenant's is told of its events.") : nil)
    }

    private func row(_ row: WebhookRow, _ kit: PageKit) -> WebhooksPage.Row {
        WebhooksPage.Row(
            name: row.name, href: "\(kit.base)/webhooks/\(row.id)", address: String(row.url.prefix { $0 != "?" }),
            status: WebhookPages.status(row), state: WebhookPages.state(row),
            events: "\(row.events.count) of \(WebhookEventType.offered.count)", note: WebhookPages.note(row, kit))
    }

    static func status(_ row: WebhookRow) -> Status {
        switch row.state {
        case "active": row.failures > 0 ? .watch : .done
        case "paused": .notStarted
        default: .failed
        }
    }

    static func state(_ row: WebhookRow) -> String {
        switch (row.state, row.reason) {
        case ("active", _): row.failures > 0 ? "failing" : "active"
        case ("disabled", "gone"): "turned off: it is gone"
        case ("disabled", _): "turned off: it took nothing"
        default: row.state
        }
    }

    static func note(_ row: WebhookRow, _ kit: PageKit) -> String {
        if let since = row.failingSince {
            return "\(CountText.text(Int(row.failures), "failure")) since \(kit.time.stamp(since).text)"
        }
        return row.deliveredAt.map { "took something at \(kit.time.stamp($0).text)" } ?? "nothing sent yet"
    }

    private func webhook(
        _ request: WebRequest, _ id: WebhookID, _ kit: PageKit, refusal: String = "", secrets: ShownOnce? = nil
    ) async throws -> WebhookPage {
        let row = try await desk.one(id, kit.tenant)
        let page = try PageRequest(request)
        let state = request.query("state").flatMap { WebhookRoutes.states.contains($0) ? $0 : nil }
        let found = try await desk.deliveries(
            of: id, kit.tenant, state: state, before: try page.position(WebhookMessageID.self), limit: WebhookPages.pageSize)
        let path = "\(kit.base)/webhooks/\(id)"
        let older =
            found.count == WebhookPages.pageSize
            ? found.last.map {
                "\(path)?cursor=\($0.message.at.microseconds)_\($0.message.id)" + (state.map { "&state=\($0)" } ?? "")
            } : nil
        return WebhookPage(
            frame: try await kit.frame(
                row.name, section: "Webhooks",
                crumbs: [Crumb(label: "Webhooks", href: "\(kit.base)/webhooks"), Crumb(label: row.name)], request: request),
            head: PageHead(title: row.name), refusal: refusal, secrets: secrets, facts: facts(row, kit),
            sheets: kit.may(.webhooksManage) ? WebhookSheets(kit: kit).all(row) : [],
            tabs: [Tab(label: "All", count: "", href: path, isCurrent: state == nil)]
                + WebhookRoutes.states.map {
                    Tab(label: $0, count: "", href: "\(path)?state=\($0)", isCurrent: state == $0)
                },
            rows: found.map { delivery($0.message, $0.attempts, row, kit) },
            pager: older.map { Pager(range: CountText.text(found.count, "message") + " on this page", older: $0) },
            empty: found.isEmpty ? EmptyState(why: "Nothing of this kind in the last \(WebhookDesk.keptDays) days.") : nil)
    }

    private func facts(_ row: WebhookRow, _ kit: PageKit) -> [Fact] {
        var facts = [
            Fact(label: "State", value: WebhookPages.state(row)), Fact(label: "Lately", value: WebhookPages.note(row, kit)),
            Fact(label: "Address", value: String(row.url.prefix { $0 != "?" })),
            Fact(label: "Events", value: row.events.joined(separator: ", ")),
            Fact(label: "Secret", value: "version \(row.secretVersion)"),
        ]
        if let until = row.previousUntil, until > kit.now {
            facts.append(Fact(label: "Secret before signs until", value: kit.time.stamp(until).text))
        }
        return facts
    }

    private func delivery(
        _ message: WebhookMessageRow, _ attempts: [WebhookAttemptRow], _ row: WebhookRow, _ kit: PageKit
    ) -> WebhookPage.Delivery {
        let status: Status =
            switch message.state {
            case "delivered": .done
            case "failed": .failed
            case "held": .notStarted
            default: message.attempts > 0 ? .watch : .running
            }
        let next = message.nextAt.map { message.attempts > 0 ? ", next at \(kit.time.stamp($0).text)" : "" } ?? ""
        return WebhookPage.Delivery(
            type: message.type, subject: message.subject, id: message.id.text, status: status, state: message.state,
            time: kit.time.stamp(message.at), note: CountText.text(Int(message.attempts), "attempt") + next,
            log: attempts.map { attempt in
                WebhookPage.Attempt(
                    time: kit.time.stamp(attempt.at),
                    outcome: (attempt.status.map { "\($0)" } ?? attempt.outcome) + " after \(attempt.milliseconds) ms",
                    answer: attempt.answer)
            },
            again: kit.may(.webhooksManage) && row.state == "active" && message.state != "queued"
                ? kit.form("/webhooks/\(row.id)/deliveries/\(message.id)/replay") : nil)
    }
}

/// The forms about webhooks.
private struct WebhookSheets {
    let kit: PageKit

    private typealias Control = StatusDeskPage.Control
    private typealias Sheet = StatusDeskPage.Sheet

    func add() -> StatusDeskPage.Sheet {
        Sheet(
            label: "Set one up", form: kit.form("/webhooks"), controls: fields("", "", []),
            acts: [FieldChoice(value: "add", label: "Set it up and show its secret")])
    }

    private func fields(_ name: String, _ help: String, _ events: [String]) -> [StatusDeskPage.Control] {
        [
            Control(.line, id: "w-name", name: "name", label: "Name", value: name),
            Control(.line, id: "w-url", name: "url", label: "Address, beginning with https://", help: help),
        ]
            + WebhookEventType.offered.map { type in
                Control(
                    .check, id: "w-\(type.rawValue)", name: "event-\(type.rawValue)", label: "\(type.title) (\(type.rawValue))",
                    value: events.contains(type.rawValue) ? "true" : "")
            }
    }

    func all(_ row: WebhookRow) -> [StatusDeskPage.Sheet] {
        func simple(_ label: String, _ verb: String, _ button: String) -> Sheet {
            Sheet(
                label: label, form: kit.form("/webhooks/\(row.id)/\(verb)"), controls: [],
                acts: [FieldChoice(value: verb, label: button)])
        }
        var sheets: [Sheet] = []
        if row.state == "active" {
            sheets.append(simple("Send a test", "test", "Send a test event"))
            sheets.append(replay(row))
        }
        sheets.append(
            Sheet(
                label: "Change it", form: kit.form("/webhooks/\(row.id)/change"),
                controls: fields(row.name, "Left empty it stays as it is.", row.events),
                acts: [FieldChoice(value: "change", label: "Save")]))
        sheets.append(simple("Renew its secret", "rotate", "Make a new secret; the one before signs for a day as well"))
        sheets.append(
            row.state == "active"
                ? simple("Pause it", "pause", "Send nothing; what happens is held")
                : simple("Resume it", "resume", "Send again, what was held first"))
        sheets.append(simple("Remove it", "remove", "Remove it for good"))
        return sheets
    }

    private func replay(_ row: WebhookRow) -> StatusDeskPage.Sheet {
        let states = ["failed", "held", "delivered"].map { state in
            Control(
                .check, id: "r-\(state)", name: "state-\(state)", label: "Those that are \(state)",
                value: state == "failed" ? "true" : "")
        }
        return Sheet(
            label: "Send the messages of a time again", form: kit.form("/webhooks/\(row.id)/replay"),
            controls: [
                Control(
                    .line, id: "r-from", name: "from", label: "From", value: kit.now.adding(seconds: -86_400).text(fraction: 0)),
                Control(.line, id: "r-to", name: "to", label: "To", value: kit.now.text(fraction: 0)),
            ] + states,
            acts: [
                FieldChoice(value: "preview", label: "Say what would be sent"), FieldChoice(value: "send", label: "Send again"),
            ])
    }
}
