/// The ledger: entry, time, person, act, object, hash; a double rule after each checkpoint.
package struct AuditPage: ConsolePage, Showing {
    package static let template = "audit"

    package struct Row: Sendable {
        /// Grouped: `48,211`.
        package let entry: String
        package let time: Stamp
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
            proof: String = "", checkpoint: String = ""
        ) {
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
    /// GET with `actor`, `act`, `object`.
    package let filterAction: String
    package let actor: String
    package let act: String
    package let object: String
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, filterAction: String, actor: String = "", act: String = "", object: String = "",
        rows: [Row], pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.filterAction = filterAction
        self.actor = actor
        self.act = act
        self.object = object
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }

    var shown: [(name: String, value: Any)] { [("hasHashes", rows.contains { !$0.hash.isEmpty })] }
}
