/// The stations of a document, in order; each is a log and span field, so that a run can be followed by name.
package enum Hop: String, Sendable, CaseIterable {
    /// Bytes arrive and are kept with their hash.
    case intake
    /// The reader's answer becomes the canonical invoice, or an exception.
    case canonical
    /// A run of the workflow begins.
    case start
    /// Policies decide the route.
    case decide
    /// Invoice against order and receipts.
    case match
    /// People sign.
    case approve
    /// Work is leased to the tenant's worker.
    case dispatch
    /// The bill is written to the ERP, read back and compared.
    case post
    /// Service-level clocks.
    case measure
    /// Summaries, pages and reports.
    case report
}
