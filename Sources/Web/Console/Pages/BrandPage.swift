internal import Branding

/// The brand studio: what a level sets, how it looks in both themes, what the gate says, and the way to publication.
package struct BrandPage: ConsolePage {
    package static let template = "brand"

    /// One field of the form. Sent as `name`; empty means that the level above decides.
    package struct Control: Sendable, Showing {
        package enum Kind: Sendable {
            case color, text, paragraph, picture
            case number(Int, Int)
            case choice([(value: String, label: String)])
        }

        package let name: String
        package let label: String
        /// `yours`, `operator, locked`.
        package let source: String
        package let value: String
        /// What holds when the field stays empty.
        package let inherited: String
        package let kind: Kind
        package let isLocked: Bool
        package let problem: String

        package init(
            name: String, label: String, source: String, value: String, inherited: String, kind: Kind, isLocked: Bool = false,
            problem: String = ""
        ) {
            self.name = name
            self.label = label
            self.source = source
            self.value = value
            self.inherited = inherited
            self.kind = kind
            self.isLocked = isLocked
            self.problem = problem
        }

        var shown: [(name: String, value: Any)] {
            var (isColor, isLine, isParagraph, isPicture) = (false, false, false, false)
            var (least, most): (Int?, Int?) = (nil, nil)
            var choices: [FieldOption]?
            switch kind {
            case .color: isColor = true
            case .text: isLine = true
            case .paragraph: isParagraph = true
            case .picture: isPicture = true
            case .number(let from, let to): (least, most) = (from, to)
            case .choice(let given):
                choices = given.map { FieldOption(value: $0.value, label: $0.label, isChosen: $0.value == value) }
            }
            return [
                ("id", "f-" + name.map { $0 == "." ? "-" : String($0) }.joined()), ("isWrong", !problem.isEmpty),
                ("isLockedField", isLocked), ("isColor", isColor), ("isLine", isLine), ("isParagraph", isParagraph),
                ("isPicture", isPicture), ("isNumber", least != nil), ("least", least ?? 0), ("most", most ?? 0),
                ("isChoice", choices != nil), ("choices", choices ?? []),
            ]
        }
    }

    struct FieldOption: Sendable {
        let value: String
        let label: String
        let isChosen: Bool
    }

    package struct Group: Sendable {
        package let title: String
        package let note: String
        package let controls: [Control]

        package init(title: String, note: String = "", controls: [Control]) {
            self.title = title
            self.note = note
            self.controls = controls
        }
    }

    /// A pair of the contrast gate.
    package struct Pair: Sendable {
        package let name: String
        package let needs: String
        package let light: String
        package let dark: String
        package let status: Status

        package init(name: String, needs: String, light: String, dark: String, status: Status) {
            self.name = name
            self.needs = needs
            self.light = light
            self.dark = dark
            self.status = status
        }
    }

    /// A colour to take in place of another; `to` is empty where the one set by hand has to go.
    package struct Repair: Sendable, Showing {
        package let label: String
        package let why: String
        package let from: String
        package let to: String
        /// Sent as `repair`.
        package let value: String

        package init(label: String, why: String, from: String, to: String, value: String) {
            self.label = label
            self.why = why
            self.from = from
            self.to = to
            self.value = value
        }

        var shown: [(name: String, value: Any)] {
            [
                ("fromSwatch", BrandPage.swatch(from)), ("toSwatch", BrandPage.swatch(to)),
                ("act", to.isEmpty ? "Derive it" : "Use it"),
            ]
        }
    }

    package struct Issue: Sendable {
        package let place: String
        package let message: String
        package let remedy: String

        package init(place: String, message: String, remedy: String) {
            self.place = place
            self.message = message
            self.remedy = remedy
        }
    }

    package struct Change: Sendable {
        package let title: String
        package let from: String
        package let to: String

        package init(title: String, from: String, to: String) {
            self.title = title
            self.from = from
            self.to = to
        }
    }

    package struct Version: Sendable {
        package let number: String
        package let status: Status
        package let state: String
        package let when: Stamp
        package let who: String
        /// Nil where there is nothing to go back to.
        package let restore: FormTarget?

        package init(number: String, status: Status, state: String, when: Stamp, who: String, restore: FormTarget?) {
            self.number = number
            self.status = status
            self.state = state
            self.when = when
            self.who = who
            self.restore = restore
        }
    }

    package struct Preview: Sendable {
        package let label: String
        package let href: String

        package init(label: String, href: String) {
            self.label = label
            self.href = href
        }
    }

    /// What may be done now; nil for those who may only look.
    package struct Acts: Sendable {
        package let form: FormTarget
        /// Of the draft that is on the screen; sent as `revision`.
        package let revision: String
        /// `Publish version 7`.
        package let publish: String
        /// Why not; empty when it can be.
        package let blocked: String
        package let share: FormTarget?
        package let discard: FormTarget?

        package init(
            form: FormTarget, revision: String, publish: String, blocked: String, share: FormTarget?, discard: FormTarget?
        ) {
            self.form = form
            self.revision = revision
            self.publish = publish
            self.blocked = blocked
            self.share = share
            self.discard = discard
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let main: [Control]
    package let groups: [Group]
    package let acts: Acts?
    package let specimen: BrandSpecimen
    package let pairs: [Pair]
    package let gate: String
    package let repairs: [Repair]
    package let issues: [Issue]
    package let changes: [Change]
    package let audience: String
    package let versions: [Version]
    package let previews: [Preview]

    package init(
        frame: Frame, head: PageHead, main: [Control], groups: [Group], acts: Acts?, specimen: BrandSpecimen, pairs: [Pair],
        gate: String, repairs: [Repair], issues: [Issue], changes: [Change], audience: String, versions: [Version],
        previews: [Preview]
    ) {
        self.frame = frame
        self.head = head
        self.main = main
        self.groups = groups
        self.acts = acts
        self.specimen = specimen
        self.pairs = pairs
        self.gate = gate
        self.repairs = repairs
        self.issues = issues
        self.changes = changes
        self.audience = audience
        self.versions = versions
        self.previews = previews
    }

    /// A square of a colour, drawn since no page carries styles; nothing for what is none.
    static func swatch(_ color: String) -> Markup {
        guard let color = HexColor(color) else { return .empty }
        var out = Drawing()
        out.open("svg", ["class": "colour", "viewBox": "0 0 16 16", "aria-hidden": "true"])
        out.open("rect", ["width": "16", "height": "16", "rx": "3", "fill": color.description])
        out.close("rect")
        out.close("svg")
        return out.markup
    }
}

/// A decision, a mail and a report in small, once in each theme, wearing the brand of `stylesheet`.
package struct BrandSpecimen: Sendable {
    package let stylesheet: String
    package let name: String
    package let letters: String
    package let logo: String
    package let logoDark: String
    package let isPlated: Bool
    package let footer: String

    package init(
        stylesheet: String, name: String, letters: String, logo: String, logoDark: String, isPlated: Bool, footer: String
    ) {
        self.stylesheet = stylesheet
        self.name = name
        self.letters = letters
        self.logo = logo
        self.logoDark = logoDark
        self.isPlated = isPlated
        self.footer = footer
    }
}
