import Finance
import Formats
import Kernel
import Reader
import TestBasics
import Testing

@Suite("Published e-invoices")
struct CorpusTests {
    static let sets = ["en16931-cen", "xrechnung", "zugferd-corpus", "gobl-ubl", "factur-x-lib"]

    @Test("every published e-invoice reads as its truth says, and every arithmetic test gets its verdict", arguments: sets)
    func conformance(set: String) throws {
        guard let directory = Checkout.published("corpus/" + set) else { return }
        let tally = try EInvoiceConformance.run(directory: directory) { bytes in DocumentOpener.open(bytes) }
        for failure in tally.failures { print("failed \(failure.id): \(failure.why)") }
        print("\(set): \(tally.summary)")
        #expect(tally.failed == 0)
        #expect(tally.passed > 0)
    }

    @Test("whole documents break exactly the arithmetic rules that the official rule set reports", arguments: sets)
    func verdicts(set: String) throws {
        guard let directory = Checkout.published("corpus/" + set) else { return }
        let index = try JSONValue(parsing: FileBytes.read(directory + "/index.json", maxBytes: 1 << 26)).array ?? []
        var compared = 0
        for entry in index {
            guard let file = entry["file"]?.string, let fatal = entry["fatal"]?.array,
                ["ubl-Invoice", "ubl-CreditNote", "cii"].contains(entry["format"]?.string ?? "")
            else { continue }
            let reading = DocumentOpener.open(try FileBytes.read(directory + "/" + file, maxBytes: 1 << 25))
            let ours = Set(reading.findings.map(\.rule)).intersection(InvoiceArithmetic.rules)
            let official = Set(fatal.compactMap(\.string)).intersection(InvoiceArithmetic.rules)
            #expect(ours == official, "\(file)")
            compared += 1
        }
        print("\(set): \(compared) verdicts compared")
    }
}
