/// What stands around every page: brand, scope, navigation, crumbs, the live mark, and what just happened.
package struct Frame: Sendable, Showing {
    /// The person's choice of theme; `system` follows the device.
    package enum Appearance: String, Sendable { case system, light, dark }
    /// The person's choice of row height.
    package enum Density: String, Sendable { case compact, cosy }

    /// Shown in the browser's tab, before the brand's name.
    package let title: String
    package let brand: BrandMark
    /// The BCP 47 tag of the words on the page.
    package let language: String
    package let scope: Scope?
    package let navigation: [NavGroup]
    package let person: PersonBadge?
    package let crumbs: [Crumb]
    package let tools: [Action]
    /// The zone of all times on the page, as its abbreviation: `CET`.
    package let zoneName: String
    package let live: LiveMark?
    package let notice: Notice?
    package let receipt: Receipt?
    package let appearance: Appearance
    package let density: Density
    /// The session's token against forged forms; every form sends it as `csrf`.
    package let csrf: String
    /// Without rail and crumbs: sign-in, sign-out and errors before anyone is known.
    package let isBare: Bool

    package init(
        title: String, brand: BrandMark, language: String = "en", scope: Scope? = nil, navigation: [NavGroup] = [],
        person: PersonBadge? = nil, crumbs: [Crumb] = [], tools: [Action] = [], zoneName: String = "UTC",
        live: LiveMark? = nil, notice: Notice? = nil, receipt: Receipt? = nil, appearance: Appearance = .system,
        density: Density = .compact, csrf: String = "", isBare: Bool = false
    ) {
        self.title = title
        self.brand = brand
        self.language = language
        self.scope = scope
        self.navigation = navigation
        self.person = person
        self.crumbs = crumbs
        self.tools = tools
        self.zoneName = zoneName
        self.live = live
        self.notice = notice
        self.receipt = receipt
        self.appearance = appearance
        self.density = density
        self.csrf = csrf
        self.isBare = isBare
    }

    var shown: [(name: String, value: Any)] {
        let theme = appearance == .system ? "" : appearance.rawValue
        return [
            ("htmlClass", density == .cosy ? "\(theme) cosy" : theme), ("isSandbox", scope?.isSandbox ?? false),
            ("themeName", appearance.rawValue),
        ]
    }
}

/// The brand a page wears.
package struct BrandMark: Sendable {
    package let name: String
    /// One or two letters in the mark when there is no logo.
    package let letters: String
    /// Address of the generated stylesheet of the published brand version.
    package let stylesheet: String
    /// The line below a sign-in: who operates the service.
    package let legal: String
    /// Address of the home page in this scope.
    package let home: String
    /// Addresses of the logo on light and on dark; empty where the mark and the name stand instead.
    package let logo: String
    package let logoDark: String
    /// The logo was drawn for light grounds alone, so on dark it stands on a light plate.
    package let isPlated: Bool
    /// Address of the tab's icon; empty for the product's own.
    package let icon: String
    /// What the law wants said, and where more is said; at the sign-in.
    package let notice: String
    package let links: [Link]
    /// The product's name beside the brand's in page titles; empty for none.
    package let product: String
    package let signInTitle: String
    package let signInHint: String

    package struct Link: Sendable {
        package let label: String
        package let href: String

        package init(label: String, href: String) {
            self.label = label
            self.href = href
        }
    }

    package init(
        name: String, letters: String, stylesheet: String, legal: String = "", home: String = "/", logo: String = "",
        logoDark: String = "", isPlated: Bool = false, icon: String = "", notice: String = "", links: [Link] = [],
        product: String = "",
        signInTitle: String = "Sign in", signInHint: String = ""
    ) {
        self.logo = logo
        self.logoDark = logoDark
        self.isPlated = isPlated
        self.icon = icon
        self.notice = notice
        self.links = links
        self.product = product
        self.signInTitle = signInTitle
        self.signInHint = signInHint
        self.name = name
        self.letters = letters
        self.stylesheet = stylesheet
        self.legal = legal
        self.home = home
    }
}

/// The tenant and environment everything on the page belongs to.
package struct Scope: Sendable {
    package let letters: String
    package let name: String
    /// `Production`, `Sandbox`, or `Operator, all tenants`.
    package let detail: String
    package let isSandbox: Bool
    package let choices: [ScopeChoice]

    package init(letters: String, name: String, detail: String, isSandbox: Bool = false, choices: [ScopeChoice] = []) {
        self.letters = letters
        self.name = name
        self.detail = detail
        self.isSandbox = isSandbox
        self.choices = choices
    }
}

/// Another scope the person may go to; production and sandbox are separate rows.
package struct ScopeChoice: Sendable {
    package let letters: String
    package let name: String
    package let detail: String
    package let href: String
    package let status: StatusText?

    package init(letters: String, name: String, detail: String, href: String, status: StatusText? = nil) {
        self.letters = letters
        self.name = name
        self.detail = detail
        self.href = href
        self.status = status
    }
}

package struct NavGroup: Sendable {
    /// Empty for the first group.
    package let title: String
    package let items: [NavItem]

    package init(title: String, items: [NavItem]) {
        self.title = title
        self.items = items
    }
}

