import Kernel

/// What the sandbox knows: master data as JSON rows, and the bills written to it, journalled so that a restart forgets nothing.
actor Books {
    /// Every bound of a list; the page size when a caller names none.
    static let pageDefault = 20
    static let pageMax = 100
    /// Requests remembered; older ones are forgotten.
    static let requestsMax = 10_000

    private var rows: [String: [JSONValue]] = ["suppliers": [], "orders": [], "receipts": []]
    private var bills: [JSONValue] = []
    /// Where the bills of an invoice number stand, which is what almost every search names.
    private var billsByInvoice: [String: [Int]] = [:]
    private var nextNumber = 1
    private var requests: [JSONValue] = []
    private let journal: Journal?
    private let clock: WallClock

    init(journal: Journal?, clock: WallClock = .system) throws {
        self.journal = journal
        self.clock = clock
        for line in try journal?.read() ?? [] {
            billsByInvoice[line["invoiceNumber"]?.string ?? "", default: []].append(bills.count)
            bills.append(line)
            nextNumber = max(nextNumber, (line["sequence"]?.int ?? 0) + 1)
        }
    }

    /// Adds master data; a row whose `number` is known replaces the earlier one.
    func add(_ data: JSONValue) throws(Refusal) -> [String: Int] {
        for name in ["suppliers", "orders", "receipts"] {
            for row in data[name]?.array ?? [] {
                guard let number = row["number"]?.string else {
                    throw Refusal(.invalid, reason: "data.number", "Every row of \(name) needs a number.")
                }
                rows[name]?.removeAll { $0["number"]?.string == number }
                rows[name]?.append(row)
            }
        }
        return rows.mapValues(\.count)
    }

    /// The rows of a collection whose named members equal the values given, in order of arrival.
    func find(
        _ collection: String, _ filters: [(name: String, value: String)], skip: Int, top: Int
    ) -> (rows: [JSONValue], hasMore: Bool) {
        var all = rows[collection] ?? []
        if collection == "bills" {
            let wanted = filters.first { $0.name == "invoiceNumber" }?.value
            all = wanted.map { number in (billsByInvoice[number] ?? []).map { bills[$0] } } ?? bills
        }
        let matching = all.filter { row in filters.allSatisfy { row[$0.name]?.string == $0.value } }
        let page = Array(matching.dropFirst(skip).prefix(min(top, Books.pageMax)))
        return (page, matching.count > skip + page.count)
    }

    /// Searched from the end: who asks for a bill by its id has mostly just written it.
    func bill(_ id: String) -> JSONValue? { bills.last { $0["id"]?.string == id } }

    /// Refusals of the business, decided before anything is written.
    func check(_ body: JSONValue) throws(Refusal) {
        guard let supplier = body["supplierNumber"]?.string,
            let known = rows["suppliers"]?.first(where: { $0["number"]?.string == supplier })
        else { throw Refusal(.unprocessable, reason: "SupplierUnknown", "The supplier does not exist.") }
        guard known["blocked"]?.bool != true else {
            throw Refusal(.unprocessable, reason: "SupplierBlocked", "The supplier is blocked.")
        }
        guard let number = body["invoiceNumber"]?.string, !number.isEmpty, number.utf8.count <= 35 else {
            throw Refusal(.unprocessable, reason: "NumberLength", "An invoice number has 1 to 35 characters.")
        }
        guard let date = body["invoiceDate"]?.string.flatMap({ CivilDate($0) }) else {
            throw Refusal(.unprocessable, reason: "DateMissing", "An invoice date is needed.")
        }
        guard date.year >= 2025 else { throw Refusal(.unprocessable, reason: "PeriodClosed", "The period of \(date) is closed.") }
        guard case .number(let gross)? = body["grossAmount"], ExactDecimal(gross.text) != nil else {
            throw Refusal(.unprocessable, reason: "AmountMissing", "A gross amount is needed.")
        }
    }

    /// Writes a bill. There is no idempotency key: the same bill twice is two bills, as in most ERPs.
    func post(_ body: JSONValue, traceparent: String?) throws -> JSONValue {
        let sequence = nextNumber
        nextNumber += 1
        var bill: JSONObject = [
            "id": .string("B-\(100_000 + sequence)"), "sequence": JSONValue(sequence), "version": 1, "state": "posted",
        ]
        for member in body.object ?? [:] where bill[member.key] == nil { bill[member.key] = member.value }
        bill["postedAt"] = JSONValue(clock.now)
        if let traceparent { bill["traceparent"] = .string(traceparent) }
        let row = JSONValue.object(bill)
        try journal?.append(row)
        add(bill: row)
        return row
    }

    private func add(bill: JSONValue) {
        billsByInvoice[bill["invoiceNumber"]?.string ?? "", default: []].append(bills.count)
        bills.append(bill)
    }

    /// Puts a changed bill in its place; its invoice number may be another now.
    private func replace(_ index: Int, by bill: JSONValue) {
        billsByInvoice[bills[index]["invoiceNumber"]?.string ?? ""]?.removeAll { $0 == index }
        billsByInvoice[bill["invoiceNumber"]?.string ?? "", default: []].append(index)
        billsByInvoice[bill["invoiceNumber"]?.string ?? ""]?.sort()
        bills[index] = bill
    }

    /// Keeps who asked for what, by the trace that the caller named; a request without one is kept too.
    func note(method: String, path: String, traceparent: String?) {
        if requests.count >= Books.requestsMax { requests.removeFirst(Books.requestsMax / 10) }
        requests.append([
            "at": JSONValue(clock.now), "method": .string(method), "path": .string(path), "traceparent": JSONValue(traceparent),
        ])
    }

    /// Changes a bill when `version` is the current one; nil when there is no such bill.
    func patch(_ id: String, _ body: JSONValue, version: Int) throws -> JSONValue? {
        guard let index = bills.lastIndex(where: { $0["id"]?.string == id }), var bill = bills[index].object else { return nil }
        guard bill["version"]?.int == version else {
            throw Refusal(.stale, reason: "Stale", "The bill was changed by someone else.")
        }
        for member in body.object ?? [:] where !["id", "sequence", "version"].contains(member.key) {
            bill[member.key] = member.value
        }
        bill["version"] = JSONValue(version + 1)
        replace(index, by: .object(bill))
        return bills[index]
    }

    /// Changes a posted bill behind everybody's back, found by its invoice number, as somebody with a login of the ledger could.
    func edit(_ number: String, _ changes: JSONValue) throws -> JSONValue {
        let found = bills.indices.filter { bills[$0]["invoiceNumber"]?.string == number }
        guard found.count == 1, let index = found.first, var bill = bills[index].object else {
            throw Refusal(.unprocessable, reason: "BillUnknown", "\(found.count) bills are called \(number).")
        }
        for member in changes.object ?? [:] { bill[member.key == "reference" ? "invoiceNumber" : member.key] = member.value }
        bill["version"] = JSONValue((bill["version"]?.int ?? 0) + 1)
        replace(index, by: .object(bill))
        return bills[index]
    }

    /// Replaces a supplier's account.
    func setIBAN(_ iban: String, of number: String) throws {
        guard let index = rows["suppliers"]?.firstIndex(where: { $0["number"]?.string == number }),
            var supplier = rows["suppliers"]?[index].object
        else { throw Refusal(.unprocessable, reason: "SupplierUnknown", "The supplier does not exist.") }
        supplier["iban"] = .string(iban)
        rows["suppliers"]?[index] = .object(supplier)
    }

    /// The truth for a tally: every bill, and how often each supplier and number occurs.
    func ledger() -> JSONValue {
        var counts: [String: Int] = [:]
        for bill in bills {
            counts["\(bill["supplierNumber"]?.string ?? "")/\(bill["invoiceNumber"]?.string ?? "")", default: 0] += 1
        }
        let doubled = counts.filter { $0.value > 1 }.keys.sorted()
        return [
            "bills": .array(bills), "count": JSONValue(bills.count), "distinct": JSONValue(counts.count),
            "doubled": .array(doubled.map(JSONValue.string)), "requests": .array(requests),
        ]
    }
}

/// An append-only file of JSON lines.
struct Journal: Sendable {
    let path: String

    func read() throws -> [JSONValue] {
        guard let bytes = try FileLines.bytes(path) else { return [] }
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            // A line that a crash cut short was never acknowledged to anybody.
            try? JSONValue(parsing: Array(line))
        }
    }

    func append(_ row: JSONValue) throws { try FileLines.append(row.bytes + [UInt8(ascii: "\n")], to: path) }
}
