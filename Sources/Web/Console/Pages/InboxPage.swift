/// What waits for the person, the decision that is open, and what it rests on.
package struct InboxPage: ConsolePage {
    package static let template = "inbox"

    package let frame: Frame
    package let list: InboxList
    /// Nil while none is open: on a wide screen the page says what to do then, on a narrow one the list is the page.
    package let decision: DecisionCard?
    package let exception: ExceptionCard?
    package let evidence: EvidencePane?
    package let empty: EmptyState?

    package init(
        frame: Frame, list: InboxList, decision: DecisionCard? = nil, exception: ExceptionCard? = nil,
        evidence: EvidencePane? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.list = list
        self.decision = decision
        self.exception = exception
        self.evidence = evidence
        self.empty = empty
    }
}

extension InboxPage: Showing {
    var shown: [(name: String, value: Any)] { [("isOpen", decision != nil || exception != nil)] }
}

package struct InboxList: Sendable {
    package struct Group: Sendable {
        package let title: String
        package let items: [Item]

        package init(title: String, items: [Item]) {
            self.title = title
            self.items = items
        }
    }

    package struct Item: Sendable {
        package let href: String
        package let status: Status
        package let title: String
        package let amount: String
        package let note: String
        package let left: String
        package let leftTone: Tone
        package let isCurrent: Bool

        package init(
            href: String, status: Status, title: String, amount: String, note: String, left: String, leftTone: Tone = .quiet,
            isCurrent: Bool = false
        ) {
            self.href = href
            self.status = status
            self.title = title
            self.amount = amount
            self.note = note
            self.left = left
            self.leftTone = leftTone
            self.isCurrent = isCurrent
        }
    }

    package let title: String
    /// `12 open, EUR 214,380.27`.
    package let summary: String
    package let tabs: [Tab]
    package let groups: [Group]

    package init(title: String, summary: String, tabs: [Tab] = [], groups: [Group]) {
        self.title = title
        self.summary = summary
        self.tabs = tabs
        self.groups = groups
    }
}

/// A decision about money: what is asked, why it stopped, what differs, who signed.
///
/// The form sends `verdict` (`approve` or `reject`), `reason`, `object_hash`, `csrf` and `idempotency_key`. Nothing is chosen
/// beforehand.
package struct DecisionCard: Sendable, Showing {
    /// Longest reason, in characters.
    package static let reasonMax = 2000

    /// `Invoice, signature 2 of 2 as treasurer`.
    package let kicker: String
    package let amount: String
    package let party: String
    /// Where the money would go, shortened: `DE16 … 0418 06`.
    package let account: String
    package let run: String
    /// `You decide **for Maren Holt** until 30 November, up to EUR 50,000.00.` Empty when the person decides for themselves.
    package let actingFor: Markup
    package let why: Markup
    package let differences: [DifferenceTable]
    package let checks: [Check]
    package let suggestion: Suggestion?
    package let signatures: [Signature]
    /// `If you approve: nothing else is needed. It posts at once.`
    package let consequence: String
    package let form: FormTarget
    /// The version that was shown; the decision binds to it.
    package let objectHash: String
    package let approveLabel: String
    package let rejectLabel: String
    /// Why this person may not sign, and who may; empty when they may.
    package let blocked: String
    /// Why this person may not reject either; whoever recorded an invoice may take it back.
    package let rejectBlocked: String
    /// Nothing is asked any more; `blocked` says what was answered.
    package let isDecided: Bool
    /// Claims the decision, or releases it; nil when it cannot be claimed.
    package let claim: ClaimForm?
    /// The delegation under which a deputy decides; empty for whoever decides for themselves.
    package let delegation: String
    /// For whom one may decide; empty where it is only oneself.
    package let standIns: [Tab]

    package init(
        kicker: String, amount: String, party: String, account: String = "", run: String, actingFor: Markup = .empty,
        why: Markup, differences: [DifferenceTable] = [], checks: [Check] = [], suggestion: Suggestion? = nil,
        signatures: [Signature], consequence: String, form: FormTarget, objectHash: String,
        approveLabel: String = "Approve and sign", rejectLabel: String = "Reject", blocked: String = "",
        rejectBlocked: String? = nil, isDecided: Bool = false, claim: ClaimForm? = nil, delegation: String = "",
        standIns: [Tab] = []
    ) {
        self.delegation = delegation
        self.standIns = standIns
        self.kicker = kicker
        self.amount = amount
        self.party = party
        self.account = account
        self.run = run
        self.actingFor = actingFor
        self.why = why
        self.differences = differences
        self.checks = checks
        self.suggestion = suggestion
        self.signatures = signatures
        self.consequence = consequence
        self.form = form
        self.objectHash = objectHash
        self.approveLabel = approveLabel
        self.rejectLabel = rejectLabel
        self.blocked = blocked
        self.rejectBlocked = rejectBlocked ?? blocked
        self.isDecided = isDecided
        self.claim = claim
    }

    var shown: [(name: String, value: Any)] {
        [
            ("isBlocked", !blocked.isEmpty), ("isRejectBlocked", !rejectBlocked.isEmpty), ("reasonMax", DecisionCard.reasonMax),
        ]
    }
}

package struct ClaimForm: Sendable {
    package let form: FormTarget
    /// `Claim` or `Release claim`.
    package let label: String

    package init(form: FormTarget, label: String) {
        self.form = form
        self.label = label
    }
}

