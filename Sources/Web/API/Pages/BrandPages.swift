internal import Branding
internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The brand studio of the operator, a partner or a tenant.
struct BrandPages: Sendable {
    /// The form with all its pictures.
    static let formBytesMax = 4_194_304

    let services: Services
    let console: PageRenderer

    var all: [Route] { [studio, draftStyle, save, share, discard, restore] }

    private func enter(_ request: WebRequest, _ permission: Permission) async throws -> PageKit {
        try await PageKit.scope(services, request, permission)
    }

    private var studio: Route {
        Route(.get, "/studio/{tenant}", access: .permission(Permission.brandRead.rawValue)) { request in
            let kit = try await enter(request, .brandRead)
            return .html(console.html(try await page(request, kit)))
        }
    }

    /// The draft in both themes at once.
    private var draftStyle: Route {
        Route(.get, "/studio/{tenant}/draft.css", access: .permission(Permission.brandRead.rawValue)) { request in
            let kit = try await enter(request, .brandRead)
            let desk = try await services.brands.desk(kit.context.scope, node: kit.context.node)
            return .text(desk.resolved.theme.sideBySide, type: "text/css; charset=utf-8")
        }
    }

    private func posted(
        _ path: String, bytesMax: Int = 65_536,
        _ act: @escaping @Sendable (WebRequest, UploadedForm, PageKit) async throws -> WebResponse
    ) -> Route {
        Route(
            .post, path.isEmpty ? "/studio/{tenant}" : "/studio/{tenant}/\(path)",
            access: .permission(Permission.brandManage.rawValue), bodyBytesMax: bytesMax
        ) { request in
            let kit = try await enter(request, .brandManage)
            let form = try UploadedForm(any: request)
            try services.access.checkForm(token: form.fields["csrf"], kit.context.visitor)
            return try await act(request, form, kit)
        }
    }

    private static func revision(_ form: UploadedForm) throws(Refusal) -> Int32 {
        guard let revision = form.fields["revision"].flatMap({ Int32($0) }) else {
            throw Refusal(.invalid, reason: "form.required", "The draft's revision is missing.", facts: ["field": "revision"])
        }
        return revision
    }

    private var save: Route {
        posted("", bytesMax: BrandPages.formBytesMax) { [services] request, form, kit in
            let (row, node, actor) = (kit.context.scope, kit.context.node, kit.context.actor)
            let desk = try await services.brands.desk(row, node: node)
            do {
                var pictures: [LogoSlot: String] = [:]
                for file in form.files {
                    guard let slot = BrandDocument.Field(rawValue: file.name)?.logoSlot else { continue }
                    pictures[slot] = try await services.brands.store(file.bytes, for: slot, as: actor, in: row)
                }
                let content = try BrandForm(desk: desk).taken(form, pictures: pictures)
                let saved = try await services.brands.save(
                    content, revision: try BrandPages.revision(form), as: actor, in: row, node: node)
                guard form.fields["act"] == "publish", form.fields["repair"] == nil else {
                    return .seeOther("/studio/\(row.slug)?done=brand-saved")
                }
                let outcome = try await services.brands.publish(
                    number: saved.number, revision: saved.revision, as: actor, in: row, node: node)
                return .seeOther("/studio/\(row.slug)?done=\(BrandPages.done(outcome))")
            } catch let refusal as Refusal {
                let page = try await page(request, kit, notice: Notice(tone: .bad, text: refusal.message))
                return .html(console.html(page), status: Problem.status(of: refusal))
            }
        }
    }

    private static func done(_ outcome: BrandStudio.Outcome) -> String {
        switch outcome {
        case .published: "brand-published"
        case .asked: "brand-asked"
        }
    }

