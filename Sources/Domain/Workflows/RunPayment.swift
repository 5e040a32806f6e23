package import Kernel
internal import Policies

/// What a run says about the payment that it was started for: released once, or not at all.
package struct RunPayment: Sendable, Equatable {
    /// The duty that a signature under a release is.
    package static let duty = "release-payment"
    /// The duty of who asked for it.
    package static let askingDuty = "propose-payment"

    /// The type of the error when what binds the tenant forbids the release.
    static let barredType = "GUARDRAIL"

    package let invoice: InvoiceID
    /// What was released; nil when the run ended without releasing, so that somebody may ask again.
    package let record: JSONValue?

    package init(invoice: InvoiceID, record: JSONValue?) {
        self.invoice = invoice
        self.record = record
    }
}

extension RunPass {
    /// The invoice whose payment this run is about: only a request for a release writes it into the input.
    private var paidInvoice: InvoiceID? { state.input["payment"]?["invoice"]?.string.flatMap { InvoiceID($0) } }

    /// Money leaves the house only under a signature of this run, whatever way the definition took to get here.
    mutating func release(_ record: JSONValue, at path: String) throws(StepError) {
        if let bar = environment.releaseBar {
            throw StepError(
                kind: .refused, type: RunPayment.barredType, title: "A guardrail keeps the payment back", detail: bar.message,
                step: path)
        }
        guard let invoice = paidInvoice else {
            throw engineError("RELEASE", "This run was not started to release a payment.", step: path)
        }
        let signers = state.acts.filter { $0.duty == RunPayment.duty }.map(\.person)
        guard !signers.isEmpty else {
            throw engineError("RELEASE", "Nobody has signed for the release of this payment.", step: path)
        }
        var facts = record.object ?? [:]
        facts["invoice"] = JSONValue(invoice)
        facts["signers"] = .array(signers.map(JSONValue.string))
        self.record("payment.released", path, "The payment is released.", .object(facts))
        actions.append(.audit(action: "payment.released", facts: .object(facts)))
        actions.append(.payment(RunPayment(invoice: invoice, record: .object(facts))))
        actions.append(.notify(topic: "payment.released", facts: .object(facts)))
    }

    /// A run that ends leaves the payment free to be asked for again; one that released it has said so before.
    mutating func closePayment() {
        guard let invoice = paidInvoice else { return }
        actions.append(.payment(RunPayment(invoice: invoice, record: nil)))
    }
}