/// A typed hold that a person resolves. The form sends `verdict` (the resolution's value), `reason`, `object_hash`, `csrf` and
/// `idempotency_key`.
package struct ExceptionCard: Sendable, Showing {
    package struct Resolution: Sendable, Showing {
        package let value: String
        /// Verb and object: `Accept the difference`.
        package let label: String
        /// What follows: `Posts EUR 11,808.00, 528.00 above the order.`
        package let consequence: String
        /// Why this person may not choose it; empty when they may.
        package let blocked: String
        package let isChosen: Bool

        package init(value: String, label: String, consequence: String, blocked: String = "", isChosen: Bool = false) {
            self.isChosen = isChosen
            self.value = value
            self.label = label
            self.consequence = consequence
            self.blocked = blocked
        }

        var shown: [(name: String, value: Any)] { [("isBlocked", !blocked.isEmpty)] }
    }

    /// One thing that is filled in with the answer.
    package struct Field: Sendable, Showing {
        package enum Control: Sendable { case line, paragraph, date, decimal, integer, choice, check }

        package struct Choice: Sendable {
            package let value: String
            package let isChosen: Bool

            package init(value: String, isChosen: Bool) {
                self.value = value
                self.isChosen = isChosen
            }
        }

        package let name: String
        package let label: String
        package let help: String
        let control: Control
        package let value: String
        package let isOn: Bool
        package let choices: [Choice]
        package let lengthMax: String
        package let isRequired: Bool
        /// What is wrong with what was filled in; empty when nothing is.
        package let problem: String

        package init(
            name: String, label: String, help: String = "", control: Control, value: String = "", isOn: Bool = false,
            choices: [Choice] = [], lengthMax: String = "", isRequired: Bool = false, problem: String = ""
        ) {
            self.name = name
            self.label = label
            self.help = help
            self.control = control
            self.value = value
            self.isOn = isOn
            self.choices = choices
            self.lengthMax = lengthMax
            self.isRequired = isRequired
            self.problem = problem
        }

        var shown: [(name: String, value: Any)] {
            [
                ("isLine", control == .line), ("isParagraph", control == .paragraph), ("isDate", control == .date),
                ("isDecimal", control == .decimal), ("isInteger", control == .integer), ("isChoice", control == .choice),
                ("isCheck", control == .check), ("isWrong", !problem.isEmpty),
            ]
        }
    }

    /// `Price hold, line 2`.
    package let kicker: String
    package let title: String
    package let amount: String
    package let party: String
    package let run: String
    /// `open 3 h 10 m of service time, with Jana Okafor`.
    package let age: String
    package let why: Markup
    package let differences: [DifferenceTable]
    package let checks: [Check]
    /// Located problems of an unreadable or wrong document.
    package let findings: [Fact]
    package let resolutions: [Resolution]
    package let notes: [Fact]
    package let form: FormTarget
    package let objectHash: String
    package let actLabel: String
    package let blocked: String
    package let claim: ClaimForm?
    package let fields: [Field]
    /// What was typed as the reason, when the form comes back.
    package let reason: String
    package let needsReason: Bool
    /// What a task is about.
    package let shownObject: [Fact]

    package init(
        kicker: String, title: String, amount: String, party: String, run: String, age: String, why: Markup,
        differences: [DifferenceTable] = [], checks: [Check] = [], findings: [Fact] = [], resolutions: [Resolution],
        notes: [Fact] = [], form: FormTarget, objectHash: String, actLabel: String = "Resolve the exception",
        blocked: String = "", claim: ClaimForm? = nil, fields: [Field] = [], reason: String = "", needsReason: Bool = true,
        shownObject: [Fact] = []
    ) {
        self.fields = fields
        self.reason = reason
        self.needsReason = needsReason
        self.shownObject = shownObject
        self.kicker = kicker
        self.title = title
        self.amount = amount
        self.party = party
        self.run = run
        self.age = age
        self.why = why
        self.differences = differences
        self.checks = checks
        self.findings = findings
        self.resolutions = resolutions
        self.notes = notes
        self.form = form
        self.objectHash = objectHash
        self.actLabel = actLabel
        self.blocked = blocked
        self.claim = claim
    }

    var shown: [(name: String, value: Any)] { [("isBlocked", !blocked.isEmpty), ("reasonMax", DecisionCard.reasonMax)] }
}

/// Typed holds of one tenant.
package struct ExceptionsPage: ConsolePage {
    package static let template = "exceptions"

    package struct Row: Sendable {
        package let href: String
        package let status: Status
        /// The hold in words: `Price above order`.
        package let hold: String
        package let number: String
        package let party: String
        package let amount: String
        package let owner: String
        package let initials: String
        package let age: String
        package let ageTone: Tone
        package let opened: Stamp

        package init(
            href: String, status: Status, hold: String, number: String, party: String, amount: String, owner: String,
            initials: String = "", age: String, ageTone: Tone = .quiet, opened: Stamp
        ) {
            self.href = href
            self.status = status
            self.hold = hold
            self.number = number
            self.party = party
            self.amount = amount
            self.owner = owner
            self.initials = initials
            self.age = age
            self.ageTone = ageTone
            self.opened = opened
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    package let figures: [Figure]
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab] = [], figures: [Figure] = [], rows: [Row], pager: Pager? = nil,
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.figures = figures
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }
}
