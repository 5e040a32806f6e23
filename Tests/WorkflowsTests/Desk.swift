import Kernel
import Testing

@testable import Workflows

/// People of the stories.
enum Person {
    static let maya = PersonID(high: 1, low: 1)
    static let jonas = PersonID(high: 1, low: 2)
    static let petra = PersonID(high: 1, low: 3)
    static let ruth = PersonID(high: 1, low: 4)
    static let all = [maya, jonas, petra, ruth]

    static func roles(_ person: PersonID) -> Set<String> {
        switch person {
        case maya: ["ap-clerk"]
        case ruth: ["controller", "ap-clerk"]
        default: ["approver"]
        }
    }
}

/// What the tenant's ERP knows in a story.
struct Ledger {
    var supplier: JSONValue? = [
        "number": "S-100", "legalName": "Elbe Papier GmbH", "address": ["country": "DE"], "vatId": "DE136695976",
        "status": "active",
        "riskTier": "low",
    ]
    var orderedPrice = "952.00"
    var orderedQuantity = "1"
    var receivedQuantity: String? = "1"
    var hasOrder = true

    func answer(_ request: WorkRequest) -> JSONValue {
        switch request.input["object"]?.string {
        case "supplier": return .object(["found": .bool(supplier != nil), "supplier": supplier])
        case "order": return .object(["found": .bool(hasOrder), "order": hasOrder ? order : nil])
        case "receipts": return .object(["found": .bool(receivedQuantity != nil), "receipts": receipts])
        case "bill": return ["externalId": "B-1", "externalVersion": "1", "number": "R-2026-0042", "comparedFields": []]
        default: return [:]
        }
    }

    private func eur(_ amount: String) -> JSONValue { ["amount": .string(amount), "currency": "EUR"] }

    private var order: JSONValue {
        [
            "number": "PO-7", "supplier": "S-100", "orderDate": "2026-06-01", "currency": "EUR", "status": "open",
            "lines": [
                [
                    "lineNo": "10", "quantity": ["value": .string(orderedQuantity), "unit": "C62"],
                    "unitPrice": eur(orderedPrice),
                    "netAmount": eur(orderedPrice), "grRequired": true,
                ]
            ],
        ]
    }

    private var receipts: JSONValue {
        guard let receivedQuantity else { return [] }
        return [
            [
                "number": "GR-1", "supplier": "S-100", "receiptDate": "2026-06-20", "status": "posted",
                "lines": [
                    [
                        "poRef": ["number": "PO-7", "lineNo": "10"],
                        "quantity": ["value": .string(receivedQuantity), "unit": "C62"],
                    ]
                ],
            ]
        ]
    }
}

/// One run with everything around it: sends events, answers work from the ledger, remembers what was asked.
struct Desk {
    static let start = Moment("2026-07-14T08:30:00Z") ?? Moment(seconds: 0)

    var machine = RunMachine()
    let environment: RunEnvironment
    var ledger = Ledger()
    var now = Desk.start
    var actions: [RunAction] = []
    /// Events that were taken, with their instants: what a replay gets.
    var taken: [(event: RunEvent, at: Moment)] = []

    init() throws { environment = try Library.environment() }

    var state: RunState { machine.state }
    var tasks: [WorkRequest] { RunMachine.tasks(for: state) }
    var requests: [HumanRequest] { RunMachine.openRequests(for: state) }
    var outcome: String? { state.outcome }

    @discardableResult
    mutating func send(_ event: RunEvent) throws(Refusal) -> [RunAction] {
        now = now.adding(seconds: 60)
        let answer = try machine.handle(event, at: now, in: environment)
        actions += answer
        taken.append((event, now))
        return answer
    }

    /// An invoice arrives: one line of `gross`, tax-free, so that the figures of a story are easy to see.
    mutating func receive(
        gross: String = "952.00", recordedBy: PersonID? = Person.maya, order: String? = "PO-7", duplicates: JSONValue = [],
        findings: JSONValue = [], entity: String = "DE01"
    ) throws {
        let amount: JSONValue = ["amount": .string(gross), "currency": "EUR"]
        let invoice: JSONValue = .object([
            "kind": "invoice", "direction": "payable", "number": "R-2026-0042", "issueDate": "2026-07-01", "currency": "EUR",
            "orderRef": order.map(JSONValue.string),
            "seller": ["legalName": "Elbe Papier GmbH", "vatId": "DE136695976"], "buyer": ["legalName": "Brightwater Foods GmbH"],
            "totals": [
                "lineNet": amount, "taxExclusive": amount, "tax": ["amount": "0.00", "currency": "EUR"], "taxInclusive": amount,
                "payable": amount,
            ],
            "paymentInstructions": [
                ["meansCode": "58", "account": ["id": ["scheme": "iban", "value": "DE89370400440532013000"]]]
            ],
            "lines": [
                [
                    "id": "1", "quantity": ["value": "1", "unit": "C62"], "netAmount": amount, "unitPrice": amount,
                    "name": "Paper",
                    "orderLineRef": "10",
                ]
            ],
        ])
        try send(
            .start(input: [
                "document": .object([
                    "id": "0190a000-0000-7000-8000-000000000001", "sha256": "aa", "fileName": "r.xml", "channel": "upload",
                    "receivedAt": "2026-07-14T08:29:00Z", "recordedBy": recordedBy.map { JSONValue($0) },
                ]), "invoice": invoice, "findings": findings, "duplicates": duplicates,
                "entity": ["code": .string(entity), "name": "Brightwater Foods GmbH", "currency": "EUR"],
                "case": ["supplierName": "Elbe Papier GmbH", "number": "R-2026-0042", "gross": amount, "currency": "EUR"],
            ]))
    }

    /// Answers all reads and notices from the ledger until only people and writes are left.
    mutating func work(includingWrites: Bool = false) throws {
        while let task = tasks.first(where: { includingWrites || !$0.kind.isWrite }) {
            try send(.workFinished(key: task.key, .completed(ledger.answer(task))))
        }
    }

    mutating func decide(
        _ verdict: String, by person: PersonID, reason: String? = nil, hash: String? = nil, natural: PersonID? = nil,
        key: String? = nil
    ) throws(Refusal) {
        let request = key.flatMap { key in requests.first { $0.key == key } } ?? requests.first
        try send(
            .personDecided(
                PersonDecision(
                    taskKey: key ?? request?.key ?? "", person: person, roles: Person.roles(person), verdict: verdict,
                    reason: reason,
                    objectHash: hash ?? request?.objectHash ?? "", natural: natural ?? person)))
    }

    func clocks(_ objective: String) -> [ClockChange] {
        actions.compactMap { if case .clock(objective, let change) = $0 { change } else { nil } }
    }

    func audits(_ action: String) -> [JSONValue] {
        actions.compactMap { if case .audit(action, let facts) = $0 { facts } else { nil } }
    }

    var writes: [WorkRequest] {
        actions.compactMap { if case .dispatch(let request) = $0, request.kind.isWrite { request } else { nil } }
    }
}

/// Why something was refused; nil when it was not.
func reason(_ body: () throws(Refusal) -> some Any) -> String? {
    do throws(Refusal) {
        _ = try body()
        return nil
    } catch { return error.reason }
}
