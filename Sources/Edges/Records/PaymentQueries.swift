package import Kernel
package import Postgres

/// The payment of an invoice, as far as somebody asked to release it.
package struct PaymentRow: Sendable {
    package let tenant: TenantID
    package let invoice: InvoiceID
    package let lane: Int32
    /// The run that is at it, or was last.
    package let run: RunID
    package let postedRun: RunID
    /// `asked`, `released` or `withheld`.
    package let state: String
    package let askedBy: PersonID
    package let askedAt: Moment
    package let settledAt: Moment?
    /// What was released; nil until then.
    package let record: JSONValue?

    package init(
        tenant: TenantID, invoice: InvoiceID, lane: Int32, run: RunID, postedRun: RunID, askedBy: PersonID, askedAt: Moment
    ) {
        self.tenant = tenant
        self.invoice = invoice
        self.lane = lane
        self.run = run
        self.postedRun = postedRun
        state = "asked"
        self.askedBy = askedBy
        self.askedAt = askedAt
        settledAt = nil
        record = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        invoice = try row.get("invoice_id", as: InvoiceID.self)
        lane = try row.get("lane", as: Int32.self)
        run = try row.get("run_id", as: RunID.self)
        postedRun = try row.get("posted_run_id", as: RunID.self)
        state = try row.get("state", as: String.self)
        askedBy = try row.get("asked_by", as: PersonID.self)
        askedAt = try row.get("asked_at", as: Moment.self)
        settledAt = try row.get("settled_at", as: Moment?.self)
        record = try row.get("record", as: JSONValue?.self)
    }
}

/// A posted bill and how far its payment is.
package struct PayableRow: Sendable {
    package let invoice: InvoiceID
    package let postedRun: RunID
    package let number: String
    package let supplier: String
    package let amountMinor: Int64?
    package let currency: String?
    /// As the invoice says; nil when it does not.
    package let dueDate: CivilDate?
    package let postedAt: Moment
    /// `due` when nobody has asked yet, else the state of the payment.
    package let state: String
    package let run: RunID?

    package init(_ row: Row) throws {
        invoice = try row.get("invoice_id", as: InvoiceID.self)
        postedRun = try row.get("posted_run_id", as: RunID.self)
        number = try row.get("number", as: String.self)
        supplier = try row.get("supplier", as: String.self)
        amountMinor = try row.get("amount_minor", as: Int64?.self)
        currency = try row.get("currency", as: String?.self)
        dueDate = try row.get("due_date", as: String?.self).flatMap { CivilDate($0) }
        postedAt = try row.get("posted_at", as: Moment.self)
        state = try row.get("state", as: String.self)
        run = try row.get("run_id", as: RunID?.self)
    }
}

package enum PaymentQueries {
    /// Takes the invoice for this run, unless another run has it or it was released; then there is no row. Of two that ask at
    /// the same moment the second waits here for the first.
    package static func ask(_ row: PaymentRow) -> SQL {
        """
        INSERT INTO payment_release AS p (tenant_id, invoice_id, lane, run_id, posted_run_id, state, asked_by, asked_at)
        VALUES (\(row.tenant), \(row.invoice), \(row.lane), \(row.run), \(row.postedRun), \(row.state), \(row.askedBy),
            \(row.askedAt))
        ON CONFLICT (tenant_id, invoice_id) DO UPDATE SET lane = excluded.lane, run_id = excluded.run_id,
            posted_run_id = excluded.posted_run_id, state = excluded.state, asked_by = excluded.asked_by,
            asked_at = excluded.asked_at, settled_at = NULL
        WHERE p.state = 'withheld' RETURNING p.run_id
        """
    }

    package static func find(tenant: TenantID, invoice: InvoiceID) -> SQL {
        """
        SELECT tenant_id, invoice_id, lane, run_id, posted_run_id, state, asked_by, asked_at, settled_at, record
        FROM payment_release WHERE tenant_id = \(tenant) AND invoice_id = \(invoice)
        """
    }

    /// Ends what the runs have in hand: released with its record, or withheld where there is none. A payment that another run
    /// has, or that is settled, stays as it is.
    package static func settle(
        lane: Int32, tenants: [TenantID], invoices: [InvoiceID], runs: [RunID], records: [JSONValue?], at now: Moment
    ) -> SQL {
        """
        UPDATE payment_release p SET state = CASE WHEN n.record IS NULL THEN 'withheld' ELSE 'released' END, record = n.record,
            settled_at = \(now)
        FROM unnest(\(tenants), \(invoices), \(runs), \(records)) AS n(tenant_id, invoice_id, run_id, record)
        WHERE p.lane = \(lane) AND p.tenant_id = n.tenant_id AND p.invoice_id = n.invoice_id AND p.run_id = n.run_id
            AND p.state = 'asked'
        """
    }

    /// Posted bills with how far their payment is, those that are due first; `dueBy` leaves out what is due later or never.
    package static func payables(tenant: TenantID, isOpenOnly: Bool, dueBy: CivilDate?, limit: Int) -> SQL {
        let open: SQL = isOpenOnly ? "AND (p.state IS NULL OR p.state = 'withheld')" : ""
        let due: SQL = dueBy.map { "AND i.content->>'dueDate' <= \($0.description)" } ?? ""
        return """
            SELECT r.invoice_id, r.id AS posted_run_id, r.subject AS number, r.counterparty AS supplier, r.amount_minor,
                r.currency, i.content->>'dueDate' AS due_date, r.finished_at AS posted_at,
                coalesce(p.state, 'due') AS state, p.run_id
            FROM run r JOIN invoice i ON i.tenant_id = r.tenant_id AND i.id = r.invoice_id
            LEFT JOIN payment_release p ON p.tenant_id = r.tenant_id AND p.invoice_id = r.invoice_id
            WHERE r.tenant_id = \(tenant) AND r.outcome = 'posted' \(open) \(due)
            ORDER BY i.content->>'dueDate' NULLS LAST, r.finished_at, r.id LIMIT \(limit)
            """
    }
}
