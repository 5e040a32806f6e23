package import Kernel

/// The bounds of subscriptions to a status page; each has its reason beside it.
package enum StatusSubscriptionBounds {
    /// Of one page, those who were asked and have not answered among them.
    package static let subscribersMax = 10_000
    /// Letters that ask an address within a day: a stranger's typing fills nobody's box.
    package static let asksPerDayMax: Int32 = 3
    /// Addresses of a page that are asked within an hour, whoever types them.
    package static let asksPerHourMax = 300
    /// Requests of one caller within an hour; it is counted in memory.
    package static let asksOfCallerMax = 20
    /// How long the link of a letter that asks is good.
    package static let confirmSeconds: Int64 = 48 * 3600
    /// How long a stopped subscription keeps its address, and a page that is off its subscribers.
    package static let forgetDays = 30
    /// Deliveries in a row that the other side would not have; then it is told nothing more.
    package static let failuresMax: Int32 = 5
    /// Tries of one delivery, over some three hours.
    package static let attemptsMax: Int32 = 10
    /// How long before planned work it is told of again.
    package static let reminderSeconds: Int64 = 24 * 3600
    /// How long a webhook's secret signs on beside the one that replaced it.
    package static let overlapSeconds: Int64 = 24 * 3600

    /// A quarter of a minute, then doubling up to an hour.
    package static func pause(after attempts: Int32) -> Int64 { min(3600, 15 << Int64(min(max(attempts, 1) - 1, 8))) }
}

/// What a subscriber of a status page is sent: the words of a mail in the page's language, and the same as an event.
package struct StatusLetter: Sendable, Equatable {
    package enum Kind: String, Sendable { case confirm, update, reminder, test }

    /// What a page has told.
    package struct Notice: Sendable, Equatable {
        package let id: String
        package let number: Int
        package let kind: StatusKind
        package let title: String
        package let impact: StatusImpact
        package let phase: StatusPhase
        package let components: [String]
        package let text: String
        package let at: Moment
        package let isEdited: Bool
        package let startsAt: Moment?
        package let endsAt: Moment?
        /// Both in the zone of the page's owner.
        package let times: String

        package init(
            id: String, number: Int, kind: StatusKind, title: String, impact: StatusImpact, phase: StatusPhase,
            components: [String], text: String, at: Moment, isEdited: Bool, startsAt: Moment?, endsAt: Moment?, times: String
        ) {
            self.id = id
            self.number = number
            self.kind = kind
            self.title = title
            self.impact = impact
            self.phase = phase
            self.components = components
            self.text = text
            self.at = at
            self.isEdited = isEdited
            self.startsAt = startsAt
            self.endsAt = endsAt
            self.times = times
        }
    }

    package let kind: Kind
    /// The page's title.
    package let page: String
    package let language: StatusLanguage
    package let notice: Notice?
    /// Where the button leads: to the page, or to the question.
    package let link: String
    /// Where one says that it is enough.
    package let stop: String

    package init(kind: Kind, page: String, language: StatusLanguage, notice: Notice?, link: String, stop: String) {
        self.kind = kind
        self.page = page
        self.language = language
        self.notice = notice
        self.link = link
        self.stop = stop
    }

    private func pick(_ en: String, _ de: String, _ fr: String) -> String {
        switch language {
        case .en: en
        case .de: de
        case .fr: fr
        }
    }

    package var subject: String {
        switch kind {
        case .confirm:
            return pick(
                "Please confirm: updates of \(page)", "Bitte bestätigen: Meldungen von \(page)",
                "À confirmer : les avis de \(page)")
        case .test: return pick("Test message of \(page)", "Testnachricht von \(page)", "Message d’essai de \(page)")
        case .reminder:
            let title = notice?.title ?? ""
            return pick("Soon: \(title) (\(page))", "Demnächst: \(title) (\(page))", "Bientôt : \(title) (\(page))")
        case .update:
            guard let notice else { return page }
            return "\(StatusWords(language).word(notice.phase)): \(notice.title) (\(page))"
        }
    }

    /// The text, a paragraph each.
    package var paragraphs: [String] {
        let words = StatusWords(language)
        switch kind {
        case .confirm:
            return [
                pick(
                    "Somebody, probably you, wants this address to be told what \(page) says.",
                    "Jemand, vermutlich Sie, möchte, dass diese Adresse erfährt, was \(page) meldet.",
                    "Quelqu’un, sans doute vous, souhaite que cette adresse reçoive les avis de \(page)."),
                pick(
                    "Nothing is sent before you confirm. If it was not you, do nothing: the link ends by itself within two days.",
                    "Vor Ihrer Bestätigung wird nichts gesendet. Waren Sie es nicht, tun Sie nichts: Der Link endet von selbst "
                        + "nach zwei Tagen.",
                    "Rien n’est envoyé avant votre confirmation. Si ce n’était pas vous, ne faites rien : le lien expire en "
                        + "deux jours."),
            ]
        case .test:
            return [
                pick(
                    "This is a test. Nothing is wrong.", "Dies ist ein Test. Es ist nichts vorgefallen.",
                    "Ceci est un essai. Tout va bien.")
            ]
        case .update, .reminder:
            guard let notice else { return [] }
            var head = [notice.kind == .maintenance ? notice.times : words.word(notice.impact)]
            if !notice.components.isEmpty { head.append("\(words.affects): \(notice.components.joined(separator: ", "))") }
            return ["\(words.word(notice.phase)): \(notice.title)", head.joined(separator: ". "), notice.text]
        }
    }

    package var button: String {
        kind == .confirm
            ? pick("Confirm", "Bestätigen", "Confirmer")
            : pick("Open the status page", "Statusseite öffnen", "Ouvrir la page d’état")
    }

    /// What the foot says about no further mail; empty before there is any.
    package var goodbye: String {
        kind == .confirm
            ? ""
            : pick("No further messages: \(stop)", "Keine weiteren Meldungen: \(stop)", "Plus aucun avis : \(stop)")
    }

    /// The same for machines. The link opens the page or confirms, so the body is as secret as a mail.
    package func event(at now: Moment) -> JSONValue {
        var data: JSONObject = ["page": .string(page), "language": .string(language.rawValue)]
        switch kind {
        case .confirm:
            // Whoever takes the event shows that it did by posting there.
            data["confirm"] = .string(link)
        case .test: data["url"] = .string(link)
        case .update, .reminder:
            data["url"] = .string(link)
            if let notice {
                data["notice"] = .object([
                    "id": .string(notice.id), "update": JSONValue(notice.number), "kind": .string(notice.kind.rawValue),
                    "title": .string(notice.title), "impact": .string(notice.impact.rawValue),
                    "phase": .string(notice.phase.rawValue), "components": .array(notice.components.map(JSONValue.string)),
                    "text": .string(notice.text), "publishedAt": JSONValue(notice.at), "edited": .bool(notice.isEdited),
                    "startsAt": JSONValue(notice.startsAt), "endsAt": JSONValue(notice.endsAt),
                ])
            }
        }
        return .object([
            "type": .string("status.\(kind.rawValue)"), "timestamp": JSONValue(now), "data": .object(data),
        ])
    }
}
