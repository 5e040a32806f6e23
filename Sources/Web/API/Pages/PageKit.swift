internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// What every page of one request shares: who looks, at whose rows, in which brand, zone and language.
struct PageKit: Sendable {
    let services: Services
    let context: TenantContext
    let money: MoneyText
    let time: TimeText
    /// `/t/<tenant>` or `/operator`.
    let base: String

    /// Enters the tenant in the path; a page of a tenant that one does not belong to is not found.
    static func tenant(_ services: Services, _ request: WebRequest, _ permission: Permission) async throws -> PageKit {
        let context = try await services.access.enter(request, slug: try request.parameter("tenant"), permission: permission)
        guard context.scope.kind == "tenant" else { throw Refusal.notFound }
        return try PageKit(services, context, base: "/t/\(context.scope.slug)")
    }

    /// The operator's own pages.
    static func operatorPage(_ services: Services, _ request: WebRequest, _ permission: Permission) async throws -> PageKit {
        let context = try await services.access.enterOwn(request, permission: permission)
        guard context.scope.kind != "tenant" else { throw Refusal.notFound }
        return try PageKit(services, context, base: "/operator")
    }

    /// A page about an operator, a partner or a tenant alike.
    static func scope(_ services: Services, _ request: WebRequest, _ permission: Permission) async throws -> PageKit {
        let context = try await services.access.enter(request, slug: try request.parameter("tenant"), permission: permission)
        return try PageKit(services, context, base: context.scope.kind == "tenant" ? "/t/\(context.scope.slug)" : "/operator")
    }

    /// A page about the person alone, in their own scope.
    static func own(_ services: Services, _ request: WebRequest) async throws -> PageKit {
        let context = try await services.access.enterOwn(request, permission: nil)
        return try PageKit(services, context, base: context.scope.kind == "tenant" ? "/t/\(context.scope.slug)" : "/operator")
    }

    private init(_ services: Services, _ context: TenantContext, base: String) throws(Refusal) {
        self.services = services
        self.context = context
        self.base = base
        money = MoneyText(locale: context.scope.locale)
        time = TimeText(zone: try ZoneRules.load(context.scope.timeZone), now: context.now)
    }

    /// The frame around an error, in the person's own scope.
    static func errorFrame(_ services: Services, _ context: TenantContext, title: String) async throws -> Frame {
        let base = context.scope.kind == "tenant" ? "/t/\(context.scope.slug)" : "/operator"
        return try await PageKit(services, context, base: base).frame(title, section: "", crumbs: [Crumb(label: title)])
    }

    var tenant: TenantID { context.scope.id }
    var looking: Looking { services.looking }
    var now: Moment { context.now }

    func may(_ permission: Permission) -> Bool { context.may(permission) }

    /// A form's address with a fresh key: sending it twice is the same as once.
    func form(_ path: String) -> FormTarget { FormTarget(action: base + path, key: services.newKey()) }

