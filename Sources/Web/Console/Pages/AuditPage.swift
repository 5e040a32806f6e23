/// The ledger: entry, time, person, act, object, hash; a double rule after each checkpoint.
package struct AuditPage: ConsolePage, Showing {
    package static let template = "audit"

    package struct Row: Sendable {
        /// Grouped: `48,211`.
        package let entry: String
        package let time: Stamp
        /// The entry's own page; empty for none.
        package let page: String
        /// Person, worker or engine.
        package let actor: String
        package let act: String
        package let object: String
        package let href: String
        /// The beginning of the leaf's hash, or that the entry waits for its seal.
        package let hash: String
        /// Where its proof is; empty until a checkpoint covers it.
        package let proof: String
        /// `Checkpoint of 1,902 entries, 14:45 CET`: this entry is the last one under it.
        package let checkpoint: String

        package init(
            entry: String, time: Stamp, actor: String, act: String, object: String, href: String = "", hash: String,
            proof: String = "", checkpoint: String = "", page: String = ""
        ) {
            self.page = page
            self.entry = entry
            self.time = time
            self.actor = actor
            self.act = act
            self.object = object
            self.href = href
            self.hash = hash
            self.proof = proof
            self.checkpoint = checkpoint
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// GET with `actor`, `behalf`, `act`, `object`, `from`, `to`.
    package let filterAction: String
    package let actor: String
    /// For whom somebody acted.
    package let behalf: String
    package let act: String
    package let object: String
    package let from: String
    package let to: String
    /// What was found, each entry with its proof; empty for none.
    package let export: String
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, filterAction: String, actor: String = "", act: String = "", object: String = "",
        behalf: String = "", from: String = "", to: String = "", export: String = "", rows: [Row], pager: Pager? = nil,
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.filterAction = filterAction
        self.actor = actor
        self.act = act
        self.object = object
        self.behalf = behalf
        self.from = from
        self.to = to
        self.export = export
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }

    var shown: [(name: String, value: Any)] { [("hasHashes", rows.contains { !$0.hash.isEmpty })] }
}

/// One entry of the log: what it says, where it stands, and what proves it.
package struct AuditEntryPage: ConsolePage {
    package static let template = "auditentry"

    package struct Link: Sendable {
        package let label: String
        package let href: String

        package init(label: String, href: String) {
            self.label = label
            self.href = href
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Who, on whose behalf, to what, when.
    package let facts: [Fact]
    /// What else the entry recorded.
    package let details: [Fact]
    /// Its place, its leaf, the checkpoint that covers it.
    package let seal: [Fact]
    /// The hashes from the leaf up to the checkpoint's root; none until there is one.
    package let path: [String]
    /// The proof as a file; empty until a checkpoint covers it.
    package let proof: String
    /// To its run, to all of its object, to the entries before and after it about the same object.
    package let links: [Link]

    package init(
        frame: Frame, head: PageHead, facts: [Fact], details: [Fact], seal: [Fact], path: [String] = [], proof: String = "",
        links: [Link]
    ) {
        self.frame = frame
        self.head = head
        self.facts = facts
        self.details = details
        self.seal = seal
        self.path = path
        self.proof = proof
        self.links = links
    }
}
