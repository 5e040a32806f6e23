/// One run: where it stands, what happened, what it rests on.
package struct RunPage: ConsolePage {
    package static let template = "run"

    /// Where a value came from; decides how far it may be trusted.
    package enum Origin: String, Sendable, Showing {
        case engine, attested, authenticated, untrusted, model

        var shown: [(name: String, value: Any)] { [("word", rawValue)] }
    }

    package struct DataRow: Sendable {
        package let label: String
        package let value: String
        package let origin: Origin

        package init(label: String, value: String, origin: Origin) {
            self.label = label
            self.value = value
            self.origin = origin
        }
    }

    package struct DataPanel: Sendable {
        package let title: String
        /// `step 7`.
        package let step: String
        package let rows: [DataRow]
        package let objectHash: String
        /// `A change to any value voids both signatures.`
        package let note: String

        package init(title: String, step: String = "", rows: [DataRow], objectHash: String = "", note: String = "") {
            self.title = title
            self.step = step
            self.rows = rows
            self.objectHash = objectHash
            self.note = note
        }
    }

    /// A decision or receipt of the run.
    package struct ReceiptLine: Sendable {
        package let status: Status
        package let act: String
        package let detail: String
        package let reason: String

        package init(status: Status = .sealed, act: String, detail: String, reason: String = "") {
            self.status = status
            self.act = act
            self.detail = detail
            self.reason = reason
        }
    }

    package struct Related: Sendable {
        package let label: String
        package let href: String
        package let status: Status?
        package let detail: String

        package init(label: String, href: String, status: Status? = nil, detail: String) {
            self.label = label
            self.href = href
            self.status = status
            self.detail = detail
        }
    }

    /// A filter of a step that waits for events.
    package struct Wait: Sendable {
        package let type: String
        package let step: String
        /// What the event has to have, `event.data.invoice is R-1`; empty when any event of the type will do.
        package let keys: String
        /// `this run alone takes it`, or empty.
        package let note: String
        package let since: Stamp

        package init(type: String, step: String, keys: String, note: String = "", since: Stamp) {
            self.type = type
            self.step = step
            self.keys = keys
            self.note = note
            self.since = since
        }
    }

    package struct Event: Sendable {
        package let time: Stamp
        package let step: String
        package let summary: String

        package init(time: Stamp, step: String, summary: String) {
            self.time = time
            self.step = step
            self.summary = summary
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let diagram: DiagramModel
    package let timeline: Timeline
    package let events: [Event]
    /// `64`; may exceed the events shown.
    package let eventCount: String
    /// Address of the same as JSON.
    package let json: String
    package let panels: [DataPanel]
    package let receipts: [ReceiptLine]
    /// `Sealed in checkpoint 1,902 at 14:45 CET`; empty while the newest entries are unsealed.
    package let sealed: String
    package let related: [Related]
    /// Tries a held run again; nil when it is not held, or the reader may not.
    package let retry: FormTarget?
    /// Asks for the payment of what was posted; nil when there is nothing to ask for, or the reader may not.
    package let payment: FormTarget?
    /// Pauses a run that goes on, and lets a paused one go on.
    package let pause: FormTarget?
    package let resume: FormTarget?
    /// Events that its steps wait for.
    package let waits: [Wait]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, figures: [Figure], diagram: DiagramModel, timeline: Timeline, events: [Event],
        eventCount: String, json: String = "", panels: [DataPanel], receipts: [ReceiptLine], sealed: String = "",
        related: [Related] = [], retry: FormTarget? = nil, payment: FormTarget? = nil, pause: FormTarget? = nil,
        resume: FormTarget? = nil, waits: [Wait] = [], empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.diagram = diagram
        self.timeline = timeline
        self.events = events
        self.eventCount = eventCount
        self.json = json
        self.panels = panels
        self.receipts = receipts
        self.sealed = sealed
        self.related = related
        self.retry = retry
        self.payment = payment
        self.pause = pause
        self.resume = resume
        self.waits = waits
        self.empty = empty
    }
}
