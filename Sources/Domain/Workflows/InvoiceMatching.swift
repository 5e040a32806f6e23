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

/// What matching says of the tolerances that spoke.
enum InvoiceMatching {
    /// The tolerances named by the holds, each once, with what they say for people.
    static func rulesFired(by holds: [JSONValue], in policy: Policy) -> [PolicyDecision.Rule] {
        var out: [PolicyDecision.Rule] = []
        for hold in holds {
            guard let id = hold["toleranceId"]?.string, !out.contains(where: { $0.id == id }) else { continue }
            let row = policy.tolerances?.rows.first { $0.tolerance.id == id }
            out.append(PolicyDecision.Rule(id: id, label: row?.label ?? id))
        }
        return out
    }
}
