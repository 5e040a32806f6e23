/// The form by which readers of a status page ask to be told; it works without a script.
package struct StatusSubscribe: Sendable {
    package struct Choice: Sendable {
        package let id: String
        package let name: String

        package init(id: String, name: String) {
            self.id = id
            self.name = name
        }
    }

    package struct Channel: Sendable, Showing {
        /// `mail` or `webhook`.
        package let name: String
        package let title: String
        package let label: String
        package let help: String
        package let legend: String
        package let choices: [Choice]
        package let button: String
        /// The address is the reader's own and is not asked for.
        package let isOwn: Bool

        package init(
            name: String, title: String, label: String, help: String, legend: String, choices: [Choice], button: String,
            isOwn: Bool = false
        ) {
            self.name = name
            self.title = title
            self.label = label
            self.help = help
            self.legend = legend
            self.choices = choices
            self.button = button
            self.isOwn = isOwn
        }

        private struct Box {
            let id: String
            let name: String
            let channel: String
        }

        var shown: [(name: String, value: Any)] {
            [
                ("kind", name == "mail" ? "email" : "url"),
                ("boxes", choices.map { Box(id: $0.id, name: $0.name, channel: name) }),
            ]
        }
    }

    package let title: String
    package let lead: String
    package let action: String
    package let channels: [Channel]

    package init(title: String, lead: String, action: String, channels: [Channel]) {
        self.title = title
        self.lead = lead
        self.action = action
        self.channels = channels
    }
}

/// One word to somebody who subscribes, or a question with one button; in the page's language.
package struct StatusSubscriptionPage: ConsolePage {
    package static let template = "status-subscription"

    package let frame: Frame
    package let title: String
    package let lead: String
    /// Shown once; empty for none.
    package let secret: String
    /// Where the button leads; empty without a question.
    package let action: String
    package let button: String
    package let back: Action?

    package init(
        frame: Frame, title: String, lead: String, secret: String = "", action: String = "", button: String = "",
        back: Action? = nil
    ) {
        self.frame = frame
        self.title = title
        self.lead = lead
        self.secret = secret
        self.action = action
        self.button = button
        self.back = back
    }
}
