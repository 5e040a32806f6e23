import Branding
import Kernel

@testable import Console

/// Pages with invented people and figures: for tests, and for looking at.
enum Samples {
    static let now = moment("2026-11-17T13:48:50Z")

    static func moment(_ text: String) -> Moment { Moment(text) ?? Moment(seconds: 0) }

    /// Berlin's rules from the system's data; UTC where a machine has none.
    static let time: TimeText = {
        do {
            return TimeText(zone: try ZoneRules.load("Europe/Berlin"), now: now)
        } catch {
            preconditionFailure("the tests need tzdata: \(error)")
        }
    }()

    struct Brand {
        let file: String
        let name: String
        let letters: String
        let theme: BrandTheme
    }

    static let brands = [
        Brand(file: "meridian", name: "Meridian", letters: "M", theme: .standard),
        Brand(
            file: "halden", name: "Halden & Price", letters: "HP",
            theme: BrandTheme.derive(
                primary: HexColor(red: 0x6B, green: 0x23, blue: 0x46), accent: HexColor(red: 0xB8, green: 0x8A, blue: 0x2E),
                radius: 2,
                headingFont: .bookSerif)),
        Brand(
            file: "ostwerk", name: "Ostwerk", letters: "O",
            theme: BrandTheme.derive(
                primary: HexColor(red: 0x3B, green: 0x4F, blue: 0xC4), accent: HexColor(red: 0x0E, green: 0x8F, blue: 0x86),
                radius: 10)),
    ]

    static func form(_ action: String) -> FormTarget { FormTarget(action: action, key: "01JCW8-4T7Q") }

    static func stamp(_ text: String) -> Stamp { time.stamp(moment(text)) }

    /// The frame of a tenant's page.
    static func frame(
        _ title: String, _ brand: Brand, current: String, crumbs: [Crumb], topics: String = "runs", notice: Notice? = nil,
        receipt: Receipt? = nil, isSandbox: Bool = false
    ) -> Frame {
        func item(_ icon: Icon, _ label: String, _ count: String = "", _ key: String) -> NavItem {
            NavItem(icon: icon, label: label, href: "/\(label.lowercased())", count: count, key: key, isCurrent: label == current)
        }
        return Frame(
            title: title, brand: mark(brand),
            scope: Scope(
                letters: "BF", name: "Brightwater Foods", detail: isSandbox ? "Sandbox" : "Production", isSandbox: isSandbox,
                choices: [
                    ScopeChoice(
                        letters: "KA", name: "Kestrel Aviation Parts", detail: "Production", href: "/t/ka",
                        status: StatusText(status: .inDoubt, text: "2 payments in doubt"))
                ]),
            navigation: [
                NavGroup(
                    title: "",
                    items: [
                        item(.inbox, "Inbox", "12", "i"), item(.run, "Runs", "138", "r"), item(.incident, "Exceptions", "5", "e"),
                        item(.evidence, "Documents", "", "d"), item(.report, "Service", "1", "l"),
                    ]),
                NavGroup(title: "Control", items: [item(.plug, "Connections", "", "c"), item(.incident, "Incidents", "", "n")]),
                NavGroup(title: "Evidence", items: [item(.audit, "Audit", "", "a")]),
            ],
            person: PersonBadge(initials: "PL", name: "Petra Lindqvist", role: "Treasurer", signOut: form("/sign-out")),
            crumbs: [Crumb(label: "Brightwater Foods", href: "/")] + crumbs, zoneName: time.zoneName,
            live: LiveMark(events: "/events", topics: topics, madeAt: "14:48:50"), notice: notice, receipt: receipt, csrf: "t0ken"
        )
    }

