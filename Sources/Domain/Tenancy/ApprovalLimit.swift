package import Kernel

/// How far a person's signature reaches: `approvalLimit` of the people file, and how it is kept with the person's row.
///
/// Strict on purpose: a limit says nothing about another currency, because comparing needs a rate and a date that somebody has
/// signed for. So an amount in another currency, or one that cannot be told exactly, is beyond every limit.
package enum ApprovalLimit {
    /// Why somebody with this limit may not approve this amount; nil when they may. Without a limit everything is within it.
    ///
    /// A credit note counts by its size. `amount` is nil when the document's figure does not fit its currency.
    package static func refusal(limit: Money?, amount: Money?) -> Refusal? {
        guard let limit else { return nil }
        guard let amount else {
            return refused(
                "approval.limit-unknown",
                "Your approval limit is \(limit), and the amount of this document cannot be told exactly. "
                    + "Someone without a limit has to sign it.", limit, nil)
        }
        guard amount.currency == limit.currency else {
            return refused(
                "approval.limit-currency",
                "Your approval limit is \(limit), and this is \(amount). A limit does not reach into another currency, "
                    + "so someone else has to sign it.", limit, amount)
        }
        guard amount.minorUnits.magnitude <= limit.minorUnits.magnitude else {
            return refused(
                "approval.limit",
                "Your approval limit is \(limit), and this is \(amount). Someone with a higher limit has to sign it.", limit,
                amount)
        }
        return nil
    }

    static let shape = ObjectShape(
        "an approval limit", "An amount with its currency.",
        [
            required("amount", .text(.amount), "amount in units of the currency, quoted."),
            required("currency", .text(.currency), "ISO 4217 code."),
        ])

    /// Reads a limit that has passed its shape; nil for none, and with an issue for an amount that its currency cannot hold.
    static func parse(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> Money? {
        guard let json, let currency = Currency(Fields(json).text("currency")) else { return nil }
        do throws(Refusal) {
            return try Amount(Fields(json).text("amount"), currency: currency).money()
        } catch {
            issues.append(
                AssetIssue(
                    "\(pointer)/amount", error.message, remedy: "\(currency) has \(currency.minorDigits) decimals."))
            return nil
        }
    }

    private static func refused(_ reason: String, _ sentence: String, _ limit: Money, _ amount: Money?) -> Refusal {
        var facts = ["rule": reason, "limit": limit.description]
        if let amount { facts["amount"] = amount.description }
        return Refusal(.forbidden, reason: reason, sentence, facts: facts)
    }

    /// As stored: `{minorUnits, currency}`, or null for no limit.
    package static func json(_ limit: Money?) -> JSONValue {
        limit.map { ["minorUnits": JSONValue($0.minorUnits), "currency": .string($0.currency.code)] } ?? .null
    }

    /// Reads `json`; null is no limit. Anything else that is no limit is refused, for reading it as none would lift a control.
    package static func read(_ json: JSONValue) throws(Refusal) -> Money? {
        guard !json.isNull else { return nil }
        guard let units = json["minorUnits"]?.int64, let currency = json["currency"]?.string.flatMap({ Currency($0) }) else {
            throw Refusal(
                .unavailable, reason: "approval.limit-form",
                "The approval limit kept for this person cannot be read, so nothing can be approved under it.")
        }
        return try Money(minorUnits: units, currency: currency)
    }
}
