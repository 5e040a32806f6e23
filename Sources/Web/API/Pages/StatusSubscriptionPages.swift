internal import Branding
internal import Console
package import Flow
package import Incidents
internal import Kernel
package import Records
internal import Tenancy
internal import WebKernel

/// Subscribing to a status page, confirming and ending it; by forms that need no script.
///
/// What is answered to somebody who types an address is the same whether the page knows the address or not. A link only asks;
/// what it asks happens by a post, so that no program that looks at links in mails confirms or ends anything.
struct StatusSubscriptionPages: Sendable {
    let services: Services
    let console: PageRenderer
    let reading: StatusReadingPages

    var all: [Route] { [ask, question, answer] }

    private var ask: Route {
        Route(.post, "/status/{address}/subscribers", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let (address, snapshot) = try await reading.open(request)
            let words = StatusWords(snapshot.language)
            let back = Action(label: words.back, href: "/status/\(address)")
            let frame = try await frame(snapshot.page, snapshot.scope)
            do {
                let form = try request.form()
                let channel = form["channel"] ?? ""
                let (typed, reader) = try await who(request, form, snapshot.page)
                let components = form.pairs.filter { sameBytes($0.name, "component") }.compactMap { StatusComponentID($0.value) }
                let secret = try await services.status.subscribers.ask(
                    try StatusSubscribers.Target(channel: channel, typed: typed), components: components,
                    of: snapshot.page.tenant, by: reader)
                return answer(
                    StatusSubscriptionPage(
                        frame: frame, title: words.askedTitle, lead: secret.isEmpty ? words.askedMail : words.askedHook,
                        secret: secret, back: back))
            } catch let refusal as Refusal where refusal.code != .notFound {
                let lead: String =
                    switch refusal.reason {
                    case "status.address": words.badAddress
                    case "status.asked": words.askLater
                    case "status.subscribers": words.isFull
                    default: refusal.message
                    }
                return answer(
                    StatusSubscriptionPage(frame: frame, title: words.notTaken, lead: lead, back: back),
                    status: Problem.status(of: refusal))
            }
        }
    }

    /// A page for people who are signed in tells each of them at their own address and at no other.
    private func who(
        _ request: WebRequest, _ form: FormFields, _ page: StatusPageRow
    ) async throws -> (typed: String, reader: StatusSubscribers.Reader) {
        guard page.audience == StatusDesk.Audience.signedIn.rawValue else {
            return (form["address"] ?? "", StatusSubscribers.Reader(caller: request.client))
        }
        let visitor = try await services.access.visitor(request)
        guard form["channel"] == "mail" else {
            throw Refusal(.forbidden, reason: "status.channel", "On this page only the owner adds webhooks.")
        }
        let person = visitor.identity.person
        return (
            person.email, StatusSubscribers.Reader(caller: request.client, person: person.id, home: visitor.tenant)
        )
    }

    private var question: Route {
        Route(.get, "/status-mail/{token}", access: .open) { request in
            let token = try request.parameter("token")
            guard let question = try await services.status.subscribers.question(behind: token) else { throw Refusal.notFound }
            return answer(try await page(question, token: token, isDone: question.kind == .stopped))
        }
    }

    /// The body is not looked at: mail programs post `List-Unsubscribe=One-Click`, webhooks what they like.
    private var answer: Route {
        Route(.post, "/status-mail/{token}", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let token = try request.parameter("token")
            guard let question = try await services.status.subscribers.answer(token) else { throw Refusal.notFound }
            return answer(try await page(question, token: token, isDone: true))
        }
    }

    private func page(
        _ question: StatusSubscribers.Question, token: String, isDone: Bool
    ) async throws -> StatusSubscriptionPage {
        let words = StatusWords(StatusLanguage(rawValue: question.page.language) ?? .en)
        let frame = try await frame(question.page, try await services.scopes.scope(question.tenant))
        let isConfirm = question.kind == .confirm
        let title =
            isDone
            ? (isConfirm ? words.confirmed : words.stopped) : (isConfirm ? words.confirmTitle : words.stopTitle)
        return StatusSubscriptionPage(
            frame: frame, title: title,
            lead: isConfirm ? words.confirmLead(question.address) : words.stopLead(question.address),
            action: isDone ? "" : "/status-mail/\(token)", button: isConfirm ? words.confirmYes : words.stopYes)
    }

    private func frame(_ page: StatusPageRow, _ scope: ScopeRow) async throws -> Frame {
        let mark = try await BrandBook.brand(of: scope, services: services)
            .mark(home: "", language: BrandLanguage(tag: page.language))
        return Frame(title: page.title, brand: mark, language: page.language, isBare: true)
    }

    private func answer(_ page: StatusSubscriptionPage, status: Int = 200) -> WebResponse {
        WebResponse.html(console.html(page), status: status).header("Cache-Control", "no-store")
            .header("X-Robots-Tag", "noindex, nofollow").header("Referrer-Policy", "no-referrer")
    }
}

/// Letters to subscribers in the brand of the page's owner.
package enum StatusLetters {
    package static func mail(
        _ letter: StatusLetter, scope: ScopeRow, site: String?, services: Services
    ) async throws -> StatusTelling.Mail {
        let brand = try await BrandBook.brand(of: scope, services: services).resolved
        let language = BrandLanguage(tag: letter.language.rawValue)
        let logo = brand[.logoMail].isEmpty ? "" : "\(site ?? "")/brand-files/\(brand[.logoMail])"
        let look = MailLook(theme: brand.theme, brand: brand[.displayName], logo: logo, footer: brand.mailFooter(language))
        let mail = MailLetter(
            subject: letter.subject, paragraphs: letter.paragraphs, button: letter.button, link: letter.link,
            goodbye: letter.goodbye
        ).rendered(look: look, language: language)
        let name = brand[.mailFromName].isEmpty ? brand[.displayName] : brand[.mailFromName]
        return StatusTelling.Mail(
            subject: mail.subject, text: mail.text, html: mail.html, sender: (name, brand[.mailFrom], brand[.mailReplyTo]))
    }
}
