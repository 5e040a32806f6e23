internal import CXML
package import Finance
internal import Kernel

/// Opens any bytes. There is always an answer: the canonical invoice with its findings, or why there is none.
///
/// It is a total function on purpose: a document is untrusted, and what cannot be read must become a case for a person, not an
/// error somewhere in a worker.
package enum DocumentOpener {
    package static func open(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) -> DocumentReading {
        guard bytes.count <= limits.bytesMax else {
            return rejected(
                .unknown, "document.bytes", "The file has \(bytes.count) bytes, more than the \(limits.bytesMax) permitted.")
        }
        guard !bytes.isEmpty else { return rejected(.unknown, "document.empty", "The file is empty.") }
        switch DocumentSniffer.family(of: bytes) {
        case .xml: return openXML(bytes, limits)
        case .json: return openJSON(bytes)
        case .pdf: return foreign(.pdf, "a PDF file")
        case .zip: return foreign(.zip, "a ZIP archive")
        case .csv: return foreign(.csv, "a table of values")
        case .email: return foreign(.email, "an e-mail")
        case .unknown: return foreign(.unknown, "of a kind we do not know")
        }
    }

    /// To be called once before a process gives up its access to files.
    package static func prepare() { cxml_prepare() }

    private static func rejected(
        _ kind: DocumentKind, _ reason: String, _ message: String, line: Int? = nil, column: Int? = nil
    ) -> DocumentReading {
        let rejection = DocumentReading.Rejection(
            code: .documentUnreadable, reason: reason, message: message, line: line, column: column)
        return DocumentReading(kind: kind, rejection: rejection)
    }

    private static func foreign(_ kind: DocumentKind, _ name: String) -> DocumentReading {
        rejected(kind, "document.format", "The file is \(name); invoices are read from UBL and CII files.")
    }

    private static func openXML(_ bytes: [UInt8], _ limits: XMLLimits) -> DocumentReading {
        let tree: XMLTree
        do {
            tree = try XMLTree(bytes, limits: limits)
        } catch {
            let message = error.message.isEmpty ? "The XML cannot be read." : "The XML cannot be read: \(error.message)"
            return rejected(.xml(root: ""), error.reason, message, line: error.line, column: error.column)
        }
        let root = tree.rootName
        switch (root.local, root.space) {
        case ("Invoice", UBLReader.invoiceSpace):
            return reading(.ublInvoice, UBLReader.read(tree, isCreditNote: false))
        case ("CreditNote", UBLReader.creditNoteSpace):
            return reading(.ublCreditNote, UBLReader.read(tree, isCreditNote: true))
        case ("CrossIndustryInvoice", CIIReader.space):
            return reading(.cii, CIIReader.read(tree))
        default:
            let name = root.local.prefix(80)
            return foreign(.xml(root: String(name)), "XML with the root \(name)")
        }
    }

    private static func reading(_ kind: DocumentKind, _ written: WrittenInvoice) -> DocumentReading {
        var assembly = InvoiceAssembly(written)
        let invoice = assembly.invoice()
        return finished(kind, written.terms, invoice, assembly.findings + InvoiceArithmetic.findings(DeclaredFigures(written)))
    }

    /// Findings one document may have; further ones say nothing new.
    static let findingsMax = 500

    private static func finished(
        _ kind: DocumentKind, _ terms: [(term: String, text: String)], _ invoice: Invoice?, _ seen: [Finding]
    ) -> DocumentReading {
        var findings = Array(seen.prefix(findingsMax))
        guard var invoice else {
            let first = findings.first { $0.severity == .fatal }
            let rejection = DocumentReading.Rejection(
                code: .documentInvalid, reason: "document.incomplete", message: first?.message ?? "The document is incomplete.",
                line: first?.line, column: first?.column)
            return DocumentReading(kind: kind, terms: terms, findings: findings, rejection: rejection)
        }
        findings += PartyChecks.findings(for: invoice)
        invoice.status = findings.contains { $0.severity == .fatal } ? .invalid : .parsed
        invoice.validation = Validation(
            ruleSet: InvoiceArithmetic.ruleSet, ruleSetVersion: InvoiceArithmetic.ruleSetVersion, findings: findings)
        return DocumentReading(kind: kind, terms: terms, invoice: invoice, findings: findings)
    }

    /// Our own canonical invoice as JSON; what another system's checks said of it is not taken over.
    private static func openJSON(_ bytes: [UInt8]) -> DocumentReading {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes)
        } catch {
            return rejected(.json, "json.malformed", error.message, line: error.line, column: error.column)
        }
        do {
            var invoice = try Invoice(json: json)
            invoice.validation = nil
            invoice.match = nil
            invoice.duplicateOf = nil
            let terms = [(term: "BT-1", text: invoice.number), (term: "lines", text: String(invoice.lines.count))]
            return finished(.json, terms, invoice, InvoiceArithmetic.findings(DeclaredFigures(invoice)))
        } catch {
            var out = rejected(.json, error.reason, "\(error.message) (\(error.facts["pointer"] ?? "/"))")
            out.rejection?.code = .documentInvalid
            return out
        }
    }
}
