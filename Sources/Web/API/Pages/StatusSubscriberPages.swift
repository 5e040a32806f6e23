internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The desk's view of who has subscribed: masked addresses, what can be done about each, and what each was sent.
struct StatusSubscriberPages: Sendable {
    static let shownMax = 50

    let services: Services
    let console: PageRenderer

    private var subscribers: StatusSubscribers { services.status.subscribers }

    var all: [Route] { [show, add, remove, test, renew] }

    private static func path(_ kit: PageKit) -> String { "/status-desk/\(kit.context.scope.slug)/subscribers" }

    private var show: Route {
        Route(.get, "/status-desk/{tenant}/subscribers", access: .permission(Permission.statusRead.rawValue)) { request in
            let kit = try await PageKit.scope(services, request, .statusRead)
            return .html(console.html(try await page(request, kit)))
        }
    }

    /// A posted form; what it answers is a secret to show once, or nothing. A refusal is said above the page.
    private func posted(
        _ path: String, _ act: @escaping @Sendable (WebRequest, FormFields, PageKit) async throws -> String
    ) -> Route {
        Route(
            .post, "/status-desk/{tenant}/subscribers\(path)", access: .permission(Permission.statusManage.rawValue),
            bodyBytesMax: 16_384
        ) { request in
            let kit = try await PageKit.scope(services, request, .statusManage)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            do {
                let secret = try await act(request, form, kit)
                guard !secret.isEmpty else { return .seeOther("\(StatusSubscriberPages.path(kit))?done=status-subscriber") }
                return WebResponse.html(console.html(try await page(request, kit, secret: secret)))
                    .header("Cache-Control", "no-store")
            } catch let refusal as Refusal where refusal.code != .notFound {
                let page = try await page(request, kit, notice: Notice(tone: .bad, text: refusal.message))
                return .html(console.html(page), status: Problem.status(of: refusal))
            }
        }
    }

    private var add: Route {
        posted("") { [subscribers] _, form, kit in
            let typed = try form.required("address", label: "The address")
            let target = try StatusSubscribers.Target(channel: typed.contains("://") ? "webhook" : "mail", typed: typed)
            return try await subscribers.add(target, components: [], as: kit.context.actor, scope: kit.context.scope).secret
        }
    }

    private var remove: Route {
        posted("/{id}/remove") { [subscribers] request, _, kit in
            _ = try await subscribers.remove(try request.id(), as: kit.context.actor, scope: kit.context.scope)
            return ""
        }
    }

    private var test: Route {
        posted("/{id}/test") { [subscribers] request, _, kit in
            _ = try await subscribers.test(try request.id(), as: kit.context.actor, scope: kit.context.scope)
            return ""
        }
    }

    private var renew: Route {
        posted("/{id}/secret") { [subscribers] request, _, kit in
            try await subscribers.renewSecret(of: try request.id(), as: kit.context.actor, scope: kit.context.scope)
        }
    }

    // MARK: The page

    /// A cursor of `parameter`; a refusal for one that this list did not make.
    private static func position<S>(_ request: WebRequest, _ parameter: String) throws(Refusal) -> (Moment, ID<S>)? {
        guard let text = request.query(parameter) else { return nil }
        let parts = text.split(separator: "_")
        guard parts.count == 2, let micros = Int64(parts[0]), let id = ID<S>(String(parts[1])) else {
            throw Refusal(
                .invalid, reason: "page.cursor", "This cursor was not made by this list.", facts: ["field": parameter])
        }
        return (Moment(microseconds: micros), id)
    }

