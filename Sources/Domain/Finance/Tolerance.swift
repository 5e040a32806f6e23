package import Kernel

/// How far a figure may stray before work stops: one versioned row of a tolerance policy.
///
/// `nil` is "not checked" and is not the same as 0, which permits nothing. Limits are in the document's currency.
package struct Tolerance: Hashable, Sendable, JSONCoded {
    /// What is compared. The comments name the keys of SAP's logistics invoice verification, the vocabulary buyers know.
    package enum Check: String, Sendable, CaseIterable, JSONCoded {
        /// Line value against quantity times order price (PP).
        case price
        /// Quantity above what is left of the order, valued at the order price.
        case quantityOrder
        /// Quantity above what was received and not yet invoiced, valued at the order price (DQ).
        case quantityReceipt
        /// Line value when a receipt is due and nothing has come (DW); without a row nothing passes.
        case noReceipt
        /// Value above the ceiling of a blanket order line (LA).
        case blanket
        /// An invoice dated before its order, valued at amount times days (ST); without a row it is not checked, for many
        /// orders are written after the fact.
        case early
    }

    package enum Direction: String, Sendable, CaseIterable, JSONCoded { case over, under, both }
    /// `any`: either limit exceeded is a breach; `all`: only both.
    package enum Combine: String, Sendable, CaseIterable, JSONCoded { case any, all }
    package enum Action: String, Sendable, CaseIterable, JSONCoded { case pass, hold, reject }

    /// For whom a row holds; nil is for all. The row with the most specific scope wins.
    package struct Scope: Hashable, Sendable, JSONCoded {
        package var entity: String?
        package var supplier: String?
        package var category: String?
        package var currency: Currency?

        package init(entity: String? = nil, supplier: String? = nil, category: String? = nil, currency: Currency? = nil) {
            self.entity = entity
            self.supplier = supplier
            self.category = category
            self.currency = currency
        }

        package init(json: JSONValue, at pointer: String) throws(Refusal) {
            var fields = try JSONFields(json, at: pointer)
            entity = try fields.optional("entity")
            supplier = try fields.optional("supplier")
            category = try fields.optional("category")
            currency = try fields.optional("currency")
            try fields.finish()
        }

        package var json: JSONValue {
            .object(["entity": entity?.json, "supplier": supplier?.json, "category": category?.json, "currency": currency?.json])
        }

        /// Nil when the scope does not cover the subject; otherwise higher is more specific. A supplier outweighs everything
        /// else together, then the category, the entity, the currency: no two different scopes tie.
        func rank(for subject: MatchSubject) -> Int? {
            var rank = 0
            for (wanted, actual, weight) in [
                (supplier, subject.supplier, 8), (category, subject.category, 4), (entity, subject.entity, 2),
                (currency?.code, subject.currency.code, 1),
            ] {
                guard let wanted else { continue }
                guard wanted == actual else { return nil }
                rank += weight
            }
            return rank
        }
    }

    package var id: String
    package var version: Int
    package var scope: Scope
    package var check: Check
    package var direction: Direction
    package var absMinor: Int64?
    package var pct: ExactDecimal?
    package var combine: Combine
    package var action: Action

    package init(
        id: String, version: Int, scope: Scope = Scope(), check: Check, direction: Direction = .over, absMinor: Int64? = nil,
        pct: ExactDecimal? = nil, combine: Combine = .any, action: Action = .hold
    ) {
        self.id = id
        self.version = version
        self.scope = scope
        self.check = check
        self.direction = direction
        self.absMinor = absMinor
        self.pct = pct
        self.combine = combine
        self.action = action
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        id = try fields.required("id")
        version = try fields.required("version")
        scope = try fields.optional("scope") ?? Scope()
        check = try fields.required("check")
        direction = try fields.optional("direction") ?? .over
        absMinor = try fields.optional("absMinor")
        pct = try fields.optional("pct")
        combine = try fields.optional("combine") ?? .any
        action = try fields.optional("action") ?? .hold
        try fields.finish()
        guard (absMinor ?? 0) >= 0, pct?.isNegative != true else {
            throw .json("type", at: pointer, "A tolerance cannot be negative; leave it out when it is not checked.")
        }
    }

    package var json: JSONValue {
        .object([
            "id": id.json, "version": version.json, "scope": scope.json, "check": check.json, "direction": direction.json,
            "absMinor": absMinor?.json ?? .null, "pct": pct?.json ?? .null, "combine": combine.json, "action": action.json,
        ])
    }

    /// What holds where no row speaks: nothing above, anything below. Never a silent pass.
    static func builtIn(_ check: Check) -> Tolerance {
        Tolerance(id: "builtin.exact", version: 0, check: check, direction: .over, absMinor: 0, combine: .any, action: .hold)
    }

    /// The row that governs a check for a subject and a direction of straying: the most specific scope, then the highest
    /// version, then the first id by bytes.
    static func governing(_ check: Check, isOver: Bool, subject: MatchSubject, rows: [Tolerance]) -> Tolerance? {
        let covering = rows.compactMap { row -> (row: Tolerance, rank: Int)? in
            guard row.check == check, let rank = row.scope.rank(for: subject) else { return nil }
            return (row, rank)
        }
        let best = covering.filter { $0.row.covers(isOver: isOver) }.max {
            ($0.rank, $0.row.version, $1.row.id) < ($1.rank, $1.row.version, $0.row.id)
        }
        if let best { return best.row }
        // Rows that look the other way say that this direction is not checked; no rows at all say nothing.
        if !covering.isEmpty { return nil }
        guard check != .early else { return nil }
        let fallback = builtIn(check)
        return fallback.covers(isOver: isOver) ? fallback : nil
    }

    private func covers(isOver: Bool) -> Bool { direction == .both || (direction == .over) == isOver }

    /// Whether a variance breaks the row. A variance equal to a limit keeps it. `percent` is nil when there is nothing to
    /// compare with, and then every percent limit is exceeded.
    func isBroken(variance: ExactDecimal, percent: ExactDecimal?, currency: Currency) -> Bool {
        var breaches: [Bool] = []
        if let absMinor {
            breaches.append(variance.magnitude > ExactDecimal(mantissa: Int128(absMinor), scale: currency.minorDigits))
        }
        if let pct { breaches.append(percent.map { $0.magnitude > pct } ?? true) }
        guard !breaches.isEmpty else { return false }
        return combine == .any ? breaches.contains(true) : !breaches.contains(false)
    }
}