    func names() async throws -> [PersonID: String] {
        Dictionary(try await looking.people(tenant).map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    }

    func amount(_ minor: Int64?, _ code: String?) -> String {
        guard let minor, let currency = code.flatMap({ Currency($0) }),
            // An amount out of range has a finding instead.
            let value = try? Money(minorUnits: minor, currency: currency)
        else {
            return "none"  // an invoice whose amount did not fit its currency has a finding instead
        }
        return money.text(value)
    }

    // MARK: The frame

    func frame(
        _ title: String, section: String, crumbs: [Crumb] = [], topics: String = "", notice: Notice? = nil,
        receipt: Receipt? = nil,
        request: WebRequest? = nil
    ) async throws -> Frame {
        let visitor = context.visitor
        let brand = try await BrandBook.brand(of: context, services: services)
        let choices = try await scopeChoices()
        let roles = visitor.authority.roleNames(in: context.node, at: now).sorted().map(PageWords.role)
        let isTenant = context.scope.kind == "tenant"
        let counts = isTenant ? try await looking.summary(tenant) : nil
        return Frame(
            title: title, brand: brand.mark(home: base == "/operator" ? "/operator" : base), language: "en",
            scope: isTenant
                ? ScopeBadge.tenant(context.scope.name, letters: PageWords.letters(context.scope.name), choices: choices)
                : ScopeBadge.operatorScope(context.scope.name, letters: PageWords.letters(context.scope.name), choices: choices),
            navigation: isTenant ? navigation(section, counts) : operatorNavigation(section),
            person: PersonBadge(
                initials: PageWords.letters(visitor.name), name: visitor.name, role: roles.first ?? "",
                signOut: FormTarget(action: "/sign-out", key: services.newKey())),
            crumbs: [Crumb(label: context.scope.name, href: base)] + crumbs, zoneName: time.zoneName,
            live: isTenant && !topics.isEmpty && may(.serviceRead)
                ? LiveMark(events: "\(base)/events", topics: topics, madeAt: time.clock(now)) : nil,
            notice: notice ?? request.flatMap(PageWords.notice), receipt: receipt,
            appearance: request.flatMap { $0.cookie("cs_theme") }.flatMap(Frame.Appearance.init(rawValue:)) ?? .system,
            density: request.flatMap { $0.cookie("density") }.flatMap(Frame.Density.init(rawValue:)) ?? brand.density,
            csrf: services.access.formToken(visitor))
    }

    private func scopeChoices() async throws -> [ScopeChoice] {
        let rows = try await services.access.visibleScopes(context.visitor)
        guard rows.count > 1 else { return [] }
        return rows.filter { $0.kind != "partner" }.prefix(200).map { row in
            ScopeChoice(
                letters: PageWords.letters(row.name), name: row.name, detail: row.kind == "tenant" ? "Production" : "Operator",
                href: row.kind == "tenant" ? "/t/\(row.slug)" : "/operator")
        }
    }

    private func navigation(_ section: String, _ counts: TenantSummaryRow?) -> [NavGroup] {
        func count(_ value: Int32?) -> String { value.map { $0 > 0 ? money.count(Int($0)) : "" } ?? "" }
        func item(
            _ icon: Icon, _ label: String, _ path: String, _ key: String, _ permission: Permission, count: String = ""
        ) -> NavItem? {
            guard may(permission) else { return nil }
            return NavItem(icon: icon, label: label, href: base + path, count: count, key: key, isCurrent: section == label)
        }
        let work = [
            item(.inbox, "Inbox", "/inbox", "i", .approvalsRead, count: count(counts?.waitingOnPeople)),
            item(.run, "Runs", "/runs", "r", .runsRead, count: count(counts?.runsOpen)),
            item(.incident, "Exceptions", "/exceptions", "e", .exceptionsRead, count: count(counts?.exceptionsOpen)),
            item(.bank, "Payments", "/payments", "p", .runsRead),
            item(.evidence, "Documents", "/documents", "d", .runsRead),
            item(.clock, "Service levels", "/service", "s", .serviceRead),
            item(.report, "Reports", "/sla-reports", "g", .serviceRead),
        ].compactMap(\.self)
        let control = [
            item(.bell, "Incidents", "/incidents", "n", .incidentsRead, count: count(counts?.incidentsOpen)),
            item(.book, "Runbooks", "/runbooks", "k", .incidentsRead),
            item(.mail, "Dead letters", "/dead-letters", "x", .serviceRead, count: count(counts?.deadTasks)),
            item(.diff, "Operations", "/operations", "b", .runsManage),
            item(.link, "Events", "/received-events", "v", .runsRead),
            item(.policy, "Policies", "/policies", "l", .runsRead),
            item(.clock, "Schedules", "/schedules", "h", .runsRead),
            item(.diff, "Rollouts", "/rollouts", "t", .configurationRead),
            item(.plug, "Connections", "/platform", "c", .workersRead), item(.people, "People", "/people", "o", .peopleRead),
            item(.link, "Webhooks", "/webhooks", "w", .webhooksRead), item(.audit, "Audit", "/audit", "a", .auditRead),
            item(.evidence, "Onboarding", "/onboarding", "z", .onboardingRead),
            item(.evidence, "Evidence", "/evidence", "j", .evidencePull), statusItem(section), brandItem(section),
        ].compactMap(\.self)
        return [NavGroup(title: "", items: work), NavGroup(title: "Control", items: control)].filter { !$0.items.isEmpty }
    }

    private func operatorNavigation(_ section: String) -> [NavGroup] {
        var items: [NavItem] = []
        if may(.fleetRead) {
            items.append(NavItem(icon: .fleet, label: "Fleet", href: "/operator", key: "f", isCurrent: section == "Fleet"))
        }
        if may(.onboardingRead) {
            items.append(
                NavItem(
                    icon: .evidence, label: "Onboardings", href: "/operator/onboardings", key: "z",
                    isCurrent: section == "Onboardings"))
        }
        if may(.serviceRead) {
            items.append(
                NavItem(
                    icon: .report, label: "Reports", href: "/operator/sla-reports", key: "g", isCurrent: section == "Reports"))
        }
        if may(.workersRead) {
            items.append(
                NavItem(icon: .plug, label: "Workers", href: "/operator/platform", key: "w", isCurrent: section == "Workers"))
        }
        if may(.incidentsRead) {
            items.append(
                NavItem(icon: .bell, label: "Incidents", href: "/operator/incidents", key: "n", isCurrent: section == "Incidents")
            )
        }
        if may(.incidentsRead) {
            items.append(
                NavItem(icon: .clock, label: "On call", href: "/operator/on-call", key: "o", isCurrent: section == "On call"))
        }
        if may(.evidencePull) {
            items.append(
                NavItem(
                    icon: .evidence, label: "Evidence", href: "/operator/evidence", key: "z", isCurrent: section == "Evidence"))
        }
        if let status = statusItem(section) { items.append(status) }
        if let brand = brandItem(section) { items.append(brand) }
        return [NavGroup(title: "", items: items)]
    }

    private func statusItem(_ section: String) -> NavItem? {
        guard may(.statusRead) else { return nil }
        return NavItem(
            icon: .eye, label: "Status page", href: "/status-desk/\(context.scope.slug)", key: "u",
            isCurrent: section == "Status page")
    }

    private func brandItem(_ section: String) -> NavItem? {
        guard may(.brandRead) else { return nil }
        return NavItem(
            icon: .brand, label: "Brand", href: "/studio/\(context.scope.slug)", key: "y", isCurrent: section == "Brand")
    }
}

extension Services {
    /// A key for a form that is shown once.
    func newKey() -> String { String(entropy.next(), radix: 36) + String(entropy.next(), radix: 36) }

