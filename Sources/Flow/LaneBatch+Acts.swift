internal import Kernel
internal import Policies
internal import Records
internal import Seals
internal import Tenancy
internal import Workflows

/// Acts of runs as guardrails see them, read from what is really written or paid and not from what a definition says of it.
extension LaneBatch {
    /// The intent of a write that takes an earlier one back.
    static let cancelIntent = "cancel"

    /// Whether the work is a write into a ledger that adds something to it.
    func isPosting(_ task: TaskRow) -> Bool {
        task.kind == WorkRequest.Kind.erpWrite.rawValue && task.request["input"]?["intent"]?.string != LaneBatch.cancelIntent
    }

    /// A write by the key that the ledger recognises it by: asked for again, in another visit or by another version of the
    /// workflow, it is the same act, and it is counted once.
    func actID(of act: GuardedAct, _ task: TaskRow) -> AnyID {
        let parts = [
            task.tenant.text, task.connection ?? "", task.idempotencyKey, act.amount?.description ?? "", act.supplier,
        ]
        return AnyID.derived(from: "act/" + parts.joined(separator: "/")) { SHA256.hash($0) }
    }

    /// What a write puts into the ledger. A write that carries no invoice is taken for as much as its run is about.
    func posting(_ task: TaskRow) -> GuardedAct {
        let input = task.request["input"] ?? .null
        let bill = input["bill"] ?? .null
        let invoice = bill["invoice"] ?? .null
        let run = task.run.flatMap { runs[$0] }
        let amount = invoice == .null ? run?.amount : LaneBatch.money(invoice["totals"]?["taxInclusive"])
        return GuardedAct(
            kind: .posting, amount: LaneBatch.size(amount),
            entity: bill["entity"]?.string ?? input["key"]?["entity"]?.string ?? "",
            supplier: bill["supplier"]?.string ?? input["key"]?["supplier"]?.string ?? "", connection: task.connection ?? "",
            workflow: run?.workflow ?? "", hasOrder: LaneBatch.hasOrder(invoice),
            isDerived: isDerived(input, run: task.run, tenant: task.tenant), accountDays: nil, invoice: invoice, dayBefore: 0,
            supplierDayBefore: 0)
    }

    /// What a release pays: the larger of what it records and what its run is about. Two currencies cannot be told together.
    func payment(_ record: JSONValue, of run: RunRow, state: RunState) -> GuardedAct {
        let recorded = LaneBatch.size(LaneBatch.money(record["amount"]))
        let known = LaneBatch.size(run.amount)
        let amount: Money? =
            if let recorded, let known {
                recorded.currency == known.currency ? (recorded.minorUnits > known.minorUnits ? recorded : known) : nil
            } else {
                nil
            }
        let invoice = state.input["invoice"] ?? .null
        return GuardedAct(
            kind: .payment, amount: amount, entity: state.input["entity"]?["code"]?.string ?? "",
            supplier: state.input["supplier"]?["number"]?.string ?? run.counterparty, connection: "", workflow: run.workflow,
            hasOrder: LaneBatch.hasOrder(invoice), isDerived: isDerived(record, state: state, tenant: run.tenant),
            accountDays: nil, invoice: invoice, dayBefore: 0, supplierDayBefore: 0)
    }

    private static func hasOrder(_ invoice: JSONValue) -> Bool { invoice["orderRef"]?.string?.isEmpty == false }

    private static func money(_ json: JSONValue?) -> Money? {
        guard let text = json?["amount"]?.string, let currency = json?["currency"]?.string.flatMap({ Currency($0) }) else {
            return nil
        }
        return try? Amount(text, currency: currency).money()  // an amount that its currency cannot hold counts as untold
    }

    private static func size(_ money: Money?) -> Money? {
        guard let money else { return nil }
        return try? Money(minorUnits: Int64(money.minorUnits.magnitude), currency: money.currency)  // of the same range
    }

    private func isDerived(_ written: JSONValue, run: RunID?, tenant: TenantID) -> Bool {
        guard assets[tenant]?.guardrails?.asksForMarks ?? false else { return false }
        guard let run, let row = runs[run],
            let state = states[run] ?? (try? RunState(json: row.state))  // a run whose state does not read is held
        else { return GuardedAct.isDerived(written) }
        return isDerived(written, state: state, tenant: tenant)
    }

    private func isDerived(_ written: JSONValue, state: RunState, tenant: TenantID) -> Bool {
        guard assets[tenant]?.guardrails?.asksForMarks ?? false else { return false }
        return GuardedAct.isDerived(written) || GuardedAct.isDerived(state.input) || GuardedAct.isDerived(.object(state.context))
    }

    // MARK: What becomes of reservations

    /// The write was answered for good: its effect is there, was taken back, or never came.
    mutating func settleAct(of task: TaskRow, _ result: WorkResult) {
        guard task.kind == WorkRequest.Kind.erpWrite.rawValue else { return }
        let isCancelling = !isPosting(task)
        switch result {
        case .completed: endAct(of: task, isCancelling ? "undone" : "done")
        case .mismatch: if !isCancelling { endAct(of: task, "done") }
        case .refused, .needsDecision: if !isCancelling { endAct(of: task, "returned") }
        case .dead: if !isCancelling { returnIfUnsent(task) }
        }
    }

    /// Work that nobody waits for any longer gives back what it reserved, unless the ledger may have taken it in.
    mutating func returnIfUnsent(_ task: TaskRow) {
        guard isPosting(task),
            let machine = try? TaskMachine(json: task.progress)  // one that does not read stays counted
        else { return }
        switch machine.phase {
        case .ready(.full), .backingOff(until: _, then: .full), .dead(then: .full): endAct(of: task, "returned")
        case .ready(.search), .leased, .backingOff(until: _, then: .search), .settling, .done, .dead(then: .search): return
        }
    }

    private mutating func endAct(of task: TaskRow, _ state: String) {
        guard assets[task.tenant]?.guardrails != nil else { return }
        endedActs.append((tenant: task.tenant, id: actID(of: posting(task), task), state: state))
    }

    /// What a ledger told about a supplier's accounts, as a fingerprint that says nothing of them.
    mutating func observeSupplier(_ task: TaskRow, _ output: JSONValue) {
        guard task.kind == WorkRequest.Kind.erpRead.rawValue, assets[task.tenant]?.guardrails != nil,
            let supplier = output["supplier"], let number = supplier["number"]?.string, !number.isEmpty,
            number.utf8.count <= LaneBatch.supplierBytesMax, let accounts = supplier["bankAccounts"]?.array
        else { return }
        let written = accounts.compactMap { $0["value"]?.string }.map { text in
            String(text.unicodeScalars.filter { !$0.properties.isWhitespace }).uppercased()
        }
        let subject: JSONValue = [
            "tenant": JSONValue(task.tenant), "accounts": .array(written.sorted().map(JSONValue.string)),
        ]
        guard let hash = try? ObjectHash.hexText(of: subject) else { return }  // texts always have a canonical form
        let row = SupplierAccountRow(
            tenant: task.tenant, supplier: number, connection: task.connection ?? "", fingerprint: hash)
        seenSuppliers.removeAll {
            $0.tenant == row.tenant && sameBytes($0.supplier, number) && sameBytes($0.connection, row.connection)
        }
        seenSuppliers.append(row)
    }

    /// A number longer than this is no number of a supplier.
    static let supplierBytesMax = 1024
}