    private func page(
        _ request: WebRequest, _ kit: PageKit, notice: Notice? = nil, secret: String = ""
    ) async throws -> StatusSubscribersPage {
        let (limit, path) = (StatusSubscriberPages.shownMax, StatusSubscriberPages.path(kit))
        let isRead = request.method == .get
        let rows = try await subscribers.subscribers(
            of: kit.tenant, before: isRead ? try StatusSubscriberPages.position(request, "cursor") : nil, limit: limit)
        let sent = try await subscribers.deliveries(
            of: kit.tenant, before: isRead ? try StatusSubscriberPages.position(request, "sent") : nil, limit: limit)
        let counts = try await subscribers.counts(of: kit.tenant)
        let names = Dictionary(
            try await services.status.desk.components(of: kit.tenant).map { ($0.id, $0.name) },
            uniquingKeysWith: { first, _ in first })
        let addresses = Dictionary(rows.map { ($0.row.id, $0.address) }, uniquingKeysWith: { first, _ in first })
        let hasPage = try await services.status.desk.page(of: kit.tenant) != nil
        func cursor<S>(_ count: Int, _ last: (at: Moment, id: ID<S>)?, _ parameter: String) -> String {
            guard count == limit, let last else { return "" }
            return "\(path)?\(parameter)=\(last.at.microseconds)_\(last.id.text)"
        }
        return StatusSubscribersPage(
            frame: try await kit.frame(
                "Subscribers", section: "Status page",
                crumbs: [
                    Crumb(label: "Status page", href: "/status-desk/\(kit.context.scope.slug)"), Crumb(label: "Subscribers"),
                ], notice: notice, request: request),
            head: PageHead(
                title: "Subscribers",
                lead: "\(counts.active) told, \(counts.asked) asked and not confirmed yet, \(counts.stopped) ended."),
            secret: secret, sheets: hasPage && kit.may(.statusManage) ? [addition(kit)] : [],
            rows: rows.map { row($0, names, kit) },
            next: cursor(rows.count, rows.last.map { ($0.row.madeAt, $0.row.id) }, "cursor"),
            deliveries: sent.map { delivery($0, addresses, kit) },
            older: cursor(sent.count, sent.last.map { ($0.row.madeAt, $0.row.id) }, "sent"),
            empty: rows.isEmpty
                ? EmptyState(why: "Nobody has subscribed yet. Readers do so at the foot of the status page.") : nil)
    }

    private func target(_ kit: PageKit, _ rest: String = "") -> FormTarget {
        FormTarget(action: StatusSubscriberPages.path(kit) + rest, key: services.newKey())
    }

    private func addition(_ kit: PageKit) -> StatusDeskPage.Sheet {
        StatusDeskPage.Sheet(
            label: "Add a subscriber", form: target(kit),
            controls: [
                StatusDeskPage.Control(
                    .line, id: "a-address", name: "address", label: "A mail address, or the https address of a webhook",
                    help: "It is asked first, and told nothing before it has said yes.")
            ], acts: [FieldChoice(value: "add", label: "Ask it")])
    }

    private func row(
        _ shown: StatusSubscribers.Shown, _ names: [StatusComponentID: String], _ kit: PageKit
    ) -> StatusSubscribersPage.Row {
        let row = shown.row
        var sheets: [StatusDeskPage.Sheet] = []
        func sheet(_ act: String, _ label: String, _ button: String) {
            sheets.append(
                StatusDeskPage.Sheet(
                    label: label, form: target(kit, "/\(row.id.text)/\(act)"), controls: [],
                    acts: [FieldChoice(value: act, label: button)]))
        }
        if kit.may(.statusManage), row.state != "stopped" {
            if row.state == "active" { sheet("test", "Send \(shown.address) a test", "Send a test") }
            if row.state == "active", row.channel == "webhook" {
                sheet("secret", "Give \(shown.address) a new secret", "Make a new secret")
            }
            sheet("remove", "Tell \(shown.address) nothing more", "Tell it nothing more")
        }
        let about = (row.state == "asked" ? row.wanted ?? [] : row.components).compactMap { names[$0] }.joined(separator: ", ")
        let status: StatusText =
            switch row.state {
            case "active": StatusText(status: .running, text: "is told")
            case "asked": StatusText(status: .notStarted, text: "was asked")
            default: StatusText(status: .paused, text: "ended: \(row.why)")
            }
        return StatusSubscribersPage.Row(
            address: shown.address, channel: row.channel, status: status, about: about.isEmpty ? "everything" : about,
            since: kit.time.stamp(row.madeAt), sheets: sheets)
    }

    private func delivery(
        _ sent: StatusSubscribers.Sent, _ addresses: [StatusSubscriberID: String], _ kit: PageKit
    ) -> StatusSubscribersPage.Delivery {
        let row = sent.row
        let status: Status =
            switch row.state {
            case "delivered": .done
            case "due": .running
            case "failed": .failed
            default: .cancelled
            }
        let last =
            sent.attempts.last.map { attempt in
                attempt.code == "unprepared"
                    ? ", last: no mail server or no public address is set up" : ", last: \(attempt.outcome) \(attempt.code)"
            } ?? ""
        return StatusSubscribersPage.Delivery(
            to: addresses[row.subscriber] ?? "a subscriber", kind: row.kind,
            status: StatusText(status: status, text: row.state),
            tries: "\(sent.attempts.count) \(sent.attempts.count == 1 ? "try" : "tries")\(last)", at: kit.time.stamp(row.madeAt))
    }
}
