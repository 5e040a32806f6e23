internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The policies of a tenant: which are in force, and what the present version makes of what was decided before.
struct PolicyPages: Sendable {
    /// Decisions that a page replays; the command line and the API look at more.
    static let replayMax = 1000
    /// Bound acts on a page.
    static let actsMax = 50

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [services.page("/policies", .runsRead) { request, kit in .html(console.html(try await policies(request, kit))) }]
    }

    private func policies(_ request: WebRequest, _ kit: PageKit) async throws -> PoliciesPage {
        let rows = try await services.assets.current(for: kit.tenant).all("policy")
        let wanted = request.query("policy")
        let shown =
            rows.first { $0.name == wanted } ?? rows.first { $0.content["kind"]?.string == "approval-matrix" } ?? rows.first
        return PoliciesPage(
            frame: try await kit.frame("Policies", section: "Policies", crumbs: [Crumb(label: "Policies")], request: request),
            head: PageHead(
                title: "Policies", lead: "What is decided by rule. Versions never change; a run keeps the one it began with."),
            rows: rows.map { row in
                PoliciesPage.Row(
                    title: row.content["title"]?.string ?? row.name, name: row.name,
                    href: "\(kit.base)/policies?policy=\(row.name)",
                    kind: PolicyPages.kind(row), version: row.version, since: kit.time.stamp(row.publishedAt),
                    isShown: row.name == shown?.name)
            }, policy: try await shown.asyncMap { try await replay($0, kit) },
            empty: rows.isEmpty ? EmptyState(why: "No policy is in force here yet.") : nil)
    }

    private static func kind(_ row: AssetRow) -> String {
        (row.content["kind"]?.string ?? "").map { $0 == "-" ? " " : String($0) }.joined()
    }

    private func replay(_ row: AssetRow, _ kit: PageKit) async throws -> PoliciesPage.Shown {
        let report = try await kit.looking.impact(of: row.content, tenant: kit.tenant, limit: PolicyPages.replayMax)
        let isGuarding = row.content["kind"]?.string == "guardrails"
        let guardrails = isGuarding ? try await rules(row.name, kit) : []
        let acts = isGuarding ? try await bound(row.name, kit) : []
        func count(_ name: String) -> Int { report[name]?.int ?? 0 }
        func each<Made>(_ name: String, _ make: (JSONValue) -> Made) -> [Made] { (report[name]?.array ?? []).map(make) }
        func text(_ json: JSONValue, _ name: String) -> String { json[name]?.string ?? "" }
        let differing = count("changed") + count("refused")
        var figures = [
            Figure(label: "Decisions", value: kit.money.count(count("decisions")), context: "on record and looked at"),
            Figure(
                label: "Otherwise", value: kit.money.count(differing), context: "would be decided differently now",
                status: differing > 0 ? .watch : nil),
        ]
        figures += each("atStake") { stake in
            Figure(
                label: "At stake", value: text(stake, "amount"), unit: text(stake, "currency"),
                context: "in \(kit.money.count(stake["count"]?.int ?? 0)) of these")
        }
        return PoliciesPage.Shown(
            title: "\(row.content["title"]?.string ?? row.name), version \(row.version)",
            scale: ReplayScale(
                unchanged: count("unchanged"), changed: count("changed"), refused: count("refused"), untold: count("untold")),
            figures: figures, meaning: each("meaning") { $0.string ?? "" },
            changes: each("kinds") { change in
                PoliciesPage.Change(
                    from: text(change, "from"), to: text(change, "to"), count: kit.money.count(change["count"]?.int ?? 0))
            },
            examples: each("examples") { example in
                PoliciesPage.Example(
                    subject: text(example, "subject"),
                    href: text(example, "run").isEmpty ? "" : "\(kit.base)/runs/\(text(example, "run"))",
                    counterparty: text(example, "counterparty"), amount: text(example, "amount"), from: text(example, "from"),
                    to: text(example, "to"))
            },
            untold: each("untoldReasons") { "\(text($0, "reason")): \(kit.money.count($0["count"]?.int ?? 0))" },
            note: report["isComplete"]?.bool == true
                ? "recorded decisions, asked again"
                : "the newest \(kit.money.count(PolicyPages.replayMax)) recorded decisions, asked again",
            guardrails: guardrails, acts: acts)
    }

    /// Rules of that name over all levels.
    private func rules(_ name: String, _ kit: PageKit) async throws -> [PoliciesPage.Guardrail] {
        try await kit.looking.guardrails(kit.tenant).filter { $0.policy == name }.map { rule in
            PoliciesPage.Guardrail(
                label: rule.label, sentence: rule.sentence, level: rule.scope, bound: kit.money.count(rule.bound),
                through: kit.money.count(rule.through))
        }
    }

    private func bound(_ name: String, _ kit: PageKit) async throws -> [PoliciesPage.BoundAct] {
        try await kit.looking.guardedActs(kit.tenant, limit: PolicyPages.actsMax).compactMap { listed in
            let own = (listed.act.bound.array ?? []).filter { $0["policy"]?.string == name }
            guard !own.isEmpty else { return nil }
            return PoliciesPage.BoundAct(
                subject: listed.subject, href: "\(kit.base)/runs/\(listed.act.run)", counterparty: listed.counterparty,
                act: listed.act.kind, amount: kit.amount(listed.act.amountMinor, listed.act.currency),
                rules: own.compactMap { $0["label"]?.string }.joined(separator: "; "),
                state: PolicyPages.stateWords[listed.act.state] ?? listed.act.state, at: kit.time.stamp(listed.act.at))
        }
    }

    private static let stateWords = [
        "bound": "waits or was refused", "reserved": "on its way", "done": "went through", "returned": "did not happen",
    ]
}
