/// Who is on call: the layers now, the weeks to come, exchanges of shifts, and test pages.
package struct OnCallPage: ConsolePage {
    package static let template = "on-call"

    package struct Layer: Sendable {
        package let title: String
        package let status: Status
        /// `Tomas Reyl`, or `nobody`.
        package let now: String
        package let until: Stamp?
        package let next: String
        /// `15 min`.
        package let answerWithin: String
        /// `none`, or hours of the next 52 weeks.
        package let gaps: String
        package let hasGaps: Bool

        package init(
            title: String, status: Status, now: String, until: Stamp?, next: String, answerWithin: String, gaps: String,
            hasGaps: Bool
        ) {
            self.title = title
            self.status = status
            self.now = now
            self.until = until
            self.next = next
            self.answerWithin = answerWithin
            self.gaps = gaps
            self.hasGaps = hasGaps
        }
    }

    package struct Shift: Sendable {
        package let from: Stamp
        package let to: Stamp
        package let layer: String
        package let person: String
        package let isGap: Bool

        package init(from: Stamp, to: Stamp, layer: String, person: String, isGap: Bool) {
            self.from = from
            self.to = to
            self.layer = layer
            self.person = person
            self.isGap = isGap
        }
    }

    package struct Swap: Sendable {
        package let status: StatusText
        package let words: String
        package let time: String
        package let reason: String
        package let acts: [Act]

        package init(status: StatusText, words: String, time: String, reason: String, acts: [Act]) {
            self.status = status
            self.words = words
            self.time = time
            self.reason = reason
            self.acts = acts
        }
    }

    package struct Act: Sendable {
        package let form: FormTarget
        package let label: String

        package init(form: FormTarget, label: String) {
            self.form = form
            self.label = label
        }
    }

    package struct Test: Sendable {
        package let status: Status
        package let title: String
        package let detail: String

        package init(status: Status, title: String, detail: String) {
            self.status = status
            self.title = title
            self.detail = detail
        }
    }

    /// A digest that was sent, or that is to come.
    package struct Digest: Sendable {
        package let status: Status
        package let title: String
        package let detail: String
        /// What it will say; empty where nothing waits, and of those that were sent.
        package let text: String

        package init(status: Status, title: String, detail: String, text: String = "") {
            self.status = status
            self.title = title
            self.detail = detail
            self.text = text
        }
    }

    /// The form that asks for an exchange.
    package struct Asking: Sendable {
        package let form: FormTarget
        package let zone: String
        package let layers: [FieldChoice]
        package let people: [FieldChoice]

        package init(form: FormTarget, zone: String, layers: [FieldChoice], people: [FieldChoice]) {
            self.form = form
            self.zone = zone
            self.layers = layers
            self.people = people
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let layers: [Layer]
    package let shifts: [Shift]
    package let swaps: [Swap]
    package let tests: [Test]
    /// Those to come first, then the last ones; empty where no rota has digests.
    package let digests: [Digest]
    package let asking: Asking?
    package let testing: Act?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, figures: [Figure] = [], layers: [Layer] = [], shifts: [Shift] = [], swaps: [Swap] = [],
        tests: [Test] = [], digests: [Digest] = [], asking: Asking? = nil, testing: Act? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.layers = layers
        self.shifts = shifts
        self.swaps = swaps
        self.tests = tests
        self.digests = digests
        self.asking = asking
        self.testing = testing
        self.empty = empty
    }
}
