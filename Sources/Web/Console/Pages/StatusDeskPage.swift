/// A status page as its owner sees it: how it is set up, its components, and what its readers are told.
package struct StatusDeskPage: ConsolePage {
    package static let template = "statusdesk"

    package struct Control: Sendable, Showing {
        package enum Form: Sendable { case line, paragraph, choice, check }

        package let form: Form
        package let id: String
        package let name: String
        package let label: String
        package let value: String
        package let choices: [FieldChoice]
        package let help: String

        package init(
            _ form: Form, id: String, name: String, label: String, value: String = "", choices: [FieldChoice] = [],
            help: String = ""
        ) {
            self.form = form
            self.id = id
            self.name = name
            self.label = label
            self.value = value
            self.choices = choices
            self.help = help
        }

        private struct Choice {
            let value: String
            let label: String
            let isChosen: Bool
        }

        var shown: [(name: String, value: Any)] {
            [
                ("isLine", form == .line), ("isParagraph", form == .paragraph), ("isChoice", form == .choice),
                ("isCheck", form == .check), ("isOn", form == .check && value == "true"),
                (
                    "choices",
                    choices.map { Choice(value: $0.value, label: $0.label, isChosen: $0.value == value) }
                ),
            ]
        }
    }

    /// A form behind a heading that opens it.
    package struct Sheet: Sendable {
        package let label: String
        package let form: FormTarget
        package let controls: [Control]
        /// The acts of its buttons.
        package let acts: [FieldChoice]

        package init(label: String, form: FormTarget, controls: [Control], acts: [FieldChoice]) {
            self.label = label
            self.form = form
            self.controls = controls
            self.acts = acts
        }
    }

    package struct Component: Sendable {
        package let name: String
        package let source: String
        package let status: StatusText
        package let note: String
        package let sheets: [Sheet]

        package init(name: String, source: String, status: StatusText, note: String, sheets: [Sheet]) {
            self.name = name
            self.source = source
            self.status = status
            self.note = note
            self.sheets = sheets
        }
    }

    package struct Wording: Sendable {
        package let time: Stamp
        package let text: String

        package init(time: Stamp, text: String) {
            self.time = time
            self.text = text
        }
    }

    package struct Update: Sendable {
        package let title: String
        package let text: String
        package let time: Stamp
        /// What was said before, oldest first.
        package let before: [Wording]
        package let sheets: [Sheet]

        package init(title: String, text: String, time: Stamp, before: [Wording], sheets: [Sheet]) {
            self.title = title
            self.text = text
            self.time = time
            self.before = before
            self.sheets = sheets
        }
    }

    package struct Notice: Sendable {
        package let title: String
        package let status: StatusText
        package let meta: String
        package let updates: [Update]
        package let sheets: [Sheet]

        package init(title: String, status: StatusText, meta: String, updates: [Update], sheets: [Sheet]) {
            self.title = title
            self.status = status
            self.meta = meta
            self.updates = updates
            self.sheets = sheets
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Where readers find it; empty without a page.
    package let address: String
    /// Who is told; nil without a page.
    package let subscribers: Action?
    package let sheets: [Sheet]
    package let components: [Component]
    package let notices: [Notice]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, address: String, subscribers: Action? = nil, sheets: [Sheet], components: [Component],
        notices: [Notice], empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.address = address
        self.subscribers = subscribers
        self.sheets = sheets
        self.components = components
        self.notices = notices
        self.empty = empty
    }
}
