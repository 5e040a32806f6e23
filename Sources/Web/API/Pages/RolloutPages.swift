internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// The rollouts of a tenant: both versions side by side, and the buttons of whoever may change the configuration.
struct RolloutPages: Sendable {
    /// Comparisons whose differences are listed.
    static let comparisonsMax = 20
    /// A side of a difference is cut there; the API has it whole.
    static let sideMax = 160

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [services.page("/rollouts", .configurationRead) { request, kit in .html(console.html(try await page(request, kit))) }]
            + RollingOut.Act.allCases.map { act in
                services.posted("/rollouts/{name}/\(act.rawValue)", .configurationApply) { [services] request, form, kit in
                    let answer = try await services.rolling.turn(
                        try request.parameter("name"), act, stage: try form.required("stage", label: "The stage"),
                        reason: try form.required("reason", label: "The reason"),
                        key: try form.required("idempotency_key", label: "The form's key"), as: kit.context.actor,
                        scope: kit.context.scope)
                    if case .refused(let refusal) = answer { throw refusal }
                    return "\(kit.base)/rollouts?done=\(answer == .pending ? "pending" : "rollout-turned")"
                }
            }
    }

    private func page(_ request: WebRequest, _ kit: PageKit) async throws -> RolloutsPage {
        var rollouts: [RolloutsPage.Rollout] = []
        for shown in try await services.rolling.all(kit.context.scope) { rollouts.append(try await section(shown, kit)) }
        return RolloutsPage(
            frame: try await kit.frame("Rollouts", section: "Rollouts", crumbs: [Crumb(label: "Rollouts")], request: request),
            head: PageHead(
                title: "Rollouts",
                lead: "New versions of workflows: on paper beside the live one, then for a share of the new runs, then for all."),
            rollouts: rollouts,
            empty: rollouts.isEmpty
                ? EmptyState(why: "No version is tried here. Put it into `candidates`, and write a file in `rollouts`.") : nil)
    }

    private func section(_ shown: RollingOut.Shown, _ kit: PageKit) async throws -> RolloutsPage.Rollout {
        let sees = kit.may(.runsRead)
        let stakes = sees ? try await services.rolling.stakes(shown.row.id, kit.context.scope) : []
        let found =
            sees
            ? try await services.rolling.comparisons(
                shown.row.id, kit.context.scope, verdict: "different", limit: RolloutPages.comparisonsMax) : []
        let figures = shown.candidate
        let compared = figures.same + figures.different + figures.unknown
        return RolloutsPage.Rollout(
            name: shown.rollout.name, title: "\(shown.rollout.title) \(shown.rollout.candidate), beside \(shown.liveVersion)",
            words: RolloutPages.words(shown), status: RolloutPages.status(shown), stage: shown.stage.rawValue,
            verdict: RolloutPages.sentence(shown), reasons: shown.verdict.reasons, scale: RolloutPages.scale(shown),
            comparisons: compared > 0
                ? ReplayScale(unchanged: figures.same, changed: figures.different, refused: 0, untold: figures.unknown) : nil,
            bars: shown.rollout.bars.map { RolloutPages.bar($0, shown) },
            kinds: stakes.map {
                RolloutsPage.Kind(name: $0.kind, count: kit.money.count($0.count), stake: $0.amount?.description ?? "")
            },
            differences: found.flatMap { row in
                (row.report["differences"]?.array ?? []).map { one in
                    RolloutsPage.Difference(
                        subject: row.subject.isEmpty ? PageWords.short(row.run.text) : row.subject,
                        href: "\(kit.base)/runs/\(row.run)",
                        kind: [one["kind"]?.string ?? "", one["name"]?.string ?? ""].filter { !$0.isEmpty }
                            .joined(separator: " "),
                        live: RolloutPages.side(one["live"]), candidate: RolloutPages.side(one["candidate"]))
                }
            }, acts: kit.may(.configurationApply) ? acts(shown, kit) : [], obstacle: shown.obstacle ?? "")
    }

    private func acts(_ shown: RollingOut.Shown, _ kit: PageKit) -> [RolloutsPage.Act] {
        var acts: [(RollingOut.Act, String)] = []
        if let next = shown.stage.next {
            acts.append((.promote, next == .live ? "Let all new runs go by it" : "Begin the pilot"))
            acts.append(shown.row.isHeld ? (.release, "Let verdicts count again") : (.hold, "Hold"))
        }
        if shown.stage != .rolledBack { acts.append((.rollback, "Roll back")) }
        return acts.map { act, label in
            RolloutsPage.Act(form: kit.form("/rollouts/\(shown.rollout.name)/\(act.rawValue)"), label: label)
        }
    }

    private static func words(_ shown: RollingOut.Shown) -> String {
        let held = shown.row.isHeld ? ", held" : ""
        return switch shown.stage {
        case .shadow: "in the shadow, without effect\(held)"
        case .pilot:
            "pilot, \(shown.rollout.share) % of the new runs\(shown.rollout.condition == nil ? "" : " of its kind")\(held)"
        case .live: "live"
        case .rolledBack: "rolled back: \(shown.row.reason)"
        }
    }

    private static func status(_ shown: RollingOut.Shown) -> Status {
        switch shown.stage {
        case .shadow: .notStarted
        case .pilot: shown.row.isHeld ? .paused : .running
        case .live: .done
        case .rolledBack: .failed
        }
    }

    private static func sentence(_ shown: RollingOut.Shown) -> String {
        switch shown.verdict.kind {
        case .hold: shown.stage.next == nil ? "The rollout is over." : "The stage is kept."
        case .propose: "It may be promoted; a person confirms."
        case .promote: "It is promoted with the next run that ends."
        case .rollBack: "A hard bar is broken; it is rolled back with the next run that ends."
        }
    }

    private static func bar(_ bar: RolloutBar, _ shown: RollingOut.Shown) -> RolloutsPage.Bar {
        let (status, standing): (Status, String) =
            switch RolloutVerdict.standing(of: bar, candidate: shown.candidate, live: shown.live) {
            case .cleared: (.done, "cleared")
            case .missed: (bar.isHard ? .failed : .watch, "missed")
            case .untold: (.notStarted, "not told yet")
            }
        return RolloutsPage.Bar(status: status, words: bar.words + (bar.isHard ? ", hard" : ""), standing: standing)
    }

    private static func scale(_ shown: RollingOut.Shown) -> VersionScale {
        let metrics: [RolloutMetric] = [.touchless, .exceptions, .faults, .lateClocks, .cycleMinutes]
        let longest = max(shown.candidate.cycleSecondsMedian ?? 0, shown.live.cycleSecondsMedian ?? 0, 1)
        func permille(_ figures: RolloutFigures, _ metric: RolloutMetric) -> Int {
            if metric == .cycleMinutes { return Int((figures.cycleSecondsMedian ?? 0) * 1000 / longest) }
            return figures.value(metric).map { Int($0.part * 10 / $0.of) } ?? 0
        }
        func words(_ figures: RolloutFigures, _ metric: RolloutMetric) -> String {
            guard let value = figures.value(metric) else { return "nothing yet" }
            if metric == .cycleMinutes { return DurationText.text(figures.cycleSecondsMedian ?? 0) }
            return "\(value.part / 100) of \(value.of)"
        }
        return VersionScale(
            metrics: metrics.map {
                VersionScale.Metric(
                    title: $0.title, candidatePermille: permille(shown.candidate, $0), livePermille: permille(shown.live, $0),
                    candidate: words(shown.candidate, $0), live: words(shown.live, $0))
            })
    }

    private static func side(_ json: JSONValue?) -> String {
        guard let json, json != .null else { return "nothing" }
        let text = json.string ?? json.text
        return text.count > sideMax ? "\(text.prefix(sideMax))…" : text
    }
}
