import Finance
package import Kernel
package import Policies

extension RunEnvironment {
    /// The matching of the finance room, as `RunEnvironment.matcher` takes it.
    ///
    /// `{invoice, order, receipts, subject?}`; an order that is null is an order that was not found.
    package static let invoiceMatcher: @Sendable (_ input: JSONValue, _ tolerances: Policy) throws(Refusal) -> JSONValue = {
        (input: JSONValue, policy: Policy) throws(Refusal) -> JSONValue in
        guard let table = policy.tolerances else {
            throw Refusal(.invalid, reason: "policy.kind", "'\(policy.name)' is no tolerance policy.")
        }
        guard case .object(var members) = input else {
            throw Refusal(.invalid, reason: "policy.input", "Matching asks for an invoice, an order and receipts.")
        }
        for name in ["order", "receipts", "subject"] where members[name] == .null { members[name] = nil }
        members["tolerances"] = .array(table.tolerances.map(\.json))
        return InvoiceMatch.match(try InvoiceMatch.Input(json: .object(members), at: "")).json
    }
}
