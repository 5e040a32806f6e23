/// Announced maintenance, and corrections of clocks.
package struct MaintenancePage: ConsolePage {
    package static let template = "maintenance"

    package struct Window: Sendable {
        package let title: String
        package let status: Status
        package let state: String
        package let start: Stamp
        package let end: Stamp
        /// `told 3 d before`.
        package let notice: String
        package let by: String
        package let reason: String
        package let cancel: FormTarget?

        package init(
            title: String, status: Status, state: String, start: Stamp, end: Stamp, notice: String, by: String,
            reason: String = "", cancel: FormTarget? = nil
        ) {
            self.title = title
            self.status = status
            self.state = state
            self.start = start
            self.end = end
            self.notice = notice
            self.by = by
            self.reason = reason
            self.cancel = cancel
        }
    }

    package struct Correction: Sendable {
        /// Of the clock.
        package let href: String
        package let status: Status
        package let state: String
        package let reason: String
        /// `breached, 2 h 10 m counted`.
        package let before: String
        package let after: String
        package let by: String
        package let hash: String
        package let confirm: FormTarget?
        package let withdraw: FormTarget?

        package init(
            href: String, status: Status, state: String, reason: String, before: String, after: String, by: String,
            hash: String, confirm: FormTarget? = nil, withdraw: FormTarget? = nil
        ) {
            self.href = href
            self.status = status
            self.state = state
            self.reason = reason
            self.before = before
            self.after = after
            self.by = by
            self.hash = hash
            self.confirm = confirm
            self.withdraw = withdraw
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    package let windows: [Window]
    package let corrections: [Correction]
    package let announce: FormTarget?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab] = [], windows: [Window], corrections: [Correction],
        announce: FormTarget? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.windows = windows
        self.corrections = corrections
        self.announce = announce
        self.empty = empty
    }
}
