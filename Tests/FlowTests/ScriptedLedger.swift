import Handoff
import Kernel

/// The ERP of a story and the reader beside it, behind the answers that a real worker gives.
///
/// It refuses no second bill of the same key: that there is only one is the product's promise, and a test counts.
final class ScriptedLedger: Sendable {
    struct Bill: Sendable, Equatable {
        let tenant: TenantID
        let number: String
        let key: String
    }

    struct State: Sendable {
        var bills: [Bill] = []
        /// Bills that were sent and show only from this instant on.
        var underWay: [(from: Moment, bill: Bill)] = []
        var knowsSupplier = true
        /// What somebody changed in the bills behind our back, by field.
        var changed: [String: String] = [:]
        var billState = "posted"
        /// The supplier's account as the ledger has it.
        var account = "DE89370400440532013000"
        /// The next writes are refused with this code.
        var refusals = 0
        /// What the ledger asks before it takes any bill; it goes on when a decision is named that answers it.
        var question: String?
        /// Decisions that confirmed something, as the ledger was told.
        var confirmations: [String] = []
        /// The next documents cannot be read.
        var unreadable = 0
        /// The next calls of these kinds fail without effect.
        var failures: [WorkKind: Int] = [:]
        var calls: [String] = []
    }

    private let state = Locked(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    func confirmations() -> [String] { state.withLock(\.confirmations) }
    func bills(of tenant: TenantID) -> [Bill] { state.withLock { $0.bills.filter { $0.tenant == tenant } } }
    func calls(_ tenant: TenantID) -> [String] {
        state.withLock { state in state.calls.filter { $0.hasPrefix(tenant.text) }.map { String($0.dropFirst(37)) } }
    }

    /// What an attempt brings; for a full write with its effect, unless `withoutEffect`.
    func answer(_ lease: WorkLease, tenant: TenantID, document: [UInt8], at now: Moment) -> WorkOutcome {
        state.withLock { state in
            ScriptedLedger.settle(&state, at: now)
            state.calls.append("\(tenant.text) \(lease.kind.rawValue) \(lease.phase.rawValue)")
            if let left = state.failures[lease.kind], left > 0 {
                state.failures[lease.kind] = left - 1
                return .failed(code: "CONNECT", message: "The ledger does not answer.", retryAfterSeconds: nil)
            }
            switch lease.kind {
            case .documentRead:
                guard state.unreadable == 0 else {
                    state.unreadable -= 1
                    return .refused(code: "DOC_UNREADABLE", message: "The file is damaged.")
                }
                return ScriptedLedger.read(document)
            case .erpRead:
                if lease.input["object"]?.string == "bill" {
                    return .completed(output: ScriptedLedger.bill(lease.input, in: state))
                }
                return .completed(output: ScriptedLedger.lookUp(lease.input, state))
            case .erpWrite: return ScriptedLedger.write(lease, tenant: tenant, in: &state)
            case .notify, .telemetryExport: return .completed(output: [:])
            }
        }
    }

    /// The write goes out now and shows in the ledger `after` seconds later, whatever becomes of the worker.
    func send(_ lease: WorkLease, tenant: TenantID, at now: Moment, showingAfter seconds: Int64) {
        state.withLock { state in
            ScriptedLedger.settle(&state, at: now)
            let bill = ScriptedLedger.bill(lease, tenant: tenant)
            guard lease.phase == .full, !state.bills.contains(bill) else { return }
            state.underWay.append((now.adding(seconds: seconds), bill))
        }
    }

    private static func settle(_ state: inout State, at now: Moment) {
        for item in state.underWay where item.from <= now { state.bills.append(item.bill) }
        state.underWay.removeAll { $0.from <= now }
    }

    private static func read(_ bytes: [UInt8]) -> WorkOutcome {
        do throws(JSONParseFailure) {
            return .completed(output: try JSONValue(parsing: bytes))
        } catch {
            return .refused(code: "DOC_UNREADABLE", message: "It is no invoice: \(error.message) at line \(error.line).")
        }
    }

    private static func bill(_ lease: WorkLease, tenant: TenantID) -> Bill {
        Bill(
            tenant: tenant, number: lease.input["bill"]?["number"]?.string ?? lease.input["key"]?["number"]?.string ?? "?",
            key: lease.idempotencyKey)
    }

    private static func write(_ lease: WorkLease, tenant: TenantID, in state: inout State) -> WorkOutcome {
        let bill = bill(lease, tenant: tenant)
        let fields = fields(of: bill.number, changed: [:])
        let output: JSONValue = [
            "externalId": .string("B-\(bill.number)"), "externalVersion": "1", "number": .string(bill.number),
            "comparedFields": [], "fields": fields, "fingerprint": .string(fields.text),
        ]
        let isThere = state.bills.contains { $0.key == bill.key && $0.tenant == tenant }
        if lease.input["intent"]?.string == "cancel" {
            return lease.phase == .search ? .found(output: ["cancelled": true]) : .completed(output: ["cancelled": true])
        }
        if lease.phase == .search { return isThere ? .found(output: output) : .absent }
        if isThere { return .completed(output: output) }
        if state.refusals > 0 {
            state.refusals -= 1
            return .refused(code: "PERIOD_CLOSED", message: "The period is closed.")
        }
        if let question = state.question {
            let told = lease.input["confirmations"]?.array ?? []
            guard let answer = told.first(where: { $0["name"]?.string == question })?["decision"]?.string else {
                return .needsDecision(name: question, message: "There is a similar bill. Go on?", evidence: .null)
            }
            state.confirmations.append(answer)
        }
        state.bills.append(bill)
        return .completed(output: output)
    }

    /// A bill as a read by its id finds it, compared with what was approved as a worker compares it.
    private static func bill(_ input: JSONValue, in state: State) -> JSONValue {
        let id = input["key"]?["externalId"]?.string ?? ""
        guard state.bills.contains(where: { "B-\($0.number)" == id }) else { return ["found": false] }
        let approved = input["approved"]?["fields"]?.object ?? [:]
        let now = fields(of: String(id.dropFirst(2)), changed: state.changed)
        let differences = approved.keys.filter { approved[$0] != now[$0] }.map { key -> JSONValue in
            ["field": .string(key), "asked": approved[key] ?? .null, "found": now[key] ?? .null]
        }
        return [
            "found": true, "bill": ["externalId": .string(id), "state": .string(state.billState)], "fields": now,
            "fingerprint": .string(now.text), "differences": .array(differences),
        ]
    }

    private static func fields(of number: String, changed: [String: String]) -> JSONValue {
        var out: JSONObject = ["number": .string(number), "supplier": "S-100"]
        for (name, value) in changed.sorted(by: { $0.key < $1.key }) { out[name] = .string(value) }
        return .object(out)
    }

    /// An order's number carries its price: `PO-952.00`.
    private static func lookUp(_ input: JSONValue, _ state: State) -> JSONValue {
        switch input["object"]?.string {
        case "supplier":
            guard state.knowsSupplier else { return ["found": false] }
            return [
                "found": true,
                "supplier": [
                    "number": "S-100", "legalName": "Elbe Papier GmbH", "address": ["country": "DE"], "vatId": "DE136695976",
                    "status": "active", "riskTier": "low",
                    "bankAccounts": [["scheme": "iban", "value": .string(state.account)]],
                ],
            ]
        case "order":
            let number = input["key"]?["number"]?.string ?? ""
            let price: JSONValue = ["amount": .string(String(number.dropFirst(3))), "currency": "EUR"]
            return [
                "found": true,
                "order": [
                    "number": .string(number), "supplier": "S-100", "orderDate": "2026-06-01", "currency": "EUR",
                    "status": "open",
                    "lines": [
                        [
                            "lineNo": "10", "quantity": ["value": "1", "unit": "C62"], "unitPrice": price, "netAmount": price,
                            "grRequired": false,
                        ]
                    ],
                ],
            ]
        default: return ["found": false, "receipts": []]
        }
    }
}