    /// A page inside a tenant.
    func page(
        _ pattern: String, _ permission: Permission, _ make: @escaping @Sendable (WebRequest, PageKit) async throws -> WebResponse
    ) -> Route {
        Route(.get, "/t/{tenant}\(pattern)", access: .permission(permission.rawValue)) { request in
            try await make(request, try await PageKit.tenant(self, request, permission))
        }
    }

    /// A posted form of a page: checks its token, does the act, and goes to where the result is seen.
    ///
    /// A refusal is shown where the person was, as a sentence; what they typed is not lost by going back.
    func posted(
        _ pattern: String, _ permission: Permission,
        _ act: @escaping @Sendable (WebRequest, FormFields, PageKit) async throws -> String
    ) -> Route {
        answering(pattern, permission) { request, form, kit in .seeOther(try await act(request, form, kit)) }
    }

    /// The same for a form that may come back with what is wrong in it.
    func answering(
        _ pattern: String, _ permission: Permission,
        _ act: @escaping @Sendable (WebRequest, FormFields, PageKit) async throws -> WebResponse
    ) -> Route {
        Route(.post, "/t/{tenant}\(pattern)", access: .permission(permission.rawValue), bodyBytesMax: 65_536) { request in
            let kit = try await PageKit.tenant(self, request, permission)
            let form = try request.form()
            try access.checkForm(form, kit.context.visitor)
            return try await act(request, form, kit)
        }
    }
}

/// Small words that several pages use.
enum PageWords {
    /// The name of an objective as people say it.
    static func objective(_ name: String) -> String {
        if let known = SLAObjective.Name(rawValue: name)?.title { return known }
        return name.prefix(1).uppercased() + name.dropFirst().split(separator: "-").joined(separator: " ")
    }

