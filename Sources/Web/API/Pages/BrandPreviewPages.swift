internal import Branding
internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Pages that wear a version before it is published, for whoever has a link: real templates, invented content, nothing to press.
struct BrandPreviewPages: Sendable {
    static let kinds: [(path: String, label: String)] =
        [("sign-in", "Sign-in"), ("runs", "Runs")] + MailKind.allCases.map { ("mail-\($0.name)", "Mail \($0.name)") }

    /// A preview sends no form, runs no script and is framed by nobody.
    private static let policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; "
        + "frame-ancestors 'none'"
    /// Mails carry their look in themselves, since no mail program loads a stylesheet.
    private static let mailPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; base-uri 'none'; "
        + "frame-ancestors 'none'"
    /// Of a picture opened by itself.
    private static let picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

    let services: Services
    let console: PageRenderer

    var all: [Route] { [show, style, picture] }

    private var show: Route {
        Route(.get, "/brand-preview/{token}/{page}", access: .open) { request in
            let token = try request.parameter("token")
            let (row, brand, version) = try await services.brands.preview(token)
            let page = try request.parameter("page")
            let language = BrandLanguage(tag: request.query("language") ?? row.locale)
            guard BrandPreviewPages.kinds.contains(where: { $0.path == page }) else { throw Refusal.notFound }
            if page.hasPrefix("mail-"), let kind = MailKind(name: String(page.dropFirst(5))) {
                let mail = BrandPreviewPages.mail(kind, language, brand)
                if request.query("part") == "text" {
                    return only(
                        .text("Subject: \(mail.subject)\n\n\(mail.text)", type: "text/plain; charset=utf-8"), "default-src 'none'"
                    )
                }
                return only(.html(mail.html), BrandPreviewPages.mailPolicy)
            }
            let note = Notice(
                tone: .info, text: "Preview of version \(version.number). Nothing here is real, and nothing can be sent.")
            let mark = BrandBook(brand).mark(home: "", language: language, stylesheet: "/brand-preview/\(token)/style.css")
            if page == "sign-in" {
                let frame = Frame(title: "Sign in", brand: mark, language: language.rawValue, notice: note, isBare: true)
                return only(.html(console.html(SignInPage(frame: frame, form: FormTarget(action: "", key: "")))))
            }
            return only(.html(console.html(try BrandPreviewPages.runs(mark, note, row, at: services.clock.now))))
        }
    }

    private func only(_ response: WebResponse, _ policy: String = BrandPreviewPages.policy) -> WebResponse {
        response.header("Content-Security-Policy", policy).header("X-Robots-Tag", "noindex, nofollow")
            .header("Referrer-Policy", "no-referrer")
    }

    private var style: Route {
        Route(.get, "/brand-preview/{token}/style.css", access: .open) { request in
            let (_, brand, _) = try await services.brands.preview(try request.parameter("token"))
            return .text(brand.theme.css, type: "text/css; charset=utf-8")
        }
    }

    /// Pictures are named by their content, so they never change; opened by themselves they may do nothing.
    private var picture: Route {
        Route(.get, "/brand-files/{name}", access: .open) { request in
            let file = try await services.brands.file(try request.parameter("name"))
            let form: LogoFile.Form = file.name.hasSuffix(".svg") ? .svg : .png
            return WebResponse(
                status: 200,
                headers: WebHeaders([
                    (name: "Content-Type", value: form.contentType),
                    (name: "Cache-Control", value: "public, max-age=31536000, immutable"),
                    (name: "Content-Security-Policy", value: BrandPreviewPages.picturePolicy),
                    (name: "X-Content-Type-Options", value: "nosniff"),
                    (name: "Content-Disposition", value: form == .png ? "inline" : "attachment; filename=\"picture.svg\""),
                    (name: "Cross-Origin-Resource-Policy", value: "cross-origin"),
                ]), body: .bytes(file.bytes))
        }
    }

    // MARK: What is shown

    static func mail(_ kind: MailKind, _ language: BrandLanguage, _ brand: ResolvedBrand) -> RenderedMail {
        let values = [
            "act": "Approve and sign", "amount": "EUR 48,310.00", "party": "Hartmann Verpackung GmbH", "due": "17 Nov 17:02",
            "person": "Petra Lindqvist", "until": "18 Nov 09:00", "title": "Posting to the ERP is late", "state": "resolved",
            "at": "14:48", "period": "October 2026", "tenant": "Brightwater Foods",
            "link": "https://preview.example/nothing-opens-here",
        ]
        let logo = brand[.logoMail].isEmpty ? "" : "/brand-files/\(brand[.logoMail])"
        let look = MailLook(theme: brand.theme, brand: brand[.displayName], logo: logo, footer: brand.mailFooter(language))
        return brand.template(kind, language).rendered(values, look: look, button: kind.button(in: language), language: language)
    }

    private static func runs(_ mark: BrandMark, _ note: Notice, _ row: ScopeRow, at now: Moment) throws -> RunsPage {
        let time = TimeText(zone: try ZoneRules.load(row.timeZone), now: now)
        func run(
            _ status: Status, _ state: String, _ number: String, _ party: String, _ step: Int, _ amount: String, _ left: String
        ) -> RunsPage.Row {
            RunsPage.Row(
                id: number, href: "#main", status: status, state: state, number: "INV \(number)", party: party,
                steps: StepStrip(current: step, status: status, label: state), amount: amount,
                clock: ClockBar(countedPermille: step * 120),
                left: left, waitingOn: state, started: time.dayAndTime(now.adding(seconds: -7200)))
        }
        return RunsPage(
            frame: Frame(
                title: "Runs", brand: mark,
                navigation: [
                    NavGroup(
                        title: "",
                        items: [
                            NavItem(icon: .inbox, label: "Inbox", href: "#main", count: "12"),
                            NavItem(icon: .run, label: "Runs", href: "#main", count: "4", isCurrent: true),
                        ])
                ], crumbs: [Crumb(label: "Brightwater Foods", href: "#main"), Crumb(label: "Runs")], zoneName: time.zoneName,
                notice: note),
            head: PageHead(title: "Runs"), tabs: [Tab(label: "In motion", count: "4", href: "#main", isCurrent: true)],
            filterAction: "",
            summary: "4 runs, EUR 78,894.80",
            rows: [
                run(.failed, "Failed", "2026-10391", "Delmare Fish SA", 6, "EUR 7,204.80", "late 44 m"),
                run(.inDoubt, "In doubt", "2026-10386", "Hartmann Verpackung", 7, "EUR 18,960.00", "38 m"),
                run(.needsPerson, "Needs a signature", "2026-10418", "Hartmann Verpackung", 4, "EUR 48,310.00", "2 h 13 m"),
                run(.done, "Posted", "2026-10377", "Kappa Energy", 8, "EUR 4,420.00", "done"),
            ])
    }
}
