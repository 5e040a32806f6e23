/// Operations on many runs or dead letters, the versions that unfinished runs go by, and asking for a preview.
package struct OperationsPage: ConsolePage {
    package static let template = "operations"

    package struct Row: Sendable {
        package let status: Status
        package let state: String
        package let title: String
        package let href: String
        package let result: String
        package let who: String
        package let at: Stamp

        package init(status: Status, state: String, title: String, href: String, result: String, who: String, at: Stamp) {
            self.status = status
            self.state = state
            self.title = title
            self.href = href
            self.result = result
            self.who = who
            self.at = at
        }
    }

    /// Unfinished runs of one version of a workflow. `migrate` asks for a preview of their going over to `goals`: fields
    /// `workflow`, `version`, `to`, `mapping`, `reason`; nil where there is no other version, or the reader may not.
    package struct Version: Sendable {
        package let workflow: String
        package let version: String
        package let count: String
        package let oldest: Stamp
        package let migrate: FormTarget?
        package let goals: [String]

        package init(
            workflow: String, version: String, count: String, oldest: Stamp, migrate: FormTarget? = nil, goals: [String] = []
        ) {
            self.workflow = workflow
            self.version = version
            self.count = count
            self.oldest = oldest
            self.migrate = migrate
            self.goals = goals
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let rows: [Row]
    package let versions: [Version]
    /// Asks for a preview: fields `kind`, `phase`, `workflow`, `q`, `reason`; nil for those who may not manage runs.
    package let ask: FormTarget?
    package let phases: [String]
    package let workflows: [String]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, rows: [Row], versions: [Version] = [], ask: FormTarget? = nil, phases: [String] = [],
        workflows: [String] = [], pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.rows = rows
        self.versions = versions
        self.ask = ask
        self.phases = phases
        self.workflows = workflows
        self.pager = pager
        self.empty = empty
    }
}

/// One operation: what would be done or was done, to how many, and what became of each.
package struct OperationPage: ConsolePage {
    package static let template = "operation"

    /// A count of a risk or of a cause for leaving something alone.
    package struct Count: Sendable {
        package let word: String
        package let count: String

        package init(word: String, count: String) {
            self.word = word
            self.count = count
        }
    }

    package struct Item: Sendable {
        package let status: Status
        package let state: String
        package let subject: String
        /// Empty where the reader may not see the run.
        package let href: String
        package let risk: String
        package let what: String

        package init(status: Status, state: String, subject: String, href: String, risk: String, what: String) {
            self.status = status
            self.state = state
            self.subject = subject
            self.href = href
            self.risk = risk
            self.what = what
        }
    }

    /// What settles a preview: `confirm` carries the field `hash`.
    package struct Settling: Sendable {
        package let confirm: FormTarget
        package let withdraw: FormTarget
        package let hash: String
        package let label: String
        /// Why this reader may not confirm; empty when they may.
        package let blocked: String
        package let until: Stamp

        package init(
            confirm: FormTarget, withdraw: FormTarget, hash: String, label: String, blocked: String = "", until: Stamp
        ) {
            self.confirm = confirm
            self.withdraw = withdraw
            self.hash = hash
            self.label = label
            self.blocked = blocked
            self.until = until
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let facts: [Fact]
    package let risks: [Count]
    package let obstacles: [Count]
    package let items: [Item]
    package let settling: Settling?
    package let pager: Pager?

    package init(
        frame: Frame, head: PageHead, figures: [Figure], facts: [Fact], risks: [Count], obstacles: [Count], items: [Item],
        settling: Settling? = nil, pager: Pager? = nil
    ) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.facts = facts
        self.risks = risks
        self.obstacles = obstacles
        self.items = items
        self.settling = settling
        self.pager = pager
    }
}
