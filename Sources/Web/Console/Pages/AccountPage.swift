/// What is one's own: password, second factor, sessions, keys. Every act is a form.
package struct AccountPage: ConsolePage, Showing {
    package static let template = "account"

    /// A secret that waits to be confirmed.
    package struct Enrolment: Sendable, Showing {
        /// In base 32, in groups of four.
        package let secret: String
        /// What the QR code says.
        package let address: String
        package let confirm: FormTarget

        package init(secret: String, address: String, confirm: FormTarget) {
            self.secret = secret
            self.address = address
            self.confirm = confirm
        }

        var shown: [(name: String, value: Any)] { [("code", QRCode(address)?.markup ?? .empty)] }
    }

    package struct Session: Sendable {
        package let agent: String
        package let address: String
        package let opened: Stamp
        package let seen: Stamp
        package let isThisOne: Bool
        package let end: FormTarget

        package init(agent: String, address: String, opened: Stamp, seen: Stamp, isThisOne: Bool, end: FormTarget) {
            self.agent = agent
            self.address = address
            self.opened = opened
            self.seen = seen
            self.isThisOne = isThisOne
            self.end = end
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Why something was refused; empty for none.
    package let refusal: String
    /// Recovery codes or a key, shown this once.
    package let secrets: ShownOnce?
    /// `in force since …`, or that there is none.
    package let factor: StatusText
    package let recovery: String
    package let hasFactor: Bool
    package let enrolment: Enrolment?
    package let enrol: FormTarget
    package let removeFactor: FormTarget
    package let renewRecovery: FormTarget
    package let password: FormTarget
    package let sessions: [Session]
    package let endOthers: FormTarget
    package let keys: [KeyLine]
    package let makeKey: FormTarget
    package let roles: [String]

    package init(
        frame: Frame, head: PageHead, refusal: String = "", secrets: ShownOnce? = nil, factor: StatusText, recovery: String,
        hasFactor: Bool, enrolment: Enrolment?, enrol: FormTarget, removeFactor: FormTarget, renewRecovery: FormTarget,
        password: FormTarget, sessions: [Session], endOthers: FormTarget, keys: [KeyLine], makeKey: FormTarget, roles: [String]
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.secrets = secrets
        self.factor = factor
        self.recovery = recovery
        self.hasFactor = hasFactor
        self.enrolment = enrolment
        self.enrol = enrol
        self.removeFactor = removeFactor
        self.renewRecovery = renewRecovery
        self.password = password
        self.sessions = sessions
        self.endOthers = endOthers
        self.keys = keys
        self.makeKey = makeKey
        self.roles = roles
    }

    var shown: [(name: String, value: Any)] { [("hasKeys", !keys.isEmpty)] }
}

/// What nobody keeps and nobody can show again.
package struct ShownOnce: Sendable {
    package let title: String
    package let advice: String
    package let lines: [String]

    package init(title: String, advice: String, lines: [String]) {
        self.title = title
        self.advice = advice
        self.lines = lines
    }
}

/// An API key in a list; its secret is nowhere.
package struct KeyLine: Sendable {
    package let name: String
    package let begins: String
    /// Whose it is; empty on one's own page.
    package let person: String
    /// Roles and tenants it is limited to.
    package let limits: String
    package let state: String
    package let status: Status
    package let ends: Stamp
    /// Empty when it never was used.
    package let used: String
    /// Absent when it has ended.
    package let rotate: FormTarget?
    package let revoke: FormTarget?

    package init(
        name: String, begins: String, person: String, limits: String, state: String, status: Status, ends: Stamp, used: String,
        rotate: FormTarget?, revoke: FormTarget?
    ) {
        self.name = name
        self.begins = begins
        self.person = person
        self.limits = limits
        self.state = state
        self.status = status
        self.ends = ends
        self.used = used
        self.rotate = rotate
        self.revoke = revoke
    }
}

/// The people of a tenant, what can be done for them, and the keys of machines.
package struct PeoplePage: ConsolePage, Showing {
    package static let template = "people"

    package struct Row: Sendable {
        package let name: String
        package let email: String
        package let roles: String
        package let state: String
        package let status: Status
        package let link: FormTarget?
        package let removeFactor: FormTarget?
        package let endSessions: FormTarget?
        /// Absent for those who are not linked to an identity of the organisation's provider.
        package let unlink: FormTarget?

        package init(
            name: String, email: String, roles: String, state: String, status: Status, link: FormTarget?,
            removeFactor: FormTarget?, endSessions: FormTarget?, unlink: FormTarget? = nil
        ) {
            self.name = name
            self.email = email
            self.roles = roles
            self.state = state
            self.status = status
            self.link = link
            self.removeFactor = removeFactor
            self.endSessions = endSessions
            self.unlink = unlink
        }
    }

    /// A machine for which a key can be made.
    package struct Machine: Sendable {
        package let slug: String
        package let name: String

        package init(slug: String, name: String) {
            self.slug = slug
            self.name = name
        }
    }

    /// The organisation's identity provider.
    package struct Provider: Sendable {
        package let name: String
        package let issuer: String
        /// The address of the tenant's own sign-in page, to be handed out.
        package let door: String
        /// "3 of 8 people are linked."
        package let linked: String
        /// Whether passwords open accounts too.
        package let passwords: String

        package init(name: String, issuer: String, door: String, linked: String, passwords: String) {
            self.name = name
            self.issuer = issuer
            self.door = door
            self.linked = linked
            self.passwords = passwords
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let refusal: String
    package let secrets: ShownOnce?
    /// How people sign in elsewhere; nil when they sign in here.
    package let provider: Provider?
    package let rows: [Row]
    package let keys: [KeyLine]
    package let machines: [Machine]
    /// Absent for those who may not make keys.
    package let makeKey: FormTarget?
    package let explain: ExplainForm

    package init(
        frame: Frame, head: PageHead, refusal: String = "", secrets: ShownOnce? = nil, provider: Provider? = nil, rows: [Row],
        keys: [KeyLine], machines: [Machine], makeKey: FormTarget?, explain: ExplainForm
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.secrets = secrets
        self.provider = provider
        self.rows = rows
        self.keys = keys
        self.machines = machines
        self.makeKey = makeKey
        self.explain = explain
    }

    var shown: [(name: String, value: Any)] { [("hasKeys", !keys.isEmpty), ("hasMachines", !machines.isEmpty)] }
}

/// Who may do what here, and why or why not.
package struct ExplainForm: Sendable, Showing {
    package struct Choice: Sendable {
        package let value: String
        package let label: String
        package let isChosen: Bool

        package init(value: String, label: String, isChosen: Bool) {
            self.value = value
            self.label = label
            self.isChosen = isChosen
        }
    }

    package let action: String
    package let people: [Choice]
    package let permissions: [Choice]
    package let entity: String
    /// Nil before anything was asked.
    package let verdict: StatusText?
    /// Each grant with what it gives or why it gives nothing.
    package let lines: [String]

    package init(
        action: String, people: [Choice], permissions: [Choice], entity: String, verdict: StatusText?, lines: [String]
    ) {
        self.action = action
        self.people = people
        self.permissions = permissions
        self.entity = entity
        self.verdict = verdict
        self.lines = lines
    }

    var shown: [(name: String, value: Any)] { [("hasLines", !lines.isEmpty)] }
}
