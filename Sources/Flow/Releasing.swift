package import Kernel
internal import Policies
internal import Postgres
package import Records
internal import Seals
internal import Tenancy
internal import Workflows

/// Payments: what was posted and may be paid, and the request to release it.
///
/// A request starts a run of the tenant's payment workflow, which asks the ERP and the people. One invoice has at most one such
/// run at a time and is released at most once: the row of its payment says so, whoever asks and however many ask at once.
package struct Releasing: Sendable {
    /// Posted bills looked at for one request by due date.
    package static let bulkMax = 200

    /// What became of a request.
    package struct Asked: Sendable, Equatable {
        package let invoice: InvoiceID
        package let run: RunID
        /// False when somebody had asked before, whose run this is.
        package let isNew: Bool
    }

    /// One bill that a request by due date left out, and why.
    package struct LeftOut: Sendable {
        package let payable: PayableRow
        package let refusal: Refusal
    }

    private let platform: Platform
    private let desk: CommandDesk
    private let assets: AssetLibrary

    package init(platform: Platform, desk: CommandDesk, assets: AssetLibrary) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
    }

    /// Posted bills and how far their payment is, those that are due first. `isOpenOnly` leaves out what is under way or
    /// released; `dueBy` leaves out what is due later or says no date.
    package func payables(
        _ tenant: TenantID, isOpenOnly: Bool = false, dueBy: CivilDate? = nil, limit: Int = Releasing.bulkMax
    ) async throws -> [PayableRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                PaymentQueries.payables(
                    tenant: tenant, isOpenOnly: isOpenOnly, dueBy: dueBy, limit: min(limit, Releasing.bulkMax))
            ).map(PayableRow.init)
        }
    }

    /// The payment of an invoice; nil when nobody has asked for it.
    package func payment(_ tenant: TenantID, invoice: InvoiceID) async throws -> PaymentRow? {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(PaymentQueries.find(tenant: tenant, invoice: invoice)).first.map(PaymentRow.init)
        }
    }

    /// Asks for the payment of everything that is due by a day; what may not be asked for by this person is left out and told.
    package func ask(
        dueBy: CivilDate, as actor: Actor, scope: ScopeRow
    ) async throws -> (asked: [Asked], leftOut: [LeftOut]) {
        var asked: [Asked] = []
        var leftOut: [LeftOut] = []
        for payable in try await payables(scope.id, isOpenOnly: true, dueBy: dueBy) {
            do {
                asked.append(try await ask(payable.postedRun, as: actor, scope: scope))
            } catch let refusal as Refusal {
                leftOut.append(LeftOut(payable: payable, refusal: refusal))
            }
        }
        return (asked, leftOut)
    }

    /// Asks for the payment of what this run posted. Who approved the invoice may not ask for its payment.
    package func ask(_ posted: RunID, as actor: Actor, scope: ScopeRow) async throws -> Asked {
        let found = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(RunQueries.find(tenant: scope.id, id: posted)).first.map(RunRow.init)
        }
        guard let row = found else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        let bill = try PostedBill(row)
        let tenant = try await assets.current(for: scope.id)
        let workflow = tenant.tenant?.workflows[.payment] ?? "payment-release"
        let context = try await assets.context(for: try assets.pins(in: tenant, workflow: workflow, at: platform.clock.now))
        if let name = context.environment.definition.duties {
            guard let rules = context.environment.policies[name]?.dutySeparation else {
                throw Refusal(
                    .unavailable, reason: "configuration.duties",
                    "The rules about duty separation are missing, so nobody can ask for a payment now.")
            }
            try rules.permit(duty: RunPayment.askingDuty, by: actor.natural, chain: bill.acts)
        }
        let run: RunID = platform.newID()
        let command = start(bill, run: run, workflow: workflow, by: actor, scope: scope)
        let asked = try await take(bill, command: command, run: run, by: actor, scope: scope)
        if asked.isNew { desk.nudge(lane: scope.lane) }
        return asked
    }

    /// The payment's row and the command that starts its run, in one transaction.
    private func take(
        _ bill: PostedBill, command: CommandRow, run: RunID, by actor: Actor, scope: ScopeRow
    ) async throws -> Asked {
        let row = PaymentRow(
            tenant: scope.id, invoice: bill.invoice, lane: scope.lane, run: run, postedRun: bill.run, askedBy: actor.person,
            askedAt: command.createdAt)
        return try await platform.store.withTenant(scope.id) { [platform] tx in
            guard try await tx.query(PaymentQueries.ask(row)).count == 1 else {
                guard
                    let known = try await tx.query(PaymentQueries.find(tenant: scope.id, invoice: bill.invoice)).first
                        .map(PaymentRow.init)
                else { throw Fault("ask for a payment", "it is neither new nor known", isRetryable: true) }
                guard known.state == "asked" else {
                    throw Refusal(
                        .conflict, reason: "payment.released", "The payment of \(bill.number) was released already.",
                        facts: ["run": known.run.text])
                }
                return Asked(invoice: bill.invoice, run: known.run, isNew: false)
            }
            _ = try await tx.query(CommandQueries.insert(command))
            try await tx.execute(
                AuditQueries.insert([
                    AuditRow(
                        tenant: scope.id, id: platform.newID(), lane: scope.lane, at: command.createdAt, actorKind: "person",
                        actor: actor.person.text, action: "payment.asked", objectType: "invoice", objectID: bill.invoice.text,
                        run: run, content: ["postedRun": JSONValue(bill.run), "fingerprint": bill.fingerprint])
                ]))
            try await tx.execute(
                OutboxQueries.insert([
                    OutboxRow(
                        tenant: scope.id, lane: scope.lane, at: command.createdAt, topic: "payment.asked", run: run,
                        facts: ["invoice": JSONValue(bill.invoice), "number": .string(bill.number)])
                ]))
            return Asked(invoice: bill.invoice, run: run, isNew: true)
        }
    }

    private func start(
        _ bill: PostedBill, run: RunID, workflow: String, by actor: Actor, scope: ScopeRow
    ) -> CommandRow {
        let chain = bill.acts + [DutySeparation.Act(duty: RunPayment.askingDuty, person: actor.natural.text)]
        var input = bill.input
        input["supplier"] = bill.supplier
        input["payment"] = [
            "invoice": JSONValue(bill.invoice), "postedRun": JSONValue(bill.run), "externalId": .string(bill.externalId),
            "approved": ["fingerprint": bill.fingerprint, "fields": bill.fields],
        ]
        input["chain"] = .array(chain.map { ["duty": .string($0.duty), "person": .string($0.person)] })
        return CommandRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "run.start/payment/\(run)",
            kind: "run.start", run: run,
            payload: .object([
                "workflow": .string(workflow), "document": bill.document.map { JSONValue($0) },
                "invoice": JSONValue(bill.invoice),
                "before": [
                    [
                        "type": "payment.asked", "summary": .string("\(actor.name) asked for the payment of \(bill.number)."),
                        "data": ["postedRun": JSONValue(bill.run)],
                    ]
                ],
                "input": .object(input),
            ]), traceparent: bill.traceparent, createdAt: platform.clock.now)
    }
}

