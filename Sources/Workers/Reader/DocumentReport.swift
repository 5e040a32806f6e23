package import Finance
internal import Kernel

/// What a person reads about an opened document: the canonical reading as a table, then the findings.
package enum DocumentReport {
    /// Lines shown; the JSON form has them all.
    static let linesShownMax = 50

    /// Plain text of at most a few screens, ending in a line break.
    package static func text(for reading: DocumentReading, name: String) -> String {
        var out = "\(clean(name))  \(clean(reading.kind.description))\n"
        if let rejection = reading.rejection {
            let place = rejection.line.map { " (line \($0)\(rejection.column.map { ", column \($0)" } ?? ""))" } ?? ""
            out += "  rejected  \(rejection.code.rawValue) \(rejection.reason): \(clean(rejection.message))\(place)\n"
        }
        if let invoice = reading.invoice { out += table(rows(invoice), indent: 2) + lines(invoice) }
        return out + findings(reading.findings)
    }

    private static func rows(_ invoice: Invoice) -> [[String]] {
        let totals = invoice.totals
        let account = invoice.paymentInstructions.compactMap(\.account).first
        let pairs: [(String, String, String?)] = [
            ("Number", "BT-1", invoice.number), ("Kind", "BT-3", "\(invoice.kind.rawValue) (\(invoice.typeCode ?? "–"))"),
            ("Issued", "BT-2", invoice.issueDate.description), ("Due", "BT-9", invoice.dueDate?.description),
            ("Seller", "BT-27", invoice.seller.legalName), ("Seller VAT", "BT-31", invoice.seller.vatId),
            ("Buyer", "BT-44", invoice.buyer.legalName), ("Buyer VAT", "BT-48", invoice.buyer.vatId),
            ("Buyer reference", "BT-10", invoice.buyerReference), ("Order", "BT-13", invoice.orderRef),
            ("Pay to", "BT-84", account?.id.value), ("Specification", "BT-24", invoice.specification),
            ("Lines", "BT-106", amount(totals.lineNet)), ("Allowances", "BT-107", totals.allowances.map(amount)),
            ("Charges", "BT-108", totals.charges.map(amount)), ("Without tax", "BT-109", amount(totals.taxExclusive)),
            ("Tax", "BT-110", totals.tax.map(amount)), ("With tax", "BT-112", amount(totals.taxInclusive)),
            ("Prepaid", "BT-113", totals.prepaid.map(amount)), ("Rounding", "BT-114", totals.rounding.map(amount)),
            ("To pay", "BT-115", amount(totals.payable)),
        ]
        return pairs.compactMap { name, term, value in value.map { [name, term, clean($0)] } }
    }

    private static func lines(_ invoice: Invoice) -> String {
        var rows = [["line", "order", "quantity", "price", "net", "tax", "what"]]
        for line in invoice.lines.prefix(linesShownMax) {
            let tax = [line.taxCategory?.rawValue, line.taxRate.map { "\($0) %" }].compactMap { $0 }.joined(separator: " ")
            rows.append([
                clean(line.id), clean(line.orderLineRef ?? "–"), clean(line.quantity.description), line.unitPrice.text,
                line.netAmount.text, tax, clean(String(line.name.prefix(60))),
            ])
        }
        let more = invoice.lines.count - linesShownMax
        return "\n" + table(rows, indent: 2) + (more > 0 ? "  and \(more) lines more\n" : "")
    }

    private static func findings(_ findings: [Finding]) -> String {
        guard !findings.isEmpty else { return "\n  No findings.\n" }
        let rows = findings.map { finding in
            let place = finding.line.map { "\($0):\(finding.column ?? 1)" } ?? ""
            return [finding.severity.rawValue, finding.rule, place, clean(finding.message)]
        }
        return "\n" + table(rows, indent: 2)
    }

    private static func amount(_ amount: Amount) -> String { "\(amount.currency.code) \(amount.text)" }

    /// Columns as wide as their widest cell, the last one ragged.
    private static func table(_ rows: [[String]], indent: Int) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return String(repeating: " ", count: indent) + cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// One line without control characters: what a document says must not steer the reader's terminal.
    private static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                    let isFormat = scalar.properties.generalCategory == .format
                    return isControl || isFormat ? Unicode.Scalar(0x20) : scalar
                }))
    }
}
