internal import Branding
internal import Console
internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// Status pages as readers open them: by an unguessable address, without a script, and from memory while the database is away.
///
/// An address that leads nowhere, a page that is off and a page for others answer alike.
struct StatusReadingPages: Sendable {
    private static let printsMax = 500

    /// What was made of a snapshot, with the brand that it wore.
    private struct Print: Sendable {
        let madeAt: Moment
        let isOld: Bool
        let html: String
        let tag: String
        let mark: BrandMark
    }

    let services: Services
    let console: PageRenderer
    private let prints = Locked<[String: Print]>([:])

    init(services: Services, console: PageRenderer) {
        self.services = services
        self.console = console
    }

    var all: [Route] { [page, feed, machine] }

    // MARK: Routes

    private var page: Route {
        Route(.get, "/status/{address}", access: .open) { request in
            let (address, snapshot) = try await open(request)
            if let cursor = request.query("before") {
                return StatusReadingPages.kept(.html(try await past(snapshot, cursor: cursor)), snapshot, services.clock.now)
            }
            let print = try await printed(snapshot, at: address)
            return StatusReadingPages.answer(.html(print.html), tag: print.tag, snapshot, request, services.clock.now)
        }
    }

    private var feed: Route {
        Route(.get, "/status/{address}/feed.json", access: .open) { request in
            let (address, snapshot) = try await open(request)
            let text = StatusReadingPages.feed(snapshot, base: StatusReadingPages.base(request, address)).text
            return StatusReadingPages.answer(
                .text(text, type: "application/feed+json; charset=utf-8"), tag: StatusReadingPages.tag(text), snapshot, request,
                services.clock.now)
        }
    }

    private var machine: Route {
        Route(.get, "/status/{address}/status.json", access: .open) { request in
            let (_, snapshot) = try await open(request)
            let text = StatusReadingPages.json(snapshot).text
            return StatusReadingPages.answer(
                .text(text, type: "application/json; charset=utf-8"), tag: StatusReadingPages.tag(text), snapshot, request,
                services.clock.now)
        }
    }

    func open(_ request: WebRequest) async throws -> (address: String, snapshot: StatusSnapshot) {
        let address = try request.parameter("address")
        guard let snapshot = try await services.status.board.snapshot(at: address), try await isAdmitted(request, to: snapshot)
        else { throw Refusal.notFound }
        return (address, snapshot)
    }

    /// Whoever belongs to the page's scope or lies below it: a tenant's people read their partner's page too.
    private func isAdmitted(_ request: WebRequest, to snapshot: StatusSnapshot) async throws -> Bool {
        guard snapshot.page.audience == StatusDesk.Audience.signedIn.rawValue else { return true }
        let visitor: Visitor
        do {
            visitor = try await services.access.visitor(request)
        } catch is Refusal {
            return false
        }
        if visitor.authority.reaches(try await services.access.node(of: snapshot.scope)) { return true }
        var row = try await services.scopes.scope(visitor.tenant)
        while let parent = row.parent {
            if parent == snapshot.scope.id { return true }
            row = try await services.scopes.scope(parent)
        }
        return false
    }

    // MARK: Answers

    private static func tag(_ text: String) -> String { "\"\(SHA256.hexText(Array(text.utf8)).prefix(32))\"" }

    private static func answer(
        _ response: WebResponse, tag: String, _ snapshot: StatusSnapshot, _ request: WebRequest, _ now: Moment
    ) -> WebResponse {
        let isSame = (request.headers["if-none-match"] ?? "").split(separator: ",").contains { candidate in
            candidate.drop { $0 == " " || $0 == "W" || $0 == "/" }.hasPrefix(tag)
        }
        return kept(isSame ? WebResponse(status: 304) : response, snapshot, now).header("ETag", tag)
    }

    /// The address opens the page, so it is told to nobody else and to no search engine.
    private static func kept(_ response: WebResponse, _ snapshot: StatusSnapshot, _ now: Moment) -> WebResponse {
        let isOpen = snapshot.page.audience == StatusDesk.Audience.anybody.rawValue
        return
            response
            .header("Cache-Control", isOpen ? "public, max-age=\(StatusBoard.freshSeconds)" : "private, no-store")
            .header("Age", "\(max(0, now.seconds(since: snapshot.madeAt)))").header("X-Robots-Tag", "noindex, nofollow")
            .header("Referrer-Policy", "no-referrer")
    }