    /// A target as a table says it; what is not timed has to go untouched.
    static func within(_ seconds: Int64) -> String { seconds == 0 ? "untouched" : DurationText.text(seconds) }

    /// One or two capitals of a name.
    static func letters(_ name: String) -> String {
        let words = name.split(separator: " ").filter { $0.first?.isLetter ?? false }
        let initials = words.prefix(2).compactMap(\.first)
        return initials.isEmpty ? "?" : String(initials).uppercased()
    }

    /// `tenant-admin` as people say it.
    static func role(_ name: String) -> String {
        let words = name.split(separator: "-").map { $0 == "ap" ? "AP" : String($0) }.joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    static func status(ofPhase phase: String, outcome: String?, waitingOn: String) -> Status {
        switch phase {
        case "completed": ["posted", "released"].contains(outcome) ? .done : .cancelled
        case "faulted", "held": .failed
        case "cancelled": .cancelled
        case "paused": .paused
        case "waiting": waitingOn == "ERP" || waitingOn == "worker" ? .running : .needsPerson
        default: .running
        }
    }

    static func state(ofPhase phase: String, outcome: String?, waitingOn: String) -> String {
        switch phase {
        case "completed": outcome ?? "done"
        case "waiting": waitingOn == "ERP" ? "with the ERP" : waitingOn == "worker" ? "working" : "needs a person"
        default: phase
        }
    }

    /// The sentence that a redirect asked the next page to show; one of a closed list, so that no link can put words here.
    static func notice(_ request: WebRequest) -> Notice? {
        switch request.query("done") {
        case "stored": Notice(tone: .ok, text: "The document is stored and will be read now.")
        case "known": Notice(tone: .info, text: "This document was here before; the earlier one stands.")
        case "claimed": Notice(tone: .ok, text: "You hold the claim.")
        case "released": Notice(tone: .ok, text: "The claim is free.")
        case "pending": Notice(tone: .info, text: "Your decision is stored and will be applied in a moment.")
        case "acknowledged": Notice(tone: .ok, text: "The incident is yours.")
        case "resolved": Notice(tone: .ok, text: "The incident is resolved.")
        case "paused": Notice(tone: .ok, text: "The run is paused.")
        case "resumed": Notice(tone: .ok, text: "The run goes on.")
        case "retried": Notice(tone: .ok, text: "The run goes on.")
        case "asked": Notice(tone: .ok, text: "The payment is asked for; the ERP is compared first.")
        case "asked-before": Notice(tone: .info, text: "Somebody asked for this payment before; this is that run.")
        case "confirmed": Notice(tone: .ok, text: "It is under way; each result stands here as it comes.")
        case "letter-retried": Notice(tone: .ok, text: "The work is tried again.")
        case "letter-discarded": Notice(tone: .ok, text: "The work is given up, and its run knows.")
        case "rollout-turned": Notice(tone: .ok, text: "Done. Runs that have begun keep their version.")
        case "schedule-turned": Notice(tone: .ok, text: "Done. Runs that have begun go on.")
        case "report-drafted": Notice(tone: .ok, text: "The rows of the month are being read; the report fills itself.")
        case "report-justify", "report-words": Notice(tone: .ok, text: "Kept; the figures follow.")
        case "report-submit": Notice(tone: .ok, text: "The document stands; somebody else signs it off.")
        case "report-return": Notice(tone: .ok, text: "The report is a draft again.")
        case "report-sign-off": Notice(tone: .ok, text: "Signed off.")
        case "report-send": Notice(tone: .ok, text: "It is on its way; below is what becomes of it.")
        case "delegation-made": Notice(tone: .ok, text: "Done. The deputy finds it in their inbox.")
        case "delegation-revoked": Notice(tone: .ok, text: "Taken back; what was signed stays signed.")
        case "credit-approve": Notice(tone: .ok, text: "Approved. It is to be put on a bill.")
        case "credit-apply": Notice(tone: .ok, text: "It stands on the bill.")
        case "credit-waive": Notice(tone: .ok, text: "The credit is given up.")
        case "report-archive": Notice(tone: .ok, text: "It is in the archive.")
        case "report-amend": Notice(tone: .ok, text: "A new revision is being read from the rows; the original stays.")
        case "changed": Notice(tone: .ok, text: "The incident is changed; the timeline says so.")
        case "contract-submit": Notice(tone: .ok, text: "Both sides may sign now.")
        case "contract-sign": Notice(tone: .ok, text: "You have signed.")
        case "contract-reject": Notice(tone: .ok, text: "The version is turned down.")
        case "contract-end": Notice(tone: .ok, text: "Your side has said when it ends.")
        case "maintenance-announced": Notice(tone: .ok, text: "The maintenance is announced.")
        case "maintenance-cancelled": Notice(tone: .ok, text: "The maintenance is cancelled, or ends now.")
        case "clock-corrected": Notice(tone: .ok, text: "The clock is corrected; it is read anew in a moment.")
        case "correction-withdrawn": Notice(tone: .ok, text: "The correction is put away.")
        case "page-sent": Notice(tone: .ok, text: "The test page is on its way; below is what becomes of it.")
        case "swap-asked": Notice(tone: .ok, text: "Your colleague is asked. The shift is yours until they agree.")
        case "swap-agreed": Notice(tone: .ok, text: "The shift is yours.")
        case "swap-declined": Notice(tone: .ok, text: "Declined; the shift stays where it is.")
        case "swap-withdrawn": Notice(tone: .ok, text: "Your request is taken back.")
        case "brand-saved": Notice(tone: .ok, text: "The draft is saved; nobody sees it yet.")
        case "brand-published": Notice(tone: .ok, text: "Published. Pages that are opened from now on wear it.")
        case "brand-asked": Notice(tone: .info, text: "A second person is asked. Until then the brand stays as it is.")
        case "brand-discarded": Notice(tone: .ok, text: "The draft is gone.")
        case "saved": Notice(tone: .ok, text: "Done; the audit log says who did it.")
        case "evidence-asked": Notice(tone: .ok, text: "The lists are being read; the pack stands below and fills itself.")
        case "webhook-saved": Notice(tone: .ok, text: "Done.")
        case "status-saved": Notice(tone: .ok, text: "Saved. Readers see it within seconds.")
        case "status-subscriber": Notice(tone: .ok, text: "Done. What becomes of a message stands below.")
        case "status-told": Notice(tone: .ok, text: "It stands on the status page; a draft waits there to be published.")
        case "account": Notice(tone: .ok, text: "Done.")
        case "step-done": Notice(tone: .ok, text: "Done. The next step is below.")
        case "postmortem": Notice(tone: .ok, text: "Done; the audit log says who did it.")
        case "noted": Notice(tone: .ok, text: "The note is in the timeline.")
        default: nil
        }
    }

    /// The end of an identifier, for telling two objects apart where no name may be shown. Identifiers made in one minute begin
    /// alike.
    static func short(_ id: String) -> String { String(id.suffix(8)) }

    /// Who acted, as the audit log says it. People of the operator and of partners are no people of the tenant.
    static func actor(_ entry: Looking.ListedEntry, _ names: [PersonID: String]) -> String {
        guard let person = PersonID(entry.actor) else { return entry.actorKind == "engine" ? "the engine" : entry.actor }
        let name = names[person] ?? "an engineer"
        return entry.onBehalfOf.map { "\(name) for \(names[$0] ?? "a colleague")" } ?? name
    }

    /// What was acted on: `run 8f03c1aa`, or the name where it has one.
    static func object(_ entry: Looking.ListedEntry, _ names: [PersonID: String]) -> String {
        guard let id = PersonID(entry.objectID) else { return "\(entry.objectType) \(entry.objectID)" }
        if entry.objectType == "person" { return names[id] ?? "an engineer" }
        return "\(entry.objectType) \(short(entry.objectID))"
    }
}
