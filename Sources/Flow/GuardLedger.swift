internal import Kernel
internal import Policies
internal import Postgres
internal import Records
internal import Seals

/// What a lane knows of a tenant's acts of one kind while it judges some of them, and what it will write of them.
///
/// A tenant lies in one lane and a lane is one owner's, so nobody else reserves meanwhile; the sums are locked besides.
struct GuardLedger {
    let lane: Int32
    let tenant: TenantID
    let kind: GuardedAct.Kind
    let day: CivilDate
    let now: Moment
    private(set) var rows: [AnyID: GuardrailActRow] = [:]
    /// By currency and supplier; the empty supplier is the whole day.
    private(set) var sums: [String: [String: Int128]] = [:]
    private var changes: [String: Moment] = [:]

    private var returned: [AnyID] = []
    private var put: [GuardrailActRow] = []
    private var counted: [GuardrailActRow] = []

    init(lane: Int32, tenant: TenantID, kind: GuardedAct.Kind, day: CivilDate, now: Moment) {
        self.lane = lane
        self.tenant = tenant
        self.kind = kind
        self.day = day
        self.now = now
    }

    mutating func load(ids: [AnyID], suppliers: [String], tx: Transaction) async throws {
        let found = try await tx.pipeline([
            GuardrailQueries.load(lane: lane, tenant: tenant, ids: ids),
            GuardrailQueries.totals(lane: lane, tenant: tenant, kind: kind.rawValue, day: day, suppliers: suppliers),
            GuardrailQueries.changes(lane: lane, tenant: tenant, suppliers: suppliers),
        ])
        for row in try found[0].map(GuardrailActRow.init) { rows[row.id] = row }
        for row in found[1] {
            let currency = try row.get("currency", as: String.self)
            let amount = try row.get("amount", as: String.self)
            guard let sum = Int128(amount) else { throw Fault("read the sums of a day", amount, isRetryable: false) }
            sums[currency, default: [:]][try row.get("supplier", as: String.self)] = sum
        }
        for row in found[2] {
            changes[try row.get("supplier", as: String.self)] = try row.get("changed_at", as: Moment.self)
        }
    }

    /// When the supplier's accounts changed last.
    func changed(_ supplier: String) -> Moment? { changes[supplier] }

    /// The act with the sums around it. What it has reserved itself on this day is not before it.
    func completed(_ act: GuardedAct, id: AnyID) -> GuardedAct {
        var (ofDay, ofSupplier): (Int128, Int128) = (0, 0)
        if let currency = act.amount?.currency.code {
            ofDay = sums[currency]?[""] ?? 0
            ofSupplier = sums[currency]?[act.supplier] ?? 0
            if let own = rows[id], counts(own), own.day == day, own.currency == currency {
                ofDay -= Int128(own.amountMinor ?? 0)
                if sameBytes(own.supplier, act.supplier) { ofSupplier -= Int128(own.amountMinor ?? 0) }
            }
        }
        let days = changes[act.supplier].map { Int(max(0, now.seconds(since: $0)) / 86_400) }
        return act.standing(accountDays: days, dayBefore: ofDay, supplierDayBefore: ofSupplier)
    }

    private func counts(_ row: GuardrailActRow) -> Bool { row.state == "reserved" || row.state == "done" }

    /// Keeps how an act was judged. A clear one is counted on this day, once; another gives back what it had reserved.
    mutating func keep(_ act: GuardedAct, id: AnyID, run: RunID, state: String, facts: JSONValue, bound: [GuardFinding]) {
        let before = rows[id]
        let row = GuardrailActRow(
            tenant: tenant, id: id, lane: lane, kind: kind.rawValue, run: run, day: day, supplier: act.supplier,
            currency: act.amount?.currency.code, amountMinor: act.amount?.minorUnits, state: state, facts: facts,
            bound: .array(bound.map(\.json)), at: before?.at ?? now)
        if let pending = put.firstIndex(where: { $0.id == id }) {
            // Twice in one batch, as two branches of a fork write it: the later judgement stands for both.
            if counts(put[pending]) { shift(put[pending], by: -1) }
            put.remove(at: pending)
            counted.removeAll { $0.id == id }
        } else if let before, before.state == "reserved" {
            returned.append(id)
            shift(before, by: -1)
        }
        put.append(row)
        rows[id] = row
        if counts(row) {
            counted.append(row)
            shift(row, by: 1)
        }
    }

    private mutating func shift(_ row: GuardrailActRow, by sign: Int128) {
        guard row.day == day, let currency = row.currency, let amount = row.amountMinor else { return }
        for supplier in Set(["", row.supplier]) { sums[currency, default: [:]][supplier, default: 0] += sign * Int128(amount) }
    }

    /// Everything that was kept, in an order in which nothing is counted twice.
    mutating func save(tx: Transaction) async throws {
        var statements: [SQL] = []
        if !returned.isEmpty {
            statements.append(
                GuardrailQueries.finish(
                    lane: lane, tenants: returned.map { _ in tenant }, ids: returned, states: returned.map { _ in "returned" },
                    at: now))
        }
        if !put.isEmpty { statements.append(GuardrailQueries.put(put, at: now)) }
        if !counted.isEmpty { statements.append(GuardrailQueries.count(lane: lane, counted)) }
        guard !statements.isEmpty else { return }
        _ = try await tx.pipeline(statements)
        returned = []
        put = []
        counted = []
    }
}

extension GuardedAct {
    /// The same act with what the tenant did before.
    func standing(accountDays: Int?, dayBefore: Int128, supplierDayBefore: Int128) -> GuardedAct {
        GuardedAct(
            kind: kind, amount: amount, entity: entity, supplier: supplier, connection: connection, workflow: workflow,
            hasOrder: hasOrder, isDerived: isDerived, accountDays: accountDays, invoice: invoice, dayBefore: dayBefore,
            supplierDayBefore: supplierDayBefore)
    }

    /// What signatures bind to. Its members are texts and flags, so it always has a canonical form.
    var factsHash: String { (try? ObjectHash.hexText(of: object)) ?? "" }
}