    /// The page's whole address as the reader came to it.
    private static func base(_ request: WebRequest, _ address: String) -> String {
        guard let host = request.headers["host"], host.utf8.count <= 255,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x2F && $0 != 0x5C })
        else { return "/status/\(address)" }
        let isLoopback = ["127.0.0.1", "localhost", "[::1]"].contains { host == $0 || host.hasPrefix($0 + ":") }
        return "\(isLoopback ? "http" : "https")://\(host)/status/\(address)"
    }

    // MARK: HTML

    private func printed(_ snapshot: StatusSnapshot, at address: String) async throws -> Print {
        let now = services.clock.now
        let isOld = now.seconds(since: snapshot.madeAt) >= StatusBoard.oldSeconds
        let known = prints.withLock { $0[address] }
        if let known, known.madeAt == snapshot.madeAt, known.isOld == isOld { return known }
        let mark: BrandMark
        if isOld, let known {
            mark = known.mark
        } else {
            mark = try await BrandBook.brand(of: snapshot.scope, services: services)
                .mark(home: "", language: BrandLanguage(tag: snapshot.page.language))
        }
        let book = try StatusBook(snapshot, at: now)
        let html = console.html(book.page(mark, address: address, isOld: isOld))
        let made = Print(madeAt: snapshot.madeAt, isOld: isOld, html: html, tag: StatusReadingPages.tag(html), mark: mark)
        prints.withLock { prints in
            if prints.count >= StatusReadingPages.printsMax, prints[address] == nil { prints = [:] }
            prints[address] = made
        }
        return made
    }

    private func past(_ snapshot: StatusSnapshot, cursor: String) async throws -> String {
        let parts = cursor.split(separator: "_")
        guard parts.count == 2, let micros = Int64(parts[0]), let id = StatusNoticeID(String(parts[1])) else {
            throw Refusal(.invalid, reason: "page.cursor", "This cursor was not made by this list.", facts: ["field": "before"])
        }
        let found = try await services.status.sight.past(
            snapshot.page.tenant, before: (Moment(microseconds: micros), id))
        let mark = try await BrandBook.brand(of: snapshot.scope, services: services)
            .mark(home: "", language: BrandLanguage(tag: snapshot.page.language))
        let book = try StatusBook(snapshot, at: services.clock.now)
        return console.html(book.past(mark, address: snapshot.page.address, found.notices, next: found.next))
    }

    // MARK: JSON

    static func feed(_ snapshot: StatusSnapshot, base: String) -> JSONValue {
        let words = StatusWords(snapshot.language)
        var items: [(Moment, JSONValue)] = []
        for notice in snapshot.open + snapshot.planned + snapshot.past {
            guard let id = notice.id else { continue }
            for (index, update) in notice.updates.enumerated() {
                let number = notice.updates.count - index
                items.append(
                    (
                        update.at,
                        .object([
                            "id": .string("\(base)#n-\(id.text)-\(number)"), "url": .string("\(base)#n-\(id.text)"),
                            "title": .string("\(words.word(update.phase)): \(notice.title)"),
                            "content_text": .string(update.text), "date_published": JSONValue(update.at),
                            "date_modified": JSONValue(update.editedAt ?? update.at),
                        ])
                    ))
            }
        }
        return .object([
            "version": "https://jsonfeed.org/version/1.1", "title": .string(snapshot.page.title),
            "home_page_url": .string(base), "feed_url": .string("\(base)/feed.json"),
            "language": .string(snapshot.page.language),
            "items": .array(items.sorted { $0.0 > $1.0 }.prefix(100).map(\.1)),
        ])
    }

    static func json(_ snapshot: StatusSnapshot) -> JSONValue {
        .object([
            "title": .string(snapshot.page.title), "asOf": JSONValue(snapshot.madeAt),
            "state": JSONValue(snapshot.worst?.rawValue),
            "components": .array(
                snapshot.components.map { component in
                    .object([
                        "name": .string(component.name), "state": JSONValue(component.state?.rawValue),
                        "setByHand": .bool(component.isSet), "setUntil": JSONValue(component.setUntil),
                        // An exact fraction with what it is taken from; null without data.
                        "uptime": component.history.counted == 0
                            ? .null
                            : .object([
                                "days": JSONValue(component.history.days.count), "upSeconds": JSONValue(component.history.up),
                                "countedSeconds": JSONValue(component.history.counted),
                            ]),
                    ])
                }),
            "incidents": .array(snapshot.open.map(view)), "maintenance": .array(snapshot.planned.map(view)),
            "past": .array(snapshot.past.map(view)),
        ])
    }

    private static func view(_ notice: StatusSnapshot.Notice) -> JSONValue {
        .object([
            "id": JSONValue(notice.id), "title": .string(notice.title), "impact": .string(notice.impact.rawValue),
            "phase": .string(notice.phase.rawValue), "components": .array(notice.components.map(JSONValue.string)),
            "startsAt": JSONValue(notice.startsAt), "endsAt": JSONValue(notice.endsAt),
            "publishedAt": JSONValue(notice.publishedAt),
            "updates": .array(
                notice.updates.map { update in
                    .object([
                        "phase": .string(update.phase.rawValue), "text": .string(update.text), "at": JSONValue(update.at),
                        "editedAt": JSONValue(update.editedAt),
                    ])
                }),
        ])
    }
}