    /// The frame of the operator's page.
    static func operatorFrame(_ title: String, _ brand: Brand, current: String, crumbs: [Crumb]) -> Frame {
        func item(_ icon: Icon, _ label: String, _ count: String, _ key: String) -> NavItem {
            NavItem(icon: icon, label: label, href: "/\(label.lowercased())", count: count, key: key, isCurrent: label == current)
        }
        return Frame(
            title: title, brand: mark(brand), scope: Scope(letters: "MM", name: "Meridian", detail: "Operator, all tenants"),
            navigation: [
                NavGroup(
                    title: "",
                    items: [
                        item(.fleet, "Fleet", "", "f"), item(.incident, "Incidents", "4", "i"), item(.plug, "Workers", "", "w"),
                    ]),
                NavGroup(title: "Evidence", items: [item(.audit, "Audit", "", "a")]),
            ],
            person: PersonBadge(initials: "AK", name: "Anneke Kuiper", role: "Operator, lead", signOut: form("/sign-out")),
            crumbs: crumbs, zoneName: time.zoneName, live: LiveMark(events: "/events", topics: "fleet", madeAt: "14:48:50"),
            csrf: "t0ken")
    }

    static func mark(_ brand: Brand) -> BrandMark {
        BrandMark(
            name: brand.name, letters: brand.letters, stylesheet: "/assets/brand/\(brand.file).css",
            legal: "Service operated by Meridian Managed Finance.")
    }

    /// Every page with the name of its file.
    static func pages(_ brand: Brand) -> [(name: String, page: any ConsolePage)] {
        [
            ("sign-in", signIn(brand)),
            ("sign-in-refused", signIn(brand, refusal: "E-mail and password do not belong together.")),
            ("sign-in-organisation", organisationSignIn(brand)), ("organisation", organisation(brand)),
            ("organisation-refused", organisation(brand, refusal: "No organisation signs in here with this kind of address.")),
            (
                "signed-out-provider",
                SignedOutPage(
                    frame: bare("Signed out", brand), signIn: "/sign-in", provider: "https://login.example/leave",
                    providerName: "Brightwater Login")
            ),
            ("signed-out", SignedOutPage(frame: bare("Signed out", brand), signIn: "/sign-in")), ("fleet", fleet(brand)),
            ("fleet-empty", emptyFleet(brand)), ("runs", runs(brand)), ("runs-empty", emptyRuns(brand)), ("run", run(brand)),
            ("inbox", inbox(brand)), ("inbox-empty", emptyInbox(brand)), ("decision", decision(brand)),
            ("decision-blocked", blockedDecision(brand)), ("exceptions", exceptions(brand)), ("exception", exception(brand)),
            ("service", service(brand)), ("budgets", budgets(brand)), ("budgets-empty", noBudgets(brand)),
            ("contracts", contracts(brand)), ("contracts-empty", noContracts(brand)), ("contract", contract(brand)),
            ("maintenance", maintenance(brand)), ("maintenance-empty", noMaintenance(brand)),
            ("incidents", incidents(brand)), ("incident", incident(brand)),
            ("documents", documents(brand)), ("payments", payments(brand)),
            ("workers", workers(brand)), ("connections", connections(brand)), ("audit", audit(brand)),
            ("on-call", onCall(brand)), ("runbooks", runbooks(brand)), ("runbook", runbook(brand, isTakenBack: false)),
            ("runbook-back", runbook(brand, isTakenBack: true)), ("runbook-over", runbookOver(brand)),
            ("reports", reports(brand)), ("reports-empty", noReports(brand)), ("report", report(brand)),
            ("credits", credits(brand)), ("credits-empty", noCredits(brand)),
            ("delegations", delegations(brand)), ("delegations-empty", noDelegations(brand)),
            ("postmortems", postmortems(brand)), ("postmortems-empty", noPostmortems(brand)),
            ("postmortem", postmortem(brand, isLocked: false)), ("postmortem-review", postmortem(brand, isLocked: true)),
            ("rollouts", rollouts(brand)), ("rollouts-empty", noRollouts(brand)),
            ("schedules", schedules(brand)), ("schedules-empty", noSchedules(brand)),
            ("policies", policies(brand)), ("policies-guardrails", guardrails(brand)), ("operations", operations(brand)),
            ("operations-empty", emptyOperations(brand)),
            ("events", events(brand)), ("events-empty", emptyEvents(brand)),
            ("operation", operation(brand, isSettled: false)), ("operation-done", operation(brand, isSettled: true)),
            ("brand", brandStudio(brand)), ("brand-stopped", brandStopped(brand)), ("brand-read", brandRead(brand)),
            ("dead-letters", deadLetters(brand)), ("account", account(brand)), ("account-bare", account(brand, isBare: true)),
            ("people", people(brand, asked: false)), ("people-asked", people(brand, asked: true)),
            ("code", proof(brand, .code)), ("code-wrong", proof(brand, .code, refusal: "This code is not right.")),
            ("proof", proof(brand, .freshPassword)),
            ("proof-elsewhere", proof(brand, .freshElsewhere)), ("welcome", proof(brand, .newPassword)),
            ("evidence-packs", evidencePacks(brand)), ("audit-entry", auditEntry(brand)),
            ("webhooks", webhooks(brand)), ("webhooks-empty", noWebhooks(brand)), ("webhook", webhook(brand)),
            ("onboardings", onboardings(brand)), ("onboardings-empty", noOnboardings(brand)),
            ("onboarding", onboarding(brand)), ("onboarding-suspended", onboardingSuspended(brand)),
            ("status", status(brand)), ("status-question", statusQuestion(brand)), ("status-asked", statusAsked(brand)),
            ("status-desk", statusDesk(brand)), ("status-desk-empty", noStatusDesk(brand)),
            ("status-subscribers", statusSubscribers(brand)), ("status-subscribers-empty", noStatusSubscribers(brand)),
            ("not-found", notFound(brand)),
            ("forbidden", forbidden(brand)), ("broken", broken(brand)), ("bare-not-found", bareNotFound(brand)),
        ]
    }

