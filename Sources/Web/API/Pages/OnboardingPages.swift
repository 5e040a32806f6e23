internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Onboardings in the console: all of them for the operator, and one tenant's steps, with whether the tenant is suspended.
struct OnboardingPages: Sendable {
    let services: Services
    let console: PageRenderer

    private typealias Sheet = StatusDeskPage.Sheet
    private typealias Control = StatusDeskPage.Control

    var all: [Route] { [list, register, withdraw, one, confirm, skip, suspend, resume] }

    // MARK: All

    private var list: Route {
        Route(.get, "/operator/onboardings", access: .permission(Permission.onboardingRead.rawValue)) { request in
            let kit = try await PageKit.operatorPage(services, request, .onboardingRead)
            return .html(console.html(try await onboardings(request, kit)))
        }
    }

    private var register: Route {
        onList("/operator/registrations") { form, _, kit in
            _ = try await services.onboardings.register(
                slug: form["slug"] ?? "", name: form["name"] ?? "", partner: form["partner"] ?? "", as: kit.context.actor,
                scope: kit.context.scope)
        }
    }

    private var withdraw: Route {
        onList("/operator/registrations/{id}/withdraw") { form, request, kit in
            _ = try await services.onboardings.withdraw(
                try request.id(), reason: form["reason"] ?? "", as: kit.context.actor, scope: kit.context.scope)
        }
    }

    /// A posted form of the operator's list; a refusal is shown on it.
    private func onList(
        _ path: String, _ act: @escaping @Sendable (FormFields, WebRequest, PageKit) async throws -> Void
    ) -> Route {
        Route(.post, path, access: .permission(Permission.tenantsManage.rawValue), bodyBytesMax: 16_384) { request in
            let kit = try await PageKit.operatorPage(services, request, .tenantsManage)
            let form = try request.form()
            try services.access.checkForm(form, kit.context.visitor)
            do {
                try await act(form, request, kit)
                return .seeOther("/operator/onboardings?done=saved")
            } catch let refusal as Refusal where refusal.code != .notFound {
                return .html(
                    console.html(try await onboardings(request, kit, refusal: refusal.message)),
                    status: Problem.status(of: refusal))
            }
        }
    }