package struct NavItem: Sendable {
    package let icon: Icon
    package let label: String
    package let href: String
    /// Already grouped; empty when there is nothing to count.
    package let count: String
    /// The letter after `G` that goes there; empty for none.
    package let key: String
    package let isCurrent: Bool

    package init(icon: Icon, label: String, href: String, count: String = "", key: String = "", isCurrent: Bool = false) {
        self.icon = icon
        self.label = label
        self.href = href
        self.count = count
        self.key = key
        self.isCurrent = isCurrent
    }
}

/// Who is signed in, and the way out.
package struct PersonBadge: Sendable {
    package let initials: String
    package let name: String
    package let role: String
    package let signOut: FormTarget

    package init(initials: String, name: String, role: String, signOut: FormTarget) {
        self.initials = initials
        self.name = name
        self.role = role
        self.signOut = signOut
    }
}

/// A step of the path to this page; the last one has no address.
package struct Crumb: Sendable {
    package let label: String
    package let href: String

    package init(label: String, href: String = "") {
        self.label = label
        self.href = href
    }
}

/// Where the page hears of changes. Without script it says when the page was made.
package struct LiveMark: Sendable {
    /// Address of the event stream; it sends `change` with topics separated by spaces, and `beat` at least every 20 seconds.
    package let events: String
    /// Topics after which this page fetches itself again, separated by spaces: `runs inbox`.
    package let topics: String
    /// The time the page was made: `14:48:50`.
    package let madeAt: String

    package init(events: String, topics: String, madeAt: String) {
        self.events = events
        self.topics = topics
        self.madeAt = madeAt
    }
}

/// A sentence above the page: a refusal, an error, or what to know.
package struct Notice: Sendable, Showing {
    package let tone: Tone
    package let text: String
    /// What is safe and what to do; empty for none.
    package let detail: String
    /// The reference id of an error; empty for none.
    package let reference: String

    package init(tone: Tone, text: String, detail: String = "", reference: String = "") {
        self.tone = tone
        self.text = text
        self.detail = detail
        self.reference = reference
    }

    var shown: [(name: String, value: Any)] { [("isAlert", tone == .bad)] }
}

/// Proof that an act was committed, shown in place under a double rule.
package struct Receipt: Sendable {
    /// `Signed: INV 2026-10418`.
    package let act: String
    package let person: String
    package let time: Stamp
    /// The audit entry's number, grouped.
    package let entry: String
    /// The entry's hash, as `HashText.short` writes it.
    package let hash: String

    package init(act: String, person: String, time: Stamp, entry: String, hash: String) {
        self.act = act
        self.person = person
        self.time = time
        self.entry = entry
        self.hash = hash
    }
}

/// Where a form goes and the key that makes sending it twice the same as once.
package struct FormTarget: Sendable {
    package let action: String
    /// Sent as `idempotency_key`.
    package let key: String

    package init(action: String, key: String) {
        self.action = action
        self.key = key
    }
}

/// A link that looks like a button. It never changes anything: what changes is a form.
package struct Action: Sendable {
    package let label: String
    package let href: String
    package let icon: Icon?
    /// One letter that goes there; empty for none.
    package let key: String
    package let isPrimary: Bool
    package let isDownload: Bool

    package init(
        label: String, href: String, icon: Icon? = nil, key: String = "", isPrimary: Bool = false, isDownload: Bool = false
    ) {
        self.label = label
        self.href = href
        self.icon = icon
        self.key = key
        self.isPrimary = isPrimary
        self.isDownload = isDownload
    }
}

/// The top of a page: state, title, and its acts.
package struct PageHead: Sendable {
    package let title: String
    package let pill: StatusText?
    /// Beside the pill or below the title.
    package let meta: String
    package let lead: String
    package let actions: [Action]

    package init(title: String, pill: StatusText? = nil, meta: String = "", lead: String = "", actions: [Action] = []) {
        self.title = title
        self.pill = pill
        self.meta = meta
        self.lead = lead
        self.actions = actions
    }
}

/// A saved view or a part of a page.
package struct Tab: Sendable {
    package let label: String
    package let count: String
    package let href: String
    package let isCurrent: Bool

    package init(label: String, count: String = "", href: String, isCurrent: Bool = false) {
        self.label = label
        self.count = count
        self.href = href
        self.isCurrent = isCurrent
    }
}

/// Why a list is empty, and one act.
package struct EmptyState: Sendable {
    package let why: String
    package let act: String
    package let href: String

    package init(why: String, act: String = "", href: String = "") {
        self.why = why
        self.act = act
        self.href = href
    }
}

/// The foot of a list; addresses carry the cursor.
package struct Pager: Sendable {
    /// `1 to 50 of 96`.
    package let range: String
    package let newer: String
    package let older: String

    package init(range: String, newer: String = "", older: String = "") {
        self.range = range
        self.newer = newer
        self.older = older
    }
}

/// A label with its value.
package struct Fact: Sendable {
    package let label: String
    package let value: String
    package let href: String
    package let isCode: Bool

    package init(label: String, value: String, href: String = "", isCode: Bool = false) {
        self.label = label
        self.value = value
        self.href = href
        self.isCode = isCode
    }
}