    static func bare(_ title: String, _ brand: Brand) -> Frame {
        Frame(title: title, brand: mark(brand), csrf: "t0ken", isBare: true)
    }

    static func signIn(_ brand: Brand, refusal: String = "") -> SignInPage {
        SignInPage(
            frame: bare("Sign in", brand), form: form("/sign-in"), email: refusal.isEmpty ? "" : "petra@brightwater.example",
            refusal: refusal, organisation: "/sign-in/organisation")
    }

    static func organisationSignIn(_ brand: Brand) -> SignInPage {
        SignInPage(
            frame: bare("Sign in", brand), form: form("/sign-in"), organisation: "/t/brightwater-foods/sign-in/with",
            organisationName: "Brightwater Login", asksPassword: false)
    }

    static func organisation(_ brand: Brand, refusal: String = "") -> OrganisationPage {
        OrganisationPage(
            frame: bare("Sign in", brand), form: form("/sign-in/organisation"),
            email: refusal.isEmpty ? "" : "petra@elsewhere.example", refusal: refusal)
    }

    static func notFound(_ brand: Brand) -> ErrorPage {
        .notFound(in: frame("Not found", brand, current: "", crumbs: [Crumb(label: "Not found")]))
    }

    static func forbidden(_ brand: Brand) -> ErrorPage {
        .forbidden(
            in: frame("Not yours to open", brand, current: "", crumbs: [Crumb(label: "Incidents")]),
            rule: "Incidents are for the on-call team. Anneke Kuiper may give you the role.", wayOut: "Back to the inbox",
            href: "/inbox")
    }

    static func broken(_ brand: Brand) -> ErrorPage {
        .broken(in: frame("Could not be made", brand, current: "", crumbs: [Crumb(label: "Runs")]), reference: "7Q2-KD4")
    }

    static func bareNotFound(_ brand: Brand) -> ErrorPage { .notFound(stylesheet: "/assets/brand/\(brand.file).css") }
}
