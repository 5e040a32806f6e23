package import Finance
package import Kernel

/// Our reading of e-invoices against published collections: folders with an `index.json` that lists files, what each is, and what
/// is true of it.
///
/// A file passes when every business term of its `truth` comes out exactly as written there; a unit test passes when the verdict
/// of its named rule does. Left out, with the reason, are formats other than UBL and CII and unit tests of rules outside
/// `InvoiceArithmetic.rules`.
package enum EInvoiceConformance {
    static let indexBytesMax = 64 * 1024 * 1024

    /// Runs a folder through an opener of the caller's: a child process, or the code itself in tests.
    package static func run(directory: String, open: ([UInt8]) throws(Fault) -> DocumentReading) throws(Fault) -> ConformanceTally
    {
        let index = try FileBytes.read(directory + "/index.json", maxBytes: indexBytesMax)
        let entries: [JSONValue]
        do {
            guard let array = try JSONValue(parsing: index, maxBytes: indexBytesMax).array else {
                throw Fault("reading \(directory)/index.json", "it is not a list", isRetryable: false)
            }
            entries = array
        } catch let failure as JSONParseFailure {
            throw Fault("reading \(directory)/index.json", "line \(failure.line): \(failure.message)", isRetryable: false)
        } catch let fault as Fault {
            throw fault
        } catch {
            throw Fault("reading \(directory)/index.json", isRetryable: false, cause: error)
        }
        var tally = ConformanceTally()
        for entry in entries {
            let (id, verdict) = try check(entry, in: directory, open: open)
            tally.record(id, verdict)
        }
        return tally
    }

    /// Runs a folder through a reader process.
    package static func run(directory: String, reader: ReaderChild) throws(Fault) -> ConformanceTally {
        try run(directory: directory) { (bytes) throws(Fault) in try reader.openBlocking(bytes) }
    }

    private static func check(
        _ entry: JSONValue, in directory: String, open: ([UInt8]) throws(Fault) -> DocumentReading
    ) throws(Fault) -> (String, ConformanceTally.Verdict) {
        let file = entry["file"]?.string ?? ""
        let format = entry["format"]?.string ?? ""
        guard !file.isEmpty, !file.hasPrefix("/"), !file.split(separator: "/").contains("..") else {
            return (file, .failed("the index names no file inside the folder"))
        }
        if let test = entry["test"]?.int {
            let id = "\(file)#\(test)"
            let rules = (entry["rules"]?.array ?? []).compactMap { rule -> (rule: String, isViolated: Bool)? in
                guard let name = rule["rule"]?.string, let expect = rule["expect"]?.string else { return nil }
                return (name, expect == "violated")
            }
            guard let named = rules.first, InvoiceArithmetic.rules.contains(named.rule) else {
                return (id, .skipped("a test of \(rules.first?.rule ?? "no rule"), which is outside the arithmetic"))
            }
            let bytes = try FileBytes.read(directory + "/" + file, maxBytes: ReaderLimits.standard.documentBytesMax)
            let fragments = TestSetFragments.documents(in: bytes)
            guard test >= 1, test <= fragments.count else { return (id, .failed("the file has no test \(test)")) }
            return (id, verdict(of: rules, in: try open(fragments[test - 1])))
        }
        guard format == "ubl-Invoice" || format == "ubl-CreditNote" || format == "cii" else {
            return (file, .skipped("the format \(format) is neither UBL nor CII"))
        }
        let bytes = try FileBytes.read(directory + "/" + file, maxBytes: ReaderLimits.standard.documentBytesMax)
        return (file, compare(try open(bytes), format: format, truth: entry["truth"]))
    }

    private static func verdict(
        of rules: [(rule: String, isViolated: Bool)], in reading: DocumentReading
    ) -> ConformanceTally.Verdict {
        guard reading.kind.isEInvoice else { return .failed("read as \(reading.kind): \(reading.rejection?.message ?? "")") }
        for (rule, isViolated) in rules where InvoiceArithmetic.rules.contains(rule) {
            let finding = reading.findings.first { $0.rule == rule }
            if isViolated && finding == nil { return .failed("\(rule) should have been reported") }
            if !isViolated, let finding { return .failed("\(rule) should be satisfied: \(finding.message)") }
        }
        return .passed
    }

    private static func compare(_ reading: DocumentReading, format: String, truth: JSONValue?) -> ConformanceTally.Verdict {
        guard reading.kind.description == format else {
            return .failed("read as \(reading.kind): \(reading.rejection?.message ?? "")")
        }
        guard let truth = truth?.object else { return .failed("the index knows no truth about it") }
        var differences: [String] = []
        for (term, value) in truth {
            let expected = value.string ?? value.int.map(String.init) ?? ""
            let actual = reading[term]
            if actual.map({ sameBytes($0, expected) }) != true {
                differences.append("\(term) is \(actual.map { "“\($0)”" } ?? "missing") and not “\(expected)”")
            }
        }
        if let invoice = reading.invoice { differences += drift(invoice, from: reading) }
        return differences.isEmpty ? .passed : .failed(differences.joined(separator: "; "))
    }

    /// Where a canonical invoice came out it must say what the terms say.
    private static func drift(_ invoice: Invoice, from reading: DocumentReading) -> [String] {
        let pairs: [(String, String?)] = [
            ("BT-1", invoice.number), ("BT-2", invoice.issueDate.description), ("BT-3", invoice.typeCode),
            ("BT-5", invoice.currency.code), ("BT-9", invoice.dueDate?.description), ("BT-10", invoice.buyerReference),
            ("BT-13", invoice.orderRef), ("BT-24", invoice.specification), ("BT-27", invoice.seller.legalName),
            ("BT-31", invoice.seller.vatId), ("BT-44", invoice.buyer.legalName), ("BT-48", invoice.buyer.vatId),
            ("BT-84", invoice.paymentInstructions.first?.account?.id.value), ("BT-106", invoice.totals.lineNet.text),
            ("BT-109", invoice.totals.taxExclusive.text), ("BT-110", invoice.totals.tax?.text),
            ("BT-112", invoice.totals.taxInclusive.text), ("BT-115", invoice.totals.payable.text),
            ("lines", String(invoice.lines.count)),
        ]
        return pairs.compactMap { term, value in
            value == reading[term]
                ? nil : "the invoice says \(value ?? "nothing") for \(term) and the document \(reading[term] ?? "nothing")"
        }
    }
}