    private var share: Route {
        posted("share") { [services] request, _, kit in
            let desk = try await services.brands.desk(kit.context.scope, node: kit.context.node)
            guard let shown = desk.draft ?? desk.live else {
                throw Refusal(.conflict, reason: "brand.draft", "There is no version to look at yet. Save a draft first.")
            }
            let (token, until) = try await services.brands.previewToken(
                shown.number, as: kit.context.actor, in: kit.context.scope)
            let page = try await page(request, kit, token: token, until: until)
            return .html(console.html(page))
        }
    }

    private var discard: Route {
        posted("discard") { [services] _, form, kit in
            try await services.brands.discard(
                revision: try BrandPages.revision(form), as: kit.context.actor, in: kit.context.scope)
            return .seeOther("/studio/\(kit.context.scope.slug)?done=brand-discarded")
        }
    }

    private var restore: Route {
        posted("versions/{number}/restore") { [services] request, _, kit in
            guard let number = Int32(try request.parameter("number")) else { throw Refusal.notFound }
            let outcome = try await services.brands.rollBack(
                to: number, as: kit.context.actor, in: kit.context.scope, node: kit.context.node)
            return .seeOther("/studio/\(kit.context.scope.slug)?done=\(BrandPages.done(outcome))")
        }
    }

    // MARK: The page

    private func page(
        _ request: WebRequest, _ kit: PageKit, notice: Notice? = nil, token: String = "", until: Moment? = nil
    ) async throws -> BrandPage {
        let desk = try await services.brands.desk(kit.context.scope, node: kit.context.node)
        let mayManage = kit.may(.brandManage)
        let form = BrandForm(desk: desk, isReadOnly: !mayManage)
        let report = desk.resolved.contrast
        let book = BrandBook(desk.resolved)
        let mark = book.mark(home: "/")
        let revision = desk.draft?.revision ?? 0
        let names = try await kit.names()
        let note = until.map {
            Notice(
                tone: .info, text: "The links beside the preview work for whoever has them until \(kit.time.clock($0)).",
                detail: "They show this version and give no other right.")
        }
        return BrandPage(
            frame: try await kit.frame(
                "Brand studio", section: "Brand", crumbs: [Crumb(label: "Brand studio")], notice: notice ?? note, request: request
            ),
            head: PageHead(
                title: "Brand studio", pill: BrandPages.pill(desk), meta: BrandPages.standing(desk, kit),
                lead: "Two colours and a logo are enough. The rest is derived."),
            main: form.controls, groups: form.groups,
            acts: mayManage ? acts(desk, kit, revision: revision) : nil,
            specimen: BrandSpecimen(
                stylesheet: "/studio/\(desk.row.slug)/draft.css?r=\(desk.draft?.number ?? 0)-\(revision)",
                name: mark.name, letters: mark.letters, logo: mark.logo, logoDark: mark.logoDark, isPlated: mark.isPlated,
                footer: mark.legal),
            pairs: report.rows.map(BrandPages.pair),
            gate: report.passes
                ? "All \(report.rows.count) pairs hold." : "\(report.failures.count) of \(report.rows.count) stop publication.",
            repairs: report.repairs.compactMap(BrandPages.repair),
            issues: desk.issues.filter { $0.severity == .error }.map {
                BrandPage.Issue(place: $0.pointer, message: $0.message, remedy: $0.remedy)
            },
            changes: desk.draft == nil
                ? []
                : BrandCheck.changes(from: desk.own, to: desk.edited).map {
                    BrandPage.Change(
                        title: $0.title, from: BrandPages.side($0.from), to: BrandPages.side($0.to))
                }, audience: BrandPages.audience(desk),
            versions: desk.versions.map { version(($0), desk, kit, names, mayManage) },
            previews: token.isEmpty
                ? []
                : BrandPreviewPages.kinds.map { .init(label: $0.label, href: "/brand-preview/\(token)/\($0.path)") })
    }