/// Makes pages of what readers may see: words in the page's language, times in the zone of its owner.
struct StatusBook {
    private let snapshot: StatusSnapshot
    private let words: StatusWords
    private let zone: ZoneRules
    private let now: Moment

    init(_ snapshot: StatusSnapshot, at now: Moment) throws {
        self.snapshot = snapshot
        self.now = now
        words = StatusWords(snapshot.language)
        zone = try ZoneRules.load(snapshot.scope.timeZone)
    }

    func page(_ mark: BrandMark, address: String, isOld: Bool) -> StatusPage {
        let last = snapshot.past.last.flatMap { notice in notice.id.map { "\(notice.madeAt.microseconds)_\($0.text)" } }
        let isFull = snapshot.past.count + snapshot.open.count + snapshot.planned.count >= StatusSight.pastMax
        var links = [Action(label: words.feed, href: "/status/\(address)/feed.json", isDownload: true)]
        if isFull, let last { links.insert(Action(label: words.older, href: "/status/\(address)?before=\(last)"), at: 0) }
        return StatusPage(
            frame: Frame(
                title: snapshot.page.title, brand: mark, language: snapshot.page.language,
                notice: isOld ? Notice(tone: .warn, text: words.stale(time(snapshot.madeAt))) : nil, isBare: true),
            title: snapshot.page.title, intro: snapshot.page.intro,
            summary: StatusText(status: StatusBook.status(snapshot.worst), text: words.summary(snapshot.worst)),
            asOf: words.asOf(time(snapshot.madeAt)), componentsTitle: words.components,
            components: snapshot.components.map(component),
            sections: [
                StatusPage.Section(
                    title: words.current, notices: snapshot.open.map(notice), none: snapshot.open.isEmpty ? words.noneNow : "")
            ]
                + (snapshot.planned.isEmpty
                    ? [] : [StatusPage.Section(title: words.planned, notices: snapshot.planned.map(notice))])
                + months(snapshot.past), links: links, subscribe: subscribe(address))
    }

    private func subscribe(_ address: String) -> StatusSubscribe {
        let choices =
            snapshot.components.count < 2
            ? [] : snapshot.components.map { StatusSubscribe.Choice(id: $0.id.text, name: $0.name) }
        let isOwn = snapshot.page.audience == StatusDesk.Audience.signedIn.rawValue
        let mail = StatusSubscribe.Channel(
            name: "mail", title: words.byMail, label: words.mailAddress, help: isOwn ? words.ownAddress : "",
            legend: words.onlyThese, choices: choices, button: words.askMe, isOwn: isOwn)
        let webhook = StatusSubscribe.Channel(
            name: "webhook", title: words.byWebhook, label: words.hookAddress, help: words.hookHelp, legend: words.onlyThese,
            choices: choices, button: words.askMe)
        return StatusSubscribe(
            title: words.subscribe, lead: words.askLead, action: "/status/\(address)/subscribers",
            channels: isOwn ? [mail] : [mail, webhook])
    }

