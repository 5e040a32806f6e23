package import Kernel

/// How fast an error budget burns: pairs of a long and a short window that both have to burn faster than a factor.
///
/// The factors are those of the Google SRE Workbook for a period of thirty days (2, 5, 10 and 10 % of the budget).
package enum BurnRate {
    package enum Response: String, Sendable, CaseIterable { case page, ticket }

    package struct Pair: Hashable, Sendable {
        package let long: String
        package let short: String
        package let factor: ExactDecimal
        package let response: Response

        package init(long: String, short: String, factor: ExactDecimal, response: Response) {
            self.long = long
            self.short = short
            self.factor = factor
            self.response = response
        }

        /// Such as `1h/5m@14.4`.
        package var name: String { "\(long)/\(short)@\(factor)" }
    }

    package static let pairs = [
        Pair(long: "1h", short: "5m", factor: ExactDecimal(mantissa: 144, scale: 1), response: .page),
        Pair(long: "6h", short: "30m", factor: ExactDecimal(mantissa: 6, scale: 0), response: .page),
        Pair(long: "1d", short: "2h", factor: ExactDecimal(mantissa: 3, scale: 0), response: .ticket),
        Pair(long: "3d", short: "6h", factor: ExactDecimal(mantissa: 1, scale: 0), response: .ticket),
    ]

    package static let period = "30d"

    /// The pairs that fire: both windows strictly faster than the factor. A window without a ratio has no data and fires nothing.
    ///
    /// `objective` is under 1; `errorRatio` by the window's name. Exact: `ratio > factor × (1 − objective)`.
    package static func firing(objective: ExactDecimal, errorRatio: [String: ExactDecimal]) throws(Refusal) -> [Pair] {
        let budget = try ExactDecimal.one.subtracting(objective)
        var firing: [Pair] = []
        for pair in pairs {
            guard let long = errorRatio[pair.long], let short = errorRatio[pair.short] else { continue }
            let threshold = try pair.factor.multiplied(by: budget)
            if long > threshold && short > threshold { firing.append(pair) }
        }
        return firing
    }

    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        let members = ["kind", "id", "expect", "working", "objective", "period", "errorRatio"]
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let objective = fields.decimal("objective", issues: &issues)
        if let objective, objective >= .one {
            issues.append(
                AssetIssue(
                    fields.child("objective"), "An objective of 1 or more leaves no budget.", remedy: "Write 99.9 % as \"0.999\"."
                ))
        }
        if let given = fields.text("period", isRequired: false, issues: &issues), given != period {
            issues.append(
                AssetIssue(
                    fields.child("period"), "The factors hold for a period of \(period) and not of \(shown(given)).",
                    remedy: "Write \"\(period)\"."))
        }
        var ratios: [String: ExactDecimal] = [:]
        let windows = pairs.flatMap { [$0.long, $0.short] }
        if let ratio = fields.required("errorRatio", "the ratio of errors in each window", issues: &issues),
            let inner = DocumentFields(ratio, at: fields.child("errorRatio"), known: windows, issues: &issues)
        {
            for window in Set(windows).sorted() {
                guard let value = inner.decimal(window, isRequired: false, issues: &issues) else { continue }
                if value > .one {
                    issues.append(AssetIssue(inner.child(window), "A ratio is at most 1.", remedy: "Write 1 % as \"0.01\"."))
                }
                ratios[window] = value
            }
        }
        guard issues.count == before, let objective else { return nil }
        do throws(Refusal) {
            let firing = try firing(objective: objective, errorRatio: ratios)
            return .object(
                JSONObject(
                    Response.allCases.map { response in
                        (
                            key: response.rawValue,
                            value: .array(firing.filter { $0.response == response }.map { .string($0.name) })
                        )
                    }))
        } catch {
            issues.append(AssetIssue(fields.child("objective"), error.message, remedy: "Use fewer digits."))
            return nil
        }
    }
}