    private func acts(_ desk: BrandStudio.Desk, _ kit: PageKit, revision: Int32) -> BrandPage.Acts {
        let base = "/studio/\(desk.row.slug)"
        let next = desk.draft?.number ?? (desk.versions.first?.number ?? 0) + 1
        let problem = desk.issues.first { $0.severity == .error }
        var blocked = problem.map { "\($0.pointer): \($0.message) Save the draft once it is put right." } ?? ""
        if desk.draft != nil, desk.draft?.askedByNatural == kit.context.actor.natural {
            blocked = "You asked for this publication. Somebody else confirms it."
        }
        func target(_ path: String) -> FormTarget { FormTarget(action: base + path, key: services.newKey()) }
        return BrandPage.Acts(
            form: target(""), revision: "\(revision)",
            publish: desk.draft?.askedBy == nil ? "Publish version \(next)" : "Confirm version \(next)", blocked: blocked,
            share: desk.draft == nil && desk.live == nil ? nil : target("/share"),
            discard: desk.draft == nil ? nil : target("/discard"))
    }

    private static func pill(_ desk: BrandStudio.Desk) -> StatusText? {
        guard let draft = desk.draft else { return nil }
        if draft.askedBy != nil {
            return StatusText(status: .needsPerson, text: "Version \(draft.number) waits for a second person")
        }
        let isGood = draft.state == "validated"
        return StatusText(status: isGood ? .running : .watch, text: "Draft \(draft.number)\(isGood ? ", validated" : "")")
    }

    private static func standing(_ desk: BrandStudio.Desk, _ kit: PageKit) -> String {
        guard let live = desk.live, let at = live.publishedAt else {
            return desk.own == nil ? "nothing of its own is published" : "published from the folder"
        }
        return "version \(live.number) is live since \(kit.time.dayAndTime(at).text)"
    }

    private static func pair(_ row: ContrastReport.Row) -> BrandPage.Pair {
        BrandPage.Pair(
            name: row.name, needs: ContrastReport.text(row.needs), light: ContrastReport.text(row.light),
            dark: ContrastReport.text(row.dark), status: row.passes ? .done : .failed)
    }

    private static func repair(_ repair: ContrastReport.Repair) -> BrandPage.Repair? {
        guard let field = BrandDocument.Field(repair.role, isDark: repair.isDark) else { return nil }
        let to = repair.color?.description ?? ""
        return BrandPage.Repair(
            label: "\(field.title): \(ContrastReport.text(repair.ratio)), needs \(ContrastReport.text(repair.needs)).",
            why: to.isEmpty ? "No shade of it would do here." : "Nearest that passes: \(to).", from: repair.from.description,
            to: to,
            value: "\(field.rawValue)=\(to)")
    }

    private static func side(_ text: String?) -> String {
        guard let text else { return "none" }
        return text.count > 80 ? "\(text.prefix(80))…" : text
    }

    private static func audience(_ desk: BrandStudio.Desk) -> String {
        let who = CountText.text(desk.tenants, "tenant")
        guard desk.draft != nil else { return "\(who)." }
        return "\(who). \(desk.secondPersonReason ?? "Texts and sender are unchanged, so one person may publish.")"
    }

    private func version(
        _ row: BrandVersionRow, _ desk: BrandStudio.Desk, _ kit: PageKit, _ names: [PersonID: String], _ mayManage: Bool
    ) -> BrandPage.Version {
        let status: Status =
            switch row.state {
            case "published": .done
            case "superseded": .notStarted
            case "discarded": .cancelled
            default: .running
            }
        let mayRestore = mayManage && row.state == "superseded" && desk.draft == nil
        let who = (row.publishedBy ?? row.madeBy).map { names[$0] ?? "somebody else" } ?? "folder"
        return BrandPage.Version(
            number: "\(row.number)", status: status, state: row.restores.map { "\(row.state), as \($0)" } ?? row.state,
            when: kit.time.dayAndTime(row.publishedAt ?? row.changedAt), who: who,
            restore: mayRestore
                ? FormTarget(action: "/studio/\(desk.row.slug)/versions/\(row.number)/restore", key: services.newKey()) : nil)
    }
}