    /// An older part of what is over.
    func past(
        _ mark: BrandMark, address: String, _ notices: [StatusSnapshot.Notice], next: (Moment, StatusNoticeID)?
    ) -> StatusPage {
        var links = [Action(label: words.newest, href: "/status/\(address)")]
        if let next {
            links.append(
                Action(label: words.older, href: "/status/\(address)?before=\(next.0.microseconds)_\(next.1.text)"))
        }
        return StatusPage(
            frame: Frame(title: snapshot.page.title, brand: mark, language: snapshot.page.language, isBare: true),
            title: snapshot.page.title, intro: "",
            summary: StatusText(status: StatusBook.status(snapshot.worst), text: words.summary(snapshot.worst)),
            asOf: words.asOf(time(snapshot.madeAt)), componentsTitle: words.components, components: [],
            sections: months(notices), links: links)
    }

    private func months(_ notices: [StatusSnapshot.Notice]) -> [StatusPage.Section] {
        guard !notices.isEmpty else { return [StatusPage.Section(title: words.past, notices: [], none: words.noPast)] }
        var sections: [(month: String, notices: [StatusSnapshot.Notice])] = []
        for notice in notices {
            let month = String(zone.localTime(at: notice.madeAt).date.description.prefix(7))
            if sections.last?.month == month {
                sections[sections.count - 1].notices.append(notice)
            } else {
                sections.append((month, [notice]))
            }
        }
        return sections.map { StatusPage.Section(title: "\(words.past) \($0.month)", notices: $0.notices.map(notice)) }
    }

    private func component(_ component: StatusSnapshot.Component) -> StatusPage.Component {
        let note =
            component.isSet
            ? words.setByHand + (component.setUntil.map { ", " + words.until(time($0)) } ?? "") : ""
        let uptime = words.uptime(
            component.history.upText, days: component.history.days.count, hours: component.history.counted / 3600)
        return StatusPage.Component(
            name: component.name, detail: component.description,
            status: StatusText(status: StatusBook.status(component.state), text: words.word(component.state)), note: note,
            uptime: uptime,
            line: StatusLine(
                days: component.history.days.map { day in
                    StatusLine.Day(
                        date: day.date.description, rank: day.worst?.rank, word: words.word(day.worst),
                        downMinutes: Int((day.downSeconds + 59) / 60))
                },
                words: StatusLine.Words(
                    label: "\(component.name): \(uptime)", table: words.history, day: words.day, worst: words.worstOfDay,
                    down: words.down)))
    }

    private func notice(_ notice: StatusSnapshot.Notice) -> StatusPage.Notice {
        var meta: [String] = []
        if let from = notice.startsAt, let to = notice.endsAt {
            meta.append("\(time(from)) – \(time(to))")
        } else {
            meta.append(words.word(notice.impact))
        }
        if !notice.components.isEmpty { meta.append("\(words.affects): \(notice.components.joined(separator: ", "))") }
        return StatusPage.Notice(
            anchor: notice.id?.text ?? "", title: notice.title,
            status: StatusText(status: StatusBook.status(notice), text: words.word(notice.phase)),
            meta: meta.joined(separator: ". "),
            updates: notice.updates.map { update in
                StatusPage.Update(
                    phase: words.word(update.phase), time: stamp(update.at),
                    edited: update.editedAt.map { words.edited(time($0)) } ?? "", text: update.text)
            })
    }

    static func status(_ state: StatusState?) -> Status {
        switch state {
        case nil: .notStarted
        case .operational?: .done
        case .degraded?: .watch
        case .partialOutage?: .inDoubt
        case .majorOutage?: .failed
        case .maintenance?: .paused
        }
    }

    private static func status(_ notice: StatusSnapshot.Notice) -> Status {
        if notice.isOver { return .done }
        if notice.kind == .maintenance { return notice.phase == .inProgress ? .paused : .notStarted }
        return status(notice.impact.state == .operational ? .degraded : notice.impact.state)
    }

    /// `2026-07-14 10:30 CEST`: days and months without words, since the page has a language of its own.
    private func time(_ moment: Moment) -> String {
        let local = zone.localTime(at: moment)
        let (hour, minute) = (local.secondOfDay / 3600, local.secondOfDay / 60 % 60)
        return "\(local.date.description) \(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute) "
            + zone.abbreviation(at: moment)
    }

    private func stamp(_ moment: Moment) -> Stamp { Stamp(iso: moment.text(fraction: 0), text: time(moment)) }
}