/// What a posted run knows of its bill: the ERP's own id, the fields as they were compared then, and who did what.
struct PostedBill: Sendable {
    let run: RunID
    let invoice: InvoiceID
    let document: DocumentID?
    let number: String
    let externalId: String
    let fingerprint: JSONValue
    let fields: JSONValue
    let supplier: JSONValue
    let acts: [DutySeparation.Act]
    /// The parts of the posted run's input that the payment is about.
    let input: JSONObject
    let traceparent: String?

    /// Refuses what cannot be paid, and what could not be compared with the ERP.
    init(_ row: RunRow) throws(Refusal) {
        guard row.outcome == "posted", let invoice = row.invoice else {
            throw Refusal(
                .conflict, reason: "payment.not-posted", "Only the payment of a posted invoice can be asked for.",
                facts: ["run": row.id.text, "phase": row.phase])
        }
        guard let amount = row.amountMinor, amount > 0 else {
            throw Refusal(
                .conflict, reason: "payment.nothing-due",
                "\(row.subject) asks for no money: it is a credit note, or its amount cannot be told.",
                facts: ["run": row.id.text])
        }
        let state = try RunState(json: row.state)
        let bill = state.context["bill"] ?? .null
        guard let externalId = bill["externalId"]?.string, let fields = bill["fields"], fields.object?.isEmpty == false,
            let fingerprint = bill["fingerprint"], fingerprint.string != nil, let supplier = state.context["supplier"],
            supplier["number"]?.string != nil
        else {
            throw Refusal(
                .conflict, reason: "payment.not-comparable",
                "What was posted for \(row.subject) was not recorded field by field, so nobody can tell whether it changed. "
                    + "Pay it outside, or post it again.", facts: ["run": row.id.text])
        }
        run = row.id
        self.invoice = invoice
        document = row.document
        number = row.subject
        self.externalId = externalId
        self.fingerprint = fingerprint
        self.fields = fields
        self.supplier = supplier
        acts = state.actsOnChain
        var input: JSONObject = [:]
        for name in ["document", "invoice", "entity", "case"] { input[name] = state.input[name] ?? .null }
        self.input = input
        traceparent = row.traceparent
    }
}