    private func onboardings(
        _ request: WebRequest, _ kit: PageKit, refusal: String = ""
    ) async throws -> OnboardingsPage {
        let names = Dictionary(try await services.scopes.all().map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        let standings = try await services.onboardings.all(try await OnboardingRoutes.tenants(below: kit.context, services))
        let isHouse = kit.context.scope.kind == "operator" && kit.may(.tenantsManage)
        let coming = isHouse ? try await services.onboardings.registrations(kit.context.scope) : []
        let rows = standings.map { standing in
            row(standing, partner: standing.scope.parent.flatMap { names[$0] } ?? "", kit)
        }
        return OnboardingsPage(
            frame: try await kit.frame(
                "Onboardings", section: "Onboardings", crumbs: [Crumb(label: "Onboardings")], request: request),
            head: PageHead(
                title: "Onboardings",
                lead: "From the beginning of a tenant to its first governed case. Most steps settle themselves."
            ), refusal: refusal, rows: rows,
            registrations: coming.map { registration in
                .init(
                    name: registration.name,
                    note: "\(registration.slug), sold by \(registration.partner). Its files are missing.",
                    since: kit.time.stamp(registration.registeredAt),
                    sheets: [
                        OnboardingPages.sheet(
                            "Take it back", house("\(registration.id)/withdraw"), "withdraw",
                            id: "r-\(registration.slug)")
                    ])
            }, sheets: isHouse ? [registerSheet(kit)] : [],
            empty: rows.isEmpty && coming.isEmpty
                ? EmptyState(why: "No tenant has begun. Register one, or publish its folder with `countersign apply`.") : nil)
    }

    private func house(_ rest: String) -> FormTarget {
        FormTarget(action: "/operator/registrations" + (rest.isEmpty ? "" : "/\(rest)"), key: services.newKey())
    }

    private func registerSheet(_ kit: PageKit) -> StatusDeskPage.Sheet {
        Sheet(
            label: "Register a tenant", form: house(""),
            controls: [
                Control(.line, id: "r-name", name: "name", label: "Name"),
                Control(
                    .line, id: "r-slug", name: "slug", label: "Short name",
                    help: "As its folder will be called, such as brightwater-foods."),
                Control(.line, id: "r-partner", name: "partner", label: "Short name of its partner"),
            ], acts: [FieldChoice(value: "register", label: "Register; its onboarding counts from now")])
    }

    private func row(_ standing: Onboardings.Standing, partner: String, _ kit: PageKit) -> OnboardingsPage.Row {
        let state = standing.state
        let note =
            state.completedAt.map { "took \(DurationText.text($0.seconds(since: state.startedAt)))" } ?? state.next?.missing ?? ""
        return OnboardingsPage.Row(
            name: standing.scope.name, href: "/t/\(standing.scope.slug)/onboarding", partner: partner,
            status: state.completedAt == nil ? .running : .done,
            state: state.completedAt == nil ? OnboardingPages.count(state) : "completed", track: OnboardingPages.track(state),
            note: note, since: kit.time.stamp(state.startedAt))
    }

    // MARK: One

    private var one: Route {
        services.page("/onboarding", .onboardingRead) { request, kit in
            .html(console.html(try await onboarding(request, kit)))
        }
    }

    private var confirm: Route {
        posted("/onboarding/confirm", .onboardingManage) { form, kit in
            let step = try OnboardingRoutes.step(form["step"] ?? "")
            _ = try await services.onboardings.confirm(
                step, reason: form["reason"] ?? "", as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var skip: Route {
        posted("/onboarding/skip", .onboardingManage) { form, kit in
            let step = try OnboardingRoutes.step(form["step"] ?? "")
            _ = try await services.onboardings.skip(
                step, reason: form["reason"] ?? "", as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var suspend: Route {
        posted("/onboarding/suspend", .tenantsManage) { form, kit in
            _ = try await services.suspending.suspend(
                reason: form["reason"] ?? "", as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private var resume: Route {
        posted("/onboarding/resume", .tenantsManage) { form, kit in
            _ = try await services.suspending.resume(
                reason: form["reason"] ?? "", as: kit.context.actor, scope: kit.context.scope)
        }
    }

    private func posted(
        _ path: String, _ permission: Permission, _ act: @escaping @Sendable (FormFields, PageKit) async throws -> Void
    ) -> Route {
        services.answering(path, permission) { request, form, kit in
            do {
                try await act(form, kit)
                return .seeOther("\(kit.base)/onboarding?done=saved")
            } catch let refusal as Refusal where refusal.code != .notFound && kit.may(.onboardingRead) {
                return .html(
                    console.html(try await onboarding(request, kit, refusal: refusal.message)),
                    status: Problem.status(of: refusal))
            }
        }
    }

    private func onboarding(_ request: WebRequest, _ kit: PageKit, refusal: String = "") async throws -> OnboardingPage {
        let standing = try await services.onboardings.one(kit.context.scope)
        let life = try await services.suspending.standing(kit.context.scope)
        let names = try await kit.names()
        let state = standing.state
        var facts = [Fact(label: "Begun", value: kit.time.stamp(state.startedAt).text)]
        if let completed = state.completedAt {
            facts.append(Fact(label: "First governed case", value: kit.time.stamp(completed).text))
            facts.append(Fact(label: "Took", value: DurationText.text(completed.seconds(since: state.startedAt))))
        } else {
            facts.append(Fact(label: "So far", value: DurationText.text(kit.now.seconds(since: state.startedAt))))
        }
        let isDone = state.completedAt != nil
        return OnboardingPage(
            frame: try await kit.frame(
                "Onboarding", section: "Onboarding", crumbs: [Crumb(label: "Onboarding")], request: request),
            head: PageHead(
                title: "Onboarding",
                pill: StatusText(
                    status: isDone ? .done : .running, text: isDone ? "completed" : OnboardingPages.count(state)),
                meta: "From the beginning to the first governed case"),
            refusal: refusal, blocked: OnboardingPages.blocked(life, names, kit), facts: facts,
            track: OnboardingPages.track(state), steps: Onboarding.Step.allCases.map { step($0, state, names, kit) },
            sheets: kit.may(.tenantsManage) ? [lifeSheet(life, kit)] : [])
    }

    private func step(
        _ step: Onboarding.Step, _ state: Onboarding, _ names: [PersonID: String], _ kit: PageKit
    ) -> OnboardingPage.Step {
        guard let settlement = state.settled[step] else {
            let isNext = state.next == step
            return OnboardingPage.Step(
                title: step.title, status: isNext ? .needsPerson : .notStarted, state: isNext ? "next" : "open",
                note: step.missing, command: step.command(for: kit.context.scope.slug),
                href: step.page.isEmpty || step == .access ? "" : kit.base + step.page,
                sheets: kit.may(.onboardingManage) ? sheets(step, kit) : [])
        }
        let who = settlement.by.map { names[$0] ?? "an engineer" }
        let words = [who.map { "by \($0)" }, settlement.reason.isEmpty ? nil : settlement.reason].compactMap(\.self)
        return OnboardingPage.Step(
            title: step.title, status: settlement.how == .skipped ? .cancelled : .done,
            state: settlement.how == .skipped ? "skipped" : "done", time: kit.time.stamp(settlement.at),
            note: words.joined(separator: ": "))
    }

    private func sheets(_ step: Onboarding.Step, _ kit: PageKit) -> [StatusDeskPage.Sheet] {
        var sheets: [Sheet] = []
        for (offered, verb, label) in [
            (step.isConfirmed, "confirm", "Say that it is done"), (step.isSkippable, "skip", "Go on without it"),
        ] where offered {
            sheets.append(
                OnboardingPages.sheet(
                    label, kit.form("/onboarding/\(verb)"), verb, id: "o-\(verb)-\(step.rawValue)", step: step))
        }
        return sheets
    }

    private func lifeSheet(_ life: Suspending.Standing, _ kit: PageKit) -> StatusDeskPage.Sheet {
        life.phase == .active
            ? OnboardingPages.sheet(
                "Suspend this tenant", kit.form("/onboarding/suspend"), "suspend", id: "l-suspend",
                button: "Suspend: nobody of it is let in, and nothing is done for it")
            : OnboardingPages.sheet(
                "Resume this tenant", kit.form("/onboarding/resume"), "resume", id: "l-resume",
                button: "Resume: all goes on where it was")
    }

    // MARK: Words

    /// A form that asks why; of a step its choice of one.
    private static func sheet(
        _ label: String, _ form: FormTarget, _ verb: String, id: String, step: Onboarding.Step? = nil, button: String? = nil
    ) -> StatusDeskPage.Sheet {
        var controls: [Control] = []
        if let step {
            controls.append(
                Control(
                    .choice, id: "\(id)-step", name: "step", label: "Step", value: step.rawValue,
                    choices: [FieldChoice(value: step.rawValue, label: step.title)]))
        }
        controls.append(Control(.line, id: "\(id)-reason", name: "reason", label: "Why"))
        return Sheet(label: label, form: form, controls: controls, acts: [FieldChoice(value: verb, label: button ?? label)])
    }

    private static func count(_ state: Onboarding) -> String {
        "\(Onboarding.Step.allCases.count - state.open.count) of \(Onboarding.Step.allCases.count)"
    }

    private static func track(_ state: Onboarding) -> OnboardingTrack {
        let blocks = Onboarding.Step.allCases.map { step -> OnboardingTrack.Block in
            if let settlement = state.settled[step] { return settlement.how == .skipped ? .skipped : .done }
            return state.next == step ? .next : .open
        }
        let next = state.next.map { "; next: \($0.title.prefix(1).lowercased() + $0.title.dropFirst())" } ?? ""
        return OnboardingTrack(blocks: blocks, spoken: "\(count(state)) steps are settled\(next)")
    }

    private static func blocked(_ life: Suspending.Standing, _ names: [PersonID: String], _ kit: PageKit) -> String {
        guard life.phase == .suspended else { return "" }
        let since = life.since.map { " since \(kit.time.stamp($0).text)" } ?? ""
        let who = life.by.map { " by \(names[$0] ?? "an engineer")" } ?? ""
        return "Suspended\(since)\(who): \(life.reason ?? "no reason is kept")"
    }
}
